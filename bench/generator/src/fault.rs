//! Why a call did not succeed, or a connection ended, in words.

use std::fmt;

/// What was wrong with one call, or with all calls of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The trailers say that the call failed.
    Status { code: String, message: String },
    /// The head of the reply is no gRPC.
    Head {
        status: String,
        content_type: String,
    },
    /// The reply had no head.
    NoHead,
    /// What came at this position of the reply, in bytes, is not what was expected.
    WrongReply { at: u64 },
    /// The reply ended too early.
    ShortReply { received: u64, expected: u64 },
    /// The stream ended without trailers.
    NoTrailers,
    /// The server reset the stream.
    Reset { code: u32 },
    /// The server closed the connection.
    Closed,
    /// The server sent GOAWAY.
    GoneAway { code: u32, text: String },
    /// The server broke HTTP/2 or uses a part of it that no gRPC server needs.
    Protocol(String),
    /// The socket failed.
    Socket(String),
    /// The connection has used all its stream numbers.
    NumbersUsed,
    /// Nothing came for so many seconds.
    Silent { seconds: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code, message } => write!(f, "grpc-status {code}: {message}"),
            Self::Head {
                status,
                content_type,
            } => write!(
                f,
                "the reply has status {status:?} and content type {content_type:?}, which is no gRPC"
            ),
            Self::NoHead => write!(f, "the reply began without headers"),
            Self::WrongReply { at } => {
                write!(f, "the reply is not the expected one from byte {at} on")
            }
            Self::ShortReply { received, expected } => {
                write!(f, "the reply ended after {received} of {expected} bytes")
            }
            Self::NoTrailers => write!(f, "the reply ended without trailers"),
            Self::Reset { code } => write!(f, "the server reset the stream with code {code}"),
            Self::Closed => write!(f, "the server closed the connection"),
            Self::GoneAway { code, text } => {
                write!(f, "the server sent GOAWAY with code {code} and {text:?}")
            }
            Self::Protocol(what) => write!(f, "{what}"),
            Self::Socket(what) => write!(f, "the socket failed: {what}"),
            Self::NumbersUsed => write!(f, "the connection has no more stream numbers"),
            Self::Silent { seconds } => write!(f, "nothing came for {seconds} seconds"),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Socket(error.to_string())
    }
}
