//! A raw peer: it writes frames, and reads frames and events as lines of text.
//!
//! ```text
//! HEADERS 1 :status=200 END     DATA 1 "abc" END     RST_STREAM 1 CANCEL     SETTINGS ACK
//! headers 1 /path last          data 1 "abc" more    reset 1 CANCEL remote   closed
//! ```

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;
use crate::frame::continuation::Continuation;
use crate::frame::go_away::GoAway;
use crate::frame::ping::Ping;
use crate::frame::reader::Frame;
use crate::frame::reset::Reset;
use crate::frame::settings::{Setting, Settings};
use crate::frame::{Flags, Head, Kind, writer};
use crate::hpack::{Decoder, Entry};
use crate::{Body, ErrorCode, Field, FieldList, Side, UserError};

mod abuse;
mod client;
mod closing;
mod flow;
mod keepalive;
mod messages;
mod pair;
mod past_bugs;
mod room;
mod server;
mod states;
mod timers;
mod whole;
mod wire;

/// A connection under test and the peer that talks to it.
struct Raw {
    connection: Connection,
    decoder: Decoder,
    now: Instant,
    input: BytesMut,
}

impl Raw {
    /// A server that has been greeted; its first frames have been read.
    fn server(config: Config) -> Self {
        let mut raw = Self::new(Connection::server(config));
        raw.input.extend_from_slice(PREFACE);
        raw.greet();
        raw
    }

    /// A client that has been greeted; its first frames have been read.
    fn client(config: Config) -> Self {
        let mut raw = Self::new(Connection::client(config));
        raw.connection.advance_output(PREFACE.len());
        raw.greet();
        raw
    }

    fn new(connection: Connection) -> Self {
        let decoder = Decoder::new(4096);
        Self {
            connection,
            decoder,
            now: Instant::now(),
            input: BytesMut::new(),
        }
    }

    fn greet(&mut self) {
        self.send(&[settings(&[]), settings_ack()].concat());
        let first = self.frames();
        assert!(first[0].starts_with("SETTINGS ["), "{first:?}");
        assert_eq!(first.last().unwrap(), "SETTINGS ACK");
    }

    fn send(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.connection.handle_bytes(&mut self.input, self.now);
    }

    /// Sends, and returns the frames that answer.
    fn ask(&mut self, bytes: &[u8]) -> Vec<String> {
        self.send(bytes);
        self.frames()
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// Lets so many seconds pass as a driver does, which calls when it is asked to.
    fn wait(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.connection.poll_timeout(|| self.now)
            && at <= end
        {
            self.now = self.now.max(at);
            self.connection.handle_timeout(self.now);
            if self.connection.is_abandoned() {
                break;
            }
        }
        self.now = end;
    }

    /// The whole seconds until the connection sends or says something; up to ten minutes.
    fn seconds_until_something(&mut self) -> Option<u64> {
        (1..=600).find(|_| {
            self.wait(1);
            self.connection.output_len() > 0 || !self.connection.events.is_empty()
        })
    }

    /// All frames in the output, which is emptied.
    fn frames(&mut self) -> Vec<String> {
        self.connection.poll_transmit();
        let bytes = take_output(&mut self.connection);
        let mut rest = &bytes[..];
        let mut lines = Vec::new();
        let mut block = Vec::new();
        while let Some(head) = Head::peek(rest) {
            let payload = &rest[Head::LEN..Head::LEN + head.len];
            lines.extend(self.describe(&head, payload, &mut block));
            rest = &rest[Head::LEN + head.len..];
        }
        assert!(rest.is_empty(), "half a frame: {rest:?}");
        lines
    }

    fn describe(&mut self, head: &Head, payload: &[u8], block: &mut Vec<u8>) -> Option<String> {
        let end = if head.flags.has(Flags::END_STREAM) {
            " END"
        } else {
            ""
        };
        let id = head.id;
        Some(match Frame::decode(head, payload, 100).unwrap() {
            Frame::Data(data) => format!("DATA {id} {}{end}", text(&payload[data.range])),
            Frame::Headers(headers) => {
                block.clear();
                block.extend_from_slice(headers.fragment);
                let line = format!("HEADERS {id}{}", self.fields(head, block));
                line + end
            }
            Frame::Continuation(Continuation { fragment, .. }) => {
                block.extend_from_slice(fragment);
                format!("CONTINUATION {id}{}", self.fields(head, block))
            }
            Frame::Settings(Settings::Ack) => "SETTINGS ACK".to_owned(),
            Frame::Settings(Settings::Entries(entries)) => {
                format!(
                    "SETTINGS {:?}",
                    entries.iter().map(Result::unwrap).collect::<Vec<_>>()
                )
            }
            Frame::Ping(Ping::Ask(payload)) => format!("PING {}", text(&payload)),
            Frame::Ping(Ping::Ack(payload)) => format!("PING ACK {}", text(&payload)),
            Frame::Reset(Reset { id, code }) => format!("RST_STREAM {id} {code}"),
            Frame::WindowUpdate(update) => format!("WINDOW_UPDATE {id} {}", update.increment),
            Frame::GoAway(GoAway {
                last_stream,
                code,
                debug,
            }) => {
                format!("GOAWAY {last_stream} {code} {}", text(debug))
            }
            Frame::Priority(_) | Frame::Unknown => panic!("never sent"),
        })
    }

    fn fields(&mut self, head: &Head, block: &[u8]) -> String {
        if !head.flags.has(Flags::END_HEADERS) {
            return " ...".to_owned();
        }
        let mut fields = Vec::new();
        let limits = Limits {
            max_list_bytes: 1 << 20,
            max_fields: 1000,
        };
        let _ = self.decoder.decode(block, limits, &mut fields).unwrap();
        let line = |line: String, field: &Entry| {
            let value = match field.value() {
                long if long.len() > 20 => format!("<{}>", long.len()),
                short => short.escape_ascii().to_string(),
            };
            format!("{line} {}={value}", field.name().escape_ascii())
        };
        fields.iter().fold(String::new(), line)
    }

    /// All events so far, a request that came whole as one.
    fn whole_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.connection.poll_whole_event())
            .map(|event| event_line(&event))
            .collect()
    }

    /// All events so far.
    fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.connection.poll_event())
            .map(|event| event_line(&event))
            .collect()
    }
}

/// A server with `count` requests of this `body`, each answered with headers; the client's settings
/// come first.
fn answering(config: Config, first: &[Setting], count: u32, body: Body) -> Raw {
    let mut raw = Raw::server(config);
    raw.send(&settings(first));
    for number in 0..count {
        raw.send(&request(2 * number + 1, body));
        raw.connection
            .send_headers(id(2 * number + 1), OK, Body::More)
            .unwrap();
    }
    raw.frames();
    raw.events();
    raw
}

fn take_output(connection: &mut Connection) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let mut bytes = Vec::new();
    while connection.output_len() > 0 {
        let count = connection.output(&mut slices);
        let len: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        slices[..count]
            .iter()
            .for_each(|slice| bytes.extend_from_slice(slice));
        slices = [IoSlice::new(&[]); 64];
        connection.advance_output(len);
    }
    bytes
}

fn event_line(event: &Event) -> String {
    let word = |body: &Body| match body {
        Body::More => "more",
        Body::Last => "last",
    };
    match event {
        Event::Headers { id, headers, body } => match headers.status() {
            Some(status) => format!("headers {id} {status} {}", word(body)),
            None => format!(
                "headers {id} {} {}",
                headers.path().unwrap_or("-"),
                word(body)
            ),
        },
        Event::Request { id, headers, data } => {
            let path = headers.path().unwrap_or("-");
            format!("request {id} {path} {}", text(data))
        }
        Event::Response {
            id,
            headers,
            data,
            trailers,
        } => {
            let status = headers.status().unwrap();
            let mut line = format!("response {id} {status} {}", text(data));
            for (name, value) in trailers.fields() {
                write!(line, " {name}={}", value.escape_ascii()).unwrap();
            }
            line
        }
        Event::Data { id, data, body } => format!("data {id} {} {}", text(data), word(body)),
        Event::Trailers { id, headers } => {
            let mut line = format!("trailers {id}");
            for (name, value) in headers.fields() {
                write!(line, " {name}={}", value.escape_ascii()).unwrap();
            }
            line
        }
        Event::Reset {
            id,
            code,
            by: Side::Local,
            ..
        } => format!("reset {id} {code} local"),
        Event::Reset {
            id,
            code,
            by: Side::Remote,
            ..
        } => format!("reset {id} {code} remote"),
        Event::Unprocessed { id } => format!("unprocessed {id}"),
        Event::SendRoom { id } => format!("send room {id}"),
        Event::PingAck { payload } => format!("ping ack {}", text(payload)),
        Event::StreamRoom => "stream room".to_owned(),
        Event::GoAway {
            last_stream,
            code,
            debug,
        } => {
            format!("go away {last_stream} {code} {}", text(debug))
        }
        Event::Closed { error: None } => "closed".to_owned(),
        Event::Closed { error: Some(error) } => format!("closed {error}"),
    }
}

/// No PING among the frames, and the connection's window comes back as bytes are consumed: nothing is
/// unread beyond it.
fn strict() -> Config {
    Config {
        tuning: Tuning::Fixed,
        max_unread_len: 0,
        ..Config::default()
    }
}

/// Short bytes as text, long ones by their length.
fn text(bytes: &[u8]) -> String {
    match bytes {
        long if long.len() > 120 => format!("<{}>", long.len()),
        short => format!("\"{}\"", short.escape_ascii()),
    }
}

// ---- what the peer sends ----------------------------------------------------------------------

/// Any frame.
fn frame(kind: Kind, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let flags = Flags::from_bits(flags);
    let head = Head {
        len: payload.len(),
        kind,
        flags,
        id: StreamId::new(id),
    };
    [&head.encode()[..], payload].concat()
}

fn settings(entries: &[Setting]) -> Vec<u8> {
    let mut out = BytesMut::new();
    writer::settings(&mut out, entries);
    out.to_vec()
}

fn settings_ack() -> Vec<u8> {
    frame(Kind::Settings, 1, 0, b"")
}

fn data(id: u32, payload: &[u8], body: Body) -> Vec<u8> {
    frame(Kind::Data, u8::from(body == Body::Last), id, payload)
}

fn reset(id: u32, code: ErrorCode) -> Vec<u8> {
    frame(Kind::RstStream, 0, id, &code.number().to_be_bytes())
}

fn window_update(id: u32, increment: u32) -> Vec<u8> {
    frame(Kind::WindowUpdate, 0, id, &increment.to_be_bytes())
}

fn ping(flags: u8, payload: &[u8; 8]) -> Vec<u8> {
    frame(Kind::Ping, flags, 0, payload)
}

fn go_away(last_stream: u32, code: ErrorCode, debug: &[u8]) -> Vec<u8> {
    let numbers = [last_stream.to_be_bytes(), code.number().to_be_bytes()].concat();
    frame(Kind::GoAway, 0, 0, &[&numbers, debug].concat())
}

/// A block of literals that touches no table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    // Each field begins with the pattern of a literal with a new name.
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn headers(id: u32, fields: &[(&str, &str)], body: Body) -> Vec<u8> {
    frame(
        Kind::Headers,
        4 | u8::from(body == Body::Last),
        id,
        &block(fields),
    )
}

/// A request for `/`.
fn request(id: u32, body: Body) -> Vec<u8> {
    headers(id, &REQUEST, body)
}

fn response(id: u32, body: Body) -> Vec<u8> {
    headers(id, &[(":status", "200")], body)
}

const REQUEST: [(&str, &str); 3] = [(":method", "POST"), (":scheme", "http"), (":path", "/")];

// ---- what the owner sends ---------------------------------------------------------------------

const OK: [Field<'static>; 1] = [Field::indexed(b":status", b"200")];
const POST: [Field<'static>; 3] = [
    Field::indexed(b":method", b"POST"),
    Field::indexed(b":scheme", b"http"),
    Field::indexed(b":path", b"/"),
];
const TRAILERS: [Field<'static>; 1] = [Field::indexed(b"grpc-status", b"0")];

fn id(number: u32) -> StreamId {
    StreamId::new(number)
}
