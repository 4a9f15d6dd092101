//! How long a peer may owe us something.
//!
//! ```text
//!   greeting:  preface and SETTINGS            handshake_timeout     GOAWAY SETTINGS_TIMEOUT
//!   block:     one whole header block          header_block_timeout  GOAWAY ENHANCE_YOUR_CALM
//!   frame:     the rest of any other frame     stall_timeout         GOAWAY ENHANCE_YOUR_CALM
//!   stream:    room for what is queued on it,
//!              or the rest of a message        stall_timeout         RST_STREAM ENHANCE_YOUR_CALM
//!   socket:    room for our output             stall_timeout         the socket is closed
//!   farewell:  the ACK of our PING             handshake_timeout     GOAWAY with the last stream
//!   end:       our last bytes                  close_timeout         the socket is closed
//!   life:      any byte, after our PING        keepalive_timeout     the socket is closed
//! ```
//!
//! All but streams and the socket have a moment each. Streams and the socket are looked at four times
//! in a `stall_timeout`: what has hardly moved between three looks in a row has stalled, so that it
//! ends within the time. What counts is bytes, not frames: a window that is opened byte by byte is
//! no progress.

use std::mem;
use std::time::{Duration, Instant};

use super::closing::Shutdown;
use super::{Connection, Life, reserve};
use crate::error::{StreamError, Violation};
use crate::frame::{Head, Kind};
use crate::stream::table::{Awaited, Place, Stream};
use crate::{ConnectionError, Side, StreamId};

/// The moments at which somebody loses patience.
#[derive(Debug, Default)]
pub(super) struct Timers {
    handshake: Option<Instant>,
    /// The ACK of the PING behind our GOAWAY is not waited for any longer.
    farewell: Option<Instant>,
    close: Option<Instant>,
    /// The next look at streams and the socket.
    look: Option<Instant>,
    /// When the first bytes of the frame came that is not there in full, or when it was last seen
    /// to make progress.
    partial_since: Option<Instant>,
    /// How much of it is there.
    partial_len: usize,
    /// How much of it has come since `partial_since`.
    partial_moved_len: usize,
    /// Whether that frame belongs to a header block.
    is_block_partial: bool,
    /// Bytes the socket took since it was last seen to make progress.
    pub(super) written_len: usize,
    /// Bytes of DATA that came since the last look.
    pub(super) received_len: usize,
    /// Looks in a row that found the socket stuck.
    stuck_look_count: u8,
    /// The last streams when unused memory was given back.
    trimmed_at: (u32, u32),
    /// Something came back to a stream's window that was not worth a WINDOW_UPDATE.
    pub(super) owes_windows: bool,
    /// The last bytes were not taken in time.
    is_abandoned: bool,
}

impl Connection {
    /// When [`Connection::handle_timeout`] wants to be called; `None` while nothing is owed. `now`
    /// is asked only when something begins to be.
    pub fn poll_timeout(&mut self, now: impl Fn() -> Instant) -> Option<Instant> {
        match self.life {
            Life::Preface { .. } | Life::FirstSettings => {
                let timeout = self.config.handshake_timeout;
                Some(*(self.timers.handshake).get_or_insert_with(|| now() + timeout))
            }
            Life::Running => {
                let owed = self.block_deadline().or(self.frame_deadline());
                let farewell = self.farewell_deadline(&now);
                let look = self.next_look(&now);
                let keepalive = self.keepalive_deadline(&now);
                let age = self.age_deadline(&now);
                let own = keepalive.into_iter().chain(age);
                (owed.into_iter().chain(farewell).chain(look).chain(own)).min()
            }
            Life::Closed => {
                let timeout = self.config.close_timeout;
                Some(*(self.timers.close).get_or_insert_with(|| now() + timeout))
            }
        }
    }

    /// Time has passed: ends what has been waited for too long. May be called at any time.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        match self.life {
            Life::Preface { .. } | Life::FirstSettings => {
                if is_due(self.timers.handshake) {
                    let after = self.config.handshake_timeout;
                    self.fail(ConnectionError::new(Violation::HandshakeTimeout { after }));
                }
            }
            Life::Running => {
                if is_due(self.block_deadline()) {
                    let after = self.config.header_block_timeout;
                    self.fail(ConnectionError::new(Violation::HeaderBlockTimeout {
                        after,
                    }));
                } else if is_due(self.frame_deadline()) {
                    self.fail(self.stalled_connection());
                } else if self.shutdown == Shutdown::Announced && is_due(self.timers.farewell) {
                    self.finish_shutdown();
                } else if is_due(self.timers.look) {
                    self.timers.look = None;
                    self.look(now);
                } else if is_due(self.keepalive_deadline(&|| now)) {
                    self.on_keepalive_deadline(now);
                } else if is_due(self.age_deadline(&|| now)) {
                    self.on_age_deadline(now);
                }
            }
            Life::Closed => self.timers.is_abandoned |= is_due(self.timers.close),
        }
    }

    /// Whether the connection is over and its last bytes were not taken in time: the socket should
    /// be closed as it is.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.timers.is_abandoned
    }

    /// The socket should be closed without another byte.
    pub(super) fn abandon(&mut self) {
        self.timers.is_abandoned = true;
    }

    /// Tells that the rest of the peer's message on this stream is waited for: it may then not stall
    /// any more. A stream whose peer may be silent for hours, between two messages, has no need of
    /// this.
    pub fn expect_end(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.awaited = Awaited::End;
        }
    }

    /// Remembers since when the frame at the front of `input` has been incomplete. `is_new` if it
    /// is not the one of the last time.
    pub(super) fn note_partial(&mut self, input: &[u8], is_new: bool) {
        let timers = &mut self.timers;
        if input.is_empty() {
            timers.partial_since = None;
            return;
        }
        if is_new || timers.partial_since.is_none() {
            timers.partial_since = self.now;
            timers.partial_len = 0;
            timers.partial_moved_len = 0;
        }
        let grown_len = input.len().saturating_sub(timers.partial_len);
        timers.partial_len = input.len();
        timers.partial_moved_len += grown_len;
        // Behind three bytes of length stands the kind.
        timers.is_block_partial = input.get(3).is_some_and(|&kind| {
            let kind = Kind::from_number(kind);
            matches!(kind, Kind::Headers | Kind::Continuation)
        });
        if timers.is_block_partial {
            // A block has its time as a whole.
            return;
        }
        if timers.partial_moved_len >= self.config.min_progress_len {
            timers.partial_since = self.now;
            timers.partial_moved_len = 0;
        }
        // A long frame on a slow line is progress of its stream before it is there in full.
        if let Some(head) = Head::peek(input)
            && head.kind == Kind::Data
            && let Some(stream) = self.streams.get_mut(head.id)
        {
            stream.moved_len += grown_len;
            timers.received_len += grown_len;
        }
    }

    fn block_deadline(&self) -> Option<Instant> {
        let assembled = self.assembly.as_ref().and_then(|block| block.begun);
        let since = match assembled {
            None if self.timers.is_block_partial => self.timers.partial_since,
            assembled => assembled,
        };
        since.map(|since| since + self.config.header_block_timeout)
    }

    fn frame_deadline(&self) -> Option<Instant> {
        let timeout = self.config.stall_timeout?;
        self.timers.partial_since.map(|since| since + timeout)
    }

    fn farewell_deadline(&mut self, now: &impl Fn() -> Instant) -> Option<Instant> {
        if self.shutdown != Shutdown::Announced {
            return None;
        }
        let timeout = self.config.handshake_timeout;
        Some(*(self.timers.farewell).get_or_insert_with(|| now() + timeout))
    }

    /// The next look, as long as there is something to look at.
    fn next_look(&mut self, now: &impl Fn() -> Instant) -> Option<Instant> {
        let timeout = self.config.stall_timeout;
        let period = timeout.map_or(GRANT_PERIOD, |timeout| timeout / LOOK_COUNT);
        let has_something = match timeout {
            Some(_) => {
                let is_trimmed = self.timers.trimmed_at == self.last_streams();
                !self.streams.is_empty() || self.output.len() > 0 || !is_trimmed
            }
            None => self.timers.owes_windows,
        };
        if self.timers.look.is_none() && has_something {
            self.timers.look = Some(now() + period);
        }
        self.timers.look
    }

    /// The last stream of either end: others than before mean that there were calls since.
    fn last_streams(&self) -> (u32, u32) {
        (self.last_remote.number(), self.next_local.wrapping_sub(1))
    }

    fn look(&mut self, now: Instant) {
        self.now = Some(now);
        // An owner that reads slowly must not look to the peer as if it did not read at all.
        if mem::take(&mut self.timers.owes_windows) {
            self.note_all_grants();
        }
        if self.streams.is_empty() && self.output.len() == 0 {
            self.timers.trimmed_at = self.last_streams();
            return self.trim();
        }
        if self.config.stall_timeout.is_none() {
            return;
        }
        if self.output.len() > 0 && self.timers.written_len < self.config.min_progress_len {
            self.timers.stuck_look_count += 1;
            if self.timers.stuck_look_count >= STALLED_LOOK_COUNT {
                self.fail(self.stalled_connection());
                // What does not leave will not leave later.
                self.abandon();
            }
            // Streams cannot move either, and are not to blame.
            return;
        }
        self.timers.stuck_look_count = 0;
        // Streams share a slow line fairly, and wait for each other.
        let busy_len = self.config.min_progress_len * self.streams.len().max(1);
        let excuses = Excuses {
            out: std::mem::take(&mut self.timers.written_len) >= busy_len,
            into: std::mem::take(&mut self.timers.received_len) >= busy_len
                || self.credit.left() <= 0,
        };
        for id in self.stalled_streams(&excuses) {
            let stalled = Violation::StreamStalled {
                after: self.config.stall_timeout.unwrap_or_default(),
                min: self.config.min_progress_len,
            };
            self.on_stream_error(StreamError::new(id, stalled));
        }
    }

    fn stalled_streams(&mut self, excuses: &Excuses) -> Vec<StreamId> {
        let min = self.config.min_progress_len;
        let mut stalled = Vec::new();
        for (id, stream) in self.streams.iter_mut() {
            if !is_waiting(stream, excuses) || stream.moved_len >= min {
                stream.moved_len = 0;
                stream.still_look_count = 0;
                continue;
            }
            stream.still_look_count += 1;
            if stream.still_look_count >= STALLED_LOOK_COUNT {
                stalled.push(id);
            }
        }
        stalled.sort_unstable();
        stalled
    }

    fn stalled_connection(&self) -> ConnectionError {
        let after = self.config.stall_timeout.unwrap_or_default();
        let min = self.config.min_progress_len;
        ConnectionError::new(Violation::ConnectionStalled { after, min })
    }

    /// When the first byte of the header block came that is being read.
    pub(super) fn block_begun(&self) -> Option<Instant> {
        self.timers.partial_since.or(self.now)
    }
}

/// What a stream need not answer for.
struct Excuses {
    /// The socket takes its fair share for every stream: one that only waits for its turn is not
    /// stalled.
    out: bool,
    /// So much comes, or is let come, that the stream's share may be behind.
    into: bool,
}

/// Whether it is the peer's turn to do something about the stream.
fn is_waiting(stream: &Stream, excuses: &Excuses) -> bool {
    // A long message that has begun should go on, too: others wait for the room that it reserved.
    let is_awaited = stream.awaited == Awaited::End || stream.wanted_len > 0;
    let is_owed = is_awaited
        && stream.state.is_open_to(Side::Remote)
        && stream.credit.left() > 0
        && !reserve::is_waiting(stream)
        && !excuses.into;
    let is_held = matches!(stream.place, Place::Blocked | Place::Parked);
    is_owed || (!stream.queue.is_idle() && (is_held || !excuses.out))
}

/// How long a WINDOW_UPDATE that is worth little waits, if nobody looks for stalls.
const GRANT_PERIOD: Duration = Duration::from_secs(15);
/// Looks in one stall timeout.
const LOOK_COUNT: u32 = 4;
/// Looks in a row without progress that make a stall: three periods at least, four at most.
const STALLED_LOOK_COUNT: u8 = 3;
