//! What a hostile server does to its clients: storms of connections, of frames, of refusals.

use std::time::Duration;

use hikyaku::{Code, Request, Server};
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer, frame, kind};
use hikyaku_testkit::{Live, virtual_time};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::in_memory::{Calling, Calls, Door, Network, answer, answer_head, read_request};

/// What a server does to each connection before it drops it.
#[derive(Clone, Copy, Debug)]
enum Malice {
    HangUp,
    Http1,
    SettingsThenHangUp,
    BadSettings,
    GoAway,
    GoAwayInAnger,
    ReadThenHangUp,
    ReadThenGoAway,
    ReadThenRefuse,
    PushPromise,
    GoAwayAfterASecond,
    AnswerHalf,
}

use Malice::*;

impl Malice {
    async fn inflict(self, mut end: End) {
        if let HangUp = self {
            return;
        }
        if let Http1 = self {
            let _ = end.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            return;
        }
        if let BadSettings = self {
            let _ = end.write_all(&Frame::settings(&[(5, 0)])).await;
            return sleep(Duration::from_millis(1)).await;
        }
        let mut peer = RawPeer::server(end, &[]).await;
        let reads = matches!(
            self,
            ReadThenHangUp | ReadThenGoAway | ReadThenRefuse | PushPromise
        );
        if reads && read_head(&mut peer).await.is_none() {
            return;
        }
        let frames = match self {
            GoAway => Frame::go_away((1 << 31) - 1, 0, ""),
            GoAwayInAnger => Frame::go_away(0, 11, "too_many_pings"),
            ReadThenGoAway => Frame::go_away(0, 0, ""),
            ReadThenRefuse => [Frame::reset(1, 7), Frame::go_away(1, 0, "")].concat(),
            PushPromise => frame(5, 4, 1, &[0, 0, 0, 2]),
            GoAwayAfterASecond => {
                sleep(Duration::from_secs(1)).await;
                Frame::go_away(0, 0, "")
            }
            AnswerHalf => Frame::headers(1, &raw::block(&[(":status", "103")]), false),
            _ => return,
        };
        let _ = peer.try_send(&frames).await;
        sleep(Duration::from_millis(1)).await;
    }
}

/// Reads to the first HEADERS; `None` if the client leaves before.
async fn read_head(peer: &mut RawPeer<End>) -> Option<u32> {
    loop {
        if let Frame::Headers { stream, .. } = peer.read().await? {
            return Some(stream);
        }
    }
}

/// A server that does this to everybody.
fn hostile(network: &Network, malice: Malice) {
    let mut door: Door = network.listen();
    tokio::spawn(async move {
        loop {
            let end = door.next().await;
            tokio::spawn(malice.inflict(end));
        }
    });
}

#[test]
fn a_connection_that_comes_to_nothing_makes_no_storm() {
    for malice in [
        HangUp,
        Http1,
        SettingsThenHangUp,
        BadSettings,
        GoAway,
        GoAwayInAnger,
        ReadThenHangUp,
        ReadThenGoAway,
        ReadThenRefuse,
        PushPromise,
        GoAwayAfterASecond,
        AnswerHalf,
    ] {
        virtual_time::run(async {
            let network = Network::new();
            hostile(&network, malice);
            let channel = network.channel();
            let start = Instant::now();
            let mut per_minute = Vec::new();
            for minute in 1..=10_u32 {
                let before = network.attempt_count();
                // A client that never gives up.
                while start.elapsed() < minute * Duration::from_secs(60) {
                    let request = Request::new(3).with_timeout(Duration::from_secs(2));
                    let status = channel.ask("/any/Call", request).await.unwrap_err();
                    let codes = [Code::Unavailable, Code::DeadlineExceeded];
                    assert!(codes.contains(&status.code()), "{malice:?}: {status:?}");
                    sleep(Duration::from_millis(50)).await;
                }
                per_minute.push(network.attempt_count() - before);
            }
            assert!(
                (5..=11).contains(&per_minute[0]),
                "{malice:?}: {per_minute:?}"
            );
            let rest: usize = per_minute[1..].iter().sum();
            assert!((3..=15).contains(&rest), "{malice:?}: {per_minute:?}");

            // A good server is found again, and patience is new.
            network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
            let back = Instant::now();
            while channel.ask("/test.Calls/Square", 3).await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
            assert!(back.elapsed() < Duration::from_secs(145));
            let count = network.attempt_count();
            network.cut_all();
            sleep(Duration::from_millis(1)).await;
            channel.ask("/test.Calls/Square", 3).await.unwrap();
            assert_eq!(network.attempt_count(), count + 1);
        });
    }
}

#[test]
fn waits_differ_from_client_to_client() {
    virtual_time::run(async {
        let network = Network::new();
        hostile(&network, ReadThenGoAway);
        let mut firsts = Vec::new();
        for _ in 0..10 {
            let before = network.attempt_count();
            let channel = network.channel();
            let call = tokio::spawn(async move { channel.ask("/any/Call", 3).await });
            let start = Instant::now();
            while network.attempt_count() < before + 2 {
                sleep(Duration::from_millis(1)).await;
            }
            firsts.push(start.elapsed().as_millis());
            call.abort();
            let _ = call.await;
        }
        assert!(
            firsts.iter().all(|millis| (799..=1202).contains(millis)),
            "{firsts:?}"
        );
        assert!(
            firsts.iter().any(|millis| *millis != firsts[0]),
            "{firsts:?}"
        );
    });
}

#[test]
fn connections_that_answer_may_come_and_go_as_they_like() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        tokio::spawn(async move {
            loop {
                let mut peer = door.raw_server(&[]).await;
                read_request(&mut peer, 1).await;
                let frames = [answer(1, 9), Frame::go_away(1, 0, "")];
                peer.send(&frames.concat()).await;
                peer.read_to_end().await;
            }
        });
        let channel = network.channel();
        let start = Instant::now();
        for count in 1..=100 {
            let nine = channel.ask("/any/Call", 3).await.unwrap();
            assert_eq!(nine.into_message(), 9);
            assert_eq!(network.attempt_count(), count);
        }
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
    });
}

#[test]
fn calls_wait_while_servers_move_on_and_none_fails() {
    virtual_time::run(async {
        let network = Network::new();
        hostile(&network, ReadThenGoAway);
        let channel = network.channel();
        let calls: Vec<_> = (0..10_u64)
            .map(|n| {
                let channel = channel.clone();
                tokio::spawn(async move { channel.list("/test.Calls/Count", n).await })
            })
            .collect();
        // Two servers left the calls out; those that never left wait for the third.
        sleep(Duration::from_millis(500)).await;
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        for (n, call) in (0..).zip(calls) {
            let (numbers, end) = crate::in_memory::collect(call.await.unwrap()).await;
            end.unwrap();
            assert_eq!(numbers, (1..=n).collect::<Vec<_>>());
        }
        assert_eq!(network.attempt_count(), 2);
    });
}

/// A server's frames by the number of the round; the call is on stream 1.
type Storm = fn(u32) -> Vec<u8>;

/// Storms, and the code of the GOAWAY that ends them.
const STORMS: [(&str, Storm, u32); 10] = [
    (
        "informational answers",
        |_| Frame::headers(1, &raw::block(&[(":status", "103")]), false),
        11,
    ),
    (
        "SETTINGS",
        |round| Frame::settings(&[(4, round % 2 * 100), (1, round % 3 * 1000)]),
        11,
    ),
    (
        "SETTINGS with the lowest limits",
        |_| Frame::settings(&[(1, 0), (3, 0), (4, 0), (6, 0)]),
        11,
    ),
    ("PING", |round| Frame::ping(false, [round as u8; 8]), 11),
    ("GOAWAY", |_| Frame::go_away(1, 0, "going"), 11),
    (
        "GOAWAY that rises",
        |round| Frame::go_away(1 + 2 * round, 0, ""),
        1,
    ),
    ("RST_STREAM of what is gone", |_| Frame::reset(1, 7), 11),
    (
        "empty DATA",
        |round| match round {
            0 => answer_head(1),
            _ => Frame::data(1, b"", false),
        },
        11,
    ),
    (
        "CONTINUATION",
        |round| match round {
            0 => frame(kind::HEADERS, 0, 1, b""),
            _ => frame(kind::CONTINUATION, 0, 1, b""),
        },
        11,
    ),
    ("PUSH_PROMISE", |_| frame(5, 4, 1, &[0, 0, 0, 2, 0x82]), 1),
];

fn is_goaway(frame: &Frame) -> bool {
    matches!(frame, Frame::GoAway { .. })
}

#[test]
fn storms_of_frames_end_the_connection_and_the_next_one_works() {
    for (name, storm, code) in STORMS {
        virtual_time::run(async {
            let network = Network::new();
            let mut door = network.listen();
            let channel = network.channel();
            let asking = channel.clone();
            let call = tokio::spawn(async move { asking.ask("/any/Call", 3).await });
            let mut peer = door.raw_server(&[]).await;
            read_request(&mut peer, 1).await;
            let mut frames = Vec::new();
            for round in 0..30_000 {
                if round % 500 == 0 {
                    let moment = Duration::from_millis(1);
                    while let Ok(Some(frame)) = tokio::time::timeout(moment, peer.read()).await {
                        frames.push(frame);
                    }
                }
                if frames.iter().any(is_goaway) || peer.try_send(&storm(round)).await.is_err() {
                    break;
                }
            }
            network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
            let status = tokio::time::timeout(Duration::from_secs(60), call).await;
            let status = status.expect(name).unwrap().unwrap_err();
            assert!(
                matches!(status.code(), Code::Unavailable | Code::ResourceExhausted),
                "{name}: {status:?}"
            );
            frames.extend(peer.read_to_end().await);
            let verdict = frames.into_iter().find(is_goaway);
            let is_right = matches!(verdict, Some(Frame::GoAway { code: of, .. }) if of == code);
            assert!(is_right, "{name}: {verdict:?}");
            sleep(Duration::from_secs(10)).await;
            channel.ask("/test.Calls/Square", 3).await.expect(name);
        });
    }
}

#[test]
fn a_server_that_refuses_everything_sees_each_call_twice() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let refusing = tokio::spawn(async move {
            let mut peer = door.raw_server(&[]).await;
            let mut count = 0;
            while let Some(stream) = read_head(&mut peer).await {
                count += 1;
                let _ = peer.try_send(&Frame::reset(stream, 7)).await;
            }
            count
        });
        let channel = network.channel();
        for _ in 0..1000 {
            let status = channel.ask("/any/Call", 3).await.unwrap_err();
            assert!(status.is_safe_to_retry());
        }
        drop(channel);
        assert_eq!(refusing.await.unwrap(), 2000);
    });
}

#[test]
fn answers_that_are_too_much_end_their_call_alone() {
    let long = "x".repeat(20_000);
    let bomb = "%25".repeat(5_000);
    let many: Vec<_> = (0..200).map(|index| format!("x-{index}")).collect();
    let mut fields = vec![(":status", "200"), ("content-type", "application/grpc")];
    fields.extend(many.iter().map(|name| (&**name, "")));
    let grpc = [(":status", "200"), ("content-type", "application/grpc")];
    let with = |more: &[(&'static str, &str)]| {
        let all: Vec<_> = grpc
            .iter()
            .chain(more)
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        all
    };
    let table = [
        with(&[("x-long", &long)]),
        with(&[("grpc-status", "5"), ("grpc-message", &long)]),
        with(&[("grpc-status", "5"), ("grpc-status-details-bin", &long)]),
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        // Not too much, and whole.
        with(&[("grpc-status", "5"), ("grpc-message", &bomb)]),
    ];
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let mut stream = 1;
        let other = channel.list("/any/Other", 1).await;
        let mut peer = door.raw_server(&[]).await;
        read_request(&mut peer, 1).await;
        for (index, fields) in table.iter().enumerate() {
            stream += 2;
            let asking = channel.clone();
            let call = tokio::spawn(async move { asking.ask("/any/Call", 3).await });
            read_request(&mut peer, stream).await;
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            for part in headers_in_parts(stream, &raw::block(&fields)) {
                peer.send(&part).await;
            }
            let status = call.await.unwrap().unwrap_err();
            if index == table.len() - 1 {
                assert_eq!(status.code(), Code::NotFound);
                assert_eq!(status.message().len(), 5_000);
            } else {
                assert_ne!(status.code(), Code::NotFound, "{index}: {status:?}");
            }
        }
        peer.send(&answer(1, 7)).await;
        assert_eq!(crate::in_memory::collect(other).await.0, [7]);
        assert_eq!(network.attempt_count(), 1);
    });
}

/// A Trailers-Only answer, as many frames as it needs.
fn headers_in_parts(stream: u32, block: &[u8]) -> Vec<Vec<u8>> {
    let parts: Vec<_> = block.chunks(16_000).collect();
    let last = parts.len() - 1;
    let part = |(index, part): (usize, &&[u8])| {
        let kind = if index == 0 {
            kind::HEADERS
        } else {
            kind::CONTINUATION
        };
        let end_stream = u8::from(index == 0);
        let end_headers = if index == last { 4 } else { 0 };
        frame(kind, end_stream | end_headers, stream, part)
    };
    parts.iter().enumerate().map(part).collect()
}

#[test]
fn no_stream_for_ever_ends_by_the_deadline() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let start = Instant::now();
        let asking = channel.clone();
        let call = tokio::spawn(async move {
            let request = Request::new(3).with_timeout(Duration::from_secs(30));
            asking.ask("/any/Call", request).await
        });
        let mut peer = door.raw_server(&[(3, 0)]).await;
        let status = call.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(start.elapsed().as_secs(), 30);
        assert_eq!(network.attempt_count(), 1);
        drop(channel);
        assert!(
            peer.read_to_end()
                .await
                .iter()
                .all(|frame| frame.stream() == 0)
        );
    });
}
