//! Metadata, before and after the messages, both ways.

use std::time::Duration;

use hikyaku::{Metadata, Request, Response, Status};
use hikyaku_testkit::virtual_time;

use crate::in_memory::{Calling, Calls, Network, collect};

/// Text, bytes, and a key twice.
fn some(word: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.insert("x-word", word).unwrap();
    metadata
        .insert_bin("x-word-bin", &[0, 255, 17, b','])
        .unwrap();
    metadata.append("x-twice", "one").unwrap();
    metadata.append("x-twice", "two, three").unwrap();
    metadata
}

fn check(metadata: &Metadata, word: &str) {
    assert_eq!(metadata.get("x-word"), Some(word), "{metadata:?}");
    assert_eq!(
        metadata.get_bin("x-word-bin").unwrap(),
        &[0, 255, 17, b','][..]
    );
    assert_eq!(
        metadata.get_all("x-twice").collect::<Vec<_>>(),
        ["one", "two, three"]
    );
}

fn with<T>(message: T, word: &str) -> Request<T> {
    let mut request = Request::new(message);
    *request.metadata_mut() = some(word);
    request
}

#[test]
fn a_unary_call_carries_it_there_and_twice_back() {
    virtual_time::run(async {
        let calls = Calls::new().unary("/test.Calls/Meta", |request| async move {
            check(request.metadata(), "question");
            let mut response = Response::new(1);
            *response.metadata_mut() = some("before");
            *response.trailers_mut() = some("after");
            Ok(response)
        });
        let channel = Network::serving(calls).channel();
        for _ in 0..3 {
            let response = channel
                .ask("/test.Calls/Meta", with(1, "question"))
                .await
                .unwrap();
            check(response.metadata(), "before");
            check(response.trailers(), "after");
        }
    });
}

#[test]
fn a_handler_that_had_to_wait_sends_it_too() {
    virtual_time::run(async {
        let calls = Calls::new().client_streaming("/test.Calls/Meta", |mut requests| async move {
            check(requests.metadata(), "question");
            while requests.next().await?.is_some() {}
            let mut response = Response::new(1);
            *response.metadata_mut() = some("before");
            *response.trailers_mut() = some("after");
            Ok(response)
        });
        let channel = Network::serving(calls).channel();
        let mut call = channel.tell("/test.Calls/Meta", with((), "question")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        call.send(1).await.unwrap();
        let response = call.finish().await.unwrap();
        check(response.metadata(), "before");
        check(response.trailers(), "after");
    });
}

#[test]
fn a_stream_of_replies_has_it_before_and_after() {
    virtual_time::run(async {
        let calls = Calls::new()
            .server_streaming("/test.Calls/Now", |request, mut replies| async move {
                check(request.metadata(), "question");
                replies.set_metadata(some("before"));
                replies.send(7).await?;
                replies.set_trailers(some("after"));
                Ok(())
            })
            .bidi("/test.Calls/Late", |mut requests, mut replies| async move {
                check(requests.metadata(), "question");
                requests.next().await?;
                replies.set_metadata(some("before"));
                replies.set_trailers(some("after"));
                replies.send(7).await
            });
        let channel = Network::serving(calls).channel();
        let now = channel.list("/test.Calls/Now", with(1, "question")).await;
        let (sender, late) = channel.talk("/test.Calls/Late", with((), "question")).await;
        sender.finish();
        for mut replies in [now, late] {
            check(&replies.metadata().await, "before");
            assert_eq!(replies.trailers().map(Metadata::len), None);
            assert_eq!(replies.next().await.unwrap(), Some(7));
            assert_eq!(replies.next().await.unwrap(), None);
            check(&replies.metadata().await, "before");
            check(replies.trailers().unwrap(), "after");
        }
    });
}

#[test]
fn it_comes_before_the_first_reply_if_the_handler_says_so() {
    virtual_time::run(async {
        let calls =
            Calls::new().server_streaming("/test.Calls/Early", |_, mut replies| async move {
                replies.set_metadata(some("before"));
                replies.send_metadata();
                tokio::time::sleep(Duration::from_secs(10)).await;
                replies.set_metadata(some("too late"));
                replies.send(1).await
            });
        let channel = Network::serving(calls).channel();
        let mut replies = channel.list("/test.Calls/Early", 1).await;
        let start = tokio::time::Instant::now();
        check(&replies.metadata().await, "before");
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!(replies.next().await.unwrap(), Some(1));
        assert!(start.elapsed() >= Duration::from_secs(10));
        check(&replies.metadata().await, "before");
    });
}

#[test]
fn a_failure_carries_it() {
    virtual_time::run(async {
        let failed = || Status::not_found("gone").with_metadata(some("why"));
        let calls = Calls::new()
            .unary("/test.Calls/Now", move |_| async move { Err(failed()) })
            .unary("/test.Calls/Late", move |_| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(failed())
            })
            .server_streaming("/test.Calls/Stream", move |_, mut replies| async move {
                replies.set_metadata(some("before"));
                replies.send(1).await?;
                Err(failed())
            });
        let channel = Network::serving(calls).channel();
        for path in ["/test.Calls/Now", "/test.Calls/Late"] {
            let status = channel.ask(path, 1).await.unwrap_err();
            check(status.metadata(), "why");
        }
        let replies = channel.list("/test.Calls/Stream", 1).await;
        check(&replies.metadata().await, "before");
        let (numbers, end) = collect(replies).await;
        assert_eq!(numbers, [1]);
        check(end.unwrap_err().metadata(), "why");
    });
}

#[test]
fn metadata_of_a_call_that_failed_without_is_empty() {
    virtual_time::run(async {
        let calls = Calls::new().server_streaming("/test.Calls/Fail", |_, _| async {
            Err(Status::aborted("no"))
        });
        let channel = Network::serving(calls).channel();
        let replies = channel.list("/test.Calls/Fail", 1).await;
        assert_eq!(replies.metadata().await.get("x-word"), None);
        assert_eq!(collect(replies).await.1.unwrap_err().message(), "no");
    });
}

#[test]
fn too_much_of_it_ends_its_call_alone() {
    virtual_time::run(async {
        let much = || {
            let mut metadata = Metadata::new();
            metadata.insert("x-much", &"x".repeat(20_000)).unwrap();
            metadata
        };
        let calls = Calls::new()
            .unary("/test.Calls/Before", move |_| async move {
                let mut response = Response::new(1);
                *response.metadata_mut() = much();
                Ok(response)
            })
            .unary("/test.Calls/After", move |_| async move {
                let mut response = Response::new(1);
                *response.trailers_mut() = much();
                Ok(response)
            })
            .unary("/test.Calls/Failed", move |_| async move {
                Err(Status::aborted("why").with_metadata(much()))
            })
            .unary("/test.Calls/Fine", |_| async { Ok(2.into()) });
        let network = Network::serving(calls);
        let channel = network.channel();
        for path in [
            "/test.Calls/Before",
            "/test.Calls/After",
            "/test.Calls/Failed",
        ] {
            let status = channel.ask(path, 1).await.unwrap_err();
            assert_ne!(
                status.code(),
                hikyaku::Code::Unavailable,
                "{path}: {status:?}"
            );
            assert_eq!(
                channel
                    .ask("/test.Calls/Fine", 1)
                    .await
                    .unwrap()
                    .into_message(),
                2
            );
        }
        let mut request = Request::new(1);
        *request.metadata_mut() = much();
        let status = channel.ask("/test.Calls/Fine", request).await.unwrap_err();
        assert_ne!(status.code(), hikyaku::Code::Unavailable, "{status:?}");
        assert_eq!(
            channel
                .ask("/test.Calls/Fine", 1)
                .await
                .unwrap()
                .into_message(),
            2
        );
        assert_eq!(network.attempt_count(), 1);
    });
}
