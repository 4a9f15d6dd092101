//! How calls end.

use std::time::Duration;

use hikyaku::buffa_types::google::protobuf::Any;
use hikyaku::error_details::{BadRequest, ErrorDetails};
use hikyaku::{Code, Origin, Status};
use hikyaku_testkit::virtual_time;

use crate::in_memory::{Calling, Calls, Network, collect};

/// A message that a header cannot carry as it is.
const MESSAGE: &str = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈 100%\t\n";

const PATHS: [&str; 2] = ["/test.Calls/Now", "/test.Calls/Late"];

fn failing(number: u64) -> Status {
    let code = Code::from_number(u32::try_from(number).unwrap());
    Status::new(code, format!("{MESSAGE}{number}")).with_details(&b"\x00\xff details"[..])
}

fn check(status: &Status, number: u64) {
    assert_eq!(u64::from(status.number()), number);
    assert_eq!(status.code(), failing(number).code());
    assert_eq!(status.message(), format!("{MESSAGE}{number}"));
    assert_eq!(status.details(), &b"\x00\xff details"[..]);
    assert_eq!(status.origin(), Origin::Peer);
}

#[test]
fn every_code_comes_with_its_message_and_details() {
    virtual_time::run(async {
        let calls = Calls::new()
            .unary(PATHS[0], |request| async move {
                Err(failing(*request.message()))
            })
            .unary(PATHS[1], |request| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(failing(*request.message()))
            });
        let channel = Network::serving(calls).channel();
        for number in 1..=16 {
            for path in PATHS {
                check(&channel.ask(path, number).await.unwrap_err(), number);
            }
        }
    });
}

#[test]
fn rich_errors_come_with_their_types_and_pass_through_a_proxy() {
    virtual_time::run(async {
        let origin = Network::serving(Calls::new().unary(PATHS[0], |_| async {
            let own = b"\x08\x01".as_slice();
            let own = Any {
                type_url: "type.googleapis.com/shop.v1.Receipt".into(),
                value: own.into(),
                ..Default::default()
            };
            let details = ErrorDetails::new()
                .bad_request(&[("id", "is odd ☺")])
                .with_any(own)
                .retry_info(Duration::from_secs(3));
            Err(Status::invalid_argument("odd").with_error_details(details))
        }));
        let inner = origin.channel();
        let proxy = Network::serving(Calls::new().unary(PATHS[0], move |request| {
            let inner = inner.clone();
            async move { inner.ask(PATHS[0], request).await }
        }));
        let direct = origin.channel().ask(PATHS[0], 1).await.unwrap_err();
        let passed = proxy.channel().ask(PATHS[0], 1).await.unwrap_err();
        assert_eq!(direct.details(), passed.details());
        for status in [direct, passed] {
            assert_eq!(status.to_string(), "INVALID_ARGUMENT: odd");
            let details = status.error_details();
            let wrong = details.get::<BadRequest>().unwrap().field_violations;
            assert_eq!(wrong[0].description, "is odd ☺");
            assert_eq!(details.retry_delay(), Some(Duration::from_secs(3)));
            assert_eq!(details.len(), 3);
        }
    });
}

#[test]
fn a_stream_may_fail_before_and_after_its_replies() {
    virtual_time::run(async {
        let calls =
            Calls::new().server_streaming("/test.Calls/Fail", |request, mut replies| async move {
                for number in 0..*request.message() {
                    replies.send(number).await?;
                }
                Err(failing(9))
            });
        let channel = Network::serving(calls).channel();
        for count in [0, 1, 10_000] {
            let mut replies = channel.list("/test.Calls/Fail", count).await;
            for number in 0..count {
                assert_eq!(replies.next().await.unwrap(), Some(number));
            }
            check(&replies.next().await.unwrap_err(), 9);
            check(&replies.next().await.unwrap_err(), 9);
            assert!(replies.trailers().is_none());
        }
    });
}

#[test]
fn a_handler_may_fail_before_it_has_read_its_requests() {
    virtual_time::run(async {
        let calls = Calls::new()
            .client_streaming("/test.Calls/Now", |_| async { Err(failing(7)) })
            .client_streaming("/test.Calls/Late", |mut requests| async move {
                requests.next().await?;
                Err(failing(7))
            });
        let channel = Network::serving(calls).channel();
        for path in PATHS {
            let mut call = channel.tell(path, ()).await;
            // Sooner or later the sender learns that nobody listens.
            let refused = loop {
                if let Err(status) = call.send(1).await {
                    break status;
                }
                tokio::task::yield_now().await;
            };
            check(&refused, 7);
            check(&call.finish().await.unwrap_err(), 7);
        }
    });
}

#[test]
fn a_handler_may_answer_before_it_has_read_its_requests() {
    virtual_time::run(async {
        let calls = Calls::new()
            .client_streaming("/test.Calls/Sum", |mut requests| async move {
                Ok(requests.next().await?.unwrap_or(0).into())
            })
            .bidi(
                "/test.Calls/First",
                |mut requests, mut replies| async move {
                    replies.send(requests.next().await?.unwrap_or(0)).await
                },
            );
        let channel = Network::serving(calls).channel();
        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        let refused = loop {
            if let Err(status) = call.send(4).await {
                break status;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(refused.code(), Code::Cancelled);
        assert_eq!(call.finish().await.unwrap().into_message(), 4);

        let (mut sender, replies) = channel.talk("/test.Calls/First", ()).await;
        sender.send(5).await.unwrap();
        let (numbers, end) = collect(replies).await;
        end.unwrap();
        assert_eq!(numbers, [5]);
        assert_eq!(sender.send(6).await.unwrap_err().code(), Code::Cancelled);
    });
}

#[test]
fn one_failed_call_leaves_the_others_alone() {
    virtual_time::run(async {
        let calls = Calls::new().unary("/test.Calls/Even", |request| async move {
            tokio::time::sleep(Duration::from_millis(*request.message())).await;
            match request.message() % 2 {
                0 => Ok(0.into()),
                _ => Err(Status::invalid_argument("odd")),
            }
        });
        let network = Network::serving(calls);
        let channel = network.channel();
        let calls = (0..60).map(|n| {
            let channel = channel.clone();
            tokio::spawn(async move { channel.ask("/test.Calls/Even", n).await })
        });
        for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            let code = call.await.unwrap().map_err(|status| status.code()).err();
            assert_eq!(code, (n % 2 == 1).then_some(Code::InvalidArgument));
        }
        assert_eq!(network.attempt_count(), 1);
    });
}
