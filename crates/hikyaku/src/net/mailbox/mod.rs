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

mod inbound;
mod outbound;

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use hikyaku_http2::Headers;

pub(crate) use inbound::{Chunks, End, Patience, Progress, RELEASE_LEN};
use inbound::{Inbound, MAX_RELEASE_LEN};
pub(crate) use outbound::{Attempt, Closed, MAX_OUTBOUND_LEN, Open, Outbound};

use super::outbox::Outbox;
use super::turn;
use crate::call::server::Terms;
use crate::compression::{Chosen, Coding, Policy};
use crate::{Metadata, Status};

/// The meeting point of one call and the driver of its connection.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inbound: Mutex<Inbound>,
    outbound: Mutex<Outbound>,
    /// How many consumed bytes, or awaited ones, are worth waking the driver for: [`RELEASE_LEN`],
    /// or so much less that the rest never closes a small window.
    release_len: u32,
    patience: Patience,
    /// The driver has been told to look at it, and has not done so yet. Changes only while the outbound
    /// half is locked; who looks without a lock sees what may be over.
    rung: AtomicBool,
}

/// The application has lost interest in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

impl Mailbox {
    /// A mailbox whose driver looks at it without being rung: it has just made it, or the opener of
    /// the call rings for the first time by [`Mailbox::move_to`].
    pub(crate) fn new(outbox: Arc<Outbox>, patience: Patience, stream: u32) -> Self {
        Self {
            inbound: Mutex::new(Inbound::new()),
            outbound: Mutex::new(Outbound::new(outbox, stream)),
            release_len: MAX_RELEASE_LEN,
            patience,
            rung: AtomicBool::new(true),
        }
    }

    /// The same for a stream whose window has so many bytes.
    pub(crate) const fn with_window(mut self, window_len: u32) -> Self {
        let quarter_len = window_len / 4;
        if quarter_len < MAX_RELEASE_LEN {
            self.release_len = if quarter_len == 0 { 1 } else { quarter_len };
        }
        self
    }

    /// Who is to be woken when there is something to read, before it has asked.
    pub(crate) fn set_reader(&mut self, reader: Option<Waker>) {
        let inbound = self.inbound.get_mut();
        inbound.unwrap_or_else(PoisonError::into_inner).waker = reader;
    }

    /// The outbound half of a mailbox that nobody else knows yet.
    pub(crate) fn outbound_mut(&mut self) -> &mut Outbound {
        let outbound = self.outbound.get_mut();
        outbound.unwrap_or_else(PoisonError::into_inner)
    }

    /// The same at a server with codings, for a call on these terms.
    pub(crate) fn with_policy(self, policy: &Policy, terms: Terms) -> Self {
        if !policy.codings.names().is_empty() {
            let coding = terms.coding;
            let chosen = coding.and_then(|coding| policy.codings.chosen(coding));
            self.inbound().coding = chosen.map(Box::new);
            self.outbound().set_policy(policy, terms);
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
        inbound.coding = coding.map(Box::new);
        let waker = match self.patience {
            Patience::Eager => inbound.waker.take(),
            Patience::Whole => None,
        };
        drop(inbound);
        wake(waker);
    }

    pub(crate) fn deliver_data(&self, data: Bytes) {
        let mut inbound = self.inbound();
        if inbound.end.is_some() {
            return;
        }
        inbound.push(data);
        let waker = if self.is_little(&inbound) {
            None
        } else {
            inbound.waker.take()
        };
        drop(inbound);
        wake(waker);
    }

    /// The rest of an answer that is wanted whole, or all of it, with its end.
    pub(crate) fn deliver_answer(
        &self,
        head: Option<Headers>,
        coding: Option<Chosen>,
        data: Bytes,
        end: End,
    ) {
        let mut inbound = self.inbound();
        inbound.head = head;
        inbound.coding = coding.map(Box::new);
        if inbound.end.is_none() {
            if !data.is_empty() {
                inbound.push(data);
            }
            inbound.end = Some(end);
        }
        let waker = inbound.waker.take();
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
        let outbound = self.outbound();
        self.rung.store(false, Ordering::Relaxed);
        outbound
    }

    /// As [`Mailbox::collect`], if the call is this driver's: a ring may be from before it was moved to
    /// another.
    pub(crate) fn collect_at(&self, outbox: &Arc<Outbox>) -> Option<MutexGuard<'_, Outbound>> {
        let outbound = self.outbound();
        if !Arc::ptr_eq(&outbound.outbox, outbox) {
            return None;
        }
        self.rung.store(false, Ordering::Relaxed);
        Some(outbound)
    }

    // ---- the application's side -------------------------------------------------------------

    /// The response headers, once they are there or the call has ended without.
    pub(crate) fn poll_head(&self, cx: &mut Context<'_>) -> Poll<Option<Headers>> {
        let mut inbound = self.inbound();
        if inbound.head.is_some() || inbound.end.is_some() || inbound.len > 0 {
            return Poll::Ready(inbound.head.clone());
        }
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
        let quiet_len = self.release_len();
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
        inbound.flush();
        inbound.chunks.drain_into(into);
        inbound.len = 0;
        Poll::Ready(None)
    }

    /// Moves what has come of a single message into `into` once it is worth it, and takes how it
    /// ended, if it has, with the response headers. Not to be polled again behind the end.
    pub(crate) fn poll_whole(
        &self,
        into: &mut Chunks,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Option<Headers>, End)>> {
        let mut inbound = self.inbound();
        if inbound.end.is_none() && self.is_little(&inbound) {
            inbound.wait(cx);
            return Poll::Pending;
        }
        inbound.flush();
        *into = mem::take(&mut inbound.chunks);
        inbound.len = 0;
        let end = inbound.end.take();
        Poll::Ready(end.map(|end| (inbound.head.take(), end)))
    }

    /// Whether what has come is nothing to wake a patient reader for.
    fn is_little(&self, inbound: &Inbound) -> bool {
        self.patience == Patience::Whole && inbound.len < self.release_len()
    }

    /// When the application wants to be woken.
    pub(crate) const fn patience(&self) -> Patience {
        self.patience
    }

    /// How many bytes are worth waking the driver for, or a patient reader.
    pub(crate) const fn release_len(&self) -> usize {
        self.release_len as usize
    }

    /// Whether the driver has been told to look at it, and has not done so yet, as far as this thread
    /// knows.
    #[inline]
    pub(crate) fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed)
    }

    /// Lets `write` append a framed message to the outbound half. `None` if it has no room.
    ///
    /// # Errors
    /// What `write` failed with (nothing is sent then).
    #[inline]
    pub(crate) fn try_send(
        self: &Arc<Self>,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Status>,
    ) -> Option<Result<(), Status>> {
        turn::settle(self);
        let mut outbound = self.outbound();
        if !outbound.has_room() {
            return None;
        }
        let before = outbound.bytes.len();
        if let Err(status) = write(&mut outbound.bytes) {
            return Some(Err(status));
        }
        let len = outbound.bytes.len();
        let room_len = MAX_OUTBOUND_LEN.saturating_sub(len);
        outbound.is_in_turn = turn::begin(self, len - before, room_len);
        self.ring(outbound);
        Some(Ok(()))
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
        turn::settle(self);
        let mut outbound = self.outbound();
        ready!(outbound.poll_room(cx))?;
        let written = write(&mut outbound)?;
        self.ring(outbound);
        Poll::Ready(Ok(written))
    }

    /// Takes what was gathered in a turn, and leaves its memory.
    pub(super) fn end_turn(self: &Arc<Self>, gathered: &mut BytesMut) {
        let mut outbound = self.outbound();
        outbound.is_in_turn = false;
        let waker = outbound.waker.take();
        if gathered.is_empty() || outbound.closed.is_some() {
            gathered.clear();
            drop(outbound);
        } else {
            if outbound.bytes.is_empty() {
                outbound.bytes = gathered.split();
            } else {
                outbound.bytes.extend_from_slice(gathered);
                gathered.clear();
            }
            self.ring(outbound);
        }
        wake(waker);
    }

    /// Waits until the outbound half has room. Only its driver can take that away again, by closing
    /// it, as long as nobody else sends.
    ///
    /// # Errors
    /// Why nothing can be sent any more.
    pub(crate) fn poll_room(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        turn::settle(self);
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

    fn ring(self: &Arc<Self>, outbound: MutexGuard<'_, Outbound>) {
        if !self.is_rung() {
            self.rung.store(true, Ordering::Relaxed);
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
        self.rung.store(true, Ordering::Relaxed);
        drop(outbound);
        outbox.ring(Arc::clone(self))
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
