//! What waits to be written: bytes of our own, with pieces of a body that is never copied between.
//!
//! ```text
//! own bytes   [head][head+small payload][head]
//! body pieces          ^ piece                ^ piece       written together, by writev
//! ```

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Bytes on their way to the socket, in order.
#[derive(Default)]
pub struct Output {
    /// What was built here.
    own: Vec<u8>,
    /// Bytes of `own` that are written.
    own_written: usize,
    pieces: Vec<Piece>,
    /// Pieces that are written.
    pieces_written: usize,
    /// Bytes of the next piece that are written.
    piece_written: usize,
    /// Bytes that are not written.
    unsent_len: usize,
}

/// A part of the body, and before which of our own bytes it stands.
#[derive(Clone, Copy)]
struct Piece {
    own_at: usize,
    from: usize,
    len: usize,
}

/// A body's part is copied if it is shorter: an entry for writev costs about as much.
const MIN_PIECE_LEN: usize = 2 * 1024;
/// Slices given to one writev.
const MAX_SLICES: usize = 128;
/// Written bytes that are kept at most in front of those that are not.
const MAX_WRITTEN_LEN: usize = 64 * 1024;

impl Output {
    /// Appends by `write`, which gets a vector it may only append to, and returns what that returns.
    #[inline]
    pub fn append<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let before = self.own.len();
        let result = write(&mut self.own);
        self.unsent_len += self.own.len() - before;
        result
    }

    /// Appends `len` bytes of `body`, from position `from`. All bodies of one output are the same.
    #[inline]
    pub fn append_body(&mut self, body: &[u8], from: usize, len: usize) {
        self.unsent_len += len;
        if len < MIN_PIECE_LEN {
            self.own.extend_from_slice(&body[from..from + len]);
        } else {
            let own_at = self.own.len();
            self.pieces.push(Piece { own_at, from, len });
        }
    }

    /// Bytes that are not written.
    #[inline]
    pub fn unsent_len(&self) -> usize {
        self.unsent_len
    }

    /// Writes once, as much as the socket takes; ready with the bytes written.
    ///
    /// # Errors
    /// The socket's own.
    #[inline]
    pub fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let result = if self.pieces_written == self.pieces.len() {
            Pin::new(socket).poll_write(cx, &self.own[self.own_written..])
        } else {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.slices(body, &mut slices);
            Pin::new(socket).poll_write_vectored(cx, &slices[..count])
        };
        result.map_ok(|len| {
            self.on_written(len);
            len
        })
    }

    /// Fills `slices` with what is to be written next and returns how many it took.
    fn slices<'a>(&'a self, body: &'a [u8], slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut own_at = self.own_written;
        let mut skip = self.piece_written;
        let mut count = 0;
        for piece in &self.pieces[self.pieces_written..] {
            if count + 2 > MAX_SLICES {
                return count;
            }
            if own_at < piece.own_at {
                slices[count] = IoSlice::new(&self.own[own_at..piece.own_at]);
                count += 1;
            }
            slices[count] = IoSlice::new(&body[piece.from + skip..piece.from + piece.len]);
            count += 1;
            skip = 0;
            own_at = piece.own_at;
        }
        if own_at < self.own.len() && count < MAX_SLICES {
            slices[count] = IoSlice::new(&self.own[own_at..]);
            count += 1;
        }
        count
    }

    fn on_written(&mut self, mut len: usize) {
        self.unsent_len -= len;
        if self.unsent_len == 0 {
            self.own.clear();
            self.pieces.clear();
            (self.own_written, self.pieces_written, self.piece_written) = (0, 0, 0);
            return;
        }
        while len > 0 {
            let next = self.pieces.get(self.pieces_written);
            let own_len = next.map_or(self.own.len(), |piece| piece.own_at) - self.own_written;
            let own_part = own_len.min(len);
            self.own_written += own_part;
            len -= own_part;
            if let (Some(piece), true) = (next, own_part == own_len) {
                let part = (piece.len - self.piece_written).min(len);
                self.piece_written += part;
                len -= part;
                if self.piece_written == piece.len {
                    self.pieces_written += 1;
                    self.piece_written = 0;
                }
            }
        }
        if self.own_written > MAX_WRITTEN_LEN || self.pieces_written > MAX_WRITTEN_LEN / 16 {
            self.forget_written();
        }
    }

    fn forget_written(&mut self) {
        self.own.drain(..self.own_written);
        self.pieces.drain(..self.pieces_written);
        for piece in &mut self.pieces {
            piece.own_at -= self.own_written;
        }
        (self.own_written, self.pieces_written) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most so many bytes at a time.
    struct Narrow {
        step: usize,
        got: Vec<u8>,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let len = bytes.len().min(self.step);
            self.got.extend_from_slice(&bytes[..len]);
            Poll::Ready(Ok(len))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let mut len = 0;
            for slice in slices {
                let part = slice.len().min(self.step - len);
                self.got.extend_from_slice(&slice[..part]);
                len += part;
            }
            Poll::Ready(Ok(len))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_was_appended_is_written_in_order_whatever_the_socket_takes_at_a_time() {
        let body: Vec<u8> = (0..40_000u32).map(|n| (n * 7 % 251) as u8).collect();
        for step in [7, 500, 2048, 5000, 70_000, 1_000_000] {
            let mut output = Output::default();
            let mut want = Vec::new();
            let mut socket = Narrow {
                step,
                got: Vec::new(),
            };
            for round in 0..300usize {
                let own = vec![round as u8; round % 300];
                output.append(|out| out.extend_from_slice(&own));
                let (from, len) = (round * 37, [0, 5, 2047, 2048, 9000][round % 5]);
                output.append_body(&body, from, len);
                want.extend_from_slice(&own);
                want.extend_from_slice(&body[from..from + len]);
                if round % 3 == 0 {
                    write(&mut output, &mut socket, &body);
                }
            }
            while output.unsent_len() > 0 {
                write(&mut output, &mut socket, &body);
            }
            assert!(socket.got == want, "step {step}");
        }
    }

    fn write(output: &mut Output, socket: &mut Narrow, body: &[u8]) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(output.poll_write(socket, body, &mut cx).is_ready());
    }
}
