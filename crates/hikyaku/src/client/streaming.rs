//! The stream of responses a client reads.

use std::future::poll_fn;
use std::sync::Arc;

use super::guard::CallGuard;
use super::watch::Watch;
use crate::codec::{Codec, Format};
use crate::net::mailbox::Mailbox;
use crate::net::receiver::Receiver;
use crate::{Metadata, Status};

/// The responses of a server-streaming or bidirectional call, one after another.
///
/// The server is held back by flow control while nobody reads. Dropping it cancels the call.
/// [`Streaming::next`] and [`Streaming::metadata`] are cancel-safe.
///
/// # Example
/// ```
/// use hikyaku::client::Streaming;
/// use hikyaku::Status;
///
/// async fn print_all(mut replies: Streaming<String>) -> Result<(), Status> {
///     while let Some(reply) = replies.next().await? {
///         println!("{reply}");
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Streaming<T> {
    receiver: Receiver<T>,
    call: CallGuard,
    /// There if the call has interceptors.
    watch: Option<Box<Watch<T>>>,
}

impl<T> Streaming<T> {
    pub(crate) fn new<C: Codec<T>>(
        mailbox: Arc<Mailbox>,
        call: CallGuard,
        format: Format,
        max_message_len: usize,
        watch: Option<Box<Watch<T>>>,
    ) -> Self {
        Self {
            receiver: Receiver::new::<C>(mailbox, format, max_message_len),
            call,
            watch,
        }
    }

    /// The next response; `None` after the last, when the call has ended well.
    ///
    /// # Errors
    /// The status of a call that did not end well; repeated if asked again.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is awaited, and no `async fn` only because that would move each message once more"
    )]
    #[inline]
    pub fn next(&mut self) -> impl Future<Output = Result<Option<T>, Status>> {
        poll_fn(|cx| match &mut self.watch {
            None => self.receiver.poll_next(cx),
            Some(watch) => watch.poll_next(&mut self.receiver, cx),
        })
    }

    /// Whether the last response came compressed.
    pub fn was_compressed(&self) -> bool {
        self.receiver.was_compressed()
    }

    /// Cancels the call, as dropping does, but keeps what may still be asked: from now on
    /// [`Streaming::next`] gives CANCELLED, also in place of what has come and was not read. A call
    /// whose end has been read stays as it ended.
    ///
    /// A [`Sender`](super::Sender) of the same call fails from then on.
    pub fn cancel(&mut self) {
        self.receiver.cancel();
        if let Some(watch) = &mut self.watch {
            watch.cancel();
        }
    }

    /// What the server sent before its first message. Waits for it; empty if the call ended
    /// without.
    pub async fn metadata(&self) -> Metadata {
        if self.receiver.end().is_none() {
            poll_fn(|cx| self.receiver.mailbox().poll_head(cx)).await;
        }
        match &self.watch {
            None => self.call.head(),
            Some(watch) => watch.head(self.receiver.mailbox()),
        }
    }

    /// What the server sent after its last message; `None` until [`Streaming::next`] has given
    /// `None`. (A failure's trailers are the metadata of its [`Status`].)
    pub fn trailers(&self) -> Option<&Metadata> {
        let end = match &self.watch {
            None => self.receiver.end(),
            Some(watch) => watch.end(),
        };
        match end {
            Some(Ok(trailers)) => Some(trailers),
            Some(Err(_)) | None => None,
        }
    }
}
