//! Interceptors that wait, and deadlines.

use std::future::pending;
use std::time::Duration;

use hikyaku::intercept::{Call, Next, Side};
use hikyaku::{Code, Request, Server, Status};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::{Instant, sleep, timeout};

use super::{Ends, KINDS, Log, SIDES, call};
use crate::in_memory::{Calling, Calls, Network};

const SECOND: Duration = Duration::from_secs(1);

/// The four kinds, never answered.
fn silent(live: &Live) -> Calls {
    let guard = |live: &Live| {
        let live = live.clone();
        move || live.guard()
    };
    let [square, count, sum, sums] = [(); 4].map(|()| guard(live));
    Calls::new()
        .unary("/test.Calls/Square", move |_| silence(square()))
        .client_streaming("/test.Calls/Sum", move |requests| {
            silence((sum(), requests))
        })
        .server_streaming("/test.Calls/Count", move |_, replies| {
            silence((count(), replies))
        })
        .bidi("/test.Calls/Sums", move |requests, replies| {
            silence((sums(), requests, replies))
        })
}

async fn silence<K, T>(kept: K) -> T {
    let _kept = kept;
    pending().await
}

#[test]
fn work_before_and_after_a_call_takes_its_time() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let ends = Ends::new(Calls::four_kinds(&Live::new()));
                let channel = ends
                    .with(side, |call: Call, next: Next| async move {
                        sleep(SECOND).await;
                        let end = next.run(call).await;
                        sleep(2 * SECOND).await;
                        end
                    })
                    .channel();
                let start = Instant::now();
                call(&channel, kind, path, 3).await.end.unwrap();
                let took = start.elapsed();
                assert!(took >= 3 * SECOND, "{side:?} {kind:?}: {took:?}");
                assert!(took < 4 * SECOND, "{side:?} {kind:?}: {took:?}");
            }
        }
    });
}

#[test]
fn a_deadline_is_shortened() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let (live, log) = (Live::new(), Log::default());
                let ends = Ends::new(silent(&live)).with(side, log.spy("outer"));
                let ends = ends.with(side, |mut call: Call, next: Next| {
                    let given = call.deadline().unwrap();
                    call.shorten_timeout(1000 * SECOND);
                    assert_eq!(call.deadline(), Some(given), "it never grows");
                    call.shorten_timeout(SECOND);
                    assert!(call.deadline() < Some(given));
                    next.run(call)
                });
                let channel = ends.channel();
                let start = Instant::now();
                let request = Request::new(1).with_timeout(9 * SECOND);
                let status = call(&channel, kind, path, request).await.status();
                let took = start.elapsed();
                assert_eq!(status.code(), Code::DeadlineExceeded, "{side:?} {kind:?}");
                assert!(
                    (SECOND..SECOND * 11 / 10).contains(&took),
                    "{side:?} {kind:?}: {took:?}"
                );
                assert_eq!(log.take().last().unwrap(), "DEADLINE_EXCEEDED outer");
                virtual_time::settle().await;
                assert_eq!(
                    (live.count(), live.made_count()),
                    (0, 1),
                    "{side:?} {kind:?}"
                );
            }
        }
    });
}

#[test]
fn a_handler_sees_the_shortened_deadline() {
    virtual_time::run(async {
        let left = |deadline: Option<std::time::Instant>| {
            let left = deadline.unwrap() - Instant::now().into_std();
            left.as_secs_f64().ceil() as u64
        };
        for side in SIDES {
            let calls = Calls::new()
                .unary("/test.Calls/Square", move |request| async move {
                    Ok(left(request.deadline()).into())
                })
                .bidi(
                    "/test.Calls/Sums",
                    move |requests, mut replies| async move {
                        replies.send(left(requests.deadline())).await
                    },
                );
            let ends = Ends::new(calls).with(side, |mut call: Call, next: Next| {
                call.shorten_timeout(5 * SECOND);
                next.run(call)
            });
            let channel = ends.channel();
            for (kind, path) in [KINDS[0], KINDS[3]] {
                let got = call(&channel, kind, path, 0).await;
                assert_eq!(got.replies, [5], "{side:?} {kind:?}");
            }
        }
    });
}

#[test]
fn calls_of_a_handler_inherit_the_shortened_deadline() {
    virtual_time::run(async {
        let network = Network::new();
        let channel = network.channel();
        let next_hop = channel.clone();
        let calls = Calls::new()
            .unary("/test.Calls/Ask", move |request| {
                let channel = next_hop.clone();
                async move {
                    channel
                        .ask("/test.Calls/Left", request.into_message())
                        .await
                }
            })
            .unary("/test.Calls/Left", |request| async move {
                let left = request.deadline().unwrap() - Instant::now().into_std();
                Ok((left.as_secs_f64().ceil() as u64).into())
            });
        network.serve(
            Server::new()
                .add(calls)
                .intercept(|mut call: Call, next: Next| {
                    if call.method() == "Ask" {
                        call.shorten_timeout(5 * SECOND);
                    }
                    next.run(call)
                }),
        );
        for timeout in [None, Some(60 * SECOND)] {
            let mut request = Request::new(1);
            if let Some(timeout) = timeout {
                request = request.with_timeout(timeout);
            }
            let left = channel.ask("/test.Calls/Ask", request).await.unwrap();
            assert_eq!(left.into_message(), 5, "{timeout:?}");
        }
    });
}

#[test]
fn a_deadline_covers_what_comes_before_the_call() {
    virtual_time::run(async {
        for (kind, path) in KINDS {
            let (live, waiting) = (Live::new(), Live::new());
            let counted = waiting.clone();
            let ends = Ends::new(Calls::four_kinds(&live));
            let ends = ends.with(Side::Client, move |_: Call, _: Next| {
                silence(counted.guard())
            });
            let channel = ends.channel();
            let start = Instant::now();
            let request = Request::new(1).with_timeout(SECOND);
            let status = call(&channel, kind, path, request).await.status();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{kind:?}");
            assert!(
                status.is_safe_to_retry(),
                "nobody has looked at it: {kind:?}"
            );
            assert!(start.elapsed() < SECOND * 11 / 10, "{kind:?}");
            assert_eq!((waiting.count(), live.made_count()), (0, 0), "{kind:?}");
        }
    });
}

#[test]
fn an_interceptor_sees_its_call_exceed_the_deadline_at_a_client() {
    virtual_time::run(async {
        for (kind, path) in KINDS {
            let log = Log::default();
            let ends = Ends::new(silent(&Live::new())).with(Side::Client, log.spy("client"));
            let request = Request::new(1).with_timeout(SECOND);
            let status = call(&ends.channel(), kind, path, request).await.status();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{kind:?}");
            assert_eq!(
                log.take().last().unwrap(),
                "DEADLINE_EXCEEDED client",
                "{kind:?}"
            );
        }
    });
}

#[test]
fn an_interceptor_that_has_waited_enough_cancels_the_rest() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let live = Live::new();
                let ends = Ends::new(silent(&live)).with(side, |call: Call, next: Next| async {
                    match timeout(SECOND, next.run(call)).await {
                        Ok(end) => end,
                        Err(_) => Err(Status::resource_exhausted("patience")),
                    }
                });
                let status = call(&ends.channel(), kind, path, 1).await.status();
                assert_eq!(status.code(), Code::ResourceExhausted, "{side:?} {kind:?}");
                assert_eq!(status.message(), "patience", "{side:?} {kind:?}");
                virtual_time::settle().await;
                assert_eq!(
                    (live.count(), live.made_count()),
                    (0, 1),
                    "{side:?} {kind:?}"
                );
            }
        }
    });
}
