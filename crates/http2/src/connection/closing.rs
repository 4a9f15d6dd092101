//! Ends: of a stream, of the connection, in peace and in error.

use bytes::Bytes;

use super::reserve::{Share, Widened};
use super::{Connection, Life, Role};
use crate::error::{Fault, StreamError, Violation};
use crate::frame::go_away::GoAway;
use crate::frame::{Flags, writer};
use crate::stream::state::State;
use crate::stream::table::{Death, Room, Stream, Voice};
use crate::{ConnectionError, ErrorCode, Event, Side, StreamId};

/// How far our own farewell is (RFC 9113 §6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shutdown {
    /// Not begun.
    None,
    /// A server has told the client to open no more streams, and waits for the ACK of a PING:
    /// then the client knows, and no stream is on its way any more.
    Announced,
    /// No stream above this one will be taken.
    Final { last_stream: StreamId },
}

/// What is still asked of a stream that is gone. (A whole stream is long to move.)
pub(super) struct Removed {
    pub(super) state: State,
    pub(super) voice: Voice,
}

impl Connection {
    // ---- streams --------------------------------------------------------------------------

    /// Forgets a stream.
    pub(super) fn remove_stream(&mut self, id: StreamId, death: Death) -> Option<Removed> {
        let had_room = self.has_room();
        let Some(stream) = self.streams.get_mut(id) else {
            // What its peer may have sent before it knows.
            let left_len = i64::from(self.initial_credit());
            self.streams.remember(id, death, left_len);
            return None;
        };
        let &mut Stream { state, voice, .. } = stream;
        let left_len = stream.credit.left();
        self.queued_len -= stream.queue.len();
        self.wanting_count -= usize::from(stream.room == Room::Wanted);
        let share = Share::of(stream);
        self.streams.remove(id, death, left_len);
        if !share.is_none() {
            self.give_room_back(id, &share);
        }
        self.age.idle_since = None;
        if self.role == Role::Client {
            self.note_room(had_room);
        }
        Some(Removed { state, voice })
    }

    /// Both sides of a stream have ended as they should.
    pub(super) fn complete_stream(&mut self, id: StreamId) {
        self.resets.refund(1);
        self.remove_stream(id, Death::Ended);
        self.end_if_done();
    }

    /// The same at a server, for a stream without a queue that has nothing of what all share.
    #[inline]
    pub(super) fn forget_ended(&mut self, id: StreamId) {
        self.resets.refund(1);
        self.streams.remove(id, Death::Ended, 0);
        self.age.idle_since = None;
        if self.shutdown != Shutdown::None {
            self.end_if_done();
        }
    }

    /// The peer broke a rule of one stream (RFC 9113 §5.4.2).
    pub(super) fn on_stream_error(&mut self, error: StreamError) {
        let StreamError { id, code, what } = error;
        if !self.is_over(id, what) {
            if let Some(stream) = self.remove_stream(id, Death::LocalReset) {
                if stream.voice == Voice::Loud {
                    self.events.push(Event::Reset {
                        id,
                        code,
                        by: Side::Local,
                        what: Some(what),
                    });
                }
            } else if self.is_idle(id) {
                // RST_STREAM may not be sent on an idle stream.
                return self.fail(ConnectionError { code, what });
            }
            writer::reset(self.output.tail(), id, code);
        }
        match self.take_reset(cost(what)) {
            Ok(()) => self.end_if_done(),
            Err(Fault::Connection(error)) => self.fail(error),
            Err(Fault::Stream(_)) => {}
        }
    }

    /// Whether a fault on a stream is not told any more: we have sent RST_STREAM, or the peer has
    /// (RFC 9113 §6.4). Only if it goes on with its message after that it has to be told (§6.1).
    fn is_over(&self, id: StreamId, what: Violation) -> bool {
        match self.streams.death(id) {
            Some(Death::LocalReset) => true,
            Some(Death::RemoteReset) => !matches!(what, Violation::ClosedStream(..)),
            Some(Death::Ended) | None => false,
        }
    }

    // ---- the peer's farewell --------------------------------------------------------------

    pub(super) fn on_go_away(&mut self, go_away: &GoAway<'_>) -> Result<(), Fault> {
        self.take_control()?;
        let &GoAway {
            last_stream,
            code,
            debug,
        } = go_away;
        if let Some(from) = self.peer_last_stream
            && last_stream > from
        {
            return Err(Violation::GoAwayRaised {
                from,
                to: last_stream,
            }
            .into());
        }
        self.peer_last_stream = Some(last_stream);
        let debug = debug.get(..self.config.max_debug_len).unwrap_or(debug);
        let debug = Bytes::copy_from_slice(debug);
        self.events.push(Event::GoAway {
            last_stream,
            code,
            debug,
        });
        if self.role == Role::Client {
            self.drop_unprocessed(last_stream);
        }
        self.end_if_done();
        Ok(())
    }

    /// Ends the streams that the server has not looked at and never will.
    fn drop_unprocessed(&mut self, last_stream: StreamId) {
        let mut lost: Vec<_> = self
            .streams
            .iter_mut()
            .map(|(id, _)| id)
            .filter(|&id| id > last_stream)
            .collect();
        lost.sort_unstable();
        for id in lost {
            self.remove_stream(id, Death::LocalReset);
            self.events.push(Event::Unprocessed { id });
        }
    }

    // ---- our farewell ---------------------------------------------------------------------

    /// Ends gracefully: no new streams, the open ones finish, then the connection is drained.
    /// Server: GOAWAY(2^31-1) and PING; on its ACK GOAWAY(last id) (RFC 9113 §6.8).
    pub fn start_shutdown(&mut self) {
        self.start_shutdown_for("");
    }

    /// The same, with a reason for the peer's operator.
    pub(super) fn start_shutdown_for(&mut self, why: &'static str) {
        if self.life == Life::Closed || self.shutdown != Shutdown::None {
            return;
        }
        if self.role == Role::Server && self.life == Life::Running {
            self.shutdown = Shutdown::Announced;
            let why = why.as_bytes();
            writer::go_away(self.output.tail(), StreamId::MAX, ErrorCode::NO_ERROR, why);
            writer::ping(self.output.tail(), SHUTDOWN_PING, Flags::NONE);
        } else {
            // A client has no streams of its server's to wait for, and a server that was not
            // greeted yet has none at all.
            self.finish_shutdown();
        }
    }

    pub(super) fn is_shutdown_ping(&self, payload: [u8; 8]) -> bool {
        self.shutdown == Shutdown::Announced && payload == SHUTDOWN_PING
    }

    /// Says which stream was the last.
    pub(super) fn finish_shutdown(&mut self) {
        let last_stream = self.last_remote;
        self.shutdown = Shutdown::Final { last_stream };
        writer::go_away(self.output.tail(), last_stream, ErrorCode::NO_ERROR, b"");
        self.end_if_done();
    }

    /// Ends at once: GOAWAY with this code and debug text, all streams gone, `Event::Closed`.
    pub fn close(&mut self, code: ErrorCode, debug: &str) {
        if self.life != Life::Closed {
            self.write_go_away(code, debug);
            self.end(None);
        }
    }

    // ---- the end --------------------------------------------------------------------------

    /// Ends the connection if all is said: one end has said farewell and no stream is left. A
    /// client that was told to open no more streams has no use for the connection either.
    pub(super) fn end_if_done(&mut self) {
        let is_parting = matches!(self.shutdown, Shutdown::Final { .. })
            || (self.role == Role::Client && self.peer_last_stream.is_some());
        if is_parting && self.streams.is_empty() && self.life != Life::Closed {
            if self.shutdown == Shutdown::None {
                self.write_go_away(ErrorCode::NO_ERROR, "");
            }
            self.end(None);
        }
    }

    /// The peer broke a rule of the connection (RFC 9113 §5.4.1). Later errors are not told: a
    /// failed connection stays failed.
    pub(super) fn fail(&mut self, error: ConnectionError) {
        if self.life != Life::Closed {
            self.write_go_away(error.code, &error.what.to_string());
            self.has_failed = true;
            self.end(Some(error));
        }
    }

    fn write_go_away(&mut self, code: ErrorCode, debug: &str) {
        let debug = debug.as_bytes();
        let debug = debug.get(..MAX_DEBUG_LEN).unwrap_or(debug);
        let last_stream = match self.shutdown {
            Shutdown::Final { last_stream } => last_stream,
            Shutdown::None | Shutdown::Announced => self.last_remote,
        };
        writer::go_away(self.output.tail(), last_stream, code, debug);
    }

    /// Closes: no frame is read or begun any more, what is in the output can still be written.
    pub(super) fn end(&mut self, error: Option<ConnectionError>) {
        if self.life == Life::Closed {
            return;
        }
        self.life = Life::Closed;
        self.streams.clear();
        self.queued_len = 0;
        self.wanting_count = 0;
        self.turns.clear();
        self.grants = Vec::new();
        self.widened = Widened::default();
        self.unread_len = 0;
        self.assembly = None;
        self.headers.forget();
        self.events.push(Event::Closed { error });
    }
}

/// What a fault on a stream takes from the budget of resets. A header list beyond its limit has been
/// decoded to its end all the same, or the table would be out of step: that can be 65,536 fields.
fn cost(what: Violation) -> u32 {
    if matches!(what, Violation::HeaderListTooLong { .. }) {
        LONG_LIST_COST
    } else {
        1
    }
}

/// Resets that a header list beyond its limit counts for.
const LONG_LIST_COST: u32 = 10;
/// The payload of the PING behind the first GOAWAY.
const SHUTDOWN_PING: [u8; 8] = *b"farewell";
/// Our own debug text in a GOAWAY is cut here; every peer takes frames that long. Bytes.
const MAX_DEBUG_LEN: usize = 1024;
