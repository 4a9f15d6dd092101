//! From frames to bytes: each function appends one frame, or the head of one, to `out`.

use bytes::BytesMut;

use super::settings::{ENTRY_LEN, Setting};
use super::{Flags, Head, Kind};
use crate::{Body, ErrorCode, StreamId};

/// The head of a DATA frame; its payload follows.
pub fn data_head(out: &mut BytesMut, id: StreamId, len: usize, body: Body) {
    let flags = end_stream(body);
    out.extend_from_slice(
        &Head {
            len,
            kind: Kind::Data,
            flags,
            id,
        }
        .encode(),
    );
}

/// The END_STREAM flag where it is due.
#[must_use]
pub const fn end_stream(body: Body) -> Flags {
    match body {
        Body::More => Flags::NONE,
        Body::Last => Flags::END_STREAM,
    }
}

/// A HEADERS frame, and as many CONTINUATION frames as a peer's `max_frame_len` asks for.
pub fn headers(out: &mut BytesMut, id: StreamId, block: &[u8], body: Body, max_frame_len: usize) {
    let mut kind = Kind::Headers;
    let mut flags = end_stream(body);
    let mut rest = block;
    loop {
        let (fragment, next) = rest.split_at_checked(max_frame_len).unwrap_or((rest, &[]));
        if next.is_empty() {
            flags = flags.and(Flags::END_HEADERS);
        }
        out.extend_from_slice(
            &Head {
                len: fragment.len(),
                kind,
                flags,
                id,
            }
            .encode(),
        );
        out.extend_from_slice(fragment);
        if next.is_empty() {
            return;
        }
        (kind, flags, rest) = (Kind::Continuation, Flags::NONE, next);
    }
}

/// A short HEADERS frame, made beforehand: all but its flags and its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    bytes: [u8; Self::MAX_LEN],
    len: usize,
}

impl Template {
    /// Bytes of the longest frame there is a template of, its head included.
    pub const MAX_LEN: usize = 32;

    /// The frame of a whole block; `None` if that is too long.
    #[must_use]
    pub fn headers(block: &[u8]) -> Option<Self> {
        let head = Head {
            len: block.len(),
            kind: Kind::Headers,
            flags: Flags::NONE,
            id: StreamId::CONNECTION,
        };
        let mut bytes = [0; Self::MAX_LEN];
        let (place, rest) = bytes.split_at_mut(Head::LEN);
        place.copy_from_slice(&head.encode());
        rest.get_mut(..block.len())?.copy_from_slice(block);
        let len = Head::LEN + block.len();
        Some(Self { bytes, len })
    }

    /// Bytes of the frame.
    #[must_use]
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "it has a head")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The frame on a stream, and zeros behind it.
    #[must_use]
    #[inline]
    pub const fn fill(&self, flags: Flags, id: StreamId) -> [u8; Self::MAX_LEN] {
        let mut bytes = self.bytes;
        let [d, e, f, g] = id.number().to_be_bytes();
        [bytes[4], bytes[5], bytes[6], bytes[7], bytes[8]] = [flags.0, d, e, f, g];
        bytes
    }
}

/// A RST_STREAM frame.
pub fn reset(out: &mut BytesMut, id: StreamId, code: ErrorCode) {
    number(out, Kind::RstStream, id, code.number());
}

/// A WINDOW_UPDATE frame.
pub fn window_update(out: &mut BytesMut, id: StreamId, increment: u32) {
    number(out, Kind::WindowUpdate, id, increment);
}

/// A SETTINGS frame.
pub fn settings(out: &mut BytesMut, entries: &[Setting]) {
    let len = entries.len() * ENTRY_LEN;
    let head = Head {
        len,
        kind: Kind::Settings,
        flags: Flags::NONE,
        id: StreamId::CONNECTION,
    };
    out.extend_from_slice(&head.encode());
    for entry in entries {
        out.extend_from_slice(&entry.encode());
    }
}

/// The answer to a SETTINGS frame.
pub fn settings_ack(out: &mut BytesMut) {
    let head = Head {
        len: 0,
        kind: Kind::Settings,
        flags: Flags::ACK,
        id: StreamId::CONNECTION,
    };
    out.extend_from_slice(&head.encode());
}

/// A PING frame, or with [`Flags::ACK`] the answer to one.
pub fn ping(out: &mut BytesMut, payload: [u8; 8], flags: Flags) {
    let head = Head {
        len: 8,
        kind: Kind::Ping,
        flags,
        id: StreamId::CONNECTION,
    };
    out.extend_from_slice(&head.encode());
    out.extend_from_slice(&payload);
}

/// A GOAWAY frame.
pub fn go_away(out: &mut BytesMut, last_stream: StreamId, code: ErrorCode, debug: &[u8]) {
    let len = 8 + debug.len();
    let head = Head {
        len,
        kind: Kind::GoAway,
        flags: Flags::NONE,
        id: StreamId::CONNECTION,
    };
    out.extend_from_slice(&head.encode());
    out.extend_from_slice(&last_stream.number().to_be_bytes());
    out.extend_from_slice(&code.number().to_be_bytes());
    out.extend_from_slice(debug);
}

/// A frame whose payload is one number.
fn number(out: &mut BytesMut, kind: Kind, id: StreamId, number: u32) {
    let head = Head {
        len: 4,
        kind,
        flags: Flags::NONE,
        id,
    };
    out.extend_from_slice(&head.encode());
    out.extend_from_slice(&number.to_be_bytes());
}
