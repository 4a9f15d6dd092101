//! What a call carries beside its messages: an ordered list of named values.
//!
//! An entry is text, or bytes if its key ends in `-bin`; the wire knows only text, so bytes travel
//! as base64. A key may come more than once, and the order of the values of one key is kept.
//!
//! Received metadata is a view of the header list it came in: nothing is copied, and nothing decoded,
//! until someone looks. The fields that gRPC and HTTP use for themselves are not part of the view.
//!
//! Spec: gRPC over HTTP/2, "Custom-Metadata".

mod key;

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use hikyaku_http2::{Field, Headers};

pub use self::key::BadMetadata;
use self::key::{is_binary, is_hidden, is_secret};

/// An ordered list of keys and values, text or binary, in which a key may come more than once.
///
/// Keys are looked up without regard to case. [`Metadata::new`] does not allocate; a clone of
/// received metadata costs one reference count.
///
/// # Example
/// ```
/// use hikyaku::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.insert("user-id", "42")?;
/// metadata.insert_bin("trace-bin", &[0xab, 0xcd])?;
///
/// assert_eq!(metadata.get("User-Id"), Some("42"));
/// assert_eq!(metadata.get_bin("trace-bin").unwrap(), [0xab, 0xcd][..]);
/// # Ok::<(), hikyaku::Status>(())
/// ```
#[derive(Clone, Default)]
pub struct Metadata {
    /// What came from the peer, hidden fields included. The view of it comes first.
    received: Option<Headers>,
    /// What was added here. Most lists have nothing, and there are several of them in each call: so
    /// long it is one word.
    added: Option<Box<Added>>,
}

/// The entries of a list that were added to it.
#[derive(Clone, Default)]
struct Added {
    entries: Vec<Entry>,
}

impl Metadata {
    /// An empty list.
    ///
    /// # Example
    /// ```
    /// assert!(hikyaku::Metadata::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            received: None,
            added: None,
        }
    }

    /// A view of what the peer sent.
    pub(crate) const fn received(headers: Headers) -> Self {
        Self {
            received: Some(headers),
            added: None,
        }
    }

    /// The first text of this key.
    ///
    /// `None` also for a `-bin` key, and for a received value that is legal in HTTP but is not
    /// printable ASCII: such values are not part of the list.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.insert("user-id", "42")?;
    /// assert_eq!(metadata.get("user-id"), Some("42"));
    /// assert_eq!(metadata.get("other"), None);
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key).next()
    }

    /// Every text of this key, in order.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.append("role", "reader")?;
    /// metadata.append("role", "writer")?;
    /// assert_eq!(metadata.get_all("role").collect::<Vec<_>>(), ["reader", "writer"]);
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn get_all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        let is_wanted = !is_binary(key);
        self.texts(move |name| is_wanted && name.eq_ignore_ascii_case(key))
            .map(|(_, text)| text)
    }

    /// The first bytes of this key, which must end in `-bin`.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.insert_bin("trace-bin", b"\x01\x02")?;
    /// assert_eq!(metadata.get_bin("trace-bin").unwrap(), &b"\x01\x02"[..]);
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    #[must_use]
    pub fn get_bin(&self, key: &str) -> Option<Bytes> {
        self.get_all_bin(key).next()
    }

    /// Every bytes value of this key, in order.
    ///
    /// Values that were joined with commas on their way are taken apart again. What is no base64
    /// is skipped.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.append_bin("trace-bin", b"\x01")?;
    /// metadata.append_bin("trace-bin", b"\x02")?;
    /// assert_eq!(metadata.get_all_bin("trace-bin").count(), 2);
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn get_all_bin(&self, key: &str) -> impl Iterator<Item = Bytes> {
        let is_wanted = is_binary(key);
        self.texts(move |name| is_wanted && name.eq_ignore_ascii_case(key))
            .flat_map(|(_, text)| {
                text.split(',')
                    .filter_map(|part| decode_base64(part.as_bytes()))
            })
    }

    /// Sets a key to this text; other values of the key are removed.
    ///
    /// The key is put in lower case. Blanks around the value are dropped, as a peer may drop them.
    ///
    /// # Errors
    /// - [`BadMetadata::EmptyKey`] and [`BadMetadata::KeyCharacter`] if the key is not of
    ///   `[0-9a-z_.-]+`.
    /// - [`BadMetadata::ReservedKey`] if gRPC or HTTP uses the key for itself.
    /// - [`BadMetadata::BinaryKey`] if the key ends in `-bin`.
    /// - [`BadMetadata::ValueCharacter`] if the value is not printable ASCII.
    ///
    /// The list is unchanged.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.insert("user-id", "1")?;
    /// metadata.insert("User-ID", "2")?;
    /// assert_eq!(metadata.get_all("user-id").collect::<Vec<_>>(), ["2"]);
    /// assert!(metadata.insert("grpc-status", "0").is_err());
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), BadMetadata> {
        let entry = Entry::text(key, value)?;
        self.replace(entry);
        Ok(())
    }

    /// Adds this text to the values of the key.
    ///
    /// # Errors
    /// As [`Metadata::insert`].
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.append("role", "reader")?;
    /// metadata.append("role", "writer")?;
    /// assert_eq!(metadata.len(), 2);
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn append(&mut self, key: &str, value: &str) -> Result<(), BadMetadata> {
        self.push(Entry::text(key, value)?);
        Ok(())
    }

    /// Sets a key, which must end in `-bin`, to these bytes; other values of the key are removed.
    ///
    /// # Errors
    /// As [`Metadata::insert`] for the key, but [`BadMetadata::TextKey`] if it does not end in
    /// `-bin`. Every value is allowed.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.insert_bin("trace-bin", &[0xff, 0x00])?;
    /// assert!(metadata.insert_bin("trace", &[0xff, 0x00]).is_err());
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn insert_bin(&mut self, key: &str, value: &[u8]) -> Result<(), BadMetadata> {
        let entry = Entry::binary(key, value)?;
        self.replace(entry);
        Ok(())
    }

    /// Adds these bytes to the values of the key, which must end in `-bin`.
    ///
    /// # Errors
    /// As [`Metadata::insert_bin`].
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.append_bin("trace-bin", b"\x01")?;
    /// assert_eq!(metadata.len(), 1);
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn append_bin(&mut self, key: &str, value: &[u8]) -> Result<(), BadMetadata> {
        self.push(Entry::binary(key, value)?);
        Ok(())
    }

    /// Removes every value of this key; whether there was one.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.insert("user-id", "1")?;
    /// assert!(metadata.remove("user-id"));
    /// assert!(!metadata.remove("user-id"));
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn remove(&mut self, key: &str) -> bool {
        if self
            .texts(|name| name.eq_ignore_ascii_case(key))
            .next()
            .is_none()
        {
            return false;
        }
        let is_kept = |name: &str| !name.eq_ignore_ascii_case(key);
        if self.received.is_some() {
            let kept = self.texts(is_kept);
            let entries = kept.map(|(key, text)| Entry::new(key, text)).collect();
            self.added = Some(Box::new(Added { entries }));
            self.received = None;
        } else if let Some(added) = &mut self.added {
            added.entries.retain(|entry| is_kept(&entry.key));
        }
        true
    }

    /// Every entry, in order; a key comes once for each of its values.
    ///
    /// # Example
    /// ```
    /// use hikyaku::{Metadata, Value};
    ///
    /// let mut metadata = Metadata::new();
    /// metadata.insert("user-id", "42")?;
    /// assert_eq!(metadata.iter().next(), Some(("user-id", Value::Ascii("42"))));
    /// # Ok::<(), hikyaku::Status>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.texts(|_| true).flat_map(|(key, text)| {
            let is_binary = is_binary(key);
            text.split(move |c| is_binary && c == ',')
                .filter_map(move |part| {
                    let value = if is_binary {
                        Value::Binary(decode_base64(part.as_bytes())?)
                    } else {
                        Value::Ascii(part)
                    };
                    Some((key, value))
                })
        })
    }

    /// How many entries [`Metadata::iter`] gives.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::Metadata::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no entry.
    ///
    /// # Example
    /// ```
    /// assert!(hikyaku::Metadata::new().is_empty());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.has_nothing() || self.iter().next().is_none()
    }

    /// Whether nothing came and nothing was added: a quick look, that says nothing if it is `false`.
    #[inline]
    fn has_nothing(&self) -> bool {
        self.received.is_none() && self.added.is_none()
    }

    /// The fields to send. Received entries pass on as they came.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.texts(|_| true).map(|(key, text)| field(key, text))
    }

    /// Names and texts as on the wire, of the names that are wanted.
    fn texts(&self, is_wanted: impl Fn(&str) -> bool + Copy) -> impl Iterator<Item = (&str, &str)> {
        let received = self.received.iter().flat_map(|headers| headers.fields());
        let received = received
            .filter(move |(name, _)| is_wanted(name) && !is_hidden(name))
            .filter_map(|(name, value)| Some((name, printable(value)?)));
        let added = self.added.iter().flat_map(|added| &added.entries);
        let added = added.map(|entry| (&*entry.key, &*entry.text));
        received.chain(added.filter(move |(key, _)| is_wanted(key)))
    }

    fn replace(&mut self, entry: Entry) {
        self.remove(&entry.key);
        self.push(entry);
    }

    fn push(&mut self, entry: Entry) {
        self.added.get_or_insert_default().entries.push(entry);
    }
}

impl PartialEq for Metadata {
    /// Whether both give the same entries in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Metadata {}

impl fmt::Debug for Metadata {
    /// Shows every entry, but not the values of `authorization`, `cookie` and their like.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.iter() {
            match value {
                _ if is_secret(key) => map.entry(&key, &format_args!("(secret)")),
                Value::Ascii(text) => map.entry(&key, &text),
                Value::Binary(bytes) => map.entry(&key, &bytes),
            };
        }
        map.finish()
    }
}

/// The value of one entry.
///
/// # Example
/// ```
/// use hikyaku::{Metadata, Value};
///
/// fn value_len(value: &Value<'_>) -> usize {
///     match value {
///         Value::Ascii(text) => text.len(),
///         Value::Binary(bytes) => bytes.len(),
///     }
/// }
///
/// let mut metadata = Metadata::new();
/// metadata.insert_bin("trace-bin", &[1, 2, 3])?;
/// assert!(metadata.iter().all(|(_, value)| value_len(&value) == 3));
/// # Ok::<(), hikyaku::Status>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Printable ASCII, 0x20 to 0x7e.
    Ascii(&'a str),
    /// The bytes of a `-bin` key.
    Binary(Bytes),
}

/// One entry that was added here, in the form it is sent in.
#[derive(Clone)]
struct Entry {
    key: Box<str>,
    text: Box<str>,
}

impl Entry {
    fn new(key: &str, text: &str) -> Self {
        Self {
            key: key.into(),
            text: text.into(),
        }
    }

    fn text(key: &str, value: &str) -> Result<Self, BadMetadata> {
        let key = key::checked(key)?;
        if is_binary(&key) {
            return Err(BadMetadata::BinaryKey { key });
        }
        let text = value.trim_matches(' ');
        if let Some(character) = text.chars().find(|c| !matches!(c, ' '..='~')) {
            return Err(BadMetadata::ValueCharacter { key, character });
        }
        Ok(Self {
            key: key.into(),
            text: text.into(),
        })
    }

    fn binary(key: &str, value: &[u8]) -> Result<Self, BadMetadata> {
        let key = key::checked(key)?;
        if !is_binary(&key) {
            return Err(BadMetadata::TextKey { key });
        }
        Ok(Self {
            key: key.into(),
            text: encode_base64(value).into(),
        })
    }
}

/// The text of bytes: base64 without padding.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes of a text, padded or not, blanks around it ignored; `None` if it is no base64.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Bytes> {
    BASE64.decode(text.trim_ascii()).ok().map(Bytes::from)
}

/// How a field is best sent.
fn field<'a>(key: &'a str, text: &'a str) -> Field<'a> {
    let (name, value) = (key.as_bytes(), text.as_bytes());
    if is_secret(key) {
        Field::sensitive(name, value)
    } else if is_binary(key) || text.len() > MAX_INDEXED_LEN {
        Field::literal(name, value)
    } else {
        Field::indexed(name, value)
    }
}

/// The value as text, if gRPC can carry it.
fn printable(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes()
        .all(|byte| matches!(byte, b' '..=b'~'))
        .then_some(text)
}

/// Longest text, in bytes, that is worth a place in the peer's header table. Of the 4,096 bytes of
/// the usual table a longer one would drive out too much that repeats.
const MAX_INDEXED_LEN: usize = 64;

/// Writes without padding; reads with and without, and takes any bits where the last ones are unused.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
pub(crate) mod tests;
