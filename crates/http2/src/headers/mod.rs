//! A received header list, checked against RFC 9113 §8 and cheap to clone.
//!
//! ```text
//! block -> reader (memo, hpack) -> check (order, duplicates, what must be there) -> Headers
//! Field -> writer (memo, hpack) -> block
//! ```
//!
//! Rules about one field alone are in [`kind`], rules about the whole list in [`check`].

use std::sync::Arc;

use crate::hpack::Entry;

pub mod check;
pub mod kind;
pub mod reader;
pub mod writer;

use check::Summary;
use kind::Kind;

/// A validated header list. Cloning costs one reference count; two lists decoded from the same,
/// wholly indexed block may be the same allocation ([`Headers::same`]).
#[derive(Clone, Debug)]
pub struct Headers {
    list: Arc<List>,
}

#[derive(Debug)]
struct List {
    /// Pseudo-headers first.
    entries: Box<[Entry]>,
    summary: Summary,
}

impl Headers {
    pub(crate) fn new(entries: Box<[Entry]>, summary: Summary) -> Self {
        Self {
            list: Arc::new(List { entries, summary }),
        }
    }

    /// Whether somebody else has the same list: the connection, that is, if it will give it out again
    /// for the same block ([`Headers::same`]).
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.list) > 1
    }

    /// `:method`; always there in a request.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.pseudo(Kind::Method)
    }

    /// `:scheme`; always there in a request other than CONNECT.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.pseudo(Kind::Scheme)
    }

    /// `:authority`, or the `host` field when only that was sent.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.pseudo(Kind::Authority).or_else(|| {
            let host = self
                .regular()
                .iter()
                .find(|entry| entry.kind() == Kind::Host)?;
            str::from_utf8(host.value()).ok()
        })
    }

    /// `:path`; always there, and not empty, in a request other than CONNECT.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.pseudo(Kind::Path)
    }

    /// `:status`, 100 to 999; always there in a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.list.summary.status
    }

    /// `content-length`, if there is one.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.list.summary.content_length
    }

    /// The regular fields in the order received, names in lower case.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // Names have been checked: they are ASCII.
        let name = |entry| str::from_utf8(Entry::name(entry)).unwrap_or_default();
        self.regular()
            .iter()
            .map(move |entry| (name(entry), entry.value()))
    }

    /// The first value of a regular field, by its lower-case name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let entry = self
            .regular()
            .iter()
            .find(|entry| entry.name() == name.as_bytes())?;
        Some(entry.value())
    }

    /// Whether both are one allocation, and so surely equal: what was derived from one holds for
    /// the other. `false` says nothing.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.list, &other.list)
    }

    fn pseudo(&self, kind: Kind) -> Option<&str> {
        let pseudo = self.list.entries.get(..self.list.summary.pseudo_count)?;
        let entry = pseudo.iter().find(|entry| entry.kind() == kind)?;
        str::from_utf8(entry.value()).ok()
    }

    fn regular(&self) -> &[Entry] {
        self.list
            .entries
            .get(self.list.summary.pseudo_count..)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
