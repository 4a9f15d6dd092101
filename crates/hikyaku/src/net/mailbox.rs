//! What passes between one call's code and the task of its connection.
//!
//! ```text
//! driver --deliver_*--> Inbound  --poll_*--> application
//! driver <--collect---- Outbound <--send---- application      (and rings the outbox)
//! ```
//!
//! Both halves hold bytes already framed as gRPC messages, so that encoding and decoding happen in
//! the application's task and the driver only moves slices. Both are bounded: the inbound half by
//! the stream's flow-control window, the outbound half by [`MAX_OUTBOUND_LEN`].

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use hikyaku_http2::{Body, Connection, Headers, StreamId};

use super::outbox::Outbox;
use super::replay::Sent;
use crate::call::server::Terms;
use crate::compression::{Chosen, Coding, CodingIndex, Policy, Wish};
use crate::context::Link;
use crate::{Metadata, Status};

/// Encoded bytes that may wait for the driver before `send` waits. A larger message still goes in
/// whole once the half is below the limit.
pub(crate) const MAX_OUTBOUND_LEN: usize = 64 * 1024;

/// Bytes that are copied to a stream's queue at most, rather than shared with it.
const MAX_COPIED_LEN: usize = 16 * 1024;

/// Consumed bytes that are worth waking the driver for; fewer ride along with the next ring.
///
/// An incomplete message up to this length, too, is awaited without telling the driver. Neither may
/// close the window, nor what the connection keeps until it is worth a WINDOW_UPDATE: a quarter, a
/// quarter and a half of the window a stream begins with, 64 KiB.
pub(crate) const RELEASE_LEN: usize = 16 * 1024;

/// Chunks shorter than this are copied together while they wait behind another. Bytes: a quarter of
/// what the driver reads at a time, which a slice keeps alive as a whole, however short it is.
const MIN_SLICE_LEN: usize = 16 * 1024;

/// The meeting point of one call and the driver of its connection.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inbound: Mutex<Inbound>,
    outbound: Mutex<Outbound>,
}

#[derive(Debug)]
struct Inbound {
    head: Option<Headers>,
    /// What compressed messages are in.
    coding: Option<Chosen>,
    chunks: Vec<Bytes>,
    /// Small chunks behind those, joined: a peer that sends few bytes at a time to a slow reader costs
    /// bytes, not a reference and a pinned read buffer for each of them.
    joined: BytesMut,
    len: usize,
    end: Option<End>,
    /// What the driver has not been told of the reading.
    progress: Progress,
    /// The driver has widened the window for a message that has not been consumed.
    has_reserved: bool,
    /// How many consumed bytes, or awaited ones, are worth waking the driver for: [`RELEASE_LEN`],
    /// or so much less that the rest never closes a small window.
    release_len: usize,
    patience: Patience,
    waker: Option<Waker>,
}

/// How far the application has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes of consumed messages, to be given back to the peer's window.
    pub(crate) consumed_len: usize,
    /// Bytes the message behind those will have, if it is incomplete: none of it is consumed before
    /// all of it has come. 0 if there is none, or if it has been told before.
    pub(crate) awaited_len: usize,
}

/// How the peer's messages ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// All there: the client half-closed, or the server's trailers said OK.
    Complete(Metadata),
    /// The call failed.
    Failed(Status),
}

/// When the application wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For each batch of bytes: a stream.
    Eager,
    /// For the end, or when much has come: a single message.
    Whole,
}

/// The application's side of the call, as the driver finds it.
#[derive(Debug)]
pub(crate) struct Outbound {
    outbox: Arc<Outbox>,
    rung: bool,
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
    /// At a server: what a successful call's trailers carry.
    pub(crate) trailers: Metadata,
    /// The application has sent all it will: at a client the half-close, at a server the status.
    pub(crate) end: Option<Result<(), Status>>,
    /// The application has lost interest: reset the stream.
    pub(crate) cancelled: bool,
    /// At a client: what would cancel the call with the one it was made in.
    pub(crate) link: Option<Link>,
    /// Set by the driver when the stream is gone; `send` fails with it.
    closed: Option<Closed>,
    waker: Option<Waker>,
}

/// How a server's answer may be compressed.
#[derive(Debug, Default)]
struct Compressing {
    policy: Policy,
    terms: Terms,
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

/// The application has lost interest in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

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

impl Mailbox {
    /// A mailbox whose driver looks at it without being rung: it has just made it, or the opener of
    /// the call rings for the first time by [`Mailbox::move_to`].
    pub(crate) fn new(outbox: Arc<Outbox>, patience: Patience, stream: u32) -> Self {
        Self {
            inbound: Mutex::new(Inbound {
                head: None,
                coding: None,
                chunks: Vec::new(),
                joined: BytesMut::new(),
                len: 0,
                end: None,
                progress: Progress::default(),
                has_reserved: false,
                release_len: RELEASE_LEN,
                patience,
                waker: None,
            }),
            outbound: Mutex::new(Outbound {
                outbox,
                rung: true,
                stream,
                open: None,
                wants_head: false,
                head: Some(Metadata::new()),
                compressing: Compressing::default(),
                bytes: BytesMut::new(),
                is_held: false,
                trailers: Metadata::new(),
                end: None,
                cancelled: false,
                link: None,
                closed: None,
                waker: None,
            }),
        }
    }

    /// The same for a stream whose window has so many bytes.
    pub(crate) fn with_window(self, window_len: u32) -> Self {
        let window_len = usize::try_from(window_len).unwrap_or(usize::MAX);
        self.inbound().release_len = RELEASE_LEN.min(window_len / 4).max(1);
        self
    }

    /// The same at a server with codings, for a call on these terms.
    pub(crate) fn with_policy(self, policy: &Policy, terms: Terms) -> Self {
        if !policy.codings.names().is_empty() {
            self.inbound().coding = terms
                .coding
                .and_then(|coding| policy.codings.chosen(coding));
            self.outbound().compressing = Compressing {
                policy: policy.clone(),
                terms,
                coding: None,
            };
        }
        self
    }

    fn inbound(&self) -> MutexGuard<'_, Inbound> {
        self.inbound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outbound half; held for moments only.
    pub(crate) fn outbound(&self) -> MutexGuard<'_, Outbound> {
        self.outbound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the driver's side ------------------------------------------------------------------

    /// The response headers, and what compressed messages behind them are in.
    pub(crate) fn deliver_head(&self, head: Headers, coding: Option<Chosen>) {
        let mut inbound = self.inbound();
        inbound.head = Some(head);
        inbound.coding = coding;
        let waker = inbound.waker_for(Patience::Eager);
        drop(inbound);
        wake(waker);
    }

    pub(crate) fn deliver_data(&self, data: Bytes) {
        let mut inbound = self.inbound();
        if inbound.end.is_some() {
            return;
        }
        inbound.push(data);
        let is_much = inbound.len >= inbound.release_len;
        let waker = inbound.waker_for(if is_much {
            Patience::Whole
        } else {
            Patience::Eager
        });
        drop(inbound);
        wake(waker);
    }

    /// Ends the inbound half. The first end stands.
    pub(crate) fn deliver_end(&self, end: End) {
        let mut inbound = self.inbound();
        if inbound.end.is_none() {
            inbound.end = Some(end);
        }
        let waker = inbound.waker.take();
        drop(inbound);
        wake(waker);
    }

    /// The call is over in both directions: nothing more comes in, `send` fails.
    pub(crate) fn fail(&self, status: &Status) {
        // In this order: who has read the end must not be able to send any more.
        self.close_outbound(Closed::Failed(status.clone()));
        self.deliver_end(End::Failed(status.clone()));
    }

    /// Nothing can be sent any more.
    pub(crate) fn close_outbound(&self, why: Closed) {
        let mut outbound = self.outbound();
        outbound.closed.get_or_insert(why);
        outbound.bytes = BytesMut::new();
        let (waker, link) = (outbound.waker.take(), outbound.link.take());
        drop(outbound);
        drop(link);
        wake(waker);
    }

    /// What the application has consumed since the last call of this, and what it waits for. Not
    /// before [`Mailbox::collect`]: what comes behind this rings again.
    pub(crate) fn take_progress(&self) -> Progress {
        let mut inbound = self.inbound();
        let progress = mem::take(&mut inbound.progress);
        if progress.consumed_len > 0 {
            inbound.has_reserved = false;
        }
        inbound.has_reserved |= progress.awaited_len > 0;
        progress
    }

    /// Leaves the end of a call whose handler ran inside the driver, which needs no ring.
    pub(crate) fn finish(&self, end: Result<Metadata, Status>) {
        self.outbound().set_end(end);
    }

    /// Gives a call its beginning back, for another stream. Whoever does this has to see to it that
    /// a driver looks at the call.
    ///
    /// # Errors
    /// [`Abandoned`] if the application does not want the call any more.
    pub(crate) fn reopen(&self, open: Box<Open>) -> Result<(), Abandoned> {
        let mut outbound = self.outbound();
        if outbound.cancelled {
            return Err(Abandoned);
        }
        outbound.stream = 0;
        outbound.open = Some(open);
        Ok(())
    }

    /// Takes off the rung mark: from here on the application rings again.
    pub(crate) fn collect(&self) -> MutexGuard<'_, Outbound> {
        let mut outbound = self.outbound();
        outbound.rung = false;
        outbound
    }

    // ---- the application's side -------------------------------------------------------------

    /// The response headers, once they are there or the call has ended without.
    pub(crate) fn poll_head(&self, cx: &mut Context<'_>) -> Poll<Option<Headers>> {
        let mut inbound = self.inbound();
        if inbound.head.is_some() || inbound.end.is_some() || inbound.len > 0 {
            return Poll::Ready(inbound.head.clone());
        }
        inbound.patience = Patience::Eager;
        inbound.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The response headers, if they are there.
    pub(crate) fn head(&self) -> Option<Headers> {
        self.inbound().head.clone()
    }

    /// What compressed messages that come in are in.
    pub(crate) fn coding(&self) -> Option<Arc<dyn Coding>> {
        let inbound = self.inbound();
        inbound
            .coding
            .as_ref()
            .map(|chosen| Arc::clone(&chosen.coding))
    }

    /// Tells the driver how far the reading is, when it is worth it.
    pub(crate) fn advance(self: &Arc<Self>, progress: Progress) {
        let mut inbound = self.inbound();
        let quiet_len = inbound.release_len;
        let told = &mut inbound.progress;
        if progress.consumed_len > 0 {
            // The message that was awaited is among what is consumed.
            told.awaited_len = 0;
            told.consumed_len += progress.consumed_len;
        }
        if progress.awaited_len > quiet_len {
            told.awaited_len = progress.awaited_len;
        }
        let is_due = told.consumed_len >= quiet_len || told.awaited_len > 0;
        let is_over = inbound.end.is_some() && !inbound.has_reserved;
        drop(inbound);
        if is_due && !is_over {
            self.ring(self.outbound());
        }
    }

    /// Moves what has come into the empty `into`. `Ready` with nothing moved and an end means that
    /// all has been taken.
    pub(crate) fn poll_chunks(
        &self,
        into: &mut Vec<Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<End>> {
        let mut inbound = self.inbound();
        if inbound.len == 0 {
            return match &inbound.end {
                Some(end) => Poll::Ready(Some(end.clone())),
                None => {
                    inbound.wait(cx);
                    Poll::Pending
                }
            };
        }
        let is_little = inbound.len < inbound.release_len;
        if inbound.patience == Patience::Whole && inbound.end.is_none() && is_little {
            inbound.wait(cx);
            return Poll::Pending;
        }
        inbound.flush();
        mem::swap(&mut inbound.chunks, into);
        inbound.len = 0;
        Poll::Ready(None)
    }

    /// Waits until the outbound half has room, then lets `write` append framed messages to it.
    ///
    /// # Errors
    /// Why nothing can be sent any more, or what `write` failed with (nothing is sent then).
    pub(crate) fn poll_send<T>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Outbound) -> Result<T, Status>,
    ) -> Poll<Result<T, Status>> {
        let mut outbound = self.outbound();
        ready!(outbound.poll_room(cx))?;
        let written = write(&mut outbound)?;
        self.ring(outbound);
        Poll::Ready(Ok(written))
    }

    /// Waits until the outbound half has room. Only its driver can take that away again, by closing
    /// it, as long as nobody else sends.
    ///
    /// # Errors
    /// Why nothing can be sent any more.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.outbound().poll_room(cx)
    }

    /// Changes the outbound half and rings, unless the stream is gone.
    pub(crate) fn update(self: &Arc<Self>, change: impl FnOnce(&mut Outbound)) {
        let mut outbound = self.outbound();
        if outbound.closed.is_none() {
            change(&mut outbound);
            self.ring(outbound);
        }
    }

    /// Ends a client's call from outside, unless it has ended: resets its stream, and tells all who
    /// wait why.
    pub(crate) fn cancel(self: &Arc<Self>, status: &Status) {
        let mut outbound = self.outbound();
        if outbound.closed.is_some() {
            return;
        }
        outbound.cancelled = true;
        outbound.closed = Some(Closed::Failed(status.clone()));
        outbound.bytes = BytesMut::new();
        let (waker, link) = (outbound.waker.take(), outbound.link.take());
        self.ring(outbound);
        drop(link);
        self.deliver_end(End::Failed(status.clone()));
        wake(waker);
    }

    fn ring(self: &Arc<Self>, mut outbound: MutexGuard<'_, Outbound>) {
        if !mem::replace(&mut outbound.rung, true) {
            let outbox = Arc::clone(&outbound.outbox);
            drop(outbound);
            // A driver that is gone has closed every mailbox it knew; one it did not know yet is
            // looked after by whoever opened the call.
            let _ = outbox.ring(Arc::clone(self));
        }
    }

    /// Puts the call under another driver, which finds it in its outbox. Gives it back when that
    /// driver is gone, too.
    pub(crate) fn move_to(self: &Arc<Self>, outbox: &Arc<Outbox>) -> Result<(), Arc<Self>> {
        let mut outbound = self.outbound();
        outbound.outbox = Arc::clone(outbox);
        outbound.rung = true;
        drop(outbound);
        outbox.ring(Arc::clone(self))
    }
}

impl Inbound {
    fn push(&mut self, data: Bytes) {
        let is_first = self.len == 0;
        self.len += data.len();
        if data.len() < MIN_SLICE_LEN && !is_first {
            self.joined.extend_from_slice(&data);
        } else {
            self.flush();
            self.chunks.push(data);
        }
    }

    /// Puts the joined chunks behind the others.
    fn flush(&mut self) {
        if !self.joined.is_empty() {
            self.chunks.push(self.joined.split().freeze());
        }
    }

    fn waker_for(&mut self, reason: Patience) -> Option<Waker> {
        if self.patience == Patience::Whole && reason == Patience::Eager {
            None
        } else {
            self.waker.take()
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }
}

impl Outbound {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &self.closed {
            None => {}
            Some(Closed::Failed(status)) => return Poll::Ready(Err(status.clone())),
            Some(Closed::Answered) => {
                return Poll::Ready(Err(Status::cancelled("the server has ended the call")));
            }
        }
        if self.is_held || self.bytes.len() >= MAX_OUTBOUND_LEN {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
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
            terms,
            coding,
        } = &mut self.compressing;
        let chosen = policy.resolve(wish, terms.accepted)?;
        *coding = chosen.as_ref().map(|chosen| chosen.index);
        Ok(chosen)
    }

    /// The end with the trailers of a success, once.
    pub(crate) fn take_end(&mut self) -> Option<Result<Metadata, Status>> {
        let end = self.end.take()?;
        Some(end.map(|()| mem::take(&mut self.trailers)))
    }

    /// Whether the call is another driver's by now: a ring from before is not for this one.
    pub(crate) fn is_elsewhere(&self, outbox: &Arc<Outbox>) -> bool {
        !Arc::ptr_eq(&self.outbox, outbox)
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

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
