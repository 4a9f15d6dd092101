//! Targets of `hikyaku-http2`. Used by the fuzzer and, file by file, by the replay of the corpus.

mod connection_ops;
mod frame_reader;
mod hpack;
mod peer_bytes;
mod watch;

pub use connection_ops::connection_ops;
pub use frame_reader::frame_reader;
pub use hpack::{hpack_decode, hpack_roundtrip, huffman};
pub use peer_bytes::{client_bytes, server_bytes};

/// The bytes that decide what a target does, from the front.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl<'a> Choices<'a> {
    /// The next byte, or `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The next byte, or 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    /// The next two bytes as a number.
    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next `len` bytes, or what is left.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// Some bytes, their count in front of them.
    pub(crate) fn piece(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.take(usize::from(len))
    }
}
