//! Header fields on their way out, and how HPACK may treat them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A header field to be sent: a lower-case name, a value, and how the HPACK encoder treats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field's name in lower case, or a pseudo-header such as `:path`.
    pub name: &'a [u8],
    /// The field's value, as it goes on the wire.
    pub value: &'a [u8],
    /// Whether the field may enter the dynamic table.
    pub indexing: Indexing,
}

impl<'a> Field<'a> {
    /// A field that repeats from call to call and so is worth a place in the dynamic table.
    #[must_use]
    pub const fn indexed(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            name,
            value,
            indexing: Indexing::Indexed,
        }
    }

    /// A field whose value seldom repeats: it is sent as a literal and not remembered.
    #[must_use]
    pub const fn literal(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            name,
            value,
            indexing: Indexing::Literal,
        }
    }

    /// A field whose value is a secret: no hop may put it into a table.
    #[must_use]
    pub const fn sensitive(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            name,
            value,
            indexing: Indexing::NeverIndexed,
        }
    }

    /// Whether it makes its list a request for no more than a head.
    pub(crate) fn asks_for_head(&self) -> bool {
        self.value == b"HEAD" && self.name == b":method"
    }
}

/// How the HPACK encoder treats a field (RFC 7541 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// Looked up in, and added to, the dynamic table (RFC 7541 §6.2.1).
    Indexed,
    /// Sent as a literal, not added; an exact match in a table is still used (RFC 7541 §6.2.2).
    Literal,
    /// Sent as a literal that no intermediary may index (RFC 7541 §6.2.3).
    NeverIndexed,
}

/// Fields that are sent again and again, such as the headers of every good answer.
///
/// A connection remembers the block a list was encoded to: while its header table does not change
/// the next one costs a comparison and a copy, not a lookup for each field. It knows the list by
/// its identity, so make it once and keep it; cloning costs one reference count.
#[derive(Clone, Debug)]
pub struct FieldList {
    list: Arc<List>,
}

#[derive(Debug)]
struct List {
    /// Different for each list of the process.
    key: u64,
    /// Names and values, one behind the other.
    bytes: Box<[u8]>,
    /// Length of the name, length of the value, treatment.
    spans: Box<[(usize, usize, Indexing)]>,
    asks_for_head: bool,
}

impl FieldList {
    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let mut rest = &*self.list.bytes;
        self.list
            .spans
            .iter()
            .map(move |&(name_len, value_len, indexing)| {
                let (name, behind) = rest.split_at_checked(name_len).unwrap_or_default();
                let (value, behind) = behind.split_at_checked(value_len).unwrap_or_default();
                rest = behind;
                Field {
                    name,
                    value,
                    indexing,
                }
            })
    }

    /// Whether it is a request for no more than a head: its method is `HEAD`.
    pub(crate) fn asks_for_head(&self) -> bool {
        self.list.asks_for_head
    }

    /// What tells this list from all others.
    pub(crate) fn key(&self) -> u64 {
        self.list.key
    }
}

impl<'a> FromIterator<Field<'a>> for FieldList {
    fn from_iter<I: IntoIterator<Item = Field<'a>>>(fields: I) -> Self {
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        let mut asks_for_head = false;
        for field in fields {
            asks_for_head |= field.asks_for_head();
            bytes.extend_from_slice(field.name);
            bytes.extend_from_slice(field.value);
            spans.push((field.name.len(), field.value.len(), field.indexing));
        }
        let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
        Self {
            list: Arc::new(List {
                key,
                bytes: bytes.into(),
                spans: spans.into(),
                asks_for_head,
            }),
        }
    }
}

/// What a header list is put together of.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Fields that come again and again.
    List(&'a FieldList),
    /// One that may be another each time.
    Field(Field<'a>),
}

/// The key of the next list. It is a name, not protocol state: nothing waits for it.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_its_fields_back_and_is_one_of_a_kind() {
        let fields = [
            Field::indexed(b"grpc-status", b"0"),
            Field::literal(b"empty", b""),
            Field::sensitive(b"authorization", b"x"),
        ];
        let list: FieldList = fields.into_iter().collect();
        let other: FieldList = fields.into_iter().collect();
        assert_eq!(list.iter().collect::<Vec<_>>(), fields);
        assert_eq!(list.key(), list.clone().key());
        assert_ne!(list.key(), other.key());
    }
}
