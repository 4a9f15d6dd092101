//! DEFLATE in its two envelopes.

use std::io;

use bytes::{BufMut, BytesMut};
use flate2::bufread::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{Coding, Inflated, inflate_from, trailing};

/// `gzip`: DEFLATE with gzip's header and CRC (RFC 1952). What every gRPC has.
///
/// # Example
/// ```
/// use hikyaku::compression::{Codings, Gzip};
///
/// let codings = Codings::default().with(Gzip::with_level(1)); // fast rather than small
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Gzip(Level);

impl Gzip {
    /// From 0, which only copies, to 9, the slowest. 6 by default; more means 9.
    #[must_use]
    pub fn with_level(level: u32) -> Self {
        Self(Level::new(level))
    }
}

impl Coding for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        let mut encoder = GzEncoder::new(out.writer(), self.0.0);
        io::Write::write_all(&mut encoder, message)?;
        encoder.finish().map(|_| ())
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        let mut decoder = GzDecoder::new(compressed);
        inflate_from(&mut decoder, out)?;
        is_end(decoder.into_inner())
    }
}

/// `deflate`: DEFLATE with zlib's header and checksum (RFC 1950), as in HTTP.
///
/// # Example
/// ```
/// use hikyaku::compression::{Codings, Deflate};
///
/// let codings = Codings::none().with(Deflate::default());
/// assert!(codings.names().eq(["deflate"]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Deflate(Level);

impl Deflate {
    /// As [`Gzip::with_level`].
    #[must_use]
    pub fn with_level(level: u32) -> Self {
        Self(Level::new(level))
    }
}

impl Coding for Deflate {
    fn name(&self) -> &'static str {
        "deflate"
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        let mut encoder = ZlibEncoder::new(out.writer(), self.0.0);
        io::Write::write_all(&mut encoder, message)?;
        encoder.finish().map(|_| ())
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        let mut decoder = ZlibDecoder::new(compressed);
        inflate_from(&mut decoder, out)?;
        is_end(decoder.into_inner())
    }
}

/// How hard DEFLATE tries.
#[derive(Clone, Copy, Debug)]
struct Level(flate2::Compression);

impl Level {
    fn new(level: u32) -> Self {
        Self(flate2::Compression::new(level.min(9)))
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::new(6)
    }
}

/// One message is one gzip member: another one behind it would be looked at for nothing.
fn is_end(rest: &[u8]) -> io::Result<()> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(trailing())
    }
}
