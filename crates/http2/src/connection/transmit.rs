//! Queues out: fairly between streams, one frame a turn, as far as the windows reach.
//!
//! ```text
//!            something to send                     window of the stream spent
//!   None ---------------------> Ready --turn--> Blocked --WINDOW_UPDATE, SETTINGS--> Ready
//!     ^                           |  ^
//!     '------- all is sent -------'  '--WINDOW_UPDATE on 0-- Parked (connection's window spent)
//! ```
//!
//! Only streams that can send are ever looked at.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::Connection;
use crate::frame::{Flags, Kind, writer as frames};
use crate::headers::writer::HeaderWriter;
use crate::stream::queue::End;
use crate::stream::state::{State, Step};
use crate::stream::table::{Death, Place, Room, Stream, Voice};
use crate::{Body, Config, ErrorCode, Event, FieldList, Side, StreamId};

use super::output::Output;

/// Streams that wait to send. Names of streams that have ended may be among them.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Their turn comes, front first.
    pub(super) ready: VecDeque<StreamId>,
    /// They wait for the connection's window.
    parked: VecDeque<StreamId>,
}

impl Turns {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn trim(&mut self) {
        self.ready.shrink_to_fit();
        self.parked.shrink_to_fit();
    }
}

/// What one turn of a stream came to.
enum Turn {
    /// A frame was written, and more could follow.
    Again,
    /// All is written; it was the end of our side.
    Ended,
    /// Nothing is left to write, but more may come.
    Idle,
    /// A window is spent.
    Waits,
}

impl Connection {
    /// Bytes that may be queued on the stream now; 0 for a stream that takes none. After a 0 for one
    /// that does, [`Event::SendRoom`] follows.
    ///
    /// What is handed over beyond it is taken, too: it is the owner's own choice how much waits here.
    pub fn send_room(&mut self, id: StreamId) -> usize {
        let Some(stream) = self.streams.get_mut(id) else {
            return 0;
        };
        let credit = stream.window.available().min(self.window.available());
        let max_len = max_queue_len(&self.config, self.queued_len, credit);
        let room_len = max_len.saturating_sub(stream.queue.len());
        if room_len == 0 && stream.room == Room::Unasked {
            stream.room = Room::Wanted;
            self.wanting_count += 1;
        }
        room_len
    }

    /// Gives turns to the streams that can send until the output is full enough.
    pub(super) fn take_turns(&mut self) {
        while self.output.len() < self.config.output_high_water
            && let Some(id) = self.turns.ready.pop_front()
        {
            match self.take_turn(id) {
                Turn::Again => self.turns.ready.push_back(id),
                Turn::Ended => self.end_local(id),
                Turn::Idle | Turn::Waits => {}
            }
        }
    }

    fn take_turn(&mut self, id: StreamId) -> Turn {
        let is_alone = self.turns.ready.is_empty();
        let Some(stream) = self.streams.get_mut(id) else {
            return Turn::Idle;
        };
        stream.place = Place::None;
        if !stream.queue.is_empty() {
            let credit = stream.window.available().min(self.window.available());
            if credit == 0 {
                return self.wait(id);
            }
            return self.write_queued(id, credit, is_alone);
        }
        match std::mem::take(&mut stream.queue.end) {
            End::None => Turn::Idle,
            End::Data => {
                frames::data_head(self.output.tail(), id, 0, Body::Last);
                Turn::Ended
            }
            End::Trailers(fields) => {
                let writer = &mut self.writer;
                let encode = |out: &mut BytesMut| writer.write(fields.iter(), out);
                write_block(
                    &mut self.output,
                    self.peer.max_frame_len,
                    id,
                    Body::Last,
                    encode,
                );
                Turn::Ended
            }
        }
    }

    /// Writes one DATA frame of what is queued; `credit` is what both windows let go.
    fn write_queued(&mut self, id: StreamId, credit: usize, is_alone: bool) -> Turn {
        let Some(stream) = self.streams.get_mut(id) else {
            return Turn::Idle;
        };
        let shared_len = if is_alone {
            usize::MAX
        } else {
            MAX_SHARED_FRAME_LEN
        };
        let max_len = self.peer.max_frame_len.min(shared_len);
        let before = stream.queue.len();
        let len = before.min(max_len).min(credit);
        let is_last = len == before && matches!(stream.queue.end, End::Data);
        let body = if is_last { Body::Last } else { Body::More };
        frames::data_head(self.output.tail(), id, len, body);
        stream.queue.take(len, |chunk| self.output.push(chunk));
        stream.moved_len += len;
        self.queued_len -= len;
        stream.window.spend(len);
        self.window.spend(len);
        self.unread.add(2 * len);
        self.keepalive.has_answered = true;
        // A peer that doles out its window byte by byte gets no thanks for it.
        if len == before || len >= MIN_THANKED_LEN {
            self.controls.refund(DATA_REFUND_COUNT);
        }
        // Half of the room: an owner should not be woken for a few bytes.
        let is_due =
            2 * stream.queue.len() <= max_queue_len(&self.config, self.queued_len, credit - len);
        if stream.room == Room::Wanted && is_due && stream.voice == Voice::Loud {
            stream.room = Room::Unasked;
            self.wanting_count -= 1;
            self.events.push(Event::SendRoom { id });
        }
        if is_last {
            stream.queue.end = End::None;
            return Turn::Ended;
        }
        if stream.queue.is_idle() {
            return Turn::Idle;
        }
        stream.place = Place::Ready;
        Turn::Again
    }

    /// Sets the stream aside until the window that holds it is raised.
    fn wait(&mut self, id: StreamId) -> Turn {
        let Some(stream) = self.streams.get_mut(id) else {
            return Turn::Idle;
        };
        if stream.window.available() == 0 {
            stream.place = Place::Blocked;
            return Turn::Waits;
        }
        stream.place = Place::Parked;
        // Streams end while they are parked; their names must not pile up.
        if self.turns.parked.len() > 2 * self.streams.len() {
            let streams = &self.streams;
            self.turns.parked.retain(|&id| streams.get(id).is_some());
        }
        self.turns.parked.push_back(id);
        Turn::Waits
    }

    /// The connection's window was raised.
    pub(super) fn unpark(&mut self) {
        if self.window.available() == 0 {
            return;
        }
        for id in self.turns.parked.drain(..) {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.place = Place::Ready;
                self.turns.ready.push_back(id);
            }
        }
    }

    /// Our side has ended on the wire.
    pub(super) fn end_local(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        match stream.state.step(Step::End(Side::Local)) {
            Ok(State::Closed) => self.complete_stream(id),
            Ok(state) if stream.voice == Voice::Loud => stream.state = state,
            Ok(_) => {
                // Its owner did not want to hear the rest (RFC 9113 §8.1).
                frames::reset(self.output.tail(), id, ErrorCode::NO_ERROR);
                self.remove_stream(id, Death::LocalReset);
                self.end_if_done();
            }
            Err(_) => {}
        }
    }
}

/// Bytes an owner may have queued on the stream, of which `credit` can go.
fn max_queue_len(config: &Config, queued_len: usize, credit: usize) -> usize {
    let max = if queued_len < config.max_queue_len {
        config.max_stream_queue_len
    } else {
        0
    };
    credit.min(max).max(config.min_stream_queue_len)
}

/// Puts a stream with something to send into the row.
pub(super) fn line_up(turns: &mut Turns, id: StreamId, stream: &mut Stream) {
    if stream.place == Place::None {
        stream.place = Place::Ready;
        turns.ready.push_back(id);
    }
}

/// Writes HEADERS, in place, and CONTINUATION if the peer takes only short frames. `encode` appends
/// the block. The order on the wire is the order of encoding, as HPACK needs it.
pub(super) fn write_block(
    output: &mut Output,
    max_frame_len: usize,
    id: StreamId,
    body: Body,
    encode: impl FnOnce(&mut BytesMut),
) {
    let start = output.begin_frame();
    encode(output.tail());
    if output
        .payload_len(start)
        .is_some_and(|len| len <= max_frame_len)
    {
        let flags = frames::end_stream(body).and(Flags::END_HEADERS);
        output.end_frame(start, Kind::Headers, flags, id);
    } else {
        let block = output.take_payload(start);
        frames::headers(output.tail(), id, &block, body, max_frame_len);
    }
}

/// As [`write_block`], of one list: the frame of last time, if it is known.
#[inline]
pub(super) fn write_list(
    writer: &mut HeaderWriter,
    output: &mut Output,
    max_frame_len: usize,
    id: StreamId,
    body: Body,
    list: &FieldList,
) {
    if let Some(frame) = writer.frame(list) {
        let flags = frames::end_stream(body).and(Flags::END_HEADERS);
        return output.push_template(frame, flags, id);
    }
    let encode = |out: &mut BytesMut| writer.write_list(list, out);
    write_block(output, max_frame_len, id, body, encode);
}

/// Longest DATA payload while other streams wait for their turn. Bytes.
const MAX_SHARED_FRAME_LEN: usize = 16 * 1024;
/// A frame cut shorter than this by a window does not count as work. Bytes.
const MIN_THANKED_LEN: usize = 1024;
/// Control frames forgiven for a DATA frame that we could send: the peer has windows to update.
pub(super) const DATA_REFUND_COUNT: u32 = 2;
