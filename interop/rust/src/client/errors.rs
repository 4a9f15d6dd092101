//! Failures: every code, its message and details, and what the server does not know.

use hikyaku::codec::Protobuf;
use hikyaku::{Channel, Code, Origin, Response, Status};

use super::report::{Outcome, Report, Why, equal, fails_with};
use super::{blob, in_time};
use crate::proto::interop::{Blob, Failure, InteropClient};

const UNICODE: &str = "\t\nno such 飛脚 ☺ 😈 100 %\r\n";

pub(super) async fn run(report: &mut Report, calls: &InteropClient, channel: &Channel) {
    report
        .case("every_code_arrives_with_its_message", every_code(calls))
        .await;
    report
        .case("a_message_may_hold_any_character", any_character(calls))
        .await;
    report
        .case("an_error_carries_its_details", details(calls))
        .await;
    report
        .case(
            "an_error_ends_a_stream_after_its_replies",
            after_replies(calls),
        )
        .await;
    let method = unknown(channel, "/interop.Interop/Missing");
    report
        .case("an_unknown_method_is_unimplemented", method)
        .await;
    let service = unknown(channel, "/interop.Missing/Echo");
    report
        .case("an_unknown_service_is_unimplemented", service)
        .await;
}

async fn every_code(calls: &InteropClient) -> Outcome {
    for code in 1..=16 {
        let message = format!("as {code}");
        let request = Failure {
            code,
            message: message.clone(),
            ..Default::default()
        };
        let status = fails_with(Code::from_number(code), calls.fail(in_time(request)).await)?;
        equal(
            &(status.number(), status.message()),
            &(code, message.as_str()),
        )?;
        equal(&status.origin(), &Origin::Peer)?;
    }
    Ok(())
}

async fn any_character(calls: &InteropClient) -> Outcome {
    let request = Failure {
        code: 9,
        message: UNICODE.to_owned(),
        ..Default::default()
    };
    let status = fails_with(Code::FailedPrecondition, calls.fail(in_time(request)).await)?;
    equal(&status.message(), &UNICODE)
}

async fn details(calls: &InteropClient) -> Outcome {
    let details: Vec<u8> = (0..=255).collect();
    let request = Failure {
        code: 8,
        details: details.clone(),
        ..Default::default()
    };
    let status = fails_with(Code::ResourceExhausted, calls.fail(in_time(request)).await)?;
    equal(&status.details().to_vec(), &details)
}

/// The server fails while we may still send.
async fn after_replies(calls: &InteropClient) -> Outcome {
    let (mut requests, mut replies) = calls.fail_exchange(in_time(())).await?;
    let message = UNICODE.to_owned();
    requests
        .send(Failure {
            code: 5,
            message,
            replies: 3,
            ..Default::default()
        })
        .await?;
    for _ in 0..3 {
        equal(&replies.next().await?, &Some(Blob::default()))?;
    }
    let status = fails_with(Code::NotFound, replies.next().await)?;
    equal(&status.message(), &UNICODE)?;
    // Whoever goes on sending is told why it is in vain.
    for _ in 0..1000 {
        if let Err(status) = requests.send(Failure::default()).await {
            return equal(&status.code(), &Code::NotFound);
        }
    }
    Err(Why::new("a call that has failed took 1000 more requests"))
}

async fn unknown(channel: &Channel, path: &'static str) -> Outcome {
    let got: Result<Response<Blob>, Status> = channel
        .unary::<Protobuf, Blob, Blob>(path, in_time(blob("?")))
        .await;
    fails_with(Code::Unimplemented, got).map(drop)
}
