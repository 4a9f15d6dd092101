//! The application's end of a stream of messages that go out.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BytesMut;

use super::mailbox::Mailbox;
use crate::Status;
use crate::call::message::{Frame, compress_framed, framer};
use crate::codec::{Codec, Format};
use crate::compression::Chosen;

/// Frames messages into a mailbox, as fast as its driver takes them out.
#[derive(Debug)]
pub(crate) struct Outgoing<T> {
    mailbox: Arc<Mailbox>,
    frame: Frame<T>,
    /// What the messages are compressed with.
    compression: Option<Chosen>,
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
        }
    }

    /// Sets what the messages from now on are compressed with.
    pub(crate) fn set_compression(&mut self, compression: Option<Chosen>) {
        self.compression = compression;
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Sends one message, once there is room. Cancel-safe: what is dropped before it is done has
    /// sent nothing.
    ///
    /// # Errors
    /// Why nothing can be sent any more; INTERNAL if the message cannot be encoded.
    pub(crate) async fn send(&self, message: T) -> Result<(), Status> {
        if let Some(chosen) = &self.compression {
            // Before the mailbox is locked: compressing takes a while.
            let (mut plain, mut framed) = (BytesMut::new(), BytesMut::new());
            (self.frame)(&message, &mut plain)?;
            drop(message);
            compress_framed(&plain, &*chosen.coding, &mut framed)?;
            drop(plain);
            return self.send_framed(framed).await;
        }
        self.send_uncompressed(message).await
    }

    /// As [`Outgoing::send`], as it is.
    pub(crate) async fn send_uncompressed(&self, message: T) -> Result<(), Status> {
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
