//! Tests of both ends together. What one file does alone is tested in that file.

mod hostile;
mod resize;
mod rfc_examples;
mod rfc_tables;
mod roundtrip;

use bytes::BytesMut;

use super::table::Table;
use super::{DecodeError, Decoder, Encoder, Entry, Limits, Outcome};
use crate::field::Field;

const NO_LIMITS: Limits = Limits {
    max_list_bytes: usize::MAX,
    max_fields: usize::MAX,
};

type Pair = (String, String);

/// Decodes a block without limits.
fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Pair>, DecodeError> {
    let mut fields = Vec::new();
    let outcome = decoder.decode(block, NO_LIMITS, &mut fields)?;
    assert_eq!(outcome, Outcome::Complete);
    Ok(fields.iter().map(pair).collect())
}

fn encode(encoder: &mut Encoder, fields: &[Field<'_>]) -> Vec<u8> {
    let mut block = BytesMut::new();
    encoder.encode(fields.iter().copied(), &mut block);
    block.to_vec()
}

fn pair(entry: &Entry) -> Pair {
    (
        entry.name().escape_ascii().to_string(),
        entry.value().escape_ascii().to_string(),
    )
}

/// The entries of a table, newest first.
fn entries(table: &Table) -> Vec<Pair> {
    (0..table.count())
        .filter_map(|depth| table.get(depth))
        .map(pair)
        .collect()
}

/// Bytes of digits in base 16; spaces do not count.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digits = String::from_utf8(digits).unwrap();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}
