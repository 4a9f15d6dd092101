//! The graceful end of a server, and the sudden one.

use std::future::pending;
use std::time::Duration;

use hikyaku::{Code, Server};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network, collect};

#[test]
fn open_calls_finish_and_new_ones_go_to_the_next_server() {
    virtual_time::run(async {
        let (old, new) = (Live::new(), Live::new());
        let network = Network::new();
        let mut first = network.serve(Server::new().add(Calls::four_kinds(&old)));
        let channel = network.channel();
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        sender.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));

        first.stop();
        network.serve(Server::new().add(Calls::four_kinds(&new)));
        settle_briefly().await;
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 3)
                .await
                .unwrap()
                .into_message(),
            9
        );
        assert_eq!((old.made_count(), new.made_count()), (1, 1));
        sender.send(2).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(3));
        assert!(!first.task.is_finished());
        drop(sender);
        assert_eq!(sums.next().await.unwrap(), None);
        first.task.await.unwrap().unwrap();
        assert_eq!(network.attempt_count(), 2);
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 4)
                .await
                .unwrap()
                .into_message(),
            16
        );
    });
}

async fn settle_briefly() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[test]
fn a_server_without_calls_ends_at_once() {
    virtual_time::run(async {
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 3).await.unwrap();
        let start = Instant::now();
        running.stop();
        running.task.await.unwrap().unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
    });
}

#[test]
fn without_another_server_new_calls_are_unavailable() {
    virtual_time::run(async {
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 3).await.unwrap();
        running.stop();
        running.task.await.unwrap().unwrap();
        let status = channel.ask("/test.Calls/Square", 3).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    });
}

#[test]
fn no_call_is_lost_when_servers_follow_one_another() {
    virtual_time::run(async {
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let channel = network.channel();
        let calling = tokio::spawn(async move {
            let mut count = 0;
            let end = Instant::now() + Duration::from_secs(20);
            while Instant::now() < end {
                let n = count % 100;
                assert_eq!(
                    channel
                        .ask("/test.Calls/Later", n)
                        .await
                        .unwrap()
                        .into_message(),
                    n * n
                );
                count += 1;
            }
            count
        });
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1013)).await;
            let next = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
            running.stop();
            running.task.await.unwrap().unwrap();
            running = next;
        }
        assert!(calling.await.unwrap() > 1000);
        assert_eq!(network.attempt_count(), 11);
    });
}

#[test]
fn calls_that_do_not_finish_are_cut_after_the_grace() {
    virtual_time::run(async {
        let live = Live::new();
        let held = live.clone();
        let network = Network::new();
        let calls = Calls::new().unary("/test.Calls/Sleep", move |_| {
            let guard = held.guard();
            async move {
                let _guard = guard;
                pending().await
            }
        });
        let server = Server::new()
            .add(calls)
            .shutdown_grace(Duration::from_secs(7));
        let mut running = network.serve(server);
        let channel = network.channel();
        let call = tokio::spawn(async move { channel.ask("/test.Calls/Sleep", 1).await });
        settle().await;
        let start = Instant::now();
        running.stop();
        running.task.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_secs(), 7);
        assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
        settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 1));
    });
}

#[test]
fn a_client_is_told_twice_and_calls_in_between_are_answered() {
    virtual_time::run(async {
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let mut peer = network.raw_client().await;
        running.stop();
        let told = peer.read_on(0).await;
        assert_eq!(
            told,
            Frame::GoAway {
                last_stream: (1 << 31) - 1,
                code: 0,
                debug: "".into()
            }
        );
        let Some(Frame::Ping {
            ack: false,
            payload,
        }) = peer.read().await
        else {
            panic!()
        };
        // This one was on its way when the server began to go.
        peer.send(&Frame::headers(
            1,
            &raw::request("/test.Calls/Later", &[]),
            false,
        ))
        .await;
        peer.send(&Frame::message(1, &[0; 8], true)).await;
        peer.send(&Frame::ping(true, payload)).await;
        let told = peer.read_on(0).await;
        let told = if matches!(told, Frame::WindowUpdate { .. }) {
            peer.read_on(0).await
        } else {
            told
        };
        assert_eq!(
            told,
            Frame::GoAway {
                last_stream: 1,
                code: 0,
                debug: "".into()
            }
        );
        let frames = peer.read_stream(1).await;
        assert_eq!(
            frames.last().unwrap().field("grpc-status"),
            Some("0"),
            "{frames:?}"
        );
        peer.read_to_end().await;
        running.task.await.unwrap().unwrap();
    });
}

#[test]
fn a_client_that_never_answers_is_not_waited_for_longer_than_its_calls_are() {
    // (whether it has a call open, the seconds until the server has ended)
    for (has_call, want) in [(false, 10), (true, 30)] {
        virtual_time::run(async move {
            let network = Network::new();
            let mut running = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
            let mut peer = network.raw_client().await;
            if has_call {
                let block = raw::request("/test.Calls/Sums", &[]);
                peer.send(&Frame::headers(1, &block, false)).await;
                settle().await;
            }
            network.cable().hold();
            running.stop();
            let start = Instant::now();
            running.task.await.unwrap().unwrap();
            assert_eq!(start.elapsed().as_secs(), want);
            drop(peer);
        });
    }
}

#[test]
fn dropping_the_servers_future_drops_its_handlers() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        let running = network.serve(Server::new().add(Calls::four_kinds(&live)));
        let channel = network.channel();
        let call = channel.tell("/test.Calls/Sum", ()).await;
        let (_sender, sums) = channel.talk("/test.Calls/Sums", ()).await;
        let list = channel.list("/test.Calls/Count", u64::MAX).await;
        settle().await;
        assert_eq!(live.count(), 3);
        running.task.abort();
        assert_eq!(collect(sums).await.1.unwrap_err().code(), Code::Unavailable);
        assert_eq!(collect(list).await.1.unwrap_err().code(), Code::Unavailable);
        assert_eq!(call.finish().await.unwrap_err().code(), Code::Unavailable);
        settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 3));
    });
}

#[test]
fn a_dropped_channel_closes_its_connection_after_its_calls() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&live)));
        let channel = network.channel();
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        drop(channel);
        settle().await;
        sender.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));
        drop(sender);
        assert_eq!(sums.next().await.unwrap(), None);
        drop(sums);
        settle().await;
        assert!(
            network.cable().is_closed(),
            "nobody needs the connection any more"
        );
        running.stop();
        running.task.await.unwrap().unwrap();
    });
}
