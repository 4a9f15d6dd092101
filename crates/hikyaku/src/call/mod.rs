//! gRPC over HTTP/2 as pure values: no socket, no clock, no lock (PROTOCOL-HTTP2.md).
//!
//! ```text
//! Headers -> server/client (what kind of call, what kind of answer) -> envelope (messages)
//!         -> timeout, metadata, status
//! ```

pub(crate) mod client;
mod code;
pub(crate) mod content_type;
pub(crate) mod envelope;
pub(crate) mod message;
pub(crate) mod metadata;
mod percent;
pub(crate) mod server;
mod status;
pub(crate) mod timeout;

pub use code::Code;
pub use metadata::{BadMetadata, Metadata, Value};
pub use status::{Origin, Status};
