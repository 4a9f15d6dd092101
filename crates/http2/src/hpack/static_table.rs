//! The fields that both ends know from the start, and how to find one.
//!
//! Spec: RFC 7541 §2.3.1, Appendix A.

use super::lookup::{hash, same};
use crate::headers::kind::{Fault, Kind};

/// A field of the static table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StaticField {
    pub(super) name: &'static [u8],
    pub(super) value: &'static [u8],
    /// What the field is when it is taken as it stands.
    pub(super) kind: Kind,
}

/// Fields in the table. Their indexes start at 1; the dynamic table's follow.
pub(super) const STATIC_COUNT: usize = 61;

/// The field at an index, 1 to [`STATIC_COUNT`].
#[inline]
pub(super) fn get(index: usize) -> Option<&'static StaticField> {
    FIELDS.get(index.checked_sub(1)?)
}

/// The index of the field with this name and value, and [`field_hash`].
#[inline]
pub(super) fn find(hash: u64, name: &[u8], value: &[u8]) -> Option<usize> {
    probe(&BY_FIELD, hash, |field| {
        same(field.value, value) && same(field.name, name)
    })
}

/// The lowest index of a field with this name and [`name_hash`].
#[inline]
pub(super) fn find_name(hash: u64, name: &[u8]) -> Option<usize> {
    probe(&BY_NAME, hash, |field| same(field.name, name))
}

/// The hash by which names are found, here and in the dynamic table.
#[inline]
pub(super) const fn name_hash(name: &[u8]) -> u64 {
    hash(name, 0)
}

/// The hash by which whole fields are found.
#[inline]
pub(super) const fn field_hash(name_hash: u64, value: &[u8]) -> u64 {
    // The two are independent of one another, so the processor works at both at once.
    name_hash.rotate_left(32) ^ hash(value, 1)
}

/// Indexes by hash: open addressing, 0 is free.
type Slots = [u8; SLOT_COUNT];

/// Four times the fields, so that most lookups of something else end at the first slot.
const SLOT_COUNT: usize = 256;

#[inline]
fn probe(slots: &Slots, hash: u64, is_it: impl Fn(&StaticField) -> bool) -> Option<usize> {
    let mut slot = slot_of(hash);
    loop {
        // The table has free slots, so this ends: `get` has no field at 0.
        #[expect(clippy::indexing_slicing, reason = "a slot number is masked")]
        let index = usize::from(slots[slot]);
        if is_it(get(index)?) {
            return Some(index);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

const fn slot_of(hash: u64) -> usize {
    (hash >> 56) as usize % SLOT_COUNT
}

#[expect(clippy::indexing_slicing, reason = "checked at compile time")]
static BY_FIELD: Slots = {
    let mut slots = [0; SLOT_COUNT];
    let mut index = 1;
    while index <= STATIC_COUNT {
        let field = &FIELDS[index - 1];
        occupy(
            &mut slots,
            field_hash(name_hash(field.name), field.value),
            index,
        );
        index += 1;
    }
    slots
};

/// Fields of one name stand together, so the first of them is the one whose predecessor differs.
#[expect(clippy::indexing_slicing, reason = "checked at compile time")]
static BY_NAME: Slots = {
    let mut slots = [0; SLOT_COUNT];
    let mut index = 1;
    while index <= STATIC_COUNT {
        let hash = name_hash(FIELDS[index - 1].name);
        if index == 1 || name_hash(FIELDS[index - 2].name) != hash {
            occupy(&mut slots, hash, index);
        }
        index += 1;
    }
    slots
};

#[expect(clippy::indexing_slicing, reason = "a slot number is masked")]
#[expect(clippy::cast_possible_truncation, reason = "an index is at most 61")]
const fn occupy(slots: &mut Slots, hash: u64, index: usize) {
    let mut slot = slot_of(hash);
    while slots[slot] != 0 {
        slot = (slot + 1) % SLOT_COUNT;
    }
    slots[slot] = index as u8;
}

const fn field(name: &'static str, value: &'static str, kind: Kind) -> StaticField {
    StaticField {
        name: name.as_bytes(),
        value: value.as_bytes(),
        kind,
    }
}

const fn regular(name: &'static str) -> StaticField {
    field(name, "", Kind::Regular)
}

static FIELDS: [StaticField; STATIC_COUNT] = [
    field(":authority", "", Kind::Malformed(Fault::Authority)),
    field(":method", "GET", Kind::Method),
    field(":method", "POST", Kind::Method),
    field(":path", "/", Kind::Path),
    field(":path", "/index.html", Kind::Path),
    field(":scheme", "http", Kind::Scheme),
    field(":scheme", "https", Kind::Scheme),
    field(":status", "200", Kind::Status),
    field(":status", "204", Kind::Status),
    field(":status", "206", Kind::Status),
    field(":status", "304", Kind::Status),
    field(":status", "400", Kind::Status),
    field(":status", "404", Kind::Status),
    field(":status", "500", Kind::Status),
    regular("accept-charset"),
    field("accept-encoding", "gzip, deflate", Kind::Regular),
    regular("accept-language"),
    regular("accept-ranges"),
    regular("accept"),
    regular("access-control-allow-origin"),
    regular("age"),
    regular("allow"),
    regular("authorization"),
    regular("cache-control"),
    regular("content-disposition"),
    regular("content-encoding"),
    regular("content-language"),
    field("content-length", "", Kind::Malformed(Fault::ContentLength)),
    regular("content-location"),
    regular("content-range"),
    regular("content-type"),
    field("cookie", "", Kind::Cookie),
    regular("date"),
    regular("etag"),
    regular("expect"),
    regular("expires"),
    regular("from"),
    field("host", "", Kind::Host),
    regular("if-match"),
    regular("if-modified-since"),
    regular("if-none-match"),
    regular("if-range"),
    regular("if-unmodified-since"),
    regular("last-modified"),
    regular("link"),
    regular("location"),
    regular("max-forwards"),
    regular("proxy-authenticate"),
    regular("proxy-authorization"),
    regular("range"),
    regular("referer"),
    regular("refresh"),
    regular("retry-after"),
    regular("server"),
    regular("set-cookie"),
    regular("strict-transport-security"),
    field("transfer-encoding", "", Kind::ConnectionSpecific),
    regular("user-agent"),
    regular("vary"),
    regular("via"),
    regular("www-authenticate"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::kind::classify;

    #[test]
    fn every_field_is_found_at_its_index_and_has_its_kind() {
        for index in 1..=STATIC_COUNT {
            let StaticField { name, value, kind } = get(index).unwrap();
            let hash = name_hash(name);
            assert_eq!(find(field_hash(hash, value), name, value), Some(index));
            let first = FIELDS.iter().position(|field| field.name == *name).unwrap() + 1;
            assert_eq!(find_name(hash, name), Some(first), "{index}");
            assert_eq!(classify(name, value), *kind, "{index}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_not_found() {
        for (name, value) in [
            (":status", "201"),
            ("te", "trailers"),
            ("", ""),
            ("via", "x"),
        ] {
            let (name, value) = (name.as_bytes(), value.as_bytes());
            assert_eq!(find(field_hash(name_hash(name), value), name, value), None);
        }
        assert_eq!(find_name(name_hash(b"te"), b"te"), None);
        assert_eq!((get(0), get(STATIC_COUNT + 1)), (None, None));
    }
}
