//! A decoded header field that is cheap to keep.

use std::fmt;
use std::sync::Arc;

use super::FIELD_OVERHEAD_LEN;
use super::static_table::StaticField;
use crate::headers::kind::{Kind, classify};

/// A header field and what it is. Cloning costs a reference count, or nothing for a field of the
/// static table.
#[derive(Clone)]
pub struct Entry {
    text: Text,
    name_len: u32,
    kind: Kind,
}

/// Where the bytes are.
#[derive(Clone)]
enum Text {
    Static(&'static StaticField),
    /// Name and value, one behind the other in one allocation.
    Shared(Arc<[u8]>),
}

impl Entry {
    /// A field of its own.
    #[must_use]
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        let text = name.iter().chain(value).copied().collect();
        Self::shared(text, name.len(), classify(name, value))
    }

    /// A field whose name is the first `name_len` of `bytes`, and its value the rest. `name_kind`
    /// is what another field of this name is, if one is known.
    pub(super) fn from_joined(bytes: &[u8], name_len: usize, name_kind: Option<Kind>) -> Self {
        let (name, value) = bytes.split_at_checked(name_len).unwrap_or((bytes, &[]));
        let kind = match name_kind {
            Some(kind) => kind.with_value(name, value),
            None => classify(name, value),
        };
        Self::shared(Arc::from(bytes), name.len(), kind)
    }

    /// A field of the static table.
    pub(super) fn from_static(field: &'static StaticField) -> Self {
        Self {
            text: Text::Static(field),
            name_len: 0,
            kind: field.kind,
        }
    }

    fn shared(text: Arc<[u8]>, name_len: usize, kind: Kind) -> Self {
        // The decoder keeps no list, and no table, that is longer than 32 bits can say; a name of
        // 4 GiB could only be our own and would be cut here.
        let name_len = u32::try_from(name_len).unwrap_or(u32::MAX);
        Self {
            text: Text::Shared(text),
            name_len,
            kind,
        }
    }

    /// The name as it came; [`Entry::kind`] says whether it is one.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &[u8] {
        match &self.text {
            Text::Static(field) => field.name,
            Text::Shared(text) => text.get(..self.name_len as usize).unwrap_or_default(),
        }
    }

    /// The value as it came.
    #[must_use]
    #[inline]
    pub fn value(&self) -> &[u8] {
        match &self.text {
            Text::Static(field) => field.value,
            Text::Shared(text) => text.get(self.name_len as usize..).unwrap_or_default(),
        }
    }

    /// What the field is, or the rule that it breaks.
    #[must_use]
    #[inline]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes that the field counts for in a table or a list: name, value and 32
    /// (RFC 7541 §4.1, RFC 9113 §6.5.2).
    #[must_use]
    #[inline]
    pub fn table_len(&self) -> usize {
        FIELD_OVERHEAD_LEN
            + match &self.text {
                Text::Static(field) => field.name.len() + field.value.len(),
                Text::Shared(text) => text.len(),
            }
    }
}

/// Shows no value: it may be a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &format_args!("{}", self.name().escape_ascii()))
            .field("value_len", &self.value().len())
            .field("kind", &self.kind)
            .finish()
    }
}
