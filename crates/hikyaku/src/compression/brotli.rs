//! Brotli.

use std::io;

use brotli::enc::BrotliEncoderParams;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, HeapAlloc};
use bytes::{BufMut, BytesMut};

use super::{Coding, Inflated, PIECE_LEN, trailing};

/// `br`: Brotli (RFC 7932), which knows the words of the web.
///
/// # Example
/// ```
/// use hikyaku::compression::{Brotli, Codings};
///
/// let codings = Codings::default().with(Brotli::with_quality(9));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Brotli {
    quality: u8,
}

impl Brotli {
    /// From 0, the fastest, to 11, which is very slow; more means 11. 4 by default.
    #[must_use]
    pub fn with_quality(quality: u8) -> Self {
        Self {
            quality: quality.min(11),
        }
    }
}

impl Default for Brotli {
    fn default() -> Self {
        Self::with_quality(4)
    }
}

impl Coding for Brotli {
    fn name(&self) -> &'static str {
        "br"
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        let params = BrotliEncoderParams {
            quality: i32::from(self.quality),
            lgwin: window_log(message.len()),
            size_hint: message.len(),
            ..BrotliEncoderParams::default()
        };
        let mut message = message;
        brotli::BrotliCompress(&mut message, &mut out.writer(), &params).map(|_| ())
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        // Strict: a "large window" would let the sender ask for a gigabyte. So it is 16 MiB at most,
        // of which only as much is touched as comes out.
        let mut state = BrotliState::new_strict(
            HeapAlloc::<u8>::default(),
            HeapAlloc::<u32>::default(),
            HeapAlloc::default(),
        );
        let mut piece = [0; PIECE_LEN];
        let (mut left_len, mut position, mut total_len) = (compressed.len(), 0, 0);
        loop {
            let (mut room, mut filled) = (piece.len(), 0);
            let result = BrotliDecompressStream(
                &mut left_len,
                &mut position,
                compressed,
                &mut room,
                &mut filled,
                &mut piece,
                &mut total_len,
                &mut state,
            );
            io::Write::write_all(out, piece.get(..filled).unwrap_or_default())?;
            return match result {
                BrotliResult::NeedsMoreOutput => continue,
                BrotliResult::NeedsMoreInput => Err(io::ErrorKind::UnexpectedEof.into()),
                BrotliResult::ResultSuccess if left_len > 0 => Err(trailing()),
                BrotliResult::ResultSuccess => Ok(()),
                BrotliResult::ResultFailure => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "this is not Brotli",
                )),
            };
        }
    }
}

/// A window that holds the whole message, as a power of two, from 1 KiB to 4 MiB.
fn window_log(len: usize) -> i32 {
    (10..22).find(|&log| len < 1 << log).unwrap_or(22)
}
