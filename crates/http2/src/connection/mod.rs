//! One end of one HTTP/2 connection.
//!
//! Before editing read RFC 9113 §5 (streams), §6.8 (GOAWAY) and §6.9 (flow control). Data goes one
//! way through the files:
//!
//! ```text
//! handle_bytes -> receive (frames, DATA, small frames) -> message (header blocks) -> events
//!                    |-> settings, flow and reserve (windows), closing (errors, GOAWAY)
//! commands     -> command (what the owner wants)  \
//! poll_transmit -> flow (WINDOW_UPDATE), transmit (queues, turns) -> output
//! poll_timeout, handle_timeout -> timers (what the peer owes), keepalive, age
//! ```
//!
//! ```text
//! Preface --24 bytes--> FirstSettings --SETTINGS--> Running --error, end--> Closed
//!  (server)               (client)
//! ```

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

use crate::error::Violation;
use crate::headers::reader::HeaderReader;
use crate::headers::writer::HeaderWriter;
use crate::hpack::Limits;
use crate::stream::table::Streams;
use crate::stream::window::{Credit, Window};
use crate::{Config, ConnectionError, Event, StreamId, Tuning};

mod age;
mod bandwidth;
mod budget;
mod closing;
mod command;
mod events;
mod flow;
mod keepalive;
mod message;
mod output;
mod receive;
mod reserve;
mod settings;
mod timers;
mod transmit;

use age::Age;
use bandwidth::Bandwidth;
use budget::{Allowance, Budget, MAX_UNREAD_LEN};
use closing::Shutdown;
use events::Events;
use keepalive::Keepalive;
use message::Assembly;
use output::Output;
use reserve::Widened;
use settings::{OurSettings, PeerSettings};
use timers::Timers;
use transmit::Turns;

/// One end of one HTTP/2 connection: all its streams, both header tables, both windows.
pub struct Connection {
    role: Role,
    /// Connections that are configured alike share it.
    config: Arc<Config>,
    life: Life,
    /// The peer broke a rule, and has been told so.
    has_failed: bool,
    shutdown: Shutdown,
    /// The last stream of the peer's latest GOAWAY.
    peer_last_stream: Option<StreamId>,
    ours: OurSettings,
    peer: PeerSettings,
    streams: Streams,
    /// The highest stream the peer has opened.
    last_remote: StreamId,
    /// The number of the next stream to open.
    next_local: u32,
    headers: HeaderReader,
    /// A header block that is not complete.
    assembly: Option<Box<Assembly>>,
    writer: HeaderWriter,
    /// Bytes we may send on all streams together.
    window: Window,
    /// Bytes the peer may send on all streams together.
    credit: Credit,
    /// Bytes on all live streams that their owner has not given back.
    unread_len: i64,
    /// Up to so many unread bytes leave the connection's window whole.
    max_whole_unread_len: i64,
    bandwidth: Bandwidth,
    widened: Widened,
    /// Streams that are owed a WINDOW_UPDATE.
    grants: Vec<StreamId>,
    turns: Turns,
    resets: Budget,
    controls: Budget,
    /// DATA we sent that no WINDOW_UPDATE gave back yet, counted for both windows. Bytes.
    unread: Allowance,
    timers: Timers,
    keepalive: Keepalive,
    age: Age,
    /// Bytes queued on all streams together.
    queued_len: usize,
    /// Streams whose owner waits for room.
    wanting_count: usize,
    /// When the bytes that are being handled came.
    now: Option<Instant>,
    events: Events,
    output: Output,
}

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// How far the connection is in its life; see the module's drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// So many bytes of the client's preface have come.
    Preface {
        matched_len: usize,
    },
    /// The first frame must be SETTINGS.
    FirstSettings,
    Running,
    Closed,
}

impl Connection {
    /// The client's end. The preface and SETTINGS are in the output at once.
    #[must_use]
    pub fn client(config: impl Into<Arc<Config>>) -> Self {
        let mut connection = Self::new(config.into(), Role::Client, Life::FirstSettings);
        connection.output.tail().extend_from_slice(PREFACE);
        connection.announce();
        connection
    }

    /// The server's end. SETTINGS are in the output at once (RFC 9113 §3.4).
    #[must_use]
    pub fn server(config: impl Into<Arc<Config>>) -> Self {
        let mut connection = Self::new(
            config.into(),
            Role::Server,
            Life::Preface { matched_len: 0 },
        );
        connection.announce();
        connection
    }

    fn new(config: Arc<Config>, role: Role, life: Life) -> Self {
        let config = settings::clamp(config);
        let limits = Limits {
            max_list_bytes: config.max_header_list_bytes as usize,
            max_fields: config.max_header_fields,
        };
        let mut credit = Credit::new(Window::INITIAL);
        credit.aim(config.connection_window_len.into());
        let max_window_len = match config.tuning {
            Tuning::Automatic => config.max_window_len,
            Tuning::Fixed => 0,
        };
        let first_window_len = config.stream_window_len.min(config.connection_window_len);
        Self {
            role,
            life,
            has_failed: false,
            shutdown: Shutdown::None,
            peer_last_stream: None,
            ours: OurSettings::Announced,
            peer: PeerSettings::new(&config),
            streams: Streams::new(match role {
                Role::Client => config.max_local_streams,
                Role::Server => config.max_concurrent_streams,
            }),
            last_remote: StreamId::CONNECTION,
            next_local: 1,
            headers: HeaderReader::new(config.header_table_len, limits),
            assembly: None,
            writer: HeaderWriter::new(config.max_encoder_table_len),
            window: Window::new(Window::INITIAL),
            credit,
            unread_len: 0,
            max_whole_unread_len: i64::from(config.max_unread_len) - credit.target(),
            bandwidth: Bandwidth::new(first_window_len.into(), max_window_len.into()),
            widened: Widened::default(),
            grants: Vec::new(),
            turns: Turns::default(),
            resets: Budget::new(config.max_reset_burst, config.reset_refill_per_second),
            controls: Budget::new(config.max_control_burst, config.control_refill_per_second),
            unread: Allowance::new(MAX_UNREAD_LEN),
            timers: Timers::default(),
            keepalive: Keepalive::default(),
            age: Age::default(),
            queued_len: 0,
            wanting_count: 0,
            now: None,
            events: Events::default(),
            output: Output::default(),
            config,
        }
    }

    fn announce(&mut self) {
        settings::announce(self.output.tail(), &self.config, self.role);
        self.grant_connection();
    }

    // ---- input ----------------------------------------------------------------------------

    /// Takes all complete frames out of `input`; the bytes of an incomplete one stay in it.
    /// Afterwards `input` is left as is, or (after a fatal error) cleared. Never fails: what was
    /// wrong becomes an event and an answer. DATA payloads become slices of `input`'s allocation.
    pub fn handle_bytes(&mut self, input: &mut BytesMut, now: Instant) {
        self.now = Some(now);
        self.resets.start(now);
        self.controls.start(now);
        self.bandwidth.start(now);
        self.note_heard(now);
        self.receive(input);
        if self.life == Life::Closed {
            input.clear();
        }
    }

    /// The peer closed its side of the socket.
    pub fn handle_eof(&mut self) {
        let open_streams = self.streams.len();
        if open_streams == 0 {
            self.end(None);
        } else {
            let what = Violation::ConnectionLost { open_streams };
            self.end(Some(ConnectionError::new(what)));
        }
    }

    /// Whether to read from the socket now: false while too much output waits, and when closed.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        self.life != Life::Closed && self.output.len() <= self.config.max_output_len
    }

    /// Whether the peer's SETTINGS have come: the handshake is over.
    #[must_use]
    pub fn is_established(&self) -> bool {
        matches!(self.life, Life::Running | Life::Closed)
    }

    // ---- what happened --------------------------------------------------------------------

    /// The next thing that happened, if any. Messages are told piece by piece: no event is an
    /// [`Event::Request`] or an [`Event::Response`].
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some((headers, own)) = self.events.split_front() {
            if let Some((id, len)) = own {
                self.own_body(id, len);
            }
            return Some(headers);
        }
        self.events.pop()
    }

    /// The same, and a message that has come whole is one event: what costs its owner least.
    #[inline]
    pub fn poll_whole_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    // ---- output ---------------------------------------------------------------------------

    /// Moves due frames (window updates, queued DATA and trailers, as far as the windows let them
    /// go and fairly between streams) into the output. Call before writing; cheap when idle.
    pub fn poll_transmit(&mut self) {
        if self.life == Life::Closed {
            return;
        }
        self.write_grants();
        self.take_turns();
    }

    /// Bytes that wait to be written.
    #[must_use]
    #[inline]
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Fills `slices` with the next bytes to write, front first; returns how many were filled.
    pub fn output<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.output.slices(slices)
    }

    /// Drops `len` written bytes from the front of the output.
    pub fn advance_output(&mut self, len: usize) {
        self.timers.written_len += len;
        self.output.advance(len);
    }

    /// Drops all output: the socket takes no more. What the peer has said before can still be
    /// handled.
    pub fn discard_output(&mut self) {
        self.output.discard();
    }

    /// Whether the connection is over and all its output written: time to close the socket.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.life == Life::Closed && self.output.len() == 0
    }

    /// Streams whose owner was told that there is no room to send: it has something more in store.
    #[must_use]
    pub fn wanting_streams(&self) -> usize {
        self.wanting_count
    }

    /// Whether it is over because the peer broke a rule: it may be sending still, and should have the
    /// time to read why.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Takes the write buffer away while nothing waits in it: another connection can use it. This one
    /// makes a new one when it needs it, or is [lent](Self::lend_buffer) one.
    pub fn take_buffer(&mut self) -> Option<BytesMut> {
        self.output.take_tail()
    }

    /// Gives a connection that has no write buffer an empty one.
    pub fn lend_buffer(&mut self, buffer: impl FnOnce() -> BytesMut) {
        if self.output.tail().capacity() == 0 {
            *self.output.tail() = buffer();
        }
    }

    /// Gives memory back that only saves time. For a connection that has been idle for a while.
    pub fn trim(&mut self) {
        self.headers.forget();
        self.writer.forget();
        self.output.trim();
        self.events.trim();
        self.turns.trim();
        self.streams.trim();
        self.grants.shrink_to_fit();
    }

    // ---- who is there ---------------------------------------------------------------------

    /// Streams that are open or half-closed.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Bytes this connection holds for its peer's sake: output, queues and what the owner has not
    /// released. An estimate for a budget of many connections.
    #[must_use]
    pub fn held_len(&self) -> usize {
        self.output.len() + self.queued_len + self.unread_len()
    }

    /// Bytes queued on the stream and not yet moved to the output; 0 for an unknown stream.
    #[must_use]
    pub fn queued_len(&self, id: StreamId) -> usize {
        self.streams.get(id).map_or(0, |stream| stream.queue.len())
    }

    /// Whether `open_stream` would succeed now.
    #[must_use]
    pub fn can_open_stream(&self) -> bool {
        self.role == Role::Client
            && self.life != Life::Closed
            && self.shutdown == Shutdown::None
            && self.peer_last_stream.is_none()
            && !self.is_used_up()
            && self.has_room()
    }

    /// At a client: whether it has used all stream numbers it may
    /// ([`Config::max_stream_number`]). New streams need another connection; this one finishes
    /// what it has after [`Connection::start_shutdown`].
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.next_local > self.config.max_stream_number
    }

    /// At a client: whether a byte of the stream's request may have reached the peer. `true` for a
    /// stream that is gone.
    #[must_use]
    pub fn has_left(&self, id: StreamId) -> bool {
        self.streams
            .get(id)
            .is_none_or(|stream| stream.start < self.output.written())
    }

    /// Whether the number of streams lets another one be opened.
    fn has_room(&self) -> bool {
        let max = self
            .config
            .max_local_streams
            .min(self.peer.max_streams.unwrap_or(u32::MAX));
        self.streams.len() < max as usize
    }

    /// Tells a client that it may open streams again, if it could not before.
    fn note_room(&mut self, had_room: bool) {
        if !had_room && self.can_open_stream() {
            self.events.push(Event::StreamRoom);
        }
    }

    /// Whether nobody has used the stream yet: it is beyond the last one its opener used
    /// (RFC 9113 §5.1.1). Even ones would be a server's, which may not push.
    fn is_idle(&self, id: StreamId) -> bool {
        let first_idle = match self.role {
            Role::Client => self.next_local,
            Role::Server => self.last_remote.number().saturating_add(1),
        };
        id.number().is_multiple_of(2) || id.number() >= first_idle
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("life", &self.life)
            .field("shutdown", &self.shutdown)
            .field("open_streams", &self.streams.len())
            .field("window", &self.window)
            .field("credit", &self.credit)
            .field("output_len", &self.output.len())
            .finish_non_exhaustive()
    }
}

/// What a client sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests;
