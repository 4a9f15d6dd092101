//! A stream's side of a call with interceptors: what comes passes their hooks, and how it ended is
//! theirs to say.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::shared::runtime_ended;
use crate::intercept::{End, Hooks, Tapped, no_reply};
use crate::net::mailbox::Mailbox;
use crate::net::receiver::{Receiver, cancelled};
use crate::{Metadata, Response, Status};

/// Held by who reads the answers of a call; dropping it stops the interceptors.
pub(crate) struct Watch<T> {
    hooks: Arc<Hooks>,
    tapped: Tapped<T>,
    /// Tells the interceptors how the call ended. None once they know.
    ended: Option<oneshot::Sender<End>>,
    /// How it ended, as the outermost interceptor says.
    outcome: oneshot::Receiver<End>,
    end: Option<End>,
    /// As the interceptors have left it.
    head: OnceLock<Metadata>,
    task: AbortHandle,
}

impl<T: 'static> Watch<T> {
    pub(super) fn new(
        hooks: Arc<Hooks>,
        ended: oneshot::Sender<End>,
        outcome: oneshot::Receiver<End>,
        task: AbortHandle,
    ) -> Self {
        Self {
            tapped: Tapped::answers(Arc::clone(&hooks)),
            hooks,
            ended: Some(ended),
            outcome,
            end: None,
            head: OnceLock::new(),
            task,
        }
    }
}

impl<T> Watch<T> {
    pub(super) fn hooks(&self) -> &Arc<Hooks> {
        &self.hooks
    }

    /// How the call ended, once that is known.
    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// What the server sent before its first message, if it has.
    pub(super) fn head(&self, mailbox: &Mailbox) -> Metadata {
        let Some(received) = mailbox.head() else {
            return Metadata::new();
        };
        let head = self.head.get_or_init(|| {
            let mut head = Metadata::received(received);
            self.hooks.head(&mut head);
            head
        });
        head.clone()
    }

    /// The next message; `None` after the last. Cancel-safe: an end that was read is read again.
    ///
    /// # Errors
    /// The status of the call, repeated for ever.
    pub(super) fn poll_next(
        &mut self,
        receiver: &mut Receiver<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<T>, Status>> {
        if self.end.is_none() {
            let next = ready!(receiver.poll_next(cx));
            self.head(receiver.mailbox());
            let end = match next {
                Ok(Some(mut reply)) => match self.tapped.show(receiver.mailbox(), &mut reply) {
                    Ok(()) => return Poll::Ready(Ok(Some(reply))),
                    Err(status) => Err(receiver.fail(status)),
                },
                Ok(None) => receiver
                    .end()
                    .cloned()
                    .unwrap_or_else(|| Ok(Metadata::new())),
                Err(status) => Err(status),
            };
            self.tell(end);
            self.end = Some(ready!(self.poll_outcome(cx)));
        }
        Poll::Ready(match &self.end {
            Some(Err(status)) => Err(status.clone()),
            Some(Ok(_)) | None => Ok(None),
        })
    }

    /// The answer of a call with a single reply, past the interceptors.
    ///
    /// # Errors
    /// The status of the call; INTERNAL if it ended well, but there is no reply.
    pub(super) async fn finish(
        mut self,
        mailbox: &Mailbox,
        answer: Result<Response<T>, Status>,
    ) -> Result<Response<T>, Status> {
        let seen = answer.and_then(|mut response| {
            self.hooks.head(response.metadata_mut());
            self.tapped.show(mailbox, response.message_mut())?;
            Ok(response)
        });
        let (response, end) = match seen {
            Ok(mut response) => {
                let trailers = mem::take(response.trailers_mut());
                (Some(response), Ok(trailers))
            }
            Err(status) => (None, Err(status)),
        };
        self.tell(end);
        let trailers = poll_fn(|cx| self.poll_outcome(cx)).await?;
        let mut response = response.ok_or_else(no_reply)?;
        *response.trailers_mut() = trailers;
        Ok(response)
    }

    /// Drops the interceptors, unless the end of the call has been read already.
    pub(super) fn cancel(&mut self) {
        if self.end.is_none() {
            self.task.abort();
            self.end = Some(Err(cancelled()));
        }
    }

    /// Tells the interceptors how the call ended; once.
    fn tell(&mut self, end: End) {
        if let Some(ended) = self.ended.take() {
            // They may have ended it themselves, without waiting.
            let _ = ended.send(end);
        }
    }

    /// What they make of it.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(cx));
        Poll::Ready(outcome.unwrap_or_else(|_| Err(runtime_ended())))
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
