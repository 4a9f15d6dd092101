//! What a stream still has to send: bytes, then how it ends.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::FieldList;

/// Bytes and the end of one side of a stream, waiting for windows and for their turn.
///
/// Most streams never have any: there is one word for those that do.
#[derive(Debug, Default)]
pub struct Queue {
    chunks: Option<Box<Chunks>>,
    len: usize,
    /// How the side ends behind the bytes.
    pub end: End,
}

/// Bytes in the order they leave in.
#[derive(Debug, Default)]
struct Chunks {
    list: VecDeque<Bytes>,
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
    Trailers(FieldList),
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

    /// Whether nothing was ever put into it.
    #[must_use]
    #[inline]
    pub fn is_unused(&self) -> bool {
        self.chunks.is_none() && matches!(self.end, End::None)
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
            let chunks = self.chunks.get_or_insert_default();
            chunks.list.push_back(chunk);
        }
    }

    /// Moves `len` bytes, or all if there are fewer, to `sink`, piece by piece, uncopied.
    pub fn take(&mut self, len: usize, mut sink: impl FnMut(Bytes)) {
        let mut wanted = len.min(self.len);
        self.len -= wanted;
        let Some(chunks) = &mut self.chunks else {
            return;
        };
        while wanted > 0 {
            let Some(front) = chunks.list.front_mut() else {
                return;
            };
            if front.len() > wanted {
                sink(front.split_to(wanted));
                return;
            }
            wanted -= front.len();
            if let Some(chunk) = chunks.list.pop_front() {
                sink(chunk);
            }
        }
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
}
