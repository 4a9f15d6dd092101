//! Bytes on their way to the socket.
//!
//! ```text
//! | segment | segment | ... | tail: frames written in place ...>
//!   ^ advance()                                        append ^
//! ```
//!
//! Frames and small payloads are appended to the tail. A large payload is never copied: the tail
//! so far becomes a segment, the payload the next one. While everything fits in the tail its
//! memory is used again and again.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;

use bytes::{Buf, Bytes, BytesMut};

use crate::StreamId;
use crate::frame::writer::Template;
use crate::frame::{Flags, Head, Kind};

/// A queue of bytes: written at the end, read at the front.
#[derive(Debug, Default)]
pub(super) struct Output {
    segments: VecDeque<Bytes>,
    /// Bytes in `segments`.
    segments_len: usize,
    tail: BytesMut,
    /// Bytes of `tail` that have been written to the socket already.
    tail_read: usize,
    /// Bytes written to the socket since the beginning.
    written: u64,
}

impl Output {
    /// Bytes that wait.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.segments_len + self.tail.len() - self.tail_read
    }

    /// Bytes written to the socket since the beginning.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Where the next byte will be among all bytes since the beginning.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.written + self.len() as u64
    }

    /// Where frames are appended.
    #[inline]
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Appends a payload: copied if it is small, else as a segment of its own.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if chunk.len() <= MAX_COPY_LEN {
            self.tail.extend_from_slice(&chunk);
            return;
        }
        self.seal_tail();
        self.segments_len += chunk.len();
        self.segments.push_back(chunk);
    }

    /// Starts a frame whose length is not known yet; returns where it starts.
    #[inline]
    pub(super) fn begin_frame(&mut self) -> usize {
        let start = self.tail.len();
        self.tail.extend_from_slice(&[0; Head::LEN]);
        start
    }

    /// Appends a frame made beforehand.
    #[inline]
    pub(super) fn push_template(&mut self, frame: &Template, flags: Flags, id: StreamId) {
        let end = self.tail.len() + frame.len();
        // More than it has, but of a length that is known here: no call to copy a few bytes.
        self.tail.extend_from_slice(&frame.fill(flags, id));
        self.tail.truncate(end);
    }

    /// Bytes appended since [`Output::begin_frame`], or `None` if some before were removed.
    #[inline]
    pub(super) fn payload_len(&self, start: usize) -> Option<usize> {
        self.tail.len().checked_sub(start + Head::LEN)
    }

    /// Fills in the head of the frame that starts at `start`.
    #[inline]
    pub(super) fn end_frame(&mut self, start: usize, kind: Kind, flags: Flags, id: StreamId) {
        let len = self.payload_len(start).unwrap_or(0);
        let head = Head {
            len,
            kind,
            flags,
            id,
        }
        .encode();
        if let Some(place) = self.tail.get_mut(start..start + Head::LEN) {
            place.copy_from_slice(&head);
        }
    }

    /// Drops the frame that starts at `start`.
    pub(super) fn cancel_frame(&mut self, start: usize) {
        self.tail.truncate(start);
    }

    /// Takes the payload of the frame that starts at `start`, and drops its head. A small payload
    /// is copied, so that it does not keep the whole tail alive.
    pub(super) fn take_payload(&mut self, start: usize) -> Bytes {
        let payload_start = start + Head::LEN;
        let payload = match self.tail.get(payload_start..) {
            None => Bytes::new(),
            Some(payload) if payload.len() <= MAX_COPY_LEN => Bytes::copy_from_slice(payload),
            Some(_) => self.tail.split_off(payload_start).freeze(),
        };
        self.tail.truncate(start);
        payload
    }

    /// Fills `slices`, front first; returns how many.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = self.tail.get(self.tail_read..).unwrap_or_default();
        let parts = self.segments.iter().map(Bytes::as_ref).chain([tail]);
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        count
    }

    /// Drops `len` bytes, or all if there are fewer, from the front.
    pub(super) fn advance(&mut self, len: usize) {
        let mut left = len;
        self.written += len.min(self.len()) as u64;
        while left > 0
            && let Some(front) = self.segments.front_mut()
        {
            let step = left.min(front.len());
            front.advance(step);
            self.segments_len -= step;
            left -= step;
            if front.is_empty() {
                self.segments.pop_front();
            }
        }
        self.tail_read = self.tail.len().min(self.tail_read + left);
        if self.tail_read == self.tail.len() {
            self.reset_tail();
        }
    }

    /// Drops what waits: it will never be written.
    pub(super) fn discard(&mut self) {
        self.segments.clear();
        self.segments_len = 0;
        self.reset_tail();
    }

    /// Gives unused memory back.
    pub(super) fn trim(&mut self) {
        self.segments.shrink_to_fit();
        if self.tail.is_empty() {
            self.tail = BytesMut::new();
        }
    }

    /// The memory of the tail, if there is any and nothing waits.
    pub(super) fn take_tail(&mut self) -> Option<BytesMut> {
        let is_spare = self.len() == 0 && self.tail.capacity() > 0;
        is_spare.then(|| mem::take(&mut self.tail))
    }

    fn reset_tail(&mut self) {
        self.tail_read = 0;
        if self.tail.capacity() > MAX_IDLE_TAIL_LEN {
            self.tail = BytesMut::new();
        } else {
            self.tail.clear();
        }
    }

    /// Turns the tail into a segment.
    fn seal_tail(&mut self) {
        let mut sealed = self.tail.split();
        sealed.advance(self.tail_read);
        self.tail_read = 0;
        if !sealed.is_empty() {
            self.segments_len += sealed.len();
            self.segments.push_back(sealed.freeze());
        }
    }
}

/// Payloads up to this length are copied: a segment costs about as much. Bytes.
const MAX_COPY_LEN: usize = 4096;
/// A longer tail is not kept once it has been written. Bytes.
const MAX_IDLE_TAIL_LEN: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(output: &Output) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = output.slices(&mut slices);
        slices[..count]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect()
    }

    #[test]
    fn bytes_come_out_in_order_whatever_the_steps() {
        let large = Bytes::from(vec![b'x'; MAX_COPY_LEN + 1]);
        for step in [1, 7, 100, 5000, 20_000] {
            let mut output = Output::default();
            let mut want = Vec::new();
            let mut got = Vec::new();
            for round in 0..3 {
                for chunk in [
                    Bytes::from_static(b"small"),
                    large.clone(),
                    Bytes::from_static(b"end"),
                ] {
                    want.extend_from_slice(&chunk);
                    output.push(chunk);
                }
                while output.len() > round {
                    let step = step.min(output.len());
                    got.extend_from_slice(&all(&output)[..step]);
                    output.advance(step);
                }
            }
            got.extend_from_slice(&all(&output));
            assert_eq!(got, want, "steps of {step}");
        }
    }

    #[test]
    fn a_payload_that_cannot_go_yet_leaves_nothing_behind() {
        for len in [3, MAX_COPY_LEN + 1] {
            let mut output = Output::default();
            output.push(Bytes::from_static(b"before"));
            let start = output.begin_frame();
            output.tail().extend_from_slice(&vec![b'y'; len]);
            assert_eq!(output.payload_len(start), Some(len));
            assert_eq!(output.take_payload(start).len(), len);
            assert_eq!(all(&output), b"before");
        }
    }

    #[test]
    fn the_tail_is_used_again() {
        let mut output = Output::default();
        output.push(Bytes::from_static(b"some bytes"));
        let place = output.tail.as_ptr();
        output.advance(10);
        output.push(Bytes::from_static(b"some more"));
        assert_eq!(output.tail.as_ptr(), place);
    }
}
