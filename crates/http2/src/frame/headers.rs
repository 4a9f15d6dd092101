//! HEADERS (RFC 9113 §6.2).

use super::priority::Priority;
use super::{Flags, Head, padding};
use crate::error::Violation;
use crate::{Body, StreamId};

/// The start of a header block, still compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadersFrame<'a> {
    /// The stream; never the connection.
    pub id: StreamId,
    /// The header block, or its first piece.
    pub fragment: &'a [u8],
    /// Whether CONTINUATION must follow.
    pub block: Block,
    /// Whether it ends the sender's side.
    pub body: Body,
    /// What it depends on. It is not used, only checked: a stream may not depend on itself.
    pub priority: Option<Priority>,
}

/// Whether a header block goes on in the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// CONTINUATION follows.
    Open,
    /// END_HEADERS was set.
    Complete,
}

impl Block {
    /// What the flags of HEADERS or CONTINUATION say.
    #[must_use]
    pub const fn from_flags(flags: Flags) -> Self {
        if flags.has(Flags::END_HEADERS) {
            Self::Complete
        } else {
            Self::Open
        }
    }
}

impl<'a> HeadersFrame<'a> {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamNeeded`] on stream 0.
    /// - [`Violation::BadFrameLen`] if the priority does not fit in.
    /// - [`Violation::PaddingTooLong`] as in [`padding::strip`].
    #[inline]
    pub fn decode(head: &Head, payload: &'a [u8]) -> Result<Self, Violation> {
        if head.id == StreamId::CONNECTION {
            return Err(Violation::StreamNeeded(head.kind));
        }
        let mut fragment = padding::strip(head, payload)?;
        let mut priority = None;
        if head.flags.has(Flags::PRIORITY) {
            let Some((bytes, rest)) = fragment.split_first_chunk() else {
                return Err(Violation::BadFrameLen {
                    kind: head.kind,
                    len: payload.len(),
                });
            };
            priority = Some(Priority::from_bytes(bytes));
            fragment = rest;
        }
        Ok(Self {
            id: head.id,
            fragment,
            block: Block::from_flags(head.flags),
            body: if head.flags.has(Flags::END_STREAM) {
                Body::Last
            } else {
                Body::More
            },
            priority,
        })
    }
}
