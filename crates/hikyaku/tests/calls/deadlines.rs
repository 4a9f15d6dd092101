//! A deadline covers the whole call, at both ends.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hikyaku::{Channel, Code, Origin, Request, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Kind, Network, collect};

const SECOND: Duration = Duration::from_secs(1);

fn timed<T>(message: T) -> Request<T> {
    Request::new(message).with_timeout(SECOND)
}

fn check(status: &Status) {
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}

/// Runs the call, and checks that it was ended by its deadline, neither before nor long after.
async fn takes_a_second<T>(call: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let outcome = call.await;
    let elapsed = start.elapsed();
    assert!(
        elapsed >= SECOND && elapsed < SECOND + SECOND / 10,
        "{elapsed:?}"
    );
    outcome
}

#[test]
fn the_server_is_told() {
    virtual_time::run(async {
        let calls = Calls::new().unary("/test.Calls/Left", |request| async move {
            let deadline = request.deadline().expect("the client has sent one");
            let left = deadline - Instant::now().into_std();
            Ok((left.as_millis() as u64).into())
        });
        let channel = Network::serving(calls).channel();
        let left = channel
            .ask("/test.Calls/Left", timed(1))
            .await
            .unwrap()
            .into_message();
        assert!((990..=1000).contains(&left), "{left} ms");
        let request = Request::new(1).with_timeout(Duration::from_secs(360_000));
        let left = channel
            .ask("/test.Calls/Left", request)
            .await
            .unwrap()
            .into_message();
        assert!((359_999_000..=360_000_000).contains(&left), "{left} ms");
    });
}

#[test]
fn a_sleeping_handler_is_dropped_at_both_ends() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        let sleeping = live.clone();
        let calls = Calls::new().unary("/test.Calls/Sleep", move |_| {
            let guard = sleeping.guard();
            async move {
                let _guard = guard;
                pending().await
            }
        });
        network.serve(hikyaku::Server::new().add(calls));
        let channel = network.channel();
        let status = takes_a_second(channel.ask("/test.Calls/Sleep", timed(1)))
            .await
            .unwrap_err();
        check(&status);
        virtual_time::settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 1));
    });
}

#[test]
fn the_server_keeps_it_for_a_client_that_does_not() {
    virtual_time::run(async {
        let live = Live::new();
        let sleeping = live.clone();
        let network = Network::serving(Calls::new().unary("/test.Calls/Sleep", move |_| {
            let guard = sleeping.guard();
            async move {
                let _guard = guard;
                pending().await
            }
        }));
        let mut peer = network.raw_client().await;
        let block = raw::request("/test.Calls/Sleep", &[("grpc-timeout", "1S")]);
        peer.send(&Frame::headers(1, &block, false)).await;
        peer.send(&Frame::message(1, &[0; 8], true)).await;
        let frames = takes_a_second(peer.read_stream(1)).await;
        assert_eq!(frames[0].field("grpc-status"), Some("4"), "{frames:?}");
        tokio::time::sleep(SECOND).await;
        assert_eq!((live.count(), live.made_count()), (0, 1));
    });
}

#[test]
fn the_server_keeps_it_when_nothing_else_ever_happens_on_the_connection() {
    for kind in Kind::ALL {
        virtual_time::run(async move {
            let network = Network::serving(Calls::of_every_kind(|_| pending()));
            let mut peer = network.raw_client().await;
            virtual_time::settle().await;
            let block = raw::request(kind.path(), &[("grpc-timeout", "1S")]);
            let request = [
                Frame::headers(1, &block, false),
                Frame::message(1, &[0; 8], true),
            ];
            peer.send(&request.concat()).await;
            let frames = takes_a_second(peer.read_stream(1)).await;
            let status = frames.last().unwrap().field("grpc-status");
            assert_eq!(status, Some("4"), "{kind:?} {frames:?}");
        });
    }
}

#[test]
fn the_server_keeps_it_while_the_request_is_half_sent() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        for (stream, path) in [(1, "/test.Calls/Square"), (3, "/test.Calls/Sum")] {
            let block = raw::request(path, &[("grpc-timeout", "1000m")]);
            peer.send(&Frame::headers(stream, &block, false)).await;
            peer.send(&Frame::data(stream, &[0, 0, 0, 0, 8, 1, 2], false))
                .await;
            let frames = takes_a_second(peer.read_stream(stream)).await;
            assert_eq!(frames[0].field("grpc-status"), Some("4"), "{frames:?}");
        }
    });
}

#[test]
fn the_server_keeps_it_for_a_reader_that_is_stuck() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        let mut peer = network.raw_client().await;
        let block = raw::request("/test.Calls/Count", &[("grpc-timeout", "1S")]);
        peer.send(&Frame::headers(1, &block, false)).await;
        peer.send(&Frame::message(1, &u64::MAX.to_be_bytes(), true))
            .await;
        // The window of the stream is never opened again: its replies are stuck.
        let frames = takes_a_second(peer.read_stream(1)).await;
        let received: usize = frames
            .iter()
            .map(|frame| match frame {
                Frame::Data { data, .. } => data.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(received, 65_535, "as much as the window takes");
        assert_eq!(frames.last(), Some(&Frame::Reset { stream: 1, code: 8 }));
        virtual_time::settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 1));
    });
}

#[test]
fn it_covers_a_stream_of_replies_to_its_end() {
    virtual_time::run(async {
        let (live, guarded) = (Live::new(), Live::new());
        let stopped = guarded.clone();
        let calls =
            Calls::four_kinds(&live).server_streaming("/test.Calls/Tick", move |_, mut replies| {
                let guard = stopped.guard();
                async move {
                    let _guard = guard;
                    for tick in 0.. {
                        replies.send(tick).await?;
                        tokio::time::sleep(SECOND / 10).await;
                    }
                    Ok(())
                }
            });
        let channel = Network::serving(calls).channel();
        let (ticks, end) = takes_a_second(async {
            collect(channel.list("/test.Calls/Tick", timed(1)).await).await
        })
        .await;
        assert!(ticks.len() >= 9, "{ticks:?}");
        check(&end.unwrap_err());
        virtual_time::settle().await;
        assert_eq!(guarded.count(), 0);

        // A client that waits for room to send, and one that has nothing to say.
        let (sender, replies) = channel.talk("/test.Calls/Sums", timed(())).await;
        check(&takes_a_second(collect(replies)).await.1.unwrap_err());
        drop(sender);
        let call = channel.tell("/test.Calls/Sum", timed(())).await;
        tokio::time::sleep(2 * SECOND).await;
        check(&call.finish().await.unwrap_err());
        virtual_time::settle().await;
        assert_eq!(live.count(), 0);
    });
}

#[test]
fn a_sender_that_waits_for_room_learns_of_it() {
    virtual_time::run(async {
        let calls = Calls::new().client_streaming("/test.Calls/Deaf", |_| pending());
        let channel = Network::serving(calls).channel();
        let mut call = channel.tell("/test.Calls/Deaf", timed(())).await;
        let status = takes_a_second(async {
            loop {
                if let Err(status) = call.send(1).await {
                    return status;
                }
            }
        });
        check(&status.await);
        check(&call.finish().await.unwrap_err());
    });
}

#[test]
fn a_handler_learns_of_it_in_its_streams() {
    virtual_time::run(async {
        // The stream outlives its handler, which has given it to a task.
        let seen = Arc::new(Mutex::new(None));
        let told = Arc::clone(&seen);
        let calls = Calls::new().client_streaming("/test.Calls/Lend", move |mut requests| {
            let told = Arc::clone(&told);
            tokio::spawn(async move { *told.lock().unwrap() = Some(requests.next().await) });
            pending()
        });
        let channel = Network::serving(calls).channel();
        let call = channel.tell("/test.Calls/Lend", timed(())).await;
        tokio::time::sleep(2 * SECOND).await;
        check(&call.finish().await.unwrap_err());
        let seen = seen
            .lock()
            .unwrap()
            .take()
            .expect("the task is done")
            .unwrap_err();
        // Of the server's own timer or of the client's reset, whichever is first.
        check(&seen);
    });
}

#[test]
fn a_call_that_is_late_from_the_start_is_not_made() {
    virtual_time::run(async {
        let live = Live::new();
        let channel = Network::serving(Calls::four_kinds(&live)).channel();
        for _ in 0..2 {
            let request = Request::new(1).with_timeout(Duration::ZERO);
            let status = channel
                .ask("/test.Calls/Square", request)
                .await
                .unwrap_err();
            check(&status);
            assert_eq!(status.origin(), Origin::Local);
            assert_eq!(live.made_count(), 0);
            // The second time there is a connection.
            channel.ask("/no.Such/Method", 1).await.unwrap_err();
        }
    });
}

#[test]
fn it_covers_connecting() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        network.delay_connecting(Duration::from_secs(10));
        let channel = network.channel();
        let call = channel.ask("/test.Calls/Square", timed(1));
        check(&takes_a_second(call).await.unwrap_err());
        let call = async {
            collect(channel.list("/test.Calls/Count", timed(1)).await)
                .await
                .1
        };
        check(&takes_a_second(call).await.unwrap_err());
        // Connecting goes on for those who have the time.
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 3)
                .await
                .unwrap()
                .into_message(),
            9
        );
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn it_covers_waiting_for_a_stream() {
    virtual_time::run(async {
        let network = Network::new();
        let calls = Calls::new().unary("/test.Calls/Sleep", |_| pending());
        network.serve(hikyaku::Server::new().add(calls).max_concurrent_calls(1));
        let channel = network.channel();
        let first = spawn_sleep(&channel, Request::new(1));
        tokio::time::sleep(SECOND).await;
        let call = channel.ask("/test.Calls/Sleep", timed(1));
        check(&takes_a_second(call).await.unwrap_err());
        first.abort();
    });
}

#[test]
fn a_server_caps_deadlines_and_gives_one_to_calls_that_have_none() {
    let ms = Duration::from_millis;
    // (the client's, the server's longest, what counts)
    let table = [
        (None, None, None),
        (Some(ms(3000)), None, Some(ms(3000))),
        (None, Some(ms(1000)), Some(ms(1000))),
        (Some(ms(3000)), Some(ms(1000)), Some(ms(1000))),
        (Some(ms(500)), Some(ms(1000)), Some(ms(500))),
        (None, Some(Duration::MAX), None),
    ];
    for kind in Kind::ALL {
        for (own, longest, want) in table {
            virtual_time::run(async move {
                let live = Live::new();
                let held = live.clone();
                let calls = Calls::of_every_kind(move |deadline| {
                    let guard = held.guard();
                    let left = deadline.map(|deadline| deadline - Instant::now().into_std());
                    assert!(left <= want && left.is_some() == want.is_some(), "{left:?}");
                    async move {
                        let _guard = guard;
                        pending().await
                    }
                });
                let mut server = hikyaku::Server::new().add(calls);
                if let Some(longest) = longest {
                    server = server.max_timeout(longest);
                }
                let network = Network::new();
                network.serve(server);
                let mut request = Request::new(1);
                if let Some(own) = own {
                    request = request.with_timeout(own);
                }
                let start = Instant::now();
                let channel = network.channel();
                let call = tokio::time::timeout(10 * SECOND, kind.call(&channel, request));
                let end = call.await.map(|end| check(&end.unwrap_err()));
                assert_eq!(end.is_ok(), want.is_some(), "{kind:?} {own:?} {longest:?}");
                let late = start.elapsed() - want.unwrap_or(10 * SECOND);
                assert!(late < ms(20), "{kind:?} {own:?} {longest:?} {late:?}");
                virtual_time::settle().await;
                assert_eq!((live.count(), live.made_count()), (0, 1));
            });
        }
    }
}

fn spawn_sleep(channel: &Channel, request: Request<u64>) -> tokio::task::AbortHandle {
    let channel = channel.clone();
    tokio::spawn(async move { channel.ask("/test.Calls/Sleep", request).await }).abort_handle()
}

#[test]
fn thousands_of_deadlines_end_their_calls_in_their_order() {
    virtual_time::run(async {
        let network = Network::new();
        let calls = Calls::new().unary("/test.Calls/Sleep", |_| pending());
        network.serve(hikyaku::Server::new().add(calls).max_concurrent_calls(5000));
        let channel = network.channel();
        let start = Instant::now();
        let calls = (0..2000).map(|n| {
            let channel = channel.clone();
            let timeout = Duration::from_millis(100 + (n * 7919) % 2000);
            tokio::spawn(async move {
                let request = Request::new(n).with_timeout(timeout);
                check(&channel.ask("/test.Calls/Sleep", request).await.unwrap_err());
                let late = start.elapsed() - timeout;
                assert!(late < Duration::from_millis(20), "{late:?}");
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    });
}
