//! A peer that says what was written beforehand, and only looks at the heads of what it hears.
//!
//! ```text
//! script:  greeting | calls 1..100 | calls 101..200 | ...
//!                   ^ at once      ^ when 100 answers have been heard
//! ```
//!
//! So the other end gets the same bytes in the same pieces in every run, and next to nothing of what
//! is measured is the peer's.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use crate::hearing::{Heard, Hearing};
use crate::wire::{self, Body, MAX_FRAME_LEN};

/// All that a peer may say, in portions.
#[derive(Default)]
pub(crate) struct Script {
    bytes: Vec<u8>,
    portions: Vec<Portion>,
}

/// What is said at once.
#[derive(Clone, Copy)]
struct Portion {
    /// Where it ends in the script.
    end: usize,
    /// What must have been heard before.
    after: Heard,
    /// DATA in it, and the stream of the last of it: they take up the windows.
    data_len: usize,
    stream: u32,
}

impl Script {
    /// Adds a portion: what `write` appends, once all of `after` has been heard. It holds `data_len`
    /// bytes of DATA, on `stream` if they could be more than its window has at first.
    pub(crate) fn say(
        &mut self,
        after: Heard,
        (stream, data_len): (u32, usize),
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        write(&mut self.bytes);
        self.portions.push(Portion {
            end: self.bytes.len(),
            after,
            data_len,
            stream,
        });
    }

    /// Adds a portion for each frame of a long message: each is said when the windows have room.
    pub(crate) fn say_in_frames(&mut self, stream: u32, data: &[u8], at_end: Body) {
        let mut frames = data.chunks(MAX_FRAME_LEN).peekable();
        while let Some(frame) = frames.next() {
            let body = match frames.peek() {
                Some(_) => Body::More,
                None => at_end,
            };
            let write = |out: &mut Vec<u8>| wire::data(stream, frame, body, out);
            self.say(Heard::default(), (stream, frame.len()), write);
        }
    }

    /// How many portions there are so far.
    pub(crate) fn portion_count(&self) -> usize {
        self.portions.len()
    }

    /// Leaves out all portions from this one on. Their bytes stay: a short run costs as much to
    /// prepare as a long one.
    pub(crate) fn cut(&mut self, portion_count: usize) {
        self.portions.truncate(portion_count);
    }
}

/// The socket to such a peer.
pub(crate) struct Peer {
    script: Script,
    /// The next portion, and the next byte.
    portion: usize,
    byte: usize,
    hearing: Hearing,
    waker: Option<Waker>,
    /// What to hear, and who is told then.
    last: Heard,
    told: Option<oneshot::Sender<()>>,
}

impl Peer {
    /// A peer of a server or of a client, and what is ready once it has heard all of `last`.
    pub(crate) fn new(
        script: Script,
        hearing: Hearing,
        last: Heard,
    ) -> (Self, oneshot::Receiver<()>) {
        let (told, done) = oneshot::channel();
        let peer = Self {
            script,
            portion: 0,
            byte: 0,
            hearing,
            waker: None,
            last,
            told: Some(told),
        };
        (peer, done)
    }

    /// The portion that may be said now.
    fn due(&self) -> Option<Portion> {
        let portion = *self.script.portions.get(self.portion)?;
        let is_begun = self.byte > self.start();
        let has_room = || self.hearing.has_room(portion.stream, portion.data_len);
        (is_begun || (self.hearing.heard.reaches(portion.after) && has_room())).then_some(portion)
    }

    /// Where the portion that is next begins.
    fn start(&self) -> usize {
        let before = self.script.portions[..self.portion].last();
        before.map_or(0, |portion| portion.end)
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.hearing.hear(bytes);
    }

    fn heard_all(&mut self) {
        if (self.due().is_some() || !self.hearing.urgent.is_empty())
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
        if self.hearing.heard.reaches(self.last)
            && let Some(told) = self.told.take()
        {
            let _ = told.send(());
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len_before = buffer.filled().len();
        let this = &mut *self;
        // The greeting comes first, and what is half said is said to its end.
        if this.portion > 0 && this.byte == this.start() {
            let urgent_len = this.hearing.urgent.len().min(buffer.remaining());
            buffer.put_slice(&this.hearing.urgent[..urgent_len]);
            this.hearing.urgent.drain(..urgent_len);
        }
        while buffer.remaining() > 0
            && let Some(portion) = this.due()
        {
            if this.byte == this.start() {
                this.hearing.take_room(portion.stream, portion.data_len);
            }
            let len = buffer.remaining().min(portion.end - this.byte);
            buffer.put_slice(&this.script.bytes[this.byte..this.byte + len]);
            this.byte += len;
            this.portion += usize::from(this.byte == portion.end);
        }
        if buffer.filled().len() > len_before {
            return Poll::Ready(Ok(()));
        }
        if this
            .waker
            .as_ref()
            .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            this.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.hear(bytes);
        self.heard_all();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        for slice in slices {
            self.hear(slice);
        }
        self.heard_all();
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
