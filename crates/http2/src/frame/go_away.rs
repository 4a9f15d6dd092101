//! GOAWAY (RFC 9113 §6.8).

use super::Head;
use crate::error::Violation;
use crate::{ErrorCode, StreamId};

/// The sender's farewell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// The last of the receiver's streams the sender may have acted upon.
    pub last_stream: StreamId,
    /// Why.
    pub code: ErrorCode,
    /// Text for a human; untrusted.
    pub debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamForbidden`] off stream 0.
    /// - [`Violation::BadFrameLen`] under eight bytes.
    pub fn decode(head: &Head, payload: &'a [u8]) -> Result<Self, Violation> {
        if head.id != StreamId::CONNECTION {
            return Err(Violation::StreamForbidden(head.kind, head.id));
        }
        let Some((&[a, b, c, d, e, f, g, h], debug)) = payload.split_first_chunk() else {
            return Err(Violation::BadFrameLen {
                kind: head.kind,
                len: payload.len(),
            });
        };
        Ok(Self {
            last_stream: StreamId::new(u32::from_be_bytes([a, b, c, d])),
            code: ErrorCode::from_number(u32::from_be_bytes([e, f, g, h])),
            debug,
        })
    }
}
