//! The application's end of a stream of messages that go out.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BytesMut;

use super::mailbox::Mailbox;
use crate::Status;
use crate::call::message::frame;
use crate::codec::Codec;

/// Frames messages into a mailbox, as fast as its driver takes them out.
#[derive(Debug)]
pub(crate) struct Outgoing<T> {
    mailbox: Arc<Mailbox>,
    encode: fn(&T, &mut BytesMut) -> Result<(), Status>,
}

impl<T> Outgoing<T> {
    pub(crate) fn new<C: Codec<T>>(mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            encode: frame::<C, T>,
        }
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
        poll_fn(|cx| {
            self.mailbox
                .poll_send(cx, |outbound| (self.encode)(&message, &mut outbound.bytes))
        })
        .await
    }
}
