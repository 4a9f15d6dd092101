//! The task of a connection: one read, all its answers, one write.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use generator::frame::PREFACE;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use crate::answers::{Answers, Canned};

/// Bytes of one read at most.
const READ_LEN: usize = 128 * 1024;
/// Bytes of a frame that is not whole, at most: longer ones are not allowed.
const HELD_LEN: usize = 17 * 1024;
/// Nothing is read while so many bytes wait to be written.
const FULL_LEN: usize = 1024 * 1024;

/// A socket and what is said on it.
struct Connection<S> {
    socket: S,
    answers: Answers,
    /// What was read, behind what is left of a frame that was cut off.
    input: Vec<u8>,
    held_len: usize,
    wants_flush: bool,
    /// Until the next answer that has to wait.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Answers until the peer closes.
///
/// # Errors
/// The socket's own, or the peer speaks no HTTP/2.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    canned: Arc<Canned>,
) -> io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    socket.read_exact(&mut preface).await?;
    if preface != *PREFACE {
        return Err(io::Error::other("the peer does not begin as HTTP/2 does"));
    }
    let mut connection = Connection {
        socket,
        answers: Answers::new(canned),
        input: vec![0; HELD_LEN + READ_LEN],
        held_len: 0,
        wants_flush: false,
        timer: None,
    };
    poll_fn(|cx| connection.poll(cx)).await
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let has_waited = self.poll_timer(cx).is_ready();
            self.answers.send();
            let has_written = self.poll_write(cx)?.is_ready();
            let mut has_read = false;
            if self.answers.unsent_len() < FULL_LEN
                && let Poll::Ready(len) = self.poll_read(cx)?
            {
                if len == 0 {
                    return Poll::Ready(Ok(()));
                }
                has_read = true;
            }
            if !has_waited && !has_read && !has_written {
                return Poll::Pending;
            }
        }
    }

    /// Writes once if there is something; ready if the socket took some of it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.answers.unsent_len() > 0 {
            let len = ready!(self.answers.poll_write(&mut self.socket, cx))?;
            self.wants_flush = true;
            return match len {
                0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                _ => Poll::Ready(Ok(())),
            };
        }
        if self.wants_flush {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.wants_flush = false;
        }
        Poll::Pending
    }

    /// Reads once and answers; ready with the bytes that came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.input[HELD_LEN..]);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        let len = buffer.filled().len();
        let (start, end) = (HELD_LEN - self.held_len, HELD_LEN + len);
        let used = self.answers.answer(&self.input[start..end]);
        self.held_len = end - start - used;
        if self.held_len > HELD_LEN {
            return Poll::Ready(Err(io::Error::other("a frame is longer than allowed")));
        }
        self.input
            .copy_within(start + used..end, HELD_LEN - self.held_len);
        Poll::Ready(Ok(len))
    }

    /// Ready if answers that had to wait were given.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.answers.next_due() else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(due.into())));
        if timer.deadline() != due.into() {
            timer.as_mut().reset(due.into());
        }
        ready!(timer.as_mut().poll(cx));
        self.answers.answer_waiting(Instant::now());
        Poll::Ready(())
    }
}
