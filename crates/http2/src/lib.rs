//! HTTP/2 without I/O: bytes go in, events come out; commands go in, bytes come out.
//!
//! No socket, no clock, no lock and no `async` lives here. A [`Connection`] is one end of one HTTP/2
//! connection. Its owner feeds it what the socket read ([`Connection::handle_bytes`]), takes what
//! happened ([`Connection::poll_event`]), says what it wants (`open_stream`, `send_data`, …) and
//! writes what [`Connection::output`] holds to the socket. Time is an argument where it matters.
//!
//! ```text
//! socket -> handle_bytes -> frame/reader -> connection/receive -> poll_event -> owner
//! owner  -> send_*       -> connection/transmit -> frame/writer -> output    -> socket
//! ```
//!
//! Spec: RFC 9113 (HTTP/2), RFC 7541 (HPACK).

#![forbid(unsafe_code)]

pub mod config;
pub mod connection;
pub mod error;
pub mod event;
pub mod field;
pub mod frame;
pub mod headers;
pub mod hpack;
pub mod stream;
mod violation;

pub use config::{Config, Tuning};
pub use connection::Connection;
pub use error::{
    ConnectionError, ErrorCode, Fault, Malformed, Side, StreamError, UserError, Violation,
};
pub use event::{Body, Event};
pub use field::{Field, FieldList, Indexing, Piece};
pub use headers::Headers;
pub use stream::StreamId;
