//! Cases that end otherwise than well: by a status, by cancelling, by the deadline.

use std::time::Duration;

use hikyaku::client::{Sender, Streaming};
use hikyaku::codec::Protobuf;
use hikyaku::{Channel, Code, Request, Status};

use super::cases::in_time;
use super::payload::zeros;
use super::proto::{
    EchoStatus, Empty, SimpleRequest, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, TestServiceClient, UnimplementedServiceClient,
};
use super::streams::{check_next, ping};
use super::unary;
use super::verdict::{Outcome, equal, fails_with};

pub(super) async fn status_code_and_message(calls: &TestServiceClient) -> Outcome {
    const MESSAGE: &str = "test status message";
    let got = unary_status(calls, MESSAGE).await?;
    equal("the message of UnaryCall", got.message(), MESSAGE)?;
    let (mut requests, mut replies) = calls.full_duplex_call(in_time(())).await?;
    let request = StreamingOutputCallRequest {
        response_status: unknown(MESSAGE).into(),
        ..Default::default()
    };
    requests.send(request).await?;
    requests.finish();
    let got = fails_with(Code::Unknown, replies.next().await)?;
    equal("the message of FullDuplexCall", got.message(), MESSAGE)
}

pub(super) async fn special_status_message(calls: &TestServiceClient) -> Outcome {
    const MESSAGE: &str =
        "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
    let got = unary_status(calls, MESSAGE).await?;
    equal("the message", got.message(), MESSAGE)
}

/// How a call ends that wants this message.
async fn unary_status(calls: &TestServiceClient, message: &str) -> Outcome<Status> {
    let request = SimpleRequest {
        response_status: unknown(message).into(),
        ..Default::default()
    };
    fails_with(Code::Unknown, calls.unary_call(in_time(request)).await)
}

fn unknown(message: &str) -> EchoStatus {
    EchoStatus {
        code: 2,
        message: message.to_owned(),
        ..Default::default()
    }
}

pub(super) async fn unimplemented_method(calls: &TestServiceClient) -> Outcome {
    let got = calls.unimplemented_call(in_time(Empty::default())).await;
    fails_with(Code::Unimplemented, got).map(drop)
}

pub(super) async fn unimplemented_service(calls: &UnimplementedServiceClient) -> Outcome {
    let got = calls.unimplemented_call(in_time(Empty::default())).await;
    fails_with(Code::Unimplemented, got).map(drop)
}

/// On the wire it is a StreamingInputCall; called as one with a stream in each direction, it leaves
/// us the sender, which says how the call has ended.
pub(super) async fn cancel_after_begin(channel: &Channel, calls: &TestServiceClient) -> Outcome {
    let (requests, replies): (
        Sender<StreamingInputCallRequest>,
        Streaming<StreamingInputCallResponse>,
    ) = channel
        .bidi_streaming::<Protobuf, _, _>(
            "/grpc.testing.TestService/StreamingInputCall",
            in_time(()),
        )
        .await?;
    // Calls leave in order: when this one is answered, the head of that one has been sent.
    unary::empty(calls).await?;
    cancel(requests, replies, calls).await
}

pub(super) async fn cancel_after_first_response(calls: &TestServiceClient) -> Outcome {
    let (mut requests, mut replies) = calls.full_duplex_call(in_time(())).await?;
    requests.send(ping(27_182, 31_415)).await?;
    check_next(&mut replies, 31_415).await?;
    cancel(requests, replies, calls).await
}

/// Cancels a call, of which then both ends must say so; the connection goes on.
async fn cancel<Req: Default, Resp>(
    mut requests: Sender<Req>,
    mut replies: Streaming<Resp>,
    calls: &TestServiceClient,
) -> Outcome {
    replies.cancel();
    fails_with(Code::Cancelled, replies.next().await)?;
    // Once this is answered, the connection has seen to the cancelled call.
    unary::empty(calls).await?;
    fails_with(Code::Cancelled, requests.send(Req::default()).await).map(drop)
}

pub(super) async fn timeout_on_sleeping_server(calls: &TestServiceClient) -> Outcome {
    let head = Request::new(()).with_timeout(Duration::from_millis(1));
    let (mut requests, mut replies) = calls.full_duplex_call(head).await?;
    let request = StreamingOutputCallRequest {
        payload: zeros(27_182).into(),
        ..Default::default()
    };
    // The time may be up before it has been sent.
    if let Err(status) = requests.send(request).await {
        equal("how sending failed", status.code(), Code::DeadlineExceeded)?;
    }
    fails_with(Code::DeadlineExceeded, replies.next().await).map(drop)
}
