//! Frames and header blocks, as bytes (RFC 9113 §4.1, RFC 7541 §6).

/// The numbers of the frame types.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
}

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// Bytes of a frame's head.
pub(crate) const HEAD_LEN: usize = 9;

/// What a client says first (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const INITIAL_WINDOW: u16 = 4;

/// What every window has at first. Bytes.
pub(crate) const DEFAULT_WINDOW_LEN: u32 = 65_535;

/// The widest a window can be. Bytes.
const MAX_WINDOW_LEN: u32 = (1 << 31) - 1;

/// The longest frame that every peer takes. Bytes of payload.
pub(crate) const MAX_FRAME_LEN: usize = 16_384;

/// Whether a stream goes on after a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    More,
    Last,
}

impl Body {
    fn flag(self) -> u8 {
        match self {
            Self::More => 0,
            Self::Last => END_STREAM,
        }
    }
}

/// Appends any frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// SETTINGS and a WINDOW_UPDATE that open all windows as wide as they go: what is measured should
/// never wait for its peer's permission.
pub(crate) fn open_windows(out: &mut Vec<u8>) {
    let mut entry = INITIAL_WINDOW.to_be_bytes().to_vec();
    entry.extend(MAX_WINDOW_LEN.to_be_bytes());
    frame(kind::SETTINGS, 0, 0, &entry, out);
    let increment = MAX_WINDOW_LEN - DEFAULT_WINDOW_LEN;
    frame(kind::WINDOW_UPDATE, 0, 0, &increment.to_be_bytes(), out);
}

/// Appends HEADERS with a whole block.
pub(crate) fn headers(stream: u32, block: &[u8], body: Body, out: &mut Vec<u8>) {
    frame(kind::HEADERS, END_HEADERS | body.flag(), stream, block, out);
}

/// Appends DATA.
pub(crate) fn data(stream: u32, bytes: &[u8], body: Body, out: &mut Vec<u8>) {
    frame(kind::DATA, body.flag(), stream, bytes, out);
}

/// A gRPC message behind its prefix.
pub(crate) fn message(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend((message.len() as u32).to_be_bytes());
    bytes.extend(message);
    bytes
}

/// A header block, as it is sent the first time and from then on: an encoder puts its fields into the
/// table, and then names them by a byte each.
pub(crate) struct Block {
    first: Vec<u8>,
    again: Vec<u8>,
    was_sent: bool,
}

/// Fields that need no entry of their own (RFC 7541 appendix A).
const STATIC: [(&str, &str, u8); 3] = [
    (":method", "POST", 3),
    (":scheme", "http", 6),
    (":status", "200", 8),
];

/// The first entry behind the static ones (RFC 7541 §2.3.3).
const FIRST_INDEX: usize = 62;

impl Block {
    /// The blocks of these lists, which are first sent in this order, before any is sent again.
    pub(crate) fn of<const N: usize>(lists: [&[(&str, &str)]; N]) -> [Self; N] {
        let is_entry = |field: &&(&str, &str)| static_index(**field).is_none();
        let entry_count = lists.concat().iter().filter(is_entry).count();
        let mut entry = 0;
        lists.map(|list| {
            let (mut first, mut again) = (Vec::new(), Vec::new());
            for &field in list {
                if let Some(index) = static_index(field) {
                    first.push(0x80 | index);
                    again.push(0x80 | index);
                    continue;
                }
                literal(0x40, field, &mut first);
                // The newest has the lowest number.
                let index = FIRST_INDEX + entry_count - 1 - entry;
                again.push(0x80 | u8::try_from(index).expect("few fields"));
                entry += 1;
            }
            Self {
                first,
                again,
                was_sent: false,
            }
        })
    }

    /// The bytes of the next time it is sent.
    pub(crate) fn next(&mut self) -> &[u8] {
        if self.was_sent {
            return &self.again;
        }
        self.was_sent = true;
        &self.first
    }
}

fn static_index((name, value): (&str, &str)) -> Option<u8> {
    let mut fields = STATIC.iter();
    let found = fields.find(|&&(n, v, _)| (n, v) == (name, value));
    found.map(|&(_, _, index)| index)
}

/// Appends a field that is written out: with 0x40 before it, it becomes an entry of the table, with 0
/// it does not.
pub(crate) fn literal(how: u8, (name, value): (&str, &str), out: &mut Vec<u8>) {
    out.push(how);
    for text in [name, value] {
        assert!(text.len() < 127, "{text} has a length of one byte");
        out.push(text.len() as u8);
        out.extend(text.as_bytes());
    }
}
