//! The dynamic table: what was sent before, newest first, as much as a length in bytes lets stay.
//!
//! Spec: RFC 7541 §2.3.2, §4.

use std::collections::VecDeque;

use super::Entry;

/// A dynamic table.
///
/// Invariant: `len` is the sum of the entries' [`Entry::table_len`], and at most `max_len`.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest entry is at the front.
    entries: VecDeque<Entry>,
    len: usize,
    max_len: usize,
    generation: u64,
}

impl Table {
    pub(super) fn new(max_len: u32) -> Self {
        Self {
            entries: VecDeque::new(),
            len: 0,
            max_len: max_len as usize,
            generation: 0,
        }
    }

    /// The entry with `depth` newer ones in front of it.
    #[inline]
    pub(super) fn get(&self, depth: usize) -> Option<&Entry> {
        self.entries.get(depth)
    }

    /// Entries in the table.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that the entries take.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that the entries may take.
    pub(super) fn max_len(&self) -> usize {
        self.max_len
    }

    /// Whether an entry of this length stays when inserted, perhaps alone.
    pub(super) fn can_hold(&self, entry_len: usize) -> bool {
        entry_len <= self.max_len
    }

    /// Puts an entry in front and lets old ones go until all fit.
    pub(super) fn insert(&mut self, entry: Entry) {
        let entry_len = entry.table_len();
        if !self.can_hold(entry_len) {
            return self.clear();
        }
        self.evict(self.max_len - entry_len);
        self.len += entry_len;
        if self.entries.capacity() == 0 {
            // What repeats in a server's answers is often one field.
            self.entries.reserve_exact(1);
        }
        self.entries.push_front(entry);
        self.touch();
    }

    /// Lets everything go: what inserting an entry does that is longer than the table. That is no
    /// error (RFC 7541 §4.4).
    pub(super) fn clear(&mut self) {
        self.evict(0);
        self.touch();
    }

    /// Sets the length and lets old entries go that no longer fit.
    pub(super) fn resize(&mut self, max_len: u32) {
        self.max_len = max_len as usize;
        self.evict(self.max_len);
        self.touch();
    }

    /// A number that changes whenever anything else does.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Changes the generation alone: what was derived from the table no longer holds.
    pub(super) fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    fn evict(&mut self, max_len: usize) {
        while self.len > max_len
            && let Some(entry) = self.entries.pop_back()
        {
            self.len -= entry.table_len();
        }
    }
}
