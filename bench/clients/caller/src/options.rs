//! The command line of the clients, which is that of the generator.

use crate::Fault;

/// What a client is told.
#[derive(Debug)]
pub struct Options {
    /// `HOST:PORT`.
    pub address: String,
    pub call: Call,
    pub connections: u32,
    /// Calls at a time on each connection.
    pub streams: u32,
    /// Calls in all.
    pub calls: u64,
    /// Bytes of a message's body.
    pub size: u32,
    /// Messages of a call that streams.
    pub messages: u32,
}

/// Which method is called, and how.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Hello,
    Echo,
    Down,
    Up,
    Both,
    PingPong,
}

impl Call {
    /// The name of `--scenario`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Echo => "echo",
            Self::Down => "down",
            Self::Up => "up",
            Self::Both => "both",
            Self::PingPong => "ping-pong",
        }
    }

    const ALL: [Self; 6] = [
        Self::Hello,
        Self::Echo,
        Self::Down,
        Self::Up,
        Self::Both,
        Self::PingPong,
    ];
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let mut address = None;
        let mut call = Call::Hello;
        let (mut connections, mut streams, mut calls) = (1, 1, 1);
        let (mut size, mut messages) = (0, 1);
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("{flag} wants a value"))?;
            let wrong = |error| format!("{flag} {value}: {error}");
            match flag.as_str() {
                "--address" => address = Some(value),
                "--scenario" => {
                    let known = Call::ALL.into_iter().find(|call| call.name() == value);
                    call = known.ok_or_else(|| format!("no scenario for clients: {value}"))?;
                }
                "--connections" => connections = value.parse().map_err(wrong)?,
                "--streams" => streams = value.parse().map_err(wrong)?,
                "--calls" => calls = value.parse().map_err(wrong)?,
                "--size" => size = value.parse().map_err(wrong)?,
                "--messages" => messages = value.parse().map_err(wrong)?,
                _ => return Err(format!("unknown flag {flag}").into()),
            }
        }
        let address = address.ok_or("--address is missing")?;
        Ok(Self {
            address,
            call,
            connections,
            streams,
            calls,
            size,
            messages,
        })
    }
}
