//! What a client keeps of a call, to make it again if the server did not look at it.

use bytes::{Bytes, BytesMut};

/// What a call may have sent and still be made again. Bytes, with [`CHUNK_OVERHEAD_LEN`] a batch on top: a
/// channel's calls together hold no more than this for each stream its server allows.
pub(crate) const MAX_SENT_LEN: usize = 256 * 1024;

/// What it costs to keep a batch, however short it is. Bytes.
const CHUNK_OVERHEAD_LEN: usize = 32;

/// The messages of a call that have been given to its connection: references to them, in order.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    batches: Vec<Bytes>,
    /// The short one behind them, of which the connection has a copy: all there is of most calls.
    last: BytesMut,
    /// Bytes of the batches, with [`CHUNK_OVERHEAD_LEN`] for each.
    len: usize,
}

/// Too much has been sent for it to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

impl Sent {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keeps a batch.
    ///
    /// # Errors
    /// [`TooMuch`] beyond [`MAX_SENT_LEN`].
    pub(crate) fn keep(&mut self, chunk: &Bytes) -> Result<(), TooMuch> {
        if !chunk.is_empty() {
            self.count(chunk.len())?;
            self.batches.push(chunk.clone());
        }
        Ok(())
    }

    /// Keeps the last batch.
    ///
    /// # Errors
    /// [`TooMuch`] beyond [`MAX_SENT_LEN`].
    pub(crate) fn keep_last(&mut self, chunk: BytesMut) -> Result<(), TooMuch> {
        if !chunk.is_empty() {
            self.count(chunk.len())?;
            self.last = chunk;
        }
        Ok(())
    }

    fn count(&mut self, len: usize) -> Result<(), TooMuch> {
        self.len += len + CHUNK_OVERHEAD_LEN;
        if self.len > MAX_SENT_LEN {
            return Err(TooMuch);
        }
        Ok(())
    }

    /// The batches, as they were sent.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Bytes> {
        let last = Some(&self.last).filter(|last| !last.is_empty());
        let last = last.map(|last| Bytes::copy_from_slice(last));
        self.batches.iter().cloned().chain(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_kept_in_order_and_without_a_copy() {
        let mut sent = Sent::default();
        assert!(sent.is_empty());
        let batches = ["one", "", "two", "three"].map(|text| Bytes::from(text.repeat(1000)));
        for batch in &batches {
            sent.keep(batch).unwrap();
        }
        let kept: Vec<_> = sent.chunks().map(|chunk| chunk.as_ptr()).collect();
        let want = [0, 2, 3].map(|index: usize| batches[index].as_ptr());
        assert_eq!(kept, want);

        sent.keep_last(BytesMut::from("last")).unwrap();
        assert_eq!(sent.chunks().last().unwrap(), "last");
    }

    #[test]
    fn there_is_a_limit_on_bytes_and_on_batches() {
        let mut sent = Sent::default();
        let most = Bytes::from(vec![0; MAX_SENT_LEN - CHUNK_OVERHEAD_LEN]);
        assert_eq!(sent.keep(&most), Ok(()));
        assert_eq!(sent.keep(&Bytes::from_static(b"x")), Err(TooMuch));

        let mut sent = Sent::default();
        let count = (0..)
            .take_while(|_| sent.keep(&Bytes::from_static(b"x")).is_ok())
            .count();
        assert_eq!(count, MAX_SENT_LEN / (CHUNK_OVERHEAD_LEN + 1));
    }
}
