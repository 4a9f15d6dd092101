//! What is said on a connection: frames in, canned frames out. No socket.
//!
//! Most answers are whole when a request has ended, and small: three frames, written at once. Longer
//! ones wait for the peer's windows, and so do the echoes of a stream, which are no copies: so many
//! bytes came, so many of the canned ones may go.
//!
//! The first request of a connection may be a greeting whatever is measured, so that a client can
//! see whether it is connected: it is the one request whose path is read.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use generator::frame::{self, DEFAULT_WINDOW, Head, MAX_WINDOW, flag, kind, setting};
use generator::message::{self, Flow};
use generator::output::Output;
use generator::scenario::{Call, Scenario};
use generator::sending::{Outgoing, Sending, Sends};
use generator::streams::Streams;
use harness::{WAIT, burn};
use hikyaku_http2::hpack::{DEFAULT_TABLE_LEN, Decoder, Limits};
use tokio::io::AsyncWrite;

use crate::options::Options;

/// What is answered, and when.
pub struct Canned {
    reply: Flow,
    manner: Manner,
    /// What a greeting is answered with, if that is not what is measured.
    greeting: Option<Flow>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// When the request has ended.
    AtEnd,
    /// A millisecond later.
    Waited,
    /// After 200 microseconds of CPU.
    Burned,
    /// As it comes.
    Echoed,
}

/// One connection.
pub struct Answers {
    canned: Arc<Canned>,
    output: Output,
    sending: Sending,
    streams: Streams<Stream>,
    /// The peer's table holds our head.
    has_head: bool,
    /// It holds our trailers, too.
    has_trailers: bool,
    /// Bytes received and not given back to the connection's window.
    owed_bytes: u32,
    /// The stream of a greeting that came first.
    greeting_id: Option<u32>,
    /// Streams to be answered later, and when.
    waiting: VecDeque<(Instant, u32)>,
}

/// A stream whose answer was begun, or that sends more than one message.
struct Stream {
    outgoing: Outgoing,
    /// Bytes received and not given back to its window.
    owed_bytes: u32,
}

impl Sends for Stream {
    fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }
}

/// Received bytes that are given back at once: half of the widest window.
const GRANT_BYTES: u32 = 1 << 30;
const GREETING_PATH: &str = "/helloworld.Greeter/SayHello";

/// `:status 200` and the content type, which the peer keeps in its table.
const FIRST_HEAD: &[u8] = b"\x88\x5f\x10application/grpc";
/// `grpc-status 0`, kept as well.
const FIRST_TRAILERS: &[u8] = b"\x40\x0bgrpc-status\x010";
/// The head while it is the last that went into the table, and when the trailers are.
const HEAD_BEFORE_TRAILERS: &[u8] = b"\x88\xbe";
const NEXT_HEAD: &[u8] = b"\x88\xbf";
const NEXT_TRAILERS: &[u8] = b"\xbe";

impl Canned {
    /// What `options` ask for; `None` if it is no gRPC.
    pub fn new(options: &Options) -> Option<Self> {
        let manner = match options.scenario {
            Scenario::EchoRaw => return None,
            Scenario::Wait => Manner::Waited,
            Scenario::Burn => Manner::Burned,
            Scenario::Both | Scenario::PingPong | Scenario::IdleStreams => Manner::Echoed,
            Scenario::Hello
            | Scenario::Echo
            | Scenario::Down
            | Scenario::Up
            | Scenario::Record
            | Scenario::IdleConnections
            | Scenario::Connect => Manner::AtEnd,
        };
        let call = Call::new(options.scenario, options.size, options.messages);
        let is_greeting = call.path == GREETING_PATH;
        let greeting = (!is_greeting).then(|| Flow::new(&message::hello("Hello world!"), 1));
        Some(Self {
            reply: call.reply,
            manner,
            greeting,
        })
    }
}

impl Answers {
    /// A connection that begins with our SETTINGS and the widest window.
    pub fn new(canned: Arc<Canned>) -> Self {
        let mut output = Output::default();
        output.append(|out| {
            frame::write_settings(out, &[(setting::INITIAL_WINDOW_SIZE, MAX_WINDOW as u32)]);
            frame::write_window_update(out, 0, (MAX_WINDOW - DEFAULT_WINDOW) as u32);
        });
        Self {
            canned,
            output,
            sending: Sending::new(0),
            streams: Streams::default(),
            has_head: false,
            has_trailers: false,
            owed_bytes: 0,
            greeting_id: None,
            waiting: VecDeque::new(),
        }
    }

    /// Answers all whole frames of `input` and says how many bytes they took.
    pub fn answer(&mut self, input: &[u8]) -> usize {
        let mut rest = input;
        while let Some((head, payload, behind)) = frame::split(rest) {
            match head.kind {
                kind::DATA => self.on_data(head),
                kind::HEADERS => self.on_headers(head, payload),
                _ => self.on_other(head, payload),
            }
            rest = behind;
        }
        if self.owed_bytes >= GRANT_BYTES {
            let bytes = std::mem::take(&mut self.owed_bytes);
            self.output
                .append(|out| frame::write_window_update(out, 0, bytes));
        }
        input.len() - rest.len()
    }

    /// Puts into the output what windows and buffer allow.
    pub fn send(&mut self) {
        let Self {
            sending,
            streams,
            canned,
            output,
            has_trailers,
            ..
        } = self;
        let mut ended = Vec::new();
        sending.send(streams, &canned.reply, output, |id, output| {
            write_trailers(output, id, has_trailers);
            ended.push(id);
        });
        for id in ended {
            self.streams.remove(id);
        }
    }

    /// When [`Answers::answer_waiting`] wants to be called.
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Answers those who have waited long enough.
    pub fn answer_waiting(&mut self, now: Instant) {
        while let Some(&(due, id)) = self.waiting.front()
            && due <= now
        {
            self.waiting.pop_front();
            self.reply(id);
        }
    }

    /// Writes once, as much as the socket takes.
    ///
    /// # Errors
    /// The socket's own.
    pub fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.output
            .poll_write(socket, self.canned.reply.image(), cx)
    }

    /// Bytes that are not written.
    pub fn unsent_len(&self) -> usize {
        self.output.unsent_len()
    }

    fn on_headers(&mut self, head: Head, payload: &[u8]) {
        let id = head.stream;
        if id == 1 && self.canned.greeting.is_some() && is_greeting(head, payload) {
            self.greeting_id = Some(id);
        } else if self.canned.manner == Manner::Echoed {
            self.write_head(id);
            self.begin(id, 0, u64::MAX);
        }
        if head.has(flag::END_STREAM) {
            self.on_end(id);
        }
    }

    fn on_data(&mut self, head: Head) {
        let len = head.len as u32;
        self.owed_bytes += len;
        if self.canned.manner == Manner::Echoed
            && let Some(stream) = self.streams.get_mut(head.stream)
        {
            stream.outgoing.allowed += u64::from(len);
            self.sending.enqueue(head.stream, &mut stream.outgoing);
            stream.owed_bytes += len;
            if stream.owed_bytes >= GRANT_BYTES {
                let bytes = std::mem::take(&mut stream.owed_bytes);
                self.output
                    .append(|out| frame::write_window_update(out, head.stream, bytes));
            }
        }
        if head.has(flag::END_STREAM) {
            self.on_end(head.stream);
        }
    }

    fn on_end(&mut self, id: u32) {
        if self.greeting_id == Some(id) {
            self.greet(id);
            return;
        }
        match self.canned.manner {
            Manner::AtEnd => self.reply(id),
            Manner::Waited => self.waiting.push_back((Instant::now() + WAIT, id)),
            Manner::Burned => {
                burn();
                self.reply(id);
            }
            Manner::Echoed => self.end_echo(id),
        }
    }

    /// Sends the whole answer, now or as the windows allow.
    fn reply(&mut self, id: u32) {
        self.write_head(id);
        let reply = &self.canned.reply;
        let len = reply.len();
        if self.sending.take(len) {
            self.output
                .append(|out| frame::write_head(out, len as usize, kind::DATA, 0, id));
            self.output.append_body(reply.image(), 0, len as usize);
            write_trailers(&mut self.output, id, &mut self.has_trailers);
        } else {
            self.begin(id, len, len);
        }
    }

    fn greet(&mut self, id: u32) {
        self.greeting_id = None;
        self.write_head(id);
        if let Some(greeting) = &self.canned.greeting {
            let bytes = &greeting.image()[..greeting.len() as usize];
            self.sending.take(bytes.len() as u64);
            self.output
                .append(|out| frame::write(out, kind::DATA, 0, id, bytes));
        }
        write_trailers(&mut self.output, id, &mut self.has_trailers);
    }

    /// No more comes, so that what may go is all there is.
    fn end_echo(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let outgoing = &mut stream.outgoing;
        outgoing.total = outgoing.allowed;
        if outgoing.sent == outgoing.total {
            self.streams.remove(id);
            write_trailers(&mut self.output, id, &mut self.has_trailers);
        }
    }

    fn begin(&mut self, id: u32, allowed: u64, total: u64) {
        let outgoing = self.sending.begin(id, allowed, total);
        self.streams.insert(
            id,
            Stream {
                outgoing,
                owed_bytes: 0,
            },
        );
    }

    fn write_head(&mut self, id: u32) {
        let block = match (self.has_head, self.has_trailers) {
            (false, _) => FIRST_HEAD,
            (true, false) => HEAD_BEFORE_TRAILERS,
            (true, true) => NEXT_HEAD,
        };
        self.has_head = true;
        self.output
            .append(|out| frame::write(out, kind::HEADERS, flag::END_HEADERS, id, block));
    }

    fn on_other(&mut self, head: Head, payload: &[u8]) {
        let Self {
            output,
            sending,
            streams,
            ..
        } = self;
        match head.kind {
            kind::SETTINGS if !head.has(flag::ACK) => {
                for (name, value) in frame::settings(payload) {
                    match name {
                        setting::INITIAL_WINDOW_SIZE => sending.on_initial_window(value, streams),
                        setting::MAX_FRAME_SIZE => sending.on_max_frame_len(value),
                        _ => {}
                    }
                }
                output.append(|out| frame::write(out, kind::SETTINGS, flag::ACK, 0, &[]));
            }
            kind::PING if !head.has(flag::ACK) => {
                output.append(|out| frame::write(out, kind::PING, flag::ACK, 0, payload));
            }
            kind::WINDOW_UPDATE => {
                sending.on_window_update(head.stream, frame::number(payload), streams);
            }
            kind::RST_STREAM => {
                streams.remove(head.stream);
            }
            _ => {}
        }
    }
}

/// Whether the first header block of a connection asks for a greeting.
fn is_greeting(head: Head, payload: &[u8]) -> bool {
    let limits = Limits {
        max_list_bytes: 16 * 1024,
        max_fields: 64,
    };
    let mut fields = Vec::new();
    let block = frame::without_padding(head, payload).unwrap_or_default();
    let decoded = Decoder::new(DEFAULT_TABLE_LEN).decode(block, limits, &mut fields);
    let mut paths = fields.iter().filter(|field| field.name() == b":path");
    decoded.is_ok() && paths.any(|path| path.value() == GREETING_PATH.as_bytes())
}

fn write_trailers(output: &mut Output, id: u32, is_known: &mut bool) {
    let block = if *is_known {
        NEXT_TRAILERS
    } else {
        FIRST_TRAILERS
    };
    *is_known = true;
    let flags = flag::END_HEADERS | flag::END_STREAM;
    output.append(|out| frame::write(out, kind::HEADERS, flags, id, block));
}
