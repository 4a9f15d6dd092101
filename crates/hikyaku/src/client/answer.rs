//! The application's end of a call with a single answer.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::guard::Hold;
use crate::call::envelope::Message;
use crate::call::message::{self, Decode, Only};
use crate::codec::{Codec, Format};
use crate::net::mailbox::{Chunks, End, Mailbox, Progress};
use crate::net::receiver::inflate;
use crate::{Metadata, Response, Status};

/// The only message of a stream, with what came before and behind it.
#[derive(Debug)]
pub(crate) struct OnlyMessage<T> {
    message: T,
    was_compressed: bool,
    head: Metadata,
    trailers: Metadata,
}

impl<T> OnlyMessage<T> {
    pub(crate) fn into_response(self) -> Response<T> {
        let response = Response::from_parts(self.message, self.head, self.trailers);
        response.of_compressed(self.was_compressed)
    }
}

/// Waits for the only message of a stream, and the trailers behind it.
#[derive(Debug)]
pub(crate) struct OnlyReceiver<T> {
    only: Only,
    codec: Decode<T>,
    max_message_len: usize,
    /// Bytes that have come and are not consumed.
    held_len: usize,
    /// The incomplete message the driver has been told of. Bytes.
    awaited_len: usize,
    /// The mailbox has known its reader from the beginning.
    is_expected: bool,
}

impl<T> OnlyReceiver<T> {
    pub(crate) fn new<C: Codec<T>>(format: Format, max_message_len: usize) -> Self {
        Self {
            only: Only::default(),
            codec: message::decoder::<C, T>(format),
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
    ) -> Poll<Result<OnlyMessage<T>, Status>> {
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
            return Poll::Ready(match end {
                End::Complete(trailers) => self.finish(head, trailers, hold.mailbox()),
                End::Failed(status) => Err(status.after(head)),
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

    fn finish(
        &mut self,
        head: Metadata,
        trailers: Metadata,
        mailbox: &Mailbox,
    ) -> Result<OnlyMessage<T>, Status> {
        let only = mem::take(&mut self.only);
        let decoded = only.finish().and_then(|Message { compressed, bytes }| {
            let bytes = if compressed {
                inflate(mailbox, &bytes, self.max_message_len)?
            } else {
                bytes
            };
            Ok((message::decode(bytes, self.codec)?, compressed))
        });
        match decoded {
            Ok((message, was_compressed)) => Ok(OnlyMessage {
                message,
                was_compressed,
                head,
                trailers,
            }),
            Err(status) => Err(status.after(head)),
        }
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
