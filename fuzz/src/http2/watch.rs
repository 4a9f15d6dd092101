//! What must hold for the events of one end, whatever its peer sends.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::io::IoSlice;

use hikyaku_http2::{Body, Connection, ConnectionError, Event, Headers, StreamId};

/// Which end is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// How far a stream is, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Headers may come.
    Open,
    /// The body may come.
    Body,
    /// The peer has ended its side.
    Ended,
    /// Nothing may come.
    Gone,
}

/// The events of one end so far, checked as they come.
pub(crate) struct Watch {
    end: End,
    streams: HashMap<StreamId, Seen>,
    pub(crate) closed: Option<Option<ConnectionError>>,
    /// One line for each event, if someone wants to compare them: those of a stream in their order,
    /// and under 0 those of the connection. No order is promised between streams.
    pub(crate) log: Option<BTreeMap<u32, Vec<String>>>,
}

impl Watch {
    pub(crate) fn new(end: End) -> Self {
        Self {
            end,
            streams: HashMap::new(),
            closed: None,
            log: None,
        }
    }

    /// A client has opened a stream.
    pub(crate) fn opened(&mut self, id: StreamId) {
        assert_eq!(
            self.streams.insert(id, Seen::Open),
            None,
            "{id} is opened twice"
        );
    }

    /// The owner has reset a stream: nothing more may come from it.
    pub(crate) fn forgot(&mut self, id: StreamId) {
        self.streams.insert(id, Seen::Gone);
    }

    /// Checks an event against those before it. A whole message counts as the events it stands for.
    pub(crate) fn see(&mut self, event: &Event) {
        assert!(self.closed.is_none(), "{event:?} after the end");
        match event.clone() {
            Event::Request { id, headers, data } => {
                assert_eq!(self.end, End::Server);
                assert!(!data.is_empty(), "a whole request without a body");
                let body = Body::More;
                self.see(&Event::Headers { id, headers, body });
                let body = Body::Last;
                self.see(&Event::Data { id, data, body });
                return;
            }
            Event::Response {
                id,
                headers,
                data,
                trailers,
            } => {
                assert_eq!(self.end, End::Client);
                let body = Body::More;
                self.see(&Event::Headers { id, headers, body });
                self.see(&Event::Data { id, data, body });
                let headers = trailers;
                self.see(&Event::Trailers { id, headers });
                return;
            }
            _ => {}
        }
        if let Some(log) = &mut self.log {
            let stream = event.stream().map_or(0, StreamId::number);
            log.entry(stream).or_default().push(describe(event));
        }
        match event {
            Event::Headers { id, headers, body } => self.headers(*id, headers, *body),
            Event::Data { id, data, body } => {
                assert!(
                    *body == Body::Last || !data.is_empty(),
                    "DATA that says nothing"
                );
                let seen = self.step(*id, &[Seen::Body], *body);
                *seen = if *body == Body::Last {
                    Seen::Ended
                } else {
                    Seen::Body
                };
            }
            Event::Trailers { id, headers } => {
                assert!(headers.status().is_none() && headers.path().is_none());
                *self.step(*id, &[Seen::Body], Body::Last) = Seen::Ended;
            }
            Event::Reset { id, .. } | Event::Unprocessed { id } => {
                let before = [Seen::Open, Seen::Body, Seen::Ended];
                *self.step(*id, &before, Body::Last) = Seen::Gone;
            }
            Event::SendRoom { id } => {
                self.step(*id, &[Seen::Open, Seen::Body, Seen::Ended], Body::More);
            }
            Event::StreamRoom => assert_eq!(self.end, End::Client),
            Event::Closed { error } => self.closed = Some(error.clone()),
            _ => {}
        }
    }

    fn headers(&mut self, id: StreamId, headers: &Headers, body: Body) {
        let is_final = match self.end {
            End::Server => {
                assert!(headers.method().is_some() && headers.status().is_none());
                assert!(id.number() % 2 == 1);
                self.opened(id);
                true
            }
            End::Client => headers.status().expect("a response has a status") >= 200,
        };
        let seen = self.step(id, &[Seen::Open], body);
        *seen = match (body, is_final) {
            (Body::Last, _) => Seen::Ended,
            (Body::More, true) => Seen::Body,
            (Body::More, false) => Seen::Open,
        };
    }

    fn step(&mut self, id: StreamId, before: &[Seen], body: Body) -> &mut Seen {
        let seen = self
            .streams
            .get_mut(&id)
            .expect("an event of a stream nobody opened");
        assert!(
            before.contains(seen),
            "stream {id} is {seen:?}, then {body:?}"
        );
        seen
    }
}

/// Everything that an owner can tell of an event.
fn describe(event: &Event) -> String {
    let mut line = format!("{event:?}");
    if let Event::Headers { headers, .. } | Event::Trailers { headers, .. } = event {
        let pseudo = (
            headers.method(),
            headers.scheme(),
            headers.authority(),
            headers.path(),
        );
        let _ = write!(
            line,
            " {pseudo:?} {:?} {:?}",
            headers.status(),
            headers.content_length()
        );
        for (name, value) in headers.fields() {
            let _ = write!(line, " {name}: {}", value.escape_ascii());
        }
    }
    line
}

/// Takes up to `max_len` bytes of the output.
pub(crate) fn take_output(connection: &mut Connection, max_len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut slices = [IoSlice::new(&[]); 4];
        let count = connection.output(&mut slices);
        let before = bytes.len();
        for slice in &slices[..count] {
            let len = slice.len().min(max_len - bytes.len());
            bytes.extend_from_slice(&slice[..len]);
        }
        let taken = bytes.len() - before;
        if taken == 0 {
            return bytes;
        }
        connection.advance_output(taken);
    }
}
