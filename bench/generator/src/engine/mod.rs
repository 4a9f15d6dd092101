//! One connection's side of HTTP/2: bytes in, bytes out, calls counted. No socket and no clock.
//!
//! It obeys the peer's windows and its limit of streams, announces the widest windows there are and
//! gives back what it received long before they end.
//!
//! Before editing read RFC 9113 §5.1.2, §5.2 and §6.5.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncWrite;

use crate::fault::Fault;
use crate::frame::{
    self, DEFAULT_FRAME_LEN, DEFAULT_WINDOW, Head, MAX_WINDOW, flag, kind, setting,
};
use crate::output::Output;
use crate::reply::{Part, ReplyReader};
use crate::request::{RequestBlocks, Scheme};
use crate::scenario::{Call, Turn};
use crate::sending::{LAST, Outgoing, Sending, Sends};
use crate::streams::Streams;
use crate::tally::Tally;

/// A connection as its client sees it.
pub struct Engine {
    call: Rc<Call>,
    output: Output,
    requests: RequestBlocks,
    replies: ReplyReader,
    sending: Sending,
    open: Streams<Exchange>,
    next_id: u32,
    /// Streams at a time that we want.
    wanted_streams: usize,
    /// Streams at a time that the peer allows, too.
    max_streams: usize,
    /// Bytes received and not given back to the connection's window.
    owed_bytes: u32,
    has_settings: bool,
    /// PINGs of ours that were answered.
    pong_count: u64,
}

/// One open stream.
#[derive(Debug)]
struct Exchange {
    /// When its call, or its last message, was to be sent.
    asked: Instant,
    outgoing: Outgoing,
    /// Bytes of the reply that came.
    received: u64,
    /// Bytes received and not given back to the stream's window.
    owed_bytes: u32,
    has_head: bool,
    fault: Option<Box<Fault>>,
}

impl Sends for Exchange {
    #[inline]
    fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }
}

/// Received bytes that are given back at once: half of the widest window.
const GRANT_BYTES: u32 = 1 << 30;
/// The last number a client's stream can have (RFC 9113 §5.1.1).
const LAST_ID: u32 = (1 << 31) - 1;
/// The code of a stream that is no longer wanted (RFC 9113 §7).
const CANCEL: u32 = 8;

impl Engine {
    /// A connection that makes `call`, up to `streams` at a time.
    pub fn new(call: Rc<Call>, streams: usize, authority: &str, scheme: Scheme) -> Self {
        let mut output = Output::default();
        output.append(|out| {
            out.extend_from_slice(frame::PREFACE);
            let widest = MAX_WINDOW as u32;
            frame::write_settings(
                out,
                &[
                    (setting::ENABLE_PUSH, 0),
                    (setting::INITIAL_WINDOW_SIZE, widest),
                ],
            );
            frame::write_window_update(out, 0, (MAX_WINDOW - DEFAULT_WINDOW) as u32);
        });
        Self {
            requests: RequestBlocks::new(call.path, authority, scheme),
            call,
            output,
            replies: ReplyReader::default(),
            sending: Sending::new(LAST),
            open: Streams::default(),
            next_id: 1,
            wanted_streams: streams,
            max_streams: streams,
            owed_bytes: 0,
            has_settings: false,
            pong_count: 0,
        }
    }

    /// Whether another call may start.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.open.count() < self.max_streams
    }

    /// Calls that are under way.
    #[inline]
    pub fn open_count(&self) -> usize {
        self.open.count()
    }

    /// Streams at a time that the peer and we want.
    pub fn max_streams(&self) -> usize {
        self.max_streams
    }

    /// Whether the server's SETTINGS are there.
    pub fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// PINGs of ours that were answered.
    pub fn pong_count(&self) -> u64 {
        self.pong_count
    }

    /// Asks for a sign that all we wrote was read.
    pub fn ping(&mut self) {
        self.output
            .append(|out| frame::write(out, kind::PING, 0, 0, b"was read"));
    }

    /// Starts a call that counts from `asked`.
    ///
    /// # Errors
    /// [`Fault::NumbersUsed`].
    #[inline]
    pub fn start(&mut self, asked: Instant) -> Result<(), Fault> {
        let id = self.next_id;
        if id >= LAST_ID {
            return Err(Fault::NumbersUsed);
        }
        self.next_id += 2;
        let requests = &mut self.requests;
        self.output.append(|out| {
            let head_at = out.len();
            frame::write_head(out, 0, kind::HEADERS, flag::END_HEADERS, id);
            requests.write(out);
            let len = out.len() - head_at - frame::HEAD_LEN;
            let [_, bytes @ ..] = (len as u32).to_be_bytes();
            out[head_at..head_at + bytes.len()].copy_from_slice(&bytes);
        });
        let request = &self.call.request;
        let allowed = match self.call.turn {
            Turn::AtOnce => request.len(),
            Turn::Answered => request.message_len(),
            Turn::Never => 0,
        };
        let exchange = Exchange {
            asked,
            outgoing: self.sending.begin(id, allowed, request.len()),
            received: 0,
            owed_bytes: 0,
            has_head: false,
            fault: None,
        };
        self.open.insert(id, exchange);
        self.send();
        Ok(())
    }

    /// Puts DATA into the output, as much as windows and buffer allow.
    #[inline]
    pub fn send(&mut self) {
        self.sending.send(
            &mut self.open,
            &self.call.request,
            &mut self.output,
            |_, _| {},
        );
    }

    /// Writes once, as much as the socket takes; ready with the bytes written.
    ///
    /// # Errors
    /// The socket's own.
    #[inline]
    pub fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.output
            .poll_write(socket, self.call.request.image(), cx)
    }

    /// Bytes that are not written.
    #[inline]
    pub fn unsent_len(&self) -> usize {
        self.output.unsent_len()
    }

    /// Reads all whole frames of `input` and returns how many bytes they took.
    ///
    /// # Errors
    /// What ends the connection; what is left of the input is never longer than a frame that we
    /// allow. Calls that are open are counted by [`Engine::fail_open`].
    pub fn handle_bytes(
        &mut self,
        input: &[u8],
        now: Instant,
        tally: &mut Tally,
    ) -> Result<usize, Fault> {
        let mut rest = input;
        while let Some((head, payload, behind)) = frame::split(rest) {
            match head.kind {
                kind::DATA => self.on_data(head, payload, now, tally)?,
                kind::HEADERS => self.on_headers(head, payload, now, tally)?,
                _ => self.on_other(head, payload, tally)?,
            }
            rest = behind;
        }
        if let Some(len) = frame::announced_len(rest).filter(|len| *len > DEFAULT_FRAME_LEN) {
            let what =
                format!("the server sent a frame of {len} bytes, {DEFAULT_FRAME_LEN} are allowed");
            return Err(Fault::Protocol(what));
        }
        if self.owed_bytes >= GRANT_BYTES {
            let bytes = std::mem::take(&mut self.owed_bytes);
            self.output
                .append(|out| frame::write_window_update(out, 0, bytes));
        }
        Ok(input.len() - rest.len())
    }

    /// All calls that are open have failed.
    pub fn fail_open(&mut self, fault: &Fault, tally: &mut Tally) {
        let count = self.open.count() as u64;
        if count > 0 {
            tally.on_failure(fault.clone(), count);
        }
        self.open = Streams::default();
    }

    #[inline]
    fn on_data(
        &mut self,
        head: Head,
        payload: &[u8],
        now: Instant,
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        self.owed_bytes += head.len as u32;
        let payload = frame::without_padding(head, payload).ok_or_else(bad_padding)?;
        let Some(exchange) = self.open.get_mut(head.stream) else {
            return Ok(());
        };
        if exchange.fault.is_none() && !self.call.reply.matches(exchange.received, payload) {
            exchange.fault = Some(Box::new(Fault::WrongReply {
                at: exchange.received,
            }));
        }
        exchange.received += payload.len() as u64;
        exchange.owed_bytes += head.len as u32;
        if head.has(flag::END_STREAM) {
            exchange
                .fault
                .get_or_insert_with(|| Box::new(Fault::NoTrailers));
            self.finish(head.stream, now, tally);
            return Ok(());
        }
        if exchange.owed_bytes >= GRANT_BYTES {
            let bytes = std::mem::take(&mut exchange.owed_bytes);
            self.output
                .append(|out| frame::write_window_update(out, head.stream, bytes));
        }
        if self.call.turn == Turn::Answered {
            self.on_answer(head.stream, now, tally);
        }
        Ok(())
    }

    /// Sends the next message of a stream if the one before has come back.
    fn on_answer(&mut self, id: u32, now: Instant, tally: &mut Tally) {
        let Some(exchange) = self.open.get_mut(id) else {
            return;
        };
        let outgoing = &mut exchange.outgoing;
        if exchange.received < outgoing.allowed {
            return;
        }
        tally.on_answer(exchange.asked, now);
        exchange.asked = now;
        if outgoing.allowed < outgoing.total {
            outgoing.allowed += self.call.request.message_len();
            self.sending.enqueue(id, outgoing);
        }
    }

    #[inline]
    fn on_headers(
        &mut self,
        head: Head,
        payload: &[u8],
        now: Instant,
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        if !head.has(flag::END_HEADERS) {
            return Err(Fault::Protocol(
                "the server sent a header block in parts".to_owned(),
            ));
        }
        let block = frame::without_padding(head, payload).ok_or_else(bad_padding)?;
        let is_last = head.has(flag::END_STREAM);
        let part = if is_last { Part::Trailers } else { Part::Head };
        let fault = self.replies.read(part, block)?;
        let Some(exchange) = self.open.get_mut(head.stream) else {
            return Ok(());
        };
        if let Some(fault) = fault {
            exchange.fault.get_or_insert_with(|| Box::new(fault));
        }
        exchange.has_head |= part == Part::Head;
        if is_last {
            self.finish(head.stream, now, tally);
        }
        Ok(())
    }

    /// A stream has ended from the server's side.
    #[inline]
    fn finish(&mut self, id: u32, now: Instant, tally: &mut Tally) {
        let Some(exchange) = self.open.remove(id) else {
            return;
        };
        if exchange.outgoing.sent < exchange.outgoing.total {
            let code = CANCEL.to_be_bytes();
            self.output
                .append(|out| frame::write(out, kind::RST_STREAM, 0, id, &code));
        }
        let expected = self.call.reply.len();
        match exchange.fault {
            Some(fault) => tally.on_failure(*fault, 1),
            None if exchange.received < expected => {
                let received = exchange.received;
                tally.on_failure(Fault::ShortReply { received, expected }, 1);
            }
            None if !exchange.has_head => tally.on_failure(Fault::NoHead, 1),
            None => {
                tally.on_success(&self.call);
                if self.call.turn == Turn::AtOnce {
                    tally.on_answer(exchange.asked, now);
                }
            }
        }
    }

    fn on_other(&mut self, head: Head, payload: &[u8], tally: &mut Tally) -> Result<(), Fault> {
        match head.kind {
            kind::SETTINGS if !head.has(flag::ACK) => self.on_settings(payload),
            kind::PING if head.has(flag::ACK) => self.pong_count += 1,
            kind::PING => {
                self.output
                    .append(|out| frame::write(out, kind::PING, flag::ACK, 0, payload));
            }
            kind::WINDOW_UPDATE => {
                let bytes = frame::number(payload);
                if !self
                    .sending
                    .on_window_update(head.stream, bytes, &mut self.open)
                {
                    let what = format!(
                        "the server widened the window of stream {} too far",
                        head.stream
                    );
                    return Err(Fault::Protocol(what));
                }
            }
            kind::RST_STREAM => self.on_reset(head.stream, frame::number(payload), tally),
            kind::GOAWAY => {
                let (start, text) = payload.split_at(payload.len().min(8));
                let code = frame::number(start.get(4..).unwrap_or_default());
                let text = String::from_utf8_lossy(text).into_owned();
                return Err(Fault::GoneAway { code, text });
            }
            kind::CONTINUATION => {
                return Err(Fault::Protocol(
                    "the server sent CONTINUATION by itself".to_owned(),
                ));
            }
            // PRIORITY, kinds that we do not know (RFC 9113 §5.5), and the answer to our SETTINGS.
            _ => {}
        }
        Ok(())
    }

    fn on_reset(&mut self, id: u32, code: u32, tally: &mut Tally) {
        if self.open.remove(id).is_some() {
            tally.on_failure(Fault::Reset { code }, 1);
        }
    }

    fn on_settings(&mut self, payload: &[u8]) {
        for (name, value) in frame::settings(payload) {
            match name {
                setting::HEADER_TABLE_SIZE => self.requests.on_table_len(value),
                setting::MAX_CONCURRENT_STREAMS => {
                    self.max_streams = self.wanted_streams.min(value as usize);
                }
                setting::INITIAL_WINDOW_SIZE => {
                    self.sending.on_initial_window(value, &mut self.open);
                }
                setting::MAX_FRAME_SIZE => self.sending.on_max_frame_len(value),
                _ => {}
            }
        }
        self.has_settings = true;
        self.output
            .append(|out| frame::write(out, kind::SETTINGS, flag::ACK, 0, &[]));
    }
}

fn bad_padding() -> Fault {
    Fault::Protocol("the server sent a frame with more padding than payload".to_owned())
}

#[cfg(test)]
mod tests;
