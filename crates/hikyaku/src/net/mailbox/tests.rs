//! What waits in a mailbox, and what its driver hears.

use super::inbound::MIN_SLICE_LEN;
use super::*;

fn mailbox() -> Arc<Mailbox> {
    Arc::new(Mailbox::new(Outbox::new(), Patience::Eager, 1))
}

#[test]
fn small_chunks_that_wait_behind_another_are_copied_out_of_the_read_buffer() {
    let block = Bytes::from(vec![7; 64 * 1024]);
    let mailbox = mailbox();
    let lens = [&[10][..], &[500; 60], &[MIN_SLICE_LEN], &[3]].concat();
    let mut start = 0;
    for len in lens {
        mailbox.deliver_data(block.slice(start..start + len));
        start += len;
    }
    let mut chunks = Vec::new();
    let polled = mailbox.poll_chunks(&mut chunks, &mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready());
    let found = chunks.iter().map(|chunk| {
        let is_slice = block.as_ptr_range().contains(&chunk.as_ptr());
        (chunk.len(), is_slice)
    });
    let want = [
        (10, true),
        (30_000, false),
        (MIN_SLICE_LEN, true),
        (3, false),
    ];
    assert_eq!(found.collect::<Vec<_>>(), want);
}

#[test]
fn the_driver_hears_of_a_long_message_until_it_is_consumed() {
    let long_len = 100_000;
    // (what the application tells, what the driver hears then), as consumed and awaited bytes
    let table = [
        ("little", vec![(100, 0)], (100, 0)),
        ("a short message", vec![(0, RELEASE_LEN)], (0, 0)),
        ("a long message", vec![(5, long_len)], (5, long_len)),
        (
            "it has come meanwhile",
            vec![(0, long_len), (long_len, 0)],
            (long_len, 0),
        ),
        (
            "and another has begun",
            vec![(0, 9 * long_len), (7, long_len)],
            (7, long_len),
        ),
    ];
    for (what, told, want) in table {
        let mailbox = mailbox();
        for (consumed_len, awaited_len) in told {
            mailbox.advance(Progress {
                consumed_len,
                awaited_len,
            });
        }
        let got = mailbox.take_progress();
        assert_eq!((got.consumed_len, got.awaited_len), want, "{what}");
        assert_eq!(mailbox.take_progress(), Progress::default(), "{what}");
    }
}
