//! What the owner wants: open, send, reset.

use bytes::{Bytes, BytesMut};

use super::reserve::has_no_share;
use super::transmit::{DATA_REFUND_COUNT, line_up, write_block, write_list};
use super::{Connection, Life, Role};
use crate::error::Violation;
use crate::frame::{Flags, Kind, writer as frames};
use crate::headers::writer::HeaderWriter;
use crate::stream::queue::End;
use crate::stream::state::State;
use crate::stream::table::{Death, Progress, Stream, Streams, Voice};
use crate::stream::window::{Credit, Window};
use crate::{Body, ConnectionError, ErrorCode, Field, FieldList, Piece, Side, StreamId, UserError};

impl Connection {
    /// Opens a stream with a request; pseudo-headers come first in `fields`.
    ///
    /// # Errors
    /// - [`UserError::NotAClient`] at a server.
    /// - [`UserError::NoStreamRoom`] while [`Connection::can_open_stream`] says no.
    pub fn open_stream<'a>(
        &mut self,
        fields: impl IntoIterator<Item = Field<'a>>,
        body: Body,
    ) -> Result<StreamId, UserError> {
        self.open(body, |writer, out, progress| {
            let watched = fields.into_iter().inspect(|field| {
                if field.asks_for_head() {
                    *progress = Progress::StartOfHead;
                }
            });
            writer.write(watched, out);
        })
    }

    /// As [`Connection::open_stream`], with the fields of `head` before `fields`. A method other than
    /// in a list is not looked at: a request for no more than a head has it there.
    ///
    /// # Errors
    /// As [`Connection::open_stream`].
    pub fn open_stream_with<'a>(
        &mut self,
        head: &[Piece<'_>],
        fields: impl IntoIterator<Item = Field<'a>>,
        body: Body,
    ) -> Result<StreamId, UserError> {
        self.open(body, |writer, out, progress| {
            write_request(writer, out, progress, head, fields);
        })
    }

    /// As [`Connection::open_stream_with`], with a body of which all is there. Up to the windows it is
    /// copied into the output at once; it costs less than [`Connection::send_data`] behind it would.
    ///
    /// # Errors
    /// As [`Connection::open_stream`].
    pub fn open_with_request<'a>(
        &mut self,
        head: &[Piece<'_>],
        fields: impl IntoIterator<Item = Field<'a>>,
        data: &[u8],
    ) -> Result<StreamId, UserError> {
        let len = data.len();
        let first = Window::new(self.peer.initial_window).available();
        let credit = first.min(self.window.available());
        let fits = len <= credit.min(self.peer.max_frame_len)
            && self.output.len() < self.config.output_high_water;
        if !fits || len == 0 {
            let id = self.open_stream_with(head, fields, Body::More)?;
            self.write_data(id, Body::Last, |tail| {
                tail.extend_from_slice(data);
                Ok::<_, UserError>(())
            })?;
            return Ok(id);
        }
        let start = self.begin(Body::More, |writer, out, progress| {
            write_request(writer, out, progress, head, fields);
        })?;
        frames::data_head(self.output.tail(), start.id, len, Body::Last);
        self.output.tail().extend_from_slice(data);
        let stream = self.add_stream(&start);
        stream.window.spend(len);
        stream.state = State::HalfClosedLocal;
        self.note_sent(start.id, len, Body::More);
        Ok(start.id)
    }

    fn open(
        &mut self,
        body: Body,
        encode: impl FnOnce(&mut HeaderWriter, &mut BytesMut, &mut Progress),
    ) -> Result<StreamId, UserError> {
        let start = self.begin(body, encode)?;
        let stream = self.add_stream(&start);
        if body == Body::Last {
            stream.state = State::HalfClosedLocal;
        }
        Ok(start.id)
    }

    /// Writes a request's headers.
    #[inline]
    fn begin(
        &mut self,
        body: Body,
        encode: impl FnOnce(&mut HeaderWriter, &mut BytesMut, &mut Progress),
    ) -> Result<Start, UserError> {
        if self.role == Role::Server {
            return Err(UserError::NotAClient);
        }
        if !self.can_open_stream() {
            return Err(UserError::NoStreamRoom);
        }
        self.wake_keepalive();
        let id = StreamId::new(self.next_local);
        self.next_local += 2;
        let at = self.output.end();
        let mut received = Progress::Start;
        let (writer, progress) = (&mut self.writer, &mut received);
        let encode = |out: &mut BytesMut| encode(writer, out, progress);
        write_block(&mut self.output, self.peer.max_frame_len, id, body, encode);
        Ok(Start { id, at, received })
    }

    #[inline]
    fn add_stream(&mut self, start: &Start) -> &mut Stream {
        let window = Window::new(self.peer.initial_window);
        let credit = Credit::new(self.initial_credit());
        let stream = self.streams.insert(start.id, window, credit);
        stream.sent = Progress::Body;
        stream.received = start.received;
        stream.start = start.at;
        stream
    }

    /// Sends a response's (or an informational response's) headers.
    ///
    /// # Errors
    /// - [`UserError::NotOpen`] if this side of the stream has ended, or there is no such stream.
    /// - [`UserError::HeadersSent`] if the final headers are sent, and always at a client.
    pub fn send_headers<'a>(
        &mut self,
        id: StreamId,
        fields: impl IntoIterator<Item = Field<'a>>,
        body: Body,
    ) -> Result<(), UserError> {
        self.answer(id, body, |writer, out, progress| {
            let watched = fields
                .into_iter()
                .inspect(|field| *progress = told(*progress, field));
            writer.write(watched, out);
        })
    }

    /// As [`Connection::send_headers`], with the fields of `list`, which begin with the status,
    /// before `fields`.
    ///
    /// # Errors
    /// As [`Connection::send_headers`].
    pub fn send_headers_with<'a>(
        &mut self,
        id: StreamId,
        list: &FieldList,
        fields: impl IntoIterator<Item = Field<'a>>,
        body: Body,
    ) -> Result<(), UserError> {
        self.answer(id, body, |writer, out, progress| {
            *progress = list
                .iter()
                .next()
                .map_or(*progress, |field| told(*progress, &field));
            writer.write_list(list, out);
            writer.write(fields, out);
        })
    }

    fn answer(
        &mut self,
        id: StreamId,
        body: Body,
        encode: impl FnOnce(&mut HeaderWriter, &mut BytesMut, &mut Progress),
    ) -> Result<(), UserError> {
        let stream = sendable(&mut self.streams, id)?;
        if stream.sent == Progress::Body {
            return Err(UserError::HeadersSent(id));
        }
        stream.sent = Progress::Body;
        self.keepalive.has_answered = true;
        let (writer, progress) = (&mut self.writer, &mut stream.sent);
        let encode = |out: &mut BytesMut| encode(writer, out, progress);
        write_block(&mut self.output, self.peer.max_frame_len, id, body, encode);
        if body == Body::Last {
            self.end_local(id);
        }
        Ok(())
    }

    /// Sends one message of the body, written in place: `encode` appends it to the output behind a
    /// frame head whose length is filled in afterwards. When windows, the peer's frame size or the
    /// stream's queue do not let it go at once, what `encode` wrote is queued instead, uncopied.
    /// If `encode` fails nothing has been sent.
    ///
    /// `encode` must only append. If it removes what was there before, the output can no longer be
    /// trusted and the connection fails.
    ///
    /// # Errors
    /// - [`UserError::NotOpen`] and [`UserError::HeadersNotSent`] as in [`Connection::send_data`].
    /// - What `encode` returns.
    pub fn write_data<E: From<UserError>>(
        &mut self,
        id: StreamId,
        body: Body,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let has_space = self.output.len() < self.config.output_high_water;
        let stream = talking(&mut self.streams, id)?;
        let start = self.output.begin_frame();
        if let Err(error) = encode(self.output.tail()) {
            self.output.cancel_frame(start);
            return Err(error);
        }
        let Some(len) = self.output.payload_len(start) else {
            self.fail(ConnectionError::new(Violation::OutputDamaged));
            return Ok(());
        };
        let credit = stream.window.available().min(self.window.available());
        let fits = len <= credit.min(self.peer.max_frame_len) && has_space;
        if stream.queue.is_empty() && (fits || len == 0) {
            if len == 0 && body == Body::More {
                self.output.cancel_frame(start);
                return Ok(());
            }
            self.output
                .end_frame(start, Kind::Data, frames::end_stream(body), id);
            stream.window.spend(len);
            self.note_sent(id, len, body);
            return Ok(());
        }
        self.queued_len += len;
        stream.queue.push(self.output.take_payload(start));
        if body == Body::Last {
            stream.queue.end = End::Data;
        }
        line_up(&mut self.turns, id, stream);
        Ok(())
    }

    /// Sends a whole response: the headers of `head`, one message written in place as by
    /// [`Connection::write_data`], and the trailers of `trailers`. It costs less than the three calls
    /// it stands for.
    ///
    /// If `encode` fails the headers are on their way, and nothing behind them.
    ///
    /// # Errors
    /// - [`UserError::NotOpen`] and [`UserError::HeadersSent`] as in [`Connection::send_headers`].
    /// - What `encode` returns.
    pub fn send_response<E: From<UserError>>(
        &mut self,
        id: StreamId,
        head: &FieldList,
        trailers: &FieldList,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let has_space = self.output.len() < self.config.output_high_water;
        let stream = sendable(&mut self.streams, id)?;
        if stream.sent == Progress::Body {
            return Err(UserError::HeadersSent(id).into());
        }
        stream.sent = Progress::Body;
        self.keepalive.has_answered = true;
        let max_frame_len = self.peer.max_frame_len;
        let (writer, output) = (&mut self.writer, &mut self.output);
        write_list(writer, output, max_frame_len, id, Body::More, head);
        let start = output.begin_frame();
        if let Err(error) = encode(output.tail()) {
            output.cancel_frame(start);
            return Err(error);
        }
        let Some(len) = output.payload_len(start) else {
            self.fail(ConnectionError::new(Violation::OutputDamaged));
            return Ok(());
        };
        let credit = stream.window.available().min(self.window.available());
        if len > credit.min(max_frame_len) || !has_space {
            self.queued_len += len;
            stream.queue.push(output.take_payload(start));
            stream.queue.end = End::Trailers(trailers.clone());
            line_up(&mut self.turns, id, stream);
            return Ok(());
        }
        if len == 0 {
            output.cancel_frame(start);
        } else {
            output.end_frame(start, Kind::Data, Flags::NONE, id);
            stream.window.spend(len);
            self.window.spend(len);
            self.unread.add(2 * len);
            self.controls.refund(DATA_REFUND_COUNT);
        }
        write_list(writer, output, max_frame_len, id, Body::Last, trailers);
        if stream.state == State::HalfClosedRemote && has_no_share(stream) {
            self.forget_ended(id);
        } else {
            self.end_local(id);
        }
        Ok(())
    }

    /// Queues bytes of the body behind what is queued already.
    ///
    /// # Errors
    /// - [`UserError::NotOpen`] if this side of the stream has ended, or there is no such stream.
    /// - [`UserError::HeadersNotSent`] at a server that has not sent the response's headers.
    pub fn send_data(&mut self, id: StreamId, data: Bytes, body: Body) -> Result<(), UserError> {
        let has_space = self.output.len() < self.config.output_high_water;
        let stream = talking(&mut self.streams, id)?;
        let len = data.len();
        let credit = stream.window.available().min(self.window.available());
        let fits = len <= credit.min(self.peer.max_frame_len) && has_space;
        if stream.queue.is_empty() && fits && len > 0 {
            frames::data_head(self.output.tail(), id, len, body);
            self.output.push(data);
            stream.window.spend(len);
            self.note_sent(id, len, body);
            return Ok(());
        }
        self.queued_len += len;
        stream.queue.push(data);
        if body == Body::Last {
            stream.queue.end = End::Data;
        }
        if !stream.queue.is_idle() {
            line_up(&mut self.turns, id, stream);
        }
        Ok(())
    }

    /// A DATA frame went past the queues.
    fn note_sent(&mut self, id: StreamId, len: usize, body: Body) {
        self.window.spend(len);
        self.unread.add(2 * len);
        self.keepalive.has_answered = true;
        self.controls.refund(DATA_REFUND_COUNT);
        if body == Body::Last {
            self.end_local(id);
        }
    }

    /// Ends this side with trailers, behind what is queued.
    ///
    /// # Errors
    /// As in [`Connection::send_data`].
    pub fn send_trailers<'a>(
        &mut self,
        id: StreamId,
        fields: impl IntoIterator<Item = Field<'a>>,
    ) -> Result<(), UserError> {
        let stream = talking(&mut self.streams, id)?;
        if stream.queue.is_empty() {
            let writer = &mut self.writer;
            let encode = |out: &mut BytesMut| writer.write(fields, out);
            write_block(
                &mut self.output,
                self.peer.max_frame_len,
                id,
                Body::Last,
                encode,
            );
            self.end_local(id);
        } else {
            stream.queue.end = End::Trailers(fields.into_iter().collect());
            line_up(&mut self.turns, id, stream);
        }
        Ok(())
    }

    /// As [`Connection::send_trailers`], with the fields of `list` and no others.
    ///
    /// # Errors
    /// As in [`Connection::send_data`].
    pub fn send_trailer_list(&mut self, id: StreamId, list: &FieldList) -> Result<(), UserError> {
        let stream = talking(&mut self.streams, id)?;
        if stream.queue.is_empty() {
            let (writer, output) = (&mut self.writer, &mut self.output);
            write_list(
                writer,
                output,
                self.peer.max_frame_len,
                id,
                Body::Last,
                list,
            );
            self.end_local(id);
        } else {
            stream.queue.end = End::Trailers(list.clone());
            line_up(&mut self.turns, id, stream);
        }
        Ok(())
    }

    /// Ends the stream at once with RST_STREAM; what is queued is dropped. No event follows for
    /// this stream (events already queued for it are removed). Unknown streams are ignored.
    /// With NO_ERROR on a server whose trailers are still queued, the reset follows the trailers
    /// (RFC 9113 §8.1).
    pub fn reset_stream(&mut self, id: StreamId, code: ErrorCode) {
        let Some(stream) = self.streams.get_mut(id) else {
            self.forget_events(id);
            return;
        };
        let is_ending = !matches!(stream.queue.end, End::None);
        if code == ErrorCode::NO_ERROR && self.role == Role::Server && is_ending {
            stream.voice = Voice::Mute;
            // Its owner will not give back what it had.
            let unread_len = usize::try_from(stream.credit.outstanding()).unwrap_or(0);
            self.forget_events(id);
            self.release_data(id, unread_len);
            return;
        }
        frames::reset(self.output.tail(), id, code);
        self.remove_stream(id, Death::LocalReset);
        self.forget_events(id);
        self.end_if_done();
    }

    /// Removes the events of a stream that is gone or whose owner has let go of it.
    fn forget_events(&mut self, id: StreamId) {
        self.events.forget(id);
    }

    /// Sends a PING; [`Event::PingAck`](crate::Event::PingAck) follows.
    pub fn ping(&mut self, payload: [u8; 8]) {
        if self.life != Life::Closed {
            frames::ping(self.output.tail(), payload, Flags::NONE);
        }
    }
}

/// A request whose headers have been written.
struct Start {
    id: StreamId,
    /// Where they begin among all bytes of the connection.
    at: u64,
    /// What the answer will be like.
    received: Progress,
}

/// Writes the headers of a request, whose lists say what the answer will be like.
fn write_request<'a>(
    writer: &mut HeaderWriter,
    out: &mut BytesMut,
    progress: &mut Progress,
    head: &[Piece<'_>],
    fields: impl IntoIterator<Item = Field<'a>>,
) {
    for piece in head {
        match *piece {
            Piece::List(list) => {
                if list.asks_for_head() {
                    *progress = Progress::StartOfHead;
                }
                writer.write_list(list, out);
            }
            Piece::Field(field) => writer.write([field], out),
        }
    }
    writer.write(fields, out);
}

/// How far our answer is after this field of it: an informational one is only a start.
fn told(before: Progress, field: &Field<'_>) -> Progress {
    let is_informational = field.value.first() == Some(&b'1') && field.name == b":status";
    if is_informational {
        Progress::Start
    } else {
        before
    }
}

/// The stream, if this side may still send on it.
fn sendable(streams: &mut Streams, id: StreamId) -> Result<&mut Stream, UserError> {
    streams
        .get_mut(id)
        .filter(|stream| {
            stream.state.is_open_to(Side::Local)
                && matches!(stream.queue.end, End::None)
                && stream.voice == Voice::Loud
        })
        .ok_or(UserError::NotOpen(id))
}

/// The stream, if this side may send its body now.
fn talking(streams: &mut Streams, id: StreamId) -> Result<&mut Stream, UserError> {
    let stream = sendable(streams, id)?;
    match stream.sent {
        Progress::Body => Ok(stream),
        Progress::Start | Progress::StartOfHead => Err(UserError::HeadersNotSent(id)),
    }
}
