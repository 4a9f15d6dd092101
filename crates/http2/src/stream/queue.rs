//! What a stream still has to send: bytes, then how it ends.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{Field, Indexing};

/// Bytes and the end of one side of a stream, waiting for windows and for their turn.
#[derive(Debug, Default)]
pub struct Queue {
    chunks: VecDeque<Bytes>,
    len: usize,
    /// How the side ends behind the bytes.
    pub end: End,
}

/// How this side of a stream ends.
#[derive(Debug, Default)]
pub enum End {
    /// Not yet known.
    #[default]
    None,
    /// With END_STREAM on the last DATA frame.
    Data,
    /// With trailers.
    Trailers(Box<OwnedFields>),
}

impl Queue {
    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no bytes wait. An end may.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether neither bytes nor an end wait.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.len == 0 && matches!(self.end, End::None)
    }

    /// Adds bytes.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    /// Moves `len` bytes, or all if there are fewer, to `sink`, piece by piece, uncopied.
    pub fn take(&mut self, len: usize, mut sink: impl FnMut(Bytes)) {
        let mut wanted = len.min(self.len);
        self.len -= wanted;
        while wanted > 0 {
            let Some(front) = self.chunks.front_mut() else {
                return;
            };
            if front.len() > wanted {
                sink(front.split_to(wanted));
                return;
            }
            wanted -= front.len();
            if let Some(chunk) = self.chunks.pop_front() {
                sink(chunk);
            }
        }
    }
}

/// Fields that had to wait, in two allocations.
#[derive(Debug, Default)]
pub struct OwnedFields {
    bytes: Vec<u8>,
    /// Length of the name, length of the value, treatment; names and values lie in `bytes`.
    spans: Vec<(usize, usize, Indexing)>,
}

impl<'a> FromIterator<Field<'a>> for OwnedFields {
    fn from_iter<I: IntoIterator<Item = Field<'a>>>(fields: I) -> Self {
        let mut owned = Self::default();
        for field in fields {
            owned.bytes.extend_from_slice(field.name);
            owned.bytes.extend_from_slice(field.value);
            owned
                .spans
                .push((field.name.len(), field.value.len(), field.indexing));
        }
        owned
    }
}

impl OwnedFields {
    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let mut rest = self.bytes.as_slice();
        self.spans
            .iter()
            .map(move |&(name_len, value_len, indexing)| {
                let (name, behind) = rest.split_at_checked(name_len).unwrap_or_default();
                let (value, behind) = behind.split_at_checked(value_len).unwrap_or_default();
                rest = behind;
                Field {
                    name,
                    value,
                    indexing,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_and_in_pieces() {
        let mut queue = Queue::default();
        for chunk in ["abc", "", "defg", "h"] {
            queue.push(Bytes::from_static(chunk.as_bytes()));
        }
        assert_eq!(queue.len(), 8);
        let mut pieces = Vec::new();
        queue.take(5, |piece| pieces.push(piece));
        assert_eq!(pieces, ["abc", "de"]);
        queue.take(100, |piece| pieces.push(piece));
        assert_eq!(pieces, ["abc", "de", "fg", "h"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn owned_fields_come_out_as_they_went_in() {
        let fields = [
            Field::indexed(b"grpc-status", b"0"),
            Field::literal(b"empty", b""),
            Field::sensitive(b"authorization", b"x"),
        ];
        let owned: OwnedFields = fields.into_iter().collect();
        assert_eq!(owned.iter().collect::<Vec<_>>(), fields);
    }
}
