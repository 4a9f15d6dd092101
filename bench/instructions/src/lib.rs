//! Ends of connections whose peers say what was written beforehand, so that the instructions and the
//! allocations of a call can be counted, and are the same in every run.
//!
//! ```text
//! scenario    what is measured, by name
//! server      a server and the scripts of its clients
//! client      a client and the scripts of its servers
//! service     the services that are called
//! peer        a socket to a script; `hearing` is its ears, `wire` its words
//! ```

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not as expected ends the measurement"
)]

mod client;
mod hearing;
mod peer;
#[path = "../../../crates/hikyaku/examples/proto/mod.rs"]
mod proto;
pub mod scenario;
mod server;
mod service;
mod wire;

/// One thread, without sockets.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
}
