//! Every method of the reference service.

use hikyaku::Channel;

use super::in_time;
use super::report::{Outcome, Report, equal};
use crate::proto::hellostreamingworld::{HelloRequest, MultiGreeterClient};
use crate::proto::user::UserType;
use crate::proto::{ChatMessage, User, UserManagerClient, UserRequest, UserTypeRequest};

pub(super) async fn run(report: &mut Report, channel: &Channel) {
    let users = &UserManagerClient::new(channel.clone());
    let greeter = &MultiGreeterClient::new(channel.clone());
    report
        .case("get_user_answers_the_user", get_user(users))
        .await;
    report
        .case("add_user_answers_the_user_once", add_user(users))
        .await;
    report
        .case("count_already_users_counts_those_that_exist", count(users))
        .await;
    report
        .case("get_users_by_type_sends_them_in_order", by_type(users))
        .await;
    report
        .case("get_users_by_ids_skips_who_does_not_exist", by_ids(users))
        .await;
    report
        .case(
            "get_client_stream_answers_the_count_as_an_id",
            client_stream(users),
        )
        .await;
    report
        .case("connect_chat_answers_before_the_next_message", chat(users))
        .await;
    report
        .case("say_hello_greets_as_often_as_asked", say_hello(greeter))
        .await;
}

async fn get_user(users: &UserManagerClient) -> Outcome {
    let found = users.get_user(in_time(request(1))).await?.into_message();
    equal(&found.user.nickname.as_str(), &"admin")?;
    equal(&found.user.mail_address.as_str(), &"admin@example.com")?;
    equal(&found.user.user_type, &UserType::ADMINISTRATOR.into())?;
    let missing = users
        .get_user(in_time(request(4_000_000_000)))
        .await?
        .into_message();
    equal(
        &(missing.error, missing.message.as_str()),
        &(true, "not found"),
    )
}

async fn add_user(users: &UserManagerClient) -> Outcome {
    let user = User {
        id: 2001,
        nickname: "飛脚".to_owned(),
        mail_address: "hikyaku@example.com".to_owned(),
        user_type: UserType::GUEST.into(),
        ..Default::default()
    };
    let added = users.add_user(in_time(user.clone())).await?.into_message();
    equal(&added.user, &user.clone().into())?;
    let again = users.add_user(in_time(user)).await?.into_message();
    equal(
        &(again.error, again.message.as_str()),
        &(true, "already exist"),
    )
}

async fn count(users: &UserManagerClient) -> Outcome {
    let mut call = users.count_already_users(in_time(())).await?;
    for id in [1, 2, 999, 2] {
        call.send(request(id)).await?;
    }
    equal(&call.finish().await?.message().user_cnt, &3)
}

async fn by_type(users: &UserManagerClient) -> Outcome {
    let request = UserTypeRequest {
        user_type: 1.into(),
        ..Default::default()
    };
    let mut replies = users.get_users_by_type(in_time(request)).await?;
    let mut names = Vec::new();
    while let Some(reply) = replies.next().await? {
        names.push(reply.user.nickname.clone());
    }
    equal(&names.join(" ").as_str(), &"foo Zaru Saru")
}

async fn by_ids(users: &UserManagerClient) -> Outcome {
    let (mut requests, mut replies) = users.get_users_by_ids(in_time(())).await?;
    for id in [6, 999, 1, 6] {
        requests.send(request(id)).await?;
    }
    requests.finish();
    let mut names = Vec::new();
    while let Some(reply) = replies.next().await? {
        names.push(reply.user.nickname.clone());
    }
    equal(&names.join(" ").as_str(), &"Saru admin Saru")
}

async fn client_stream(users: &UserManagerClient) -> Outcome {
    let mut call = users.get_client_stream(in_time(())).await?;
    for id in 1..=3 {
        call.send(request(id)).await?;
    }
    equal(&call.finish().await?.message().user.id, &3)
}

/// The next message is only sent when the replies to the last are there.
async fn chat(users: &UserManagerClient) -> Outcome {
    let (mut requests, mut replies) = users.connect_chat(in_time(())).await?;
    for id in 0..100 {
        let message = ChatMessage {
            id,
            message: "hello".to_owned(),
            ..Default::default()
        };
        requests.send(message).await?;
        for want in ["Thank!!!", "good day!!!"] {
            let reply = replies.next().await?.unwrap_or_default();
            equal(&(reply.id, reply.message.as_str()), &(id, want))?;
        }
    }
    requests.finish();
    equal(&replies.next().await?, &None)
}

async fn say_hello(greeter: &MultiGreeterClient) -> Outcome {
    let request = HelloRequest {
        name: "you".to_owned(),
        num_greetings: "3".to_owned(),
        ..Default::default()
    };
    let mut replies = greeter.say_hello(in_time(request)).await?;
    let mut count = 0;
    while let Some(reply) = replies.next().await? {
        equal(&reply.message.as_str(), &"Hello you!")?;
        count += 1;
    }
    equal(&count, &3)
}

fn request(id: u32) -> UserRequest {
    UserRequest {
        id,
        ..Default::default()
    }
}
