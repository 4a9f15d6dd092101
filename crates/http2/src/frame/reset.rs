//! RST_STREAM (RFC 9113 §6.4).

use super::Head;
use crate::error::Violation;
use crate::{ErrorCode, StreamId};

/// The early end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The stream; never the connection.
    pub id: StreamId,
    /// Why.
    pub code: ErrorCode,
}

impl Reset {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamNeeded`] on stream 0.
    /// - [`Violation::BadFrameLen`] unless there are four bytes.
    pub fn decode(head: &Head, payload: &[u8]) -> Result<Self, Violation> {
        if head.id == StreamId::CONNECTION {
            return Err(Violation::StreamNeeded(head.kind));
        }
        let Ok(&code) = <&[u8; 4]>::try_from(payload) else {
            return Err(Violation::BadFrameLen {
                kind: head.kind,
                len: payload.len(),
            });
        };
        Ok(Self {
            id: head.id,
            code: ErrorCode::from_number(u32::from_be_bytes(code)),
        })
    }
}
