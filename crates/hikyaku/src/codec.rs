//! How a message becomes bytes and back.
//!
//! Generated code names the codec of a service; [`Protobuf`] is the one it uses unless told
//! otherwise. Another message library comes in by implementing [`Codec`] for its types.

use std::fmt;

use bytes::{Bytes, BytesMut};

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

    /// Reads a whole message.
    ///
    /// # Errors
    /// The bytes are not a message of this type.
    fn decode(bytes: Bytes) -> Result<T, CodecError>;
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
        message
            .try_encode(out)
            .map_err(|error| CodecError::new(error.to_string()))
    }

    fn decode(mut bytes: Bytes) -> Result<T, CodecError> {
        T::decode(&mut bytes).map_err(|error| CodecError::new(error.to_string()))
    }
}
