//! The request fields of each method, made once, so that a connection encodes them once.

use hikyaku_http2::FieldList;

use crate::call::client::RequestHead;
use crate::compression::CodingIndex;
use crate::net::hashing::NumberMap;

/// The lists of each method and coding. A program has as many as its clients have methods.
#[derive(Default)]
pub(super) struct Openings {
    /// Those of calls without a deadline: one list is all.
    whole: NumberMap<Key, FieldList>,
    /// Those of calls with one: what comes before the timeout, and what behind it.
    halves: NumberMap<Key, [FieldList; 2]>,
}

/// A path of the program is known by its place in memory: one that is there twice has two lists, which
/// say the same.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    path_addr: usize,
    path_len: usize,
    coding: Option<CodingIndex>,
}

impl Key {
    fn of(head: &RequestHead<'_>) -> Self {
        Self {
            path_addr: head.path.as_ptr().addr(),
            path_len: head.path.len(),
            coding: head.coding,
        }
    }
}

impl Openings {
    /// The fields that are the same in every call like this one.
    pub(super) fn whole(&mut self, head: &RequestHead<'_>) -> &FieldList {
        let list = self.whole.entry(Key::of(head));
        list.or_insert_with(|| {
            head.reserved()
                .into_iter()
                .chain(head.definition())
                .collect()
        })
    }

    /// The same, with a gap for the timeout.
    pub(super) fn halves(&mut self, head: &RequestHead<'_>) -> &[FieldList; 2] {
        let halves = self.halves.entry(Key::of(head));
        halves.or_insert_with(|| {
            let reserved = head.reserved().into_iter().collect();
            [reserved, head.definition().collect()]
        })
    }
}
