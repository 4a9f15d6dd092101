//! Zstandard.

use std::io;

use bytes::{BufMut, BytesMut};
use zstd::stream::write;
use zstd::zstd_safe::{self, DCtx};

use super::{Coding, Inflated, trailing};

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
        // In one piece, straight to its place: so there is no window beside it, of whatever length
        // its sender says.
        if zstd_safe::find_frame_compressed_size(compressed).map_err(error)? < compressed.len() {
            return Err(trailing());
        }
        let declared_len = zstd_safe::get_frame_content_size(compressed)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?
            .map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        if declared_len.is_some_and(|len| len > out.room()) {
            return Err(out.refuse());
        }
        let mut context = DCtx::create();
        // Without a length there are some attempts, each with twice the room.
        let mut len = declared_len.unwrap_or(compressed.len().saturating_mul(4).max(MIN_LEN));
        while let Err(code) = context.decompress(out.buffer(len), compressed) {
            if code != TOO_SHORT || declared_len.is_some() {
                return Err(error(code));
            }
            if len >= out.room() {
                return Err(out.refuse());
            }
            len = len.saturating_mul(2);
        }
        out.check()
    }
}

fn error(code: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, zstd_safe::get_error_name(code))
}

/// What a message without a length is tried with at first. Bytes.
const MIN_LEN: usize = 1024;

/// The code of the error `dstSize_tooSmall`, as the library returns it: zstd_errors.h.
const TOO_SHORT: usize = 70_usize.wrapping_neg();

/// The highest level whose window every receiver has to take (RFC 8878 §3.1.1.1.2).
const MAX_LEVEL: i32 = 19;
