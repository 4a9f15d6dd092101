//! gRPC for Rust: fast, complete, safe, with nothing to install but Rust.
#![forbid(unsafe_code)]

pub mod blocking;
mod call;
pub mod client;
pub mod codec;
mod include;
mod net;
pub mod reflection;
mod request;
pub mod server;

pub use call::{BadMetadata, Code, Metadata, Origin, Status, Value};
pub use client::Channel;
pub use request::{Request, Response};
pub use server::Server;

// What generated code stands on, so that its users need no other dependency than this crate.
#[doc(hidden)]
pub use {buffa, buffa_descriptor, buffa_types};
#[cfg(feature = "json")]
#[doc(hidden)]
pub use serde;

/// Bytes a received message may have at most, unless told otherwise: 4 MiB, as in every gRPC.
pub(crate) const MAX_MESSAGE_LEN: usize = 4 * 1024 * 1024;
