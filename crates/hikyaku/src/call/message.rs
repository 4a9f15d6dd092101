//! A message of the application with its envelope, in one pass.

use std::error::Error;

use bytes::{Buf, Bytes, BytesMut};

use super::envelope::{self, Deframer, PREFIX_LEN};
use crate::Status;
use crate::codec::{Codec, CodecError};

/// Appends a message with its envelope. The length is filled in afterwards, so that the message is
/// encoded straight into its place. On an error `out` is as it was.
///
/// # Errors
/// INTERNAL if the codec cannot encode the message.
pub(crate) fn frame<C: Codec<T>, T>(message: &T, out: &mut BytesMut) -> Result<(), Status> {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_LEN]);
    let framed = C::encode(message, out)
        .map_err(Box::<dyn Error + Send + Sync>::from)
        .and_then(|()| {
            let len = out.len() - start - PREFIX_LEN;
            let mut prefix = out.get_mut(start..).unwrap_or_default();
            Ok(envelope::write_prefix(&mut prefix, false, len)?)
        });
    framed.map_err(|error| {
        out.truncate(start);
        Status::internal(format!("cannot encode the message: {error}")).with_source(error)
    })
}

/// Decodes the bytes of one message.
///
/// # Errors
/// INTERNAL if they are no such message. Spec: statuscodes.md, parsing of a protobuf.
pub(crate) fn decode<T>(
    bytes: Bytes,
    codec: fn(Bytes) -> Result<T, CodecError>,
) -> Result<T, Status> {
    codec(bytes).map_err(|error| {
        Status::internal(format!("cannot decode the message: {error}")).with_source(error)
    })
}

/// The next message of a body, uncompressed.
///
/// # Errors
/// RESOURCE_EXHAUSTED for one over `max_len` bytes; INTERNAL for a broken envelope, and for a
/// compressed message where no coding was announced.
pub(crate) fn next(deframer: &mut Deframer, max_len: usize) -> Result<Option<Bytes>, Status> {
    match deframer.next(max_len)? {
        None => Ok(None),
        Some(message) if message.compressed => Err(Status::internal(
            "a message is flagged as compressed, but no grpc-encoding was sent",
        )),
        Some(message) => Ok(Some(message.bytes)),
    }
}

/// The one message of a body that must hold exactly one.
///
/// It nearly always comes in one chunk, and is that chunk then, less its prefix: only when it does
/// not is there a deframer.
#[derive(Debug, Default)]
pub(crate) struct Only {
    first: Option<Bytes>,
    deframer: Option<Box<Deframer>>,
}

impl Only {
    /// Takes the next chunk of the body.
    ///
    /// # Errors
    /// As [`next`], as soon as it can be known; UNIMPLEMENTED for a second message
    /// (statuscodes.md, cardinality).
    pub(crate) fn push(&mut self, mut chunk: Bytes, max_len: usize) -> Result<(), Status> {
        if chunk.is_empty() {
            return Ok(());
        }
        if self.first.is_none() && self.deframer.is_none() && envelope::is_one(&chunk, max_len) {
            chunk.advance(PREFIX_LEN);
            self.first = Some(chunk);
            return Ok(());
        }
        self.push_split(chunk, max_len)
    }

    #[cold]
    fn push_split(&mut self, chunk: Bytes, max_len: usize) -> Result<(), Status> {
        let deframer = self.deframer.get_or_insert_default();
        deframer.push(chunk);
        if self.first.is_none() {
            self.first = next(deframer, max_len)?;
        }
        if self.first.is_some() && next(deframer, max_len)?.is_some() {
            return Err(Status::unimplemented("one message was expected, more came"));
        }
        Ok(())
    }

    /// Bytes the message will have, prefix included, while it is incomplete; 0 before and after, and
    /// for one that is not to be kept unread ([`Deframer::awaited_len`]).
    pub(crate) fn awaited_len(&self) -> usize {
        match (&self.first, &self.deframer) {
            (None, Some(deframer)) => deframer.awaited_len(),
            _ => 0,
        }
    }

    /// The message, once the body has ended.
    ///
    /// # Errors
    /// INTERNAL if the body ended inside a message, UNIMPLEMENTED if there was none.
    pub(crate) fn finish(self) -> Result<Bytes, Status> {
        if let Some(deframer) = self.deframer {
            deframer.finish()?;
        }
        self.first
            .ok_or_else(|| Status::unimplemented("one message was expected, none came"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn collect(chunks: &[&'static [u8]]) -> Result<Bytes, Status> {
        let mut only = Only::default();
        for chunk in chunks {
            only.push(Bytes::from_static(chunk), 4)?;
        }
        only.finish()
    }

    #[test]
    fn an_incomplete_message_tells_how_long_it_will_be() {
        // (a chunk, what is awaited behind it)
        let table: [(&[u8], usize); 5] = [
            (b"\0\0", 5),
            (b"\0\0\x04", 9),
            (b"abc", 9),
            (b"d", 0),
            (b"\0\0\0", 0),
        ];
        let mut only = Only::default();
        assert_eq!(only.awaited_len(), 0);
        for (chunk, want) in table {
            only.push(Bytes::from_static(chunk), 4).unwrap();
            assert_eq!(only.awaited_len(), want, "after {chunk:?}");
        }
        let mut only = Only::default();
        let long = Bytes::from_static(b"\0\xff\0\0\0abc");
        only.push(long, usize::MAX).unwrap();
        assert_eq!(only.awaited_len(), 0, "longer than any window");
    }

    #[test]
    fn exactly_one_message_is_taken() {
        type Row = (&'static [&'static [u8]], Result<&'static [u8], Code>);
        let table: [Row; 8] = [
            (&[b"\0\0\0\0\x02ab"], Ok(b"ab")),
            (&[b"\0\0\0\0\0"], Ok(b"")),
            (&[b"\0\0\0", b"\0\x02a", b"b"], Ok(b"ab")),
            (&[], Err(Code::Unimplemented)),
            (&[b"\0\0\0\0\x01a\0\0\0\0\x01b"], Err(Code::Unimplemented)),
            (&[b"\0\0\0\0\x02a"], Err(Code::Internal)),
            (&[b"\0\0\0\0\x05"], Err(Code::ResourceExhausted)),
            (&[b"\x01\0\0\0\x01a"], Err(Code::Internal)),
        ];
        for (chunks, want) in table {
            let got = collect(chunks);
            assert_eq!(got.as_deref().map_err(Status::code), want, "{chunks:?}");
        }
    }
}
