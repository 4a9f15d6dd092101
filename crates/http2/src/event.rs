//! What a [`Connection`](crate::Connection) tells its owner.

use bytes::Bytes;

use crate::{ConnectionError, ErrorCode, Headers, Side, StreamId, Violation};

/// Whether more of the message body, or trailers, may follow on the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// More DATA or trailers follow.
    More,
    /// This was the last frame of the sender: it carried END_STREAM.
    Last,
}

/// One thing that happened on the connection.
///
/// The events of one stream come in the order they happened, and nothing comes after
/// [`Event::Closed`]. Between streams there is no order, as in HTTP/2 itself (RFC 9113 §5.1): a request
/// whose body is there before its headers were told is told whole, ahead of what came between them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request (at a server) or a response, informational ones included (at a client).
    Headers {
        /// The stream; new at a server, known at a client.
        id: StreamId,
        /// The validated header list.
        headers: Headers,
        /// `Last` if nothing follows (a gRPC Trailers-Only response, a `GET`).
        body: Body,
    },
    /// At a server: a request with its whole body, in place of its headers and its DATA. Only from
    /// [`Connection::poll_whole_event`](crate::Connection::poll_whole_event).
    Request {
        /// The stream, which is new. The client has ended its side.
        id: StreamId,
        /// The validated header list.
        headers: Headers,
        /// The body, not empty: a slice of the read buffer. Nothing of it is to be given back.
        data: Bytes,
    },
    /// At a client: a whole response, in place of its headers, its DATA and its trailers. Only from
    /// [`Connection::poll_whole_event`](crate::Connection::poll_whole_event).
    Response {
        /// The stream, on which nothing follows.
        id: StreamId,
        /// The validated header list.
        headers: Headers,
        /// The body, not empty: a slice of the read buffer. Nothing of it is to be given back.
        data: Bytes,
        /// The validated trailer fields.
        trailers: Headers,
    },
    /// Bytes of the body. Give their length back with
    /// [`Connection::release_data`](crate::Connection::release_data) once they are consumed or
    /// dropped, or the peer's window stays closed; padding has been given back already.
    Data {
        /// The stream.
        id: StreamId,
        /// A slice of the read buffer; may be empty when `body` is `Last`.
        data: Bytes,
        /// `Last` if this ends the peer's side.
        body: Body,
    },
    /// Trailers; they always end the peer's side.
    Trailers {
        /// The stream.
        id: StreamId,
        /// The validated trailer fields.
        headers: Headers,
    },
    /// The stream ended early. Nothing more comes from it, nothing more can be sent on it.
    Reset {
        /// The stream.
        id: StreamId,
        /// The code on the wire.
        code: ErrorCode,
        /// `Remote`: the peer sent RST_STREAM. `Local`: the peer broke a rule of the stream and
        /// this end reset it.
        by: Side,
        /// The rule that the peer broke, if `by` is `Local`.
        what: Option<Violation>,
    },
    /// At a client: the server did not process this stream and never will (it lies above the last
    /// id of a GOAWAY). The call is safe to retry elsewhere (RFC 9113 §6.8).
    Unprocessed {
        /// The stream.
        id: StreamId,
    },
    /// There is room on the stream again, after [`Connection::send_room`](crate::Connection::send_room)
    /// said that there was none.
    SendRoom {
        /// The stream.
        id: StreamId,
    },
    /// The peer acknowledged our PING (RFC 9113 §6.7).
    PingAck {
        /// The eight bytes we sent.
        payload: [u8; 8],
    },
    /// At a client: a stream may be opened again, after
    /// [`Connection::can_open_stream`](crate::Connection::can_open_stream) said no.
    StreamRoom,
    /// The peer announced that it will process no stream above `last_stream`.
    GoAway {
        /// The last stream the peer will process.
        last_stream: StreamId,
        /// Why.
        code: ErrorCode,
        /// Debug text of the peer; untrusted, at most
        /// [`Config::max_debug_len`](crate::Config::max_debug_len) bytes.
        debug: Bytes,
    },
    /// The connection is over: no event follows. Every stream still open ended with it. Bytes in
    /// [`Connection::output`](crate::Connection::output) (the GOAWAY) should still be written.
    Closed {
        /// `None` after a clean end: the peer closed the socket with no stream open, or we did.
        error: Option<ConnectionError>,
    },
}

impl Event {
    /// The stream it is about; `None` if it is about the connection.
    #[must_use]
    pub const fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Headers { id, .. }
            | Self::Request { id, .. }
            | Self::Response { id, .. }
            | Self::Data { id, .. }
            | Self::Trailers { id, .. }
            | Self::Reset { id, .. }
            | Self::Unprocessed { id }
            | Self::SendRoom { id } => Some(*id),
            Self::PingAck { .. } | Self::StreamRoom | Self::GoAway { .. } | Self::Closed { .. } => {
                None
            }
        }
    }
}
