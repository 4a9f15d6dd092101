//! The stream of requests a handler reads.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::context::time_left;
use crate::intercept::{Extensions, Tapped};
use crate::net::mailbox::Mailbox;
use crate::net::receiver::Receiver;
use crate::request::Parts;
use crate::{Metadata, Status};

/// The requests of a client-streaming or bidirectional call, one after another.
///
/// The client is held back by flow control while nobody reads. [`Requests::next`] is cancel-safe.
///
/// # Example
/// ```
/// use hikyaku::server::Requests;
/// use hikyaku::Status;
///
/// async fn sum(mut requests: Requests<u64>) -> Result<u64, Status> {
///     let mut sum = 0;
///     while let Some(number) = requests.next().await? {
///         sum += number;
///     }
///     Ok(sum)
/// }
/// ```
#[derive(Debug)]
pub struct Requests<T> {
    /// A word: a handler that is handed its requests from future to future has room for them in each.
    inner: Box<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    receiver: Receiver<T>,
    parts: Parts,
    /// There if interceptors may want to see the messages.
    tapped: Option<Tapped<T>>,
}

impl<T> Requests<T> {
    pub(crate) fn new<C: Codec<T>>(
        mailbox: Arc<Mailbox>,
        parts: Parts,
        max_message_len: usize,
    ) -> Self {
        let inner = Inner {
            receiver: Receiver::new::<C>(mailbox, parts.format, max_message_len),
            parts,
            tapped: None,
        };
        Self {
            inner: Box::new(inner),
        }
    }

    pub(crate) fn tap(&mut self, tapped: Tapped<T>) {
        self.inner.tapped = Some(tapped);
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        &mut self.inner.parts
    }

    /// The next request; `None` once the client has sent its last.
    ///
    /// # Errors
    /// - CANCELLED if the client or the connection went away.
    /// - DEADLINE_EXCEEDED once the call's deadline has passed.
    /// - RESOURCE_EXHAUSTED, INTERNAL if a message is too long or cannot be decoded.
    /// - What an [interceptor](crate::intercept) refuses a message with.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is awaited, and no `async fn` only because that would move each message once more"
    )]
    #[inline]
    pub fn next(&mut self) -> impl Future<Output = Result<Option<T>, Status>> {
        let inner = &mut *self.inner;
        poll_fn(move |cx| match &inner.tapped {
            None => inner.receiver.poll_next(cx),
            Some(tapped) => poll_shown(&mut inner.receiver, tapped, cx),
        })
    }

    /// Whether the last request came compressed.
    pub fn was_compressed(&self) -> bool {
        self.inner.receiver.was_compressed()
    }

    /// What the client sent before its first message.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.parts.metadata
    }

    /// The moment at which the call ends with DEADLINE_EXCEEDED, if there is one.
    pub fn deadline(&self) -> Option<Instant> {
        self.inner.parts.deadline
    }

    /// The time until then; zero once it has come.
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.inner.parts.deadline)
    }

    /// The address of the client, if the transport has one.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.inner.parts.peer.addr()
    }

    /// What interceptors have left for the handler.
    pub fn extensions(&self) -> &Extensions {
        &self.inner.parts.extensions
    }

    /// The certificates that the client has shown, its own first; see
    /// [`Request::peer_certificates`](crate::Request::peer_certificates).
    #[cfg(feature = "tls")]
    pub fn peer_certificates(&self) -> &[crate::tls::Certificate] {
        self.inner.parts.peer.certificates()
    }
}

/// The next request, once interceptors have seen it.
fn poll_shown<T>(
    receiver: &mut Receiver<T>,
    tapped: &Tapped<T>,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<T>, Status>> {
    let mut next = receiver.poll_next(cx);
    if let Poll::Ready(Ok(Some(request))) = &mut next
        && let Err(status) = tapped.show(receiver.mailbox(), request)
    {
        next = Poll::Ready(Err(receiver.fail(status)));
    }
    next
}
