//! Cases of one request and one response.

use hikyaku::Response;
use tokio::task::JoinSet;

use super::cases::in_time;
use super::payload::{self, zeros};
use super::proto::{Empty, SimpleRequest, SimpleResponse, TestServiceClient};
use super::verdict::{Outcome, Why, equal};

/// Bytes of the payloads of a large call.
pub(super) const LARGE_REQUEST_LEN: usize = 271_828;
pub(super) const LARGE_RESPONSE_LEN: usize = 314_159;

const MEBIBYTE: usize = 1024 * 1024;

pub(super) async fn empty(calls: &TestServiceClient) -> Outcome {
    let response = calls.empty_call(in_time(Empty::default())).await?;
    equal("the response", response.into_message(), Empty::default())
}

pub(super) async fn large(calls: &TestServiceClient) -> Outcome {
    exchange(calls, LARGE_REQUEST_LEN, LARGE_RESPONSE_LEN).await
}

/// More than any server takes by default.
pub(super) async fn very_large(calls: &TestServiceClient) -> Outcome {
    exchange(calls, 10 * MEBIBYTE, 10).await
}

/// 1000 large calls at once, on one channel.
pub(super) async fn concurrent(calls: &TestServiceClient) -> Outcome {
    let mut tasks = JoinSet::new();
    for _ in 0..1000 {
        let calls = calls.clone();
        tasks.spawn(async move { large(&calls).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| Why::new(error.to_string()))??;
    }
    Ok(())
}

/// All calls of a channel go to the same one of several servers.
pub(super) async fn pick_first(calls: &TestServiceClient) -> Outcome {
    let mut first = None;
    for _ in 0..100 {
        let request = SimpleRequest {
            fill_server_id: true,
            ..request(1, 1)
        };
        let response = calls.unary_call(in_time(request)).await?;
        let server_id = response.into_message().server_id;
        if server_id.is_empty() {
            return Err(Why::new("wanted the server's id, got none"));
        }
        let first = first.get_or_insert_with(|| server_id.clone());
        equal("the server's id", server_id, first.clone())?;
    }
    Ok(())
}

/// A call with payloads of these lengths.
pub(super) async fn exchange(
    calls: &TestServiceClient,
    request_len: usize,
    response_len: usize,
) -> Outcome {
    let request = request(request_len, response_len);
    let response = calls.unary_call(in_time(request)).await?;
    check(&response, response_len)
}

/// A request with a payload of this length, for one of that.
pub(super) fn request(len: usize, response_len: usize) -> SimpleRequest {
    SimpleRequest {
        payload: zeros(len).into(),
        response_size: i32::try_from(response_len).unwrap_or(i32::MAX),
        ..Default::default()
    }
}

/// Fails the case unless the payload is so many zeros.
pub(super) fn check(response: &Response<SimpleResponse>, len: usize) -> Outcome {
    payload::check(&response.message().payload, len)
}
