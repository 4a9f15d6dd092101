//! Header lists in, header blocks out.
//!
//! A field that was sent before costs one or two bytes and one lookup. What does not repeat is not
//! put into the table, by the word of the caller ([`Indexing`]) or because it is too long.
//!
//! Spec: RFC 7541 §4.2, §6.

use bytes::{BufMut, BytesMut};

use super::lookup::{Grown, Lookup, same};
use super::static_table::{self, STATIC_COUNT};
use super::table::Table;
use super::{DEFAULT_TABLE_LEN, Entry, FIELD_OVERHEAD_LEN, huffman, integer};
use crate::field::{Field, Indexing};

/// The sending end of one direction's header compression.
#[derive(Debug)]
pub struct Encoder {
    table: Table,
    lookup: Lookup,
    /// Our own limit, in bytes.
    max_table_len: u32,
    /// The peer's limit, in bytes.
    peer_table_len: u32,
    /// Set when the next block must begin with a size update: the lowest length since the last
    /// block.
    owed_table_len: Option<u32>,
}

impl Encoder {
    /// An encoder with an empty table of at most `max_table_len` bytes, whatever the peer allows.
    #[must_use]
    pub fn new(max_table_len: u32) -> Self {
        let len = max_table_len.min(DEFAULT_TABLE_LEN);
        Self {
            table: Table::new(len),
            lookup: Lookup::default(),
            max_table_len,
            peer_table_len: DEFAULT_TABLE_LEN,
            owed_table_len: (len != DEFAULT_TABLE_LEN).then_some(len),
        }
    }

    /// Takes the peer's `SETTINGS_HEADER_TABLE_SIZE`, in bytes. Blocks encoded from now on keep to
    /// it, and the next one tells the peer.
    pub fn set_peer_table_len(&mut self, len: u32) {
        let effective = len.min(self.max_table_len);
        // A peer that lowers its limit may wait for the update even if our table was shorter.
        if effective as usize != self.table.max_len() || len < self.peer_table_len {
            let lowest = self
                .owed_table_len
                .map_or(effective, |owed| owed.min(effective));
            self.owed_table_len = Some(lowest);
            self.table.resize(effective);
        }
        self.peer_table_len = len;
    }

    /// A number that changes whenever the dynamic table does or a size update is due or sent:
    /// while it stays the same, before and after, the same fields give the same block.
    #[must_use]
    #[inline]
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// Appends one whole block.
    pub fn encode<'a>(&mut self, fields: impl IntoIterator<Item = Field<'a>>, out: &mut BytesMut) {
        if let Some(lowest) = self.owed_table_len.take() {
            self.write_size_updates(lowest, out);
        }
        for field in fields {
            self.encode_field(field, out);
        }
    }

    /// RFC 7541 §4.2, §6.3.
    fn write_size_updates(&mut self, lowest: u32, out: &mut BytesMut) {
        if (lowest as usize) < self.table.max_len() {
            integer::write(out, 0x20, 5, lowest as usize);
        }
        integer::write(out, 0x20, 5, self.table.max_len());
        self.table.touch();
    }

    #[inline]
    fn encode_field(&mut self, field: Field<'_>, out: &mut BytesMut) {
        let name_hash = static_table::name_hash(field.name);
        let entry_len = field.name.len() + field.value.len() + FIELD_OVERHEAD_LEN;
        // A longer field would drive everything else out; it is not looked up either.
        let fits = entry_len <= self.table.max_len() / 2 || entry_len <= MAX_STATIC_LEN;
        if field.indexing == Indexing::NeverIndexed || !fits {
            return self.write_literal(field, name_hash, out);
        }
        let hash = static_table::field_hash(name_hash, field.value);
        let found = static_table::find(hash, field.name, field.value)
            .or_else(|| self.find_dynamic(hash, &field));
        if let Some(index) = found {
            return integer::write(out, 0x80, 7, index);
        }
        if field.indexing == Indexing::Literal || entry_len > self.table.max_len() / 2 {
            return self.write_literal(field, name_hash, out);
        }
        self.write_inserted(field, name_hash, hash, out);
    }

    fn find_dynamic(&self, hash: u64, field: &Field<'_>) -> Option<usize> {
        let is_it = |depth| {
            self.table.get(depth).is_some_and(|entry| {
                same(entry.value(), field.value) && same(entry.name(), field.name)
            })
        };
        self.find_depth(hash, is_it)
            .map(|depth| STATIC_COUNT + 1 + depth)
    }

    #[inline]
    fn find_depth(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let count = self.table.count();
        if self.lookup.is_needless(count) {
            (0..count).find(|&depth| is_it(depth))
        } else {
            self.lookup.find(hash, is_it)
        }
    }

    /// The index of a field with this name, or 0.
    fn find_name(&self, hash: u64, name: &[u8]) -> usize {
        static_table::find_name(hash, name)
            .or_else(|| {
                let is_it = |depth| {
                    self.table
                        .get(depth)
                        .is_some_and(|entry| same(entry.name(), name))
                };
                self.find_depth(hash, is_it)
                    .map(|depth| STATIC_COUNT + 1 + depth)
            })
            .unwrap_or(0)
    }

    /// RFC 7541 §6.2.2, §6.2.3.
    fn write_literal(&self, field: Field<'_>, name_hash: u64, out: &mut BytesMut) {
        let pattern = match field.indexing {
            Indexing::NeverIndexed => 0x10,
            Indexing::Indexed | Indexing::Literal => 0x00,
        };
        write_strings(
            out,
            pattern,
            4,
            self.find_name(name_hash, field.name),
            field,
        );
    }

    /// RFC 7541 §6.2.1.
    fn write_inserted(&mut self, field: Field<'_>, name_hash: u64, hash: u64, out: &mut BytesMut) {
        let name_index = self.find_name(name_hash, field.name);
        write_strings(out, 0x40, 6, name_index, field);
        self.table.insert(Entry::new(field.name, field.value));
        self.lookup.count_insertion();
        if self.lookup.is_needless(self.table.count()) {
            return;
        }
        if self.lookup.grow(self.max_table_len) == Grown::Forgetful {
            return self.remember_all();
        }
        self.lookup.remember(hash, 0);
        // Names of the static table are found there.
        if !(1..=STATIC_COUNT).contains(&name_index) {
            self.lookup.remember(name_hash, 0);
        }
    }

    #[cold]
    fn remember_all(&mut self) {
        for depth in (0..self.table.count()).rev() {
            let Some(entry) = self.table.get(depth) else {
                continue;
            };
            let name_hash = static_table::name_hash(entry.name());
            let hash = static_table::field_hash(name_hash, entry.value());
            self.lookup.remember(hash, depth);
            if static_table::find_name(name_hash, entry.name()).is_none() {
                self.lookup.remember(name_hash, depth);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// Whether a field that is in the table is found there.
    #[cfg(test)]
    pub(super) fn finds(&self, name: &[u8], value: &[u8]) -> bool {
        let field = Field::indexed(name, value);
        let hash = static_table::field_hash(static_table::name_hash(name), value);
        self.find_dynamic(hash, &field).is_some()
    }
}

/// No field of the static table is longer, counted as in a dynamic table.
const MAX_STATIC_LEN: usize = FIELD_OVERHEAD_LEN + 28;

fn write_strings(
    out: &mut BytesMut,
    pattern: u8,
    prefix_bits: u32,
    name_index: usize,
    field: Field<'_>,
) {
    integer::write(out, pattern, prefix_bits, name_index);
    if name_index == 0 {
        write_string(out, field.name);
    }
    write_string(out, field.value);
}

/// In the Huffman code if that is shorter (RFC 7541 §5.2).
fn write_string(out: &mut BytesMut, text: &[u8]) {
    let encoded_len = huffman::encoded_len(text);
    if encoded_len < text.len() {
        integer::write(out, 0x80, 7, encoded_len);
        huffman::encode(text, out);
    } else {
        integer::write(out, 0x00, 7, text.len());
        out.put_slice(text);
    }
}
