//! The application's end of a stream of messages that go out.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BytesMut;

use super::mailbox::Mailbox;
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
    pub(crate) async fn send(&self, mut message: T) -> Result<(), Status> {
        if let Some(tapped) = &self.tapped {
            self.show(tapped, &mut message).await?;
        }
        if let Some(chosen) = &self.compression {
            // Before the mailbox is locked: compressing takes a while.
            let (mut plain, mut framed) = (BytesMut::new(), BytesMut::new());
            (self.frame)(&message, &mut plain)?;
            drop(message);
            compress_framed(&plain, &*chosen.coding, &mut framed)?;
            drop(plain);
            return self.send_framed(framed).await;
        }
        self.send_plain(message).await
    }

    /// As [`Outgoing::send`], as it is.
    pub(crate) async fn send_uncompressed(&self, mut message: T) -> Result<(), Status> {
        if let Some(tapped) = &self.tapped {
            self.show(tapped, &mut message).await?;
        }
        self.send_plain(message).await
    }

    /// Only once the message is certain to go: hooks have seen what was sent, and nothing else.
    async fn show(&self, tapped: &Tapped<T>, message: &mut T) -> Result<(), Status> {
        poll_fn(|cx| self.mailbox.poll_room(cx)).await?;
        tapped.show(&self.mailbox, message)
    }

    async fn send_plain(&self, message: T) -> Result<(), Status> {
        poll_fn(|cx| {
            self.mailbox
                .poll_send(cx, |outbound| (self.frame)(&message, &mut outbound.bytes))
        })
        .await
    }

    async fn send_framed(&self, mut framed: BytesMut) -> Result<(), Status> {
        poll_fn(|cx| {
            self.mailbox.poll_send(cx, |outbound| {
                outbound.bytes.unsplit(framed.split());
                Ok(())
            })
        })
        .await
    }
}
