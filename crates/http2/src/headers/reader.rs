//! From a header block to a checked list, or to the same list as last time.
//!
//! Repeated calls on one connection send the same few bytes for their headers. While the dynamic
//! table does not change, equal bytes mean equal lists, so the list of last time is given out
//! again: no decoding, no checking, no allocation.

use std::hash::{DefaultHasher, Hasher};

use super::Headers;
use super::check::{Message, check};
use super::kind::Kind;
use crate::error::Violation;
use crate::hpack::{DecodeError, Decoder, Entry, Limits, Outcome};

/// The decoder of one connection with a short memory of its last blocks.
#[derive(Debug)]
pub struct HeaderReader {
    decoder: Decoder,
    limits: Limits,
    /// How many fields the last list had: the next has about as many.
    field_count: usize,
    memo: Vec<Known>,
    /// The place in `memo` to be given up next.
    oldest_index: usize,
    /// Hashes of blocks seen once, and the place to be given up next: a block is worth remembering
    /// when it comes a second time, or one-off fields (a deadline) would drive the others out.
    seen: [u32; SEEN_COUNT],
    oldest_seen_index: usize,
}

/// A block and what it means while the table stays as it was.
#[derive(Debug)]
struct Known {
    generation: u64,
    message: Message,
    block: Vec<u8>,
    headers: Headers,
}

impl HeaderReader {
    /// A reader for an end that announces this table and these limits.
    #[must_use]
    pub fn new(max_table_len: u32, limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(max_table_len),
            limits,
            field_count: 0,
            memo: Vec::new(),
            oldest_index: 0,
            seen: [0; SEEN_COUNT],
            oldest_seen_index: 0,
        }
    }

    /// Our SETTINGS are in force at the peer.
    pub fn set_max_table_len(&mut self, len: u32) {
        self.decoder.set_max_table_len(len);
    }

    /// Reads one whole block. The inner error is the stream's: the list is too long or malformed,
    /// but the table is in step.
    ///
    /// # Errors
    /// [`DecodeError`]: the connection cannot go on.
    pub fn read(
        &mut self,
        block: &[u8],
        message: Message,
    ) -> Result<Result<Headers, Violation>, DecodeError> {
        let generation = self.decoder.generation();
        if let Some(headers) = self.recall(generation, block, message) {
            return Ok(Ok(headers));
        }
        let mut entries = Vec::with_capacity(self.field_count);
        match self.decoder.decode(block, self.limits, &mut entries)? {
            Outcome::Complete => {}
            Outcome::TooLong { bytes, fields } => {
                let Limits {
                    max_list_bytes,
                    max_fields,
                } = self.limits;
                return Ok(Err(Violation::HeaderListTooLong {
                    bytes,
                    max_bytes: max_list_bytes,
                    fields,
                    max_fields,
                }));
            }
        }
        let summary = match check(&entries, message) {
            Ok(summary) => summary,
            Err(what) => return Ok(Err(Violation::Malformed(what))),
        };
        if summary.crumb_count > 1 {
            join_crumbs(&mut entries);
        }
        self.field_count = entries.len();
        let headers = Headers::new(entries.into(), summary);
        // A block that changed the table would change it again, so it must be decoded again.
        if block.len() <= MAX_KNOWN_LEN
            && generation == self.decoder.generation()
            && self.is_second_sight(block)
        {
            let (block, headers) = (block.to_vec(), headers.clone());
            self.remember(Known {
                generation,
                message,
                block,
                headers,
            });
        }
        Ok(Ok(headers))
    }

    /// Drops what only saves time.
    pub fn forget(&mut self) {
        self.memo = Vec::new();
        self.oldest_index = 0;
    }

    #[inline]
    fn recall(&self, generation: u64, block: &[u8], message: Message) -> Option<Headers> {
        let known = self.memo.iter().find(|known| {
            known.generation == generation && known.block == block && known.message == message
        })?;
        Some(known.headers.clone())
    }

    fn is_second_sight(&mut self, block: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(block);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of the hash tells enough"
        )]
        let hash = hasher.finish() as u32;
        if self.seen.contains(&hash) {
            return true;
        }
        if let Some(place) = self.seen.get_mut(self.oldest_seen_index) {
            *place = hash;
        }
        self.oldest_seen_index = (self.oldest_seen_index + 1) % SEEN_COUNT;
        false
    }

    fn remember(&mut self, known: Known) {
        if self.memo.len() < MAX_KNOWN_COUNT {
            self.memo.reserve_exact(1);
            self.memo.push(known);
        } else if let Some(place) = self.memo.get_mut(self.oldest_index) {
            *place = known;
            self.oldest_index = (self.oldest_index + 1) % MAX_KNOWN_COUNT;
        }
    }
}

/// Puts a cookie together, in the place of its first crumb (RFC 9113 §8.2.3). The list gets
/// shorter by it: each crumb has counted for 32 bytes more than its own.
fn join_crumbs(entries: &mut Vec<Entry>) {
    let is_crumb = |entry: &Entry| entry.kind() == Kind::Cookie;
    let crumbs: Vec<_> = entries
        .iter()
        .filter(|entry| is_crumb(entry))
        .map(Entry::value)
        .collect();
    let mut cookie = Some(Entry::new(b"cookie", &crumbs.join(&b"; "[..])));
    entries.retain_mut(|entry| {
        if is_crumb(entry) {
            cookie.take().map(|cookie| *entry = cookie).is_some()
        } else {
            true
        }
    });
}

/// Blocks remembered: a few methods, or a response and its trailers. Blocks.
const MAX_KNOWN_COUNT: usize = 4;
/// Blocks of which a first sight is known.
const SEEN_COUNT: usize = 8;
/// Longest block remembered. Bytes.
const MAX_KNOWN_LEN: usize = 128;
