//! Calls on their way in: heads that are read, requests that are put together.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use hikyaku_http2::{Body, Connection, ErrorCode, Headers, StreamId};

use super::{ServerCalls, held_len};
use crate::Metadata;
use crate::call::envelope::{self, Message, PREFIX_LEN};
use crate::call::message::{self, Only};
use crate::call::server::Refusal;
use crate::net::clock;
use crate::net::driver::make_room;
use crate::net::mailbox::{End, Mailbox};
use crate::server::answer::{Head, finish, refuse};
use crate::server::head::KnownHead;
use crate::server::phase::{Call, Phase, Start};
use crate::server::runner::Input;

impl ServerCalls {
    pub(super) fn on_headers(
        &mut self,
        id: StreamId,
        headers: Headers,
        body: Body,
        out: &mut Connection,
    ) {
        match self.read(&headers, out) {
            Ok(known) => {
                let deadline = self.deadline(known.head.timeout);
                self.on_opened(&known, id, headers, deadline, body, out);
            }
            Err(unfit) => self.turn_away(unfit, id, headers, body, out),
        }
    }

    /// A request that has come whole, as nearly all do that are short.
    pub(super) fn on_request(
        &mut self,
        id: StreamId,
        headers: Headers,
        data: Bytes,
        out: &mut Connection,
    ) {
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

    pub(super) fn on_data(&mut self, id: StreamId, data: Bytes, body: Body, out: &mut Connection) {
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
    pub(super) fn on_collected(&mut self, id: StreamId, out: &mut Connection) {
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

    pub(super) fn start_gathered(&mut self, id: StreamId, out: &mut Connection) {
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
}

/// Why a request does not become a call.
enum Unfit {
    /// The server's memory is short.
    Short,
    /// It is not gRPC, and there is somebody who answers such requests.
    Plain,
    Refused(Refusal),
}

/// The deadline of a call that may take no longer than `max`.
#[cold]
fn capped(deadline: Option<Instant>, max: Duration) -> Option<Instant> {
    let last = clock::now().checked_add(max);
    deadline.into_iter().chain(last).min()
}

/// Gives a handler what came of its requests; `body` says whether that was all.
pub(super) fn deliver(mailbox: &Mailbox, data: Bytes, body: Body) {
    if !data.is_empty() {
        mailbox.deliver_data(data);
    }
    if body == Body::Last {
        mailbox.deliver_end(End::Complete(Metadata::new()));
    }
}
