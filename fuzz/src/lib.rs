//! The bodies of the fuzz targets: plain functions that take bytes and fail by a panic.
//!
//! ```text
//! src/http2/         frames, HPACK, connections; crates/testkit/tests/corpus.rs replays them
//! src/schema.rs      .proto input
//! src/bin/           one libFuzzer program for each target
//! ```
//!
//! The targets above HTTP/2 (envelope, metadata, timeout) are in `hikyaku::fuzzing`, because what
//! they try is private. A crash becomes a file below `crates/testkit/corpus`, and `cargo test`
//! replays it without any of this.

#![forbid(unsafe_code)]

pub mod http2;
pub mod schema;
