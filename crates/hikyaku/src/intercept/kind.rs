//! The four kinds of call.

/// How many messages a call has in each direction.
///
/// # Example
/// ```
/// use hikyaku::intercept::Kind;
///
/// assert!(Kind::BidiStreaming.takes_stream() && Kind::BidiStreaming.answers_stream());
/// assert!(!Kind::ServerStreaming.takes_stream());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One request, one reply.
    Unary,
    /// One request, a stream of replies.
    ServerStreaming,
    /// A stream of requests, one reply.
    ClientStreaming,
    /// A stream in each direction.
    BidiStreaming,
}

impl Kind {
    /// Whether there is a stream of requests.
    #[must_use]
    pub const fn takes_stream(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::BidiStreaming)
    }

    /// Whether there is a stream of replies.
    #[must_use]
    pub const fn answers_stream(self) -> bool {
        matches!(self, Self::ServerStreaming | Self::BidiStreaming)
    }
}
