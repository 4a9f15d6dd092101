//! From fields to a header block, or to the same block as last time.
//!
//! The answers of repeated calls begin with the same few fields. While the dynamic table does not
//! change the same list gives the same bytes, so the block of last time is copied: no lookups,
//! field by field.

use bytes::BytesMut;

use crate::frame::writer::Template;
use crate::hpack::Encoder;
use crate::{Field, FieldList};

/// The encoder of one connection with a memory of the blocks its lists gave.
#[derive(Debug)]
pub struct HeaderWriter {
    encoder: Encoder,
    /// Each list once. A connection writes few.
    memo: Vec<Known>,
}

/// The block a list gives while the table stays as it was.
#[derive(Debug)]
struct Known {
    /// The list's key.
    key: u64,
    generation: u64,
    block: Vec<u8>,
    /// A frame that holds the block, without its stream and with END_HEADERS alone, if it is short.
    frame: Option<Template>,
}

impl HeaderWriter {
    /// A writer with an encoder table of at most `max_table_len` bytes.
    #[must_use]
    pub fn new(max_table_len: u32) -> Self {
        Self {
            encoder: Encoder::new(max_table_len),
            memo: Vec::new(),
        }
    }

    /// The peer's `SETTINGS_HEADER_TABLE_SIZE`.
    pub fn set_peer_table_len(&mut self, len: u32) {
        self.encoder.set_peer_table_len(len);
    }

    /// Appends fields to the block at the end of `out`.
    pub fn write<'a>(&mut self, fields: impl IntoIterator<Item = Field<'a>>, out: &mut BytesMut) {
        self.encoder.encode(fields, out);
    }

    /// A frame with the block that this list gives now, if that is known and short.
    #[inline]
    pub fn frame(&self, list: &FieldList) -> Option<&Template> {
        self.known(list)?.frame.as_ref()
    }

    #[inline]
    fn known(&self, list: &FieldList) -> Option<&Known> {
        let known = self.memo.iter().find(|known| known.key == list.key())?;
        (known.generation == self.encoder.generation()).then_some(known)
    }

    /// Appends a list to the block at the end of `out`.
    pub fn write_list(&mut self, list: &FieldList, out: &mut BytesMut) {
        if let Some(known) = self.known(list) {
            out.extend_from_slice(&known.block);
            return;
        }
        let generation = self.encoder.generation();
        let start = out.len();
        self.encoder.encode(list.iter(), out);
        // A block that changed the table would not be the same next time.
        if generation == self.encoder.generation() {
            let block = out.get(start..).unwrap_or_default().to_vec();
            let known = Known {
                key: list.key(),
                generation,
                frame: Template::headers(&block),
                block,
            };
            self.remember(known);
        }
    }

    /// Drops what only saves time.
    pub fn forget(&mut self) {
        self.memo = Vec::new();
    }

    fn remember(&mut self, known: Known) {
        if known.block.len() > MAX_KNOWN_LEN {
            return;
        }
        let old = self.memo.iter().position(|old| old.key == known.key);
        let place = match old {
            Some(place) => place,
            None if self.memo.len() < MAX_KNOWN_COUNT => {
                self.memo.reserve_exact(1);
                return self.memo.push(known);
            }
            None => place_of(known.key),
        };
        if let Some(place) = self.memo.get_mut(place) {
            *place = known;
        }
    }
}

/// Which place a list takes when all are taken. Keys count up, so lists made together do not share
/// one.
#[expect(clippy::cast_possible_truncation, reason = "a remainder by 16")]
fn place_of(key: u64) -> usize {
    (key % MAX_KNOWN_COUNT as u64) as usize
}

/// Blocks remembered.
const MAX_KNOWN_COUNT: usize = 16;
/// Longest block remembered. Bytes.
const MAX_KNOWN_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpack::{Decoder, Limits};

    #[test]
    fn blocks_from_memory_decode_like_fresh_ones() {
        let lists: Vec<FieldList> = (0..20)
            .map(|number| {
                let value = format!("value {number}");
                let fields = [
                    Field::indexed(b":status", b"200"),
                    Field::indexed(b"x", value.as_bytes()),
                ];
                fields.into_iter().collect()
            })
            .collect();
        let mut writer = HeaderWriter::new(400);
        let mut decoder = Decoder::new(4096);
        for round in 0..1000_usize {
            // Tables of 400 bytes hold nine of these fields; now and then the size changes.
            let list = &lists[(round * round / 7) % (1 + round % 20)];
            match round % 100 {
                50 => writer.set_peer_table_len(100),
                75 => writer.set_peer_table_len(4096),
                _ => {}
            }
            let mut block = BytesMut::new();
            writer.write_list(list, &mut block);
            writer.write(
                [Field::literal(b"round", round.to_string().as_bytes())],
                &mut block,
            );
            let mut got = Vec::new();
            let limits = Limits {
                max_list_bytes: 1000,
                max_fields: 10,
            };
            let _ = decoder.decode(&block, limits, &mut got).unwrap();
            let want: Vec<_> = list
                .iter()
                .map(|it| (it.name.to_vec(), it.value.to_vec()))
                .collect();
            let got: Vec<_> = got
                .iter()
                .map(|it| (it.name().to_vec(), it.value().to_vec()))
                .take(2)
                .collect();
            assert_eq!(got, want, "round {round}");
        }
    }

    #[test]
    fn a_list_that_repeats_is_encoded_once() {
        let list: FieldList = [Field::indexed(b"a", b"b")].into_iter().collect();
        let mut writer = HeaderWriter::new(4096);
        let blocks = [(); 4].map(|()| {
            let mut out = BytesMut::new();
            writer.write_list(&list, &mut out);
            out
        });
        assert!(blocks[0].len() > 1);
        assert_eq!(blocks[1..], [&[0x80 | 62][..]; 3]);
        assert_eq!(writer.memo.iter().filter(|known| known.key != 0).count(), 1);
        writer.forget();
    }
}
