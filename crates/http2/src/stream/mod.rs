//! One stream: its identifier, its state and its windows.

use std::fmt;

mod pace;
pub mod queue;
pub mod slots;
pub mod state;
pub mod table;
pub mod window;

/// The number of a stream: odd when a client opened it, 0 for the connection itself
/// (RFC 9113 §5.1.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
    /// The largest identifier, 2^31 - 1.
    pub const MAX: Self = Self((1 << 31) - 1);

    /// The identifier with the lower 31 bits of `number`; the reserved bit is dropped.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number & Self::MAX.0)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
