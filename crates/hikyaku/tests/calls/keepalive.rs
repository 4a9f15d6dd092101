//! Peers that go without a word, clients that ask too often, and connections that grow old
//! (gRFC A8, gRFC A9).

use std::time::Duration;

use hikyaku::client::ChannelBuilder;
use hikyaku::{Code, Server};
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, link, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network, collect};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The whole seconds until a PING comes that is no answer; nobody listens before `patience`.
async fn seconds_until_ping(peer: &mut RawPeer<link::End>, patience: u64) -> u64 {
    let begun = Instant::now();
    tokio::time::sleep(seconds(patience)).await;
    while !matches!(peer.read().await, Some(Frame::Ping { ack: false, .. })) {}
    begun.elapsed().as_secs()
}

#[test]
fn a_server_that_goes_without_a_word_fails_the_calls_with_unavailable() {
    // (the channel's wishes, when its call fails)
    type Wishes = fn(ChannelBuilder) -> ChannelBuilder;
    let table: [(Wishes, u64); 3] = [
        (|builder| builder.keepalive(seconds(30)), 50),
        (
            |builder| builder.keepalive(seconds(60)).keepalive_timeout(seconds(5)),
            65,
        ),
        (|builder| builder.keepalive(seconds(1)), 30),
    ];
    for (wishes, want) in table {
        virtual_time::run(async move {
            let network = Network::serving(Calls::four_kinds(&Live::new()));
            let channel = wishes(network.builder()).lazy().unwrap();
            let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
            sender.send(1).await.unwrap();
            assert_eq!(sums.next().await.unwrap(), Some(1));
            network.hold_all();
            let begun = Instant::now();
            let status = sums.next().await.unwrap_err();
            assert_eq!(begun.elapsed().as_secs(), want);
            assert_eq!(status.code(), Code::Unavailable);
            let message = status.message();
            let want = "the connection to server.test:1 was ended: \
                 INTERNAL_ERROR: no answer to a keepalive PING within";
            assert!(message.starts_with(want), "{message}");
        });
    }
}

#[test]
fn a_client_that_goes_without_a_word_has_its_handlers_dropped() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&live));
        network.serve(server.keepalive(seconds(100), seconds(10)));
        let channel = network.channel();
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        sender.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));
        network.hold_all();
        tokio::time::sleep(seconds(109)).await;
        assert_eq!(live.count(), 1);
        tokio::time::sleep(seconds(2)).await;
        assert_eq!(live.count(), 0);
    });
}

#[test]
fn a_server_asks_after_two_hours_and_a_client_never_unless_told() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        assert_eq!(seconds_until_ping(&mut peer, 2 * 3600 - 1).await, 2 * 3600);
        let mut door = network.listen();
        let channel = network.channel();
        let _call = channel.talk("/any/Call", ()).await;
        let mut peer = door.raw_server(&[]).await;
        peer.read_on(1).await;
        tokio::time::sleep(seconds(12 * 3600)).await;
        let silence = tokio::time::timeout(seconds(1), peer.read()).await;
        assert!(silence.is_err(), "{silence:?}");
    });
}

#[test]
fn too_many_pings_end_the_connection_and_make_the_channel_ask_half_as_often() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.builder().keepalive(seconds(30)).lazy().unwrap();
        for interval in [30, 60, 120] {
            let mut call = channel.list("/any/Call", 1).await;
            let mut peer = door.raw_server(&[]).await;
            peer.read_on(1).await;
            assert_eq!(seconds_until_ping(&mut peer, interval - 1).await, interval);
            peer.send(&Frame::go_away(1, 11, "too_many_pings")).await;
            drop(peer);
            let status = call.next().await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            assert!(status.message().contains("too_many_pings"), "{status}");
        }
    });
}

#[test]
fn a_server_cuts_off_who_pings_too_often() {
    // (seconds between pings, as the server permits, pings until the end)
    let table = [
        (299, None, 4),
        (9, Some((10, true)), 4),
        (10, Some((10, true)), 20),
    ];
    for (pause, permit, want) in table {
        virtual_time::run(async move {
            let network = Network::new();
            let mut server = Server::new().add(Calls::four_kinds(&Live::new()));
            if let Some((interval, without_calls)) = permit {
                server = server.permit_keepalive(seconds(interval), without_calls);
            }
            network.serve(server);
            let mut peer = network.raw_client().await;
            let mut last = None;
            for count in 1..=20 {
                tokio::time::sleep(seconds(pause)).await;
                peer.send(&Frame::ping(false, [1; 8])).await;
                last = Some((count, peer.read().await));
                if let Some((_, Some(Frame::GoAway { .. }))) = last {
                    break;
                }
            }
            let (count, frame) = last.unwrap();
            assert_eq!(count, want, "{frame:?}");
            if want < 20 {
                let debug = "too_many_pings".to_owned();
                let want = Frame::GoAway {
                    last_stream: 0,
                    code: 11,
                    debug,
                };
                assert_eq!(frame, Some(want));
            }
        });
    }
}

#[test]
fn our_own_keepalive_pleases_our_own_server() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let channel = network.builder().keepalive(seconds(300)).lazy().unwrap();
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        tokio::time::sleep(seconds(12 * 3600)).await;
        sender.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn an_idle_connection_is_closed_and_the_next_call_makes_another() {
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        network.serve(server.max_connection_idle(seconds(60)));
        let channel = network.channel();
        for attempts in 1..=3 {
            assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
            tokio::time::sleep(seconds(59)).await;
            assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
            assert_eq!(network.attempt_count(), attempts);
            tokio::time::sleep(seconds(61)).await;
            assert!(network.is_closed());
        }
    });
}

#[test]
fn an_old_connection_finishes_its_calls_while_new_ones_go_to_another() {
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        network.serve(server.max_connection_age(seconds(1000), None));
        let channel = network.channel();
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        tokio::time::sleep(seconds(899)).await;
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        assert_eq!(network.attempt_count(), 1, "before nine tenths of the age");
        tokio::time::sleep(seconds(202)).await;
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        assert_eq!(network.attempt_count(), 2, "after eleven tenths");
        sender.send(5).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(5));
    });
}

#[test]
fn an_old_connection_is_cut_off_after_its_grace() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&live));
        network.serve(server.max_connection_age(seconds(1000), Some(seconds(50))));
        let (_sender, sums) = network.channel().talk("/test.Calls/Sums", ()).await;
        let begun = Instant::now();
        let (_, end) = collect(sums).await;
        assert_eq!(end.unwrap_err().code(), Code::Unavailable);
        assert!((950..=1150).contains(&begun.elapsed().as_secs()));
        settle().await;
        assert_eq!(live.count(), 0);
    });
}

#[test]
fn ages_are_spread_by_a_tenth_either_way() {
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        network.serve(server.max_connection_age(seconds(1000), None));
        let mut ends = Vec::new();
        for _ in 0..20 {
            let mut peer = network.raw_client().await;
            let begun = Instant::now();
            ends.push(tokio::spawn(async move {
                tokio::time::sleep(seconds(890)).await;
                match peer.read_on(0).await {
                    Frame::GoAway { debug, .. } => assert_eq!(debug, "max_age"),
                    other => panic!("{other:?}"),
                }
                begun.elapsed().as_secs()
            }));
        }
        let mut ages = Vec::new();
        for end in ends {
            ages.push(end.await.unwrap());
        }
        assert!(
            ages.iter().all(|age| (900..=1100).contains(age)),
            "{ages:?}"
        );
        ages.sort_unstable();
        ages.dedup();
        assert!(ages.len() > 10, "they should differ: {ages:?}");
    });
}

#[test]
fn what_pings_measure_is_no_reason_to_cut_off_a_client() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        for stream in (1..41).step_by(2) {
            let request = raw::request("/test.Calls/Square", &[]);
            peer.send(&Frame::headers(stream, &request, false)).await;
            peer.send(&Frame::message(stream, &3_u64.to_be_bytes(), true))
                .await;
            peer.read_stream(stream).await;
            peer.send(&Frame::ping(false, [2; 8])).await;
            assert!(matches!(
                peer.read().await,
                Some(Frame::Ping { ack: true, .. })
            ));
        }
    });
}
