//! Layers of tower as interceptors.

use std::task::{Context, Poll};
use std::time::Duration;

use hikyaku::intercept::tower::{Passing, layer};
use hikyaku::{Code, Metadata, Request, Status};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::Instant;
use tower::buffer::BufferLayer;
use tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::timeout::error::Elapsed;
use tower_layer::{Stack, layer_fn};
use tower_service::Service;

use super::{Ends, KINDS, SIDES, call};
use crate::in_memory::{Calling, Calls};

const SECOND: Duration = Duration::from_secs(1);

/// A second's sleep, counting how many sleep at a time in the units of its answer.
fn slow(live: &Live) -> Calls {
    let live = live.clone();
    Calls::new().unary("/test.Calls/Slow", move |_| {
        let guard = live.guard();
        let count = live.count() as u64;
        async move {
            let _guard = guard;
            tokio::time::sleep(SECOND).await;
            Ok(count.into())
        }
    })
}

/// Makes so many calls at once: their answers, and how long they took.
async fn at_once(channel: &hikyaku::Channel, count: usize) -> (Vec<Result<u64, Status>>, Duration) {
    let start = Instant::now();
    let calls: Vec<_> = (0..count)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { channel.ask("/test.Calls/Slow", 1).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap().map(hikyaku::Response::into_message));
    }
    (answers, start.elapsed())
}

#[test]
fn a_concurrency_limit_counts_all_calls() {
    virtual_time::run(async {
        for side in SIDES {
            let ends = Ends::new(slow(&Live::new()));
            let channel = ends
                .with(side, layer(ConcurrencyLimitLayer::new(2)))
                .channel();
            let (answers, took) = at_once(&channel, 6).await;
            for answer in answers {
                assert!(answer.unwrap() <= 2, "{side:?}");
            }
            assert!(
                (3 * SECOND..4 * SECOND).contains(&took),
                "{side:?}: {took:?}"
            );
        }
    });
}

#[test]
fn a_rate_limit_goes_behind_a_buffer() {
    virtual_time::run(async {
        let layers = Stack::new(RateLimitLayer::new(1, SECOND), BufferLayer::new(10));
        let ends = Ends::new(slow(&Live::new()));
        let channel = ends.with(SIDES[1], layer(layers)).channel();
        let (answers, took) = at_once(&channel, 4).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert!(took >= 4 * SECOND, "{took:?}");
    });
}

#[test]
fn what_a_layer_fails_with_becomes_a_status() {
    virtual_time::run(async {
        for side in SIDES {
            let timed = || TimeoutLayer::new(SECOND / 2);
            let plain = Ends::new(slow(&Live::new()))
                .with(side, layer(timed()))
                .channel();
            let status = plain.ask("/test.Calls/Slow", 1).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert_eq!(status.message(), "request timed out");

            let live = Live::new();
            let mapped = layer(timed()).map_error(|error| match error.is::<Elapsed>() {
                true => Status::deadline_exceeded("half a second was not enough"),
                false => Status::internal(error.to_string()),
            });
            let mapped = Ends::new(slow(&live)).with(side, mapped).channel();
            let status = mapped.ask("/test.Calls/Slow", 1).await.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
            virtual_time::settle().await;
            assert_eq!((live.count(), live.made_count()), (0, 1), "{side:?}");
        }
    });
}

#[test]
fn a_status_passes_a_layer_as_it_is() {
    virtual_time::run(async {
        for side in SIDES {
            let calls = Calls::new().unary("/test.Calls/Fail", |_| async {
                let mut metadata = Metadata::new();
                metadata.insert("x-word", "why")?;
                Err(Status::aborted("no").with_metadata(metadata))
            });
            let layers = Stack::new(TimeoutLayer::new(SECOND), BufferLayer::new(1));
            let channel = Ends::new(calls).with(side, layer(layers)).channel();
            let status = channel.ask("/test.Calls/Fail", 1).await.unwrap_err();
            assert_eq!(status.code(), Code::Aborted, "{status:?}");
            assert_eq!(status.metadata().get("x-word"), Some("why"));
        }
    });
}

#[test]
fn load_beyond_a_limit_is_shed() {
    virtual_time::run(async {
        for side in SIDES {
            let layers = Stack::new(ConcurrencyLimitLayer::new(2), LoadShedLayer::new());
            let shedding =
                layer(layers).map_error(|error| Status::resource_exhausted(error.to_string()));
            let channel = Ends::new(slow(&Live::new())).with(side, shedding).channel();
            let (answers, took) = at_once(&channel, 5).await;
            let (well, shed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            assert_eq!((well.len(), shed.len()), (2, 3), "{side:?}");
            for answer in shed {
                assert_eq!(
                    answer.unwrap_err().code(),
                    Code::ResourceExhausted,
                    "{side:?}"
                );
            }
            assert!(took < 2 * SECOND, "{side:?}: {took:?}");
            let (answers, _) = at_once(&channel, 2).await;
            assert!(
                answers.iter().all(Result::is_ok),
                "there is room again: {side:?}"
            );
        }
    });
}

#[derive(Clone)]
struct Tagging<S>(S);

impl<S: Service<Passing>> Service<Passing> for Tagging<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut passing: Passing) -> S::Future {
        let tag = passing.call().method();
        let metadata = passing.call_mut().metadata_mut();
        metadata.insert("x-tag", tag).unwrap();
        self.0.call(passing)
    }
}

#[test]
fn a_layer_of_ones_own_changes_calls_of_all_kinds() {
    virtual_time::run(async {
        let tag = |metadata: &Metadata| metadata.get("x-tag").map_or(0, str::len) as u64;
        for side in SIDES {
            let calls = Calls::new()
                .unary("/test.Calls/Square", move |request| async move {
                    Ok(tag(request.metadata()).into())
                })
                .client_streaming("/test.Calls/Sum", move |requests| async move {
                    Ok(tag(requests.metadata()).into())
                })
                .server_streaming(
                    "/test.Calls/Count",
                    move |request, mut replies| async move {
                        replies.send(tag(request.metadata())).await
                    },
                )
                .bidi(
                    "/test.Calls/Sums",
                    move |requests, mut replies| async move {
                        replies.send(tag(requests.metadata())).await
                    },
                );
            let channel = Ends::new(calls)
                .with(side, layer(layer_fn(Tagging)))
                .channel();
            for (kind, path) in KINDS {
                let got = call(&channel, kind, path, Request::new(0)).await;
                let want = path.len() - "/test.Calls/".len();
                assert_eq!(got.replies, [want as u64], "{side:?} {kind:?}");
            }
        }
    });
}
