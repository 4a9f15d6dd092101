//! Windows that tune themselves, over a long line: fast enough, and within a bound.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hikyaku::client::Streaming;
use hikyaku::{Channel, Server};
use hikyaku_testkit::link::{End, Weather};
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, Random, virtual_time};
use tokio::time::{Instant, timeout};

use crate::in_memory::{Calling, Calls, Network, Plain};

/// A gigabit a second.
const RATE: u64 = 125_000_000;

/// Once there and back.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// A message of the fast streams. Bytes.
const MESSAGE_LEN: usize = 64 * 1024;

const MIB: usize = 1 << 20;

/// What a message brings with it. Bytes.
const PREFIX_LEN: usize = 5;

/// A gigabit a second, 50 ms away.
fn long_line() -> Network {
    let weather = Weather {
        latency: ROUND_TRIP / 2,
        bytes_per_second: Some(RATE),
        capacity: 64 * MIB,
        ..Weather::fine()
    };
    Network::with_weather(weather, Random::new(0))
}

/// Replies without end and requests without end, of [`MESSAGE_LEN`] bytes each; what a side has read
/// or sent is counted.
fn fast_calls(sent: &Arc<AtomicUsize>, read: &Arc<AtomicUsize>) -> Calls {
    let (sent, read) = (Arc::clone(sent), Arc::clone(read));
    Calls::four_kinds(&Live::new())
        .server_streaming_bytes("/test.Calls/Pour", move |_, mut replies| {
            let sent = Arc::clone(&sent);
            async move {
                let message = Bytes::from(vec![7; MESSAGE_LEN]);
                loop {
                    replies.send(message.clone()).await?;
                    sent.fetch_add(MESSAGE_LEN, Ordering::SeqCst);
                }
            }
        })
        .client_streaming_bytes("/test.Calls/Drain", move |mut requests| {
            let read = Arc::clone(&read);
            async move {
                while let Some(message) = requests.next().await? {
                    read.fetch_add(message.len(), Ordering::SeqCst);
                }
                Ok(0.into())
            }
        })
        .unary_bytes("/test.Calls/Same", |request| async move {
            Ok(request.into_message().into())
        })
}

/// Counters of what has been sent and read, and a network with a server of [`fast_calls`].
fn serving() -> (Network, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (sent, read) = (Arc::default(), Arc::default());
    let network = long_line();
    network.serve(Server::new().add(fast_calls(&sent, &read)));
    (network, sent, read)
}

async fn pour(channel: &Channel) -> Streaming<Bytes> {
    channel
        .server_streaming::<Plain, u64, Bytes>("/test.Calls/Pour", 1.into())
        .await
        .unwrap()
}

/// Asserts that the counter rises at nine tenths of the line's rate from 2.5 to 3 s after `start`.
async fn assert_fast(start: Instant, count: &AtomicUsize) {
    tokio::time::sleep_until(start + Duration::from_millis(2500)).await;
    let before = count.load(Ordering::SeqCst);
    tokio::time::sleep_until(start + Duration::from_millis(3000)).await;
    let rate = (count.load(Ordering::SeqCst) - before) as u64 * 2;
    assert!(rate >= RATE / 10 * 9, "{rate} bytes a second");
}

#[test]
fn one_stream_of_replies_fills_a_long_line() {
    virtual_time::run(async {
        let (network, _, read) = serving();
        let channel = network.channel();
        let start = Instant::now();
        let mut replies = pour(&channel).await;
        let counter = Arc::clone(&read);
        let reading = tokio::spawn(async move {
            while let Ok(Some(message)) = replies.next().await {
                counter.fetch_add(message.len(), Ordering::SeqCst);
            }
        });
        assert_fast(start, &read).await;
        reading.abort();
    });
}

#[test]
fn one_stream_of_requests_fills_a_long_line() {
    virtual_time::run(async {
        let (network, _, read) = serving();
        let channel = network.channel();
        let start = Instant::now();
        let mut call = channel
            .client_streaming::<Plain, Bytes, u64>("/test.Calls/Drain", ().into())
            .await
            .unwrap();
        let sending = tokio::spawn(async move {
            let message = Bytes::from(vec![7; MESSAGE_LEN]);
            while call.send(message.clone()).await.is_ok() {}
        });
        assert_fast(start, &read).await;
        sending.abort();
    });
}

/// What a sender has on its way to a reader that reads nothing, if the window is `window_len`: that,
/// and what may wait before and behind it.
const fn max_ahead_len(window_len: usize) -> usize {
    window_len + (3 * 64 + 32) * 1024 + MESSAGE_LEN
}

#[test]
fn a_slow_reader_keeps_a_small_window_beside_a_fast_one() {
    virtual_time::run(async {
        let (network, sent, read) = serving();
        let channel = network.channel();
        let mut slow = pour(&channel).await;
        let mut slow_len = 0;
        for _ in 0..20 {
            slow_len += slow.next().await.unwrap().unwrap().len();
            tokio::time::sleep(Duration::from_millis(300)).await;
            let ahead_len = sent.load(Ordering::SeqCst) - slow_len;
            assert!(ahead_len <= max_ahead_len(65_535), "{ahead_len} ahead");
        }
        // Another stream is as fast as ever, and does not make this one's window wider.
        let sent_to_slow = sent.load(Ordering::SeqCst);
        let mut fast = pour(&channel).await;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            read.fetch_add(fast.next().await.unwrap().unwrap().len(), Ordering::SeqCst);
        }
        drop(fast);
        assert!(read.load(Ordering::SeqCst) > 50 * MIB);
        settle().await;
        for _ in 0..20 {
            slow_len += slow.next().await.unwrap().unwrap().len();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let before = sent.load(Ordering::SeqCst);
        settle().await;
        assert_eq!(sent.load(Ordering::SeqCst), before, "it waits");
        assert!(sent_to_slow <= slow_len + max_ahead_len(65_535));
    });
}

#[test]
fn a_reader_that_stops_is_ahead_of_by_a_window_and_no_more() {
    virtual_time::run(async {
        let (network, sent, _) = serving();
        let channel = network.channel();
        let mut replies = pour(&channel).await;
        let mut read_len = 0;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            read_len += replies.next().await.unwrap().unwrap().len();
        }
        settle().await;
        let ahead_len = sent.load(Ordering::SeqCst) - read_len;
        assert!(ahead_len > MIB, "{ahead_len} ahead: it was fast");
        assert!(ahead_len <= max_ahead_len(16 * MIB), "{ahead_len} ahead");
        // Others go on meanwhile.
        let square = channel.ask("/test.Calls/Square", 12).await.unwrap();
        assert_eq!(square.into_message(), 144);
    });
}

#[test]
fn a_long_message_takes_few_round_trips() {
    virtual_time::run(async {
        let (network, _, _) = serving();
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 12).await.unwrap();
        let message = Bytes::from(vec![7; 4 * MIB - 100]);
        let start = Instant::now();
        let reply = channel
            .unary::<Plain, Bytes, Bytes>("/test.Calls/Same", message.clone().into())
            .await
            .unwrap();
        assert!(reply.into_message() == message);
        // The line alone takes 67 ms for both ways. A first window, word of the whole, the rest: that
        // is a round trip and a half each way, of which the request's end is the reply's beginning.
        let elapsed = start.elapsed();
        assert!(elapsed < ROUND_TRIP * 4, "{elapsed:?}");
    });
}

// ---- a client that keeps its messages incomplete ----------------------------------------------

/// Sends one long message on each of many streams, as far as the windows let it.
struct Uploader {
    peer: RawPeer<End>,
    credit: i64,
    uploads: BTreeMap<u32, Upload>,
    answered_count: usize,
}

struct Upload {
    credit: i64,
    sent_len: usize,
}

impl Uploader {
    const LEN: usize = PREFIX_LEN + 4 * MIB;

    async fn start(network: &Network, count: u32) -> Self {
        let mut peer = network.raw_client().await;
        let mut uploads = BTreeMap::new();
        for number in 0..count {
            let (stream, block) = (2 * number + 1, raw::request("/test.Calls/Len", &[]));
            peer.send(&Frame::headers(stream, &block, false)).await;
            let upload = Upload {
                credit: 65_535,
                sent_len: 0,
            };
            uploads.insert(stream, upload);
        }
        Self {
            peer,
            credit: 1 << 20,
            uploads,
            answered_count: 0,
        }
    }

    /// Sends what the windows allow of each message but its last `kept_len` bytes, until no more
    /// window comes.
    async fn send_all_but(&mut self, kept_len: usize) {
        loop {
            self.send_what_goes(kept_len).await;
            match timeout(Duration::from_secs(5), self.peer.read()).await {
                Ok(frame) => self.on_frame(frame.expect("the connection stands")).await,
                Err(_) => return,
            }
        }
    }

    async fn send_what_goes(&mut self, kept_len: usize) {
        let payload = [0; 16 * 1024];
        for (&stream, upload) in &mut self.uploads {
            let rest = (Self::LEN - kept_len).saturating_sub(upload.sent_len);
            let credit = self.credit.min(upload.credit).max(0) as usize;
            let mut left = rest.min(credit);
            while left > 0 {
                let len = left.min(payload.len());
                left -= len;
                let mut data = payload[..len].to_vec();
                if upload.sent_len == 0 {
                    data[1..PREFIX_LEN].copy_from_slice(&(4 * MIB as u32).to_be_bytes());
                }
                upload.sent_len += len;
                upload.credit -= len as i64;
                self.credit -= len as i64;
                let is_last = upload.sent_len == Self::LEN;
                self.peer.send(&Frame::data(stream, &data, is_last)).await;
            }
        }
    }

    async fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::WindowUpdate {
                stream: 0,
                increment,
            } => self.credit += i64::from(increment),
            Frame::WindowUpdate { stream, increment } => {
                if let Some(upload) = self.uploads.get_mut(&stream) {
                    upload.credit += i64::from(increment);
                }
            }
            Frame::Ping {
                ack: false,
                payload,
            } => self.peer.send(&Frame::ping(true, payload)).await,
            Frame::Headers { end: true, .. } => {
                assert_eq!(frame.field("grpc-status"), Some("0"), "{frame:?}");
                self.uploads.remove(&frame.stream());
                self.answered_count += 1;
            }
            Frame::Headers { .. } | Frame::Data { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Bytes that have been sent of messages that are not answered.
    fn held_len(&self) -> usize {
        self.uploads.values().map(|upload| upload.sent_len).sum()
    }

    /// Bytes that could still be sent without another word of the server.
    fn window_len(&self) -> usize {
        let streams: i64 = self.uploads.values().map(|upload| upload.credit).sum();
        streams.min(self.credit) as usize
    }
}

#[test]
fn unfinished_messages_are_held_within_a_bound_and_all_finish_at_last() {
    virtual_time::run(async {
        let network = Network::new();
        let calls = Calls::new().unary_bytes("/test.Calls/Len", |request| async move {
            let len = request.into_message().len() as u64;
            Ok(Bytes::copy_from_slice(&len.to_be_bytes()).into())
        });
        network.serve(Server::new().add(calls));
        let mut uploader = Uploader::start(&network, 100).await;
        uploader.send_all_but(1).await;
        let held_len = uploader.held_len();
        assert!(held_len > 12 * MIB, "{held_len} bytes");
        let most_len = held_len + uploader.window_len();
        assert!(most_len < 16 * MIB, "{most_len} bytes");
        assert_eq!(uploader.answered_count, 0);

        // Whose turn it is not waits at its first window; two whole messages are on their way.
        let long_count = (uploader.uploads.values())
            .filter(|upload| upload.sent_len > 65_535)
            .count();
        assert_eq!(long_count, 2);

        uploader.send_all_but(0).await;
        assert_eq!(uploader.answered_count, 100);
    });
}
