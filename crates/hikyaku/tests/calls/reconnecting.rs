//! Connections come and go behind a channel.

use std::time::Duration;

use hikyaku::{Code, Origin, Server};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network, collect};

#[test]
fn a_connection_that_is_lost_ends_its_calls_at_both_ends() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        let channel = network.channel();
        let call = channel.tell("/test.Calls/Sum", ()).await;
        let (mut sender, sums) = channel.talk("/test.Calls/Sums", ()).await;
        let list = channel.list("/test.Calls/Count", u64::MAX).await;
        settle().await;
        assert_eq!(live.count(), 3);
        network.cut_all();
        let lost = [
            collect(sums).await.1.unwrap_err(),
            collect(list).await.1.unwrap_err(),
            call.finish().await.unwrap_err(),
            sender.send(1).await.unwrap_err(),
        ];
        for status in lost {
            assert_eq!(
                (status.code(), status.origin()),
                (Code::Unavailable, Origin::Transport)
            );
            assert!(status.message().contains("server.test:1"), "{status}");
        }
        settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 3));
    });
}

#[test]
fn a_handler_sees_cancelled_when_the_connection_is_lost() {
    virtual_time::run(async {
        let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
        let calls = Calls::new().client_streaming("/test.Calls/Lend", move |mut requests| {
            let told = told.clone();
            tokio::spawn(async move { told.send(requests.next().await.unwrap_err()) });
            std::future::pending()
        });
        let network = Network::serving(calls);
        let channel = network.channel();
        let _call = channel.tell("/test.Calls/Lend", ()).await;
        settle().await;
        network.cut_all();
        let status = tell.recv().await.unwrap();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Cancelled, Origin::Transport)
        );
    });
}

#[test]
fn the_next_call_makes_the_next_connection() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let channel = network.channel();
        for n in 1..=20 {
            assert_eq!(
                channel
                    .ask("/test.Calls/Square", 3)
                    .await
                    .unwrap()
                    .into_message(),
                9
            );
            assert_eq!(network.attempt_count(), n);
            network.cut_all();
            settle().await;
        }
    });
}

#[test]
fn a_channel_connects_when_the_first_call_wants_it() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let lazy = network.channel();
        settle().await;
        assert_eq!(network.attempt_count(), 0);
        lazy.ask("/test.Calls/Square", 3).await.unwrap();
        assert_eq!(network.attempt_count(), 1);
        let eager = network.builder().connect().await.unwrap();
        assert_eq!(network.attempt_count(), 2);
        eager.ask("/test.Calls/Square", 3).await.unwrap();
        assert_eq!(network.attempt_count(), 2);
    });
}

#[test]
fn a_refused_connection_is_told_with_the_address_and_the_reason() {
    virtual_time::run(async {
        let network = Network::new();
        let status = network
            .channel()
            .ask("/test.Calls/Square", 3)
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Unavailable, Origin::Transport)
        );
        assert!(status.message().contains("server.test:1"), "{status}");
        assert!(status.message().contains("nobody listens"), "{status}");
        let error = network.builder().connect().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "nobody listens while connecting to server.test:1"
        );
    });
}

#[test]
fn attempts_are_spaced_and_calls_in_between_fail_at_once() {
    virtual_time::run(async {
        let network = Network::new();
        let channel = network.channel();
        let start = Instant::now();
        let mut attempts = Vec::new();
        // A client that calls all the time, for five minutes.
        while start.elapsed() < Duration::from_secs(300) {
            let before = Instant::now();
            let status = channel.ask("/test.Calls/Square", 3).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            assert_eq!(before.elapsed(), Duration::ZERO);
            if attempts.len() < network.attempt_count() {
                attempts.push(start.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let waits: Vec<_> = attempts
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        assert!((8..=13).contains(&waits.len()), "{waits:?}");
        for (wait, base) in waits
            .iter()
            .zip([1.0, 1.6, 2.56, 4.096, 6.55, 10.5, 16.8, 26.8])
        {
            assert!(
                (base * 0.8..base * 1.2 + 0.1).contains(wait),
                "{wait} of {base}"
            );
        }

        // Once there is a server, the channel finds it.
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let back = Instant::now();
        while channel.ask("/test.Calls/Square", 3).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(back.elapsed() < Duration::from_secs(145));

        // And its patience is new: after a loss it connects at once.
        network.cut_all();
        settle().await;
        channel.ask("/test.Calls/Square", 3).await.unwrap();
    });
}

#[test]
fn calls_wait_while_the_channel_connects() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        network.delay_connecting(Duration::from_secs(3));
        let channel = network.channel();
        let start = Instant::now();
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        sender.send(4).await.unwrap();
        let square = channel.ask("/test.Calls/Square", 3).await.unwrap();
        assert_eq!(square.into_message(), 9);
        assert_eq!(sums.next().await.unwrap(), Some(4));
        assert_eq!(start.elapsed().as_secs(), 3);
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        network.delay_connecting(Duration::from_secs(10_000));
        let start = Instant::now();
        let status = network
            .channel()
            .ask("/test.Calls/Square", 3)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(start.elapsed().as_secs(), 20);
    });
}

#[test]
fn a_goaway_lets_running_calls_finish_and_sends_new_ones_elsewhere() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let mut running = channel.list("/any/Call", 1).await;
        let mut server = door.raw_server(&[]).await;
        while !server.read_on(1).await.ends_stream() {}
        server
            .send(&Frame::go_away((1 << 31) - 1, 0, "moving"))
            .await;

        let live = Live::new();
        network.serve(Server::new().add(Calls::four_kinds(&live)));
        settle().await;
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 3)
                .await
                .unwrap()
                .into_message(),
            9
        );
        assert_eq!(network.attempt_count(), 2);

        let head = raw::block(&[(":status", "200"), ("content-type", "application/grpc")]);
        server.send(&Frame::headers(1, &head, false)).await;
        server
            .send(&Frame::message(1, &7_u64.to_be_bytes(), false))
            .await;
        server
            .send(&Frame::headers(
                1,
                &raw::block(&[("grpc-status", "0")]),
                true,
            ))
            .await;
        assert_eq!(running.next().await.unwrap(), Some(7));
        assert_eq!(running.next().await.unwrap(), None);
        let frames = server.read_to_end().await;
        assert!(
            frames
                .iter()
                .any(|frame| matches!(frame, Frame::GoAway { .. })),
            "{frames:?}"
        );
    });
}

#[test]
fn calls_above_the_last_stream_of_a_goaway_are_unavailable() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let mut first = channel.list("/any/Call", 1).await;
        let second = channel.list("/any/Call", 2).await;
        let mut server = door.raw_server(&[]).await;
        while !server.read_on(3).await.ends_stream() {}
        server.send(&Frame::go_away(1, 0, "")).await;
        let status = collect(second).await.1.unwrap_err();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Unavailable, Origin::Transport)
        );
        let trailers = raw::block(&[
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-status", "0"),
        ]);
        server.send(&Frame::headers(1, &trailers, true)).await;
        assert_eq!(first.next().await.unwrap(), None);
    });
}

#[test]
fn calls_that_wait_for_a_stream_move_on_when_the_server_goes() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let first = channel.list("/any/Call", 1).await;
        let mut server = door.raw_server(&[(3, 1)]).await;
        server.read_on(1).await;
        let asking = channel.clone();
        let waiting = tokio::spawn(async move { asking.ask("/test.Calls/Square", 5).await });
        settle().await;
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        server.send(&Frame::go_away(1, 0, "")).await;
        assert_eq!(waiting.await.unwrap().unwrap().into_message(), 25);
        drop(first);
        server.read_to_end().await;
    });
}

#[test]
fn a_server_that_hangs_up_on_everyone_does_not_make_a_storm() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        tokio::spawn(async move {
            loop {
                drop(door.next().await);
            }
        });
        let channel = network.channel();
        for _ in 0..20 {
            let status = channel.ask("/test.Calls/Square", 3).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
        }
        assert!(network.attempt_count() <= 20, "{}", network.attempt_count());
    });
}
