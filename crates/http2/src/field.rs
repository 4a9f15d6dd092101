//! One header field on its way out, and how HPACK may treat it.

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
