//! The stream of requests a client writes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use super::answer::AnswerReceiver;
use super::guard::CallGuard;
use super::watch::Watch;
use crate::call::message::{Decode, decode};
use crate::codec::{Codec, Format};
use crate::compression::Chosen;
use crate::intercept::Tapped;
use crate::net::mailbox::Mailbox;
use crate::net::outgoing::{Outgoing, Sending};
use crate::{Response, Status};

/// Where a client sends the requests of a bidirectional call.
///
/// Sending waits when the server is slow. Dropping it, or [`Sender::finish`], tells the server that
/// there are no more requests; the responses go on.
///
/// # Example
/// ```
/// use hikyaku::client::Sender;
/// use hikyaku::Status;
///
/// async fn count_to(last: u64, mut requests: Sender<u64>) -> Result<(), Status> {
///     for number in 1..=last {
///         requests.send(number).await?;
///     }
///     requests.finish();
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Sender<T> {
    outgoing: Outgoing<T>,
}

impl<T> Sender<T> {
    pub(crate) fn new<C: Codec<T>>(
        mailbox: Arc<Mailbox>,
        format: Format,
        compression: Option<Chosen>,
    ) -> Self {
        Self {
            outgoing: Outgoing::new::<C>(mailbox, format, compression),
        }
    }

    pub(crate) fn tap(&mut self, tapped: Tapped<T>) {
        self.outgoing.tap(tapped);
    }

    /// Sends one request. Cancel-safe: a call that is dropped before it is done has sent nothing.
    ///
    /// # Errors
    /// - The status of the call, if it has failed.
    /// - CANCELLED if the server has ended the call well before it had all requests; its answer
    ///   waits to be read.
    /// - INTERNAL if the message cannot be encoded.
    /// - What an [interceptor](crate::intercept) refuses it with; the call ends with that.
    #[inline]
    pub fn send(&mut self, message: T) -> impl Future<Output = Result<(), Status>> {
        self.watched(self.outgoing.send(message))
    }

    /// Sends a message, and ends the call if an interceptor has refused it.
    #[inline]
    fn watched(&self, mut sending: Sending<'_, T>) -> impl Future<Output = Result<(), Status>> {
        poll_fn(move |cx| {
            let sent = ready!(Pin::new(&mut sending).poll(cx));
            self.end_if_refused();
            Poll::Ready(sent)
        })
    }

    /// Sends several requests, one after another, for less than one at a time. Dropped before it is
    /// done, it may have sent some.
    ///
    /// # Errors
    /// As [`Sender::send`]; the requests before the one that failed have been sent.
    pub async fn send_all(&mut self, messages: impl IntoIterator<Item = T>) -> Result<(), Status> {
        let sent = self.outgoing.send_all(messages).await;
        self.end_if_refused();
        sent
    }

    /// The call has to end with what an interceptor has refused a request with.
    #[inline]
    fn end_if_refused(&self) {
        if let Some(tapped) = self.outgoing.tapped()
            && let Err(refusal) = tapped.hooks().check()
        {
            let mailbox = self.outgoing.mailbox();
            mailbox.update(|outbound| outbound.cancelled = true);
            mailbox.fail(&refusal);
        }
    }

    /// Sends one request as it is, whatever the call does. Cancel-safe.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn send_uncompressed(&mut self, message: T) -> impl Future<Output = Result<(), Status>> {
        self.watched(self.outgoing.send_uncompressed(message))
    }

    /// Tells the server that there are no more requests, as dropping does.
    pub fn finish(self) {}
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mailbox = self.outgoing.mailbox();
        mailbox.update(|outbound| outbound.end = Some(Ok(())));
    }
}

/// A call with a stream of requests and one response.
///
/// Dropping it before [`ClientStreaming::finish`] cancels the call.
///
/// # Example
/// ```
/// use hikyaku::client::ClientStreaming;
/// use hikyaku::Status;
///
/// async fn sum(mut call: ClientStreaming<u64, u64>) -> Result<u64, Status> {
///     for number in 1..=3 {
///         call.send(number).await?;
///     }
///     Ok(call.finish().await?.into_message())
/// }
/// ```
#[derive(Debug)]
pub struct ClientStreaming<Req, Resp> {
    // Fields drop in this order: the cancellation must come before the half-close, or an
    // abandoned call would look complete to the server.
    call: CallGuard,
    requests: Sender<Req>,
    receiver: AnswerReceiver,
    codec: Decode<Resp>,
    /// There if the call has interceptors.
    watch: Option<Box<Watch<Resp>>>,
}

impl<Req, Resp> ClientStreaming<Req, Resp> {
    pub(crate) fn new(
        requests: Sender<Req>,
        receiver: AnswerReceiver,
        codec: Decode<Resp>,
        call: CallGuard,
        watch: Option<Box<Watch<Resp>>>,
    ) -> Self {
        Self {
            call,
            requests,
            receiver,
            codec,
            watch,
        }
    }

    /// Sends one request. Cancel-safe.
    ///
    /// # Errors
    /// As [`Sender::send`]; [`ClientStreaming::finish`] then gives the call's answer.
    #[inline]
    pub fn send(&mut self, message: Req) -> impl Future<Output = Result<(), Status>> {
        self.requests.send(message)
    }

    /// Sends several requests, one after another, for less than one at a time. Dropped before it is
    /// done, it may have sent some.
    ///
    /// # Errors
    /// As [`ClientStreaming::send`]; the requests before the one that failed have been sent.
    pub async fn send_all(
        &mut self,
        messages: impl IntoIterator<Item = Req>,
    ) -> Result<(), Status> {
        self.requests.send_all(messages).await
    }

    /// Sends one request as it is, whatever the call does. Cancel-safe.
    ///
    /// # Errors
    /// As [`ClientStreaming::send`].
    pub fn send_uncompressed(&mut self, message: Req) -> impl Future<Output = Result<(), Status>> {
        self.requests.send_uncompressed(message)
    }

    /// Tells the server that there are no more requests, and waits for its answer.
    ///
    /// # Errors
    /// The status of a call that did not end well.
    pub async fn finish(self) -> Result<Response<Resp>, Status> {
        let Self {
            mut call,
            requests,
            mut receiver,
            codec,
            watch,
        } = self;
        requests.finish();
        let answer = poll_fn(|cx| receiver.poll(call.hold_mut(), cx)).await;
        let answer = answer.and_then(|answer| answer.decode(|bytes| decode(bytes, codec)));
        match watch {
            None => answer,
            Some(watch) => watch.finish(call.mailbox(), answer).await,
        }
    }
}
