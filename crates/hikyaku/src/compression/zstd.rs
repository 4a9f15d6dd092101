//! Zstandard.

use std::io;

use bytes::{BufMut, BytesMut};
use zstd::stream::{read, write};

use super::{Coding, Inflated, inflate_from, trailing};

/// `zstd`: Zstandard (RFC 8878), small and fast. Builds the C library.
///
/// # Example
/// ```
/// use hikyaku::compression::{Codings, Zstd};
///
/// let codings = Codings::default().with(Zstd::with_level(1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Zstd {
    level: i32,
}

impl Zstd {
    /// From 1, the fastest, to 19, the smallest; what is outside means the nearer end. 3 by default.
    #[must_use]
    pub fn with_level(level: u32) -> Self {
        let level = i32::try_from(level).unwrap_or(MAX_LEVEL);
        Self {
            level: level.clamp(1, MAX_LEVEL),
        }
    }
}

impl Default for Zstd {
    fn default() -> Self {
        Self::with_level(3)
    }
}

impl Coding for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        let mut encoder = write::Encoder::new(out.writer(), self.level)?;
        // The receiver then knows what is coming, and keeps a window that is no longer.
        encoder.set_pledged_src_size(u64::try_from(message.len()).ok())?;
        io::Write::write_all(&mut encoder, message)?;
        encoder.finish().map(|_| ())
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        let mut decoder = read::Decoder::with_buffer(compressed)?.single_frame();
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        inflate_from(&mut decoder, out)?;
        if decoder.finish().is_empty() {
            Ok(())
        } else {
            Err(trailing())
        }
    }
}

/// The highest level whose window every receiver has to take.
const MAX_LEVEL: i32 = 19;

/// The longest window a sender may ask of us, as a power of two: 8 MiB, what every receiver should
/// have (RFC 8878 §3.1.1.1.2, RFC 9659). The library would give 128 MiB to whoever asks.
const MAX_WINDOW_LOG: u32 = 23;
