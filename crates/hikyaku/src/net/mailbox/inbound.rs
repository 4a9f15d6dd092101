//! What has come of a call, and waits to be read.
//!
//! There is one for each call that waits, and most wait for a single answer, or to give one: what only
//! some calls have is a word here, and in a box of its own there.

use std::task::{Context, Waker};
use std::{iter, mem, option, vec};

use bytes::{Bytes, BytesMut};
use hikyaku_http2::Headers;

use crate::compression::Chosen;
use crate::{Metadata, Status};

/// Consumed bytes that are worth waking the driver for; fewer ride along with the next ring.
///
/// An incomplete message up to this length, too, is awaited without telling the driver. Neither may
/// close the window, nor what the connection keeps until it is worth a WINDOW_UPDATE: a quarter, a
/// quarter and a half of the window a stream begins with, 64 KiB.
pub(crate) const RELEASE_LEN: usize = MAX_RELEASE_LEN as usize;
pub(super) const MAX_RELEASE_LEN: u32 = 16 * 1024;

/// Chunks shorter than this are copied together while they wait behind another. Bytes: a quarter of
/// what the driver reads at a time, which a slice keeps alive as a whole, however short it is.
pub(super) const MIN_SLICE_LEN: usize = 16 * 1024;

/// The driver's side of the call, as the application finds it.
#[derive(Debug)]
pub(super) struct Inbound {
    /// At a client: the response headers.
    pub(super) head: Option<Headers>,
    /// What compressed messages are in.
    pub(super) coding: Option<Box<Chosen>>,
    pub(super) chunks: Chunks,
    /// Small chunks behind those, joined: a peer that sends few bytes at a time to a slow reader costs
    /// bytes, not a reference and a pinned read buffer for each of them.
    joined: Option<Box<BytesMut>>,
    pub(super) len: usize,
    pub(super) end: Option<End>,
    /// What the driver has not been told of the reading.
    pub(super) progress: Progress,
    /// The driver has widened the window for a message that has not been consumed.
    pub(super) has_reserved: bool,
    pub(super) waker: Option<Waker>,
}

/// How far the application has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes of consumed messages, to be given back to the peer's window.
    pub(crate) consumed_len: usize,
    /// Bytes the message behind those will have, if it is incomplete: none of it is consumed before
    /// all of it has come. 0 if there is none, or if it has been told before.
    pub(crate) awaited_len: usize,
}

/// How the peer's messages ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// All there: the client half-closed, or the server's trailers said OK.
    Complete(Metadata),
    /// The call failed.
    Failed(Status),
}

/// When the application wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For each batch of bytes: a stream.
    Eager,
    /// For the end, or when much has come: a single message.
    Whole,
}

impl Inbound {
    pub(super) const fn new() -> Self {
        Self {
            head: None,
            coding: None,
            chunks: Chunks::None,
            joined: None,
            len: 0,
            end: None,
            progress: Progress {
                consumed_len: 0,
                awaited_len: 0,
            },
            has_reserved: false,
            waker: None,
        }
    }

    pub(super) fn push(&mut self, data: Bytes) {
        let is_first = self.len == 0;
        self.len += data.len();
        if data.len() < MIN_SLICE_LEN && !is_first {
            self.joined.get_or_insert_default().extend_from_slice(&data);
        } else {
            self.flush();
            self.chunks.push(data);
        }
    }

    /// Puts the joined chunks behind the others.
    pub(super) fn flush(&mut self) {
        if let Some(joined) = &mut self.joined
            && !joined.is_empty()
        {
            self.chunks.push(joined.split().freeze());
        }
    }

    pub(super) fn wait(&mut self, cx: &mut Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }
}

/// Bytes in order. One chunk, which is all that comes on most calls, needs no list.
#[derive(Debug, Default)]
pub(crate) enum Chunks {
    #[default]
    None,
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Chunks {
    pub(super) fn push(&mut self, chunk: Bytes) {
        *self = match mem::take(self) {
            Self::None => Self::One(chunk),
            Self::One(first) => Self::Many(vec![first, chunk]),
            Self::Many(mut chunks) => {
                chunks.push(chunk);
                Self::Many(chunks)
            }
        };
    }

    /// Moves them into the empty `into`, whose room is used again.
    pub(super) fn drain_into(&mut self, into: &mut Vec<Bytes>) {
        match mem::take(self) {
            Self::None => {}
            Self::One(chunk) => into.push(chunk),
            Self::Many(mut chunks) => {
                mem::swap(&mut chunks, into);
                *self = Self::Many(chunks);
            }
        }
    }
}

impl IntoIterator for Chunks {
    type Item = Bytes;
    type IntoIter = iter::Chain<option::IntoIter<Bytes>, vec::IntoIter<Bytes>>;

    fn into_iter(self) -> Self::IntoIter {
        let (first, more) = match self {
            Self::None => (None, Vec::new()),
            Self::One(chunk) => (Some(chunk), Vec::new()),
            Self::Many(chunks) => (None, chunks),
        };
        first.into_iter().chain(more)
    }
}
