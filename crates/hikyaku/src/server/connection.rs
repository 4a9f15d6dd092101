//! The calls on one connection of a server.
//!
//! ```text
//! HEADERS -> route -> one request?   Collecting --last DATA--> runner --ready--> answered
//!                  \                                              \--waits--> Running (a task)
//!                   \-> many requests?  Gathered --end of read--> runner --> ...
//! ```

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use hikyaku_http2::{Body, Connection, ErrorCode, Event, Headers, StreamId, Violation};

use super::answer::{Completing, Direct, Head, finish, refuse};
use super::door::Door;
use super::fallback::{Fallback, PlainRequests};
use super::handlers::Handlers;
use super::head::{KnownHead, KnownHeads};
use super::limits::{Limits, Memory};
use super::phase::{Call, Phase, Start, Task};
use super::router::Router;
use super::runner::{Input, Runner, Started};
#[cfg(feature = "tls")]
use super::secure::Security;
use crate::call::envelope::{self, Message, PREFIX_LEN};
use crate::call::message::{self, Only};
use crate::call::server::{Phrasebook, Refusal, Terms, reset};
use crate::compression::{MAX_TURN_LEN, Policy, Wish};
use crate::context::{Reach, Scope};
use crate::intercept::Extensions;
use crate::net::clock;
use crate::net::driver::{Calls, Turn, make_room, note_progress};
use crate::net::hashing::NumberMap;
use crate::net::loss::{Loss, copy, dropped};
use crate::net::mailbox::{End, MAX_OUTBOUND_LEN, Mailbox, Patience};
use crate::net::timers::Timers;
use crate::request::{Parts, Peer};
use crate::{Metadata, Status};

/// What every connection of a server has in common.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) limits: Limits,
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

    fn on_headers(&mut self, id: StreamId, headers: Headers, body: Body, out: &mut Connection) {
        match self.read(&headers, out) {
            Ok(known) => {
                let deadline = self.deadline(known.head.timeout);
                self.on_opened(&known, id, headers, deadline, body, out);
            }
            Err(unfit) => self.turn_away(unfit, id, headers, body, out),
        }
    }

    /// A request that has come whole, as nearly all do that are short.
    fn on_request(&mut self, id: StreamId, headers: Headers, data: Bytes, out: &mut Connection) {
        let known = match self.read(&headers, out) {
            Ok(known) => known,
            Err(unfit) => {
                self.turn_away(unfit, id, headers, Body::More, out);
                return self.plain.on_data(id, &data, Body::Last, out);
            }
        };
        let deadline = self.deadline(known.head.timeout);
        let is_one = envelope::is_one(&data, self.shared.limits.max_message_len);
        if known.takes_stream || !is_one {
            self.on_opened(&known, id, headers, deadline, Body::More, out);
            return self.on_data(id, data, Body::Last, out);
        }
        let (method, terms) = (known.method, known.head.terms);
        let mailbox = known.answers_stream.then(|| self.mailbox(id, terms));
        let start = Start {
            id,
            method,
            headers,
            deadline,
            request: Body::Last,
            terms,
            is_compressed: false,
            mailbox,
        };
        let mut data = data;
        data.advance(PREFIX_LEN);
        let input = Input::One(data, start.mailbox.clone());
        self.start_now(start, input, out);
    }

    /// What the headers of a call say.
    #[inline]
    fn read(&mut self, headers: &Headers, out: &Connection) -> Result<KnownHead, Unfit> {
        let shared = &self.shared;
        if shared.memory.is_short_for(|| held_len(out)) {
            return Err(Unfit::Short);
        }
        let codings = &shared.compression.codings;
        let known = self.known.read(headers, &shared.router, codings);
        known.map_err(|refusal| match refusal {
            Refusal::Http(_) if self.plain.takes(headers) => Unfit::Plain,
            Refusal::Http(_) | Refusal::Grpc(..) => Unfit::Refused(refusal),
        })
    }

    #[cold]
    fn turn_away(
        &mut self,
        unfit: Unfit,
        id: StreamId,
        headers: Headers,
        body: Body,
        out: &mut Connection,
    ) {
        match unfit {
            Unfit::Short => out.reset_stream(id, ErrorCode::REFUSED_STREAM),
            Unfit::Plain => self.plain.on_headers(id, headers, body, out),
            Unfit::Refused(refusal) => refuse(out, &self.shared.phrases, id, refusal, body),
        }
    }

    /// When a call with this timeout is over.
    #[inline]
    fn deadline(&self, timeout: Option<Duration>) -> Option<Instant> {
        // A timeout beyond the clock's range is no deadline at all.
        let deadline = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        match self.shared.limits.max_timeout {
            Some(max) => capped(deadline, max),
            None => deadline,
        }
    }

    /// A call that is not there as a whole.
    fn on_opened(
        &mut self,
        known: &KnownHead,
        id: StreamId,
        headers: Headers,
        deadline: Option<Instant>,
        body: Body,
        out: &mut Connection,
    ) {
        let (method, terms) = (known.method, known.head.terms);
        if let Some(deadline) = deadline {
            self.timers.insert(deadline, id);
        }
        let phase = if known.takes_stream {
            let mailbox = self.mailbox(id, terms);
            deliver(&mailbox, Bytes::new(), body);
            self.gathered.push(id);
            Phase::Gathered {
                method,
                headers,
                mailbox,
            }
        } else {
            out.expect_end(id);
            Phase::Collecting {
                method,
                headers,
                only: Only::default(),
                held_len: 0,
            }
        };
        let call = Call {
            deadline,
            request: body,
            terms,
            phase,
        };
        self.calls.insert(id.number(), call);
        if body == Body::Last && !known.takes_stream {
            self.on_collected(id, out);
        }
    }

    fn on_data(&mut self, id: StreamId, data: Bytes, body: Body, out: &mut Connection) {
        let Some(call) = self.calls.get_mut(&id.number()) else {
            return self.plain.on_data(id, &data, body, out);
        };
        call.request = body;
        match &mut call.phase {
            Phase::Collecting { only, held_len, .. } => {
                *held_len += data.len();
                if let Err(status) = only.push(data, self.shared.limits.max_message_len) {
                    return self.end_early(id, &status, out);
                }
                if only.is_compressed() && call.terms.coding.is_none() {
                    return self.end_early(id, &message::uncoded(), out);
                }
                match only.awaited_len() {
                    0 => out.release_data(id, mem::take(held_len)),
                    len => make_room(id, len, out),
                }
                if body == Body::Last {
                    self.on_collected(id, out);
                }
            }
            Phase::Gathered { mailbox, .. } | Phase::Running { mailbox, .. } => {
                deliver(mailbox, data, body);
            }
            Phase::Held { start, .. } => {
                start.request = body;
                if let Some(mailbox) = &start.mailbox {
                    deliver(mailbox, data, body);
                }
            }
        }
    }

    /// The one request message is there, or should be.
    fn on_collected(&mut self, id: StreamId, out: &mut Connection) {
        let Some(call) = self.calls.remove(&id.number()) else {
            return;
        };
        let Phase::Collecting {
            method,
            headers,
            only,
            ..
        } = call.phase
        else {
            return;
        };
        match only.finish() {
            Ok(Message { compressed, bytes }) => {
                let (deadline, request, terms) = (call.deadline, call.request, call.terms);
                let mailbox = self.answers_stream(method).then(|| self.mailbox(id, terms));
                let input = Input::One(bytes, mailbox.clone());
                let start = Start {
                    id,
                    method,
                    headers,
                    deadline,
                    request,
                    terms,
                    is_compressed: compressed,
                    mailbox,
                };
                self.start(start, input, out);
            }
            Err(status) => {
                self.forget_deadline(id, call.deadline);
                let phrases = self.shared.phrases.of(call.terms.format);
                finish(out, phrases, id, &Err(status), Head::Due, call.request);
            }
        }
    }

    fn start_gathered(&mut self, id: StreamId, out: &mut Connection) {
        let Some(call) = self.calls.remove(&id.number()) else {
            return;
        };
        if let Phase::Gathered {
            method,
            headers,
            mailbox,
        } = call.phase
        {
            let (deadline, request, terms) = (call.deadline, call.request, call.terms);
            let input = Input::Many(Arc::clone(&mailbox), self.shared.limits.max_message_len);
            let mailbox = Some(mailbox);
            self.start(
                Start {
                    id,
                    method,
                    headers,
                    deadline,
                    request,
                    terms,
                    is_compressed: false,
                    mailbox,
                },
                input,
                out,
            );
        }
    }

    /// Polls a handler once, here; if it has to wait, it gets a task. While too many have one
    /// already, the call waits for one of them to end; while too much has been inflated, for the next
    /// turn.
    fn start(&mut self, start: Start, input: Input, out: &mut Connection) {
        self.start_now(start, input, out);
    }

    /// The same, for where it matters.
    #[inline(always)]
    fn start_now(&mut self, mut start: Start, input: Input, out: &mut Connection) {
        if !self.handlers.have_room() || (start.is_compressed && self.has_inflated_much()) {
            return self.hold(start, input);
        }
        let (id, terms) = (start.id, start.terms);
        let (deadline, request) = (start.deadline, start.request);
        let mailbox = start.mailbox.take();
        let mut scope = Scope::of_call(deadline);
        let (started, head) = self.run(start, input, &mut scope, out);
        let (mailbox, task) = match (started, mailbox) {
            (Started::Done(_), None) if head == Head::SentWithAll => {
                return self.forget_deadline(id, deadline);
            }
            (Started::Done(end), None) => {
                self.forget_deadline(id, deadline);
                let phrases = self.shared.phrases.of(terms.format);
                return finish(out, phrases, id, &end, head, request);
            }
            (Started::Done(end), Some(mailbox)) => {
                mailbox.finish(end);
                (mailbox, None)
            }
            (Started::Waiting(waiting), mailbox) => {
                let mailbox = mailbox.unwrap_or_else(|| self.mailbox(id, terms));
                let place = self.handlers.take_place();
                let life = scope.life();
                let handle = tokio::spawn(Completing {
                    mailbox: Arc::clone(&mailbox),
                    waiting,
                    scope,
                    _place: place,
                });
                (mailbox, Some(Task { handle, life }))
            }
        };
        if let Some(deadline) = deadline {
            self.timers.insert(deadline, id);
        }
        let phase = Phase::Running {
            mailbox,
            task,
            head,
        };
        self.calls.insert(
            id.number(),
            Call {
                deadline,
                request,
                terms,
                phase,
            },
        );
        self.pump(id, out);
    }

    /// Makes the handler and polls it. Says how much of the answer has been sent.
    #[inline(always)]
    fn run(
        &mut self,
        start: Start,
        input: Input,
        scope: &mut Scope,
        out: &mut Connection,
    ) -> (Started, Head) {
        let (shared, terms) = (&*self.shared, start.terms);
        let input = if start.is_compressed {
            match inflate(input, terms, shared) {
                Ok((input, len)) => {
                    self.inflated_len += len;
                    input
                }
                Err(status) => {
                    // It may have cost as much as the longest.
                    self.inflated_len += shared.limits.max_message_len;
                    return (Started::Done(Err(status)), Head::Due);
                }
            }
        } else {
            input
        };
        let parts = Parts {
            metadata: Metadata::received(start.headers),
            deadline: start.deadline,
            waits_for_ready: false,
            peer: self.peer.clone(),
            compression: Wish::default(),
            format: terms.format,
            was_compressed: start.is_compressed,
            extensions: Extensions::default(),
            reach: Reach::default(),
        };
        let mut sink = Direct {
            id: start.id,
            out,
            phrases: shared.phrases.of(terms.format),
            policy: &shared.compression,
            terms,
            head: Head::Due,
        };
        let runner = self.runners.get_mut(start.method);
        let started = match runner.zip(shared.router.method(start.method)) {
            Some((slot, method)) => {
                let runner = slot.get_or_insert_with(|| method.runner(shared.router.chain()));
                scope.enter(|| runner.start(parts, input, &mut sink))
            }
            None => Started::Done(Err(Status::internal("the method has gone"))),
        };
        (started, sink.head)
    }

    fn hold(&mut self, start: Start, input: Input) {
        let (id, deadline, request) = (start.id, start.deadline, start.request);
        let terms = start.terms;
        if let Some(deadline) = deadline {
            self.timers.insert(deadline, id);
        }
        let phase = Phase::Held {
            start: Box::new(start),
            input,
        };
        let call = Call {
            deadline,
            request,
            terms,
            phase,
        };
        self.calls.insert(id.number(), call);
        let calls = &self.calls;
        self.handlers.hold(id, calls.len(), |id| {
            matches!(calls.get(&id.number()), Some(call) if matches!(call.phase, Phase::Held { .. }))
        });
    }

    /// Starts what was held, as far as handlers have ended.
    fn start_held(&mut self, out: &mut Connection) {
        while !self.has_inflated_much()
            && let Some(id) = self.handlers.next_held()
        {
            match self.calls.remove(&id.number()) {
                Some(Call {
                    phase: Phase::Held { start, input },
                    ..
                }) => self.start(*start, input, out),
                Some(call) => {
                    self.calls.insert(id.number(), call);
                }
                None => {}
            }
        }
    }

    /// Whether the other tasks of the thread have waited long enough.
    fn has_inflated_much(&self) -> bool {
        self.inflated_len >= MAX_TURN_LEN
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

/// Why a request does not become a call.
enum Unfit {
    /// The server's memory is short.
    Short,
    /// It is not gRPC, and there is somebody who answers such requests.
    Plain,
    Refused(Refusal),
}

/// The one request of a call, which came compressed, and how long it is.
#[cold]
fn inflate(input: Input, terms: Terms, shared: &Shared) -> Result<(Input, usize), Status> {
    let Input::One(compressed, mailbox) = input else {
        return Ok((input, 0));
    };
    let coding = terms
        .coding
        .and_then(|coding| shared.compression.codings.get(coding));
    let coding = coding.map(|coding| &**coding);
    let bytes = message::inflate(&compressed, coding, shared.limits.max_message_len)?;
    let len = bytes.len();
    Ok((Input::One(bytes, mailbox), len))
}

/// The deadline of a call that may take no longer than `max`.
#[cold]
fn capped(deadline: Option<Instant>, max: Duration) -> Option<Instant> {
    let last = clock::now().checked_add(max);
    deadline.into_iter().chain(last).min()
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("deadline exceeded")
}

/// Gives a handler what came of its requests; `body` says whether that was all.
fn deliver(mailbox: &Mailbox, data: Bytes, body: Body) {
    if !data.is_empty() {
        mailbox.deliver_data(data);
    }
    if body == Body::Last {
        mailbox.deliver_end(End::Complete(Metadata::new()));
    }
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
const CALL_LEN: usize = 2816;
/// Smaller changes are not told to the server's memory, which all its threads share. Bytes.
const ACCOUNT_STEP_LEN: usize = 16 * 1024;
