//! The start of a call: what it says of itself goes into a mailbox, and that to a connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::BytesMut;

use super::answer::{Answer, AnswerReceiver};
use super::guard::Hold;
use super::shared::Shared;
use crate::Status;
use crate::compression::CodingIndex;
use crate::context::{self, Life, Watcher};
use crate::net::mailbox::{Attempt, Mailbox, Open, Outbound, Patience};
use crate::net::replay::Sent;
use crate::request::Parts;

/// A call that has not been given to a connection.
pub(super) struct Start {
    open: Box<Open>,
    /// The only request with its envelope, if it is known.
    request: Option<BytesMut>,
    /// The end of the call that this one is made in.
    life: Option<Arc<Life>>,
}

impl Start {
    /// A call whose requests come one after another.
    pub(super) fn new(path: &'static str, parts: Parts, coding: Option<CodingIndex>) -> Self {
        let Parts {
            metadata,
            deadline,
            waits_for_ready,
            reach,
            ..
        } = parts;
        let (deadline, life) = context::inherit(deadline, reach);
        Self {
            open: Box::new(Open {
                path,
                metadata,
                coding,
                deadline,
                waits_for_ready,
                number: 0,
                sent: Sent::default(),
                attempt: Attempt::First,
            }),
            request: None,
            life,
        }
    }

    /// The same with one request, which is known.
    pub(super) fn with_request(mut self, request: BytesMut) -> Self {
        self.request = Some(request);
        self
    }

    /// Gives the call to the connection of the moment, and waits for its single answer. Dropping the
    /// future cancels the call.
    ///
    /// # Errors
    /// The status of the call.
    pub(super) async fn answer(self, shared: &Shared) -> Result<Answer, Status> {
        let reader = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let mailbox = self.send_off(shared, Patience::Whole, Some(reader));
        let mut hold = Hold::new(mailbox);
        let mut receiver = AnswerReceiver::new(shared.max_message_len).expected();
        poll_fn(|cx| receiver.poll(&mut hold, cx)).await
    }

    /// Gives the call to the connection of the moment. `reader` is to be woken when there is something
    /// to read.
    pub(super) fn send_off(
        self,
        shared: &Shared,
        patience: Patience,
        reader: Option<Waker>,
    ) -> Arc<Mailbox> {
        let outbox = shared.current_outbox();
        let mut mailbox = shared.mailbox_at(Arc::clone(&outbox), patience);
        mailbox.set_reader(reader);
        let life = self.put_into(mailbox.outbound_mut());
        let mailbox = Arc::new(mailbox);
        if life.is_some() {
            go(&mailbox, life, shared);
        } else if let Err(mailbox) = outbox.ring(Arc::clone(&mailbox)) {
            shared.forward(mailbox);
        }
        mailbox
    }

    /// As [`Start::send_off`], in a mailbox that has been held until now.
    pub(super) fn release(self, mailbox: &Arc<Mailbox>, shared: &Shared) {
        let mut outbound = mailbox.outbound();
        let life = self.put_into(&mut outbound);
        let sender = outbound.release();
        drop(outbound);
        if let Some(sender) = sender {
            sender.wake();
        }
        go(mailbox, life, shared);
    }

    fn put_into(self, outbound: &mut Outbound) -> Option<Arc<Life>> {
        outbound.open = Some(self.open);
        if let Some(request) = self.request {
            outbound.bytes = request;
            outbound.end = Some(Ok(()));
        }
        self.life
    }
}

/// Gives a call to the connection of the moment, and lets it end with `life`.
fn go(mailbox: &Arc<Mailbox>, life: Option<Arc<Life>>, shared: &Shared) {
    match life.map(|life| life.watch(Watcher::Call(Arc::clone(mailbox)))) {
        Some(Err(over)) => return mailbox.fail(&over.to_status()),
        Some(Ok(link)) => mailbox.outbound().link = Some(Box::new(link)),
        None => {}
    }
    shared.forward(Arc::clone(mailbox));
}
