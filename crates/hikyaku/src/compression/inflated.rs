//! Where an inflated message goes: a buffer that stops at the limit.

use std::fmt;
use std::io;
use std::marker::PhantomData;

/// The message that a [`Coding`](super::Coding) decompresses into.
///
/// It takes no byte more than a received message may have ([`Server::max_message_len`],
/// [`ChannelBuilder::max_message_len`]): the write that would pass the limit fails, so that a small
/// message that stands for a huge one costs no more than the limit. Its call fails with
/// RESOURCE_EXHAUSTED then, whatever the coding makes of the error.
///
/// See [`Coding`](super::Coding) for an example.
///
/// [`Server::max_message_len`]: crate::Server::max_message_len
/// [`ChannelBuilder::max_message_len`]: crate::client::ChannelBuilder::max_message_len
pub struct Inflated<'a> {
    bytes: Vec<u8>,
    max_len: usize,
    is_over: bool,
    /// Room for a buffer that is borrowed.
    borrows: PhantomData<&'a mut ()>,
}

impl Inflated<'_> {
    pub(crate) fn new(max_len: usize) -> Self {
        Self {
            bytes: Vec::new(),
            max_len,
            is_over: false,
            borrows: PhantomData,
        }
    }

    /// Bytes that may still be written.
    #[must_use]
    pub fn room(&self) -> usize {
        self.max_len - self.bytes.len()
    }

    /// Says that more was to be written than may be.
    pub(crate) fn refuse(&mut self) -> io::Error {
        self.is_over = true;
        io::Error::new(
            io::ErrorKind::StorageFull,
            format!("longer than {} bytes", self.max_len),
        )
    }

    /// The message itself, empty and with room for so many bytes, or for as many as it may have if
    /// those are fewer. Whoever writes to it asks [`Inflated::check`] afterwards.
    #[cfg(feature = "zstd")]
    pub(super) fn buffer(&mut self, len: usize) -> &mut Vec<u8> {
        self.bytes.clear();
        self.bytes.reserve_exact(len.min(self.max_len));
        &mut self.bytes
    }

    /// Whether what was written to the buffer is no more than may be.
    #[cfg(feature = "zstd")]
    pub(super) fn check(&mut self) -> io::Result<()> {
        if self.bytes.len() > self.max_len {
            return Err(self.refuse());
        }
        Ok(())
    }

    /// Whether more was written than may be.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Makes room for what comes, and as much again for what is to come: never beyond the limit.
    fn reserve(&mut self, additional: usize) {
        let needed = self.bytes.len() + additional;
        if needed > self.bytes.capacity() {
            let target = needed.saturating_mul(2).min(self.max_len);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
    }
}

impl io::Write for Inflated<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.is_over || piece.len() > self.room() {
            return Err(self.refuse());
        }
        self.reserve(piece.len());
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Inflated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflated")
            .field("len", &self.bytes.len())
            .field("max_len", &self.max_len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_first_byte_past_the_limit_is_refused_and_all_behind_it() {
        let mut inflated = Inflated::new(10);
        inflated.write_all(&[1; 6]).unwrap();
        inflated.write_all(&[2; 4]).unwrap();
        assert_eq!(inflated.room(), 0);
        inflated.write_all(&[]).unwrap();
        assert!(!inflated.is_over());
        inflated.write_all(&[3]).unwrap_err();
        assert!(inflated.is_over());
        inflated.write_all(&[]).unwrap_or_default();
        assert_eq!(inflated.bytes.len(), 10);
    }

    #[test]
    fn room_is_made_for_what_comes_and_never_beyond_the_limit() {
        let mut inflated = Inflated::new(1000);
        // (bytes written, room there is then)
        for (len, want) in [(100, 200), (100, 200), (1, 402), (500, 1000), (299, 1000)] {
            inflated.write_all(&vec![0; len]).unwrap();
            assert_eq!(inflated.bytes.capacity(), want, "after {len} bytes");
        }
    }
}
