//! The task of a connection: reads, lets the engine answer, writes once per read.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::Engine;
use crate::fault::Fault;
use crate::starts::Starts;
use crate::tally::Tally;

/// What all connections of a run use, one at a time.
pub struct Shared {
    pub tally: RefCell<Tally>,
    /// Bytes of one read, behind room for a frame that was cut off by the read before.
    scratch: RefCell<Vec<u8>>,
}

/// A socket and its engine.
pub struct Connection<S> {
    socket: S,
    pub engine: Engine,
    /// A frame that is not whole.
    held: Vec<u8>,
    /// Something was written that may be held back by TLS.
    wants_flush: bool,
}

/// Bytes of one read at most.
const READ_LEN: usize = 128 * 1024;
/// Bytes of a frame that is not whole, at most: the engine allows no longer ones.
const HELD_LEN: usize = 17 * 1024;

impl Default for Shared {
    fn default() -> Self {
        Self {
            tally: RefCell::default(),
            scratch: RefCell::new(vec![0; HELD_LEN + READ_LEN]),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection on which nothing was said.
    pub fn new(socket: S, engine: Engine) -> Self {
        Self {
            socket,
            engine,
            held: Vec::new(),
            wants_flush: false,
        }
    }

    /// Starts calls as `starts` has it and moves bytes until `is_done`.
    ///
    /// # Errors
    /// What ended the connection; the calls that were open are counted as failed.
    pub async fn run(
        &mut self,
        shared: &Shared,
        starts: &mut Starts,
        is_done: impl Fn(&Engine) -> bool,
    ) -> Result<(), Fault> {
        let result = poll_fn(|cx| self.poll(cx, shared, starts, &is_done)).await;
        if let Err(fault) = &result {
            self.engine.fail_open(fault, &mut shared.tally.borrow_mut());
        }
        result
    }

    /// Makes all calls of `starts` and waits for their ends.
    ///
    /// # Errors
    /// As of [`Connection::run`].
    pub async fn run_all(&mut self, shared: &Shared, starts: &mut Starts) -> Result<(), Fault> {
        // A call whose reply is counted leaves the engine, so one more start follows at once: only
        // when there is none can the engine be empty.
        self.run(shared, starts, |engine| engine.open_count() == 0)
            .await
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        starts: &mut Starts,
        is_done: &impl Fn(&Engine) -> bool,
    ) -> Poll<Result<(), Fault>> {
        let mut now = Instant::now();
        loop {
            self.start(now, starts)?;
            let has_written = self.poll_write(cx)?.is_ready();
            if starts.is_over(now) && is_done(&self.engine) {
                return Poll::Ready(Ok(()));
            }
            let has_read = self.poll_read(cx, shared)?.is_ready();
            if has_read || starts.wants_clock() {
                now = Instant::now();
            }
            if !has_read && !has_written {
                if starts.wants_clock() {
                    // Wakes us after the runtime has looked at the sockets, not before.
                    let _ = pin!(tokio::task::yield_now()).poll(cx);
                }
                return Poll::Pending;
            }
        }
    }

    #[inline]
    fn start(&mut self, now: Instant, starts: &mut Starts) -> Result<(), Fault> {
        while self.engine.has_room() {
            match starts.next(now) {
                Some(asked) => self.engine.start(asked)?,
                None => break,
            }
        }
        self.engine.send();
        Ok(())
    }

    /// Writes once if there is something; ready if the socket took some of it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.engine.unsent_len() > 0 {
            let written = ready!(self.engine.poll_write(&mut self.socket, cx))?;
            if written == 0 {
                return Poll::Ready(Err(Fault::Closed));
            }
            self.wants_flush = true;
            return Poll::Ready(Ok(()));
        }
        if self.wants_flush {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.wants_flush = false;
        }
        Poll::Pending
    }

    /// Reads once; ready if something came.
    fn poll_read(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<Result<(), Fault>> {
        let scratch = &mut *shared.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch[HELD_LEN..]);
        match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => return Poll::Ready(Err(Fault::Closed)),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Poll::Ready(Err(Fault::Closed));
            }
            Err(error) => return Poll::Ready(Err(error.into())),
        }
        let end = HELD_LEN + buffer.filled().len();
        let start = HELD_LEN - self.held.len();
        scratch[start..HELD_LEN].copy_from_slice(&self.held);
        let now = Instant::now();
        let tally = &mut *shared.tally.borrow_mut();
        let used = self.engine.handle_bytes(&scratch[start..end], now, tally)?;
        let rest = &scratch[start + used..end];
        self.held.clear();
        self.held.extend_from_slice(rest);
        Poll::Ready(Ok(()))
    }
}
