//! The stream of replies a handler writes.

use std::sync::Arc;

use crate::codec::{Codec, Format};
use crate::compression::Wish;
use crate::intercept::{Hooks, Tapped};
use crate::net::mailbox::Mailbox;
use crate::net::outgoing::Outgoing;
use crate::{Metadata, Status};

/// Where a server-streaming or bidirectional handler sends its replies.
///
/// Sending waits when the client is slow: it waits for the peer's window, the write buffer and the
/// socket, whichever is full first. A client that takes next to nothing for a minute loses its call
/// (`stall_timeout` in [`Limits`](super::Limits)). The call ends when the handler returns.
///
/// Small replies that are sent in a row go together. All are on their way when the handler next waits
/// for something; one that works for long without waiting may hold back what it has sent last.
///
/// # Example
/// ```
/// use hikyaku::server::Replies;
/// use hikyaku::Status;
///
/// async fn count_to(last: u64, mut replies: Replies<u64>) -> Result<(), Status> {
///     for number in 1..=last {
///         replies.send(number).await?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Replies<T> {
    /// A word: a handler that hands it on from future to future has room for it in each.
    outgoing: Box<Outgoing<T>>,
}

impl<T> Replies<T> {
    pub(crate) fn new<C: Codec<T>>(mailbox: Arc<Mailbox>, format: Format) -> Self {
        // The usual compression needs no name, and so has none that is unknown.
        let compression = mailbox.outbound().compress(&Wish::default());
        let outgoing = Outgoing::new::<C>(mailbox, format, compression.unwrap_or_default());
        Self {
            outgoing: Box::new(outgoing),
        }
    }

    pub(crate) fn tap(&mut self, tapped: Tapped<T>) {
        self.outgoing.tap(tapped);
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        self.outgoing.mailbox()
    }

    fn hooks(&self) -> Option<&Hooks> {
        self.outgoing.tapped().map(Tapped::hooks)
    }

    /// Sends one reply. Cancel-safe: a call that is dropped before it is done has sent nothing.
    ///
    /// # Errors
    /// - CANCELLED, DEADLINE_EXCEEDED or UNAVAILABLE once nobody waits for replies any more.
    /// - INTERNAL if the message cannot be encoded.
    /// - What an [interceptor](crate::intercept) refuses it with; the call ends with that.
    #[inline]
    pub fn send(&mut self, message: T) -> impl Future<Output = Result<(), Status>> {
        self.outgoing.send(message)
    }

    /// Sends several replies, one after another. Dropped before it is done, it may have sent some.
    ///
    /// # Errors
    /// As [`Replies::send`]; the replies before the one that failed have been sent.
    pub async fn send_all(&mut self, messages: impl IntoIterator<Item = T>) -> Result<(), Status> {
        self.outgoing.send_all(messages).await
    }

    /// Sends one reply as it is, whatever the call does. Cancel-safe.
    ///
    /// # Errors
    /// As [`Replies::send`].
    pub fn send_uncompressed(&mut self, message: T) -> impl Future<Output = Result<(), Status>> {
        self.outgoing.send_uncompressed(message)
    }

    /// Compresses the replies with a coding of the server's
    /// [`Codings`](crate::compression::Codings), or with none, whatever the server does. They go
    /// uncompressed if the client has not said that it takes this coding. Too late, and without
    /// effect, after the first reply.
    ///
    /// # Errors
    /// INTERNAL if the name is not among the server's codings; the compression is as it was.
    pub fn set_compression(&mut self, coding: Option<&'static str>) -> Result<(), Status> {
        let mut outbound = self.outgoing.mailbox().outbound();
        if outbound.head.is_none() {
            return Ok(());
        }
        let chosen = outbound.compress(&Wish::of(coding))?;
        drop(outbound);
        self.outgoing.set_compression(chosen);
        Ok(())
    }

    /// Sets the metadata that goes before the first reply. Too late, and without effect, after it.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        if self.hooks().is_some_and(Hooks::has_seen_head) {
            return;
        }
        let mut outbound = self.outgoing.mailbox().outbound();
        if outbound.head.is_some() {
            outbound.head = Some(metadata);
        }
    }

    /// Sends the metadata now, without waiting for the first reply.
    pub fn send_metadata(&mut self) {
        let mailbox = self.outgoing.mailbox();
        if let Some(hooks) = self.hooks() {
            hooks.head_of(mailbox);
        }
        mailbox.update(|outbound| outbound.wants_head = true);
    }

    /// Sets the metadata that goes after the last reply, if the call ends well. (A failure's
    /// metadata is that of its [`Status`].)
    pub fn set_trailers(&mut self, trailers: Metadata) {
        self.outgoing.mailbox().outbound().trailers = trailers;
    }
}
