//! A connection carries so many calls, then the next one does: stream numbers never run out.

use std::collections::BTreeSet;
use std::time::Duration;

use hikyaku::{Channel, Server, Status};
use hikyaku_testkit::raw::{Frame, request};
use hikyaku_testkit::{Live, Random, virtual_time};
use tokio::task::JoinSet;

use crate::in_memory::{Calling, Calls, Network, answer, collect, read_request};
use hikyaku_testkit::link::Weather;

/// Makes calls of all kinds, many at once, all of which must succeed.
async fn call_for_long(channel: &Channel, caller_count: u64, call_count: u64) {
    let mut callers = JoinSet::new();
    for caller in 0..caller_count {
        let channel = channel.clone();
        callers.spawn(async move {
            for n in 0..call_count {
                call(&channel, (caller + n) % 5, n)
                    .await
                    .unwrap_or_else(|status| panic!("caller {caller}, call {n}: {status:?}"));
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
}

async fn call(channel: &Channel, kind: u64, n: u64) -> Result<(), Status> {
    match kind {
        0 => {
            let square = channel.ask("/test.Calls/Square", n).await?;
            assert_eq!(square.into_message(), n * n);
        }
        1 => {
            let square = channel.ask("/test.Calls/Later", n).await?;
            assert_eq!(square.into_message(), n * n);
        }
        2 => {
            let (numbers, end) = collect(channel.list("/test.Calls/Count", 3).await).await;
            end?;
            assert_eq!(numbers, [1, 2, 3]);
        }
        3 => {
            let mut call = channel.tell("/test.Calls/Sum", ()).await;
            for number in [n, 1, 1] {
                call.send(number).await?;
            }
            assert_eq!(call.finish().await?.into_message(), n + 2);
        }
        _ => {
            let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
            for (number, sum) in [(n, n), (2, n + 2)] {
                sender.send(number).await?;
                assert_eq!(sums.next().await?, Some(sum));
            }
            drop(sender);
            assert_eq!(sums.next().await?, None);
        }
    }
    Ok(())
}

/// A network whose bytes are under way for a while.
fn slow_network() -> Network {
    let weather = Weather {
        latency: Duration::from_millis(20),
        ..Weather::fine()
    };
    Network::with_weather(weather, Random::new(0))
}

#[test]
fn a_client_rotates_its_connections_without_a_failed_call() {
    for calls_per_connection in [1, 7, 100] {
        virtual_time::run(async {
            let live = Live::new();
            let network = slow_network();
            network.serve(Server::new().add(Calls::four_kinds(&live)));
            let builder = network.builder();
            let channel = builder
                .max_calls_per_connection(calls_per_connection)
                .lazy()
                .unwrap();
            call_for_long(&channel, 20, 100).await;
            assert_eq!(live.made_count(), 2000);
            let want = 2000_usize.div_ceil(calls_per_connection as usize);
            assert_eq!(network.attempt_count(), want);
        });
    }
}

#[test]
fn a_server_rotates_its_clients_without_a_failed_call() {
    for calls_per_connection in [1, 7, 100] {
        virtual_time::run(async {
            let live = Live::new();
            let network = slow_network();
            let server = Server::new()
                .add(Calls::four_kinds(&live))
                .max_calls_per_connection(calls_per_connection);
            network.serve(server);
            let channel = network.channel();
            call_for_long(&channel, 20, 100).await;
            assert_eq!(live.made_count(), 2000);
            // The client hears of it a little later, and sends some more calls until then.
            let count = network.attempt_count();
            assert!(
                (5..=2000_usize.div_ceil(calls_per_connection as usize)).contains(&count),
                "{count}"
            );
        });
    }
}

#[test]
fn a_rotated_connection_ends_when_its_last_call_does() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network
            .builder()
            .max_calls_per_connection(2)
            .lazy()
            .unwrap();
        let calls: Vec<_> = (0..3)
            .map(|n| {
                let channel = channel.clone();
                tokio::spawn(async move { channel.ask("/any/Call", n).await })
            })
            .collect();
        let mut first = door.raw_server(&[]).await;
        let mut second = door.raw_server(&[]).await;
        for stream in [1, 3] {
            read_request(&mut first, stream).await;
        }
        read_request(&mut second, 1).await;
        second.send(&answer(1, 2)).await;
        first.send(&answer(3, 1)).await;
        first.send(&answer(1, 0)).await;
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await.unwrap().unwrap().into_message(), n);
        }
        let frames = first.read_to_end().await;
        assert!(
            frames
                .iter()
                .any(|frame| matches!(frame, Frame::GoAway { code: 0, .. }))
        );
        assert_eq!(network.attempt_count(), 2);
    });
}

#[test]
fn a_client_near_the_end_of_the_numbers_is_sent_on_and_loses_no_call() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut client = network.raw_client().await;
        let last_good = 0x5fff_ffff;
        let call = |stream: u32| {
            let head = request("/test.Calls/Square", &[]);
            let message = Frame::message(stream, &3_u64.to_be_bytes(), true);
            [Frame::headers(stream, &head, false), message].concat()
        };
        client.send(&call(last_good)).await;
        assert!(client.read_stream(last_good).await.len() == 3);
        // Three quarters of the numbers are used: the server says so, and goes on until it is heard.
        client.send(&call(last_good + 2)).await;
        client.send(&call(0x7fff_fffd)).await;
        let mut ended = BTreeSet::new();
        let mut farewells = Vec::new();
        while ended.len() < 2 {
            match client.read().await.expect("the server answers") {
                Frame::GoAway {
                    last_stream,
                    code: 0,
                    ..
                } => farewells.push(last_stream),
                Frame::Ping {
                    ack: false,
                    payload,
                } => {
                    client.send(&call(0x7fff_ffff)).await;
                    client.send(&Frame::ping(true, payload)).await;
                }
                frame if frame.ends_stream() => drop(ended.insert(frame.stream())),
                _ => {}
            }
        }
        let rest = client.read_to_end().await;
        for frame in &rest {
            match frame {
                Frame::GoAway { last_stream, .. } => farewells.push(*last_stream),
                frame if frame.ends_stream() => drop(ended.insert(frame.stream())),
                _ => {}
            }
        }
        assert_eq!(farewells, [0x7fff_ffff, 0x7fff_ffff]);
        let all = [last_good + 2, 0x7fff_fffd, 0x7fff_ffff];
        assert_eq!(ended, BTreeSet::from(all));
    });
}
