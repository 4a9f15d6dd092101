//! The application's end of a call with a single answer.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::guard::Hold;
use crate::call::envelope::Message;
use crate::call::message::{self, Only};
use crate::net::mailbox::{Chunks, End, Mailbox, Progress};
use crate::net::receiver::inflate;
use crate::{Metadata, Response, Status};

/// The only message of a call, not decoded, with what came before and behind it.
#[derive(Debug)]
pub(crate) struct Answer {
    bytes: Bytes,
    was_compressed: bool,
    head: Metadata,
    trailers: Metadata,
}

impl Answer {
    /// Decodes the message.
    ///
    /// # Errors
    /// As `decode` does.
    #[inline]
    pub(crate) fn decode<T>(
        self,
        decode: impl FnOnce(Bytes) -> Result<T, Status>,
    ) -> Result<Response<T>, Status> {
        match decode(self.bytes) {
            Ok(message) => {
                let response = Response::from_parts(message, self.head, self.trailers);
                Ok(response.of_compressed(self.was_compressed))
            }
            Err(status) => Err(status.after(self.head)),
        }
    }
}

/// Waits for the only message of a call, and the trailers behind it.
#[derive(Debug)]
pub(crate) struct AnswerReceiver {
    only: Only,
    max_message_len: usize,
    /// Bytes that have come and are not consumed.
    held_len: usize,
    /// The incomplete message the driver has been told of. Bytes.
    awaited_len: usize,
    /// The mailbox has known its reader from the beginning.
    is_expected: bool,
}

impl AnswerReceiver {
    pub(crate) fn new(max_message_len: usize) -> Self {
        Self {
            only: Only::default(),
            max_message_len,
            held_len: 0,
            awaited_len: 0,
            is_expected: false,
        }
    }

    /// The same where the mailbox knows already whom to wake: the first poll need not tell it.
    pub(crate) fn expected(mut self) -> Self {
        self.is_expected = true;
        self
    }

    /// The message and the trailers, and how the call ended. Not to be polled again once it is ready.
    pub(crate) fn poll(
        &mut self,
        hold: &mut Hold,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answer, Status>> {
        if mem::take(&mut self.is_expected) {
            return Poll::Pending;
        }
        let mut chunks = Chunks::None;
        loop {
            let end = ready!(hold.mailbox().poll_whole(&mut chunks, cx));
            if end.is_some() {
                hold.let_go();
            }
            let taken = self.take(mem::take(&mut chunks), hold.mailbox());
            let (head, end) = match (taken, end) {
                (Ok(()), None) => {
                    self.advance(hold.mailbox());
                    continue;
                }
                (Ok(()), Some((head, end))) => (head, end),
                (Err(status), Some((head, _))) => (head, End::Failed(status)),
                (Err(status), None) => (hold.mailbox().head(), End::Failed(status)),
            };
            let head = head.map(Metadata::received).unwrap_or_default();
            let message = match end {
                End::Complete(trailers) => self.finish(hold.mailbox()).map(|only| (only, trailers)),
                End::Failed(status) => Err(status),
            };
            return Poll::Ready(match message {
                Ok(((bytes, was_compressed), trailers)) => Ok(Answer {
                    bytes,
                    was_compressed,
                    head,
                    trailers,
                }),
                Err(status) => Err(status.after(head)),
            });
        }
    }

    fn take(&mut self, chunks: Chunks, mailbox: &Mailbox) -> Result<(), Status> {
        for chunk in chunks {
            self.held_len += chunk.len();
            self.only.push(chunk, self.max_message_len)?;
        }
        if self.only.is_compressed() && mailbox.coding().is_none() {
            return Err(message::uncoded());
        }
        Ok(())
    }

    /// The bytes of the message as they were before they were compressed, if they were.
    fn finish(&mut self, mailbox: &Mailbox) -> Result<(Bytes, bool), Status> {
        let Message { compressed, bytes } = mem::take(&mut self.only).finish()?;
        if compressed {
            return Ok((inflate(mailbox, &bytes, self.max_message_len)?, true));
        }
        Ok((bytes, false))
    }

    /// The bytes of the message are consumed when all of them are there.
    fn advance(&mut self, mailbox: &Arc<Mailbox>) {
        let awaited_len = self.only.awaited_len();
        let mut progress = Progress::default();
        if awaited_len == 0 {
            progress.consumed_len = mem::take(&mut self.held_len);
        } else if awaited_len != self.awaited_len {
            progress.awaited_len = awaited_len;
        }
        self.awaited_len = awaited_len;
        if progress != Progress::default() {
            mailbox.advance(progress);
        }
    }
}
