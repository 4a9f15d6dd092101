//! The application's end of a stream of messages that go out.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::mailbox::Mailbox;
use super::turn;
use crate::Status;
use crate::call::message::{Frame, compress_framed, framer};
use crate::codec::{Codec, Format};
use crate::compression::Chosen;
use crate::intercept::Tapped;

/// Frames messages into a mailbox, as fast as its driver takes them out.
#[derive(Debug)]
pub(crate) struct Outgoing<T> {
    mailbox: Arc<Mailbox>,
    frame: Frame<T>,
    /// What the messages are compressed with.
    compression: Option<Chosen>,
    /// There if interceptors may want to see the messages.
    tapped: Option<Tapped<T>>,
}

impl<T> Outgoing<T> {
    pub(crate) fn new<C: Codec<T>>(
        mailbox: Arc<Mailbox>,
        format: Format,
        compression: Option<Chosen>,
    ) -> Self {
        Self {
            mailbox,
            frame: framer::<C, T>(format),
            compression,
            tapped: None,
        }
    }

    /// Sets what the messages from now on are compressed with.
    pub(crate) fn set_compression(&mut self, compression: Option<Chosen>) {
        self.compression = compression;
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Shows what is sent to interceptors from now on.
    pub(crate) fn tap(&mut self, tapped: Tapped<T>) {
        self.tapped = Some(tapped);
    }

    pub(crate) fn tapped(&self) -> Option<&Tapped<T>> {
        self.tapped.as_ref()
    }

    /// Sends one message, once there is room. Cancel-safe: what is dropped before it is done has
    /// sent nothing.
    ///
    /// # Errors
    /// Why nothing can be sent any more; INTERNAL if the message cannot be encoded; what an
    /// interceptor refuses it with.
    #[inline]
    pub(crate) fn send(&self, message: T) -> Sending<'_, T> {
        Sending {
            outgoing: self,
            message,
            compression: self.compression.as_ref(),
            step: Step::Show,
        }
    }

    /// As [`Outgoing::send`], as it is.
    #[inline]
    pub(crate) fn send_uncompressed(&self, message: T) -> Sending<'_, T> {
        Sending {
            compression: None,
            ..self.send(message)
        }
    }

    /// As [`Outgoing::send`] of each, many of them together.
    pub(crate) async fn send_all(
        &self,
        messages: impl IntoIterator<Item = T>,
    ) -> Result<(), Status> {
        let is_plain = self.compression.is_none() && self.tapped.is_none();
        let mut batch = BytesMut::new();
        let mut framed = Ok(());
        for message in messages {
            if !is_plain {
                self.send(message).await?;
                continue;
            }
            framed = (self.frame)(&message, &mut batch);
            if framed.is_err() {
                break;
            }
            if batch.len() >= MAX_BATCH_LEN {
                self.send_framed(&mut batch).await?;
            }
        }
        if !batch.is_empty() {
            self.send_framed(&mut batch).await?;
        }
        framed
    }

    async fn send_framed(&self, framed: &mut BytesMut) -> Result<(), Status> {
        poll_fn(|cx| self.poll_framed(framed, cx)).await
    }

    fn poll_framed(&self, framed: &mut BytesMut, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.mailbox.poll_send(cx, |outbound| {
            outbound.bytes.unsplit(framed.split());
            Ok(())
        })
    }

    /// As [`Outgoing::send`], at once, if that needs neither waiting nor looking at the message.
    #[inline]
    fn try_send(&self, message: &T) -> Option<Result<(), Status>> {
        let frame = self.frame;
        turn::gather(&self.mailbox, |bytes| frame(message, bytes))
            .or_else(|| self.mailbox.try_send(|bytes| frame(message, bytes)))
    }
}

/// One message on its way. Not an `async fn`, which would move the message once more.
#[derive(Debug)]
pub(crate) struct Sending<'a, T> {
    outgoing: &'a Outgoing<T>,
    message: T,
    compression: Option<&'a Chosen>,
    step: Step,
}

/// What is to be done with a message.
#[derive(Debug)]
enum Step {
    /// To show it to the interceptors, if there are any.
    Show,
    /// To encode it.
    Encode,
    /// To send it; it is compressed.
    Send(BytesMut),
}

impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), Status>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.compression.is_none()
            && this.outgoing.tapped.is_none()
            && let Some(sent) = this.outgoing.try_send(&this.message)
        {
            return Poll::Ready(sent);
        }
        this.poll_steps(cx)
    }
}

impl<T> Sending<'_, T> {
    #[inline(never)]
    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        let Outgoing { mailbox, frame, .. } = self.outgoing;
        if let (Step::Show, Some(tapped)) = (&self.step, &self.outgoing.tapped) {
            // Only once the message is certain to go: hooks have seen what was sent, and nothing else.
            ready!(mailbox.poll_room(cx))?;
            tapped.show(mailbox, &mut self.message)?;
            self.step = Step::Encode;
        }
        let Some(chosen) = self.compression else {
            return mailbox.poll_send(cx, |outbound| frame(&self.message, &mut outbound.bytes));
        };
        if !matches!(self.step, Step::Send(_)) {
            // Before the mailbox is locked: compressing takes a while.
            let (mut plain, mut framed) = (BytesMut::new(), BytesMut::new());
            frame(&self.message, &mut plain)?;
            compress_framed(&plain, &*chosen.coding, &mut framed)?;
            self.step = Step::Send(framed);
        }
        match &mut self.step {
            Step::Send(framed) => self.outgoing.poll_framed(framed, cx),
            Step::Show | Step::Encode => Poll::Pending,
        }
    }
}

/// Messages that are sent together make up so much and one more. Bytes: small beside what may wait for
/// the driver, so that it can begin, and many small messages.
const MAX_BATCH_LEN: usize = 16 * 1024;
