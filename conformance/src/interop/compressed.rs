//! Cases of messages that are compressed, one by one.

use hikyaku::Code;

use super::cases::in_time;
use super::payload::zeros;
use super::proto::{
    BoolValue, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest, TestServiceClient,
};
use super::streams::{check_next, no_more};
use super::unary::{self, LARGE_REQUEST_LEN, LARGE_RESPONSE_LEN};
use super::verdict::{Outcome, equal, fails_with};

/// The coding that every implementation knows.
pub(super) const CODING: &str = "gzip";

/// Whether to find out first if the server looks at what a message came as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    First,
    No,
}

pub(super) async fn client_unary(calls: &TestServiceClient, probe: Probe) -> Outcome {
    if probe == Probe::First {
        let lie = in_time(expecting(true)).without_compression();
        fails_with(Code::InvalidArgument, calls.unary_call(lie).await)?;
    }
    let request = in_time(expecting(true)).with_compression(CODING);
    unary::check(&calls.unary_call(request).await?, LARGE_RESPONSE_LEN)?;
    let request = in_time(expecting(false)).without_compression();
    unary::check(&calls.unary_call(request).await?, LARGE_RESPONSE_LEN)
}

fn expecting(compressed: bool) -> SimpleRequest {
    SimpleRequest {
        expect_compressed: told(compressed).into(),
        ..unary::request(LARGE_REQUEST_LEN, LARGE_RESPONSE_LEN)
    }
}

pub(super) async fn client_streaming(calls: &TestServiceClient, probe: Probe) -> Outcome {
    let part = |len, compressed| StreamingInputCallRequest {
        payload: zeros(len).into(),
        expect_compressed: told(compressed).into(),
        ..Default::default()
    };
    if probe == Probe::First {
        let mut call = calls.streaming_input_call(in_time(())).await?;
        let sent = call.send(part(27_182, true)).await;
        let got = call.finish().await;
        // The server may end the call before it has all of it.
        fails_with(Code::InvalidArgument, sent.and(got))?;
    }
    let head = in_time(()).with_compression(CODING);
    let mut call = calls.streaming_input_call(head).await?;
    call.send(part(27_182, true)).await?;
    call.send_uncompressed(part(45_904, false)).await?;
    let response = call.finish().await?.into_message();
    equal(
        "aggregated_payload_size",
        response.aggregated_payload_size,
        73_086,
    )
}

pub(super) async fn server_unary(calls: &TestServiceClient) -> Outcome {
    for compressed in [true, false] {
        let request = SimpleRequest {
            response_compressed: told(compressed).into(),
            ..unary::request(LARGE_REQUEST_LEN, LARGE_RESPONSE_LEN)
        };
        let response = calls.unary_call(in_time(request)).await?;
        equal(
            "whether the response is compressed",
            response.was_compressed(),
            compressed,
        )?;
        unary::check(&response, LARGE_RESPONSE_LEN)?;
    }
    Ok(())
}

pub(super) async fn server_streaming(calls: &TestServiceClient) -> Outcome {
    const RESPONSES: [(i32, bool); 2] = [(31_415, true), (92_653, false)];
    let parameters = |(size, compressed)| ResponseParameters {
        size,
        compressed: told(compressed).into(),
        ..Default::default()
    };
    let request = StreamingOutputCallRequest {
        response_parameters: RESPONSES.into_iter().map(parameters).collect(),
        ..Default::default()
    };
    let mut replies = calls.streaming_output_call(in_time(request)).await?;
    for (len, compressed) in RESPONSES {
        check_next(&mut replies, len).await?;
        equal(
            &format!("whether the response of {len} bytes is compressed"),
            replies.was_compressed(),
            compressed,
        )?;
    }
    no_more(&mut replies).await
}

fn told(value: bool) -> BoolValue {
    BoolValue {
        value,
        ..Default::default()
    }
}
