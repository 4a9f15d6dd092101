//! When a call is over, nothing of it is left.

use std::time::Duration;

use hikyaku::server::{Replies, Requests};
use hikyaku::{Code, Server, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::sync::mpsc;

use crate::in_memory::{Calling, Calls, Network, collect};

#[test]
fn clients_that_disappear_in_mid_stream_leave_nothing_behind() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&live)));
        for n in 1..=30 {
            let mut peer = network.raw_client().await;
            for (stream, path) in [(1, "/test.Calls/Sum"), (3, "/test.Calls/Sums")] {
                peer.send(&Frame::headers(stream, &raw::request(path, &[]), false))
                    .await;
                peer.send(&Frame::data(stream, &[0, 0, 0, 0, 8, 1], false))
                    .await;
            }
            peer.send(&Frame::headers(
                5,
                &raw::request("/test.Calls/Count", &[]),
                false,
            ))
            .await;
            peer.send(&Frame::message(5, &u64::MAX.to_be_bytes(), true))
                .await;
            settle().await;
            assert_eq!((live.count(), live.made_count()), (3, 3 * n));
            if n % 2 == 0 {
                network.cut_all();
            }
            drop(peer);
            settle().await;
            assert_eq!(live.count(), 0);
        }
        running.stop();
        running.task.await.unwrap().unwrap();
    });
}

#[test]
fn a_client_that_leaves_in_good_order_lets_its_calls_finish() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        let mut peer = network.raw_client().await;
        peer.send(&Frame::headers(
            1,
            &raw::request("/test.Calls/Later", &[]),
            false,
        ))
        .await;
        peer.send(&Frame::message(1, &3_u64.to_be_bytes(), true))
            .await;
        peer.send(&Frame::go_away(0, 0, "bye")).await;
        let frames = peer.read_stream(1).await;
        assert_eq!(
            frames.last().unwrap().field("grpc-status"),
            Some("0"),
            "{frames:?}"
        );
    });
}

/// What a handler has given away before it returned.
fn lending(given: mpsc::UnboundedSender<(Requests<u64>, Replies<u64>)>) -> Calls {
    let late = given.clone();
    Calls::new()
        .bidi("/test.Calls/Now", move |requests, replies| {
            let _ = given.send((requests, replies));
            async { Ok(()) }
        })
        .bidi("/test.Calls/Late", move |mut requests, replies| {
            let late = late.clone();
            async move {
                requests.next().await?;
                let _ = late.send((requests, replies));
                Err(Status::aborted("enough"))
            }
        })
}

#[test]
fn streams_that_outlive_their_handler_end() {
    virtual_time::run(async {
        for path in ["/test.Calls/Now", "/test.Calls/Late"] {
            let (given, mut taken) = mpsc::unbounded_channel();
            let channel = Network::serving(lending(given)).channel();
            let (mut sender, mut replies) = channel.talk(path, ()).await;
            sender.send(1).await.unwrap();
            let _ = replies.next().await;
            settle().await;
            let (mut requests, mut replies) = taken.recv().await.unwrap();
            let error = tokio::time::timeout(Duration::from_secs(5), async {
                loop {
                    if let Err(status) = replies.send(1).await {
                        return status;
                    }
                }
            })
            .await
            .unwrap_or_else(|_| panic!("{path}: replies wait for ever"));
            assert_eq!(error.code(), Code::Cancelled, "{path}");
            let next = tokio::time::timeout(Duration::from_secs(5), async {
                while let Ok(Some(_)) = requests.next().await {}
            });
            next.await
                .unwrap_or_else(|_| panic!("{path}: requests wait for ever"));
        }
    });
}

#[test]
fn a_call_that_ended_well_holds_no_channel() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 1).await.unwrap();
        drop(channel);
        settle().await;
        assert!(network.cable().is_closed());
    });
}

#[test]
fn a_channel_nobody_used_ends_without_a_connection() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        drop(network.channel());
        settle().await;
        assert_eq!(network.attempt_count(), 0);
        assert_eq!(
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            1,
            "the server"
        );
    });
}

#[test]
fn a_client_that_breaks_the_rules_and_does_not_read_leaves_nothing_behind() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        let mut peer = network.raw_client().await;
        let much = (1_u32 << 31) - 1 - 65_535;
        peer.send(&Frame::window_update(0, much)).await;
        for stream in [1, 3, 5] {
            peer.send(&Frame::headers(
                stream,
                &raw::request("/test.Calls/Count", &[]),
                false,
            ))
            .await;
            peer.send(&Frame::message(stream, &u64::MAX.to_be_bytes(), true))
                .await;
            peer.send(&Frame::window_update(stream, much)).await;
        }
        settle().await;
        assert_eq!(live.count(), 3);
        // Nothing of what the server writes is read, its farewell included.
        peer.send(&Frame::data(99, b"?", false)).await;
        settle().await;
        assert_eq!(
            live.count(),
            0,
            "handlers run on for a connection that is over"
        );
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(
            network.cable().is_hung_up(),
            "the socket is kept for a peer that does not read"
        );
    });
}

#[test]
fn a_channel_whose_runtime_has_ended_says_so() {
    let network = Network::new();
    let channels = virtual_time::run(async {
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let (unused, used, connecting) = (network.channel(), network.channel(), network.channel());
        used.ask("/test.Calls/Square", 1).await.unwrap();
        let running = used.list("/test.Calls/Count", u64::MAX).await;
        network.delay_connecting(Duration::from_secs(10));
        let waiting = connecting.list("/test.Calls/Count", 1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        (unused, used, connecting, running, waiting)
    });
    let (unused, used, connecting, running, waiting) = channels;
    virtual_time::run(async {
        for replies in [running, waiting] {
            assert_eq!(
                collect(replies).await.1.unwrap_err().code(),
                Code::Unavailable
            );
        }
        for channel in [unused, used, connecting] {
            let status = channel.ask("/test.Calls/Square", 1).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    });
}
