//! Buffers that the connections of a thread use in turn.
//!
//! ```text
//!                  task is polled: takes one                     it will wait: gives it back
//! idle connection -------------------------> reads, answers, writes ----------------------> idle
//!   no buffer                                                                          no buffer
//! ```
//!
//! One connection at a time is polled by a thread, so nearly always one buffer of each kind serves all
//! of them, however many wait. Only a connection in the middle of something keeps its own: of a frame,
//! of an answer that the socket does not take, of messages that somebody still reads.

use std::cell::RefCell;

use bytes::BytesMut;

/// Buffers of one thread that nobody uses.
struct Pool {
    /// What is read into.
    blocks: Vec<BytesMut>,
    /// What is written from.
    tails: Vec<BytesMut>,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { blocks: Vec::new(), tails: Vec::new() }) };
}

/// Buffers of each kind that are kept: connections that were in the middle of something give back
/// what others have replaced meanwhile.
const MAX_COUNT: usize = 4;

/// A longer buffer is not kept. Bytes.
const MAX_LEN: usize = 256 * 1024;

/// A buffer to read into; without memory if there is none to spare.
pub(super) fn take_block() -> BytesMut {
    take(|pool| &mut pool.blocks)
}

/// Gives a buffer back that nobody holds a slice of.
pub(super) fn put_block(block: BytesMut) {
    put(block, |pool| &mut pool.blocks);
}

/// A buffer to write into; without memory if there is none to spare.
pub(super) fn take_tail() -> BytesMut {
    take(|pool| &mut pool.tails)
}

/// Gives a buffer back from which all has been written.
pub(super) fn put_tail(tail: BytesMut) {
    put(tail, |pool| &mut pool.tails);
}

fn take(kind: impl FnOnce(&mut Pool) -> &mut Vec<BytesMut>) -> BytesMut {
    // A thread that ends has no pool any more.
    let taken = POOL.try_with(|pool| kind(&mut pool.borrow_mut()).pop());
    taken.ok().flatten().unwrap_or_default()
}

fn put(buffer: BytesMut, kind: impl FnOnce(&mut Pool) -> &mut Vec<BytesMut>) {
    if buffer.capacity() == 0 || buffer.capacity() > MAX_LEN {
        return;
    }
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        let buffers = kind(&mut pool);
        if buffers.len() < MAX_COUNT {
            buffers.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_few_and_short_ones_are_kept() {
        assert_eq!(take_block().capacity(), 0);
        put_tail(BytesMut::with_capacity(100));
        assert_eq!(take_block().capacity(), 0, "a buffer of the other kind");
        for (len, is_kept) in [
            (0, false),
            (10, true),
            (MAX_LEN, true),
            (MAX_LEN + 1, false),
        ] {
            let block = BytesMut::with_capacity(len);
            let place = block.as_ptr();
            put_block(block);
            let taken = take_block();
            let want = if is_kept { len } else { 0 };
            assert_eq!(taken.capacity(), want, "{len}");
            assert_eq!(taken.as_ptr() == place, len == want, "{len}");
        }
        for _ in 0..2 * MAX_COUNT {
            put_block(BytesMut::with_capacity(10));
        }
        let taken = (0..2 * MAX_COUNT).map(|_| take_block().capacity());
        assert_eq!(taken.sum::<usize>(), 10 * MAX_COUNT);
    }
}
