//! A server, called by clients whose bytes were written beforehand.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use hikyaku::server::Listener;

use crate::hearing::{Heard, Hearing};
use crate::peer::{Peer, Script};
use crate::service;
use crate::wire::{self, Block, Body};

/// A client, as far as its script is written.
struct Calling {
    script: Script,
    block: Block,
    stream: u32,
    call_count: usize,
}

/// What is not the same in every call's header list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    Nothing,
    /// A deadline and an id of the request.
    OfEachCall,
}

impl Calling {
    fn new(path: &str) -> Self {
        let mut script = Script::default();
        script.say(Heard::default(), (0, 0), |out| {
            out.extend_from_slice(wire::PREFACE);
            wire::open_windows(out);
        });
        let [block] = Block::of([&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "server.test:1"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "script/1.0"),
        ]]);
        Self {
            script,
            block,
            stream: 1,
            call_count: 0,
        }
    }

    /// The head of the next call.
    fn open(&mut self, metadata: Metadata, out: &mut Vec<u8>) -> u32 {
        let stream = self.stream;
        self.stream += 2;
        self.call_count += 1;
        let mut block = self.block.next().to_vec();
        if metadata == Metadata::OfEachCall {
            let timeout = format!("{}u", 9_000_000 + self.call_count);
            let id = format!("00-{:032x}-01", self.call_count);
            wire::literal(0, ("grpc-timeout", &timeout), &mut block);
            wire::literal(0, ("x-request-id", &id), &mut block);
        }
        wire::headers(stream, &block, Body::More, out);
        stream
    }

    /// Serves the first `portion_count` portions, until `last` has been heard.
    fn play(mut self, portion_count: usize, last: Heard) {
        self.script.cut(portion_count);
        let (peer, done) = Peer::new(self.script, Hearing::of_server(), last);
        crate::runtime().block_on(async {
            let server = service::server();
            tokio::spawn(server.serve_listener(Once(Some(peer))));
            done.await.expect("the script is played to its end");
        });
    }
}

/// Calls with one request and one reply, of which `per_read` come in one read.
pub(crate) fn unary(
    path: &str,
    message: &[u8],
    per_read: usize,
    metadata: Metadata,
    [max_count, call_count]: [usize; 2],
) {
    let mut calling = Calling::new(path);
    let data = wire::message(message);
    for batch in 0..max_count / per_read {
        let mut bytes = Vec::new();
        for _ in 0..per_read {
            let stream = calling.open(metadata, &mut bytes);
            wire::data(stream, &data, Body::Last, &mut bytes);
        }
        let taken = (calling.stream, data.len() * per_read);
        let after = Heard::ends(batch * per_read);
        calling.script.say(after, taken, |out| out.extend(bytes));
    }
    calling.play(1 + call_count / per_read, Heard::ends(call_count));
}

/// Calls with many requests and one reply, one after the other. All requests of a call come at once.
pub(crate) fn up(message: &[u8], message_count: usize, [max_count, call_count]: [usize; 2]) {
    let mut calling = Calling::new(service::SUM);
    let data = wire::message(message);
    for call in 0..max_count {
        let mut bytes = Vec::new();
        let stream = calling.open(Metadata::Nothing, &mut bytes);
        for _ in 1..message_count {
            wire::data(stream, &data, Body::More, &mut bytes);
        }
        wire::data(stream, &data, Body::Last, &mut bytes);
        let taken = (stream, data.len() * message_count);
        calling
            .script
            .say(Heard::ends(call), taken, |out| out.extend(bytes));
    }
    calling.play(1 + call_count, Heard::ends(call_count));
}

/// Calls in which each request waits for the reply to the one before.
pub(crate) fn ping_pong(message: &[u8], message_count: usize, [max_count, call_count]: [usize; 2]) {
    let mut calling = Calling::new(service::RUNNING_SUM);
    let data = wire::message(message);
    for call in 0..max_count {
        let mut bytes = Vec::new();
        let stream = calling.open(Metadata::Nothing, &mut bytes);
        for number in 0..message_count {
            wire::data(stream, &data, Body::More, &mut bytes);
            let after = Heard {
                end_count: call,
                data_count: call * message_count + number,
            };
            let bytes = std::mem::take(&mut bytes);
            let taken = (stream, data.len());
            calling.script.say(after, taken, |out| out.extend(bytes));
        }
        let after = Heard::datas((call + 1) * message_count);
        let end = |out: &mut Vec<u8>| wire::data(stream, &[], Body::Last, out);
        calling.script.say(after, (stream, 0), end);
    }
    let portion_count = 1 + call_count * (message_count + 1);
    calling.play(portion_count, Heard::ends(call_count));
}

/// Calls with one long message, one after the other.
pub(crate) fn echo(message_len: usize, [max_count, call_count]: [usize; 2]) {
    let mut calling = Calling::new(service::ECHO);
    let data = wire::message(&vec![b'n'; message_len]);
    let mut portion_count = calling.script.portion_count();
    for call in 0..max_count {
        let mut bytes = Vec::new();
        let stream = calling.open(Metadata::Nothing, &mut bytes);
        calling
            .script
            .say(Heard::ends(call), (stream, 0), |out| out.extend(bytes));
        calling.script.say_in_frames(stream, &data, Body::Last);
        if call + 1 == call_count {
            portion_count = calling.script.portion_count();
        }
    }
    calling.play(portion_count, Heard::ends(call_count));
}

/// Takes one connection.
struct Once(Option<Peer>);

impl Listener for Once {
    type Io = Peer;

    async fn accept(&mut self) -> io::Result<(Peer, Option<SocketAddr>)> {
        match self.0.take() {
            Some(peer) => Ok((peer, None)),
            None => pending().await,
        }
    }
}
