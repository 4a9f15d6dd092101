//! All streams of a connection: the live ones, and the names of some that died.

use std::collections::VecDeque;

use super::pace::Pace;
use super::queue::Queue;
use super::slots::Slots;
use super::state::State;
use super::window::{Credit, Window};
use crate::StreamId;

/// A live stream: open or half-closed.
#[derive(Debug)]
pub struct Stream {
    /// Its state.
    pub state: State,
    /// How far our message is.
    pub sent: Progress,
    /// How far the peer's message is.
    pub received: Progress,
    /// Where the stream waits for its turn to send.
    pub place: Place,
    /// What its owner wants to hear of it.
    pub voice: Voice,
    /// Whether a WINDOW_UPDATE for it is on the list.
    pub grant: Grant,
    /// Bytes we may send.
    pub window: Window,
    /// Bytes the peer may send.
    pub credit: Credit,
    /// How much wider than at first tuning has made that. Bytes.
    pub tuned_len: i64,
    /// How much wider than that it is for a message that is wanted whole. Bytes.
    pub reserved_len: i64,
    /// The window must hold so much before anything comes back; 0 if no message is wanted whole.
    /// Bytes.
    pub wanted_len: i64,
    /// What has come lately.
    pub(crate) pace: Pace,
    /// What we have to send.
    pub queue: Queue,
    /// Bytes the peer's `content-length` promises and has not sent, 0 for a response that has no
    /// body; `None` if there is no promise.
    pub promised: Option<u64>,
    /// At a client: where the stream's first byte is among all bytes of the connection.
    pub start: u64,
    /// At a server: the number of the event of its headers, as long as no DATA has come.
    pub headers_place: u64,
    /// Whether the owner waits for room to send.
    pub room: Room,
    /// Whether the owner waits for the rest of the peer's message.
    pub awaited: Awaited,
    /// DATA bytes that went either way since the stream was last seen to make progress. Bytes.
    pub moved_len: usize,
    /// Looks in a row that found the stream waiting for its peer and without progress.
    pub still_look_count: u8,
}

/// Whether an owner waits for room to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It has not asked, or has been told.
    Unasked,
    /// It has asked when there was none.
    Wanted,
}

/// Whether an owner waits for the rest of the peer's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The peer may be silent as long as it likes.
    Nothing,
    /// It should go on until its side has ended.
    End,
}

/// How far a message has come (RFC 9113 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No final headers yet.
    Start,
    /// As `Start`, and the response has no body whatever its length says: the request was `HEAD`.
    StartOfHead,
    /// Headers are through; DATA or trailers may follow.
    Body,
}

/// Where a stream waits for its turn to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it has nothing to send.
    None,
    /// In the list of streams whose turn comes.
    Ready,
    /// In the list of streams that wait for the connection's window.
    Parked,
    /// Nowhere: its own window is spent.
    Blocked,
}

/// What an owner wants to hear of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Everything.
    Loud,
    /// Nothing: the owner has let go of it, and RST_STREAM(NO_ERROR) follows what is queued.
    Mute,
}

/// Whether a WINDOW_UPDATE is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// It is not.
    None,
    /// It is, to be written when anything else is.
    Worth,
    /// It is, to be written at once.
    Due,
}

impl Stream {
    /// An open stream on which nothing has been said yet.
    #[must_use]
    #[inline]
    pub fn new(window: Window, credit: Credit) -> Self {
        Self {
            state: State::Open,
            sent: Progress::Start,
            received: Progress::Start,
            place: Place::None,
            voice: Voice::Loud,
            grant: Grant::None,
            window,
            credit,
            tuned_len: 0,
            reserved_len: 0,
            wanted_len: 0,
            pace: Pace::default(),
            queue: Queue::default(),
            promised: None,
            room: Room::Unasked,
            awaited: Awaited::Nothing,
            moved_len: 0,
            still_look_count: 0,
            start: 0,
            headers_place: u64::MAX,
        }
    }

    /// Makes a stream that is gone into a new one, in its place. Its queue is a new one already.
    #[inline]
    fn renew(&mut self, window: Window, credit: Credit) {
        self.state = State::Open;
        self.sent = Progress::Start;
        self.received = Progress::Start;
        self.place = Place::None;
        self.voice = Voice::Loud;
        self.grant = Grant::None;
        self.window = window;
        self.credit = credit;
        self.tuned_len = 0;
        self.reserved_len = 0;
        self.wanted_len = 0;
        self.pace = Pace::default();
        self.promised = None;
        self.start = 0;
        self.headers_place = u64::MAX;
        self.room = Room::Unasked;
        self.awaited = Awaited::Nothing;
        self.moved_len = 0;
        self.still_look_count = 0;
    }
}

/// How a stream came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Death {
    /// Both sides ended it: the peer has said that nothing more follows.
    #[default]
    Ended,
    /// The peer reset it.
    RemoteReset,
    /// We reset it: frames of the peer may still be on their way (RFC 9113 §5.1).
    LocalReset,
}

/// The name of a stream, and above it the bit that no name has: whether the peer reset it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ended(u32);

impl Ended {
    fn new(id: StreamId, death: Death) -> Self {
        match death {
            Death::RemoteReset => Self(id.number() | !StreamId::MAX.number()),
            Death::Ended | Death::LocalReset => Self(id.number()),
        }
    }
}

/// The streams of one connection.
#[derive(Debug, Default)]
pub struct Streams {
    live: Slots<Stream>,
    /// Ends the peer knows of, and the place to be given up next.
    ended: [Ended; MAX_ENDED_COUNT],
    oldest_ended_index: usize,
    /// Our resets, newest last, each with the bytes its peer was granted and had not sent.
    reset: VecDeque<(StreamId, i64)>,
    /// How many of them are remembered.
    max_reset_count: usize,
}

impl Streams {
    /// No streams yet, and at most `max_count` at once.
    #[must_use]
    pub fn new(max_count: u32) -> Self {
        Self {
            max_reset_count: (2 * max_count as usize).clamp(MIN_RESET_COUNT, MAX_RESET_COUNT),
            ..Self::default()
        }
    }

    /// Streams that are open or half-closed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether no stream is open or half-closed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// A live stream.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<&Stream> {
        self.live.get(id.number())
    }

    /// A live stream.
    #[must_use]
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.live.get_mut(id.number())
    }

    /// All live streams, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut Stream)> {
        self.live
            .iter_mut()
            .map(|(id, stream)| (StreamId::new(id), stream))
    }

    /// Adds an open stream under a number that was never used.
    #[inline]
    pub fn insert(&mut self, id: StreamId, window: Window, credit: Credit) -> &mut Stream {
        let new = || Stream::new(window, credit);
        let stream = self.live.insert(id.number(), new);
        stream.renew(window, credit);
        stream
    }

    /// Forgets a stream, and remembers for a while how it ended. Whether it was live.
    #[inline]
    pub fn remove(&mut self, id: StreamId, death: Death, left_len: i64) -> bool {
        self.remember(id, death, left_len);
        let Some(stream) = self.live.remove(id.number()) else {
            return false;
        };
        if !stream.queue.is_unused() {
            // Nothing of what it held stays behind.
            stream.queue = Queue::default();
        }
        true
    }

    /// Remembers the end of a stream that never became live, or just did. `left_len`: what its peer
    /// may have sent before it knows. Bytes.
    pub fn remember(&mut self, id: StreamId, death: Death, left_len: i64) {
        match death {
            Death::Ended | Death::RemoteReset => {
                if let Some(place) = self.ended.get_mut(self.oldest_ended_index) {
                    *place = Ended::new(id, death);
                }
                self.oldest_ended_index = (self.oldest_ended_index + 1) % MAX_ENDED_COUNT;
            }
            Death::LocalReset => {
                if self.reset.len() >= self.max_reset_count {
                    self.reset.pop_front();
                }
                self.reset.push_back((id, left_len));
            }
        }
    }

    /// How a stream ended, if that was lately.
    #[must_use]
    pub fn death(&self, id: StreamId) -> Option<Death> {
        if self.reset.iter().any(|&(reset, _)| reset == id) {
            return Some(Death::LocalReset);
        }
        let deaths = [Death::Ended, Death::RemoteReset];
        deaths
            .into_iter()
            .find(|&death| self.ended.contains(&Ended::new(id, death)))
    }

    /// Takes DATA that was on its way when we reset its stream: whether the peer could not know.
    pub fn take_late(&mut self, id: StreamId, len: usize) -> bool {
        let newest_first = self.reset.iter_mut().rev();
        let Some((_, left_len)) = newest_first.into_iter().find(|(reset, _)| *reset == id) else {
            return false;
        };
        *left_len = left_len.saturating_sub_unsigned(len as u64);
        len > 0 && *left_len >= 0
    }

    /// Gives unused memory back.
    pub fn trim(&mut self) {
        self.live.trim();
        self.reset.shrink_to_fit();
    }

    /// Drops all streams and all memories of streams.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Ended streams remembered, only to name a peer's fault well. Streams.
const MAX_ENDED_COUNT: usize = 16;
/// Streams we reset and remember at least: frames for them are dropped without a word. What a peer
/// has on its way can be for as many as it may open at once, so that is remembered twice over; of
/// more the oldest are taken for streams that ended long ago. Streams.
const MIN_RESET_COUNT: usize = 256;
/// The same at most: four bytes each, looked through for a frame that belongs to no live stream.
const MAX_RESET_COUNT: usize = 16_384;
