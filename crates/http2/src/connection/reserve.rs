//! Windows wider than a stream begins with: for the message it brings, and for the path it uses.
//!
//! Every stream has its first window for itself. What is wider comes out of two pools of the
//! connection, so that what a peer can make us hold has a limit:
//!
//! ```text
//! target of a stream = first window + tuned (of max_window_len) + reserved (of max_reserved_len)
//! ```
//!
//! A reservation is for a message that is wanted whole: none of its bytes come back before the last
//! has come, so the window must hold all of it. Who finds the pool empty waits in a row, first come
//! first served, and holds no more than its own window meanwhile: those before it can always finish.

use std::collections::VecDeque;

use super::Connection;
use super::bandwidth::Bandwidth;
use super::flow::{may_receive, note_grant};
use crate::stream::table::{Room, Stream};
use crate::stream::window::Window;
use crate::{Config, StreamId};

/// What the streams of one connection have out of the pools.
#[derive(Debug, Default)]
pub(super) struct Widened {
    /// By tuning. Bytes.
    pub(super) tuned_len: i64,
    /// By reservation. Bytes.
    pub(super) reserved_len: i64,
    /// Streams that wait for a reservation, each once, the first to be served in front.
    waiting: VecDeque<StreamId>,
}

impl Connection {
    /// Makes the window of a stream as wide as `len` bytes from the first that was not given back:
    /// for a message of known length of which nothing will be given back before it is whole. Lasts
    /// until the next [`Connection::release_data`] on the stream; not to be made longer before.
    ///
    /// What the stream's own window lacks is taken out of [`Config::max_reserved_len`], at once or
    /// when it is this stream's turn; a message longer than that has its turn when no other is under
    /// way. The length must have been checked: the peer may send as much. Nothing is held beyond
    /// 2^31 - 1 bytes, the widest window there is (RFC 9113 §6.9.1).
    ///
    /// The peer is granted one byte more than the message has: a sender on nghttp2 (node, curl) does
    /// not look for the end of its body, and not send its trailers, while its window is empty.
    ///
    /// [`Config::max_reserved_len`]: crate::Config::max_reserved_len
    pub fn reserve_window(&mut self, id: StreamId, len: usize) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let len =
            i64::try_from(len).map_or(Window::MAX, |len| len.saturating_add(1).min(Window::MAX));
        if stream.wanted_len == len || !may_receive(stream) {
            return;
        }
        // Who waits for the rest of a message has read all before it.
        self.widened
            .tune(stream, &self.config, &self.bandwidth, Reader::KeepsUp);
        stream.wanted_len = len;
        self.widened.line_up(id, stream);
        // What came back and was not worth a frame yet may be just what is missing.
        note_grant(&mut self.grants, id, stream);
        self.admit_waiting();
    }

    /// Serves the streams that wait for a reservation, as far as the pool goes.
    pub(super) fn admit_waiting(&mut self) {
        let pool_len = i64::from(self.config.max_reserved_len);
        while let Some(&id) = self.widened.waiting.front() {
            if let Some(stream) = self.streams.get_mut(id) {
                let len = stream.wanted_len - stream.credit.target();
                let sum = self.widened.reserved_len + len;
                let others_len = self.widened.reserved_len - stream.reserved_len;
                if sum > pool_len && others_len > 0 {
                    return;
                }
                if len > 0 {
                    stream.reserved_len += len;
                    self.widened.reserved_len = sum;
                    stream.credit.aim(stream.wanted_len);
                    note_grant(&mut self.grants, id, stream);
                    self.aim_credit();
                }
            }
            self.widened.waiting.pop_front();
        }
    }

    /// The target of the connection's window: what the path asks for, and the messages that are to
    /// come at once.
    pub(super) fn aim_credit(&mut self) {
        let first = u64::from(self.config.connection_window_len);
        let tuned = i64::try_from(self.bandwidth.target().max(first)).unwrap_or(Window::MAX);
        self.credit.aim(tuned + self.widened.reserved_len);
        let lone_len = self.widened.reserved_len - i64::from(self.config.max_reserved_len);
        let max_len = i64::from(self.config.max_unread_len) + lone_len.max(0);
        self.max_whole_unread_len = max_len - self.credit.target();
        self.settle_credit();
    }

    /// A stream is gone: what it had of the pools is for others.
    #[cold]
    pub(super) fn give_room_back(&mut self, id: StreamId, share: &Share) {
        self.unread_len -= share.unread_len;
        self.widened.tuned_len -= share.tuned_len;
        if share.wanted_len > 0 {
            if share.is_waiting {
                self.widened.waiting.retain(|&waiting| waiting != id);
            }
            self.widened.reserved_len -= share.reserved_len;
            self.admit_waiting();
            self.aim_credit();
        } else {
            self.unwithhold();
        }
    }
}

/// Whether a stream has nothing of what all share, neither room nor the promise of a SEND_ROOM.
#[inline]
pub(super) fn has_no_share(stream: &Stream) -> bool {
    stream.room == Room::Unasked && Share::of(stream).is_none()
}

/// What a stream has of the pools that all share. Bytes.
pub(super) struct Share {
    unread_len: i64,
    tuned_len: i64,
    wanted_len: i64,
    reserved_len: i64,
    is_waiting: bool,
}

impl Share {
    #[inline]
    pub(super) fn of(stream: &Stream) -> Self {
        Self {
            unread_len: stream.credit.outstanding(),
            tuned_len: stream.tuned_len,
            wanted_len: stream.wanted_len,
            reserved_len: stream.reserved_len,
            is_waiting: is_waiting(stream),
        }
    }

    /// Whether it has nothing, as nearly all streams do.
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.unread_len | self.tuned_len | self.wanted_len == 0
    }
}

impl Widened {
    /// Widens the window of a stream that uses it up and whose reader keeps up, as far as the path
    /// asks for it; a stream that has more than its share gives back.
    ///
    /// The share is three quarters of what the other streams leave: one stream alone has nearly all,
    /// and there is always something left for the next.
    pub(super) fn tune(
        &mut self,
        stream: &mut Stream,
        config: &Config,
        bandwidth: &Bandwidth,
        reader: Reader,
    ) {
        let used_len = 2 * i64::from(stream.pace.best_len());
        let first_len = i64::from(config.stream_window_len);
        let now_len = first_len + stream.tuned_len;
        if used_len <= now_len && stream.tuned_len == 0 {
            return;
        }
        let mut tuned_len = stream.tuned_len;
        if used_len > now_len && reader == Reader::KeepsUp {
            let path_len = i64::try_from(bandwidth.target()).unwrap_or(Window::MAX);
            tuned_len = tuned_len.max(path_len.min(used_len) - first_len);
        }
        let free_len = i64::from(config.max_window_len) - (self.tuned_len - stream.tuned_len);
        let step_len = tuned_len.min((free_len / 4 * 3).max(0)) - stream.tuned_len;
        if step_len != 0 {
            stream.tuned_len += step_len;
            self.tuned_len += step_len;
            let target = stream.credit.target() + step_len;
            stream.credit.aim(target);
        }
    }

    /// Puts a stream that lacks room into the row, if it is not there.
    pub(super) fn line_up(&mut self, id: StreamId, stream: &Stream) {
        if is_waiting(stream) && !self.waiting.contains(&id) {
            self.waiting.push_back(id);
        }
    }

    /// The bytes a stream was widened for have been given back.
    pub(super) fn end_reservation(&mut self, id: StreamId, stream: &mut Stream) {
        if is_waiting(stream) {
            self.waiting.retain(|&waiting| waiting != id);
        }
        stream.wanted_len = 0;
        self.reserved_len -= stream.reserved_len;
        let target = stream.credit.target() - stream.reserved_len;
        stream.credit.aim(target);
        stream.reserved_len = 0;
    }
}

/// Whether what comes on a stream is consumed as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Nearly all of it is.
    KeepsUp,
    /// Much of the window is unread.
    LagsBehind,
}

/// Whether a stream lacks room for the message it awaits.
pub(super) fn is_waiting(stream: &Stream) -> bool {
    stream.wanted_len > stream.credit.target()
}
