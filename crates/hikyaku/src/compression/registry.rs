//! The codings of one channel or server, as its calls use them.

use std::fmt;
use std::sync::Arc;

use super::{BadCoding, Coding, Codings, Wish};
use crate::Status;

/// Codings whose names have been checked. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Registry(Option<Arc<Inner>>);

struct Inner {
    list: Box<[Arc<dyn Coding>]>,
    /// The names, as `grpc-accept-encoding` has them.
    names: String,
}

/// Which coding of its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CodingIndex(u8);

impl CodingIndex {
    pub(crate) fn position(self) -> usize {
        usize::from(self.0)
    }
}

/// The codings of a registry that the peer takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted(u32);

impl Accepted {
    /// All of them.
    pub(crate) const ALL: Self = Self(u32::MAX);

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn has(self, coding: CodingIndex) -> bool {
        self.0 & (1 << coding.0) != 0
    }
}

impl Registry {
    /// # Errors
    /// [`BadCoding::Name`], [`BadCoding::TooMany`].
    pub(crate) fn new(codings: Codings) -> Result<Self, BadCoding> {
        if codings.list.is_empty() {
            return Ok(Self(None));
        }
        if codings.list.len() > MAX_COUNT {
            return Err(BadCoding::TooMany {
                count: codings.list.len(),
                max: MAX_COUNT,
            });
        }
        if let Some(name) = codings.names().find(|name| !is_name(name)) {
            let name = name.to_owned();
            return Err(BadCoding::Name { name });
        }
        let names = codings.names().collect::<Vec<_>>().join(",");
        let list = codings.list.into();
        Ok(Self(Some(Arc::new(Inner { list, names }))))
    }

    fn list(&self) -> &[Arc<dyn Coding>] {
        self.0.as_ref().map_or(&[], |inner| &inner.list)
    }

    /// What the peer is told; empty if there is none.
    pub(crate) fn names(&self) -> &str {
        self.0.as_ref().map_or("", |inner| &inner.names)
    }

    /// All that is understood, for people.
    pub(crate) fn known(&self) -> String {
        let names = self.list().iter().map(|coding| coding.name());
        let all = std::iter::once("identity").chain(names);
        all.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn get(&self, index: CodingIndex) -> Option<&Arc<dyn Coding>> {
        self.list().get(index.position())
    }

    /// The coding with its place.
    pub(crate) fn chosen(&self, index: CodingIndex) -> Option<Chosen> {
        let coding = Arc::clone(self.get(index)?);
        Some(Chosen { index, coding })
    }

    /// Every coding with its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CodingIndex, &str)> {
        let indices = (0..).map(CodingIndex);
        indices.zip(self.list().iter().map(|coding| coding.name()))
    }

    /// The coding of this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<CodingIndex> {
        self.iter()
            .find(|(_, known)| known.as_bytes() == name)
            .map(|(index, _)| index)
    }

    /// What of a `grpc-accept-encoding` is understood here.
    pub(crate) fn accepted(&self, value: &[u8]) -> Accepted {
        let mut accepted = Accepted::default();
        if self.0.is_some() {
            for name in value.split(|&byte| byte == b',') {
                if let Some(index) = self.find(name.trim_ascii()) {
                    accepted.0 |= 1 << index.0;
                }
            }
        }
        accepted
    }

    /// The coding that all messages are compressed with, if nothing else is said.
    ///
    /// # Errors
    /// [`BadCoding::Unknown`].
    pub(crate) fn choose(&self, name: &str) -> Result<Option<CodingIndex>, BadCoding> {
        if name == IDENTITY {
            return Ok(None);
        }
        match self.find(name.as_bytes()) {
            Some(index) => Ok(Some(index)),
            None => Err(BadCoding::Unknown {
                name: name.to_owned(),
                known: self.known(),
            }),
        }
    }
}

/// A coding that the messages of a call are compressed with.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) index: CodingIndex,
    pub(crate) coding: Arc<dyn Coding>,
}

/// What a channel or a server understands, and what it does by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) codings: Registry,
    /// What messages are compressed with unless something else is said.
    usual: Option<CodingIndex>,
}

impl Policy {
    /// # Errors
    /// A coding cannot be named, or the one to compress with is not there.
    pub(crate) fn new(codings: Codings, compress: Option<&str>) -> Result<Self, BadCoding> {
        let codings = Registry::new(codings)?;
        let usual = match compress {
            Some(name) => codings.choose(name)?,
            None => None,
        };
        Ok(Self { codings, usual })
    }

    /// Whether there is anything to resolve.
    #[inline]
    pub(crate) fn may_compress(&self, wish: &Wish) -> bool {
        self.usual.is_some() || !wish.is_none()
    }

    /// What a call is compressed with by the wish of its application, and never with what the peer
    /// does not take (compression.md).
    ///
    /// # Errors
    /// INTERNAL for a name that is not known.
    pub(crate) fn resolve(
        &self,
        wish: &Wish,
        accepted: Accepted,
    ) -> Result<Option<Chosen>, Status> {
        match (wish.name(), self.usual) {
            (None, None) => Ok(None),
            (None, Some(usual)) => Ok(self.taken(usual, accepted)),
            (Some(name), _) => match self.codings.choose(name) {
                Ok(index) => Ok(index.and_then(|index| self.taken(index, accepted))),
                Err(bad) => Err(Status::internal(bad.to_string()).with_source(bad)),
            },
        }
    }

    /// The coding, if the peer takes it.
    fn taken(&self, index: CodingIndex, accepted: Accepted) -> Option<Chosen> {
        self.codings.chosen(index).filter(|_| accepted.has(index))
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chosen").field(&self.coding.name()).finish()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}

/// Whether a peer may be told this name: a token in lower case (RFC 9110 §5.6.2).
fn is_name(name: &str) -> bool {
    let is_token =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name != IDENTITY && name.bytes().all(is_token)
}

/// The name of no coding at all.
pub(super) const IDENTITY: &str = "identity";

/// As many as [`Accepted`] has bits for.
const MAX_COUNT: usize = 32;
