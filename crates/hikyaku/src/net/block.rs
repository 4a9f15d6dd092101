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

use std::mem;

use bytes::BytesMut;
use hikyaku_http2::frame::{Head, Kind};

use super::pool;

/// Says how long blocks are, and how far each is read into.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    /// The last block ended inside a frame: more had come than it had room for.
    was_short: bool,
}

impl Blocks {
    /// Makes room behind the bytes of an incomplete frame, and says how much of it to read into.
    ///
    /// A block is used up before there is a new one: slices of it that a slow reader holds on to then
    /// keep little more memory alive than they are long. Once they are all gone, the block is used
    /// again, and made longer if it ended before what had come to the socket.
    pub(super) fn make_room(&mut self, input: &mut BytesMut) -> Room {
        let is_new = input.capacity() == 0;
        if is_new {
            *input = pool::take_block();
        }
        let room = input.capacity() - input.len();
        if room >= MIN_READ_LEN + FRAME_LEN {
            // A block that another connection has made longer is not read into further than one of our
            // own: what comes at once is as much as a first window lets through, no more.
            let max = if is_new { READ_LEN } else { usize::MAX };
            return Room::Free((room - FRAME_LEN).min(max));
        }
        if let Some(rest_len) = rest_of_data(input)
            && rest_len <= room
        {
            self.was_short = true;
            return Room::Rest(rest_len);
        }
        // With what is there already, exactly a block: one that nobody else uses is enough then. More
        // for a frame that is longer than usual, which a connection has to allow first.
        let read_len = match READ_LEN.saturating_sub(input.len()) {
            len if len >= FRAME_LEN => len,
            _ => READ_LEN,
        };
        let is_ours = input.try_reclaim(read_len + FRAME_LEN);
        let more_len = if is_ours && self.was_short {
            READ_LEN
        } else {
            0
        };
        self.was_short = false;
        input.reserve(read_len + more_len + FRAME_LEN);
        Room::Free(input.capacity() - input.len() - FRAME_LEN)
    }

    /// Gives the block to the other connections of the thread, unless there is something in it or
    /// somebody holds on to a slice of it: who reads slowly shall keep memory of his own connection.
    pub(super) fn rest(input: &mut BytesMut) {
        if input.is_empty() && input.try_reclaim(READ_LEN + FRAME_LEN) {
            pool::put_block(mem::take(input));
        }
    }
}

/// How much to read. Bytes, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// As much as there is, up to so many.
    Free(usize),
    /// The rest of a frame: little, perhaps, and more may have come.
    Rest(usize),
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
        Blocks::default().make_room(&mut input);
        let given_len = input.capacity() - bytes.len() - room;
        input.put_bytes(0, given_len);
        let given = input.split().freeze();
        input.extend_from_slice(bytes);
        assert_eq!(input.capacity() - input.len(), room);
        (input, given)
    }

    #[test]
    fn a_block_is_read_into_up_to_its_last_frame() {
        use Room::{Free, Rest};
        let data = frame(0, 12_000);
        let headers = frame(1, 12_000);
        let much = Free(40_000 - FRAME_LEN);
        // (what has come of a frame, what is left of the block, what is read, whether in a new block)
        let table: [(&str, &[u8], usize, Room, bool); 10] = [
            ("much is left", b"", 40_000, much, false),
            ("just enough", b"", FRAME_LEN + 4096, Free(4096), false),
            ("too little", b"", FRAME_LEN + 4095, Free(READ_LEN), true),
            ("nothing", b"", 0, Free(READ_LEN), true),
            ("a frame, and much", &data[..9], 40_000, much, false),
            ("a frame", &data[..9], FRAME_LEN, Rest(12_000), false),
            (
                "a frame to its last byte",
                &data[..12_008],
                1,
                Rest(1),
                false,
            ),
            (
                "half a head",
                &data[..8],
                FRAME_LEN,
                Free(READ_LEN - 8),
                true,
            ),
            (
                "no DATA",
                &headers[..12_000],
                FRAME_LEN,
                Free(READ_LEN - 12_000),
                true,
            ),
            (
                "a longer frame",
                &data[..9],
                11_999,
                Free(READ_LEN - 9),
                true,
            ),
        ];
        for (what, bytes, room, want, is_new) in table {
            let (mut input, given) = block(bytes, room);
            let before = input.as_ptr();
            assert_eq!(Blocks::default().make_room(&mut input), want, "{what}");
            assert_eq!(input.as_ptr() != before, is_new, "{what}");
            let (Free(len) | Rest(len)) = want;
            assert!(input.capacity() - input.len() >= len, "{what}");
            assert_eq!(input, bytes, "{what}");
            drop(given);
        }
    }

    #[test]
    fn a_block_that_nobody_else_uses_is_used_again() {
        let (mut input, given) = block(&frame(1, 100)[..50], 0);
        let start = given.as_ptr();
        drop(given);
        let room = Blocks::default().make_room(&mut input);
        assert_eq!(room, Room::Free(READ_LEN - 50));
        assert_eq!(
            (input.as_ptr(), input.capacity()),
            (start, READ_LEN + FRAME_LEN)
        );
    }

    #[test]
    fn a_block_goes_to_another_connection_when_all_of_it_is_read_and_let_go() {
        // (what has come of a frame, whether a slice is held, whether the block goes)
        let table = [
            ("", false, true),
            ("frame", false, false),
            ("", true, false),
        ];
        for (bytes, is_held, goes) in table {
            let (mut input, given) = block(bytes.as_bytes(), 1000);
            let start = given.as_ptr();
            let _held = is_held.then_some(given);
            Blocks::rest(&mut input);
            assert_eq!(input.capacity() == 0, goes, "{bytes:?} {is_held}");
            let mut other = BytesMut::new();
            let room = Blocks::default().make_room(&mut other);
            assert_eq!(room, Room::Free(READ_LEN));
            assert_eq!(other.as_ptr() == start, goes, "{bytes:?} {is_held}");
        }
    }

    #[test]
    fn a_longer_block_of_another_connection_is_not_read_into_further() {
        pool::put_block(BytesMut::with_capacity(3 * READ_LEN));
        let mut input = BytesMut::new();
        let room = Blocks::default().make_room(&mut input);
        assert_eq!(room, Room::Free(READ_LEN));
        assert!(input.capacity() >= 3 * READ_LEN);
    }

    #[test]
    fn a_block_that_was_too_short_grows_once_unless_somebody_holds_on_to_it() {
        let data = frame(0, 12_000);
        for (is_held, want) in [(true, READ_LEN), (false, 2 * READ_LEN + FRAME_LEN)] {
            let mut blocks = Blocks::default();
            let (mut input, given) = block(&data[..9], FRAME_LEN);
            let _held = is_held.then_some(given);
            for _ in 0..3 {
                assert_eq!(blocks.make_room(&mut input), Room::Rest(12_000));
                input.extend_from_slice(&data[9..]);
                input.clear();
                assert_eq!(blocks.make_room(&mut input), Room::Free(want));
                // All of it is used up, to the room of one frame.
                input.put_bytes(0, want - 9);
                drop(input.split());
                input.extend_from_slice(&data[..9]);
                assert_eq!(input.capacity() - input.len(), FRAME_LEN);
                if is_held {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_frame_of_any_length_comes_in_whole() {
        for len in [0, 1, 16 * 1024, 100_000, 1_000_000] {
            let frame = frame(0, len);
            let (mut input, mut blocks) = (BytesMut::new(), Blocks::default());
            while input.len() < frame.len() {
                let (Room::Free(room) | Room::Rest(room)) = blocks.make_room(&mut input);
                let rest = frame.get(input.len()..).unwrap_or_default();
                input.extend_from_slice(&rest[..room.min(rest.len())]);
            }
            assert_eq!(input, frame, "{len}");
        }
    }
}
