//! Snappy.

use std::io;

use bytes::{BufMut, BytesMut};
use snap::read::FrameDecoder;
use snap::write::FrameEncoder;

use super::{Coding, Inflated, inflate_from};

/// `snappy`: Snappy in its framing format, which is quick and has checksums. A message that is cut
/// off between two frames cannot be told from a whole one: the format has no end.
///
/// # Example
/// ```
/// use hikyaku::compression::{Codings, Snappy};
///
/// let codings = Codings::none().with(Snappy::default());
/// assert!(codings.names().eq(["snappy"]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Snappy;

impl Coding for Snappy {
    fn name(&self) -> &'static str {
        "snappy"
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        let mut encoder = FrameEncoder::new(out.writer());
        io::Write::write_all(&mut encoder, message)?;
        encoder
            .into_inner()
            .map(|_| ())
            .map_err(|error| error.into_error())
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        inflate_from(FrameDecoder::new(compressed), out)
    }
}
