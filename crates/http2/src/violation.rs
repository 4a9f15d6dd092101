//! Every rule a peer can break, with the numbers, and the code each one costs.

use std::fmt;
use std::time::Duration;

use crate::frame::Kind;
use crate::hpack::DecodeError;
use crate::{ErrorCode, StreamId};

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A client did not open with the 24 bytes of RFC 9113 §3.4.
    BadPreface,
    /// The first frame was not SETTINGS (RFC 9113 §3.4).
    SettingsNotFirst(Kind),
    /// A frame longer than `SETTINGS_MAX_FRAME_SIZE` (RFC 9113 §4.2).
    FrameTooLong {
        /// Bytes announced.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A frame whose length does not fit its kind (RFC 9113 §6).
    BadFrameLen {
        /// The frame.
        kind: Kind,
        /// Bytes of its payload.
        len: usize,
    },
    /// Padding that leaves no room for itself (RFC 9113 §6.1).
    PaddingTooLong {
        /// Bytes of padding announced.
        padding: usize,
        /// Bytes that are there.
        len: usize,
    },
    /// A frame that belongs to a stream came for the connection.
    StreamNeeded(Kind),
    /// A frame that belongs to the connection came for a stream.
    StreamForbidden(Kind, StreamId),
    /// A stream was made to depend on itself (RFC 7540 §5.3.1).
    SelfDependency,
    /// PUSH_PROMISE, though push is disabled (RFC 9113 §8.4).
    PushPromised,
    /// Another frame came between HEADERS and its CONTINUATION (RFC 9113 §4.3).
    ContinuationExpected(Kind),
    /// CONTINUATION without HEADERS before it (RFC 9113 §6.10).
    ContinuationUnexpected,
    /// A header block in more frames than [`Config::max_continuation_count`](crate::Config).
    TooManyContinuations {
        /// Frames allowed.
        max: usize,
    },
    /// A header block far longer, still compressed, than the list it may hold.
    HeaderBlockTooLong {
        /// Bytes so far.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A header list over [`Config::max_header_list_bytes`](crate::Config) or
    /// [`Config::max_header_fields`](crate::Config).
    HeaderListTooLong {
        /// Bytes of the list.
        bytes: usize,
        /// Bytes allowed.
        max_bytes: usize,
        /// Fields of the list.
        fields: usize,
        /// Fields allowed.
        max_fields: usize,
    },
    /// A header block that cannot be decoded (RFC 9113 §4.3).
    BadHeaderBlock(DecodeError),
    /// A message that is not HTTP (RFC 9113 §8.1.1).
    Malformed(Malformed),
    /// A client opened a stream with an even number (RFC 9113 §5.1.1).
    EvenStream(StreamId),
    /// A new stream under the number of an older one (RFC 9113 §5.1.1).
    StreamNotIncreasing {
        /// The stream.
        id: StreamId,
        /// The highest before it.
        last: StreamId,
    },
    /// A frame for a stream nobody has opened (RFC 9113 §5.1).
    IdleStream(Kind, StreamId),
    /// A frame for a stream whose sender had ended it (RFC 9113 §5.1).
    ClosedStream(Kind, StreamId),
    /// More streams at once than announced (RFC 9113 §5.1.2).
    TooManyStreams {
        /// Streams allowed.
        max: usize,
    },
    /// DATA beyond the window granted (RFC 9113 §6.9.1).
    WindowExceeded {
        /// Bytes of the frame.
        len: usize,
        /// Bytes granted.
        window: i64,
    },
    /// A window raised over 2^31-1 (RFC 9113 §6.9.1).
    WindowOverflow {
        /// Bytes it would hold.
        credit: i64,
    },
    /// A WINDOW_UPDATE of nothing (RFC 9113 §6.9).
    ZeroIncrement,
    /// `SETTINGS_ENABLE_PUSH` other than 0 or 1, or 1 from a server (RFC 9113 §6.5.2).
    BadEnablePush(u32),
    /// `SETTINGS_INITIAL_WINDOW_SIZE` over 2^31-1 (RFC 9113 §6.5.2).
    BadInitialWindow(u32),
    /// `SETTINGS_MAX_FRAME_SIZE` outside 2^14 to 2^24-1 (RFC 9113 §6.5.2).
    BadMaxFrameLen(u32),
    /// More SETTINGS in one frame than [`Config::max_settings_count`](crate::Config).
    TooManySettings {
        /// Entries sent.
        count: usize,
        /// Entries allowed.
        max: usize,
    },
    /// A second GOAWAY that names a higher stream (RFC 9113 §6.8).
    GoAwayRaised {
        /// The stream named before.
        from: StreamId,
        /// The stream named now.
        to: StreamId,
    },
    /// More resets than [`Config::max_reset_burst`](crate::Config) and its refill allow.
    TooManyResets,
    /// More control frames than [`Config::max_control_burst`](crate::Config) and its refill allow.
    TooManyControlFrames,
    /// No preface and SETTINGS within [`Config::handshake_timeout`](crate::Config).
    HandshakeTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// Nothing came for [`Config::keepalive_timeout`](crate::Config) after our PING.
    KeepaliveTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// PINGs closer together than [`Config::min_ping_interval`](crate::Config), more than
    /// [`Config::max_ping_strikes`](crate::Config) times.
    TooManyPings,
    /// A header block took longer than [`Config::header_block_timeout`](crate::Config).
    HeaderBlockTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// A stream waited for its peer and moved too little for
    /// [`Config::stall_timeout`](crate::Config).
    StreamStalled {
        /// The time allowed.
        after: Duration,
        /// Bytes that should have moved.
        min: usize,
    },
    /// Half a frame, or a socket that takes nothing, for [`Config::stall_timeout`](crate::Config).
    ConnectionStalled {
        /// The time allowed.
        after: Duration,
        /// Bytes that should have moved.
        min: usize,
    },
    /// The transport ended under open streams.
    ConnectionLost {
        /// Streams that were open.
        open_streams: usize,
    },
    /// Our own caller removed bytes it did not write from the output.
    OutputDamaged,
}

/// What makes a message malformed (RFC 9113 §8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// A field name that is empty, in upper case or not a token (RFC 9113 §8.2.1).
    FieldName,
    /// A field value with a forbidden byte or blanks around it (RFC 9113 §8.2.1).
    FieldValue,
    /// `connection` or one of its kin (RFC 9113 §8.2.2).
    ConnectionSpecific,
    /// `te` with anything but `trailers` (RFC 9113 §8.2.2).
    Te,
    /// A pseudo-header this message may not have (RFC 9113 §8.3).
    ForbiddenPseudo,
    /// The same pseudo-header twice (RFC 9113 §8.3).
    DuplicatePseudo,
    /// A pseudo-header behind a regular field (RFC 9113 §8.3).
    LatePseudo,
    /// A pseudo-header this message must have (RFC 9113 §8.3.1, §8.3.2).
    MissingPseudo,
    /// A pseudo-header whose value cannot be (RFC 9113 §8.3.1, §8.3.2).
    PseudoValue,
    /// `host` that contradicts `:authority` (RFC 9113 §8.3.1).
    HostMismatch,
    /// `content-length` that is no number, or two that differ (RFC 9110 §8.6).
    ContentLength,
    /// DATA that does not add up to `content-length` (RFC 9113 §8.1.1).
    BodyLen,
    /// DATA before the response's headers (RFC 9113 §8.1).
    DataBeforeHeaders,
    /// An informational response that ends the stream (RFC 9113 §8.1).
    InformationalEnd,
    /// A second header block that does not end the stream (RFC 9113 §8.1).
    TrailersNotLast,
}

impl Violation {
    /// The code on the wire (RFC 9113 §7).
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::FrameTooLong { .. } | Self::BadFrameLen { .. } => ErrorCode::FRAME_SIZE_ERROR,
            Self::WindowExceeded { .. }
            | Self::WindowOverflow { .. }
            | Self::BadInitialWindow(_) => ErrorCode::FLOW_CONTROL_ERROR,
            Self::TooManyContinuations { .. }
            | Self::HeaderBlockTooLong { .. }
            | Self::HeaderListTooLong { .. }
            | Self::TooManySettings { .. }
            | Self::TooManyResets
            | Self::TooManyControlFrames
            | Self::TooManyPings
            | Self::HeaderBlockTimeout { .. }
            | Self::StreamStalled { .. }
            | Self::ConnectionStalled { .. } => ErrorCode::ENHANCE_YOUR_CALM,
            Self::HandshakeTimeout { .. } => ErrorCode::SETTINGS_TIMEOUT,
            Self::BadHeaderBlock(_) => ErrorCode::COMPRESSION_ERROR,
            Self::TooManyStreams { .. } => ErrorCode::REFUSED_STREAM,
            Self::ClosedStream(..) => ErrorCode::STREAM_CLOSED,
            Self::ConnectionLost { .. } | Self::KeepaliveTimeout { .. } | Self::OutputDamaged => {
                ErrorCode::INTERNAL_ERROR
            }
            Self::BadPreface
            | Self::SettingsNotFirst(_)
            | Self::PaddingTooLong { .. }
            | Self::StreamNeeded(_)
            | Self::StreamForbidden(..)
            | Self::SelfDependency
            | Self::PushPromised
            | Self::ContinuationExpected(_)
            | Self::ContinuationUnexpected
            | Self::Malformed(_)
            | Self::EvenStream(_)
            | Self::StreamNotIncreasing { .. }
            | Self::IdleStream(..)
            | Self::ZeroIncrement
            | Self::BadEnablePush(_)
            | Self::BadMaxFrameLen(_)
            | Self::GoAwayRaised { .. } => ErrorCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for Violation {
    #[expect(clippy::too_many_lines, reason = "one arm for each rule, nothing else")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BadPreface => f.write_str("the client's preface is not HTTP/2"),
            Self::SettingsNotFirst(kind) => write!(f, "first frame is {kind}, not SETTINGS"),
            Self::FrameTooLong { len, max } => write!(f, "frame of {len} bytes, limit {max}"),
            Self::BadFrameLen { kind, len } => write!(f, "{kind} frame cannot have {len} bytes"),
            Self::PaddingTooLong { padding, len } => {
                write!(f, "{padding} bytes of padding in {len} bytes")
            }
            Self::StreamNeeded(kind) => write!(f, "{kind} frame without a stream"),
            Self::StreamForbidden(kind, id) => write!(f, "{kind} frame on stream {id}"),
            Self::SelfDependency => f.write_str("stream depends on itself"),
            Self::PushPromised => f.write_str("PUSH_PROMISE though push is disabled"),
            Self::ContinuationExpected(kind) => {
                write!(f, "{kind} frame where CONTINUATION must follow")
            }
            Self::ContinuationUnexpected => f.write_str("CONTINUATION without HEADERS"),
            Self::TooManyContinuations { max } => {
                write!(f, "header block in more than {max} CONTINUATION frames")
            }
            Self::HeaderBlockTooLong { len, max } => {
                write!(f, "header block of {len} bytes, limit {max}")
            }
            Self::HeaderListTooLong {
                bytes,
                max_bytes,
                fields,
                max_fields,
            } => write!(
                f,
                "header list of {bytes} bytes in {fields} fields, limits {max_bytes} and {max_fields}"
            ),
            Self::BadHeaderBlock(error) => write!(f, "bad header block: {error}"),
            Self::Malformed(what) => write!(f, "malformed message: {what}"),
            Self::EvenStream(id) => write!(f, "client opened even stream {id}"),
            Self::StreamNotIncreasing { id, last } => {
                write!(f, "new stream {id} is not above {last}")
            }
            Self::IdleStream(kind, id) => write!(f, "{kind} frame on idle stream {id}"),
            Self::ClosedStream(kind, id) => write!(f, "{kind} frame on closed stream {id}"),
            Self::TooManyStreams { max } => write!(f, "more than {max} streams at once"),
            Self::WindowExceeded { len, window } => {
                write!(f, "DATA of {len} bytes in a window of {window}")
            }
            Self::WindowOverflow { credit } => {
                write!(f, "peer granted {credit} bytes, limit 2147483647")
            }
            Self::ZeroIncrement => f.write_str("WINDOW_UPDATE of 0 bytes"),
            Self::BadEnablePush(value) => write!(f, "SETTINGS_ENABLE_PUSH of {value}"),
            Self::BadInitialWindow(value) => {
                write!(
                    f,
                    "SETTINGS_INITIAL_WINDOW_SIZE of {value}, limit 2147483647"
                )
            }
            Self::BadMaxFrameLen(value) => {
                write!(
                    f,
                    "SETTINGS_MAX_FRAME_SIZE of {value}, range 16384 to 16777215"
                )
            }
            Self::TooManySettings { count, max } => {
                write!(f, "{count} settings in one frame, limit {max}")
            }
            Self::GoAwayRaised { from, to } => {
                write!(f, "GOAWAY raised the last stream from {from} to {to}")
            }
            Self::TooManyResets => f.write_str("too many resets"),
            Self::TooManyControlFrames => f.write_str("too many control frames"),
            Self::HandshakeTimeout { after } => {
                write!(f, "no preface and SETTINGS within {after:?}")
            }
            Self::KeepaliveTimeout { after } => {
                write!(f, "no answer to a keepalive PING within {after:?}")
            }
            // These words are what gRPC clients look for (gRFC A8).
            Self::TooManyPings => f.write_str("too_many_pings"),
            Self::HeaderBlockTimeout { after } => write!(f, "a header block took over {after:?}"),
            Self::StreamStalled { after, min } => {
                write!(f, "stream moved less than {min} bytes in {after:?}")
            }
            Self::ConnectionStalled { after, min } => {
                write!(f, "connection moved less than {min} bytes in {after:?}")
            }
            Self::ConnectionLost { open_streams } => {
                write!(f, "connection lost with {open_streams} streams open")
            }
            Self::OutputDamaged => f.write_str("output was damaged by its owner"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FieldName => "illegal field name",
            Self::FieldValue => "illegal field value",
            Self::ConnectionSpecific => "connection-specific field",
            Self::Te => "te is not trailers",
            Self::ForbiddenPseudo => "pseudo-header out of place",
            Self::DuplicatePseudo => "pseudo-header twice",
            Self::LatePseudo => "pseudo-header behind a field",
            Self::MissingPseudo => "pseudo-header missing",
            Self::PseudoValue => "illegal pseudo-header value",
            Self::HostMismatch => "host contradicts authority",
            Self::ContentLength => "illegal content-length",
            Self::BodyLen => "body does not match content-length",
            Self::DataBeforeHeaders => "DATA before HEADERS",
            Self::InformationalEnd => "informational response ends the stream",
            Self::TrailersNotLast => "trailers do not end the stream",
        })
    }
}
