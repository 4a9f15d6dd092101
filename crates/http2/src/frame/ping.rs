//! PING (RFC 9113 §6.7).

use super::{Flags, Head};
use crate::StreamId;
use crate::error::Violation;

/// A sign of life, or the answer to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// To be sent back as it is.
    Ask([u8; 8]),
    /// Ours, sent back.
    Ack([u8; 8]),
}

impl Ping {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamForbidden`] off stream 0.
    /// - [`Violation::BadFrameLen`] unless there are eight bytes.
    pub fn decode(head: &Head, payload: &[u8]) -> Result<Self, Violation> {
        if head.id != StreamId::CONNECTION {
            return Err(Violation::StreamForbidden(head.kind, head.id));
        }
        let Ok(payload) = payload.try_into() else {
            return Err(Violation::BadFrameLen {
                kind: head.kind,
                len: payload.len(),
            });
        };
        Ok(if head.flags.has(Flags::ACK) {
            Self::Ack(payload)
        } else {
            Self::Ask(payload)
        })
    }
}
