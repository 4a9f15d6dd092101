//! Frames: bytes to values and back (RFC 9113 §4, §6).
//!
//! ```text
//! +-----------------------------------------------+
//! | length (24)                                   |
//! +---------------+---------------+---------------+
//! | type (8)      | flags (8)     |
//! +-+-------------+---------------+---------------+
//! |R| stream identifier (31)                      |
//! +=+=============================================+
//! | payload (0..)                                 |
//! +-----------------------------------------------+
//! ```
//!
//! One file per kind of frame. A value that comes out of a `decode` obeys every rule of its kind
//! that can be told from the frame alone; what depends on the stream is the connection's to check.

use std::fmt;

use crate::StreamId;

pub mod continuation;
pub mod data;
pub mod go_away;
pub mod headers;
pub mod padding;
pub mod ping;
pub mod priority;
pub mod reader;
pub mod reset;
pub mod settings;
pub mod window_update;
pub mod writer;

/// The nine bytes before every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the payload; 24 bits on the wire.
    pub len: usize,
    /// What the payload is.
    pub kind: Kind,
    /// What the kind makes of them.
    pub flags: Flags,
    /// The stream, or [`StreamId::CONNECTION`].
    pub id: StreamId,
}

impl Head {
    /// Bytes of a head.
    pub const LEN: usize = 9;

    /// Reads a head. Every nine bytes are one; the reserved bit is dropped (RFC 9113 §4.1).
    #[must_use]
    pub const fn decode(bytes: &[u8; Self::LEN]) -> Self {
        let &[a, b, c, kind, flags, d, e, f, g] = bytes;
        Self {
            len: u32::from_be_bytes([0, a, b, c]) as usize,
            kind: Kind::from_number(kind),
            flags: Flags(flags),
            id: StreamId::new(u32::from_be_bytes([d, e, f, g])),
        }
    }

    /// The head at the front of `bytes`, or `None` while it is incomplete.
    #[must_use]
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::decode)
    }

    /// The head's bytes. Of `len`, the lower 24 bits.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each byte is cut out on purpose"
    )]
    pub const fn encode(&self) -> [u8; Self::LEN] {
        let [d, e, f, g] = self.id.number().to_be_bytes();
        let len = self.len;
        let kind = self.kind.number();
        [
            (len >> 16) as u8,
            (len >> 8) as u8,
            len as u8,
            kind,
            self.flags.0,
            d,
            e,
            f,
            g,
        ]
    }
}

/// The type of a frame (RFC 9113 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A piece of a body.
    Data,
    /// Opens a stream, or ends it with trailers.
    Headers,
    /// Deprecated advice (RFC 9113 §5.3.2).
    Priority,
    /// Ends a stream early.
    RstStream,
    /// The sender's parameters.
    Settings,
    /// A server push; never welcome here.
    PushPromise,
    /// A sign of life.
    Ping,
    /// The sender's farewell.
    GoAway,
    /// More credit.
    WindowUpdate,
    /// The rest of a header block.
    Continuation,
    /// A frame of an extension, to be ignored (RFC 9113 §5.5).
    Unknown(u8),
}

impl Kind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Headers => 1,
            Self::Priority => 2,
            Self::RstStream => 3,
            Self::Settings => 4,
            Self::PushPromise => 5,
            Self::Ping => 6,
            Self::GoAway => 7,
            Self::WindowUpdate => 8,
            Self::Continuation => 9,
            Self::Unknown(number) => number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "DATA",
            Self::Headers => "HEADERS",
            Self::Priority => "PRIORITY",
            Self::RstStream => "RST_STREAM",
            Self::Settings => "SETTINGS",
            Self::PushPromise => "PUSH_PROMISE",
            Self::Ping => "PING",
            Self::GoAway => "GOAWAY",
            Self::WindowUpdate => "WINDOW_UPDATE",
            Self::Continuation => "CONTINUATION",
            Self::Unknown(number) => return write!(f, "unknown {number:#x}"),
        })
    }
}

/// The flags of a frame. Bits a kind does not define are ignored (RFC 9113 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// SETTINGS, PING: this answers one.
    pub const ACK: Self = Self(0x1);
    /// DATA, HEADERS: the last frame of this side.
    pub const END_STREAM: Self = Self(0x1);
    /// HEADERS, CONTINUATION: the header block ends here.
    pub const END_HEADERS: Self = Self(0x4);
    /// DATA, HEADERS: a padding length stands first.
    pub const PADDED: Self = Self(0x8);
    /// HEADERS: five bytes of priority stand before the block.
    pub const PRIORITY: Self = Self(0x20);

    /// These eight bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The eight bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests;
