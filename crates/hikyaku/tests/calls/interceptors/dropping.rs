//! Calls that just stop.

use std::time::Duration;

use hikyaku::Code;
use hikyaku::intercept::{Call, Interceptor, Next, Side};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::timeout;

use super::{Ends, KINDS, SIDES, call};
use crate::in_memory::{Calling, Calls, Network, collect};

/// Is alive as long as its call.
fn counted(live: &Live) -> impl Interceptor {
    let live = live.clone();
    move |call: Call, next: Next| {
        let guard = live.guard();
        async move {
            let _guard = guard;
            next.run(call).await
        }
    }
}

/// The four kinds, sleeping a minute before they answer.
fn sleepy(live: &Live) -> Calls {
    let nap = |live: &Live| {
        let live = live.clone();
        move || {
            let guard = live.guard();
            async move {
                let _guard = guard;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    };
    let [square, count, sum, sums] = [(); 4].map(|()| nap(live));
    Calls::new()
        .unary("/test.Calls/Square", move |_| {
            let nap = square();
            async move {
                nap.await;
                Ok(1.into())
            }
        })
        .client_streaming("/test.Calls/Sum", move |_| {
            let nap = sum();
            async move {
                nap.await;
                Ok(1.into())
            }
        })
        .server_streaming("/test.Calls/Count", move |_, mut replies| {
            let nap = count();
            async move {
                nap.await;
                replies.send(1).await
            }
        })
        .bidi("/test.Calls/Sums", move |_, mut replies| {
            let nap = sums();
            async move {
                nap.await;
                replies.send(1).await
            }
        })
}

#[test]
fn a_dropped_call_drops_interceptors_and_handler_at_both_ends() {
    virtual_time::run(async {
        for (kind, path) in KINDS {
            let (handlers, near, far) = (Live::new(), Live::new(), Live::new());
            let ends = Ends::new(sleepy(&handlers)).with(Side::Client, counted(&near));
            let channel = ends.with(Side::Server, counted(&far)).channel();
            let dropped = timeout(Duration::from_secs(30), call(&channel, kind, path, 1)).await;
            assert!(dropped.is_err(), "{kind:?}");
            // The reader of the call's helper lives on in its task for a while.
            tokio::time::sleep(Duration::from_secs(60)).await;
            for (what, live) in [("handler", handlers), ("client", near), ("server", far)] {
                assert_eq!((live.count(), live.made_count()), (0, 1), "{what} {kind:?}");
            }
        }
    });
}

#[test]
fn a_dropped_stream_stops_its_interceptors_at_once() {
    virtual_time::run(async {
        let (handlers, near, far) = (Live::new(), Live::new(), Live::new());
        let ends = Ends::new(sleepy(&handlers)).with(Side::Client, counted(&near));
        let channel = ends.with(Side::Server, counted(&far)).channel();
        let list = channel.list("/test.Calls/Count", 1).await;
        let tell = channel.tell("/test.Calls/Sum", ()).await;
        let (sender, talk) = channel.talk("/test.Calls/Sums", ()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!([&handlers, &near, &far].map(Live::count), [3, 3, 3]);
        drop((list, tell, talk));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!([&handlers, &near, &far].map(Live::count), [0, 0, 0]);
        drop(sender);
    });
}

#[test]
fn a_stream_dropped_before_its_interceptors_let_it_go_is_never_sent() {
    virtual_time::run(async {
        let handlers = Live::new();
        let ends = Ends::new(Calls::four_kinds(&handlers));
        let ends = ends.with(Side::Client, |call: Call, next: Next| async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            next.run(call).await
        });
        let channel = ends.channel();
        drop(channel.list("/test.Calls/Count", 1).await);
        drop(channel.talk("/test.Calls/Sums", ()).await);
        let (mut sender, talk) = channel.talk("/test.Calls/Sums", ()).await;
        drop(talk);
        let status = sender.send(1).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(handlers.made_count(), 0);
    });
}

#[test]
fn a_sender_that_waits_for_interceptors_hears_that_the_handler_it_came_from_has_returned() {
    virtual_time::run(async {
        let (heard, hears) = std::sync::mpsc::channel();
        let network = Network::new();
        let slow = network.channel().intercept(|call: Call, next: Next| async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            next.run(call).await
        });
        let calls = Calls::four_kinds(&Live::new()).unary("/test.Calls/Leave", move |_| {
            let (slow, heard) = (slow.clone(), heard.clone());
            async move {
                let (mut sender, replies) = slow.talk("/test.Calls/Sums", ()).await;
                tokio::spawn(async move {
                    let _replies = replies;
                    heard.send(sender.send(1).await).unwrap();
                });
                tokio::task::yield_now().await;
                Ok(1.into())
            }
        });
        network.serve(hikyaku::Server::new().add(calls));
        network.channel().ask("/test.Calls/Leave", 1).await.unwrap();
        virtual_time::settle().await;
        let status = hears.try_recv().expect("the sender is done").unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status:?}");
        assert!(status.message().contains("has returned"), "{status:?}");
    });
}

#[test]
fn a_cancelled_stream_stops_its_interceptors_wherever_they_wait() {
    virtual_time::run(async {
        let (handlers, near, late) = (Live::new(), Live::new(), Live::new());
        let ends = Ends::new(sleepy(&handlers)).with(Side::Client, counted(&near));
        let channel = ends.channel();
        let waiting = channel.intercept(|_: Call, _: Next| std::future::pending());
        let waiting = waiting.intercept(counted(&late));
        for (channel, count) in [(channel, 1), (waiting, 0)] {
            let (mut sender, mut replies) = channel.talk("/test.Calls/Sums", ()).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!([&handlers, &near].map(Live::count), [count, 1]);
            replies.cancel();
            for _ in 0..2 {
                assert_eq!(replies.next().await.unwrap_err().code(), Code::Cancelled);
            }
            assert_eq!(replies.metadata().await.len(), 0);
            virtual_time::settle().await;
            assert_eq!(sender.send(1).await.unwrap_err().code(), Code::Cancelled);
            assert_eq!([&handlers, &near].map(Live::count), [0, 0]);
        }
        assert_eq!(late.made_count(), 0, "it is behind the one that waits");
    });
}

#[test]
fn requests_wait_for_interceptors() {
    virtual_time::run(async {
        let ends = Ends::new(Calls::four_kinds(&Live::new()));
        let ends = ends.with(Side::Client, |call: Call, next: Next| async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            next.run(call).await
        });
        let channel = ends.channel();
        // One sender waits for room, another has finished before there was any.
        let (mut sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        let first = timeout(Duration::from_secs(1), sender.send(5)).await;
        assert!(first.is_err(), "and what was given up has not been sent");
        sender.send(7).await.unwrap();
        sender.finish();
        assert_eq!(collect(replies).await.0, [7]);
        let (sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        sender.finish();
        let (numbers, end) = collect(replies).await;
        assert!(numbers.is_empty() && end.is_ok());
    });
}

#[test]
fn a_panic_ends_its_call_alone() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let ends = Ends::new(Calls::four_kinds(&Live::new()));
                let ends = ends.with(side, |call: Call, next: Next| async {
                    assert!(
                        call.metadata().get("x-panic").is_none(),
                        "as the test wants it"
                    );
                    next.run(call).await
                });
                let channel = ends.channel();
                let request = hikyaku::Request::new(1)
                    .with_metadata("x-panic", "yes")
                    .unwrap();
                let failed = {
                    let channel = channel.clone();
                    tokio::spawn(async move { call(&channel, kind, path, request).await }).await
                };
                match (side, kind.takes_stream() || kind.answers_stream()) {
                    (Side::Client, false) => assert!(failed.unwrap_err().is_panic()),
                    (Side::Client, true) => {
                        let status = failed.unwrap().status();
                        assert_eq!(status.code(), Code::Internal, "{kind:?}");
                        assert!(status.message().contains("panicked"), "{status:?}");
                    }
                    (Side::Server, _) => {
                        let status = failed.unwrap().status();
                        assert_eq!(status.code(), Code::Unknown, "{kind:?}");
                    }
                }
                call(&channel, kind, path, 1).await.end.unwrap();
            }
        }
    });
}

#[test]
fn a_call_keeps_its_channel() {
    virtual_time::run(async {
        let ends = Ends::new(Calls::four_kinds(&Live::new()));
        let network = ends.network.clone();
        let channel = ends.with(Side::Client, counted(&Live::new())).channel();
        let replies = channel.list("/test.Calls/Count", 3).await;
        drop(channel);
        virtual_time::settle().await;
        assert_eq!(collect(replies).await.0, [1, 2, 3]);
        virtual_time::settle().await;
        assert!(network.is_closed(), "and nothing else keeps it");
    });
}
