//! CONTINUATION (RFC 9113 §6.10).

use super::Head;
use super::headers::Block;
use crate::StreamId;
use crate::error::Violation;

/// The next piece of a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continuation<'a> {
    /// The stream; never the connection.
    pub id: StreamId,
    /// The piece.
    pub fragment: &'a [u8],
    /// Whether another one follows.
    pub block: Block,
}

impl<'a> Continuation<'a> {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// [`Violation::StreamNeeded`] on stream 0.
    pub fn decode(head: &Head, payload: &'a [u8]) -> Result<Self, Violation> {
        if head.id == StreamId::CONNECTION {
            return Err(Violation::StreamNeeded(head.kind));
        }
        Ok(Self {
            id: head.id,
            fragment: payload,
            block: Block::from_flags(head.flags),
        })
    }
}
