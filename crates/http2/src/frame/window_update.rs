//! WINDOW_UPDATE (RFC 9113 §6.9).

use std::num::NonZeroU32;

use super::Head;
use crate::StreamId;
use crate::error::{Fault, StreamError, Violation};

/// More credit for one stream or for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowUpdate {
    /// The stream, or [`StreamId::CONNECTION`].
    pub id: StreamId,
    /// Bytes, up to 2^31-1; the reserved bit is dropped.
    pub increment: NonZeroU32,
}

impl WindowUpdate {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::BadFrameLen`] unless there are four bytes: the connection.
    /// - [`Violation::ZeroIncrement`]: the stream, or on stream 0 the connection.
    pub fn decode(head: &Head, payload: &[u8]) -> Result<Self, Fault> {
        let Ok(&increment) = <&[u8; 4]>::try_from(payload) else {
            return Err(Violation::BadFrameLen {
                kind: head.kind,
                len: payload.len(),
            }
            .into());
        };
        let increment = u32::from_be_bytes(increment) & 0x7fff_ffff;
        match NonZeroU32::new(increment) {
            Some(increment) => Ok(Self {
                id: head.id,
                increment,
            }),
            None if head.id == StreamId::CONNECTION => Err(Violation::ZeroIncrement.into()),
            None => Err(StreamError::new(head.id, Violation::ZeroIncrement).into()),
        }
    }
}
