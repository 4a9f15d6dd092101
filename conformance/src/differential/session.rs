//! Sessions: one end of a connection is fed frames and commands, and tells what it made of each.
//!
//! | step | meaning |
//! |---|---|
//! | `C` or `S`, five limits | a new client or server; not answered |
//! | `r`, bytes | bytes from the peer |
//! | `o`, last, fields | opens a stream |
//! | `h`, stream, last, fields | sends a response's headers |
//! | `d`, stream, last, bytes | sends DATA |
//! | `t`, stream, fields | sends trailers |
//! | `x`, stream, code | resets a stream |
//!
//! An answer is one line for each event and for each frame sent that tells of an error or answers
//! one of the peer's.

use std::fmt::Write;
use std::io::IoSlice;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hikyaku_http2::frame::go_away::GoAway;
use hikyaku_http2::frame::reset::Reset;
use hikyaku_http2::frame::{Flags, Head, Kind};
use hikyaku_http2::{Body, Config, Connection, ErrorCode, Event, Headers, Side, StreamId};

use super::hpack::read_fields;
use super::{Answer, Steps, Truncated};

/// The end that is judged.
#[derive(Default)]
pub(crate) struct Session {
    connection: Option<Connection>,
    input: BytesMut,
}

impl Session {
    pub(crate) fn take_step(
        &mut self,
        steps: &mut Steps<'_>,
        answer: &mut Answer,
    ) -> Result<(), Truncated> {
        let kind = steps.byte()?;
        if let b'C' | b'S' = kind {
            return self.begin(kind, steps);
        }
        let connection = self.connection.as_mut().ok_or(Truncated)?;
        let mut lines = String::new();
        let is_done = match kind {
            b'r' => {
                self.input.extend_from_slice(steps.bytes()?);
                connection.handle_bytes(&mut self.input, Instant::now());
                true
            }
            b'o' => {
                let body = body(steps)?;
                connection.open_stream(read_fields(steps)?, body).is_ok()
            }
            b'h' => {
                let (id, body) = (stream(steps)?, body(steps)?);
                connection
                    .send_headers(id, read_fields(steps)?, body)
                    .is_ok()
            }
            b'd' => {
                let (id, body) = (stream(steps)?, body(steps)?);
                let data = Bytes::copy_from_slice(steps.bytes()?);
                connection.send_data(id, data, body).is_ok()
            }
            b't' => {
                let id = stream(steps)?;
                connection.send_trailers(id, read_fields(steps)?).is_ok()
            }
            b'x' => {
                let (id, code) = (stream(steps)?, steps.number()?);
                connection.reset_stream(id, ErrorCode::from_number(code));
                true
            }
            _ => return Err(Truncated),
        };
        if !is_done {
            lines.push_str("refused\n");
        }
        while let Some(event) = connection.poll_event() {
            tell_event(&event, &mut lines);
        }
        connection.poll_transmit();
        tell_output(&take_output(connection), &mut lines);
        answer.push(lines.as_bytes());
        Ok(())
    }

    fn begin(&mut self, kind: u8, steps: &mut Steps<'_>) -> Result<(), Truncated> {
        let mut config = Config::default();
        config.max_concurrent_streams = steps.number()?;
        config.max_local_streams = steps.number()?;
        config.stream_window_len = steps.number()?;
        config.header_table_len = steps.number()?;
        config.max_header_list_bytes = steps.number()?;
        // No more than everybody has at first, so that there is nothing to be told.
        config.connection_window_len = 0xffff;
        let mut connection = match kind {
            b'C' => Connection::client(config),
            _ => Connection::server(config),
        };
        // The preface and SETTINGS.
        take_output(&mut connection);
        self.connection = Some(connection);
        self.input.clear();
        Ok(())
    }
}

fn stream(steps: &mut Steps<'_>) -> Result<StreamId, Truncated> {
    Ok(StreamId::new(steps.number()?))
}

fn body(steps: &mut Steps<'_>) -> Result<Body, Truncated> {
    Ok(match steps.byte()? {
        b'e' => Body::Last,
        _ => Body::More,
    })
}

fn tell_event(event: &Event, lines: &mut String) {
    // Writing to a string does not fail.
    let _ = match event {
        Event::Headers { id, headers, body } => {
            let _ = write!(lines, "headers {id} {}", end(*body));
            tell_fields(headers, lines);
            writeln!(lines)
        }
        Event::Trailers { id, headers } => {
            let _ = write!(lines, "trailers {id} end");
            tell_fields(headers, lines);
            writeln!(lines)
        }
        Event::Data { id, data, body } => {
            let _ = write!(lines, "data {id} {} ", end(*body));
            tell_hex(data, lines);
            writeln!(lines)
        }
        Event::Reset {
            id,
            code,
            by: Side::Remote,
            ..
        } => writeln!(lines, "reset {id} {}", code.number()),
        Event::PingAck { payload } => {
            let _ = write!(lines, "ping-ack ");
            tell_hex(payload, lines);
            writeln!(lines)
        }
        Event::GoAway {
            last_stream, code, ..
        } => writeln!(lines, "go-away {last_stream} {}", code.number()),
        Event::Closed { error: Some(error) } => writeln!(lines, "why {:?}", error.what),
        // Our own resets are told from the output; the others have no like elsewhere.
        Event::Reset { .. }
        | Event::Closed { .. }
        | Event::Unprocessed { .. }
        | Event::SendRoom { .. }
        | Event::StreamRoom
        | _ => Ok(()),
    };
}

fn end(body: Body) -> &'static str {
    match body {
        Body::Last => "end",
        Body::More => "more",
    }
}

fn tell_fields(headers: &Headers, lines: &mut String) {
    let status = headers.status().map(|status| status.to_string());
    let pseudo = [
        (":method", headers.method()),
        (":scheme", headers.scheme()),
        (":authority", headers.authority()),
        (":path", headers.path()),
        (":status", status.as_deref()),
    ];
    let pseudo = pseudo
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.as_bytes())));
    for (name, value) in pseudo.chain(headers.fields()) {
        let _ = write!(lines, " {name}=");
        tell_hex(value, lines);
    }
}

fn tell_hex(bytes: &[u8], lines: &mut String) {
    for byte in bytes {
        let _ = write!(lines, "{byte:02x}");
    }
}

/// Tells of the frames that say what we think of the peer's.
fn tell_output(output: &[u8], lines: &mut String) {
    let mut rest = output;
    while let Some((head, behind)) = rest.split_first_chunk() {
        let head = Head::decode(head);
        let Some((payload, next)) = behind.split_at_checked(head.len) else {
            break;
        };
        rest = next;
        let _ = match head.kind {
            Kind::RstStream => match Reset::decode(&head, payload) {
                Ok(reset) => writeln!(lines, "< reset {} {}", reset.id, reset.code.number()),
                Err(_) => writeln!(lines, "< nonsense"),
            },
            Kind::GoAway => match GoAway::decode(&head, payload) {
                Ok(go_away) => writeln!(lines, "< go-away {}", go_away.code.number()),
                Err(_) => writeln!(lines, "< nonsense"),
            },
            Kind::Settings if head.flags.has(Flags::ACK) => writeln!(lines, "< settings-ack"),
            Kind::Ping if head.flags.has(Flags::ACK) => {
                let _ = write!(lines, "< ping-ack ");
                tell_hex(payload, lines);
                writeln!(lines)
            }
            Kind::Data
            | Kind::Headers
            | Kind::Priority
            | Kind::Settings
            | Kind::PushPromise
            | Kind::Ping
            | Kind::WindowUpdate
            | Kind::Continuation
            | Kind::Unknown(_) => Ok(()),
        };
    }
}

fn take_output(connection: &mut Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while connection.output_len() > 0 {
        let mut slices = [IoSlice::new(&[]); 8];
        let count = connection.output(&mut slices);
        let before = bytes.len();
        for slice in slices.iter().take(count) {
            bytes.extend_from_slice(slice);
        }
        let len = bytes.len() - before;
        connection.advance_output(len);
    }
    bytes
}
