//! What a call allocates, once the connection is warm: what the framework does not take, users have.
//!
//! Two runs differ in the number of their calls alone, so that the connection does not count.

#![allow(
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::panic,
    reason = "what is not as expected fails the test"
)]

mod allocator;
#[path = "../../src/clock.rs"]
mod clock;

use std::sync::Mutex;

use hikyaku_instructions::scenario::{SCENARIOS, Scenario, Unit};

/// Allocations of a call that is answered at once, in the task of its connection: those of its
/// handler and its messages, and none of the framework's.
const AT_ONCE: [(&str, i64); 4] = [
    ("server-unary-100", 0),
    ("server-unary-20", 0),
    ("server-unary-1", 0),
    // The name and the greeting.
    ("server-unary-hello", 2),
];

/// Allocations of other calls, whose handlers and messages have none. A streaming call has 1,000
/// messages, and its figure is that of all of them together.
const OTHERS: [(&str, i64); 11] = [
    // Each call's header list is a new one: the list, its fields, and the texts of two of them.
    ("server-unary-metadata", 4),
    // The handler waits: its mailbox, task and box, what ends it, and its reply with its handle.
    ("server-unary-later", 7),
    // Buffers grow with what waits in them, and are handed over whole. At `server-down` the output
    // seals its tail before the messages and makes a new one for the trailers: two of them.
    ("server-down", 18),
    ("server-up", 17),
    ("server-ping-pong", 10),
    // The mailbox, what the call wants, and the request.
    ("client-unary-100", 3),
    ("client-unary-20", 3),
    ("client-unary-1", 3),
    ("client-down", 18),
    ("client-up", 15),
    ("client-ping-pong", 6),
];

/// Those whose messages are cut and put together: how often depends on the sizes of buffers.
const UNCOUNTED: [&str; 2] = ["server-echo-4mib", "client-echo-4mib"];

/// Held by the test that measures: the clock is the same for all.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations of a call: what two runs differ by.
fn allocations_per_call(name: &str) -> i64 {
    let _alone = ALONE.lock();
    let scenario = Scenario::named(name).expect("there is one of this name");
    let [short, long] = match scenario.unit {
        Unit::Call => [500, 1_500],
        Unit::Message => [5, 15],
    };
    // The first run in a process pays for what is made once.
    scenario.play(long, short);
    let counts = [short, long].map(|calls| allocator::count(|| scenario.play(long, calls)));
    let [short_count, long_count] = counts;
    let calls = (long - short) as i64;
    // Now and then a table or a read buffer is made anew, in one run or in the other: the share of a
    // call in that is no whole allocation.
    (long_count - short_count + calls / 4).div_euclid(calls)
}

#[track_caller]
fn check(table: &[(&str, i64)], rule: &str) {
    let mut wrong = Vec::new();
    for &(name, want) in table {
        let got = allocations_per_call(name);
        if got != want {
            wrong.push(format!("{name}: {got} a call, and not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

#[test]
fn a_unary_call_answered_at_once_allocates_what_its_handler_does() {
    check(&AT_ONCE, "the framework needs no memory of its own");
}

#[test]
fn another_call_allocates_what_the_table_says() {
    check(&OTHERS, "more has to go, and fewer go into the table");
}

#[test]
fn every_scenario_is_counted_or_said_not_to_be() {
    let tables = AT_ONCE.iter().chain(&OTHERS);
    let mut named: Vec<_> = tables.map(|&(name, _)| name).chain(UNCOUNTED).collect();
    let mut all: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
}
