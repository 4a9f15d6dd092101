//! What of a request is copied between the socket and its handler, by an allocator that counts and a
//! socket that remembers where its bytes were put.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

mod allocator;
mod greeters;
mod socket;

use greeters::{Owned, Seen, Viewing};
use hikyaku_testkit::{Random, random::for_each_seed};
use socket::Script;

/// Bytes of a name: less than a frame has, and more than anything else that a call allocates.
const NAME_LEN: usize = 12 * 1024;

/// The longest name that fits into one frame with what is before it: the prefix of the message, the
/// tag of the field and its length.
const MAX_NAME_LEN: usize = 16_384 - 5 - 1 - 3;

/// The four kinds of call.
const METHODS: [&str; 4] = ["SayHello", "SayManyHellos", "GreetAll", "Chat"];

#[test]
fn a_view_is_read_where_the_socket_put_it() {
    for method in METHODS {
        for name_len in [1, NAME_LEN, MAX_NAME_LEN] {
            let mut script = Script::greeting();
            let starts = [script.call(method, name_len)];
            check(script, &starts, Viewing::default(), method);
        }
    }
}

#[test]
fn an_owned_message_is_copied_once() {
    for method in METHODS {
        let mut script = Script::greeting();
        script.call(method, NAME_LEN);
        let (seen, arrived) = script.serve(Owned::default());
        let [seen] = one(seen);
        assert!(!arrived.has(seen.address), "{method}");
        assert_eq!(seen.counted.large, 1, "{method}: {:?}", seen.counted);
    }
}

/// The blocks of the read buffer end somewhere, and frames do not end there.
#[test]
fn no_view_is_moved_from_one_block_to_the_next() {
    for greeter in [Viewing::default(), Viewing::keeping()] {
        let mut script = Script::greeting();
        let calls = 0..20;
        let starts: Vec<usize> = calls.map(|_| script.call("SayHello", NAME_LEN)).collect();
        check(script, &starts, greeter, "all at once");
    }
}

#[test]
fn however_the_bytes_come_no_view_is_copied() {
    for_each_seed(0..30, |seed| {
        let mut random = Random::new(seed);
        let mut script = Script::greeting();
        let mut starts = Vec::new();
        for _ in 0..30 {
            let max_len = [20, 2_000, MAX_NAME_LEN][random.below(3) as usize];
            starts.push(script.call("SayHello", 1 + random.below(max_len as u64) as usize));
        }
        script.cut(&mut random);
        let greeter = match random.below(2) {
            0 => Viewing::default(),
            _ => Viewing::keeping(),
        };
        check(script, &starts, greeter, "in pieces");
    });
}

#[test]
fn a_message_of_several_frames_is_gathered_before_it_is_viewed() {
    let script = || {
        let mut script = Script::greeting();
        script.call("SayHello", 40_000);
        script
    };
    let (seen, arrived) = script().serve(Viewing::default());
    let [viewed] = one(seen);
    assert!(!arrived.has(viewed.address));
    let [owned] = one(script().serve(Owned::default()).0);
    let (viewed, owned) = (viewed.counted, owned.counted);
    assert!(viewed.large > 0, "{viewed:?}");
    assert_eq!(owned.large, viewed.large + 1, "{owned:?}");
}

/// Serves the script, and checks that the names, which start there, are where the socket put them,
/// and that no memory was allocated for them.
fn check(script: Script, starts: &[usize], greeter: Viewing, what: &str) {
    let (seen, arrived) = script.serve(greeter);
    assert_eq!(seen.len(), starts.len(), "{what}");
    for (call, (seen, &start)) in seen.iter().zip(starts).enumerate() {
        let (first, last) = (start, start + seen.len - 1);
        assert_eq!(
            seen.address,
            arrived.address_of(first),
            "{what}, call {call}"
        );
        assert_eq!(
            seen.address + seen.len - 1,
            arrived.address_of(last),
            "{what}, call {call}"
        );
        assert_eq!(
            seen.counted.large, 0,
            "{what}, call {call}: {:?}",
            seen.counted
        );
    }
}

fn one(seen: Vec<Seen>) -> [Seen; 1] {
    seen.try_into().expect("one call")
}
