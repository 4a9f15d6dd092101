//! The server's stream limit, and the limit on messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hikyaku::{Channel, Code, Origin, Server, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, Plain};

#[test]
fn calls_beyond_the_servers_limit_wait_and_all_finish() {
    virtual_time::run(async {
        for limit in [1, 3, 100] {
            let live = Live::new();
            let peak = Arc::new(AtomicUsize::new(0));
            let (alive, highest) = (live.clone(), Arc::clone(&peak));
            let network = Network::new();
            let calls = Calls::new().unary("/test.Calls/Later", move |request| {
                let guard = alive.guard();
                highest.fetch_max(alive.count(), Ordering::SeqCst);
                async move {
                    let _guard = guard;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Ok((*request.message()).into())
                }
            });
            network.serve(Server::new().add(calls).max_concurrent_calls(limit));
            let channel = network.channel();
            // The first call waits for the server's settings.
            channel.ask("/test.Calls/Later", 0).await.unwrap();
            let calls = (0..500).map(|n| {
                let channel = channel.clone();
                tokio::spawn(async move { channel.ask("/test.Calls/Later", n).await })
            });
            for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
                assert_eq!(call.await.unwrap().unwrap().into_message(), n as u64);
            }
            assert_eq!(peak.load(Ordering::SeqCst), limit as usize);
            assert_eq!((live.count(), live.made_count()), (0, 501));
            assert_eq!(network.attempt_count(), 1);
        }
    });
}

#[test]
fn a_burst_before_the_settings_are_known_finishes_too() {
    virtual_time::run(async {
        let network = Network::new();
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let channel = network.channel();
        let calls = (0..1000_u64).map(|n| {
            let channel = channel.clone();
            tokio::spawn(async move { channel.ask("/test.Calls/Later", n).await })
        });
        for (n, call) in (0..).zip(calls.collect::<Vec<_>>()) {
            assert_eq!(call.await.unwrap().unwrap().into_message(), n * n);
        }
    });
}

#[test]
fn a_burst_beyond_a_limit_that_is_not_known_yet_finishes_too() {
    virtual_time::run(async {
        let network = Network::new();
        let calls = Calls::four_kinds(&Live::new());
        network.serve(Server::new().add(calls).max_concurrent_calls(3));
        let channel = network.channel();
        let calls = (0..50_u64).map(|n| {
            let channel = channel.clone();
            tokio::spawn(async move { channel.ask("/test.Calls/Later", n).await })
        });
        for (n, call) in (0..).zip(calls.collect::<Vec<_>>()) {
            assert_eq!(call.await.unwrap().unwrap().into_message(), n * n);
        }
    });
}

#[test]
fn a_waiting_call_that_is_dropped_makes_way() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        network.serve(
            Server::new()
                .add(Calls::four_kinds(&live))
                .max_concurrent_calls(1),
        );
        let channel = network.channel();
        let (sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let waiting = channel.ask("/test.Calls/Square", 3);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), waiting)
                .await
                .is_err()
        );
        let next = channel.clone();
        let next = tokio::spawn(async move { next.ask("/test.Calls/Square", 4).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(sender);
        assert_eq!(sums.next().await.unwrap(), None);
        assert_eq!(next.await.unwrap().unwrap().into_message(), 16);
        assert_eq!(live.made_count(), 2);
    });
}

fn lengths() -> Calls {
    Calls::four_kinds(&Live::new())
        .unary_bytes("/test.Calls/Zeros", |request| async move {
            let digits = std::str::from_utf8(request.message()).unwrap();
            Ok(Bytes::from(vec![0; digits.parse().unwrap()]).into())
        })
        .unary_bytes("/test.Calls/Len", |request| async move {
            Ok(Bytes::from(request.message().len().to_string()).into())
        })
}

async fn ask_bytes(channel: &Channel, path: &'static str, of: Bytes) -> Result<Bytes, Status> {
    Ok(channel
        .unary::<Plain, Bytes, Bytes>(path, of.into())
        .await?
        .into_message())
}

#[test]
fn a_request_over_the_limit_is_refused_by_the_server() {
    virtual_time::run(async {
        let network = Network::new();
        network.serve(Server::new().add(lengths()).max_message_len(1000));
        let channel = network.channel();
        for (len, want) in [
            (1000, Ok("1000")),
            (1001, Err(())),
            (100_000, Err(())),
            (3, Ok("3")),
        ] {
            let got = ask_bytes(&channel, "/test.Calls/Len", Bytes::from(vec![0; len])).await;
            match want {
                Ok(text) => assert_eq!(got.unwrap(), text),
                Err(()) => {
                    let status = got.unwrap_err();
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                    assert_eq!(status.origin(), Origin::Peer);
                }
            }
        }
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn a_reply_over_the_limit_is_refused_by_the_client() {
    virtual_time::run(async {
        let network = Network::serving(lengths());
        let channel = network.builder().max_message_len(1000).lazy().unwrap();
        for (len, is_taken) in [(1000, true), (1001, false), (1 << 20, false), (3, true)] {
            let len = Bytes::from(len.to_string());
            let got = ask_bytes(&channel, "/test.Calls/Zeros", len.clone()).await;
            match is_taken {
                true => assert_eq!(got.unwrap().len().to_string(), len),
                false => {
                    let status = got.unwrap_err();
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                    assert_eq!(status.origin(), Origin::Local);
                }
            }
        }
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn a_request_over_the_limit_is_refused_before_it_is_there() {
    virtual_time::run(async {
        let network = Network::serving(lengths());
        let mut peer = network.raw_client().await;
        for (stream, path) in [(1, "/test.Calls/Len"), (3, "/test.Calls/Sum")] {
            peer.send(&Frame::headers(stream, &raw::request(path, &[]), false))
                .await;
            // Four gibibytes are announced; five bytes and one are sent.
            peer.send(&Frame::data(stream, &[0, 255, 255, 255, 255, 7], false))
                .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(frames[0].field("grpc-status"), Some("8"), "{frames:?}");
            assert!(peer.read_on(stream).await == Frame::Reset { stream, code: 0 });
        }
    });
}
