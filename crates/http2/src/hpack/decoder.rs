//! Header blocks in, header lists out.
//!
//! Before editing read RFC 7541 §3.2, §4.2 and §6, and RFC 9113 §4.3: an error here is always the
//! end of the connection, and a block that is too long is no error here, because its table changes
//! must be made all the same.
//!
//! ```text
//! 1iiiiiii  indexed field                       01iiiiii  literal, goes into the table
//! 001mmmmm  size update, only at the start      0000iiii  literal       0001iiii  never indexed
//! ```

use std::fmt;

use super::static_table::{self, STATIC_COUNT};
use super::table::Table;
use super::{DEFAULT_TABLE_LEN, Entry, FIELD_OVERHEAD_LEN, huffman, integer};

/// The receiving end of one direction's header compression.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// What our SETTINGS allow, in bytes.
    max_table_len: u32,
    /// The lowest limit since the last block, if the table is still longer than that: the next
    /// block must begin by shortening it (RFC 9113 §4.3.1).
    owed_table_len: Option<u32>,
    /// Name and value of the literal being read.
    scratch: Vec<u8>,
    /// The first error; the tables of the two ends differ since.
    failed: Option<DecodeError>,
}

/// How much of a header list is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all names and values, with 32 a field on top (RFC 9113 §6.5.2).
    pub max_list_bytes: usize,
    /// Fields.
    pub max_fields: usize,
}

/// What became of a block that could be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The whole list is there.
    Complete,
    /// The list passed a limit: only its beginning is there. The decoder is as good as before.
    TooLong {
        /// Bytes of the whole list, counted as in [`Limits::max_list_bytes`].
        bytes: usize,
        /// Fields of the whole list.
        fields: usize,
    },
}

/// The rule of RFC 7541 that a block broke. Always a connection error, `COMPRESSION_ERROR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// An integer is cut off by the end of the block (§5.1).
    IntegerTruncated,
    /// More than five octets follow the prefix of an integer (§5.1).
    IntegerTooLong,
    /// An integer does not fit in 32 bits (§5.1).
    IntegerOverflow,
    /// A string is longer than what is left of the block (§5.2).
    StringTruncated {
        /// Length of the string, as announced.
        len: u32,
        /// Bytes left.
        left: usize,
    },
    /// A Huffman string has the end-of-string symbol in it (§5.2).
    HuffmanEos,
    /// A Huffman string ends in something that is neither a code nor ones (§5.2).
    HuffmanPadding,
    /// A Huffman string has more than seven bits of padding (§5.2).
    HuffmanPaddingTooLong,
    /// A field of index 0 (§6.1).
    IndexZero,
    /// An index past both tables (§2.3.3).
    IndexOutOfRange {
        /// The index.
        index: u32,
        /// The highest that would have been valid.
        max: usize,
    },
    /// A size update above the limit of our SETTINGS (§6.3).
    SizeUpdateTooLong {
        /// The length asked for.
        len: u32,
        /// The limit.
        max: u32,
    },
    /// A size update behind a field (§4.2).
    SizeUpdateLate,
    /// A third size update in one block (§4.2).
    SizeUpdateRepeated,
    /// A block does not begin with the size update that our lower limit calls for (§4.2).
    SizeUpdateMissing {
        /// The length that the table had to be shortened to.
        max: u32,
    },
}

impl Decoder {
    /// A decoder with an empty table, for an end that announces `max_table_len` as its
    /// `SETTINGS_HEADER_TABLE_SIZE`.
    ///
    /// The table starts with 4,096 bytes as RFC 7541 and 9113 have it, because a peer may send its
    /// first blocks before it has our SETTINGS. Call [`Decoder::set_max_table_len`] with the same
    /// number when they are acknowledged: a lower one holds from then on, a higher one at once.
    #[must_use]
    pub fn new(max_table_len: u32) -> Self {
        Self {
            table: Table::new(DEFAULT_TABLE_LEN),
            max_table_len: max_table_len.max(DEFAULT_TABLE_LEN),
            owed_table_len: None,
            scratch: Vec::new(),
            failed: None,
        }
    }

    /// Sets the limit of the dynamic table once the peer has acknowledged our SETTINGS. If the
    /// table is longer the next block must begin by shortening it.
    pub fn set_max_table_len(&mut self, len: u32) {
        self.max_table_len = len;
        let lowest = self.owed_table_len.map_or(len, |owed| owed.min(len));
        self.owed_table_len = (self.table.max_len() > lowest as usize).then_some(lowest);
        // A block seen before may be wrong now: it does not have the update.
        self.table.touch();
    }

    /// A number that changes whenever the dynamic table or its limit does: while it stays the
    /// same, the same block means the same list.
    #[must_use]
    #[inline]
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// Decodes one whole block and appends its fields to `fields`.
    ///
    /// A list that passes a limit is decoded to its end, for the table's sake, but fields are
    /// appended only as long as the limits are kept. Memory stays within the limits whatever the
    /// block says, and work is proportional to the block's own length.
    ///
    /// # Errors
    /// [`DecodeError`], one variant per broken rule. The decoder is of no use afterwards and
    /// returns the same error again; `fields` may have some fields of the block.
    pub fn decode(
        &mut self,
        block: &[u8],
        limits: Limits,
        fields: &mut Vec<Entry>,
    ) -> Result<Outcome, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut list = List::new(limits, fields);
        match self.read_block(block, &mut list) {
            Ok(()) => Ok(list.outcome()),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    fn read_block(&mut self, block: &[u8], list: &mut List<'_>) -> Result<(), DecodeError> {
        let mut input = block;
        self.read_size_updates(&mut input)?;
        while let Some((&first, rest)) = input.split_first() {
            input = rest;
            match first {
                0x80.. => {
                    let index = integer::read(&mut input, first, 7)?;
                    self.read_indexed(index, list)?;
                }
                0x40..0x80 => {
                    let index = integer::read(&mut input, first, 6)?;
                    self.read_literal(&mut input, index, Into::Table, list)?;
                }
                0x20..0x40 => return Err(DecodeError::SizeUpdateLate),
                // Never-indexed literals too: the difference matters to those who encode again.
                0x00..0x20 => {
                    let index = integer::read(&mut input, first, 4)?;
                    self.read_literal(&mut input, index, Into::List, list)?;
                }
            }
        }
        if self.scratch.capacity() > MAX_IDLE_SCRATCH_LEN {
            self.scratch = Vec::new();
        }
        Ok(())
    }

    /// Reads the updates at the start of a block: at most two, the lowest limit since the last
    /// block and the one that holds now (RFC 7541 §4.2).
    fn read_size_updates(&mut self, input: &mut &[u8]) -> Result<(), DecodeError> {
        let mut count = 0;
        while let Some((&first @ 0x20..0x40, rest)) = input.split_first() {
            *input = rest;
            let len = integer::read(input, first, 5)?;
            if len > self.max_table_len {
                return Err(DecodeError::SizeUpdateTooLong {
                    len,
                    max: self.max_table_len,
                });
            }
            count += 1;
            if count > 2 {
                return Err(DecodeError::SizeUpdateRepeated);
            }
            if self.owed_table_len.is_some_and(|owed| len <= owed) {
                self.owed_table_len = None;
            }
            self.table.resize(len);
        }
        match self.owed_table_len {
            Some(max) => Err(DecodeError::SizeUpdateMissing { max }),
            None => Ok(()),
        }
    }

    #[inline]
    fn read_indexed(&mut self, index: u32, list: &mut List<'_>) -> Result<(), DecodeError> {
        match self.resolve(index)? {
            Indexed::Static(field) => {
                let len = FIELD_OVERHEAD_LEN + field.name.len() + field.value.len();
                if list.count(len) {
                    list.fields.push(Entry::from_static(field));
                }
            }
            Indexed::Dynamic(entry) => {
                if list.count(entry.table_len()) {
                    list.fields.push(entry.clone());
                }
            }
        }
        Ok(())
    }

    fn read_literal(
        &mut self,
        input: &mut &[u8],
        name_index: u32,
        into: Into,
        list: &mut List<'_>,
    ) -> Result<(), DecodeError> {
        // An entry longer than this is stored nowhere, so its bytes are not collected either.
        let room = match into {
            Into::Table => list.room().max(self.table.max_len()),
            Into::List => list.room(),
        };
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let (name_len, name_kind) = if name_index == 0 {
            (read_string(input, &mut text, room)?, None)
        } else {
            let (name, kind) = match self.resolve(name_index)? {
                Indexed::Static(field) => (field.name, field.kind),
                Indexed::Dynamic(entry) => (entry.name(), entry.kind()),
            };
            if name.len() <= room {
                text.extend_from_slice(name);
            }
            (name.len(), Some(kind))
        };
        let value_len = read_string(input, &mut text, room.saturating_sub(name_len))?;
        let entry_len = name_len
            .saturating_add(value_len)
            .saturating_add(FIELD_OVERHEAD_LEN);
        let listed = list.count(entry_len);
        match into {
            Into::Table if self.table.can_hold(entry_len) => {
                let entry = Entry::from_joined(&text, name_len, name_kind);
                if listed {
                    list.fields.push(entry.clone());
                }
                self.table.insert(entry);
            }
            Into::Table | Into::List => {
                if into == Into::Table {
                    self.table.clear();
                }
                if listed {
                    list.fields
                        .push(Entry::from_joined(&text, name_len, name_kind));
                }
            }
        }
        self.scratch = text;
        Ok(())
    }

    #[inline]
    fn resolve(&self, index: u32) -> Result<Indexed<'_>, DecodeError> {
        let position = index as usize;
        if let Some(field) = static_table::get(position) {
            return Ok(Indexed::Static(field));
        }
        let depth = position
            .checked_sub(STATIC_COUNT + 1)
            .ok_or(DecodeError::IndexZero)?;
        let entry = self.table.get(depth).ok_or(DecodeError::IndexOutOfRange {
            index,
            max: STATIC_COUNT + self.table.count(),
        })?;
        Ok(Indexed::Dynamic(entry))
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

/// What an index stands for.
enum Indexed<'a> {
    Static(&'static static_table::StaticField),
    Dynamic(&'a Entry),
}

/// Where a literal goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    /// Into the list and the dynamic table.
    Table,
    /// Into the list only.
    List,
}

/// The list being decoded, as much of it as the limits let stay.
struct List<'a> {
    limits: Limits,
    fields: &'a mut Vec<Entry>,
    bytes: usize,
    count: usize,
}

impl<'a> List<'a> {
    fn new(limits: Limits, fields: &'a mut Vec<Entry>) -> Self {
        // `Entry` knows lengths of up to 32 bits.
        let max_list_bytes = limits.max_list_bytes.min(u32::MAX as usize);
        Self {
            limits: Limits {
                max_list_bytes,
                ..limits
            },
            fields,
            bytes: 0,
            count: 0,
        }
    }

    /// Counts a field of this length and says whether it may be stored.
    #[inline]
    fn count(&mut self, entry_len: usize) -> bool {
        self.bytes = self.bytes.saturating_add(entry_len);
        self.count += 1;
        self.is_within_limits()
    }

    fn is_within_limits(&self) -> bool {
        self.bytes <= self.limits.max_list_bytes && self.count <= self.limits.max_fields
    }

    /// Bytes that the next field may have; 0 when none may be stored any more.
    fn room(&self) -> usize {
        if self.count < self.limits.max_fields {
            self.limits.max_list_bytes.saturating_sub(self.bytes)
        } else {
            0
        }
    }

    fn outcome(&self) -> Outcome {
        if self.is_within_limits() {
            Outcome::Complete
        } else {
            Outcome::TooLong {
                bytes: self.bytes,
                fields: self.count,
            }
        }
    }
}

/// Longer scratch memory is not kept from one block to the next. Bytes.
const MAX_IDLE_SCRATCH_LEN: usize = 1024;

/// Appends a string, but at most `room` bytes of it, and returns its whole length
/// (RFC 7541 §5.2).
fn read_string(input: &mut &[u8], text: &mut Vec<u8>, room: usize) -> Result<usize, DecodeError> {
    let (&first, rest) = input.split_first().ok_or(DecodeError::IntegerTruncated)?;
    *input = rest;
    let len = integer::read(input, first, 7)?;
    let Some((string, rest)) = input.split_at_checked(len as usize) else {
        return Err(DecodeError::StringTruncated {
            len,
            left: input.len(),
        });
    };
    *input = rest;
    if first >= 0x80 {
        return huffman::decode(string, text, room);
    }
    text.extend_from_slice(string.get(..room).unwrap_or(string));
    Ok(string.len())
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IntegerTruncated => f.write_str("integer cut off by the end of the block"),
            Self::IntegerTooLong => f.write_str("integer of more than five octets"),
            Self::IntegerOverflow => f.write_str("integer does not fit in 32 bits"),
            Self::StringTruncated { len, left } => {
                write!(f, "string of {len} bytes with {left} left in the block")
            }
            Self::HuffmanEos => f.write_str("end-of-string symbol in a Huffman string"),
            Self::HuffmanPadding => {
                f.write_str("Huffman string padded with something else than ones")
            }
            Self::HuffmanPaddingTooLong => {
                f.write_str("Huffman string padded with more than 7 bits")
            }
            Self::IndexZero => f.write_str("field of index 0"),
            Self::IndexOutOfRange { index, max } => {
                write!(f, "field of index {index}, highest {max}")
            }
            Self::SizeUpdateTooLong { len, max } => {
                write!(f, "table size update to {len} bytes, limit {max}")
            }
            Self::SizeUpdateLate => f.write_str("table size update behind a field"),
            Self::SizeUpdateRepeated => f.write_str("more than two table size updates in a block"),
            Self::SizeUpdateMissing { max } => {
                write!(
                    f,
                    "no table size update although the limit fell to {max} bytes"
                )
            }
        }
    }
}

impl std::error::Error for DecodeError {}
