//! How a message becomes bytes and back.
//!
//! Generated code names the codec of a service; [`Protobuf`] is the one it uses unless told
//! otherwise. Another message library comes in by implementing [`Codec`] for its types.
//!
//! A codec speaks one format and perhaps JSON beside it. A client says in `content-type` which of
//! the two a call is in ([`ChannelBuilder::format`](crate::client::ChannelBuilder::format)), and the
//! server answers in the same.

use std::fmt;

use buffa::{DecodeOptions, EncodeSink, SizeCache};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Turns messages of type `T` into bytes and back.
///
/// # Example
/// ```
/// use bytes::{Bytes, BytesMut};
/// use hikyaku::codec::{Codec, CodecError};
///
/// struct Raw;
/// impl Codec<Bytes> for Raw {
///     fn encode(message: &Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
///         out.extend_from_slice(message);
///         Ok(())
///     }
///     fn decode(bytes: Bytes) -> Result<Bytes, CodecError> {
///         Ok(bytes)
///     }
/// }
/// ```
pub trait Codec<T>: Send + Sync + 'static {
    /// Appends the encoded message to `out`.
    ///
    /// # Errors
    /// The message cannot be encoded; what was appended is thrown away by the caller.
    fn encode(message: &T, out: &mut BytesMut) -> Result<(), CodecError>;

    /// As [`Codec::encode`], of a message that need not lie in one piece: long fields that can be shared
    /// are put into `spliced`, in the order they come in, instead of being copied.
    ///
    /// # Errors
    /// As [`Codec::encode`].
    fn encode_spliced(
        message: &T,
        out: &mut BytesMut,
        spliced: &mut Vec<Splice>,
    ) -> Result<(), CodecError> {
        let _ = spliced;
        Self::encode(message, out)
    }

    /// Reads a whole message.
    ///
    /// # Errors
    /// The bytes are not a message of this type.
    fn decode(bytes: Bytes) -> Result<T, CodecError>;

    /// Reads the message in the first `len` bytes of `chunk`, which holds at least as many, into
    /// `place`: one of a stream, of which several came at once. A codec may do without what a small
    /// message need not pay, a reference to the chunk and a move of what was read.
    ///
    /// # Errors
    /// As [`Codec::decode`]; what is in `place` is thrown away by the caller.
    fn decode_into(place: &mut Option<T>, chunk: &Bytes, len: usize) -> Result<(), CodecError> {
        *place = Some(Self::decode(chunk.slice(..len))?);
        Ok(())
    }

    /// The same in JSON. A codec without it serves no calls in [`Format::Json`].
    const JSON: Option<Json<T>> = None;
}

/// A part of an encoded message that is not among the rest of its bytes.
///
/// # Example
/// ```
/// use bytes::{Bytes, BytesMut};
/// use hikyaku::codec::{Codec, CodecError, Splice};
///
/// struct Blob; // one byte that says what it is, and all the others
/// impl Codec<Bytes> for Blob {
///     fn encode(blob: &Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
///         out.extend_from_slice(b"b");
///         out.extend_from_slice(blob);
///         Ok(())
///     }
///     fn encode_spliced(
///         blob: &Bytes,
///         out: &mut BytesMut,
///         spliced: &mut Vec<Splice>,
///     ) -> Result<(), CodecError> {
///         out.extend_from_slice(b"b");
///         let at = out.len();
///         spliced.push(Splice { at, bytes: blob.clone() });
///         Ok(())
///     }
///     fn decode(bytes: Bytes) -> Result<Bytes, CodecError> {
///         Ok(bytes.slice(1..))
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// How long the buffer was that the message is appended to when this came: it goes in there.
    pub at: usize,
    /// The part.
    pub bytes: Bytes,
}

/// What the messages of a call are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The codec's own: `application/grpc`, or `application/grpc+proto`.
    #[default]
    Protobuf,
    /// JSON: `application/grpc+json`.
    Json,
}

/// How a codec writes and reads messages as JSON: as its `encode` and `decode` do otherwise.
///
/// # Example
/// ```
/// use bytes::{Bytes, BytesMut};
/// use hikyaku::codec::{Codec, CodecError, Json};
///
/// struct Numbers; // eight bytes, or digits
/// impl Codec<u64> for Numbers {
///     fn encode(number: &u64, out: &mut BytesMut) -> Result<(), CodecError> {
///         out.extend_from_slice(&number.to_be_bytes());
///         Ok(())
///     }
///     fn decode(bytes: Bytes) -> Result<u64, CodecError> {
///         let bytes = bytes.as_ref().try_into();
///         bytes.map(u64::from_be_bytes).map_err(|_| CodecError::new("no eight bytes"))
///     }
///     const JSON: Option<Json<u64>> = Some(Json {
///         encode: |number, out| {
///             out.extend_from_slice(number.to_string().as_bytes());
///             Ok(())
///         },
///         decode: |bytes| {
///             let text = str::from_utf8(&bytes).map_err(|error| CodecError::new(error.to_string()))?;
///             text.parse().map_err(|_| CodecError::new("no number"))
///         },
///     });
/// }
/// ```
pub struct Json<T> {
    /// Appends the message to the buffer.
    pub encode: fn(&T, &mut BytesMut) -> Result<(), CodecError>,
    /// Reads a whole message.
    pub decode: fn(Bytes) -> Result<T, CodecError>,
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Json<T> {}

impl<T> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").finish_non_exhaustive()
    }
}

/// Why a message could not be encoded or decoded. The call fails with INTERNAL.
///
/// # Example
/// ```
/// let error = hikyaku::codec::CodecError::new("field 3 is cut short");
/// assert_eq!(error.to_string(), "field 3 is cut short");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    what: String,
}

impl CodecError {
    /// An error with this description.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CodecError {}

/// Protocol Buffers' binary format, by buffa.
///
/// # Example
/// ```
/// use bytes::BytesMut;
/// use hikyaku::codec::{Codec, Protobuf};
/// use hikyaku::reflection::v1::ServiceResponse;
///
/// let message = ServiceResponse { name: "UserManager".into(), ..Default::default() };
/// let mut bytes = BytesMut::new();
/// Protobuf::encode(&message, &mut bytes).unwrap();
/// let back: ServiceResponse = Protobuf::decode(bytes.freeze()).unwrap();
/// assert_eq!(back, message);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Protobuf;

impl<T: buffa::Message> Codec<T> for Protobuf {
    fn encode(message: &T, out: &mut BytesMut) -> Result<(), CodecError> {
        message.try_encode(out).map_err(broken)
    }

    #[inline]
    fn encode_spliced(
        message: &T,
        out: &mut BytesMut,
        spliced: &mut Vec<Splice>,
    ) -> Result<(), CodecError> {
        let mut sizes = SizeCache::new();
        if message.compute_size(&mut sizes) as usize >= MIN_SPLICED_LEN {
            return splice(message, out, spliced);
        }
        message.write_to(&mut sizes, out);
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<T, CodecError> {
        let (chunk, rest) = (&bytes, &*bytes);
        T::decode(&mut Front { rest, chunk }).map_err(broken)
    }

    #[inline]
    fn decode_into(place: &mut Option<T>, chunk: &Bytes, len: usize) -> Result<(), CodecError> {
        let rest = chunk.get(..len).unwrap_or(chunk);
        let message = place.insert(T::default());
        DecodeOptions::new()
            .merge(message, &mut Front { rest, chunk })
            .map_err(broken)
    }
}

#[inline(never)]
fn splice(
    message: &impl buffa::Message,
    out: &mut BytesMut,
    spliced: &mut Vec<Splice>,
) -> Result<(), CodecError> {
    message
        .try_encode(&mut Splicing { out, spliced })
        .map_err(broken)
}

/// Where a message is written that may have fields to share.
struct Splicing<'a> {
    out: &'a mut BytesMut,
    spliced: &'a mut Vec<Splice>,
}

impl EncodeSink for Splicing<'_> {
    const IS_SEGMENTED: bool = true;

    #[inline]
    fn put_u8(&mut self, value: u8) {
        BufMut::put_u8(self.out, value);
    }

    #[inline]
    fn put_slice(&mut self, part: &[u8]) {
        self.out.extend_from_slice(part);
    }

    #[inline]
    fn put_u32_le(&mut self, value: u32) {
        BufMut::put_u32_le(self.out, value);
    }

    #[inline]
    fn put_u64_le(&mut self, value: u64) {
        BufMut::put_u64_le(self.out, value);
    }

    fn put_shared(&mut self, bytes: Bytes) {
        if bytes.len() < MIN_SPLICED_LEN {
            return self.put_slice(&bytes);
        }
        let at = self.out.len();
        self.spliced.push(Splice { at, bytes });
    }
}

/// Fields of type [`Bytes`] from this length on are shared with what is sent: to copy fewer costs about as
/// much as to send them by themselves. Bytes.
const MIN_SPLICED_LEN: usize = 32 * 1024;

/// The bytes of a message at the front of a chunk: read as a slice, and shared where it is worth it.
struct Front<'a> {
    rest: &'a [u8],
    chunk: &'a Bytes,
}

impl Buf for Front<'_> {
    #[inline]
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.rest
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
    }

    #[inline]
    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let (front, rest) = self.rest.split_at(len);
        self.rest = rest;
        if len > MAX_COPIED_LEN {
            return share(self.chunk, front);
        }
        Bytes::copy_from_slice(front)
    }
}

/// Not inline, so that the way of short fields stays short.
#[cold]
fn share(chunk: &Bytes, part: &[u8]) -> Bytes {
    chunk.slice_ref(part)
}

/// Fields of type [`Bytes`] up to this length are copied out of what they came in: to share so few costs
/// more, and would keep all the memory alive that was read into. Bytes.
const MAX_COPIED_LEN: usize = 1024;

/// What buffa or serde has to say.
pub(crate) fn broken(error: impl fmt::Display) -> CodecError {
    CodecError::new(error.to_string())
}

/// Protocol Buffers' binary format and their JSON, both by buffa: for messages that were generated
/// with `json(true)`.
///
/// Messages with a `google.protobuf.Any` in them need to know the types it may hold: register them
/// in `buffa::type_registry` when the program starts.
///
/// # Example
/// ```no_run
/// use hikyaku::codec::Format;
/// # fn make() -> Result<(), hikyaku::Status> {
/// // A client whose code was generated with `json(true)`, and whose calls can be read on the wire:
/// let channel = hikyaku::Channel::builder("http://localhost:1234").format(Format::Json).lazy()?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "json")]
#[derive(Clone, Copy, Debug)]
pub struct ProtobufJson;

#[cfg(feature = "json")]
impl<T> Codec<T> for ProtobufJson
where
    T: buffa::Message + serde::Serialize + serde::de::DeserializeOwned,
{
    fn encode(message: &T, out: &mut BytesMut) -> Result<(), CodecError> {
        Protobuf::encode(message, out)
    }

    #[inline]
    fn encode_spliced(
        message: &T,
        out: &mut BytesMut,
        spliced: &mut Vec<Splice>,
    ) -> Result<(), CodecError> {
        Protobuf::encode_spliced(message, out, spliced)
    }

    fn decode(bytes: Bytes) -> Result<T, CodecError> {
        Protobuf::decode(bytes)
    }

    fn decode_into(place: &mut Option<T>, chunk: &Bytes, len: usize) -> Result<(), CodecError> {
        Protobuf::decode_into(place, chunk, len)
    }

    const JSON: Option<Json<T>> = Some(Json {
        encode: write_json,
        decode: |bytes| read_json(&bytes),
    });
}

#[cfg(feature = "json")]
pub(crate) fn write_json(
    message: &impl serde::Serialize,
    out: &mut BytesMut,
) -> Result<(), CodecError> {
    serde_json::to_writer(out.writer(), message).map_err(broken)
}

#[cfg(feature = "json")]
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(bytes).map_err(broken)
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "json")]
    use std::fmt::Debug;

    use buffa_types::google::protobuf::Any;
    #[cfg(feature = "json")]
    use buffa_types::google::protobuf::{Duration, Empty, StringValue};

    use super::*;

    #[test]
    fn a_long_field_is_shared_with_what_it_came_in_and_a_short_one_is_copied() {
        for (len, is_shared) in [
            (0, false),
            (MAX_COPIED_LEN, false),
            (MAX_COPIED_LEN + 1, true),
        ] {
            let message = Any {
                value: vec![7; len].into(),
                ..Default::default()
            };
            let mut chunk = BytesMut::new();
            Protobuf::encode(&message, &mut chunk).unwrap();
            let encoded_len = chunk.len();
            chunk.extend_from_slice(b"and more");
            let chunk = chunk.freeze();
            let mut place: Option<Any> = None;
            Protobuf::decode_into(&mut place, &chunk, encoded_len).unwrap();
            let found = place.unwrap();
            assert_eq!(found, message, "{len} bytes");
            let decoded: Any = Protobuf::decode(chunk.slice(..encoded_len)).unwrap();
            assert_eq!(decoded, message, "{len} bytes");
            for value in [&found.value, &decoded.value] {
                let is_in = chunk.as_ptr_range().contains(&value.as_ptr());
                assert_eq!(is_in, is_shared, "{len} bytes");
            }
        }
    }

    #[test]
    fn a_long_field_is_spliced_in_and_a_message_is_the_same_either_way() {
        for (len, is_spliced) in [
            (0, false),
            (MIN_SPLICED_LEN - 1, false),
            (MIN_SPLICED_LEN, true),
            (1 << 20, true),
        ] {
            let message = Any {
                type_url: "any/name".to_owned(),
                value: vec![7; len].into(),
                ..Default::default()
            };
            let mut plain = BytesMut::from("before");
            Protobuf::encode(&message, &mut plain).unwrap();
            let (mut out, mut spliced) = (BytesMut::from("before"), Vec::new());
            Protobuf::encode_spliced(&message, &mut out, &mut spliced).unwrap();
            assert_eq!(!spliced.is_empty(), is_spliced, "{len} bytes");
            for Splice { at, bytes } in spliced {
                assert_eq!(bytes.as_ptr(), message.value.as_ptr(), "{len} bytes");
                let rest = out.split_off(at);
                out.extend_from_slice(&bytes);
                out.unsplit(rest);
            }
            assert_eq!(out, plain, "{len} bytes");
        }
    }

    #[cfg(feature = "json")]
    fn check<T>(message: &T, binary: &[u8], json: &str)
    where
        T: buffa::Message + serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
    {
        let mut bytes = BytesMut::new();
        ProtobufJson::encode(message, &mut bytes).unwrap();
        assert_eq!(bytes, binary, "{json}");
        assert_eq!(
            &<ProtobufJson as Codec<T>>::decode(bytes.freeze()).unwrap(),
            message
        );
        let codec = <ProtobufJson as Codec<T>>::JSON.unwrap();
        let mut text = BytesMut::from("before");
        (codec.encode)(message, &mut text).unwrap();
        assert_eq!(text, format!("before{json}"));
        assert_eq!(
            &(codec.decode)(text.split_off(6).freeze()).unwrap(),
            message
        );
        assert!((codec.decode)(Bytes::from_static(b"{\"x\":")).is_err());
    }

    #[cfg(feature = "json")]
    #[test]
    fn messages_are_the_same_in_both_formats() {
        let duration = Duration {
            seconds: 1,
            nanos: 500_000_000,
            ..Default::default()
        };
        check(&duration, b"\x08\x01\x10\x80\xca\xb5\xee\x01", "\"1.500s\"");
        check(&Empty::default(), b"", "{}");
        let text = StringValue {
            value: "\u{98db}\"".to_owned(),
            ..Default::default()
        };
        check(&text, b"\x0a\x04\xe9\xa3\x9b\"", "\"\u{98db}\\\"\"");
    }
}
