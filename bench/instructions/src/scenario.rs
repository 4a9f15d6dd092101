//! What is measured: each way of a message through the framework, with everything else left out.

use crate::server::{self, Metadata};
use crate::{client, service};

/// One way of messages.
pub struct Scenario {
    /// What it is called in the record.
    pub name: &'static str,
    /// Of what its figure is the cost.
    pub unit: Unit,
    /// Calls of a short run and of a long one. What is measured is the difference.
    pub call_counts: [usize; 2],
    /// Prepares for so many calls and makes so many of them.
    run: fn([usize; 2]),
}

/// What a figure is the cost of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole call.
    Call,
    /// One message, in a call with [`MESSAGE_COUNT`] of them; a pair of them, if they go both ways.
    Message,
}

/// Messages of a streaming call.
pub const MESSAGE_COUNT: usize = 1_000;

/// Bytes of a long message.
const LONG_LEN: usize = 4 * 1024 * 1024;

/// `HelloRequest { name: "world" }`.
const WORLD: &[u8] = b"\x0a\x05world";

/// `Number { value: 7 }`, and one with 1,000.
const SEVEN: &[u8] = &[0x08, 7];
const THOUSAND: &[u8] = &[0x08, 0xe8, 0x07];

impl Scenario {
    /// Prepares for `max_count` calls, and makes `call_count` of them on this thread. Runs that have
    /// been prepared for as many differ by their calls only.
    pub fn play(&self, max_count: usize, call_count: usize) {
        assert!(
            call_count <= max_count,
            "it is prepared for {max_count} calls"
        );
        (self.run)([max_count, call_count]);
    }

    /// What lies between the figures of the short run and the long one, for one unit.
    #[must_use]
    pub fn per_unit(&self, [short, long]: [u64; 2]) -> f64 {
        let [short_count, long_count] = self.call_counts;
        let message_count = match self.unit {
            Unit::Call => 1,
            Unit::Message => MESSAGE_COUNT,
        };
        let unit_count = (long_count - short_count) * message_count;
        (long as f64 - short as f64) / unit_count as f64
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

const fn calls(name: &'static str, run: fn([usize; 2])) -> Scenario {
    Scenario {
        name,
        unit: Unit::Call,
        call_counts: [5_000, 15_000],
        run,
    }
}

const fn messages(name: &'static str, run: fn([usize; 2])) -> Scenario {
    Scenario {
        name,
        unit: Unit::Message,
        call_counts: [5, 15],
        run,
    }
}

const fn long(name: &'static str, run: fn([usize; 2])) -> Scenario {
    Scenario {
        name,
        unit: Unit::Call,
        call_counts: [4, 8],
        run,
    }
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    // A server, by how many calls come in one read.
    calls("server-unary-100", |n| {
        server::unary(service::SQUARE, SEVEN, 100, Metadata::Nothing, n);
    }),
    calls("server-unary-20", |n| {
        server::unary(service::SQUARE, SEVEN, 20, Metadata::Nothing, n);
    }),
    calls("server-unary-1", |n| {
        server::unary(service::SQUARE, SEVEN, 1, Metadata::Nothing, n);
    }),
    // With a handler and messages that allocate, as those of most services do.
    calls("server-unary-hello", |n| {
        server::unary(service::HELLO, WORLD, 100, Metadata::Nothing, n);
    }),
    // With a deadline and metadata that are others in every call.
    calls("server-unary-metadata", |n| {
        server::unary(service::SQUARE, SEVEN, 100, Metadata::OfEachCall, n);
    }),
    // With a handler that is not ready at once.
    calls("server-unary-later", |n| {
        server::unary(service::LATER, SEVEN, 100, Metadata::Nothing, n);
    }),
    messages("server-down", |n| {
        server::unary(service::COUNT_TO, THOUSAND, 1, Metadata::Nothing, n);
    }),
    messages("server-up", |n| server::up(SEVEN, MESSAGE_COUNT, n)),
    messages("server-ping-pong", |n| {
        server::ping_pong(SEVEN, MESSAGE_COUNT, n);
    }),
    long("server-echo-4mib", |n| server::echo(LONG_LEN, n)),
    // A client, by how many of its calls are open at once.
    calls("client-unary-100", |n| client::unary(100, n)),
    calls("client-unary-20", |n| client::unary(20, n)),
    calls("client-unary-1", |n| client::unary(1, n)),
    messages("client-down", |n| client::down(SEVEN, MESSAGE_COUNT, n)),
    messages("client-up", |n| client::up(MESSAGE_COUNT, n)),
    messages("client-ping-pong", |n| client::ping_pong(MESSAGE_COUNT, n)),
    long("client-echo-4mib", |n| client::echo(LONG_LEN, n)),
];
