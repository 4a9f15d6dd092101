//! How calls end: refused, replaced, or as they would have.

use std::sync::Arc;

use hikyaku::intercept::{Call, Interceptor, Next};
use hikyaku::{Code, Metadata, Request, Status};
use hikyaku_testkit::{Live, virtual_time};

use super::{Ends, KINDS, Log, SIDES, call};
use crate::in_memory::{Calling, Calls};

/// Lets in who has the token.
async fn check(call: Call, next: Next) -> Result<Metadata, Status> {
    match call.metadata().get("authorization") {
        Some("Bearer good") => next.run(call).await,
        _ => Err(Status::unauthenticated("who are you?")),
    }
}

#[test]
fn a_refused_call_reaches_no_handler() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let (live, log) = (Live::new(), Log::default());
                let ends = Ends::new(Calls::four_kinds(&live)).with(side, log.spy("outer"));
                let channel = ends
                    .with(side, check)
                    .with(side, log.spy("inner"))
                    .channel();
                let status = call(&channel, kind, path, 2).await.status();
                assert_eq!(status.code(), Code::Unauthenticated, "{side:?} {kind:?}");
                assert_eq!(status.message(), "who are you?");
                virtual_time::settle().await;
                assert_eq!(live.made_count(), 0, "{side:?} {kind:?}");
                assert_eq!(log.take(), ["call outer", "UNAUTHENTICATED outer"]);

                let request = Request::new(2).with_metadata("authorization", "Bearer good");
                call(&channel, kind, path, request.unwrap())
                    .await
                    .end
                    .unwrap();
                assert_eq!(live.made_count(), 1, "{side:?} {kind:?}");
            }
        }
    });
}

#[test]
fn a_status_is_replaced() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let ends = Ends::new(Calls::four_kinds(&Live::new()));
                let ends = ends.with(side, |call: Call, next: Next| async move {
                    let status = next.run(call).await.unwrap_err();
                    Err(Status::not_found(format!("not {}", status.message())))
                });
                let ends = ends.with(side, |call: Call, next: Next| async move {
                    next.run(call).await.unwrap();
                    Err(Status::aborted("so well"))
                });
                let status = call(&ends.channel(), kind, path, 2).await.status();
                assert_eq!(status.code(), Code::NotFound, "{side:?} {kind:?}");
                assert_eq!(status.message(), "not so well");
            }
        }
    });
}

#[test]
fn a_failure_becomes_a_success_where_no_reply_is_needed() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let failing = || async { Err(Status::aborted("no")) };
                let calls = Calls::new()
                    .unary("/test.Calls/Square", |_| async {
                        Err(Status::aborted("no"))
                    })
                    .client_streaming("/test.Calls/Sum", |_| async { Err(Status::aborted("no")) })
                    .server_streaming("/test.Calls/Count", move |_, _| failing())
                    .bidi("/test.Calls/Sums", move |_, _| failing());
                let ends = Ends::new(calls).with(side, |call: Call, next: Next| async move {
                    next.run(call).await.unwrap_err();
                    Ok(Metadata::new())
                });
                let got = call(&ends.channel(), kind, path, 1).await;
                match kind.answers_stream() {
                    true => assert!(got.end.is_ok() && got.replies.is_empty(), "{got:?}"),
                    false => assert_no_reply(&got.status()),
                }
            }
        }
    });
}

#[test]
fn a_call_that_is_not_run_ends_well_only_without_a_reply() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let live = Live::new();
                let ends = Ends::new(Calls::four_kinds(&live));
                let ends = ends.with(side, |_: Call, _: Next| async {
                    let mut trailers = Metadata::new();
                    trailers.insert("x-word", "cached")?;
                    Ok(trailers)
                });
                let got = call(&ends.channel(), kind, path, 1).await;
                match kind.answers_stream() {
                    true => assert_eq!(got.end.unwrap().get("x-word"), Some("cached")),
                    false => assert_no_reply(&got.status()),
                }
                assert_eq!(live.made_count(), 0, "{side:?} {kind:?}");
            }
        }
    });
}

fn assert_no_reply(status: &Status) {
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert!(status.message().contains("there is no reply"), "{status:?}");
}

#[test]
fn one_interceptor_serves_both_ends() {
    virtual_time::run(async {
        let live = Live::new();
        let counted = live.clone();
        let shared = Arc::new(move |call: Call, next: Next| {
            let guard = counted.guard();
            async move {
                let _guard = guard;
                next.run(call).await
            }
        });
        let mut ends = Ends::new(Calls::four_kinds(&Live::new()));
        for side in SIDES {
            ends = ends.with(side, Arc::clone(&shared));
        }
        let channel = ends.channel();
        channel.ask("/test.Calls/Square", 1).await.unwrap();
        assert_eq!((live.made_count(), live.count()), (2, 0));
    });
}

#[test]
fn interceptors_see_what_the_network_does_to_a_call() {
    virtual_time::run(async {
        let log = Log::default();
        let channel = crate::in_memory::Network::new().channel(); // nobody listens
        let channel = channel.intercept(log.spy("client"));
        for (kind, path) in KINDS {
            let status = call(&channel, kind, path, 1).await.status();
            assert_eq!(status.code(), Code::Unavailable, "{kind:?}");
            assert!(status.is_safe_to_retry(), "{kind:?}");
            assert_eq!(log.take().last().unwrap(), "UNAVAILABLE client", "{kind:?}");
        }
    });
}

#[test]
fn a_type_can_be_an_interceptor() {
    struct Tagged(&'static str);

    impl Interceptor for Tagged {
        async fn intercept(&self, mut call: Call, next: Next) -> Result<Metadata, Status> {
            call.metadata_mut().append("x-tag", self.0)?;
            next.run(call).await
        }
    }

    virtual_time::run(async {
        let calls = Calls::new().unary("/test.Calls/Tags", |request| async move {
            Ok((request.metadata().get_all("x-tag").count() as u64).into())
        });
        let mut ends = Ends::new(calls);
        for side in SIDES {
            ends = ends.with(side, Tagged("a")).with(side, Tagged("b"));
        }
        let reply = ends.channel().ask("/test.Calls/Tags", 1).await.unwrap();
        assert_eq!(reply.into_message(), 4);
    });
}
