//! The request fields of each method, made once, so that a connection encodes them once.

use hikyaku_http2::FieldList;

use crate::compression::CodingIndex;
use crate::net::hashing::NumberMap;

/// A list for each method and coding. A program has as many as its clients have methods.
#[derive(Default)]
pub(super) struct Openings {
    lists: NumberMap<Key, FieldList>,
}

/// A path of the program is known by its place in memory: one that is there twice has two lists, which
/// say the same.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    path_addr: usize,
    path_len: usize,
    coding: Option<CodingIndex>,
}

impl Openings {
    /// The fields that are the same in every call of this method and coding.
    pub(super) fn of(
        &mut self,
        path: &'static str,
        coding: Option<CodingIndex>,
        make: impl FnOnce() -> FieldList,
    ) -> &FieldList {
        let key = Key {
            path_addr: path.as_ptr().addr(),
            path_len: path.len(),
            coding,
        };
        self.lists.entry(key).or_insert_with(make)
    }
}
