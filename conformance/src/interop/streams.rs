//! Cases of streams that end well.

use hikyaku::client::Streaming;

use super::cases::in_time;
use super::payload::{self, zeros};
use super::proto::{
    ResponseParameters, StreamingInputCallRequest, StreamingOutputCallRequest,
    StreamingOutputCallResponse, TestServiceClient,
};
use super::verdict::{Outcome, Why, equal};

const REQUEST_LENS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSE_LENS: [i32; 4] = [31_415, 9, 2_653, 58_979];
/// Of the requests together.
const REQUESTS_LEN: i32 = 74_922;

pub(super) async fn client_streaming(calls: &TestServiceClient) -> Outcome {
    let mut call = calls.streaming_input_call(in_time(())).await?;
    for len in REQUEST_LENS {
        let request = StreamingInputCallRequest {
            payload: zeros(len).into(),
            ..Default::default()
        };
        call.send(request).await?;
    }
    let response = call.finish().await?.into_message();
    equal(
        "aggregated_payload_size",
        response.aggregated_payload_size,
        REQUESTS_LEN,
    )
}

pub(super) async fn server_streaming(calls: &TestServiceClient) -> Outcome {
    let request = asking_for(&RESPONSE_LENS);
    let mut replies = calls.streaming_output_call(in_time(request)).await?;
    for len in RESPONSE_LENS {
        check_next(&mut replies, len).await?;
    }
    no_more(&mut replies).await
}

pub(super) async fn ping_pong(calls: &TestServiceClient) -> Outcome {
    let (mut requests, mut replies) = calls.full_duplex_call(in_time(())).await?;
    for (request_len, response_len) in REQUEST_LENS.into_iter().zip(RESPONSE_LENS) {
        requests.send(ping(request_len, response_len)).await?;
        check_next(&mut replies, response_len).await?;
    }
    requests.finish();
    no_more(&mut replies).await
}

pub(super) async fn empty(calls: &TestServiceClient) -> Outcome {
    let (requests, mut replies) = calls.full_duplex_call(in_time(())).await?;
    requests.finish();
    no_more(&mut replies).await
}

/// A request with a payload of this length, for one response of that.
pub(super) fn ping(len: usize, response_len: i32) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        payload: zeros(len).into(),
        ..asking_for(&[response_len])
    }
}

fn asking_for(lens: &[i32]) -> StreamingOutputCallRequest {
    let parameters = |size: &i32| ResponseParameters {
        size: *size,
        ..Default::default()
    };
    StreamingOutputCallRequest {
        response_parameters: lens.iter().map(parameters).collect(),
        ..Default::default()
    }
}

/// Fails the case unless a response comes whose payload is so many zeros.
pub(super) async fn check_next(
    replies: &mut Streaming<StreamingOutputCallResponse>,
    len: i32,
) -> Outcome {
    let Some(reply) = replies.next().await? else {
        return Err(Why::new(format!(
            "wanted a response of {len} bytes, got the end of the stream"
        )));
    };
    payload::check(&reply.payload, usize::try_from(len).unwrap_or_default())
}

/// Fails the case unless the call ends well now.
pub(super) async fn no_more(replies: &mut Streaming<StreamingOutputCallResponse>) -> Outcome {
    match replies.next().await? {
        None => Ok(()),
        Some(reply) => Err(Why::new(format!(
            "wanted the end of the stream, got {} bytes more",
            reply.payload.body.len()
        ))),
    }
}
