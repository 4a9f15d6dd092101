//! HTTP/2 frames, as bytes: a head of nine and a payload behind it.
//!
//! Spec: RFC 9113 §4.1, §6.

/// Bytes of a frame's head.
pub const HEAD_LEN: usize = 9;
/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The payload that every end takes, in bytes (RFC 9113 §6.5.2).
pub const DEFAULT_FRAME_LEN: usize = 16 * 1024;
/// The window that every stream and connection starts with, in bytes (RFC 9113 §6.9.2).
pub const DEFAULT_WINDOW: i64 = 65_535;
/// The widest window there can be, in bytes (RFC 9113 §6.9.1).
pub const MAX_WINDOW: i64 = (1 << 31) - 1;

/// Kinds of frames.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub mod flag {
    /// Of DATA and HEADERS: the stream's last.
    pub const END_STREAM: u8 = 0x1;
    /// Of SETTINGS and PING: an answer.
    pub const ACK: u8 = 0x1;
    /// Of HEADERS: the whole block is here.
    pub const END_HEADERS: u8 = 0x4;
    /// Of DATA and HEADERS: a length first, and that many bytes last, are no payload.
    pub const PADDED: u8 = 0x8;
    /// Of HEADERS: five bytes of priority are in front of the block.
    pub const PRIORITY: u8 = 0x20;
}

/// Names of settings (RFC 9113 §6.5.2).
pub mod setting {
    pub const HEADER_TABLE_SIZE: u16 = 1;
    pub const ENABLE_PUSH: u16 = 2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    pub const MAX_FRAME_SIZE: u16 = 5;
}

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload.
    pub len: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Head {
    /// Whether `flag` is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The first frame of `input`: head, payload and what is behind them; `None` while it is not whole.
#[inline]
pub fn split(input: &[u8]) -> Option<(Head, &[u8], &[u8])> {
    let (bytes, rest) = input.split_first_chunk::<HEAD_LEN>()?;
    let head = decode(bytes);
    let (payload, rest) = rest.split_at_checked(head.len)?;
    Some((head, payload, rest))
}

/// Bytes of payload that the first frame of `input` will have; `None` while its head is not whole.
pub fn announced_len(input: &[u8]) -> Option<usize> {
    input.first_chunk().map(|head| decode(head).len)
}

#[inline]
fn decode(bytes: &[u8; HEAD_LEN]) -> Head {
    let [a, b, c, kind, flags, stream @ ..] = *bytes;
    Head {
        len: u32::from_be_bytes([0, a, b, c]) as usize,
        kind,
        flags,
        stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
    }
}

/// The payload of a DATA or HEADERS frame without padding and priority; `None` if it is too short
/// for them.
#[inline]
pub fn without_padding(head: Head, payload: &[u8]) -> Option<&[u8]> {
    if head.flags & (flag::PADDED | flag::PRIORITY) == 0 {
        return Some(payload);
    }
    let mut payload = payload;
    if head.has(flag::PADDED) {
        let (&len, rest) = payload.split_first()?;
        payload = rest.get(..rest.len().checked_sub(usize::from(len))?)?;
    }
    if head.kind == kind::HEADERS && head.has(flag::PRIORITY) {
        payload = payload.get(5..)?;
    }
    Some(payload)
}

/// Appends a frame.
#[inline]
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    write_head(out, payload.len(), kind, flags, stream);
    out.extend_from_slice(payload);
}

/// Appends the head of a frame whose payload comes behind it.
#[inline]
pub fn write_head(out: &mut Vec<u8>, len: usize, kind: u8, flags: u8, stream: u32) {
    let [_, a, b, c] = (len as u32).to_be_bytes();
    let [e, f, g, h] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags, e, f, g, h]);
}

/// Appends SETTINGS with these entries.
pub fn write_settings(out: &mut Vec<u8>, entries: &[(u16, u32)]) {
    write_head(out, entries.len() * 6, kind::SETTINGS, 0, 0);
    for (name, value) in entries {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// The entries of a SETTINGS payload.
pub fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    let (entries, _) = payload.as_chunks::<6>();
    entries
        .iter()
        .map(|&[a, b, c, d, e, f]| (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f])))
}

/// Appends a WINDOW_UPDATE; stream 0 is the connection.
pub fn write_window_update(out: &mut Vec<u8>, stream: u32, bytes: u32) {
    write(out, kind::WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
}

/// The number in the payload of a WINDOW_UPDATE or RST_STREAM.
pub fn number(payload: &[u8]) -> u32 {
    payload
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        type Row<'a> = (u8, u8, u32, &'a [u8], &'a [u8]);
        let rows: &[Row<'_>] = &[
            (
                kind::DATA,
                flag::END_STREAM,
                1,
                b"abc",
                b"\0\0\x03\0\x01\0\0\0\x01abc",
            ),
            (
                kind::HEADERS,
                5,
                0x7fff_ffff,
                b"",
                b"\0\0\0\x01\x05\x7f\xff\xff\xff",
            ),
            (
                kind::PING,
                0,
                0,
                b"12345678",
                b"\0\0\x08\x06\0\0\0\0\x0012345678",
            ),
        ];
        for &(kind, flags, stream, payload, want) in rows {
            let mut bytes = Vec::new();
            write(&mut bytes, kind, flags, stream, payload);
            assert_eq!(bytes, want, "{kind} {flags} {stream}");
            for cut in 0..bytes.len() {
                assert_eq!(split(&bytes[..cut]), None, "cut at {cut}");
            }
            bytes.push(9);
            let len = payload.len();
            let head = Head {
                len,
                kind,
                flags,
                stream,
            };
            assert_eq!(split(&bytes), Some((head, payload, &[9][..])));
        }
    }

    #[test]
    fn the_highest_bit_of_a_stream_is_ignored_and_a_length_has_three_bytes() {
        let mut bytes = b"\x01\x02\x03\0\0\xff\0\0\x05".to_vec();
        bytes.resize(HEAD_LEN + 0x01_02_03, 0);
        let (head, payload, rest) = split(&bytes).unwrap();
        assert_eq!(
            (head.stream, payload.len(), rest.len()),
            (0x7f00_0005, 0x01_02_03, 0)
        );
    }

    #[test]
    fn padding_and_priority_are_no_payload() {
        type Row<'a> = (u8, u8, &'a [u8], Option<&'a [u8]>);
        let rows: &[Row<'_>] = &[
            (kind::DATA, 0, b"abc", Some(b"abc")),
            (kind::DATA, flag::PADDED, b"\x01abc", Some(b"ab")),
            (kind::DATA, flag::PADDED, b"\x04abc", None),
            (kind::DATA, flag::PADDED, b"", None),
            (kind::HEADERS, flag::PRIORITY, b"12345abc", Some(b"abc")),
            (
                kind::HEADERS,
                flag::PRIORITY | flag::PADDED,
                b"\x0112345abc",
                Some(b"ab"),
            ),
            (kind::HEADERS, flag::PRIORITY, b"1234", None),
        ];
        for &(kind, flags, payload, want) in rows {
            let head = Head {
                len: payload.len(),
                kind,
                flags,
                stream: 1,
            };
            assert_eq!(
                without_padding(head, payload),
                want,
                "{kind} {flags} {payload:?}"
            );
        }
    }

    #[test]
    fn settings_are_read_as_they_were_written() {
        let entries = [
            (setting::ENABLE_PUSH, 0),
            (setting::INITIAL_WINDOW_SIZE, 0x7fff_ffff),
        ];
        let mut bytes = Vec::new();
        write_settings(&mut bytes, &entries);
        let (_, payload, _) = split(&bytes).unwrap();
        assert_eq!(settings(payload).collect::<Vec<_>>(), entries);
    }
}
