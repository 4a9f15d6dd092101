//! The client: it makes the calls that it is told to make, many at a time, and tells how each went.

use std::error::Error;
use std::sync::Arc;

use tokio::io::Stdout;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::suite::client_compat_response::Result as Outcome;
use super::suite::{
    ClientCompatRequest, ClientCompatResponse, ClientErrorResult, ClientResponseResult, Protocol,
};
use super::targets::Targets;
use super::{invoke, pipe, register_types};

type AnyError = Box<dyn Error + Send + Sync>;

/// Calls at a time. Most of them wait for a server that takes its time; more would make each of them
/// late when the machine is slow.
const MAX_CALLS: usize = 32;

/// Makes all calls that the runner asks for.
pub(crate) async fn call() -> Result<(), Box<dyn Error>> {
    register_types();
    let mut input = tokio::io::stdin();
    let output = Arc::new(Mutex::new(tokio::io::stdout()));
    let targets = Arc::new(Targets::default());
    let places = Arc::new(Semaphore::new(MAX_CALLS));
    let mut calls = JoinSet::new();
    while let Some(request) = pipe::read::<ClientCompatRequest>(&mut input).await? {
        let place = Arc::clone(&places).acquire_owned().await?;
        let (targets, output) = (Arc::clone(&targets), Arc::clone(&output));
        calls.spawn(async move {
            let _place = place;
            make(request, &targets, &output).await
        });
        while let Some(made) = calls.try_join_next() {
            made??;
        }
    }
    while let Some(made) = calls.join_next().await {
        made??;
    }
    Ok(())
}

/// Makes one call, and tells how it went.
async fn make(
    request: ClientCompatRequest,
    targets: &Targets,
    output: &Mutex<Stdout>,
) -> std::io::Result<()> {
    let test_name = request.test_name.clone();
    let outcome = match outcome(request, targets).await {
        Ok(result) => Outcome::from(result),
        Err(error) => Outcome::from(ClientErrorResult {
            message: error.to_string(),
            ..Default::default()
        }),
    };
    let answer = ClientCompatResponse {
        test_name,
        result: Some(outcome),
        ..Default::default()
    };
    pipe::write(&mut *output.lock().await, &answer).await
}

async fn outcome(
    request: ClientCompatRequest,
    targets: &Targets,
) -> Result<ClientResponseResult, AnyError> {
    if request.protocol != Protocol::Grpc {
        return Err(format!("only gRPC is spoken here, not {}", request.protocol).into());
    }
    let client = targets.client(&request)?;
    invoke::invoke(&client, request).await
}
