//! The request fields of each method, made once, so that a connection encodes them once.

use hikyaku_http2::FieldList;

use crate::call::client::RequestHead;
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
    /// The fields that are the same in every call like this one.
    pub(super) fn of(&mut self, head: &RequestHead<'_>) -> &FieldList {
        let key = Key {
            path_addr: head.path.as_ptr().addr(),
            path_len: head.path.len(),
            coding: head.coding,
        };
        let list = self.lists.entry(key);
        list.or_insert_with(|| head.opening().collect())
    }
}
