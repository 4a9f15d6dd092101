//! DATA (RFC 9113 §6.1).

use std::ops::Range;

use super::{Flags, Head, padding};
use crate::error::Violation;
use crate::{Body, StreamId};

/// A piece of a stream's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The stream; never the connection.
    pub id: StreamId,
    /// Where in the payload the bytes are, padding aside.
    pub range: Range<usize>,
    /// Bytes the frame takes from the windows: the whole payload.
    pub flow_len: usize,
    /// Whether it is the last one.
    pub body: Body,
}

impl Data {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamNeeded`] on stream 0.
    /// - [`Violation::BadFrameLen`], [`Violation::PaddingTooLong`] as in [`padding::strip`].
    #[inline]
    pub fn decode(head: &Head, payload: &[u8]) -> Result<Self, Violation> {
        if head.id == StreamId::CONNECTION {
            return Err(Violation::StreamNeeded(head.kind));
        }
        let data_len = padding::strip(head, payload)?.len();
        let start = usize::from(head.flags.has(Flags::PADDED));
        Ok(Self {
            id: head.id,
            range: start..start + data_len,
            flow_len: payload.len(),
            body: if head.flags.has(Flags::END_STREAM) {
                Body::Last
            } else {
                Body::More
            },
        })
    }
}
