//! The application's end of a stream of messages that come in.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::driver::give_way;
use super::mailbox::{End, Mailbox, Progress, RELEASE_LEN};
use crate::call::envelope::{Deframer, Message, PREFIX_LEN};
use crate::call::message::{self, Decode};
use crate::codec::{Codec, Format};
use crate::compression::MAX_TURN_LEN;
use crate::{Metadata, Status};

/// Reads the message of so many bytes that the front chunk begins with. What it gives back is what the
/// stream does, and it is read into that: to move a message costs as much as to read a small one.
type ReadFront<T> = fn(&mut Receiver<T>, usize) -> Poll<Result<Option<T>, Status>>;

/// Takes framed bytes out of a mailbox in batches, and messages out of those one at a time.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    mailbox: Arc<Mailbox>,
    deframer: Deframer,
    chunks: Vec<Bytes>,
    codec: Decode<T>,
    front: ReadFront<T>,
    max_message_len: usize,
    /// Whether the last message came compressed.
    was_compressed: bool,
    /// Bytes inflated since other tasks had their turn.
    inflated_len: usize,
    /// What the driver has not been told of the reading.
    progress: Progress,
    /// The incomplete message it has been told of. Bytes.
    awaited_len: usize,
    end: Option<Result<Metadata, Status>>,
}

impl<T> Receiver<T> {
    pub(crate) fn new<C: Codec<T>>(
        mailbox: Arc<Mailbox>,
        format: Format,
        max_message_len: usize,
    ) -> Self {
        Self {
            mailbox,
            deframer: Deframer::default(),
            chunks: Vec::new(),
            codec: message::decoder::<C, T>(format),
            front: match format {
                Format::Protobuf => read_front::<C, T>,
                Format::Json => read_front_json::<C, T>,
            },
            max_message_len,
            was_compressed: false,
            inflated_len: 0,
            progress: Progress::default(),
            awaited_len: 0,
            end: None,
        }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Whether the last message came compressed.
    pub(crate) fn was_compressed(&self) -> bool {
        self.was_compressed
    }

    /// How the stream ended, once it has: its trailers, or its failure.
    pub(crate) fn end(&self) -> Option<&Result<Metadata, Status>> {
        self.end.as_ref()
    }

    /// The next message; `None` after the last. A failure is repeated for ever.
    #[inline]
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        // Most messages of a busy stream have come with others, which have been taken out.
        match self.deframer.next_front(self.max_message_len) {
            Some(len) => (self.front)(self, len),
            None => self.poll_framed(cx),
        }
    }

    #[inline(never)]
    fn poll_framed(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        loop {
            if let Some(Err(status)) = &self.end {
                return Poll::Ready(Err(status.clone()));
            }
            if self.inflated_len >= MAX_TURN_LEN {
                self.inflated_len = 0;
                return give_way(cx);
            }
            match self.deframer.next(self.max_message_len) {
                Ok(Some(Message { compressed, bytes })) => {
                    self.was_compressed = compressed;
                    self.consume(PREFIX_LEN + bytes.len());
                    let bytes = match compressed {
                        true => self.inflate(&bytes),
                        false => Ok(bytes),
                    };
                    let decoded = bytes.and_then(|bytes| message::decode(bytes, self.codec));
                    return Poll::Ready(decoded.map(Some).map_err(|status| self.fail(status)));
                }
                Ok(None) if self.end.is_some() => return Poll::Ready(Ok(None)),
                Ok(None) => ready!(self.poll_fill(cx)),
                Err(bad) => return Poll::Ready(Err(self.fail(bad.into()))),
            }
        }
    }

    #[cold]
    fn inflate(&mut self, compressed: &[u8]) -> Result<Bytes, Status> {
        let inflated = inflate(&self.mailbox, compressed, self.max_message_len)?;
        self.inflated_len += inflated.len();
        Ok(inflated)
    }

    /// A message is the application's now; `len` is with its prefix.
    #[inline]
    fn consume(&mut self, len: usize) {
        self.awaited_len = 0;
        self.progress.consumed_len += len;
        if self.progress.consumed_len >= RELEASE_LEN {
            self.mailbox.advance(mem::take(&mut self.progress));
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let awaited_len = self.deframer.awaited_len();
        if awaited_len != self.awaited_len {
            self.awaited_len = awaited_len;
            self.progress.awaited_len = awaited_len;
        }
        if self.progress != Progress::default() {
            self.mailbox.advance(mem::take(&mut self.progress));
        }
        match ready!(self.mailbox.poll_chunks(&mut self.chunks, cx)) {
            None => {
                for chunk in self.chunks.drain(..) {
                    self.deframer.push(chunk);
                }
            }
            // All messages have been taken out before: what is left is a part of one.
            Some(End::Complete(trailers)) => {
                self.end = Some(match self.deframer.finish() {
                    Ok(()) => Ok(trailers),
                    Err(bad) => Err(bad.into()),
                });
            }
            Some(End::Failed(status)) => {
                self.end = Some(Err(status));
                self.deframer = Deframer::default();
            }
        }
        Poll::Ready(())
    }

    /// Gives the call up: nothing comes any more, unless its end has been read already.
    pub(crate) fn cancel(&mut self) {
        if self.end.is_none() {
            self.fail(cancelled());
        }
    }

    /// Ends the call from here.
    pub(crate) fn fail(&mut self, status: Status) -> Status {
        self.end = Some(Err(status.clone()));
        // Nothing that has come before is at hand any more.
        self.deframer = Deframer::default();
        self.mailbox.update(|outbound| outbound.cancelled = true);
        status
    }
}

fn read_front<C: Codec<T>, T>(
    receiver: &mut Receiver<T>,
    len: usize,
) -> Poll<Result<Option<T>, Status>> {
    let mut message = None;
    let read = C::decode_into(&mut message, receiver.deframer.front(), len);
    receiver.deframer.skip(len);
    receiver.was_compressed = false;
    receiver.consume(PREFIX_LEN + len);
    match read {
        Ok(()) => Poll::Ready(Ok(message)),
        Err(error) => Poll::Ready(Err(receiver.fail(message::undecoded(error)))),
    }
}

/// Messages in JSON are not worth a way of their own.
fn read_front_json<C: Codec<T>, T>(
    receiver: &mut Receiver<T>,
    len: usize,
) -> Poll<Result<Option<T>, Status>> {
    let bytes = receiver.deframer.front().slice(..len);
    receiver.deframer.skip(len);
    receiver.was_compressed = false;
    receiver.consume(PREFIX_LEN + len);
    let decoded = message::decode_in::<C, T>(Format::Json, bytes);
    Poll::Ready(decoded.map(Some).map_err(|status| receiver.fail(status)))
}

/// The status of a call that the application gave up.
pub(crate) fn cancelled() -> Status {
    Status::cancelled("the call was cancelled")
}

/// What a compressed message of a call stands for.
#[cold]
pub(crate) fn inflate(
    mailbox: &Mailbox,
    compressed: &[u8],
    max_len: usize,
) -> Result<Bytes, Status> {
    message::inflate(compressed, mailbox.coding().as_deref(), max_len)
}
