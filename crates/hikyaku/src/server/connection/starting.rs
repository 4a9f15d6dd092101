//! Handlers that are started: polled here once, and given a task if they have to wait.

use std::sync::Arc;

use hikyaku_http2::Connection;

use super::{ServerCalls, Shared};
use crate::call::message;
use crate::call::server::Terms;
use crate::compression::{MAX_TURN_LEN, Wish};
use crate::context::{Reach, Scope};
use crate::intercept::Extensions;
use crate::net::mailbox::Mailbox;
use crate::net::turn;
use crate::request::Parts;
use crate::server::answer::{Completing, Direct, Head, finish};
use crate::server::phase::{Call, Phase, Start, Task};
use crate::server::runner::{Input, Started};
use crate::{Metadata, Status};

impl ServerCalls {
    /// Polls a handler once, here; if it has to wait, it gets a task. While too many have one
    /// already, the call waits for one of them to end; while too much has been inflated, for the next
    /// turn.
    pub(super) fn start(&mut self, start: Start, input: Input, out: &mut Connection) {
        self.start_now(start, input, out);
    }

    /// The same, for where it matters.
    #[inline(always)]
    pub(super) fn start_now(&mut self, mut start: Start, input: Input, out: &mut Connection) {
        if !self.handlers.have_room() || (start.is_compressed && self.has_inflated_much()) {
            return self.hold(start, input);
        }
        let (id, terms) = (start.id, start.terms);
        let (deadline, request) = (start.deadline, start.request);
        let mailbox = start.mailbox.take();
        let mut scope = Scope::of_call(deadline);
        let (started, head) = match &mailbox {
            None => self.run(start, input, &mut scope, out),
            Some(mailbox) => self.run_in_turn(start, input, &mut scope, out, mailbox),
        };
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

    /// The same for a handler that answers a stream: what it sends in one poll goes together.
    #[inline(never)]
    fn run_in_turn(
        &mut self,
        start: Start,
        input: Input,
        scope: &mut Scope,
        out: &mut Connection,
        mailbox: &Arc<Mailbox>,
    ) -> (Started, Head) {
        turn::enter(mailbox, || self.run(start, input, scope, out))
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

    pub(super) fn hold(&mut self, start: Start, input: Input) {
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
    pub(super) fn start_held(&mut self, out: &mut Connection) {
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
    pub(super) fn has_inflated_much(&self) -> bool {
        self.inflated_len >= MAX_TURN_LEN
    }
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
