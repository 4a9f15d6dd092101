//! As long as the peer makes progress, so do we.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hikyaku::server::{Replies, Requests};
use hikyaku::{Code, Server, Status};
use hikyaku_testkit::link::{End, Weather};
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, Random, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network, Plain, collect};

/// The widest window there is.
const WIDEST: u32 = (1 << 31) - 1;

/// SETTINGS_INITIAL_WINDOW_SIZE.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// Messages that fit into a stream's window: 13 bytes each.
const COUNT: u64 = 5000;

/// `Flood` never stops, `Tally` adds its requests to `tally` as they come, `Deaf` never reads.
fn calls(tally: &Arc<AtomicU64>) -> Calls {
    let tally = Arc::clone(tally);
    Calls::four_kinds(&Live::new())
        .server_streaming("/test.Calls/Flood", |_, mut replies| async move {
            loop {
                replies.send(7).await?;
            }
        })
        .client_streaming("/test.Calls/Tally", move |mut requests| {
            let tally = Arc::clone(&tally);
            async move {
                while let Some(number) = requests.next().await? {
                    tally.fetch_add(number, Ordering::SeqCst);
                }
                Ok(0.into())
            }
        })
        .client_streaming("/test.Calls/Deaf", |_| std::future::pending())
}

/// A raw client that has asked for a flood, with this window for the stream and the widest for the
/// connection.
async fn flooded(network: &Network, window_len: u32) -> RawPeer<End> {
    let mut peer = network.raw_client().await;
    let settings = Frame::settings(&[(INITIAL_WINDOW_SIZE, window_len)]);
    peer.send(&settings).await;
    peer.send(&Frame::window_update(0, WIDEST - 65_535)).await;
    let request = raw::request("/test.Calls/Flood", &[]);
    peer.send(&Frame::headers(1, &request, false)).await;
    peer.send(&Frame::message(1, &[0; 8], true)).await;
    peer
}

/// `COUNT` messages, each a one.
fn ones() -> Vec<u8> {
    let one = [&[0, 0, 0, 0, 8][..], &1_u64.to_be_bytes()].concat();
    one.repeat(COUNT as usize)
}

#[test]
fn a_server_that_cannot_write_goes_on_reading() {
    virtual_time::run(async {
        let tally = Arc::default();
        let network = Network::serving(calls(&tally));
        let mut peer = flooded(&network, WIDEST).await;
        settle().await;
        let written_len = network.cable().carried_len()[1];
        let request = raw::request("/test.Calls/Tally", &[]);
        peer.send(&Frame::headers(3, &request, false)).await;
        for part in ones().chunks(16_384) {
            peer.send(&Frame::data(3, part, false)).await;
        }
        settle().await;
        assert_eq!(tally.load(Ordering::SeqCst), COUNT);
        assert_eq!(
            network.cable().carried_len()[1],
            written_len,
            "it was stuck"
        );
    });
}

#[test]
fn a_client_that_cannot_write_goes_on_reading() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let (mut sender, replies) = channel.talk("/test.Calls/Any", ()).await;
        tokio::spawn(async move { while sender.send(1).await.is_ok() {} });
        let mut server = door.raw_server(&[(INITIAL_WINDOW_SIZE, WIDEST)]).await;
        server.send(&Frame::window_update(0, WIDEST - 65_535)).await;
        settle().await;
        let written_len = network.cable().carried_len()[0];
        let head = raw::block(&[(":status", "200"), ("content-type", "application/grpc")]);
        server.send(&Frame::headers(1, &head, false)).await;
        for part in ones().chunks(16_384) {
            server.send(&Frame::data(1, part, false)).await;
        }
        let end = raw::block(&[("grpc-status", "5")]);
        server.send(&Frame::headers(1, &end, true)).await;
        let (numbers, end) = collect(replies).await;
        assert_eq!(
            (numbers.len() as u64, end.unwrap_err().code()),
            (COUNT, Code::NotFound)
        );
        assert_eq!(
            network.cable().carried_len()[0],
            written_len,
            "it was stuck"
        );
    });
}

#[test]
fn full_output_lets_the_answer_to_a_ping_follow_what_waits_already() {
    virtual_time::run(async {
        let network = Network::serving(calls(&Arc::default()));
        let mut peer = flooded(&network, WIDEST).await;
        settle().await;
        peer.send(&Frame::ping(false, *b"are you?")).await;
        settle().await;
        let mut data_len = 0;
        loop {
            match peer.read().await.unwrap() {
                Frame::Data { data, .. } => data_len += data.len(),
                Frame::Ping { ack, payload } => {
                    break assert_eq!((ack, &payload), (true, b"are you?"));
                }
                _ => {}
            }
        }
        // What the network holds, and what the connection may write ahead.
        assert!(
            (256 * 1024..600 * 1024).contains(&data_len),
            "{data_len} bytes"
        );
    });
}

#[test]
fn full_output_does_not_keep_a_window_from_being_opened() {
    const WINDOW_LEN: u32 = 300 * 1024;
    virtual_time::run(async {
        let network = Network::serving(calls(&Arc::default()));
        let mut peer = flooded(&network, WINDOW_LEN).await;
        settle().await;
        peer.send(&Frame::window_update(1, 100_000)).await;
        settle().await;
        let mut data_len = 0;
        while data_len < WINDOW_LEN as usize + 100_000 {
            if let Frame::Data { data, .. } = peer.read_on(1).await {
                data_len += data.len();
            }
        }
        assert_eq!(data_len, WINDOW_LEN as usize + 100_000);
    });
}

/// Sends a body as nghttp2 does: not before there is a window for more of it, if only for a byte,
/// does it find out that there is no more, and lets `end` follow.
async fn send_body(peer: &mut RawPeer<End>, stream: u32, body: &[u8], end: &[u8]) {
    let (mut window_len, mut rest) = (65_535, body);
    loop {
        while window_len == 0 {
            if let Frame::WindowUpdate { increment, .. } = peer.read_on(stream).await {
                window_len += increment as usize;
            }
        }
        if rest.is_empty() {
            return peer.send(end).await;
        }
        let (part, more) = rest.split_at(rest.len().min(window_len).min(16_384));
        peer.send(&Frame::data(stream, part, false)).await;
        window_len -= part.len();
        rest = more;
    }
}

#[test]
fn a_peer_that_ends_no_body_while_its_window_is_empty_can_end_a_message_of_any_length() {
    virtual_time::run(async {
        let taken = |_: hikyaku::Request<Bytes>| async { Ok(Bytes::new().into()) };
        // The window a stream begins with, less a prefix, and more or less of that.
        for len in [65_000, 65_529, 65_530, 65_531, 65_540, 81_914, 300_000] {
            let message = vec![7; len];
            let body = [&[0][..], &(len as u32).to_be_bytes(), &message].concat();

            let network = Network::new();
            let mut door = network.listen();
            let channel = network.channel();
            let calling = tokio::spawn(async move {
                let request = hikyaku::Request::new(1).with_timeout(Duration::from_secs(60));
                channel
                    .unary::<Plain, u64, Bytes>("/test.Calls/Any", request)
                    .await
            });
            let mut server = door.raw_server(&[]).await;
            while !server.read_on(1).await.ends_stream() {}
            let head = raw::block(&[(":status", "200"), ("content-type", "application/grpc")]);
            server.send(&Frame::headers(1, &head, false)).await;
            let trailers = Frame::headers(1, &raw::block(&[("grpc-status", "0")]), true);
            let sending = send_body(&mut server, 1, &body, &trailers);
            let (response, ()) = tokio::join!(calling, sending);
            let response = response.unwrap().unwrap_or_else(|status| {
                panic!("a reply of {len} bytes: {status}");
            });
            assert!(response.into_message() == message);

            let network = Network::serving(Calls::new().unary_bytes("/test.Calls/Take", taken));
            let mut client = network.raw_client().await;
            let request = raw::request("/test.Calls/Take", &[("grpc-timeout", "60S")]);
            client.send(&Frame::headers(1, &request, false)).await;
            send_body(&mut client, 1, &body, &Frame::data(1, &[], true)).await;
            let frames = client.read_stream(1).await;
            let status = frames.last().unwrap().field("grpc-status");
            assert_eq!(status, Some("0"), "a request of {len} bytes");
        }
    });
}

const MIB: usize = 1024 * 1024;

/// Sends 100 MiB, and reads them at the same time.
async fn exchange(
    mut requests: Requests<Bytes>,
    mut replies: Replies<Bytes>,
) -> Result<(), Status> {
    let sending = async {
        for _ in 0..100 {
            replies.send(Bytes::from(vec![1; MIB])).await?;
        }
        Ok(())
    };
    let reading = async {
        let mut len = 0;
        while let Some(request) = requests.next().await? {
            len += request.len();
        }
        assert_eq!(len, 100 * MIB);
        Ok::<_, Status>(())
    };
    tokio::try_join!(sending, reading).map(|_| ())
}

#[test]
fn two_ends_that_write_without_end_through_small_windows_do_not_lock_each_other() {
    virtual_time::run(async {
        let mut weather = Weather::fine();
        weather.capacity = 10_000;
        let network = Network::with_weather(weather, Random::new(0));
        let server = Server::new().add(Calls::new().bidi_bytes("/test.Calls/Exchange", exchange));
        network.serve(server.limits(|limits| limits.http2.stream_window_len = 20_000));
        let (mut sender, mut replies) = network
            .channel()
            .bidi_streaming::<Plain, Bytes, Bytes>("/test.Calls/Exchange", ().into())
            .await
            .unwrap();
        let sending = tokio::spawn(async move {
            for _ in 0..100 {
                sender.send(Bytes::from(vec![1; MIB])).await.unwrap();
            }
        });
        let mut len = 0;
        while let Some(reply) = replies.next().await.unwrap() {
            len += reply.len();
        }
        sending.await.unwrap();
        assert_eq!(len, 100 * MIB);
    });
}

#[test]
fn slow_readers_leave_the_line_to_the_others() {
    virtual_time::run(async {
        let mut weather = Weather::fine();
        weather.bytes_per_second = Some(1_000_000);
        weather.latency = Duration::from_millis(20);
        let network = Network::with_weather(weather, Random::new(0));
        let server = Server::new().add(calls(&Arc::default()));
        // They may be as slow as they like.
        network.serve(server.limits(|limits| limits.http2.stall_timeout = None));
        let channel = network.channel();
        for _ in 0..30 {
            let mut replies = channel.list("/test.Calls/Flood", 1).await;
            tokio::spawn(async move {
                while replies.next().await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
            let mut deaf = channel.tell("/test.Calls/Deaf", ()).await;
            tokio::spawn(async move { while deaf.send(1).await.is_ok() {} });
        }
        settle().await;
        settle().await;

        let begun = Instant::now();
        let (numbers, end) = collect(channel.list("/test.Calls/Count", 100_000).await).await;
        end.unwrap();
        assert_eq!(numbers.len(), 100_000);
        let taken = begun.elapsed();
        assert!(taken < Duration::from_millis(1600), "{taken:?} for 1.3 MB");

        let begun = Instant::now();
        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        for _ in 0..100_000 {
            call.send(1).await.unwrap();
        }
        assert_eq!(call.finish().await.unwrap().into_message(), 100_000);
        let taken = begun.elapsed();
        assert!(taken < Duration::from_millis(1600), "{taken:?} for 1.3 MB");
    });
}

/// A network that has greeted in time, and is slow from then on.
async fn slow_network(server: Server, bytes_per_second: u64) -> (Network, hikyaku::Channel) {
    let network = Network::new();
    network.serve(server);
    let channel = network.channel();
    // Later calls have small heads: they repeat what was said.
    for path in ["/test.Calls/Square", "/test.Calls/Later"] {
        channel.ask(path, 3).await.unwrap();
    }
    collect(channel.list("/test.Calls/Count", 1).await)
        .await
        .1
        .unwrap();
    let call = channel.tell("/test.Calls/Sum", ()).await;
    call.finish().await.unwrap();
    let mut weather = Weather::fine();
    weather.bytes_per_second = Some(bytes_per_second);
    network.cable().change_weather(weather);
    (network, channel)
}

#[test]
fn calls_come_through_at_two_bytes_a_second() {
    virtual_time::run(async {
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        let patient = server.limits(|limits| {
            limits.http2.stall_timeout = None;
            limits.http2.header_block_timeout = Duration::from_secs(600);
        });
        let (network, channel) = slow_network(patient, 2).await;
        let (unary, later, mut list) = tokio::join!(
            channel.ask("/test.Calls/Square", 7),
            channel.ask("/test.Calls/Later", 9),
            channel.list("/test.Calls/Count", 3),
        );
        assert_eq!(
            (unary.unwrap().into_message(), later.unwrap().into_message()),
            (49, 81)
        );
        for number in 1..=3 {
            assert_eq!(list.next().await.unwrap(), Some(number));
        }
        assert_eq!(list.next().await.unwrap(), None);
        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        for _ in 0..20 {
            call.send(1).await.unwrap();
        }
        assert_eq!(call.finish().await.unwrap().into_message(), 20);
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn a_client_that_sends_and_takes_a_byte_a_second_is_served() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        let request = raw::request("/test.Calls/Sum", &[]);
        peer.send(&Frame::headers(1, &request, false)).await;
        let mut weather = Weather::fine();
        weather.bytes_per_second = Some(1);
        network.cable().change_weather(weather);
        let begun = Instant::now();
        for number in 1..=20_u64 {
            let message = Frame::message(1, &number.to_be_bytes(), number == 20);
            peer.send(&message).await;
        }
        let frames = peer.read_stream(1).await;
        assert_eq!(frames.last().unwrap().field("grpc-status"), Some("0"));
        let Frame::Data { data, .. } = &frames[1] else {
            panic!("{frames:?}")
        };
        assert_eq!(data[5..], 210_u64.to_be_bytes());
        assert!(begun.elapsed() > Duration::from_secs(20 * 22));
    });
}

#[test]
fn frames_may_take_minutes_as_long_as_they_grow() {
    virtual_time::run(async {
        let same = |request: hikyaku::Request<Bytes>| async { Ok(request.into_message().into()) };
        let network =
            Network::serving(Calls::four_kinds(&Live::new()).unary_bytes("/test.Calls/Same", same));
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 3).await.unwrap();
        let mut weather = Weather::fine();
        // A frame of the usual size takes three minutes.
        weather.bytes_per_second = Some(100);
        network.cable().change_weather(weather);
        let message = Bytes::from(vec![7; 40_000]);
        let response = channel
            .unary::<Plain, Bytes, Bytes>("/test.Calls/Same", message.clone().into())
            .await
            .unwrap();
        assert!(response.into_message() == message);
    });
}

#[test]
fn a_half_closed_socket_is_the_end_of_the_connection_in_either_direction() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        let mut peer = network.raw_client().await;
        let request = raw::request("/test.Calls/Sum", &[]);
        peer.send(&Frame::headers(1, &request, false)).await;
        settle().await;
        assert_eq!(live.count(), 1);
        peer.half_close().await;
        peer.read_to_end().await;
        settle().await;
        assert_eq!(live.count(), 0);

        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let calling = tokio::spawn(async move { channel.ask("/test.Calls/Any", 1).await });
        let mut server = door.raw_server(&[]).await;
        server.read_on(1).await;
        server.half_close().await;
        assert_eq!(
            calling.await.unwrap().unwrap_err().code(),
            Code::Unavailable
        );
        server.read_to_end().await;
    });
}
