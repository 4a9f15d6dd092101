//! What a key may be, and what a key means for its values.

use std::fmt;

use crate::call::status::Status;

/// The key in lower case, if it may be used.
pub(super) fn checked(key: &str) -> Result<String, BadMetadata> {
    let key = key.to_ascii_lowercase();
    if key.is_empty() {
        return Err(BadMetadata::EmptyKey);
    }
    let is_allowed = |c: &char| matches!(c, '0'..='9' | 'a'..='z' | '_' | '.' | '-');
    if let Some(character) = key.chars().find(|c| !is_allowed(c)) {
        return Err(BadMetadata::KeyCharacter { key, character });
    }
    if is_reserved(&key) {
        return Err(BadMetadata::ReservedKey { key });
    }
    Ok(key)
}

/// Whether the key names binary values.
pub(super) fn is_binary(key: &str) -> bool {
    let suffix = key
        .len()
        .checked_sub(SUFFIX.len())
        .and_then(|at| key.as_bytes().get(at..));
    suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(SUFFIX))
}

/// Whether a received field is gRPC's or HTTP's own and no part of the metadata.
pub(super) fn is_hidden(name: &str) -> bool {
    match name {
        // The length and the host are those of this one exchange: passed on, they would be wrong.
        "content-type" | "te" | "content-length" | "host" => true,
        _ => name.strip_prefix(RESERVED_PREFIX).is_some_and(|rest| {
            matches!(
                rest,
                "timeout"
                    | "encoding"
                    | "accept-encoding"
                    | "status"
                    | "message"
                    | "message-type"
                    | "status-details-bin"
            )
        }),
    }
}

/// Whether a key, in lower case, may not be used by an application.
fn is_reserved(key: &str) -> bool {
    match key.strip_prefix(RESERVED_PREFIX) {
        // The keys of the prefix that gRPC leaves to the layers above it.
        Some(rest) => !matches!(
            rest,
            "previous-rpc-attempts" | "retry-pushback-ms" | "tags-bin" | "trace-bin"
        ),
        // RFC 9113 §8.2.2 forbids the fields of the connection.
        None => {
            is_hidden(key)
                || matches!(
                    key,
                    "connection"
                        | "keep-alive"
                        | "proxy-connection"
                        | "transfer-encoding"
                        | "upgrade"
                        | "http2-settings"
                )
        }
    }
}

/// Whether the values of a key stay out of header tables and logs (RFC 7541 §7.1.3).
pub(super) fn is_secret(key: &str) -> bool {
    matches!(
        key,
        "authorization" | "cookie" | "proxy-authorization" | "set-cookie"
    )
}

/// An entry that metadata cannot hold. Values are left out of it, for they may be secrets.
///
/// Turned into a [`Status`](crate::Status) it is INTERNAL, so that `?` works in a handler.
///
/// # Example
/// ```
/// use hikyaku::{BadMetadata, Metadata};
///
/// let bad = Metadata::new().insert("user id", "42").unwrap_err();
/// assert_eq!(bad, BadMetadata::KeyCharacter { key: "user id".into(), character: ' ' });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadMetadata {
    /// The key is empty.
    EmptyKey,
    /// The key has a character other than 0-9, a-z, `_`, `.` and `-`.
    KeyCharacter {
        /// The key.
        key: String,
        /// Its first wrong character.
        character: char,
    },
    /// gRPC or HTTP uses the key for itself.
    ReservedKey {
        /// The key.
        key: String,
    },
    /// Text for a key that ends in `-bin`.
    BinaryKey {
        /// The key.
        key: String,
    },
    /// Bytes for a key that does not end in `-bin`.
    TextKey {
        /// The key.
        key: String,
    },
    /// Text outside of printable ASCII.
    ValueCharacter {
        /// The key.
        key: String,
        /// The first wrong character of the value.
        character: char,
    },
}

impl fmt::Display for BadMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyKey => f.write_str("metadata key is empty"),
            Self::KeyCharacter { key, character } => write!(
                f,
                "metadata key {key:?} has {character:?}, allowed are 0-9, a-z, '_', '.' and '-'"
            ),
            Self::ReservedKey { key } => {
                write!(f, "metadata key {key:?} is reserved for gRPC and HTTP")
            }
            Self::BinaryKey { key } => {
                write!(
                    f,
                    "metadata key {key:?} ends in -bin and takes bytes, not text"
                )
            }
            Self::TextKey { key } => {
                write!(
                    f,
                    "metadata key {key:?} takes text, bytes want a key that ends in -bin"
                )
            }
            Self::ValueCharacter { key, character } => write!(
                f,
                "metadata value of {key:?} has {character:?}, allowed is printable ASCII; \
                 a key that ends in -bin takes any bytes"
            ),
        }
    }
}

impl std::error::Error for BadMetadata {}

impl From<BadMetadata> for Status {
    fn from(bad: BadMetadata) -> Self {
        Self::internal(bad.to_string()).with_source(bad)
    }
}

/// How the keys of binary values end.
const SUFFIX: &[u8] = b"-bin";

/// How the keys that gRPC keeps for itself begin.
const RESERVED_PREFIX: &str = "grpc-";
