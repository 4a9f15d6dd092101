//! The client commands: each is one call, whose messages are printed as they come.

use std::io::Write;

use hikyaku::Status;
use hikyaku::client::{ChannelBuilder, ConnectError};

use crate::chat;
use crate::cli::{Call, UserTypeNumber};
use crate::failure::Failure;
use crate::output::Printer;
use crate::proto::hellostreamingworld::{HelloRequest, MultiGreeterClient};
use crate::proto::{User, UserManagerClient, UserRequest, UserTypeRequest};

/// Makes one call and prints what it answers.
///
/// # Errors
/// [`Failure::Usage`] if the URL cannot be meant, [`Failure::Failed`] if the call fails.
pub async fn run<W: Write>(
    server: ChannelBuilder,
    call: &Call,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let channel = server.connect().await.map_err(unconnected)?;
    let users = UserManagerClient::new(channel.clone());
    match call {
        Call::GetUser { id } => get_user(&users, *id, printer).await,
        Call::AddUser {
            id,
            nickname,
            mail_address,
            user_type,
        } => {
            let UserTypeNumber(user_type) = *user_type;
            let user = User {
                id: *id,
                nickname: nickname.clone(),
                mail_address: mail_address.clone(),
                user_type: user_type.into(),
                ..Default::default()
            };
            add_user(&users, user, printer).await
        }
        Call::CountAlreadyUsers { ids } => count_already_users(&users, ids, printer).await,
        Call::GetUsersByType { user_type } => get_users_by_type(&users, *user_type, printer).await,
        Call::GetUsersByIds { ids } => get_users_by_ids(&users, ids, printer).await,
        Call::SayHello {
            name,
            num_greetings,
        } => {
            let request = HelloRequest {
                name: name.clone(),
                num_greetings: num_greetings.clone().unwrap_or_default(),
                ..Default::default()
            };
            say_hello(&MultiGreeterClient::new(channel), request, printer).await
        }
        Call::Chat => chat::run(&users, printer).await,
    }
}

/// A URL that cannot be meant is bad usage; a server that is not there is not.
fn unconnected(error: ConnectError) -> Failure {
    if matches!(error, ConnectError::Target { .. }) {
        return Failure::Usage(format!("--server: {error}"));
    }
    Status::from(error).into()
}

async fn get_user<W: Write>(
    users: &UserManagerClient,
    id: u32,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let response = users.get_user(request(id)).await?;
    Ok(printer.print(response.message())?)
}

async fn add_user<W: Write>(
    users: &UserManagerClient,
    user: User,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let response = users.add_user(user).await?;
    Ok(printer.print(response.message())?)
}

async fn count_already_users<W: Write>(
    users: &UserManagerClient,
    ids: &[u32],
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let mut requests = users.count_already_users(()).await?;
    for &id in ids {
        if requests.send(request(id)).await.is_err() {
            // The server has ended the call already; `finish` tells why.
            break;
        }
    }
    let response = requests.finish().await?;
    Ok(printer.print(response.message())?)
}

async fn get_users_by_type<W: Write>(
    users: &UserManagerClient,
    UserTypeNumber(user_type): UserTypeNumber,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let request = UserTypeRequest {
        user_type: user_type.into(),
        ..Default::default()
    };
    let mut replies = users.get_users_by_type(request).await?;
    while let Some(reply) = replies.next().await? {
        printer.print(&reply)?;
    }
    Ok(())
}

async fn get_users_by_ids<W: Write>(
    users: &UserManagerClient,
    ids: &[u32],
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let (mut requests, mut replies) = users.get_users_by_ids(()).await?;
    let ask = async move {
        for &id in ids {
            if requests.send(request(id)).await.is_err() {
                // The server has ended the call already; the replies tell why.
                break;
            }
        }
        requests.finish();
    };
    // Replies come while ids are still being sent: waiting with either could wait for ever.
    let print = async {
        while let Some(reply) = replies.next().await? {
            printer.print(&reply)?;
        }
        Ok(())
    };
    let ((), printed) = tokio::join!(ask, print);
    printed
}

async fn say_hello<W: Write>(
    greeter: &MultiGreeterClient,
    request: HelloRequest,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let mut replies = greeter.say_hello(request).await?;
    while let Some(reply) = replies.next().await? {
        printer.print(&reply)?;
    }
    Ok(())
}

fn request(id: u32) -> UserRequest {
    UserRequest {
        id,
        ..Default::default()
    }
}
