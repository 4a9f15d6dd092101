//! What a peer makes of the frames it hears: it counts them, keeps the windows and answers what must
//! be answered.

use crate::wire::{self, ACK, DEFAULT_WINDOW_LEN, END_STREAM, HEAD_LEN, INITIAL_WINDOW, kind};

/// How much has been heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Streams that the other end has ended.
    pub(crate) end_count: usize,
    /// Frames of DATA with something in them.
    pub(crate) data_count: usize,
}

impl Heard {
    pub(crate) fn ends(end_count: usize) -> Self {
        Self {
            end_count,
            data_count: 0,
        }
    }

    pub(crate) fn datas(data_count: usize) -> Self {
        Self {
            end_count: 0,
            data_count,
        }
    }

    pub(crate) fn reaches(self, wanted: Self) -> bool {
        self.end_count >= wanted.end_count && self.data_count >= wanted.data_count
    }
}

/// The longest frame that is more than counted: one of SETTINGS. Bytes, with the head.
const MAX_KEPT_LEN: usize = 256;

/// A reader of frames that keeps no payload but that of control frames.
pub(crate) struct Hearing {
    pub(crate) heard: Heard,
    /// What has to be said before anything else: acknowledgements.
    pub(crate) urgent: Vec<u8>,
    /// The frame that is being read, as far as it is kept.
    kept: [u8; MAX_KEPT_LEN],
    kept_len: usize,
    /// Bytes it has to have before it is looked at.
    wanted_len: usize,
    /// Bytes of payload that nobody wants.
    skipped_len: usize,
    /// Windows: what streams start with, what the connection has left, and the stream spoken on.
    initial_room: i64,
    room: i64,
    stream: u32,
    stream_room: i64,
}

impl Hearing {
    /// Of what a server says.
    pub(crate) fn of_server() -> Self {
        Self {
            heard: Heard::default(),
            urgent: Vec::with_capacity(MAX_KEPT_LEN),
            kept: [0; MAX_KEPT_LEN],
            kept_len: 0,
            wanted_len: HEAD_LEN,
            skipped_len: 0,
            initial_room: DEFAULT_WINDOW_LEN.into(),
            room: DEFAULT_WINDOW_LEN.into(),
            stream: 0,
            stream_room: 0,
        }
    }

    /// Of what a client says: a preface comes first.
    pub(crate) fn of_client() -> Self {
        Self {
            skipped_len: wire::PREFACE.len(),
            ..Self::of_server()
        }
    }

    /// Whether the windows let so many bytes go.
    pub(crate) fn has_room(&self, stream: u32, len: usize) -> bool {
        let stream_room = match stream == self.stream {
            true => self.stream_room,
            false => self.initial_room,
        };
        self.room.min(stream_room) >= len as i64
    }

    /// They go.
    pub(crate) fn take_room(&mut self, stream: u32, len: usize) {
        if stream != self.stream {
            self.stream = stream;
            self.stream_room = self.initial_room;
        }
        self.stream_room -= len as i64;
        self.room -= len as i64;
    }

    pub(crate) fn hear(&mut self, mut bytes: &[u8]) {
        loop {
            let skipped_len = self.skipped_len.min(bytes.len());
            self.skipped_len -= skipped_len;
            bytes = &bytes[skipped_len..];
            if bytes.is_empty() {
                return;
            }
            let len = (self.wanted_len - self.kept_len).min(bytes.len());
            let (kept, rest) = bytes.split_at(len);
            self.kept[self.kept_len..self.kept_len + len].copy_from_slice(kept);
            self.kept_len += len;
            bytes = rest;
            if self.kept_len == self.wanted_len {
                self.on_kept();
            }
        }
    }

    /// A head is there, or a whole control frame.
    fn on_kept(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] =
            *self.kept.first_chunk::<HEAD_LEN>().expect("kept");
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes(stream);
        match kind {
            kind::DATA | kind::HEADERS => {
                self.heard.end_count += usize::from(flags & END_STREAM != 0);
                self.heard.data_count += usize::from(kind == kind::DATA && len > 0);
                self.skipped_len = len;
            }
            _ if self.kept_len < HEAD_LEN + len => {
                self.wanted_len = HEAD_LEN + len;
                assert!(
                    self.wanted_len <= MAX_KEPT_LEN,
                    "a long frame of kind {kind}"
                );
                return;
            }
            kind::SETTINGS if flags & ACK == 0 => self.on_settings(len),
            kind::PING if flags & ACK == 0 => {
                let payload = &self.kept[HEAD_LEN..HEAD_LEN + len];
                wire::frame(kind::PING, ACK, 0, payload, &mut self.urgent);
            }
            kind::WINDOW_UPDATE => self.on_window_update(stream),
            kind::SETTINGS | kind::PING => {}
            _ => {
                let payload = self.kept[HEAD_LEN..HEAD_LEN + len].escape_ascii();
                panic!("the script is wrong: frame {kind} on stream {stream}, {payload}");
            }
        }
        self.kept_len = 0;
        self.wanted_len = HEAD_LEN;
    }

    fn on_settings(&mut self, len: usize) {
        for entry in self.kept[HEAD_LEN..HEAD_LEN + len].chunks_exact(6) {
            let [a, b, value @ ..] = *entry.first_chunk::<6>().expect("six bytes");
            if u16::from_be_bytes([a, b]) == INITIAL_WINDOW {
                self.initial_room = u32::from_be_bytes(value).into();
            }
        }
        wire::frame(kind::SETTINGS, ACK, 0, &[], &mut self.urgent);
    }

    fn on_window_update(&mut self, stream: u32) {
        let (_, payload) = self.kept.split_at(HEAD_LEN);
        let increment = u32::from_be_bytes(*payload.first_chunk().expect("four bytes"));
        if stream == 0 {
            self.room += i64::from(increment);
        } else if stream == self.stream {
            self.stream_room += i64::from(increment);
        }
    }
}
