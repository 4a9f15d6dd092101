//! What clients that wait cost a server: bytes by connection and by open stream.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

mod allocator;
mod clients;

use clients::{Clients, STREAMS, Say};

/// Connections that are there before anything is measured: what grows by doubling has room then.
const FIRST_COUNT: usize = 300;

/// Connections that are measured.
const COUNT: usize = 200;

/// Bytes that one of the clients costs who say this.
fn measure(say: Say) -> usize {
    let mut clients = Clients::new(say);
    clients.come(FIRST_COUNT);
    let before = allocator::live_len();
    clients.come(COUNT);
    let len = allocator::live_len().saturating_sub(before);
    len / COUNT
}

/// One test, as the allocator counts for all threads of the process.
#[test]
fn who_waits_costs_little() {
    // (what each client says, bytes for it at most)
    let table = [
        (Say::Nothing, 3 * 1024),
        (Say::OneCall, 4 * 1024),
        (Say::TwoCalls, 5 * 1024),
    ];
    for (say, max) in table {
        let len = measure(say);
        assert!(len <= max, "{say:?}: {len} bytes, {max} allowed");
    }
    let connection_len = measure(Say::OneCall);
    // (what is open on each of a client's streams, bytes for each at most)
    let table = [
        (Say::Heads, 1024),
        (Say::Streams, 1_750),
        (Say::Chats, 2_200),
    ];
    for (say, max) in table {
        let len = measure(say).saturating_sub(connection_len) / STREAMS;
        assert!(len <= max, "{say:?}: {len} bytes a stream, {max} allowed");
    }
}
