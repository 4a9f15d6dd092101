//! Heavy traffic of honest clients and servers, call by call: no budget ever cuts one off.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use hikyaku::{Channel, Request};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::{sleep, timeout};

use crate::in_memory::{Calling, Calls, Network, Plain, collect};

const SECOND: Duration = Duration::from_secs(1);

/// A channel to the four kinds, and what it has to look like in the end.
struct Client {
    network: Network,
    channel: Channel,
    live: Live,
}

impl Client {
    fn new() -> Self {
        let live = Live::new();
        let calls = Calls::four_kinds(&live)
            .bidi_bytes(
                "/test.Calls/Echoes",
                |mut requests, mut replies| async move {
                    while let Some(message) = requests.next().await? {
                        replies.send(message).await?;
                    }
                    Ok(())
                },
            )
            .server_streaming("/test.Calls/First", |_, mut replies| async move {
                replies.send(1).await?;
                pending().await
            })
            .server_streaming("/test.Calls/Watch", |_, mut replies| async move {
                for hour in 0.. {
                    sleep(SECOND * 3600).await;
                    replies.send(hour).await?;
                }
                Ok(())
            });
        let network = Network::serving(calls);
        let channel = network.channel();
        Self {
            network,
            channel,
            live,
        }
    }

    /// All went over one connection, which stands, and nothing is left on it.
    async fn ends_well(self) {
        let reply = self.channel.ask("/test.Calls/Square", 9).await;
        assert_eq!(reply.unwrap().into_message(), 81);
        settle().await;
        assert_eq!(self.live.count(), 0, "handlers outlive their calls");
        assert_eq!(self.network.attempt_count(), 1, "it had to connect anew");
    }
}

#[test]
fn ten_thousand_dropped_calls_a_minute_are_no_attack() {
    virtual_time::run(async {
        let client = Client::new();
        for number in 0..10_000 * 2_u64 {
            let call = client.channel.ask("/test.Calls/Later", number);
            assert!(timeout(3 * SECOND / 1000, call).await.is_err());
            sleep(3 * SECOND / 1000).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn ten_thousand_deadlines_a_minute_are_no_attack() {
    virtual_time::run(async {
        let client = Client::new();
        for number in 0..10_000 * 2_u64 {
            let request = Request::new(number).with_timeout(3 * SECOND / 1000);
            let call = client.channel.ask("/test.Calls/Later", request);
            assert!(call.await.is_err());
            sleep(3 * SECOND / 1000).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn the_first_of_many_replies_is_enough_for_some() {
    virtual_time::run(async {
        let client = Client::new();
        for _ in 0..160 * 60 {
            let mut replies = client.channel.list("/test.Calls/First", 1).await;
            assert_eq!(replies.next().await.unwrap(), Some(1));
            drop(replies);
            sleep(SECOND / 160).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn one_byte_messages_are_no_attack() {
    const COUNT: usize = 200_000;
    virtual_time::run(async {
        let client = Client::new();
        let (mut sender, mut replies) = client
            .channel
            .bidi_streaming::<Plain, Bytes, Bytes>("/test.Calls/Echoes", Request::new(()))
            .await
            .unwrap();
        tokio::spawn(async move {
            for _ in 0..COUNT {
                sender.send(Bytes::from_static(b"x")).await.unwrap();
            }
        });
        let mut count = 0;
        while let Some(reply) = replies.next().await.unwrap() {
            assert_eq!(reply, "x");
            count += 1;
        }
        assert_eq!(count, COUNT);
        client.ends_well().await;
    });
}

#[test]
fn many_calls_over_many_hours_are_no_attack() {
    virtual_time::run(async {
        let client = Client::new();
        for number in 0..30_000_u64 {
            let reply = client.channel.ask("/test.Calls/Square", number).await;
            assert_eq!(reply.unwrap().into_message(), number * number);
            if number % 1000 == 0 {
                sleep(900 * SECOND).await;
            }
        }
        client.ends_well().await;
    });
}

#[test]
fn a_stream_may_be_silent_for_hours() {
    virtual_time::run(async {
        let client = Client::new();
        let mut watch = client.channel.list("/test.Calls/Watch", 1).await;
        let (mut sender, mut sums) = client.channel.talk("/test.Calls/Sums", ()).await;
        let mut upload = client.channel.tell("/test.Calls/Sum", ()).await;
        for hour in 0..5 {
            assert_eq!(watch.next().await.unwrap(), Some(hour));
            sender.send(1).await.unwrap();
            assert_eq!(sums.next().await.unwrap(), Some(hour + 1));
            upload.send(1).await.unwrap();
        }
        assert_eq!(upload.finish().await.unwrap().into_message(), 5);
        drop((watch, sender, sums));
        client.ends_well().await;
    });
}

#[test]
fn a_reader_that_takes_its_time_gets_all() {
    // Hundred messages a second, of far more than the windows hold.
    virtual_time::run(async {
        let client = Client::new();
        let mut replies = client.channel.list("/test.Calls/Count", 100_000).await;
        let mut count = 0;
        while let Some(reply) = replies.next().await.unwrap() {
            count += 1;
            assert_eq!(reply, count);
            if count % 100 == 0 {
                sleep(SECOND).await;
            }
        }
        assert_eq!(count, 100_000);
        client.ends_well().await;
    });
}

#[test]
fn a_server_that_tells_windows_and_pings_with_each_message_is_no_attacker() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let caller = tokio::spawn(async move {
            let (mut sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
            let sending = async move {
                for number in 0..50_000 {
                    sender.send(number).await.unwrap();
                }
            };
            tokio::join!(sending, collect(replies)).1
        });
        let mut server = door.raw_server(&[]).await;
        let head = raw::block(&[(":status", "200"), ("content-type", "application/grpc")]);
        server.read_on(1).await;
        server.send(&Frame::headers(1, &head, false)).await;
        let mut read_len = 0;
        loop {
            let Frame::Data { data, end, .. } = server.read_on(1).await else {
                continue; // a WINDOW_UPDATE
            };
            let mut out = Vec::new();
            // One frame of DATA has many messages; each is answered.
            let whole_count = (read_len + data.len()) / 13 - read_len / 13;
            read_len += data.len();
            for _ in 0..whole_count {
                out.extend(Frame::window_update(0, 13));
                out.extend(Frame::window_update(1, 13));
                out.extend(Frame::message(1, &[0; 8], false));
            }
            out.extend(Frame::ping(false, [7; 8]));
            server.send(&out).await;
            if end {
                break;
            }
        }
        let trailers = raw::block(&[("grpc-status", "0")]);
        server.send(&Frame::headers(1, &trailers, true)).await;
        let (replies, outcome) = caller.await.unwrap();
        assert_eq!(
            (replies.len(), outcome.map_err(|status| status.to_string())),
            (50_000, Ok(()))
        );
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn a_server_that_refuses_a_thousand_calls_a_second_is_no_attacker() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let caller = tokio::spawn(async move {
            for number in 0..20_000 {
                let outcome = channel.ask("/test.Calls/Square", number).await;
                assert!(outcome.is_err());
                sleep(SECOND / 1000).await;
            }
        });
        let mut server = door.raw_server(&[]).await;
        for stream in (1..).step_by(2).take(20_000) {
            server.read_on(stream).await;
            // ENHANCE_YOUR_CALM.
            server.send(&Frame::reset(stream, 11)).await;
        }
        caller.await.unwrap();
        assert_eq!(network.attempt_count(), 1);
    });
}
