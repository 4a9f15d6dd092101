//! Two byte streams with a network between them that misbehaves by a seed.
//!
//! ```text
//! End --write--> [ bytes under way, each batch with its hour of arrival ] --read--> End
//! End <--read--- [                                                      ] <--write-- End
//! ```
//!
//! A direction is a serial line: a batch is put on it behind the ones before it, which takes its
//! length divided by the rate, then it is under way for the latency. What was written at once is read
//! at once, if it fits and the line is not slow, and never together with what was written later.
//!
//! Meant for a runtime whose clock is paused: then latency and stalls cost no time.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::Random;

/// What the network does to what it carries.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How long bytes are under way.
    pub latency: Duration,
    /// Bytes that one direction takes in a second; none for as many as one likes.
    pub bytes_per_second: Option<u64>,
    /// Bytes that one write or one read moves at most.
    pub max_chunk_len: usize,
    /// Bytes in one direction that have been written and not been read, beyond which a writer has
    /// to wait.
    pub capacity: usize,
    /// One batch in so many is held up; 0 for none.
    pub stall_once_in: u64,
    /// How long a batch is held up.
    pub stall: Duration,
    /// What becomes of the direction from the first end to the second, and of the one back.
    pub fates: [Fate; 2],
}

/// What becomes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It works as long as it is used.
    Lasts,
    /// After so many bytes the whole connection breaks: both ends see a reset.
    CutAt(u64),
    /// After so many bytes the reader sees the end of the stream; the way back goes on.
    EndsAt(u64),
}

impl Weather {
    /// A network that does no harm and takes no time.
    #[must_use]
    pub const fn fine() -> Self {
        Self {
            latency: Duration::ZERO,
            bytes_per_second: None,
            max_chunk_len: usize::MAX,
            capacity: 256 * 1024,
            stall_once_in: 0,
            stall: Duration::ZERO,
            fates: [Fate::Lasts; 2],
        }
    }

    /// A network with a few afflictions, by chance.
    pub fn bad(random: &mut Random) -> Self {
        let fate = |random: &mut Random| match random.below(8) {
            0 | 1 => Fate::CutAt(random.below(40_000)),
            2 => Fate::CutAt(random.below(400)),
            3 => Fate::EndsAt(random.below(40_000)),
            _ => Fate::Lasts,
        };
        Self {
            latency: Duration::from_millis(random.below(300)),
            max_chunk_len: [1, 9, 1500, usize::MAX][random.below(4) as usize],
            capacity: [64, 4096, 256 * 1024][random.below(3) as usize],
            stall_once_in: [0, 7, 100][random.below(3) as usize],
            stall: Duration::from_millis(random.below(5000)),
            fates: [fate(random), fate(random)],
            bytes_per_second: [None, None, Some(20_000), Some(1_000_000)][random.below(4) as usize],
        }
    }
}

/// One end of a link. Dropping it closes the connection, as closing a socket does.
#[derive(Debug)]
pub struct End {
    shared: Arc<Mutex<Shared>>,
    side: usize,
    /// Armed for the arrival of the next batch.
    arrival: Option<Pin<Box<Sleep>>>,
}

/// A hand on the cable between two ends.
#[derive(Clone, Debug)]
pub struct Cable(Arc<Mutex<Shared>>);

/// The two ends of a new link.
pub fn pair(weather: &Weather, random: &mut Random) -> (End, End) {
    let lane = |fate| Lane {
        fate,
        carried_len: 0,
        bytes: BytesMut::new(),
        batches: VecDeque::new(),
        is_ended: false,
        is_deaf: false,
        last_arrival: Instant::now(),
        is_free_at: Instant::now(),
        reader: None,
        writer: None,
    };
    let shared = Arc::new(Mutex::new(Shared {
        lanes: weather.fates.map(lane),
        weather: weather.clone(),
        random: random.fork(),
        is_cut: false,
        is_held: false,
        idle: [Idle {
            at: Instant::now(),
            count: 0,
            max_count: 0,
        }; 2],
    }));
    let end = |side| End {
        shared: Arc::clone(&shared),
        side,
        arrival: None,
    };
    (end(0), end(1))
}

#[derive(Debug)]
struct Shared {
    /// From the first end to the second, and back.
    lanes: [Lane; 2],
    weather: Weather,
    random: Random,
    is_cut: bool,
    is_held: bool,
    /// Of the first end, and of the second.
    idle: [Idle; 2],
}

/// Polls that came to nothing.
#[derive(Clone, Copy, Debug)]
struct Idle {
    at: Instant,
    count: u64,
    max_count: u64,
}

/// Polls in a row that come to nothing and can only be a busy loop, in which a paused clock stands
/// still for ever.
const MAX_IDLE_POLLS: u64 = 100_000;

#[derive(Debug)]
struct Lane {
    fate: Fate,
    carried_len: u64,
    /// What is under way.
    bytes: BytesMut,
    /// When it arrives: so many bytes at a time, in order.
    batches: VecDeque<(Instant, usize)>,
    /// The reader sees the end of the stream behind the last batch.
    is_ended: bool,
    /// The reader has closed: writing to it breaks the connection.
    is_deaf: bool,
    last_arrival: Instant,
    /// When all that was written has been put on the line.
    is_free_at: Instant,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl End {
    /// A hand on the cable.
    #[must_use]
    pub fn cable(&self) -> Cable {
        Cable(Arc::clone(&self.shared))
    }
}

impl Cable {
    /// Breaks the connection: both ends see a reset.
    pub fn cut(&self) {
        lock(&self.0).cut();
    }

    /// Holds back all that is under way, and all that will be.
    pub fn hold(&self) {
        lock(&self.0).is_held = true;
    }

    /// Lets it go on.
    pub fn release(&self) {
        let mut shared = lock(&self.0);
        shared.is_held = false;
        shared.wake_all();
    }

    /// Changes the weather. What is under way arrives as it would have.
    pub fn change_weather(&self, weather: Weather) {
        let mut shared = lock(&self.0);
        for (lane, &fate) in shared.lanes.iter_mut().zip(&weather.fates) {
            lane.fate = fate;
        }
        shared.weather = weather;
        shared.wake_all();
    }

    /// Something has happened that the network cannot see: the application sent, read or left.
    pub fn stir(&self) {
        lock(&self.0).on_stir();
    }

    /// How often one end has been polled, at most, and moved no byte while no byte moved anywhere,
    /// the clock stood still and nobody called [`Cable::stir`].
    #[must_use]
    pub fn max_idle_polls(&self) -> u64 {
        lock(&self.0)
            .idle
            .iter()
            .map(|idle| idle.max_count)
            .max()
            .unwrap_or_default()
    }

    /// Whether both ends have closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.0).lanes.iter().all(|lane| lane.is_deaf)
    }

    /// Whether an end has closed.
    #[must_use]
    pub fn is_hung_up(&self) -> bool {
        lock(&self.0).lanes.iter().any(|lane| lane.is_deaf)
    }

    /// Bytes carried so far from the first end to the second, and back.
    #[must_use]
    pub fn carried_len(&self) -> [u64; 2] {
        let shared = lock(&self.0);
        [0, 1].map(|side| shared.lanes[side].carried_len)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn cut(&mut self) {
        self.is_cut = true;
        self.wake_all();
    }

    fn wake_all(&mut self) {
        for lane in &mut self.lanes {
            lane.wake();
        }
    }

    fn on_stir(&mut self) {
        for idle in &mut self.idle {
            idle.count = 0;
        }
    }

    /// An end has been polled and has moved no byte.
    fn on_idle_poll(&mut self, side: usize) {
        let now = Instant::now();
        let idle = &mut self.idle[side];
        if idle.at < now {
            (idle.at, idle.count) = (now, 0);
        }
        idle.count += 1;
        idle.max_count = idle.max_count.max(idle.count);
        assert!(
            idle.count < MAX_IDLE_POLLS,
            "an end of the link is polled in a busy loop"
        );
    }

    fn write(
        &mut self,
        side: usize,
        slices: &[IoSlice<'_>],
        cx: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let lane = &mut self.lanes[side];
        if self.is_cut || lane.is_deaf {
            self.cut();
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.weather.capacity.saturating_sub(lane.bytes.len());
        if room == 0 {
            lane.writer = Some(cx.waker().clone());
            self.on_idle_poll(side);
            return Poll::Pending;
        }
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut len = len.min(room).min(self.weather.max_chunk_len);
        match lane.fate {
            Fate::Lasts => {}
            Fate::CutAt(at) if lane.carried_len >= at => {
                self.cut();
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            Fate::CutAt(at) => len = len.min((at - lane.carried_len) as usize),
            // What comes after the end goes nowhere.
            Fate::EndsAt(at) if lane.carried_len >= at => {
                lane.is_ended = true;
                lane.wake();
                return Poll::Ready(Ok(len));
            }
            Fate::EndsAt(at) => len = len.min((at - lane.carried_len) as usize),
        }
        let mut latency = self.weather.latency;
        let stall = self.weather.stall_once_in;
        if stall > 0 && self.random.once_in(stall) {
            latency += self.weather.stall;
        }
        lane.put(slices, len);
        lane.schedule(len, latency, self.weather.bytes_per_second);
        lane.reader.take().into_iter().for_each(Waker::wake);
        self.on_stir();
        Poll::Ready(Ok(len))
    }

    fn read(&mut self, side: usize, buf: &mut ReadBuf<'_>, cx: &Context<'_>) -> Read {
        let filled_len = buf.filled().len();
        let read = self.take_arrived(side, buf, cx);
        if buf.filled().len() > filled_len {
            self.on_stir();
        } else {
            self.on_idle_poll(side);
        }
        read
    }

    /// Reads what has arrived; tells when to come again if that is known.
    fn take_arrived(&mut self, side: usize, buf: &mut ReadBuf<'_>, cx: &Context<'_>) -> Read {
        if self.is_cut {
            return Read::Failed(io::ErrorKind::ConnectionReset.into());
        }
        let lane = &mut self.lanes[1 - side];
        lane.reader = Some(cx.waker().clone());
        if self.is_held {
            return Read::Wait;
        }
        let Some((arrival, batch_len)) = lane.batches.front_mut() else {
            return if lane.is_ended {
                Read::Some
            } else {
                Read::Wait
            };
        };
        if *arrival > Instant::now() {
            return Read::WaitUntil(*arrival);
        }
        let len = (*batch_len)
            .min(buf.remaining())
            .min(self.weather.max_chunk_len);
        *batch_len -= len;
        if *batch_len == 0 {
            lane.batches.pop_front();
        }
        buf.put_slice(&lane.bytes[..len]);
        lane.bytes.advance(len);
        lane.writer.take().into_iter().for_each(Waker::wake);
        Read::Some
    }
}

enum Read {
    Some,
    Wait,
    WaitUntil(Instant),
    Failed(io::Error),
}

impl Lane {
    /// Takes the first `len` bytes of the slices.
    fn put(&mut self, slices: &[IoSlice<'_>], len: usize) {
        let mut rest = len;
        for slice in slices {
            let piece = &slice[..slice.len().min(rest)];
            self.bytes.extend_from_slice(piece);
            rest -= piece.len();
        }
        self.carried_len += len as u64;
    }

    /// Says when the `len` bytes that were put last arrive.
    fn schedule(&mut self, len: usize, latency: Duration, bytes_per_second: Option<u64>) {
        self.is_free_at = self.is_free_at.max(Instant::now());
        // A timer's step; no batch takes longer, so that a slow line carries byte by byte.
        let max_len = bytes_per_second.map_or(len, |rate| (rate / 1000).max(1) as usize);
        let mut rest = len;
        while rest > 0 {
            let len = rest.min(max_len);
            rest -= len;
            if let Some(rate) = bytes_per_second {
                self.is_free_at += Duration::from_nanos(len as u64 * 1_000_000_000 / rate);
            }
            self.last_arrival = self.last_arrival.max(self.is_free_at + latency);
            self.batches.push_back((self.last_arrival, len));
        }
    }

    fn wake(&mut self) {
        self.reader
            .take()
            .into_iter()
            .chain(self.writer.take())
            .for_each(Waker::wake);
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let read = lock(&self.shared).read(self.side, buf, cx);
            let arrival = match read {
                Read::Some => return Poll::Ready(Ok(())),
                Read::Failed(error) => return Poll::Ready(Err(error)),
                Read::Wait => return Poll::Pending,
                Read::WaitUntil(arrival) => arrival,
            };
            let sleep = self
                .arrival
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(arrival)));
            if sleep.deadline() != arrival {
                sleep.as_mut().reset(arrival);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.arrival = None;
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        lock(&self.shared).write(self.side, &[IoSlice::new(bytes)], cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        lock(&self.shared).write(self.side, slices, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut shared = lock(&self.shared);
        let lane = &mut shared.lanes[self.side];
        lane.is_ended = true;
        lane.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.lanes[self.side].is_ended = true;
        shared.lanes[1 - self.side].is_deaf = true;
        shared.wake_all();
    }
}
