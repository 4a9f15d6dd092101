//! The calls on one connection of a server.
//!
//! ```text
//! HEADERS -> route -> one request?   Collecting --last DATA--> runner --ready--> answered
//!                  \                                              \--waits--> Running (a task)
//!                   \-> many requests?  Gathered --end of read--> runner --> ...
//! ```

mod arriving;
mod starting;

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hikyaku_http2::{Body, Config, Connection, ErrorCode, Event, StreamId, Violation};

use super::answer::{Head, finish};
use super::door::Door;
use super::fallback::{Fallback, PlainRequests};
use super::handlers::Handlers;
use super::head::KnownHeads;
use super::limits::{Limits, Memory};
use super::phase::{Call, Phase};
use super::router::Router;
use super::runner::Runner;
#[cfg(feature = "tls")]
use super::secure::Security;
use crate::Status;
use crate::call::server::{Phrasebook, Terms, reset};
use crate::compression::{MAX_TURN_LEN, Policy};
use crate::net::clock;
use crate::net::driver::{Calls, Turn, note_progress};
use crate::net::hashing::NumberMap;
use crate::net::loss::{Loss, copy, dropped};
use crate::net::mailbox::{MAX_OUTBOUND_LEN, Mailbox, Patience};
use crate::net::timers::Timers;
use crate::request::Peer;

/// What every connection of a server has in common.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    /// Those of each connection, once.
    pub(crate) http2: Arc<Config>,
    pub(crate) memory: Memory,
    pub(crate) compression: Policy,
    pub(crate) phrases: Phrasebook,
    /// Answers what is not gRPC.
    pub(crate) fallback: Option<Fallback>,
    #[cfg(feature = "tls")]
    pub(crate) security: Option<Security>,
}

/// The calls of one connection.
pub(crate) struct ServerCalls {
    shared: Arc<Shared>,
    peer: Peer,
    runners: Vec<Option<Box<dyn Runner>>>,
    known: KnownHeads,
    calls: NumberMap<u32, Call>,
    plain: PlainRequests,
    /// Calls whose handler starts when the events of this read have all been seen, so that it
    /// finds in its first poll what has come already.
    gathered: Vec<StreamId>,
    handlers: Handlers,
    /// Bytes of requests that were inflated in this turn.
    inflated_len: usize,
    /// What this connection holds by the account of the server's memory. Bytes.
    held_len: usize,
    door: Arc<Door>,
    timers: Timers<StreamId>,
    loss: Loss,
}

impl ServerCalls {
    pub(crate) fn new(shared: Arc<Shared>, door: Arc<Door>, peer: Peer) -> Self {
        let max = shared.limits.http2.max_concurrent_streams;
        let handlers = Handlers::new(max, Arc::clone(&door.outbox));
        shared.memory.enter(CONNECTION_LEN);
        let mut runners = Vec::new();
        runners.resize_with(shared.router.method_count(), || None);
        Self {
            plain: PlainRequests::new(Arc::clone(&shared), peer.clone()),
            shared,
            peer,
            runners,
            known: KnownHeads::default(),
            calls: NumberMap::default(),
            gathered: Vec::new(),
            handlers,
            inflated_len: 0,
            held_len: CONNECTION_LEN,
            door,
            timers: Timers::new(),
            loss: Loss::default(),
        }
    }

    /// Tells the server's memory what this connection holds, and the server whether it is idle.
    fn account(&mut self, out: &Connection) {
        let held_len = held_len(out);
        if held_len.abs_diff(self.held_len) >= ACCOUNT_STEP_LEN {
            self.shared.memory.change(self.held_len, held_len);
            self.held_len = held_len;
        }
        self.door
            .set_idle(self.calls.is_empty() && out.open_streams() == 0);
    }

    /// Moves what the handler has left in its mailbox to the connection.
    fn pump(&mut self, id: StreamId, out: &mut Connection) {
        let Some(call) = self.calls.get_mut(&id.number()) else {
            return;
        };
        let Phase::Running { mailbox, head, .. } = &mut call.phase else {
            return;
        };
        let mut outbound = mailbox.collect();
        note_progress(id, mailbox.take_progress(), out);
        let ends_well = matches!(outbound.end, Some(Ok(())));
        let wants_head = outbound.wants_head || ends_well || !outbound.bytes.is_empty();
        if *head == Head::Due && wants_head {
            let metadata = outbound.head.take().unwrap_or_default();
            let phrases = self.shared.phrases.of(call.terms.format);
            let opening = phrases.head_in(outbound.coding());
            let _ = out.send_headers_with(id, opening, metadata.fields(), Body::More);
            *head = Head::Sent;
        }
        let waker = outbound.hand_over(id, out, Body::More, |_| {});
        let end = if outbound.bytes.is_empty() {
            outbound.take_end()
        } else {
            None
        };
        drop(outbound);
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(end) = end {
            let (head, request, deadline) = (*head, call.request, call.deadline);
            let format = call.terms.format;
            // Its streams may have been given away: they end with the call.
            if Arc::strong_count(mailbox) > 1 {
                mailbox.fail(&Status::cancelled("the handler has returned"));
            }
            self.calls.remove(&id.number());
            self.forget_deadline(id, deadline);
            finish(out, self.shared.phrases.of(format), id, &end, head, request);
        }
    }

    /// Ends a call from here, whatever its handler does: an error in the request, a deadline.
    fn end_early(&mut self, id: StreamId, status: &Status, out: &mut Connection) {
        let Some(call) = self.calls.remove(&id.number()) else {
            return;
        };
        self.forget_deadline(id, call.deadline);
        let head = call.phase.cut(status, &self.door.lasting);
        if out.queued_len(id) > 0 {
            // The status would wait behind data the client may never take.
            out.reset_stream(id, ErrorCode::CANCEL);
        } else {
            let phrases = self.shared.phrases.of(call.terms.format);
            finish(out, phrases, id, &Err(status.clone()), head, call.request);
        }
    }

    /// The stream is gone, and nothing can be answered.
    fn on_reset(&mut self, id: StreamId, status: &Status) {
        if let Some(call) = self.calls.remove(&id.number()) {
            self.forget_deadline(id, call.deadline);
            call.phase.cut(status, &self.door.lasting);
        } else {
            self.plain.forget(id);
        }
    }

    fn cut_all(&mut self, status: &Status) {
        for (_, call) in self.calls.drain() {
            call.phase.cut(status, &self.door.lasting);
        }
    }

    /// Why a call was reset.
    fn reset_status(&self, id: StreamId, code: ErrorCode, broken: Option<Violation>) -> Status {
        let call = self.calls.get(&id.number());
        let deadline = call.and_then(|call| call.deadline);
        let is_late = deadline.is_some_and(|at| at <= clock::now() + DEADLINE_SLACK);
        if broken.is_none() && code == ErrorCode::CANCEL && is_late {
            // A client keeps the deadline, too, and may be first to act on it.
            return deadline_exceeded();
        }
        reset(id, code, broken)
    }

    fn mailbox(&self, id: StreamId, terms: Terms) -> Arc<Mailbox> {
        let outbox = Arc::clone(&self.door.outbox);
        let mailbox = Mailbox::new(outbox, Patience::Eager, id.number());
        let window_len = self.shared.limits.http2.stream_window_len;
        let mailbox = mailbox.with_window(window_len);
        Arc::new(mailbox.with_policy(&self.shared.compression, terms))
    }

    fn answers_stream(&self, method: usize) -> bool {
        self.shared
            .router
            .method(method)
            .is_some_and(|method| method.kind().answers_stream())
    }

    fn forget_deadline(&mut self, id: StreamId, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            self.timers.remove(deadline, id);
        }
    }
}

impl Calls for ServerCalls {
    fn on_event(&mut self, event: Event, connection: &mut Connection) {
        match event {
            Event::Headers { id, headers, body } => self.on_headers(id, headers, body, connection),
            Event::Request { id, headers, data } => self.on_request(id, headers, data, connection),
            Event::Data { id, data, body } => self.on_data(id, data, body, connection),
            Event::Trailers { id, .. } => self.on_data(id, Bytes::new(), Body::Last, connection),
            Event::Reset { id, code, what, .. } => {
                self.on_reset(id, &self.reset_status(id, code, what));
            }
            Event::SendRoom { id } => self.pump(id, connection),
            // Its last bytes may have to wait, its handlers do not.
            Event::Closed { error } => {
                self.loss.note_fault(error);
                self.on_gone(None);
            }
            Event::GoAway { code, debug, .. } => self.loss.note_farewell(code, debug),
            // These concern clients.
            Event::Unprocessed { .. } | Event::StreamRoom | Event::PingAck { .. } | _ => {}
        }
    }

    fn on_events_end(&mut self, connection: &mut Connection) {
        for index in 0..self.gathered.len() {
            if let Some(&id) = self.gathered.get(index) {
                self.start_gathered(id, connection);
            }
        }
        self.gathered.clear();
        self.start_held(connection);
        self.account(connection);
    }

    fn on_rung(&mut self, mailbox: Arc<Mailbox>, connection: &mut Connection) {
        let id = StreamId::new(mailbox.outbound().stream);
        drop(mailbox);
        self.pump(id, connection);
    }

    fn poll_deadlines(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Turn {
        let mut turn = Turn::Rest;
        while let Poll::Ready(id) = self.timers.poll_due(cx) {
            if let Some(call) = self.calls.get_mut(&id.number()) {
                // The timer has taken its own entry off the list.
                call.deadline = None;
                self.end_early(id, &deadline_exceeded(), connection);
            }
            turn = Turn::Again;
        }
        turn
    }

    fn trim(&mut self) {
        self.calls.shrink_to_fit();
        self.gathered = Vec::new();
        self.known = KnownHeads::default();
    }

    fn drain(&mut self) {}

    fn on_gone(&mut self, error: Option<&std::io::Error>) {
        self.loss.note_socket(error.map(copy));
        if !self.calls.is_empty() {
            self.cut_all(&self.loss.to_server_status());
        }
    }

    fn is_tired(&mut self) -> bool {
        mem::take(&mut self.inflated_len) >= MAX_TURN_LEN
    }

    fn is_parted(&self) -> bool {
        false
    }
}

impl Drop for ServerCalls {
    /// A connection that is dropped, and not driven to its end, takes its handlers with it.
    fn drop(&mut self) {
        if !self.calls.is_empty() {
            self.on_gone(Some(&dropped()));
        }
        self.shared.memory.leave(self.held_len);
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("deadline exceeded")
}

/// What a connection holds, by estimate. Bytes.
fn held_len(out: &Connection) -> usize {
    CONNECTION_LEN
        + out.held_len()
        + out.open_streams() * CALL_LEN
        + out.wanting_streams() * MAX_OUTBOUND_LEN
}

/// How much earlier than ours a client's timer for the same deadline may ring: timers count in whole
/// milliseconds, timeouts are rounded up on their way, and messages take one more or less time.
const DEADLINE_SLACK: Duration = Duration::from_millis(5);
/// What an idle connection costs about. Bytes.
const CONNECTION_LEN: usize = 8 * 1024;
/// What an open call costs about, besides the bytes that are counted: its header list, its tables'
/// entries, its handler's task: as measured over 100,000 that wait, and some reserve. Bytes.
const CALL_LEN: usize = 2304;
/// Smaller changes are not told to the server's memory, which all its threads share. Bytes.
const ACCOUNT_STEP_LEN: usize = 16 * 1024;
