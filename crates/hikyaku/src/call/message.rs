//! A message of the application with its envelope, in one pass.

use std::error::Error;
use std::fmt;
use std::io;

use bytes::{Buf, Bytes, BytesMut};

use super::envelope::{self, BadEnvelope, Deframer, Message, PREFIX_LEN};
use crate::Status;
use crate::codec::{Codec, CodecError, Format, Splice};
use crate::compression::{Coding, Inflated};

/// Appends a message with its envelope.
pub(crate) type Frame<T> = fn(&T, &mut BytesMut) -> Result<(), Status>;

/// Reads the bytes of a message.
pub(crate) type Decode<T> = fn(Bytes) -> Result<T, CodecError>;

/// How messages are framed in this format.
pub(crate) fn framer<C: Codec<T>, T>(format: Format) -> Frame<T> {
    match format {
        Format::Protobuf => frame::<C, T>,
        Format::Json => frame_json::<C, T>,
    }
}

/// How messages are read in this format.
pub(crate) fn decoder<C: Codec<T>, T>(format: Format) -> Decode<T> {
    match (format, C::JSON) {
        (Format::Protobuf, _) => C::decode,
        (Format::Json, Some(json)) => json.decode,
        (Format::Json, None) => |_| Err(no_json()),
    }
}

/// Appends a message with its envelope. The length is filled in afterwards, so that the message is
/// encoded straight into its place. On an error `out` is as it was.
///
/// # Errors
/// INTERNAL if the codec cannot encode the message, RESOURCE_EXHAUSTED if it is longer than the
/// envelope can say.
pub(crate) fn frame<C: Codec<T>, T>(message: &T, out: &mut BytesMut) -> Result<(), Status> {
    enclose(false, out, |out| C::encode(message, out))
}

/// As [`frame`], of a message that need not lie in one piece. One with long fields that can be shared
/// comes back in pieces, and `out` is as it was.
///
/// # Errors
/// As [`frame`].
#[inline]
pub(crate) fn frame_spliced<C: Codec<T>, T>(
    message: &T,
    out: &mut BytesMut,
) -> Result<Option<Vec<Bytes>>, Status> {
    let start = out.len();
    let mut spliced = Vec::new();
    enclose(false, out, |out| {
        C::encode_spliced(message, out, &mut spliced)
    })?;
    if spliced.is_empty() {
        return Ok(None);
    }
    assemble(out, start, spliced)
        .map(Some)
        .map_err(|error| unframed(error, start, out))
}

/// Takes apart what is in `out` from `start` on, a framed message, where parts go in.
#[inline(never)]
fn assemble(
    out: &mut BytesMut,
    start: usize,
    spliced: Vec<Splice>,
) -> Result<Vec<Bytes>, Box<dyn Error + Send + Sync>> {
    let spliced_len: usize = spliced.iter().map(|splice| splice.bytes.len()).sum();
    let len = out.len() - start - PREFIX_LEN + spliced_len;
    let mut prefix = out.get_mut(start..).unwrap_or_default();
    envelope::write_prefix(&mut prefix, false, len)?;
    let mut rest = out.split_off(start).freeze();
    let mut pieces = Vec::with_capacity(2 * spliced.len() + 1);
    let mut begin = start;
    for Splice { at, bytes } in spliced {
        let before_len = at.checked_sub(begin).filter(|&len| len <= rest.len());
        let before_len = before_len.ok_or_else(|| {
            let end = begin + rest.len();
            CodecError::new(format!("a part goes in at {at}, not in {begin}..={end}"))
        })?;
        pieces.extend([rest.split_to(before_len), bytes]);
        begin = at;
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    Ok(pieces)
}

#[cold]
fn frame_json<C: Codec<T>, T>(message: &T, out: &mut BytesMut) -> Result<(), Status> {
    enclose(false, out, |out| match C::JSON {
        Some(json) => (json.encode)(message, out),
        None => Err(no_json()),
    })
}

/// Appends a message with its envelope, compressed unless it is empty: there is nothing to gain then.
///
/// # Errors
/// INTERNAL if the message can be encoded or compressed by none.
pub(crate) fn frame_compressed(
    encode: impl FnOnce(&mut BytesMut) -> Result<(), Status>,
    coding: &dyn Coding,
    out: &mut BytesMut,
) -> Result<(), Status> {
    let mut plain = BytesMut::new();
    encode(&mut plain)?;
    compress_framed(&plain, coding, out)
}

/// Appends a message that has its envelope already, compressed.
pub(crate) fn compress_framed(
    framed: &[u8],
    coding: &dyn Coding,
    out: &mut BytesMut,
) -> Result<(), Status> {
    let message = framed.get(PREFIX_LEN..).unwrap_or_default();
    if message.is_empty() {
        out.extend_from_slice(framed);
        return Ok(());
    }
    enclose(true, out, |out| {
        coding
            .compress(message, out)
            .map_err(|error| BadCompression {
                what: "compress",
                coding: coding.name().to_owned(),
                error,
            })
    })
}

/// Appends what `encode` does, with an envelope. On an error `out` is as it was.
#[inline]
fn enclose<E: Error + Send + Sync + 'static>(
    compressed: bool,
    out: &mut BytesMut,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), Status> {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_LEN]);
    if let Err(error) = encode(out) {
        return Err(unframed(error.into(), start, out));
    }
    let len = out.len() - start - PREFIX_LEN;
    let mut prefix = out.get_mut(start..).unwrap_or_default();
    envelope::write_prefix(&mut prefix, compressed, len)
        .map_err(|bad| unframed(bad.into(), start, out))
}

/// What is wrong with a codec that has no JSON.
pub(crate) fn no_json() -> CodecError {
    CodecError::new("the method's codec has no JSON; generate the code with json(true)")
}

/// The status of a message that cannot be sent, and none of which stays. Spec: statuscodes.md.
#[cold]
fn unframed(error: Box<dyn Error + Send + Sync>, start: usize, out: &mut BytesMut) -> Status {
    out.truncate(start);
    match error.downcast_ref::<BadEnvelope>() {
        Some(&bad) => bad.into(),
        None => Status::internal(format!("cannot encode the message: {error}")).with_source(error),
    }
}

/// Decodes the bytes of one message.
///
/// # Errors
/// INTERNAL if they are no such message. Spec: statuscodes.md, parsing of a protobuf.
pub(crate) fn decode<T>(bytes: Bytes, codec: Decode<T>) -> Result<T, Status> {
    codec(bytes).map_err(undecoded)
}

/// The status of a message that cannot be read.
#[cold]
pub(crate) fn undecoded(error: CodecError) -> Status {
    Status::internal(format!("cannot decode the message: {error}")).with_source(error)
}

/// As [`decode`], in the codec's own format or in JSON.
pub(crate) fn decode_in<C: Codec<T>, T>(format: Format, bytes: Bytes) -> Result<T, Status> {
    match format {
        Format::Protobuf => decode(bytes, C::decode),
        Format::Json => decode(bytes, decoder::<C, T>(format)),
    }
}

/// The bytes of a message that came compressed. No bytes at all are an empty message: some encoders
/// make nothing of nothing.
///
/// # Errors
/// RESOURCE_EXHAUSTED once more than `max_len` bytes have come out, and no later; INTERNAL if the
/// coding cannot make sense of the message, or if no coding was announced.
pub(crate) fn inflate(
    compressed: &[u8],
    coding: Option<&dyn Coding>,
    max_len: usize,
) -> Result<Bytes, Status> {
    let coding = coding.ok_or_else(uncoded)?;
    if compressed.is_empty() {
        return Ok(Bytes::new());
    }
    let mut inflated = Inflated::new(max_len);
    let result = coding.decompress(compressed, &mut inflated);
    if inflated.is_over() {
        return Err(Status::resource_exhausted(format!(
            "message of {} bytes in {} is longer than {max_len} bytes",
            compressed.len(),
            coding.name(),
        )));
    }
    match result {
        Ok(()) => Ok(inflated.into_bytes().into()),
        Err(error) => {
            let coding = coding.name().to_owned();
            let what = "decompress";
            let bad = BadCompression {
                what,
                coding,
                error,
            };
            Err(Status::internal(format!("cannot decode the message: {bad}")).with_source(bad))
        }
    }
}

/// The status of a call with a compressed message where no coding was announced.
pub(crate) fn uncoded() -> Status {
    Status::internal("a message is flagged as compressed, but no grpc-encoding was sent")
}

/// A coding has failed.
#[derive(Debug)]
struct BadCompression {
    /// What it should have done.
    what: &'static str,
    coding: String,
    error: io::Error,
}

impl fmt::Display for BadCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot {} it: {}", self.coding, self.what, self.error)
    }
}

impl Error for BadCompression {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// The one message of a body that must hold exactly one.
///
/// It nearly always comes in one chunk, and is that chunk then, less its prefix: only when it does
/// not is there a deframer.
#[derive(Debug, Default)]
pub(crate) struct Only {
    first: Option<Bytes>,
    is_compressed: bool,
    deframer: Option<Box<Deframer>>,
}

impl Only {
    /// Takes the next chunk of the body.
    ///
    /// # Errors
    /// As soon as it can be known: RESOURCE_EXHAUSTED for a message over `max_len` bytes, INTERNAL for a
    /// broken envelope, UNIMPLEMENTED for a second message (statuscodes.md, cardinality).
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
        if self.first.is_none()
            && let Some(message) = deframer.next(max_len)?
        {
            self.is_compressed = message.compressed;
            self.first = Some(message.bytes);
        }
        if self.first.is_some() && deframer.next(max_len)?.is_some() {
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

    /// Whether the message is there, and compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// The message, once the body has ended.
    ///
    /// # Errors
    /// INTERNAL if the body ended inside a message, UNIMPLEMENTED if there was none.
    pub(crate) fn finish(self) -> Result<Message, Status> {
        if let Some(deframer) = self.deframer {
            deframer.finish()?;
        }
        let compressed = self.is_compressed;
        self.first
            .map(|bytes| Message { compressed, bytes })
            .ok_or_else(|| Status::unimplemented("one message was expected, none came"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn collect(chunks: &[&'static [u8]]) -> Result<Message, Status> {
        let mut only = Only::default();
        for chunk in chunks {
            only.push(Bytes::from_static(chunk), 4)?;
        }
        only.finish()
    }

    #[test]
    fn a_message_too_long_to_send_is_resource_exhausted_and_one_that_is_none_internal() {
        let (len, max) = (1 << 32, (1 << 32) - 1);
        let table: [(Box<dyn Error + Send + Sync>, &str); 2] = [
            (
                BadEnvelope::TooLong { len, max }.into(),
                "RESOURCE_EXHAUSTED: message of 4294967296 bytes, limit 4294967295",
            ),
            (
                CodecError::new("no text").into(),
                "INTERNAL: cannot encode the message: no text",
            ),
        ];
        for (error, want) in table {
            let mut out = BytesMut::from("before, and half");
            assert_eq!(unframed(error, 6, &mut out).to_string(), want);
            assert_eq!(out, "before");
        }
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
        type Row = (
            &'static [&'static [u8]],
            Result<(bool, &'static [u8]), Code>,
        );
        let table: [Row; 9] = [
            (&[b"\0\0\0\0\x02ab"], Ok((false, b"ab"))),
            (&[b"\0\0\0\0\0"], Ok((false, b""))),
            (&[b"\0\0\0", b"\0\x02a", b"b"], Ok((false, b"ab"))),
            (&[], Err(Code::Unimplemented)),
            (&[b"\0\0\0\0\x01a\0\0\0\0\x01b"], Err(Code::Unimplemented)),
            (&[b"\0\0\0\0\x02a"], Err(Code::Internal)),
            (&[b"\0\0\0\0\x05"], Err(Code::ResourceExhausted)),
            (&[b"\x02\0\0\0\x01a"], Err(Code::Internal)),
            (&[b"\x01\0\0\0\x01a"], Ok((true, b"a"))),
        ];
        for (chunks, want) in table {
            let got = collect(chunks);
            let got = got.as_ref().map(|got| (got.compressed, &*got.bytes));
            assert_eq!(got.map_err(Status::code), want, "{chunks:?}");
        }
    }
}
