//! The frame around each message of a call.
//!
//! ```text
//! +------+-----------------+------------------------+
//! | flag | length (32 bit) | message                |      flag 0: as is, 1: compressed
//! +------+-----------------+------------------------+
//! ```
//!
//! The borders of DATA frames mean nothing: one frame may hold many messages, one message may span
//! many frames. A message that lies in one chunk is handed out as a slice of it. One that does not
//! is copied together as it arrives, and room is made for what has arrived, never for what was
//! announced.
//!
//! Spec: gRPC over HTTP/2, "Length-Prefixed-Message".

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::status::Status;

/// Writes the prefix of a message of `len` bytes.
///
/// # Errors
/// [`BadEnvelope::TooLong`] if `len` does not fit its 32 bits. Nothing has been written.
pub(crate) fn write_prefix(
    out: &mut impl BufMut,
    compressed: bool,
    len: usize,
) -> Result<(), BadEnvelope> {
    let Ok(wire_len) = u32::try_from(len) else {
        return Err(BadEnvelope::TooLong { len, max: MAX_LEN });
    };
    let [a, b, c, d] = wire_len.to_be_bytes();
    out.put_slice(&[u8::from(compressed), a, b, c, d]);
    Ok(())
}

/// Whether a chunk is one uncompressed message of at most `max_len` bytes, and nothing else.
#[inline]
pub(crate) fn is_one(chunk: &[u8], max_len: usize) -> bool {
    let Some(&[0, a, b, c, d]) = chunk.first_chunk() else {
        return false;
    };
    let len = chunk.len() - PREFIX_LEN;
    len <= max_len && u32::from_be_bytes([a, b, c, d]) as usize == len
}

/// One message as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Whether the bytes are compressed, in the coding that `grpc-encoding` names.
    pub(crate) compressed: bool,
    /// The message without its prefix.
    pub(crate) bytes: Bytes,
}

/// Turns the chunks of a body into messages.
///
/// Bytes enter by [`Deframer::push`] and leave by [`Deframer::next`]; a body must end where a
/// message ends ([`Deframer::finish`]). After an error, `next` repeats it: the call is over.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    /// The chunk being read.
    front: Bytes,
    /// The message that began in a chunk that is used up.
    partial: Partial,
    /// Chunks behind the front, in order.
    queue: VecDeque<Bytes>,
    /// Small chunks behind the queue, joined. A peer that sends single bytes to a reader that is
    /// slow thus costs bytes, not a reference and a pinned read buffer for each of them.
    spill: BytesMut,
    /// All bytes pushed and not handed out, prefixes included.
    buffered_len: usize,
}

impl Deframer {
    /// Takes the next chunk of the body.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.buffered_len += chunk.len();
        if self.front.is_empty() && self.queue.is_empty() && self.spill.is_empty() {
            self.front = chunk;
        } else if chunk.len() <= SMALL_LEN {
            self.spill.extend_from_slice(&chunk);
        } else {
            if !self.spill.is_empty() {
                self.queue.push_back(mem::take(&mut self.spill).freeze());
            }
            self.queue.push_back(chunk);
        }
    }

    /// The next whole message, or `None` until more is pushed.
    ///
    /// # Errors
    /// - [`BadEnvelope::Flag`] if a message begins with neither 0 nor 1.
    /// - [`BadEnvelope::TooLong`] if it announces more than `max_len` bytes. Known from its prefix,
    ///   before anything was allocated for it.
    #[inline]
    pub(crate) fn next(&mut self, max_len: usize) -> Result<Option<Message>, BadEnvelope> {
        if let Partial::Nothing = self.partial
            && let Some(bytes) = self.front.first_chunk()
        {
            let prefix = Prefix::decode(*bytes, max_len)?;
            if self.front.len() - PREFIX_LEN >= prefix.len {
                self.front.advance(PREFIX_LEN);
                return Ok(Some(self.split_front(prefix)));
            }
        }
        self.next_split(max_len)
    }

    /// Bytes of the next message, if it is uncompressed and lies in the front chunk, which then begins
    /// with it: see [`Deframer::front`]. Else [`Deframer::next`] has more to say.
    #[inline]
    pub(crate) fn next_front(&mut self, max_len: usize) -> Option<usize> {
        let Partial::Nothing = self.partial else {
            return None;
        };
        let Some(&[0, a, b, c, d]) = self.front.first_chunk() else {
            return None;
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if len > max_len || len > self.front.len() - PREFIX_LEN {
            return None;
        }
        self.front.advance(PREFIX_LEN);
        self.buffered_len -= PREFIX_LEN;
        Some(len)
    }

    /// The chunk that is being read.
    #[inline]
    pub(crate) fn front(&self) -> &Bytes {
        &self.front
    }

    /// Drops the message of so many bytes that the front chunk begins with.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        self.front.advance(len);
        self.buffered_len -= len;
    }

    /// Checks, once [`Deframer::next`] has returned `None`, that the body may end here.
    ///
    /// # Errors
    /// [`BadEnvelope::Truncated`] if it ends inside a message.
    pub(crate) fn finish(&self) -> Result<(), BadEnvelope> {
        if self.is_empty() {
            return Ok(());
        }
        Err(BadEnvelope::Truncated {
            arrived: self.buffered_len,
            expected: self.expected_len(),
        })
    }

    /// Bytes of the incomplete message that [`Deframer::next`] has left: all it will have, as far as
    /// that is known, prefix included. 0 if there is none.
    ///
    /// Also 0 if it is longer than any window ([`MAX_WHOLE_LEN`]): it cannot be kept unread.
    pub(crate) fn awaited_len(&self) -> usize {
        match self.expected_len() {
            _ if self.is_empty() => 0,
            len if len > MAX_WHOLE_LEN => 0,
            len => len,
        }
    }

    /// Bytes of the prefix or, once it is there, of prefix and message.
    fn expected_len(&self) -> usize {
        match &self.partial {
            Partial::Nothing | Partial::Prefix { .. } => PREFIX_LEN,
            Partial::Body { prefix, .. } => PREFIX_LEN.saturating_add(prefix.len),
        }
    }

    /// Bytes that are held: everything pushed and not handed out, prefixes included.
    #[cfg(test)]
    pub(crate) const fn buffered_len(&self) -> usize {
        self.buffered_len
    }

    /// Whether no byte is held.
    pub(crate) const fn is_empty(&self) -> bool {
        self.buffered_len == 0
    }

    /// As [`Deframer::next`], for a message that may lie in more than the front chunk.
    #[inline(never)]
    fn next_split(&mut self, max_len: usize) -> Result<Option<Message>, BadEnvelope> {
        loop {
            self.take_prefix(max_len)?;
            if let Some(message) = self.take_body() {
                return Ok(Some(message));
            }
            if self.front.is_empty() && !self.refill() {
                return Ok(None);
            }
        }
    }

    /// Moves bytes of the front chunk into the prefix until it is complete.
    fn take_prefix(&mut self, max_len: usize) -> Result<(), BadEnvelope> {
        if let Partial::Nothing = self.partial
            && !self.front.is_empty()
        {
            self.partial = Partial::Prefix {
                bytes: [0; PREFIX_LEN],
                filled: 0,
            };
        }
        if let Partial::Prefix { bytes, filled } = &mut self.partial {
            let missing = bytes.get_mut(*filled..).unwrap_or_default();
            let len = missing.len().min(self.front.len());
            self.front.copy_to_slice(missing.split_at_mut(len).0);
            *filled += len;
            if *filled == PREFIX_LEN {
                // A bad prefix stays where it is, so that the next call finds it again.
                let prefix = Prefix::decode(*bytes, max_len)?;
                self.partial = Partial::Body {
                    prefix,
                    bytes: Vec::new(),
                };
            }
        }
        Ok(())
    }

    /// Moves bytes of the front chunk into the message until it is complete.
    fn take_body(&mut self) -> Option<Message> {
        let Partial::Body { prefix, bytes } = &mut self.partial else {
            return None;
        };
        let prefix = *prefix;
        if bytes.is_empty() && self.front.len() >= prefix.len {
            self.partial = Partial::Nothing;
            return Some(self.split_front(prefix));
        }
        let len = self.front.len().min(prefix.len - bytes.len());
        reserve(bytes, len, prefix.len);
        bytes.extend_from_slice(&self.front.split_to(len));
        if bytes.len() < prefix.len {
            return None;
        }
        let bytes = Bytes::from(mem::take(bytes));
        self.partial = Partial::Nothing;
        self.buffered_len -= PREFIX_LEN + prefix.len;
        Some(Message {
            compressed: prefix.compressed,
            bytes,
        })
    }

    /// The message at the very start of the front chunk, which is known to hold it.
    #[inline]
    fn split_front(&mut self, prefix: Prefix) -> Message {
        self.buffered_len -= PREFIX_LEN + prefix.len;
        Message {
            compressed: prefix.compressed,
            bytes: self.front.split_to(prefix.len),
        }
    }

    /// Brings the next chunk to the front, which is used up. `false` if there is none.
    fn refill(&mut self) -> bool {
        self.front = match self.queue.pop_front() {
            Some(chunk) => chunk,
            None => mem::take(&mut self.spill).freeze(),
        };
        !self.front.is_empty()
    }
}

/// What is known of a message whose first bytes came in a chunk that is used up.
#[derive(Debug, Default)]
enum Partial {
    /// No message has begun.
    #[default]
    Nothing,
    /// Some bytes of the prefix, or all of a bad one.
    Prefix {
        /// The prefix, from its first byte.
        bytes: [u8; PREFIX_LEN],
        /// How many bytes of it are there.
        filled: usize,
    },
    /// The prefix and some bytes of the message.
    Body {
        /// The prefix.
        prefix: Prefix,
        /// The message, from its first byte.
        bytes: Vec<u8>,
    },
}

/// The five bytes before a message, checked.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    compressed: bool,
    len: usize,
}

impl Prefix {
    #[inline]
    fn decode(bytes: [u8; PREFIX_LEN], max_len: usize) -> Result<Self, BadEnvelope> {
        let [flag, a, b, c, d] = bytes;
        let compressed = match flag {
            0 => false,
            1 => true,
            flag => return Err(BadEnvelope::Flag { flag }),
        };
        // A length that this machine cannot count is too long in any case.
        let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if len > max_len {
            return Err(BadEnvelope::TooLong { len, max: max_len });
        }
        Ok(Self { compressed, len })
    }
}

/// Makes room for `additional` bytes of a message of `len`: twice what has arrived, so that growing
/// stays cheap, and no more than the message needs. More of one for which the window was made wider
/// ([`GROWTH`]).
fn reserve(bytes: &mut Vec<u8>, additional: usize, len: usize) {
    let needed = bytes.len() + additional;
    if needed > bytes.capacity() {
        let growth = if needed > FIRST_WINDOW_LEN { GROWTH } else { 2 };
        let target = needed.saturating_mul(growth).min(len);
        bytes.reserve_exact(target - bytes.len());
    }
}

/// A body that does not follow the grammar, or passes the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadEnvelope {
    /// A message begins with a byte that is no flag.
    Flag {
        /// The byte.
        flag: u8,
    },
    /// A message is longer than is allowed.
    TooLong {
        /// Bytes announced.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The body ended inside a message.
    Truncated {
        /// Bytes of the message that came, prefix included.
        arrived: usize,
        /// Bytes that should have, as far as that was known: the prefix, or prefix and message.
        expected: usize,
    },
}

impl fmt::Display for BadEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { flag } => write!(f, "message begins with flag {flag}, not with 0 or 1"),
            Self::TooLong { len, max } => write!(f, "message of {len} bytes, limit {max}"),
            Self::Truncated { arrived, expected } if *expected == PREFIX_LEN => {
                write!(
                    f,
                    "body ended inside a message prefix, {arrived} of {expected} bytes came"
                )
            }
            Self::Truncated { arrived, expected } => {
                write!(
                    f,
                    "body ended inside a message, {arrived} of {expected} bytes came"
                )
            }
        }
    }
}

impl std::error::Error for BadEnvelope {}

impl From<BadEnvelope> for Status {
    fn from(bad: BadEnvelope) -> Self {
        match bad {
            BadEnvelope::TooLong { .. } => Self::resource_exhausted(bad.to_string()),
            BadEnvelope::Flag { .. } | BadEnvelope::Truncated { .. } => {
                Self::internal(bad.to_string())
            }
        }
    }
}

/// Bytes before each message.
pub(crate) const PREFIX_LEN: usize = 5;

/// The longest message the prefix can announce, in bytes.
const MAX_LEN: usize = u32::MAX as usize;

/// The longest message that a window can hold whole, prefix included, in bytes (RFC 9113 §6.9.1).
const MAX_WHOLE_LEN: usize = (1 << 31) - 1;

/// What comes of a message before its length is known, at most. Beyond it the peer was granted what it
/// sends, within the limits of its connection. Bytes.
const FIRST_WINDOW_LEN: usize = 64 * 1024;

/// How many times as long as what has come of a long message the room for it is at most. What has come is
/// copied when there is more room, so a message of some megabytes is hardly copied twice. What nothing
/// was written to is an address, and no memory yet.
const GROWTH: usize = 8;

/// Chunks up to this length are copied together while they wait. Copying so little costs about as
/// much as keeping a reference. What has waited in a mailbox was joined there, up to a far greater
/// length; here chunks wait only between two messages of one batch, and those of an incomplete
/// message are copied out of the read buffer as they come.
const SMALL_LEN: usize = 1024;

#[cfg(test)]
mod tests;
