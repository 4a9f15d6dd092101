//! The calls on one connection of a client.

use std::io;
use std::mem;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hikyaku_http2::{Body, Connection, ErrorCode, Event, Headers, Piece, StreamId, Violation};

use super::call::{Call, Opened, Replay, Requests};
use super::openings::Openings;
use super::shared::Shared;
use super::waiting::{Waiting, call_dropped};
use crate::call::client::{
    self as wire, AnswerReader, Outcome, RequestHead, ResponseHead, TimeoutPlace,
};
use crate::call::timeout::TimeoutBuf;
use crate::net::clock;
use crate::net::driver::{Calls, Turn, note_progress};
use crate::net::hashing::NumberMap;
use crate::net::loss::{Loss, dropped, explain};
use crate::net::mailbox::{Abandoned, Attempt, Mailbox, Open, Outbound};
use crate::net::outbox::Outbox;
use crate::net::timers::Timers;
use crate::{Code, Metadata, Origin, Status};

/// The calls of one connection.
pub(crate) struct ClientCalls {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    calls: NumberMap<u32, Call>,
    /// Calls beyond the server's stream limit.
    waiting: Waiting,
    openings: Openings,
    timeout_place: TimeoutPlace,
    reader: AnswerReader,
    timers: Timers<StreamId>,
    life: Life,
    merit: Merit,
    loss: Loss,
}

/// What good a connection has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Merit {
    /// None: not even the server's SETTINGS came.
    None,
    /// The server has shown its SETTINGS, and so that it speaks HTTP/2.
    Ready,
    /// It has answered a call, or carried as many as it may.
    Useful,
}

/// What to make of a connection that takes no calls any more.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It has done its work.
    Useful,
    /// It came to nothing, but the server has said goodbye as it should: there may be another one.
    Moved,
    /// It came to nothing, and broke.
    Lost(io::Error),
    /// There was none: the server never showed its SETTINGS.
    Failed(io::Error),
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
            timeout_place: TimeoutPlace::First,
            reader: AnswerReader::default(),
            timers: Timers::new(),
            life: Life::Open,
            merit: Merit::None,
            loss: Loss::default(),
        }
    }

    /// Whether the server has shown its SETTINGS, and so that it speaks HTTP/2.
    pub(crate) fn was_ready(&self) -> bool {
        self.merit > Merit::None
    }

    /// What to make of the connection, now that it takes no calls any more.
    pub(crate) fn ending(&self) -> Ending {
        let error = |what| self.loss.to_io_error(what);
        match self.merit {
            Merit::Useful => Ending::Useful,
            Merit::Ready if self.loss.is_polite() => Ending::Moved,
            Merit::Ready => Ending::Lost(error(
                "the last connection broke before it had answered a call",
            )),
            Merit::None => Ending::Failed(self.loss.socket_error().unwrap_or_else(|| {
                error("the connection ended before the server's SETTINGS came")
            })),
        }
    }

    /// Takes no more calls: new ones, and those that wait, go to the next connection.
    fn part(&mut self) {
        self.shared.renew(&self.outbox);
        while let Some(mailbox) = self.waiting.pop() {
            self.shared.forward(mailbox);
        }
    }

    /// Opens what has waited, as far as the server's limit goes.
    fn open_waiting(&mut self, out: &mut Connection) {
        while self.life != Life::Draining && can_open(out) {
            let Some(mailbox) = self.waiting.pop() else {
                return;
            };
            self.open_now(mailbox, out);
        }
    }

    fn on_unopened(&mut self, mailbox: Arc<Mailbox>, out: &mut Connection) {
        if self.has_room(out) {
            self.open_now(mailbox, out);
        } else {
            self.put_off(mailbox);
        }
    }

    /// Whether a call that comes now may have a stream at once.
    fn has_room(&self, out: &Connection) -> bool {
        let is_welcome = matches!(self.life, Life::Open | Life::Closing);
        is_welcome && self.waiting.is_empty() && can_open(out)
    }

    /// Lets a call wait for a stream, here or elsewhere.
    fn put_off(&mut self, mailbox: Arc<Mailbox>) {
        match self.life {
            Life::Draining | Life::Gone => self.shared.forward(mailbox),
            Life::Open | Life::Closing => self.waiting.take_in(mailbox),
        }
    }

    fn open_now(&mut self, mailbox: Arc<Mailbox>, out: &mut Connection) {
        let mut outbound = mailbox.collect();
        if let Some(open) = outbound.open.take() {
            let opened = self.open(open, outbound, out);
            self.take_in(mailbox, opened, out);
        }
    }

    /// Takes in a call that was to be opened.
    fn take_in(
        &mut self,
        mailbox: Arc<Mailbox>,
        opened: Result<(StreamId, Opened), Status>,
        out: &mut Connection,
    ) {
        let (id, opened) = match opened {
            Ok(opened) => opened,
            Err(status) => return mailbox.fail(&status),
        };
        if let Some(deadline) = opened.deadline {
            self.timers.insert(deadline, id);
        }
        self.calls.insert(id.number(), Call::new(mailbox, opened));
        if self.life == Life::Open && out.is_used_up() {
            self.merit = Merit::Useful;
            self.life = Life::Draining;
            self.part();
            out.start_shutdown();
        }
    }

    /// Gives a call a stream, and sends what there is of its requests.
    ///
    /// # Errors
    /// What the call ends with.
    fn open(
        &mut self,
        open: Box<Open>,
        mut outbound: MutexGuard<'_, Outbound>,
        out: &mut Connection,
    ) -> Result<(StreamId, Opened), Status> {
        if outbound.cancelled {
            return Err(call_dropped());
        }
        let deadline = open.deadline;
        let timeout = deadline.map(|deadline| deadline.duration_since(clock::now()));
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(deadline_exceeded());
        }
        let requests = Requests::of(&open, &outbound);
        let Some(id) = self.open_stream(&open, timeout, requests, &outbound.bytes, out) else {
            let status = Status::unavailable("the connection takes no more calls");
            return Err(status.of_unprocessed());
        };
        outbound.stream = id.number();
        let mut opened = Opened::new(open, outbound.link.is_some());
        let waker = opened.begin(id, requests, &mut outbound, out);
        drop(outbound);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok((id, opened))
    }

    fn open_stream(
        &mut self,
        open: &Open,
        timeout: Option<Duration>,
        requests: Requests,
        bytes: &[u8],
        out: &mut Connection,
    ) -> Option<StreamId> {
        let head = RequestHead {
            scheme: self.shared.target.scheme,
            authority: &self.shared.target.authority,
            path: open.path,
            user_agent: &self.shared.user_agent,
            format: self.shared.format,
            coding: open.coding,
            codings: &self.shared.compression.codings,
        };
        let metadata = Some(&open.metadata).filter(|metadata| !metadata.is_empty());
        let metadata = metadata.into_iter().flat_map(Metadata::fields);
        // Nothing else changes from call to call but the timeout.
        let mut buf = TimeoutBuf::default();
        let (first, rest);
        let head: &[Piece<'_>] = match timeout {
            None => {
                first = [Piece::List(self.openings.whole(&head))];
                &first
            }
            Some(timeout) => {
                let place = mem::replace(&mut self.timeout_place, TimeoutPlace::Later);
                let timeout = wire::timeout_field(timeout, &mut buf, place);
                let [reserved, definition] = self.openings.halves(&head);
                rest = [
                    Piece::List(reserved),
                    Piece::Field(timeout),
                    Piece::List(definition),
                ];
                &rest
            }
        };
        let opened = match requests {
            Requests::Whole => out.open_with_request(head, metadata, bytes),
            Requests::None => out.open_stream_with(head, metadata, Body::Last),
            Requests::Coming => out.open_stream_with(head, metadata, Body::More),
        };
        opened.ok()
    }

    /// Moves what the application has left in its mailbox to the connection.
    fn pump(&mut self, id: StreamId, mut outbound: MutexGuard<'_, Outbound>, out: &mut Connection) {
        let Some(call) = self.calls.get_mut(&id.number()) else {
            return;
        };
        note_progress(id, call.mailbox.take_progress(), out);
        if outbound.cancelled {
            drop(outbound);
            out.reset_stream(id, ErrorCode::CANCEL);
            if let Some(call) = self.remove(id) {
                call.fail(&call_dropped());
            }
            return;
        }
        let waker = call.opened.send(id, &mut outbound, out);
        drop(outbound);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn on_send_room(&mut self, id: StreamId, out: &mut Connection) {
        if let Some(call) = self.calls.get(&id.number()) {
            let mailbox = Arc::clone(&call.mailbox);
            self.pump(id, mailbox.collect(), out);
        }
    }

    /// A whole answer, as most are.
    fn on_response(
        &mut self,
        id: StreamId,
        headers: Headers,
        data: Bytes,
        trailers: Headers,
        out: &mut Connection,
    ) {
        let codings = &self.shared.compression.codings;
        let format = self.shared.format;
        let head = (self.reader).read_head(&headers, Body::More, format, codings);
        let ResponseHead::Messages(coding) = head else {
            // Its first words say enough.
            return self.on_headers(id, headers, Body::More, out);
        };
        let coding = coding.and_then(|coding| codings.chosen(coding));
        self.merit = Merit::Useful;
        let outcome = self.reader.read_trailers(trailers);
        if let Some(mut call) = self.remove(id) {
            call.on_head(headers, coding);
            call.on_data(data);
            conclude(call, id, outcome, out);
        }
    }

    fn on_headers(&mut self, id: StreamId, headers: Headers, body: Body, out: &mut Connection) {
        let Some(call) = self.calls.get_mut(&id.number()) else {
            return;
        };
        let codings = &self.shared.compression.codings;
        let format = self.shared.format;
        match self.reader.read_head(&headers, body, format, codings) {
            ResponseHead::Informational => {}
            ResponseHead::Messages(coding) => {
                self.merit = Merit::Useful;
                let coding = coding.and_then(|coding| codings.chosen(coding));
                call.on_head(headers, coding);
            }
            ResponseHead::Ended(outcome) => {
                self.merit = Merit::Useful;
                if body == Body::More {
                    out.reset_stream(id, ErrorCode::CANCEL);
                }
                self.end(id, outcome, out);
            }
        }
    }

    fn on_data(&mut self, id: StreamId, data: Bytes, body: Body, out: &mut Connection) {
        if let Some(call) = self.calls.get_mut(&id.number()) {
            call.on_data(data);
            if body == Body::Last {
                self.end(id, Err(wire::missing_status()), out);
            }
        }
    }

    fn on_trailers(&mut self, id: StreamId, trailers: Headers, out: &mut Connection) {
        let outcome = self.reader.read_trailers(trailers);
        self.end(id, outcome, out);
    }

    fn on_reset(
        &mut self,
        id: StreamId,
        code: ErrorCode,
        broken: Option<Violation>,
        out: &mut Connection,
    ) {
        if !self.calls.contains_key(&id.number()) {
            return;
        }
        let status = match broken {
            Some(what) => wire::broken(id, code, what),
            None if code == ErrorCode::REFUSED_STREAM => {
                let status = Status::unavailable("the server refused the call");
                return self.on_unprocessed(id, status.with_origin(Origin::Peer), out);
            }
            None => wire::reset(code),
        };
        self.end(id, Err(status), out);
    }

    /// The server has not looked at a call and never will.
    ///
    /// Spec: gRFC A6, "Transparent Retries": such a call is made once more, without a word.
    fn on_unprocessed(&mut self, id: StreamId, status: Status, out: &mut Connection) {
        let Some(call) = self.remove(id) else {
            return;
        };
        match call.opened.replay {
            Replay::Kept(mut open) if open.attempt == Attempt::First => {
                open.attempt = Attempt::Second;
                match call.mailbox.reopen(open) {
                    Ok(()) => self.on_unopened(call.mailbox, out),
                    Err(Abandoned) => call.mailbox.fail(&call_dropped()),
                }
            }
            Replay::Kept(_) | Replay::Lost => call.mailbox.fail(&status.of_unprocessed()),
            Replay::Answered => call.fail(&status),
        }
    }

    /// The connection broke. Calls of which not a byte has left go to the next one.
    fn take_back_unsent(&mut self, out: &Connection) {
        let is_unsent = |number: &u32| !out.has_left(StreamId::new(*number));
        let mut unsent: Vec<_> = self.calls.keys().copied().filter(is_unsent).collect();
        unsent.sort_unstable();
        for number in unsent {
            let Some(call) = self.remove(StreamId::new(number)) else {
                continue;
            };
            match call.opened.replay {
                Replay::Kept(open) => match call.mailbox.reopen(open) {
                    Ok(()) => self.shared.forward(call.mailbox),
                    Err(Abandoned) => call.mailbox.fail(&call_dropped()),
                },
                Replay::Lost | Replay::Answered => call.fail(&self.lost().of_unprocessed()),
            }
        }
    }

    /// The server has said its last word on a call.
    fn end(&mut self, id: StreamId, outcome: Outcome, out: &mut Connection) {
        if let Some(call) = self.remove(id) {
            conclude(call, id, outcome, out);
        }
    }

    /// The status of a call whose connection is gone.
    fn lost(&self) -> Status {
        self.loss.to_client_status(&self.shared.target.addr)
    }

    fn remove(&mut self, id: StreamId) -> Option<Call> {
        let call = self.calls.remove(&id.number())?;
        if let Some(deadline) = call.opened.deadline {
            self.timers.remove(deadline, id);
        }
        Some(call)
    }
}

/// Ends a call with the server's last word on it.
fn conclude(call: Call, id: StreamId, outcome: Outcome, out: &mut Connection) {
    if call.opened.request == Body::More || out.queued_len(id) > 0 {
        // We have not said all we had to, and the server does not want to hear it.
        out.reset_stream(id, ErrorCode::NO_ERROR);
    }
    match outcome {
        Ok(trailers) => call.complete(trailers),
        // A server keeps the deadline, too, and may be first to act on it.
        Err(status) if status.code() == Code::Cancelled && call.is_late() => {
            call.fail(&deadline_exceeded());
        }
        Err(status) => call.fail(&status),
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
            Event::Response {
                id,
                headers,
                data,
                trailers,
            } => self.on_response(id, headers, data, trailers, connection),
            Event::Headers { id, headers, body } => self.on_headers(id, headers, body, connection),
            Event::Data { id, data, body } => self.on_data(id, data, body, connection),
            Event::Trailers { id, headers } => self.on_trailers(id, headers, connection),
            Event::Reset { id, code, what, .. } => self.on_reset(id, code, what, connection),
            Event::Unprocessed { id } => {
                let status = Status::unavailable("the server is going away and left the call out");
                self.on_unprocessed(id, status.with_origin(Origin::Transport), connection);
            }
            Event::SendRoom { id } => self.on_send_room(id, connection),
            Event::StreamRoom => self.open_waiting(connection),
            Event::GoAway { code, debug, .. } => {
                let server = &self.shared.target.authority;
                self.shared.keepalive.note_farewell(code, &debug, server);
                self.loss.note_farewell(code, debug);
                // It comes behind SETTINGS, and perhaps in the same read.
                self.merit = self.merit.max(Merit::Ready);
                if self.life == Life::Open {
                    self.life = Life::Draining;
                    self.part();
                }
            }
            Event::Closed { error } => {
                self.loss.note_fault(error);
                if connection.was_idle() {
                    self.merit = Merit::Useful;
                }
                if self.life == Life::Open {
                    self.life = Life::Draining;
                    self.part();
                }
                self.on_gone(None);
            }
            // A PING of nobody's, and what is to come.
            Event::PingAck { .. } | _ => {}
        }
    }

    fn on_events_end(&mut self, connection: &mut Connection) {
        // A connection that is over counts as established, too.
        let is_open = matches!(self.life, Life::Open | Life::Closing);
        if is_open && connection.is_established() {
            self.merit = self.merit.max(Merit::Ready);
        }
        self.open_waiting(connection);
    }

    fn on_rung(&mut self, mailbox: Arc<Mailbox>, connection: &mut Connection) {
        let Some(mut outbound) = mailbox.collect_at(&self.outbox) else {
            return;
        };
        match outbound.open.take_if(|_| self.has_room(connection)) {
            Some(open) => {
                let opened = self.open(open, outbound, connection);
                self.take_in(mailbox, opened, connection);
            }
            None if outbound.open.is_some() => {
                drop(outbound);
                self.put_off(mailbox);
            }
            None => {
                let id = StreamId::new(outbound.stream);
                self.pump(id, outbound, connection);
            }
        }
    }

    fn poll_deadlines(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Turn {
        self.waiting.poll_deadlines(cx);
        let mut turn = Turn::Rest;
        while let Poll::Ready(id) = self.timers.poll_due(cx) {
            if let Some(call) = self.calls.remove(&id.number()) {
                connection.reset_stream(id, ErrorCode::CANCEL);
                call.fail(&deadline_exceeded());
            }
            turn = Turn::Again;
        }
        turn
    }

    fn drain(&mut self) {
        if self.life == Life::Open {
            self.life = Life::Closing;
        }
    }

    fn before_close(&mut self, connection: &Connection, error: Option<&io::Error>) {
        self.loss.note_socket(error.map(explain));
        self.life = Life::Gone;
        self.part();
        self.take_back_unsent(connection);
    }

    fn on_gone(&mut self, error: Option<&io::Error>) {
        self.loss.note_socket(error.map(explain));
        let status = self.lost();
        for (_, call) in self.calls.drain() {
            call.fail(&status);
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
            self.on_gone(Some(&dropped()));
        }
    }
}
