//! What a call sends, and waits for its driver.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use hikyaku_http2::{Body, Connection, StreamId};

use crate::call::server::Terms;
use crate::compression::{Accepted, Chosen, CodingIndex, Policy, Wish};
use crate::context::Link;
use crate::net::outbox::Outbox;
use crate::net::replay::Sent;
use crate::{Metadata, Status};

/// Encoded bytes that may wait for the driver before `send` waits. A larger message still goes in
/// whole once the half is below the limit.
pub(crate) const MAX_OUTBOUND_LEN: usize = 64 * 1024;

/// Bytes that are copied to a stream's queue at most, rather than shared with it.
const MAX_COPIED_LEN: usize = 16 * 1024;

/// The application's side of the call, as the driver finds it.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(super) outbox: Arc<Outbox>,
    /// The driver's name for the call on its connection; 0 until it has one.
    pub(crate) stream: u32,
    /// At a client: what the call says of itself. Taken when it gets a stream.
    pub(crate) open: Option<Box<Open>>,
    /// At a server: send the metadata even before there is a message.
    pub(crate) wants_head: bool,
    /// At a server: the metadata to send first. Taken when it has been sent.
    pub(crate) head: Option<Metadata>,
    /// At a server: how the answer may be compressed.
    compressing: Compressing,
    /// Framed messages.
    pub(crate) bytes: BytesMut,
    /// The stream has no room for all of them. Nothing is added until it has taken them: so long,
    /// who sends has one message here and one in hand.
    is_held: bool,
    /// The handler gathers messages, which come behind those that are here: nothing is added before.
    pub(super) is_in_turn: bool,
    /// At a server: what a successful call's trailers carry.
    pub(crate) trailers: Metadata,
    /// The application has sent all it will: at a client the half-close, at a server the status.
    pub(crate) end: Option<Result<(), Status>>,
    /// The application has lost interest: reset the stream.
    pub(crate) cancelled: bool,
    /// At a client: what would cancel the call with the one it was made in.
    pub(crate) link: Option<Box<Link>>,
    /// Set by the driver when the stream is gone; `send` fails with it.
    pub(super) closed: Option<Closed>,
    pub(super) waker: Option<Waker>,
}

/// How a server's answer may be compressed.
#[derive(Debug, Default)]
struct Compressing {
    policy: Policy,
    /// What the client takes.
    accepted: Accepted,
    /// What the head says: compressed messages are in this.
    coding: Option<CodingIndex>,
}

/// Why nothing can be sent any more.
#[derive(Clone, Debug)]
pub(crate) enum Closed {
    /// The call has failed.
    Failed(Status),
    /// At a client: the server has ended the call well, without waiting for all requests.
    Answered,
}

/// The beginning of a client's call.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) path: &'static str,
    pub(crate) metadata: Metadata,
    /// What its messages are compressed with.
    pub(crate) coding: Option<CodingIndex>,
    pub(crate) deadline: Option<Instant>,
    /// Whether it waits for a connection even if connecting has failed.
    pub(crate) waits_for_ready: bool,
    /// Its place among the calls that wait for a stream; 0 while it does not wait.
    pub(crate) number: u64,
    /// What an earlier attempt has sent already.
    pub(crate) sent: Sent,
    pub(crate) attempt: Attempt,
}

/// How often a server has had the chance to look at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Never before.
    First,
    /// One has left it out.
    Second,
}

impl Outbound {
    /// The side of a call that has been rung for.
    pub(super) fn new(outbox: Arc<Outbox>, stream: u32) -> Self {
        Self {
            outbox,
            stream,
            open: None,
            wants_head: false,
            head: Some(Metadata::new()),
            compressing: Compressing::default(),
            bytes: BytesMut::new(),
            is_held: false,
            is_in_turn: false,
            trailers: Metadata::new(),
            end: None,
            cancelled: false,
            link: None,
            closed: None,
            waker: None,
        }
    }

    /// At a server: the answer may be compressed, on these terms.
    pub(super) fn set_policy(&mut self, policy: &Policy, terms: Terms) {
        self.compressing = Compressing {
            policy: policy.clone(),
            accepted: terms.accepted,
            coding: None,
        };
    }

    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &self.closed {
            None => {}
            Some(Closed::Failed(status)) => return Poll::Ready(Err(status.clone())),
            Some(Closed::Answered) => {
                return Poll::Ready(Err(Status::cancelled("the server has ended the call")));
            }
        }
        if !self.has_room() {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a message may be added now.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        let is_open = self.closed.is_none() && !self.is_held && !self.is_in_turn;
        is_open && self.bytes.len() < MAX_OUTBOUND_LEN
    }

    /// Nothing may be sent before [`Outbound::release`].
    pub(crate) fn hold(&mut self) {
        self.is_held = true;
    }

    /// Messages may be sent. The waker is to be woken without holding a lock.
    pub(crate) fn release(&mut self) -> Option<Waker> {
        self.is_held = false;
        self.waker.take()
    }

    /// The application has sent all it will.
    pub(crate) fn set_end(&mut self, end: Result<Metadata, Status>) {
        self.end = Some(end.map(|trailers| {
            if !trailers.is_empty() {
                self.trailers = trailers;
            }
        }));
    }

    /// What the head says compressed messages are in.
    pub(crate) fn coding(&self) -> Option<CodingIndex> {
        self.compressing.coding
    }

    /// Settles what the answer is compressed with, as long as the head has not been sent.
    ///
    /// # Errors
    /// INTERNAL for a name that is not known.
    pub(crate) fn compress(&mut self, wish: &Wish) -> Result<Option<Chosen>, Status> {
        let Compressing {
            policy,
            accepted,
            coding,
        } = &mut self.compressing;
        let chosen = policy.resolve(wish, *accepted)?;
        *coding = chosen.as_ref().map(|chosen| chosen.index);
        Ok(chosen)
    }

    /// The end with the trailers of a success, once.
    pub(crate) fn take_end(&mut self) -> Option<Result<Metadata, Status>> {
        let end = self.end.take()?;
        Some(end.map(|()| mem::take(&mut self.trailers)))
    }

    /// Hands framed messages over as far as there is room for them on the stream; the last of them
    /// ends our side if `end` says so. `note` sees each piece. The waker of a `send` that may go on is
    /// to be woken without holding a lock.
    pub(crate) fn hand_over(
        &mut self,
        id: StreamId,
        out: &mut Connection,
        end: Body,
        mut note: impl FnMut(&Bytes),
    ) -> Option<Waker> {
        while !self.bytes.is_empty() {
            let len = out.send_room(id).min(self.bytes.len());
            if len == 0 {
                break;
            }
            let piece = self.take_piece(len);
            let body = if self.bytes.is_empty() {
                end
            } else {
                Body::More
            };
            note(&piece);
            // An error means that the stream has gone: its call ends, too.
            let _ = out.send_data(id, piece, body);
        }
        self.is_held = !self.bytes.is_empty();
        if self.is_held {
            None
        } else {
            self.waker.take()
        }
    }

    /// The first `len` bytes. Few of many are copied: in the queue of a stream that is held back they
    /// would keep the memory of all of them.
    fn take_piece(&mut self, len: usize) -> Bytes {
        if len <= MAX_COPIED_LEN && (self.is_held || len < self.bytes.len()) {
            let piece = Bytes::copy_from_slice(self.bytes.get(..len).unwrap_or_default());
            self.bytes.advance(len);
            piece
        } else {
            self.bytes.split_to(len).freeze()
        }
    }
}
