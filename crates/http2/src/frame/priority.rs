//! PRIORITY, deprecated: checked and ignored (RFC 9113 §5.3.2, §6.3).

use super::Head;
use crate::StreamId;
use crate::error::{Fault, StreamError, Violation};

/// What a stream was said to depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// The stream depended on; 0 for none.
    pub dependency: StreamId,
}

impl Priority {
    /// Reads the five bytes as they stand in PRIORITY and in HEADERS; the weight is dropped.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; 5]) -> Self {
        let &[a, b, c, d, _weight] = bytes;
        Self {
            dependency: StreamId::new(u32::from_be_bytes([a, b, c, d])),
        }
    }

    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamNeeded`] on stream 0: the connection.
    /// - [`Violation::BadFrameLen`] unless there are five bytes: the stream.
    /// - [`Violation::SelfDependency`]: the stream.
    pub fn decode(head: &Head, payload: &[u8]) -> Result<Self, Fault> {
        if head.id == StreamId::CONNECTION {
            return Err(Violation::StreamNeeded(head.kind).into());
        }
        let Ok(bytes) = payload.try_into() else {
            let what = Violation::BadFrameLen {
                kind: head.kind,
                len: payload.len(),
            };
            return Err(StreamError::new(head.id, what).into());
        };
        let priority = Self::from_bytes(bytes);
        if priority.dependency == head.id {
            return Err(StreamError::new(head.id, Violation::SelfDependency).into());
        }
        Ok(priority)
    }
}
