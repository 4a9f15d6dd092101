//! Load for gRPC servers, so cheap that it is never what is measured.
//!
//! Requests are bytes that were made before, replies are read by their frame heads; but every reply
//! is checked: its head, its messages, its trailers.
//!
//! ```text
//! options -> load -> connect -> drive (one task a connection) <-> engine (HTTP/2, no I/O)
//!              \-> starts (when)    \-> output (one write)         |- request, sending   out
//!                                                                  |- reply, message     in
//!                                                                  \- tally -> report
//! ```

pub mod connect;
pub mod drive;
pub mod engine;
pub mod fault;
pub mod frame;
pub mod load;
pub mod message;
pub mod options;
pub mod output;
mod raw;
pub mod reply;
pub mod report;
pub mod request;
pub mod scenario;
pub mod sending;
pub mod starts;
pub mod streams;
pub mod tally;
pub mod tls;
