//! Codings that messages are compressed with.
//!
//! Nothing is compressed unless it is asked for: of a channel or a server
//! ([`ChannelBuilder::compress`](crate::client::ChannelBuilder::compress),
//! [`Server::compress`](crate::Server::compress)), of one call
//! ([`Request::with_compression`](crate::Request::with_compression),
//! [`Response::with_compression`](crate::Response::with_compression),
//! [`Replies::set_compression`](crate::server::Replies::set_compression)), and of one message
//! (`send_uncompressed`). What is understood is another matter: every coding of the [`Codings`].
//!
//! The built-in codings are cargo features of this crate: `gzip` ([`Gzip`], [`Deflate`]), `zstd`
//! ([`Zstd`]), `brotli` ([`Brotli`]), `snappy` ([`Snappy`]). Another one is a [`Coding`].
//!
//! ```text
//! message --encode--> bytes --compress--> flag 1, length, bytes          (grpc-encoding: gzip)
//! message <--decode-- bytes <-decompress- flag 1, length, bytes
//!                         \-- counted as they come out: see [`Inflated`]
//! ```
//!
//! Secrets beside text that an attacker chooses should not be compressed together: the length tells
//! of them (CRIME, BREACH). Send such messages with `send_uncompressed`.
//!
//! Spec: gRPC compression.md.

#[cfg(feature = "brotli")]
mod brotli;
mod error;
#[cfg(feature = "gzip")]
mod gzip;
mod inflated;
mod registry;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(test)]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;

#[cfg(feature = "brotli")]
pub use self::brotli::Brotli;
pub use self::error::BadCoding;
#[cfg(feature = "gzip")]
pub use self::gzip::{Deflate, Gzip};
pub use self::inflated::Inflated;
pub(crate) use self::registry::{Accepted, Chosen, CodingIndex, Policy, Registry};
#[cfg(feature = "snappy")]
pub use self::snappy::Snappy;
#[cfg(feature = "zstd")]
pub use self::zstd::Zstd;

/// A way to make messages shorter: a pair of functions and the name both ends know it by.
///
/// # Example
/// A coding that writes runs of a byte as their length and the byte.
/// ```
/// use std::io::{self, Write};
/// use bytes::{BufMut, BytesMut};
/// use hikyaku::compression::{Coding, Codings, Inflated};
///
/// struct Runs;
///
/// impl Coding for Runs {
///     fn name(&self) -> &str {
///         "runs"
///     }
///
///     fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
///         for run in message.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(255)) {
///             out.put_slice(&[run.len() as u8, run[0]]);
///         }
///         Ok(())
///     }
///
///     fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
///         let (pairs, rest) = compressed.as_chunks();
///         for [len, byte] in pairs {
///             out.write_all(&vec![*byte; usize::from(*len)])?; // fails past the limit
///         }
///         if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
///     }
/// }
///
/// let server = hikyaku::Server::new().codings(Codings::default().with(Runs)).compress("runs");
/// ```
pub trait Coding: Send + Sync + 'static {
    /// The name in `grpc-encoding`: a token of HTTP, in lower case, and not `identity`.
    fn name(&self) -> &str;

    /// Appends the compressed message, which is not empty, to `out`.
    ///
    /// # Errors
    /// The message cannot be compressed; its call fails with INTERNAL.
    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()>;

    /// Writes the message that `compressed`, which is not empty, stands for. The memory it takes
    /// beside `out` must have a bound that no peer can choose.
    ///
    /// # Errors
    /// What `out` fails with, which says that the message is too long; or the bytes are not what
    /// [`Coding::compress`] makes of a message, all of it and no more: the call fails with INTERNAL.
    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()>;
}

/// The codings that a channel or a server understands, the preferred ones first.
///
/// Each message of the peer may come in any of them, and the peer is told of all
/// (`grpc-accept-encoding`). The default has every coding whose cargo feature is on.
///
/// # Example
/// ```
/// use hikyaku::compression::Codings;
///
/// let server = hikyaku::Server::new().codings(Codings::none()); // nobody may send compressed
/// ```
#[derive(Clone)]
#[must_use = "codings do nothing until a channel or a server has them"]
pub struct Codings {
    list: Vec<Arc<dyn Coding>>,
}

impl Codings {
    /// None at all: messages as they are.
    pub fn none() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds a coding behind the others, or puts it in the place of that of the same name. At most 32.
    pub fn with(mut self, coding: impl Coding) -> Self {
        let coding: Arc<dyn Coding> = Arc::new(coding);
        match self.list.iter_mut().find(|old| old.name() == coding.name()) {
            Some(old) => *old = coding,
            None => self.list.push(coding),
        }
        self
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|coding| coding.name())
    }
}

impl Default for Codings {
    /// All that the cargo features bring.
    fn default() -> Self {
        let codings = Self::none();
        #[cfg(feature = "zstd")]
        let codings = codings.with(Zstd::default());
        #[cfg(feature = "gzip")]
        let codings = codings.with(Gzip::default()).with(Deflate::default());
        #[cfg(feature = "brotli")]
        let codings = codings.with(Brotli::default());
        #[cfg(feature = "snappy")]
        let codings = codings.with(Snappy::default());
        codings
    }
}

impl fmt::Debug for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// What an application asks of the compression of one call: a name, `identity` for none, or nothing
/// at all. Boxed, because nearly no call asks, and every call carries the question.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::redundant_allocation,
    reason = "the pointer of a name has two words, and this shall have one"
)]
pub(crate) struct Wish(Option<Box<&'static str>>);

impl Wish {
    /// As setters take it: `None` is none at all.
    pub(crate) fn of(coding: Option<&'static str>) -> Self {
        Self(Some(Box::new(coding.unwrap_or(registry::IDENTITY))))
    }

    /// Whether nothing is asked.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The coding that is wished; `None` is what the channel or the server does.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.0.as_deref().copied()
    }
}

/// More came than one message.
#[cfg(any(feature = "gzip", feature = "zstd", feature = "brotli"))]
fn trailing() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "there are bytes behind the end of the compressed message",
    )
}

/// Moves what a decoder reads to the message, piece by piece.
#[cfg(any(feature = "gzip", feature = "snappy"))]
fn inflate_from(mut decoder: impl io::Read, out: &mut Inflated<'_>) -> io::Result<()> {
    let mut piece = [0; PIECE_LEN];
    loop {
        let len = decoder.read(&mut piece)?;
        let Some(piece) = piece.get(..len).filter(|piece| !piece.is_empty()) else {
            return Ok(());
        };
        io::Write::write_all(out, piece)?;
    }
}

/// What is inflated in a row before the other tasks of the thread have their turn. Bytes: some
/// milliseconds. A peer needs a few bytes for each message, and would else hold up everybody.
pub(crate) const MAX_TURN_LEN: usize = 1024 * 1024;

/// What is inflated at a time, on the stack. Bytes.
#[cfg(any(feature = "gzip", feature = "snappy", feature = "brotli"))]
const PIECE_LEN: usize = 16 * 1024;
