//! What is called, with which messages, and what has to come back.

use crate::message::{self, Flow};

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Hello,
    Echo,
    Down,
    Up,
    Both,
    PingPong,
    Wait,
    Burn,
    Record,
    IdleConnections,
    IdleStreams,
    Connect,
    EchoRaw,
}

impl Scenario {
    /// All of them, by the names of the command line.
    pub const ALL: [(&'static str, Self); 13] = [
        ("hello", Self::Hello),
        ("echo", Self::Echo),
        ("down", Self::Down),
        ("up", Self::Up),
        ("both", Self::Both),
        ("ping-pong", Self::PingPong),
        ("wait", Self::Wait),
        ("burn", Self::Burn),
        ("record", Self::Record),
        ("idle-connections", Self::IdleConnections),
        ("idle-streams", Self::IdleStreams),
        ("connect", Self::Connect),
        ("echo-raw", Self::EchoRaw),
    ];

    /// The scenario of this name.
    ///
    /// # Errors
    /// Says which names there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, scenario)| *scenario).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("{name:?} is no scenario; there are {}", names.join(", "))
        })
    }

    /// The name of it.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, scenario)| *scenario == self);
        found.map_or("", |(name, _)| name)
    }

    /// Whether a call carries as many messages as the command line says.
    pub fn is_streaming(self) -> bool {
        matches!(self, Self::Down | Self::Up | Self::Both | Self::PingPong)
    }
}

/// When the next message of a call is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// As soon as the windows let it.
    AtOnce,
    /// When the one before was answered.
    Answered,
    /// Never: the call stays as it is after its headers.
    Never,
}

/// One call of a scenario.
#[derive(Debug)]
pub struct Call {
    /// The method's path.
    pub path: &'static str,
    pub request: Flow,
    pub reply: Flow,
    pub turn: Turn,
    /// Messages that a call counts for, and the bytes of application data in them.
    pub messages: u64,
    pub bytes: u64,
}

impl Call {
    /// The call that `scenario` is made of, with bodies of `size` bytes and `messages` of them.
    pub fn new(scenario: Scenario, size: usize, messages: u64) -> Self {
        let one = |message: &[u8]| Flow::new(message, 1);
        let blobs = |count| Flow::new(&message::blob(size), count);
        let all_bytes = size as u64 * messages;
        let unary = |path, request: Flow, reply: Flow, bytes| Self {
            path,
            request,
            reply,
            turn: Turn::AtOnce,
            messages: 1,
            bytes,
        };
        let streaming = |path, request: Flow, reply: Flow, turn| Self {
            path,
            request,
            reply,
            turn,
            messages,
            bytes: all_bytes,
        };
        match scenario {
            Scenario::Hello | Scenario::Connect | Scenario::IdleConnections => {
                let (request, reply) = (message::hello("world"), message::hello("Hello world!"));
                unary(
                    "/helloworld.Greeter/SayHello",
                    one(&request),
                    one(&reply),
                    5,
                )
            }
            Scenario::Echo | Scenario::EchoRaw => {
                unary("/bench.Bench/Echo", blobs(1), blobs(1), size as u64)
            }
            Scenario::Wait => unary("/bench.Bench/Wait", blobs(1), blobs(1), size as u64),
            Scenario::Burn => unary("/bench.Bench/Burn", blobs(1), blobs(1), size as u64),
            Scenario::Record => {
                let (logs, body_bytes) = message::records();
                let reply = message::sum(message::RECORD_COUNT as u64, body_bytes);
                unary(
                    "/bench.Bench/Record",
                    one(&logs),
                    one(&reply),
                    logs.len() as u64,
                )
            }
            Scenario::Down => {
                let plan = one(&message::plan(messages, size as u64));
                let reply = Flow::of_any_blobs(size, messages);
                streaming("/bench.Bench/Down", plan, reply, Turn::AtOnce)
            }
            Scenario::Up => {
                let reply = one(&message::sum(messages, all_bytes));
                streaming("/bench.Bench/Up", blobs(messages), reply, Turn::AtOnce)
            }
            Scenario::Both => streaming(
                "/bench.Bench/Both",
                blobs(messages),
                blobs(messages),
                Turn::AtOnce,
            ),
            Scenario::PingPong => streaming(
                "/bench.Bench/Both",
                blobs(messages),
                blobs(messages),
                Turn::Answered,
            ),
            Scenario::IdleStreams => {
                streaming("/bench.Bench/Both", blobs(1), blobs(1), Turn::Never)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_a_name_and_a_call() {
        for (name, scenario) in Scenario::ALL {
            assert_eq!(Scenario::named(name), Ok(scenario));
            assert_eq!(scenario.name(), name);
            let call = Call::new(scenario, 16, 10);
            assert_eq!(
                call.messages,
                if scenario.is_streaming() {
                    10
                } else {
                    call.messages
                }
            );
        }
        let unknown = Scenario::named("helo").unwrap_err();
        assert!(unknown.contains("hello, echo, down"), "{unknown}");
    }
}
