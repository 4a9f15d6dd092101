//! Heavy traffic of honest clients, frame by frame: it stands beside each budget for dishonest
//! ones, and is never cut off.

use std::time::Duration;

use bytes::Bytes;
use hikyaku::Server;
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::sleep;

use crate::in_memory::{Calls, Network};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const CANCEL: u32 = 8;

/// A client that calls the four kinds, and what bytes it is asked for.
struct Client {
    peer: RawPeer<End>,
    live: Live,
    next: u32,
}

impl Client {
    async fn new() -> Self {
        Self::of(Server::new()).await
    }

    /// A client of this server, which gets its services here.
    async fn of(server: Server) -> Self {
        let live = Live::new();
        let calls = Calls::four_kinds(&live)
            .unary_bytes("/test.Calls/Echo", |request| async move {
                Ok(request.into_message().into())
            })
            .bidi_bytes(
                "/test.Calls/Echoes",
                |mut requests, mut replies| async move {
                    while let Some(message) = requests.next().await? {
                        replies.send(message).await?;
                    }
                    Ok(())
                },
            )
            .bidi_bytes("/test.Calls/Refuse", |_, _| async {
                Err(hikyaku::Status::resource_exhausted("not now"))
            });
        let network = Network::new();
        network.serve(server.add(calls));
        let peer = network.raw_client().await;
        let next = 1;
        Self { peer, live, next }
    }

    /// Opens a stream.
    async fn open(&mut self, path: &str) -> u32 {
        let (stream, head) = self.head(path);
        self.peer.send(&head).await;
        stream
    }

    /// HEADERS of the next stream.
    fn head(&mut self, path: &str) -> (u32, Vec<u8>) {
        let stream = self.next;
        self.next += 2;
        let head = Frame::headers(stream, &raw::request(path, &[]), false);
        (stream, head)
    }

    /// A call of one number, sent whole.
    async fn ask(&mut self, path: &str, number: u64) -> u32 {
        let (stream, mut frames) = self.head(path);
        frames.extend(Frame::message(stream, &number.to_be_bytes(), true));
        self.peer.send(&frames).await;
        stream
    }

    /// Reads until a PING or SETTINGS is acknowledged.
    async fn acknowledged(&mut self) {
        loop {
            match self.peer.read_on(0).await {
                Frame::Ping { ack: true, .. } | Frame::Settings { ack: true, .. } => return,
                Frame::Ping { .. } | Frame::WindowUpdate { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Lets the server send so many bytes more.
    async fn grant_connection(&mut self, len: usize) {
        let grant = Frame::window_update(0, len as u32);
        self.peer.send(&grant).await;
    }

    /// The status of a call, all its frames read.
    async fn status(&mut self, stream: u32) -> String {
        let frames = self.peer.read_stream(stream).await;
        for frame in &frames {
            if let Frame::Data { data, .. } = frame {
                self.grant_connection(data.len()).await;
            }
        }
        let last = frames.last().unwrap();
        let status = last.field("grpc-status");
        status.unwrap_or_else(|| panic!("{last:?}")).to_owned()
    }

    /// The length of a call's reply; the windows are told what was read.
    async fn reply_len(&mut self, stream: u32) -> usize {
        let mut len = 0;
        loop {
            match self.peer.read_on(stream).await {
                Frame::Data { data, .. } => {
                    len += data.len();
                    for id in [stream, 0] {
                        let grant = Frame::window_update(id, data.len() as u32);
                        self.peer.send(&grant).await;
                    }
                }
                frame if frame.ends_stream() => {
                    assert_eq!(frame.field("grpc-status"), Some("0"), "{frame:?}");
                    return len;
                }
                _ => {}
            }
        }
    }

    /// One more call, which succeeds: the connection stands, and nothing is left on it.
    async fn ends_well(mut self) {
        let stream = self.ask("/test.Calls/Square", 9).await;
        assert_eq!(self.status(stream).await, "0");
        settle().await;
        assert_eq!(self.live.count(), 0, "handlers outlive their calls");
    }
}

#[test]
fn ten_thousand_cancels_a_minute_are_no_attack() {
    // (calls cancelled at once, how often a minute, minutes)
    for (together, times, minutes) in [(1, 10_000, 2), (100, 100, 2), (1000, 10, 2)] {
        virtual_time::run(async move {
            let mut client = Client::new().await;
            for _ in 0..times * minutes {
                let (mut opened, mut ask) = (0, Vec::new());
                while opened < together {
                    // No more at once than the server allows.
                    let begun: Vec<_> = (0..together.min(100))
                        .map(|_| {
                            let (stream, head) = client.head("/test.Calls/Sums");
                            ask.extend(head);
                            ask.extend(Frame::message(stream, &[0; 8], false));
                            stream
                        })
                        .collect();
                    opened += begun.len();
                    client.peer.send(&ask).await;
                    ask.clear();
                    sleep(MILLISECOND).await;
                    for &stream in &begun {
                        ask.extend(Frame::reset(stream, CANCEL));
                    }
                    client.peer.send(&ask).await;
                    ask.clear();
                    client.grant_connection(13 * begun.len()).await;
                    // What was answered meanwhile.
                    client.peer.read_on(begun[begun.len() - 1]).await;
                }
                sleep(Duration::from_secs(60) / times - MILLISECOND * 2).await;
            }
            client.ends_well().await;
        });
    }
}

#[test]
fn one_byte_messages_in_frames_of_their_own_are_no_attack() {
    // The release build's attack suite sends ten million.
    const COUNT: usize = 100_000;
    virtual_time::run(async {
        let mut client = Client::new().await;
        let stream = client.open("/test.Calls/Echoes").await;
        let batch = Frame::message(stream, b"x", false).repeat(100);
        let mut echoed_len = 0;
        let mut ungranted = 0;
        for _ in 0..COUNT / 100 {
            client.peer.send(&batch).await;
            let mut batch_len = 600;
            while batch_len > 0 {
                if let Frame::Data { data, .. } = client.peer.read_on(stream).await {
                    batch_len -= data.len();
                    echoed_len += data.len();
                    ungranted += data.len() as u32;
                }
            }
            if ungranted > 32_768 {
                client
                    .peer
                    .send(&Frame::window_update(stream, ungranted))
                    .await;
                client.peer.send(&Frame::window_update(0, ungranted)).await;
                ungranted = 0;
            }
        }
        client.peer.send(&Frame::data(stream, b"", true)).await;
        assert_eq!(client.status(stream).await, "0");
        assert_eq!(echoed_len, COUNT * 6);
        client.ends_well().await;
    });
}

#[test]
fn a_thousand_streams_a_second_are_no_attack() {
    virtual_time::run(async {
        let mut client = Client::new().await;
        for _ in 0..60 * 1000 / 10 {
            let mut streams = Vec::new();
            for number in 0..10 {
                streams.push(client.ask("/test.Calls/Square", number).await);
            }
            for stream in streams {
                // Answers come in order here.
                assert_eq!(client.status(stream).await, "0");
            }
            sleep(10 * MILLISECOND).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn keepalive_for_hours_is_no_attack() {
    // (seconds between PINGs, as many as the server permits, seconds between calls, hours): a client
    // without other calls, one with some, one that measures its round trips with every call.
    let table = [
        (10, Some(10), 0, 12),
        (10, None, 30, 6),
        (1, None, 1, 4),
        (300, None, 0, 20),
    ];
    for (pause, permitted, every, hours) in table {
        virtual_time::run(async move {
            let server = match permitted {
                Some(pause) => Server::new().permit_keepalive(SECOND * pause, false),
                None => Server::new(),
            };
            let mut client = Client::of(server).await;
            let long = client.open("/test.Calls/Sums").await;
            for turn in 0..hours * 3600_u64 / pause {
                sleep(SECOND * pause as u32).await;
                client
                    .peer
                    .send(&Frame::ping(false, turn.to_be_bytes()))
                    .await;
                client.acknowledged().await;
                if every > 0 && (turn * pause) % every == 0 {
                    let stream = client.ask("/test.Calls/Square", turn).await;
                    assert_eq!(client.status(stream).await, "0");
                }
            }
            client.peer.send(&Frame::data(long, b"", true)).await;
            assert_eq!(client.status(long).await, "0");
            client.ends_well().await;
        });
    }
}

/// Reads a reply of `count` messages, and tells the windows of each `grant_len` bytes at once.
async fn read_eagerly(client: &mut Client, count: u64, grant_len: usize) {
    let stream = client.ask("/test.Calls/Count", count).await;
    let (mut read_len, mut granted_len) = (0, 0);
    loop {
        match client.peer.read_on(stream).await {
            Frame::Data { data, .. } => {
                read_len += data.len();
                let mut grants = Vec::new();
                while read_len - granted_len >= grant_len {
                    for id in [stream, 0] {
                        grants.extend(Frame::window_update(id, grant_len as u32));
                    }
                    granted_len += grant_len;
                }
                client.peer.send(&grants).await;
            }
            frame if frame.ends_stream() => {
                assert_eq!(frame.field("grpc-status"), Some("0"), "{frame:?}");
                break;
            }
            _ => {}
        }
    }
    assert_eq!(read_len as u64, count * 13);
}

#[test]
fn a_window_update_for_each_message_is_no_attack() {
    // Messages of 13 bytes; a window told for each, for each ten, for each hundred.
    for grant_len in [13, 130, 1300] {
        virtual_time::run(async move {
            let mut client = Client::new().await;
            read_eagerly(&mut client, 100_000, grant_len).await;
            client.ends_well().await;
        });
    }
}

#[test]
fn changes_of_settings_at_a_sane_rate_are_no_attack() {
    virtual_time::run(async {
        let mut client = Client::new().await;
        for turn in 0..2 * 3600_u64 {
            let small = turn % 2 == 0;
            let settings = [
                (1, if small { 0 } else { 4096 }),
                (3, turn as u32),
                (4, if small { 100 } else { 65_535 }),
                (5, if small { 16_384 } else { 1 << 20 }),
                (6, if small { 0 } else { 8192 }),
                (0xa0a, 7),
            ];
            // At once a thousand, once; a connection that is tuned by the minute has fewer.
            for _ in 0..if turn == 100 { 1000 } else { 1 } {
                client.peer.send(&Frame::settings(&settings)).await;
                client.acknowledged().await;
            }
            if turn % 10 == 0 {
                let stream = client.ask("/test.Calls/Count", 5).await;
                assert_eq!(client.status(stream).await, "0");
            }
            sleep(SECOND).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn a_client_that_never_reads_trailers_is_no_attacker() {
    // It resets what it has had its answer of: behind the trailers, or in the middle of a stream.
    for (path, rate, seconds) in [
        ("/test.Calls/Square", 1000, 20),
        ("/test.Calls/Later", 160, 60),
    ] {
        virtual_time::run(async move {
            let mut client = Client::new().await;
            for number in 0..rate * seconds {
                let stream = client.ask(path, u64::from(number)).await;
                while !matches!(client.peer.read_on(stream).await, Frame::Data { .. }) {}
                client.grant_connection(13).await;
                client.peer.send(&Frame::reset(stream, CANCEL)).await;
                sleep(SECOND / rate).await;
            }
            client.ends_well().await;
        });
    }
}

#[test]
fn uploads_that_end_early_are_no_attack() {
    // The handler reads nothing and answers at once; what is under way meanwhile is 200 messages in
    // frames of their own, and then the client stops, or says that it does.
    virtual_time::run(async {
        let mut client = Client::new().await;
        for turn in 0..1000 {
            let stream = client.open("/test.Calls/Refuse").await;
            let frames = client.peer.read_stream(stream).await;
            let status = frames.last().unwrap().field("grpc-status");
            assert_eq!(status, Some("8"), "{frames:?}");
            let mut under_way = Frame::message(stream, b"x", false).repeat(200);
            match turn % 3 {
                0 => under_way.extend(Frame::data(stream, b"", true)),
                1 => under_way.extend(Frame::reset(stream, CANCEL)),
                _ => {}
            }
            client.peer.send(&under_way).await;
            sleep(10 * MILLISECOND).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn uploads_given_up_by_the_client_are_no_attack() {
    virtual_time::run(async {
        let mut client = Client::new().await;
        for _ in 0..160 * 120 {
            let stream = client.open("/test.Calls/Sum").await;
            let some = Frame::message(stream, &[1; 8], false);
            client.peer.send(&some.repeat(10)).await;
            client.peer.send(&some[..9 + 5]).await;
            client.peer.send(&some[9 + 5..]).await;
            client.peer.send(&Frame::reset(stream, CANCEL)).await;
            sleep(SECOND / 160).await;
        }
        client.ends_well().await;
    });
}

#[test]
fn a_slow_writer_is_no_attacker() {
    // A message of 1 MiB, at 2 KiB a second, in short frames.
    const LEN: usize = 1024 * 1024;
    virtual_time::run(async {
        let mut client = Client::new().await;
        let stream = client.open("/test.Calls/Echo").await;
        let mut head = vec![0];
        head.extend((LEN as u32).to_be_bytes());
        client.peer.send(&Frame::data(stream, &head, false)).await;
        for _ in 0..LEN / 1024 {
            client
                .peer
                .send(&Frame::data(stream, &[7; 1024], false))
                .await;
            sleep(SECOND / 2).await;
        }
        client.peer.send(&Frame::data(stream, b"", true)).await;
        assert_eq!(client.reply_len(stream).await, LEN + 5);
        client.ends_well().await;
    });
}

/// Reads a body of `len` bytes at 1 KiB a second, as far as the windows tell it: `grant_len` bytes
/// at a time.
async fn read_slowly(client: &mut Client, stream: u32, len: usize, grant_len: u32) {
    let (mut read_len, mut granted_len) = (0, 0);
    while read_len < len {
        match client.peer.read_on(stream).await {
            Frame::Data { data, .. } => read_len += data.len(),
            frame => assert!(!frame.ends_stream(), "{frame:?} after {read_len} bytes"),
        }
        while granted_len + grant_len as usize <= read_len {
            sleep(SECOND / 1024 * grant_len).await;
            for id in [stream, 0] {
                let grant = Frame::window_update(id, grant_len);
                client.peer.send(&grant).await;
            }
            granted_len += grant_len as usize;
        }
    }
    assert_eq!(client.status(stream).await, "0");
}

#[test]
fn a_slow_reader_is_no_attacker() {
    for grant_len in [1024, 4096, 32_768] {
        virtual_time::run(async move {
            let mut client = Client::new().await;
            let stream = client.open("/test.Calls/Echo").await;
            const LEN: usize = 512 * 1024;
            let message = Bytes::from(vec![7; LEN]);
            let framed = [&[0][..], &(LEN as u32).to_be_bytes(), &message].concat();
            for piece in framed.chunks(16_384) {
                client.peer.send(&Frame::data(stream, piece, false)).await;
            }
            client.peer.send(&Frame::data(stream, b"", true)).await;
            read_slowly(&mut client, stream, LEN + 5, grant_len).await;
            client.ends_well().await;
        });
    }
}
