//! DATA on its way out: as much as the peer's windows and the write buffer allow, streams in turns.

use std::collections::VecDeque;

use crate::frame::{DEFAULT_FRAME_LEN, DEFAULT_WINDOW, MAX_WINDOW, flag, kind, write_head};
use crate::message::{Flow, MAX_CHUNK_LEN};
use crate::output::Output;
use crate::streams::Streams;

/// How far one stream's DATA has come.
#[derive(Debug)]
pub struct Outgoing {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes that may be sent, as far as the call is concerned.
    pub allowed: u64,
    /// Bytes there are.
    pub total: u64,
    /// Bytes that the peer takes; below zero after it shortened its windows.
    window: i64,
    /// Whether the stream waits for its turn.
    queued: bool,
}

/// A stream that sends.
pub trait Sends {
    /// What it sends.
    fn outgoing(&mut self) -> &mut Outgoing;
}

/// The connection's part: what the peer takes in all, and whose turn it is.
pub struct Sending {
    window: i64,
    /// What a new stream may send, in bytes.
    stream_window: i64,
    max_frame_len: usize,
    turns: VecDeque<u32>,
    /// Flags of a stream's last DATA.
    last_flags: u8,
}

/// Unwritten bytes that are enough for now.
const ENOUGH_LEN: usize = 256 * 1024;

impl Sending {
    /// For an end whose last DATA has these flags.
    pub fn new(last_flags: u8) -> Self {
        Self {
            window: DEFAULT_WINDOW,
            stream_window: DEFAULT_WINDOW,
            max_frame_len: DEFAULT_FRAME_LEN,
            turns: VecDeque::new(),
            last_flags,
        }
    }

    /// A new stream that has `total` bytes and may send `allowed` of them; it waits for its turn.
    #[inline]
    pub fn begin(&mut self, id: u32, allowed: u64, total: u64) -> Outgoing {
        let queued = allowed > 0;
        if queued {
            self.turns.push_back(id);
        }
        Outgoing {
            sent: 0,
            allowed,
            total,
            window: self.stream_window,
            queued,
        }
    }

    /// Lets a stream wait for its turn, if it has something to send.
    #[inline]
    pub fn enqueue(&mut self, id: u32, stream: &mut Outgoing) {
        if !stream.queued && stream.window > 0 && stream.sent < stream.allowed {
            stream.queued = true;
            self.turns.push_back(id);
        }
    }

    /// Hears of the peer's `SETTINGS_MAX_FRAME_SIZE`, in bytes.
    pub fn on_max_frame_len(&mut self, len: u32) {
        self.max_frame_len = (len as usize).clamp(DEFAULT_FRAME_LEN, MAX_CHUNK_LEN);
    }

    /// Hears of the peer's `SETTINGS_INITIAL_WINDOW_SIZE`, in bytes.
    pub fn on_initial_window<T: Sends>(&mut self, bytes: u32, streams: &mut Streams<T>) {
        let more = i64::from(bytes) - self.stream_window;
        self.stream_window = i64::from(bytes);
        for (id, stream) in streams.iter_mut() {
            let stream = stream.outgoing();
            stream.window += more;
            self.enqueue(id, stream);
        }
    }

    /// Hears of a WINDOW_UPDATE. False if it passes what a window may be.
    pub fn on_window_update<T: Sends>(
        &mut self,
        id: u32,
        bytes: u32,
        streams: &mut Streams<T>,
    ) -> bool {
        if id == 0 {
            self.window += i64::from(bytes);
            return self.window <= MAX_WINDOW;
        }
        let Some(stream) = streams.get_mut(id) else {
            return true;
        };
        let stream = stream.outgoing();
        stream.window += i64::from(bytes);
        self.enqueue(id, stream);
        stream.window <= MAX_WINDOW
    }

    /// Takes the windows of a new stream and the connection for one frame of DATA that is not sent
    /// here. False, and nothing is taken, if they are too short or others wait.
    #[inline]
    pub fn take(&mut self, bytes: u64) -> bool {
        let len = bytes as i64;
        let fits = len <= self.window && len <= self.stream_window;
        if !fits || len > self.max_frame_len as i64 || !self.turns.is_empty() {
            return false;
        }
        self.window -= len;
        true
    }

    /// Appends DATA of `flow` for the streams whose turn it is, and calls `on_end` after the last
    /// of each.
    #[inline]
    pub fn send<T: Sends>(
        &mut self,
        streams: &mut Streams<T>,
        flow: &Flow,
        output: &mut Output,
        mut on_end: impl FnMut(u32, &mut Output),
    ) {
        while let Some(&id) = self.turns.front() {
            if self.window <= 0 || output.unsent_len() >= ENOUGH_LEN {
                return;
            }
            self.turns.pop_front();
            let Some(stream) = streams.get_mut(id) else {
                continue;
            };
            let stream = stream.outgoing();
            stream.queued = false;
            let window = stream.window.min(self.window).max(0) as u64;
            let len = (stream.allowed - stream.sent)
                .min(window)
                .min(self.max_frame_len as u64);
            if len == 0 {
                continue;
            }
            let is_last = stream.sent + len == stream.total;
            let flags = if is_last { self.last_flags } else { 0 };
            output.append(|out| write_head(out, len as usize, kind::DATA, flags, id));
            output.append_body(flow.image(), flow.position(stream.sent), len as usize);
            stream.sent += len;
            stream.window -= len as i64;
            self.window -= len as i64;
            if is_last {
                on_end(id, output);
            } else {
                self.enqueue(id, stream);
            }
        }
    }
}

/// Flags of the last DATA of an end that sends nothing behind it.
pub const LAST: u8 = flag::END_STREAM;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;
    use crate::message::blob;

    impl Sends for Outgoing {
        fn outgoing(&mut self) -> &mut Outgoing {
            self
        }
    }

    /// What the frames in `output` are: stream, length, whether the last.
    fn sent(
        sending: &mut Sending,
        streams: &mut Streams<Outgoing>,
        flow: &Flow,
    ) -> Vec<(u32, usize, bool)> {
        let mut output = Output::default();
        sending.send(streams, flow, &mut output, |_, _| {});
        let mut bytes = Vec::new();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        while output.unsent_len() > 0 {
            assert!(
                output
                    .poll_write(&mut bytes, flow.image(), &mut cx)
                    .is_ready()
            );
        }
        let (mut rest, mut frames) = (&bytes[..], Vec::new());
        while let Some((head, _, behind)) = frame::split(rest) {
            frames.push((head.stream, head.len, head.flags == LAST));
            rest = behind;
        }
        frames
    }

    #[test]
    fn streams_send_in_turns_as_much_as_both_windows_allow() {
        let flow = Flow::new(&blob(40_000), 1);
        let total = flow.len();
        let mut sending = Sending::new(LAST);
        let mut streams = Streams::default();
        for id in [1, 3] {
            let stream = sending.begin(id, total, total);
            streams.insert(id, stream);
        }
        let first = sent(&mut sending, &mut streams, &flow);
        let want = [
            (1, 16_384, false),
            (3, 16_384, false),
            (1, 16_384, false),
            (3, 16_383, false),
        ];
        assert_eq!(first, want);
        assert_eq!(sent(&mut sending, &mut streams, &flow), []);
        assert!(sending.on_window_update(0, 10_000, &mut streams));
        let left = total as usize - 32_768;
        assert_eq!(
            sent(&mut sending, &mut streams, &flow),
            [(1, left, true), (3, 10_000 - left, false)]
        );
    }

    #[test]
    fn a_stream_without_window_waits_for_its_own() {
        let flow = Flow::new(&blob(100), 10);
        let mut sending = Sending::new(LAST);
        let mut streams: Streams<Outgoing> = Streams::default();
        sending.on_initial_window(30, &mut streams);
        let stream = sending.begin(1, flow.len(), flow.len());
        streams.insert(1, stream);
        assert_eq!(sent(&mut sending, &mut streams, &flow), [(1, 30, false)]);
        sending.on_initial_window(10, &mut streams);
        assert!(sending.on_window_update(1, 15, &mut streams));
        assert_eq!(sent(&mut sending, &mut streams, &flow), []);
        sending.on_initial_window(11, &mut streams);
        assert_eq!(sent(&mut sending, &mut streams, &flow), []);
        assert!(sending.on_window_update(1, 4, &mut streams));
        assert_eq!(sent(&mut sending, &mut streams, &flow), []);
        assert!(sending.on_window_update(1, 7, &mut streams));
        assert_eq!(sent(&mut sending, &mut streams, &flow), [(1, 7, false)]);
    }

    #[test]
    fn a_window_past_the_widest_is_told() {
        let mut sending = Sending::new(LAST);
        let mut streams: Streams<Outgoing> = Streams::default();
        assert!(sending.on_window_update(0, (MAX_WINDOW - DEFAULT_WINDOW) as u32, &mut streams));
        assert!(!sending.on_window_update(0, 1, &mut streams));
    }
}
