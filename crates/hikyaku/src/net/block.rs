//! The block of memory that a connection is read into, and where it ends.
//!
//! ```text
//! | read, and given away as slices | DATA frame that has begun ..|.. its rest    |
//! +--------------------------------+-----------------------------+--------------+
//!                                                     no frame begins behind here
//! ```
//!
//! Messages are slices of a block. A frame that does not fit into what is left of one would have to be
//! moved to the next, and the message in it with it: so the room of one frame is left free at the end
//! of each block, for the rest of the last frame and nothing else.

use bytes::BytesMut;
use hikyaku_http2::frame::{Head, Kind};

/// Makes room behind the bytes of an incomplete frame, and says how much of it to read into. Bytes,
/// never 0.
///
/// A block is used up before there is a new one: slices of it that a slow reader holds on to then keep
/// little more memory alive than they are long. Once they are all gone, the block is used again.
pub(super) fn make_room(input: &mut BytesMut) -> usize {
    let room = input.capacity() - input.len();
    if room >= MIN_READ_LEN + FRAME_LEN {
        return room - FRAME_LEN;
    }
    if let Some(rest_len) = rest_of_data(input)
        && rest_len <= room
    {
        return rest_len;
    }
    // With what is there already, exactly a block: one that nobody else uses is enough then. More for
    // a frame that is longer than usual, which a connection has to allow first.
    let read_len = match READ_LEN.saturating_sub(input.len()) {
        len if len >= FRAME_LEN => len,
        _ => READ_LEN,
    };
    input.reserve(read_len + FRAME_LEN);
    read_len
}

/// Bytes that are missing of the DATA frame that has begun.
fn rest_of_data(input: &[u8]) -> Option<usize> {
    let head = Head::peek(input).filter(|head| head.kind == Kind::Data)?;
    (Head::LEN + head.len)
        .checked_sub(input.len())
        .filter(|&len| len > 0)
}

/// Bytes of a frame of the usual length (RFC 9113 §4.2), which no peer exceeds unless it was told that
/// it may.
const FRAME_LEN: usize = Head::LEN + 16 * 1024;

/// Bytes asked of the socket at a time: four frames, so that a large body does not cost a system call
/// a frame, and whole ones, so that its frames end where the reads do.
const READ_LEN: usize = 4 * FRAME_LEN;

/// Room for reading below which a new block is taken.
const MIN_READ_LEN: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, Bytes};

    fn frame(kind: u8, len: usize) -> Vec<u8> {
        let len = u32::try_from(len).unwrap().to_be_bytes();
        let mut frame = [&len[1..], &[kind, 0, 0, 0, 0, 1]].concat();
        frame.resize(
            Head::LEN + usize::try_from(u32::from_be_bytes(len)).unwrap(),
            7,
        );
        frame
    }

    /// A block of which so much is left, behind these bytes, and what lies before them.
    fn block(bytes: &[u8], room: usize) -> (BytesMut, Bytes) {
        let mut input = BytesMut::new();
        make_room(&mut input);
        let given_len = input.capacity() - bytes.len() - room;
        input.put_bytes(0, given_len);
        let given = input.split().freeze();
        input.extend_from_slice(bytes);
        assert_eq!(input.capacity() - input.len(), room);
        (input, given)
    }

    #[test]
    fn a_block_is_read_into_up_to_its_last_frame() {
        let data = frame(0, 12_000);
        let headers = frame(1, 12_000);
        let new = 4 * FRAME_LEN;
        // (what has come of a frame, what is left of the block, what is read, whether in a new block)
        let table: [(&str, &[u8], usize, usize, bool); 10] = [
            ("much is left", b"", 40_000, 40_000 - FRAME_LEN, false),
            ("just enough", b"", FRAME_LEN + 4096, 4096, false),
            ("too little", b"", FRAME_LEN + 4095, new, true),
            ("nothing", b"", 0, new, true),
            (
                "a frame, and much",
                &data[..9],
                40_000,
                40_000 - FRAME_LEN,
                false,
            ),
            ("a frame", &data[..9], FRAME_LEN, 12_000, false),
            ("a frame to its last byte", &data[..12_008], 1, 1, false),
            ("half a head", &data[..8], FRAME_LEN, new - 8, true),
            ("no DATA", &headers[..12_000], FRAME_LEN, new - 12_000, true),
            ("a longer frame", &data[..9], 11_999, new - 9, true),
        ];
        for (what, bytes, room, want, is_new) in table {
            let (mut input, given) = block(bytes, room);
            let before = input.as_ptr();
            assert_eq!(make_room(&mut input), want, "{what}");
            assert_eq!(input.as_ptr() != before, is_new, "{what}");
            assert!(input.capacity() - input.len() >= want, "{what}");
            assert_eq!(input, bytes, "{what}");
            drop(given);
        }
    }

    #[test]
    fn a_block_that_nobody_else_uses_is_used_again() {
        let (mut input, given) = block(&frame(1, 100)[..50], 0);
        let start = given.as_ptr();
        drop(given);
        let capacity = 5 * FRAME_LEN;
        assert_eq!(make_room(&mut input), 4 * FRAME_LEN - 50);
        assert_eq!((input.as_ptr(), input.capacity()), (start, capacity));
    }

    #[test]
    fn a_frame_of_any_length_comes_in_whole() {
        for len in [0, 1, 16 * 1024, 100_000, 1_000_000] {
            let frame = frame(0, len);
            let mut input = BytesMut::new();
            while input.len() < frame.len() {
                let room = make_room(&mut input);
                let rest = frame.get(input.len()..).unwrap_or_default();
                input.extend_from_slice(&rest[..room.min(rest.len())]);
            }
            assert_eq!(input, frame, "{len}");
        }
    }
}
