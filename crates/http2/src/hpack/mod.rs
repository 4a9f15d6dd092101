//! HPACK: header lists as short as the two ends' memory of earlier ones lets them be.
//!
//! Each direction of a connection has one dynamic table, kept by its encoder and its decoder in
//! step: every block changes it, so every block must be decoded, and in order, even when its
//! fields are not wanted.
//!
//! ```text
//! encoder: Field -> lookup (static_table, table) -> integer, huffman -> block
//! decoder: block -> integer, huffman -> static_table, table -> Entry
//! ```
//!
//! Spec: RFC 7541.

pub mod decoder;
pub mod encoder;
pub mod entry;
mod huffman;
mod huffman_table;
mod integer;
mod lookup;
mod static_table;
mod table;
#[cfg(test)]
mod tests;

pub use decoder::{DecodeError, Decoder, Limits, Outcome};
pub use encoder::Encoder;
pub use entry::Entry;

/// Bytes that RFC 7541 §4.1 adds to the length of every field.
pub const FIELD_OVERHEAD_LEN: usize = 32;

/// Length of a dynamic table, in bytes, before any SETTINGS (RFC 9113 §6.5.2).
pub const DEFAULT_TABLE_LEN: u32 = 4096;
