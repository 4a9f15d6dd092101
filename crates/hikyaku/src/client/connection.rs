//! The calls on one connection of a client.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hikyaku_http2::{
    Body, Connection, ConnectionError, ErrorCode, Event, FieldList, Headers, Side, StreamId,
};

use super::shared::Shared;
use super::waiting::{Waiting, call_dropped};
use crate::call::client::{self as wire, Outcome, RequestHead, ResponseHead};
use crate::call::timeout::TimeoutBuf;
use crate::net::clock;
use crate::net::driver::Calls;
use crate::net::hashing::NumberMap;
use crate::net::mailbox::{Closed, End, Mailbox, Open, Outbound};
use crate::net::outbox::Outbox;
use crate::net::timers::Timers;
use crate::{Code, Origin, Status};

/// The calls of one connection.
pub(crate) struct ClientCalls {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    calls: NumberMap<u32, Call>,
    /// Calls beyond the server's stream limit.
    waiting: Waiting,
    openings: Openings,
    timers: Timers<StreamId>,
    life: Life,
    /// Whether the server's SETTINGS have been seen.
    was_ready: bool,
    error: Option<ConnectionError>,
}

struct Call {
    mailbox: Arc<Mailbox>,
    deadline: Option<Instant>,
    /// `Last` once our side has ended.
    request: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// New calls are welcome.
    Open,
    /// The server takes no new calls: they go to another connection.
    Draining,
    /// The channel has been dropped.
    Closing,
    Gone,
}

impl ClientCalls {
    pub(crate) fn new(shared: Arc<Shared>, outbox: Arc<Outbox>, waiting: Waiting) -> Self {
        Self {
            shared,
            outbox,
            calls: NumberMap::default(),
            waiting,
            openings: Openings::default(),
            timers: Timers::new(),
            life: Life::Open,
            was_ready: false,
            error: None,
        }
    }

    /// Whether the server has shown its SETTINGS, and so that it speaks HTTP/2.
    pub(crate) fn was_ready(&self) -> bool {
        self.was_ready
    }

    /// The calls that never got a stream here.
    pub(crate) fn take_waiting(&mut self) -> Waiting {
        mem::replace(&mut self.waiting, Waiting::new())
    }

    /// Opens what has waited, as far as the server's limit goes.
    pub(crate) fn open_waiting(&mut self, out: &mut Connection) {
        while self.life != Life::Draining && can_open(out) {
            let Some(mailbox) = self.waiting.pop() else {
                return;
            };
            self.open(&mailbox, out);
        }
    }

    fn on_unopened(&mut self, mailbox: Arc<Mailbox>, out: &mut Connection) {
        match self.life {
            Life::Draining | Life::Gone => self.shared.forward(mailbox),
            Life::Open | Life::Closing if self.waiting.is_empty() && can_open(out) => {
                self.open(&mailbox, out);
            }
            Life::Open | Life::Closing => self.waiting.take_in(mailbox),
        }
    }

    fn open(&mut self, mailbox: &Arc<Mailbox>, out: &mut Connection) {
        let mut outbound = mailbox.collect();
        if outbound.cancelled {
            drop(outbound);
            return mailbox.fail(&call_dropped());
        }
        let Some(open) = outbound.open.take() else {
            return;
        };
        let timeout = open
            .deadline
            .map(|deadline| deadline.duration_since(clock::now()));
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            drop(outbound);
            return mailbox.fail(&deadline_exceeded());
        }
        let has_nothing_to_say = outbound.end.is_some() && outbound.bytes.is_empty();
        let request = if has_nothing_to_say {
            Body::Last
        } else {
            Body::More
        };
        let Open {
            path,
            metadata,
            deadline,
            ..
        } = open;
        let head = RequestHead {
            scheme: self.shared.target.scheme,
            authority: &self.shared.target.authority,
            path,
            user_agent: &self.shared.user_agent,
            timeout,
            metadata: &metadata,
        };
        let mut buf = TimeoutBuf::default();
        let opened = match timeout {
            // Nothing changes from call to call but the metadata.
            None => out.open_stream_with(self.openings.of(&head), metadata.fields(), request),
            Some(_) => out.open_stream(head.fields(&mut buf), request),
        };
        let Ok(id) = opened else {
            drop(outbound);
            return mailbox.fail(&Status::unavailable("the connection takes no more calls"));
        };
        outbound.stream = id.number();
        drop(outbound);
        if let Some(deadline) = deadline {
            self.timers.insert(deadline, id);
        }
        let mailbox = Arc::clone(mailbox);
        self.calls.insert(
            id.number(),
            Call {
                mailbox,
                deadline,
                request,
            },
        );
        self.pump(id, out);
    }

    /// Moves what the application has left in its mailbox to the connection.
    fn pump(&mut self, id: StreamId, out: &mut Connection) {
        let Some(call) = self.calls.get_mut(&id.number()) else {
            return;
        };
        let released = call.mailbox.take_released();
        if released > 0 {
            out.release_stream(id, released);
        }
        let mut outbound = call.mailbox.collect();
        if outbound.cancelled {
            drop(outbound);
            out.reset_stream(id, ErrorCode::CANCEL);
            if let Some(call) = self.remove(id) {
                call.mailbox.fail(&call_dropped());
            }
            return;
        }
        let waker = send(id, &mut call.request, &mut outbound, out);
        drop(outbound);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn on_headers(&mut self, id: StreamId, headers: Headers, body: Body, out: &mut Connection) {
        let Some(call) = self.calls.get_mut(&id.number()) else {
            return;
        };
        match wire::read_response(&headers, body) {
            ResponseHead::Informational => {}
            ResponseHead::Messages => call.mailbox.deliver_head(headers),
            ResponseHead::Ended(outcome) => {
                if body == Body::More {
                    out.reset_stream(id, ErrorCode::CANCEL);
                }
                self.end(id, outcome, out);
            }
        }
    }

    fn on_data(&mut self, id: StreamId, data: Bytes, body: Body, out: &mut Connection) {
        // As at the server: a slow reader holds back its own stream and no other.
        out.release_connection(data.len());
        if let Some(call) = self.calls.get_mut(&id.number()) {
            if !data.is_empty() {
                call.mailbox.deliver_data(data);
            }
            if body == Body::Last {
                self.end(id, Err(wire::missing_status()), out);
            }
        }
    }

    fn on_reset(&mut self, id: StreamId, code: ErrorCode, by: Side, out: &mut Connection) {
        let Some(call) = self.calls.get(&id.number()) else {
            return;
        };
        let is_late = call
            .deadline
            .is_some_and(|deadline| deadline <= clock::now());
        let status = match by {
            // A server that keeps the deadline, too, may be first to act on it.
            Side::Remote if code == ErrorCode::CANCEL && is_late => deadline_exceeded(),
            Side::Remote => {
                let what = format!("the server reset the call with {code}");
                Status::new(Code::from_http2(code), what).with_origin(Origin::Peer)
            }
            Side::Local => {
                let what = format!("the server broke the protocol on this call: {code}");
                Status::internal(what).with_origin(Origin::Transport)
            }
        };
        self.end(id, Err(status), out);
    }

    /// The server has said its last word on a call.
    fn end(&mut self, id: StreamId, outcome: Outcome, out: &mut Connection) {
        let Some(call) = self.remove(id) else {
            return;
        };
        if call.request == Body::More || out.queued_len(id) > 0 {
            // We have not said all we had to, and the server does not want to hear it.
            out.reset_stream(id, ErrorCode::NO_ERROR);
        }
        match outcome {
            Ok(trailers) => {
                call.mailbox.close_outbound(Closed::Answered);
                call.mailbox.deliver_end(End::Complete(trailers));
            }
            Err(status) => call.mailbox.fail(&status),
        }
    }

    fn remove(&mut self, id: StreamId) -> Option<Call> {
        let call = self.calls.remove(&id.number())?;
        if let Some(deadline) = call.deadline {
            self.timers.remove(deadline, id);
        }
        Some(call)
    }
}

/// Moves framed messages and the half-close to the connection. Gives back the waker of a `send`
/// that waits for room.
fn send(
    id: StreamId,
    request: &mut Body,
    outbound: &mut Outbound,
    out: &mut Connection,
) -> Option<std::task::Waker> {
    if *request == Body::Last {
        return None;
    }
    let end = match outbound.end {
        Some(_) => Body::Last,
        None => Body::More,
    };
    let is_silent = outbound.bytes.is_empty();
    let waker = outbound.hand_over(id, out, end);
    if end == Body::Last && outbound.bytes.is_empty() {
        if is_silent {
            let _ = out.send_data(id, Bytes::new(), Body::Last);
        }
        *request = Body::Last;
    }
    waker
}

/// The request fields of each method, made once, so that a connection encodes them once.
#[derive(Default)]
struct Openings {
    /// By path; a program has as many as its clients have methods.
    lists: HashMap<&'static str, FieldList>,
}

impl Openings {
    fn of(&mut self, head: &RequestHead<'_>) -> &FieldList {
        let opening = || head.opening().collect();
        self.lists.entry(head.path).or_insert_with(opening)
    }
}

/// Whether a call may have a stream now. Not before the server has told its limit: a stream beyond
/// it would be refused, and its call with it.
fn can_open(out: &Connection) -> bool {
    out.is_established() && out.can_open_stream()
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("deadline exceeded")
}

impl Calls for ClientCalls {
    fn on_event(&mut self, event: Event, connection: &mut Connection) {
        match event {
            Event::Headers { id, headers, body } => self.on_headers(id, headers, body, connection),
            Event::Data { id, data, body } => self.on_data(id, data, body, connection),
            Event::Trailers { id, headers } => {
                self.end(id, wire::read_trailers(&headers), connection);
            }
            Event::Reset { id, code, by } => self.on_reset(id, code, by, connection),
            Event::Unprocessed { id } => {
                let status = Status::unavailable("the server is going away and left the call out");
                self.end(id, Err(status.with_origin(Origin::Transport)), connection);
            }
            Event::SendRoom { id } => self.pump(id, connection),
            Event::StreamRoom => self.open_waiting(connection),
            Event::GoAway { .. } if self.life == Life::Open => {
                // It comes behind SETTINGS, and perhaps in the same read.
                self.was_ready = true;
                self.life = Life::Draining;
            }
            Event::Closed { error } => {
                self.error = error;
                if self.life == Life::Open {
                    self.life = Life::Draining;
                }
                self.on_gone(None);
            }
            // A GOAWAY on a connection that drains already, a PING of nobody's, and what is to come.
            Event::GoAway { .. } | Event::PingAck { .. } | _ => {}
        }
    }

    fn on_events_end(&mut self, connection: &mut Connection) {
        // A connection that is over counts as established, too.
        let is_open = matches!(self.life, Life::Open | Life::Closing);
        self.was_ready |= is_open && connection.is_established();
        self.open_waiting(connection);
    }

    fn on_rung(&mut self, mailbox: Arc<Mailbox>, connection: &mut Connection) {
        let outbound = mailbox.outbound();
        let (is_unopened, id) = (outbound.open.is_some(), StreamId::new(outbound.stream));
        drop(outbound);
        if is_unopened {
            self.on_unopened(mailbox, connection);
        } else {
            self.pump(id, connection);
        }
    }

    fn poll_deadlines(&mut self, connection: &mut Connection, cx: &mut Context<'_>) {
        self.waiting.poll_deadlines(cx);
        while let Poll::Ready(id) = self.timers.poll_due(cx) {
            if let Some(call) = self.calls.remove(&id.number()) {
                connection.reset_stream(id, ErrorCode::CANCEL);
                call.mailbox.fail(&deadline_exceeded());
            }
        }
    }

    fn drain(&mut self) {
        if self.life == Life::Open {
            self.life = Life::Closing;
        }
    }

    fn before_close(&mut self) {
        self.life = Life::Gone;
        self.shared.renew(&self.outbox);
    }

    fn on_gone(&mut self, error: Option<&io::Error>) {
        let addr = &self.shared.target.addr;
        let status = match (error, &self.error) {
            (Some(error), _) => {
                let source = io::Error::new(error.kind(), error.to_string());
                Status::unavailable(format!("the connection to {addr} was lost: {error}"))
                    .with_source(source)
            }
            (None, Some(error)) => {
                Status::unavailable(format!("the connection to {addr} was ended: {error}"))
            }
            (None, None) => Status::unavailable(format!("{addr} closed the connection")),
        };
        let status = status.with_origin(Origin::Transport);
        for (_, call) in self.calls.drain() {
            call.mailbox.fail(&status);
        }
    }

    fn is_parted(&self) -> bool {
        self.life == Life::Draining
    }
}

impl Drop for ClientCalls {
    /// A connection that is dropped with its runtime leaves nobody waiting.
    fn drop(&mut self) {
        if self.life != Life::Gone {
            self.on_gone(None);
        }
    }
}
