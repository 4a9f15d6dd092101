//! What is measured: every scenario as a row of data.

use std::fmt;

/// How a scenario is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Streams that send their next call when the last one is answered.
    Closed,
    /// The same from h2load, so that no figure rests on our own generator alone.
    H2load,
    /// Clients in turns against the floor server: what a call costs its caller.
    Client,
    /// A load that does not wait for answers, at 70% of what each server can do.
    OwnRate,
    /// The same load for all, at 70% of what the slowest can do.
    SameRate,
    /// What a call costs beside calls on another connection whose handlers burn CPU.
    Neighbour,
    /// Memory of a connection that does nothing.
    IdleConnections,
    /// Memory of an open stream that carries nothing.
    IdleStreams,
}

/// What a figure is divided by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Call,
    Message,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Message => "message",
        })
    }
}

/// What carries the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Plain,
    Tls,
}

/// One load, and how it is measured.
#[derive(Clone)]
pub struct Scenario {
    pub name: String,
    pub group: &'static str,
    pub kind: Kind,
    /// What the generator and the clients call it.
    pub call: &'static str,
    pub connections: u64,
    pub streams: u64,
    /// Bytes of a message's body, where it can be chosen.
    pub size: Option<u64>,
    /// Messages of a call, where it streams.
    pub messages: Option<u64>,
    pub transport: Transport,
    /// Threads of the server, on all cores; `None`: one, on its own core.
    pub threads: Option<u64>,
}

/// What a small message of a stream holds, in bytes.
const SMALL: u64 = 16;
/// What a message of the large echo holds, in bytes.
pub const LARGE: u64 = 4 * MIB;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// How many idle connections, and how many idle streams on [`IDLE_CARRIERS`] connections.
pub const IDLE: u64 = 10_000;
const IDLE_CARRIERS: u64 = 10;
/// Connections x streams of the unary scenarios.
const SHAPES: [(u64, u64); 4] = [(1, 1), (1, 100), (50, 20), (500, 1)];

/// Those of `--quick`, which CI runs: enough for the targets that noise does not hide.
const QUICK: [&str; 10] = [
    "hello-1x1",
    "hello-1x100",
    "hello-50x20",
    "down-small",
    "up-small",
    "client-hello-1x100",
    "client-down-small",
    "client-up-small",
    "idle-connections",
    "idle-streams",
];

impl Scenario {
    /// Every scenario, in the order of the report.
    pub fn all() -> Vec<Self> {
        let mut plain = Vec::new();
        for (connections, streams) in SHAPES {
            plain.push(Self::unary("hello", connections, streams));
        }
        for (connections, streams) in SHAPES {
            plain.push(
                Self::unary("echo-16k", connections, streams)
                    .call("echo")
                    .size(16 * KIB),
            );
        }
        plain.push(Self::unary("record", 1, 100).group("50 log records"));
        plain.push(Self::unary("wait", 1, 100).group("a handler that awaits 1 ms"));
        plain.extend(Self::streaming());
        for streams in [1, 4] {
            let echo = Self::unary("echo-4m", 1, streams).call("echo").size(LARGE);
            plain.push(echo.group("4 MiB echo"));
        }
        plain.push(Self::unary("connect", 1, 1).group("cold connect and first call"));
        plain.push(Self::new("idle-connections", Kind::IdleConnections).shape(IDLE, 1));
        let secure: Vec<Self> = plain.iter().map(Self::over_tls).collect();

        let mut all = plain;
        all.push(
            Self::new("idle-streams", Kind::IdleStreams).shape(IDLE_CARRIERS, IDLE / IDLE_CARRIERS),
        );
        for (connections, streams) in [(1, 100), (50, 20)] {
            let h2load = Self::unary("hello", connections, streams).kind(Kind::H2load);
            all.push(h2load.suffix("-h2load").group("the same from h2load"));
        }
        all.push(
            Self::unary("hello", 50, 20)
                .rename("own-rate")
                .kind(Kind::OwnRate),
        );
        all.push(
            Self::unary("hello", 50, 20)
                .rename("same-rate")
                .kind(Kind::SameRate),
        );
        all.push(
            Self::unary("hello", 1, 1)
                .rename("neighbour")
                .kind(Kind::Neighbour),
        );
        for threads in [1, 2] {
            let mut scenario = Self::unary("hello", 50, 20).suffix(&format!("-threads-{threads}"));
            scenario.threads = Some(threads);
            all.push(scenario.group("threads"));
        }
        all.extend(Self::clients());
        all.extend(secure);
        all
    }

    /// Those that `--quick` runs.
    pub fn quick() -> Vec<Self> {
        let mut all = Self::all();
        all.retain(|scenario| QUICK.contains(&scenario.name.as_str()));
        all
    }

    /// Streams in each direction, small messages and 16 KiB.
    fn streaming() -> Vec<Self> {
        let mut all = Vec::new();
        for call in ["down", "up", "both"] {
            let small = Self::new(call, Kind::Closed).size(SMALL).messages(20_000);
            all.push(small.suffix("-small").group("streams"));
            let large = Self::new(call, Kind::Closed).size(16 * KIB).messages(2_000);
            all.push(large.suffix("-16k").group("streams"));
        }
        for streams in [1, 100] {
            let turns = Self::unary("ping-pong", 1, streams)
                .size(SMALL)
                .messages(1_000);
            all.push(turns.group("streams"));
        }
        all
    }

    /// What clients are measured by.
    fn clients() -> Vec<Self> {
        let mut all = Vec::new();
        for (connections, streams) in [(1, 1), (1, 100), (50, 20)] {
            all.push(Self::unary("hello", connections, streams));
        }
        all.push(Self::unary("echo-16k", 1, 100).call("echo").size(16 * KIB));
        all.extend(Self::streaming());
        for scenario in &mut all {
            scenario.kind = Kind::Client;
            scenario.name = format!("client-{}", scenario.name);
            scenario.group = "clients, against the floor server";
        }
        all
    }

    fn new(call: &'static str, kind: Kind) -> Self {
        let group = match kind {
            Kind::Closed | Kind::H2load => "unary, small",
            Kind::Client => "clients",
            Kind::OwnRate | Kind::SameRate => "latency at a fixed rate",
            Kind::Neighbour => "beside handlers that burn 200 us",
            Kind::IdleConnections | Kind::IdleStreams => "memory",
        };
        Self {
            name: call.to_owned(),
            group,
            kind,
            call,
            connections: 1,
            streams: 1,
            size: None,
            messages: None,
            transport: Transport::Plain,
            threads: None,
        }
    }

    fn unary(call: &'static str, connections: u64, streams: u64) -> Self {
        let mut scenario = Self::new(call, Kind::Closed).shape(connections, streams);
        scenario.name = format!("{call}-{connections}x{streams}");
        if call == "echo-16k" {
            scenario.group = "unary, 16 KiB";
        }
        scenario
    }

    fn shape(mut self, connections: u64, streams: u64) -> Self {
        (self.connections, self.streams) = (connections, streams);
        self
    }

    fn call(mut self, call: &'static str) -> Self {
        self.call = call;
        self
    }

    fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    fn messages(mut self, messages: u64) -> Self {
        self.messages = Some(messages);
        self
    }

    fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self.group = Self::new(self.call, kind).group;
        self
    }

    fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    fn rename(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    fn suffix(mut self, suffix: &str) -> Self {
        self.name.push_str(suffix);
        self
    }

    fn over_tls(&self) -> Self {
        let mut scenario = self.clone().suffix("-tls");
        scenario.transport = Transport::Tls;
        scenario
    }

    /// What its costs are divided by.
    pub fn unit(&self) -> Unit {
        match self.messages {
            Some(_) => Unit::Message,
            None => Unit::Call,
        }
    }

    /// What its table is called.
    pub fn title(&self) -> String {
        let mut title = format!(
            "{}: `{}` over {} x {} (connections x streams)",
            self.name, self.call, self.connections, self.streams
        );
        if let Some(size) = self.size {
            title.push_str(&format!(", bodies of {}", Bytes(size)));
        }
        if let Some(messages) = self.messages {
            title.push_str(&format!(", {messages} messages a call"));
        }
        if let Some(threads) = self.threads {
            title.push_str(&format!(", {threads} on all cores"));
        }
        if self.transport == Transport::Tls {
            title.push_str(", TLS");
        }
        title
    }
}

/// A length in the unit that makes it short.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= MIB => write!(f, "{} MiB", bytes / MIB),
            bytes if bytes >= KIB => write!(f, "{} KiB", bytes / KIB),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}
