//! Who is at fault, how far it reaches, and the code on the wire.

use std::fmt;

use crate::StreamId;
pub use crate::violation::{Malformed, Violation};

/// One of the two ends of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// This end.
    Local,
    /// The peer.
    Remote,
}

/// An HTTP/2 error code (RFC 9113 §7). Unknown numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(u32);

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The name in RFC 9113 §7, or `None` for a number it does not list.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

error_codes! {
    /// Not an error.
    NO_ERROR = 0x0,
    /// A rule of the protocol was broken.
    PROTOCOL_ERROR = 0x1,
    /// An unexpected fault inside an end.
    INTERNAL_ERROR = 0x2,
    /// A flow-control window was overrun.
    FLOW_CONTROL_ERROR = 0x3,
    /// SETTINGS were not acknowledged in time.
    SETTINGS_TIMEOUT = 0x4,
    /// A frame came for a stream that is closed.
    STREAM_CLOSED = 0x5,
    /// A frame had an illegal length.
    FRAME_SIZE_ERROR = 0x6,
    /// The stream was refused before any work was done on it; safe to retry.
    REFUSED_STREAM = 0x7,
    /// The stream is no longer needed.
    CANCEL = 0x8,
    /// The header table could not be kept in step.
    COMPRESSION_ERROR = 0x9,
    /// The TCP connection behind a CONNECT failed.
    CONNECT_ERROR = 0xa,
    /// The peer asks for too much.
    ENHANCE_YOUR_CALM = 0xb,
    /// The transport is not safe enough.
    INADEQUATE_SECURITY = 0xc,
    /// HTTP/1.1 is wanted instead.
    HTTP_1_1_REQUIRED = 0xd,
}

impl ErrorCode {
    /// The code with this number, known or not.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {:#x}", self.0),
        }
    }
}

/// The connection cannot go on: every stream ends, a GOAWAY with [`ConnectionError::code`] is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionError {
    /// The code for the GOAWAY frame.
    pub code: ErrorCode,
    /// The rule that was broken.
    pub what: Violation,
}

/// One stream cannot go on; the connection can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The stream to reset.
    pub id: StreamId,
    /// The code for the RST_STREAM frame.
    pub code: ErrorCode,
    /// The rule that was broken.
    pub what: Violation,
}

/// A command that cannot be carried out. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// No stream of this id is open for sending: it never was, has ended, or was reset.
    NotOpen(StreamId),
    /// A stream cannot be opened now; see [`Connection::can_open_stream`](crate::Connection::can_open_stream).
    NoStreamRoom,
    /// Streams are opened by clients.
    NotAClient,
    /// The body or the trailers of a response cannot go before its headers.
    HeadersNotSent(StreamId),
    /// The response's headers have been sent already.
    HeadersSent(StreamId),
}

/// What a broken rule ends: the connection or one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection.
    Connection(ConnectionError),
    /// One stream of it.
    Stream(StreamError),
}

impl ConnectionError {
    /// The error for a broken rule, with that rule's code.
    #[must_use]
    pub fn new(what: Violation) -> Self {
        Self {
            code: what.code(),
            what,
        }
    }
}

impl StreamError {
    /// The error for a rule broken on stream `id`, with that rule's code.
    #[must_use]
    pub fn new(id: StreamId, what: Violation) -> Self {
        Self {
            id,
            code: what.code(),
            what,
        }
    }
}

impl From<ConnectionError> for Fault {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

impl From<StreamError> for Fault {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

/// A broken rule ends the connection unless the place that found it says otherwise.
impl From<Violation> for Fault {
    fn from(what: Violation) -> Self {
        Self::Connection(ConnectionError::new(what))
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.what)
    }
}

impl std::error::Error for ConnectionError {}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}: {}: {}", self.id, self.code, self.what)
    }
}

impl std::error::Error for StreamError {}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen(id) => write!(f, "stream {id} is not open for sending"),
            Self::NoStreamRoom => f.write_str("no stream can be opened now"),
            Self::NotAClient => f.write_str("only a client opens streams"),
            Self::HeadersNotSent(id) => write!(f, "stream {id} has no response headers yet"),
            Self::HeadersSent(id) => write!(f, "stream {id} has its response headers already"),
        }
    }
}

impl std::error::Error for UserError {}
