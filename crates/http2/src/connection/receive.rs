//! Frames in: the preface, the dispatch, DATA and the small frames.

use bytes::{Bytes, BytesMut};

use super::events::NO_PLACE;
use super::flow::note_grant;
use super::{Connection, Life, PREFACE, Role};
use crate::error::{Fault, Malformed, StreamError, Violation};
use crate::frame::data::Data;
use crate::frame::ping::Ping;
use crate::frame::reader::{Frame, measure};
use crate::frame::reset::Reset;
use crate::frame::{Flags, Head, Kind, writer};
use crate::stream::state::{State, Step};
use crate::stream::table::{Death, Progress, Stream, Voice};
use crate::{Body, ConnectionError, Event, Side, StreamId};

impl Connection {
    /// Takes the preface and all complete frames out of `input`.
    pub(super) fn receive(&mut self, input: &mut BytesMut) {
        if self.life == Life::Closed {
            return;
        }
        if let Life::Preface { matched_len } = self.life {
            let step = self.read_preface(input, matched_len);
            let _ = input.split_to(step);
        }
        if !matches!(self.life, Life::FirstSettings | Life::Running) {
            return;
        }
        let extent = measure(input, self.config.max_frame_len as usize);
        if extent.complete_len > 0 {
            // One split for all frames; each DATA payload then costs one reference count.
            let frames = input.split_to(extent.complete_len).freeze();
            self.read_frames(&frames);
        }
        self.note_partial(input, extent.complete_len > 0);
        if let Some(what) = extent.error {
            self.fail(ConnectionError::new(what));
        }
    }

    /// Compares what is there of the preface; returns how many bytes of `input` belong to it.
    fn read_preface(&mut self, input: &[u8], matched_len: usize) -> usize {
        let want = PREFACE.get(matched_len..).unwrap_or_default();
        let step = want.len().min(input.len());
        if input.get(..step) != want.get(..step) {
            self.fail(ConnectionError::new(Violation::BadPreface));
            return 0;
        }
        self.life = if step == want.len() {
            Life::FirstSettings
        } else {
            Life::Preface {
                matched_len: matched_len + step,
            }
        };
        step
    }

    fn read_frames(&mut self, frames: &Bytes) {
        let mut rest: &[u8] = frames;
        while let Some((head, behind)) = rest.split_first_chunk() {
            let head = Head::decode(head);
            let payload_start = frames.len() - behind.len();
            let Some((payload, next)) = behind.split_at_checked(head.len) else {
                return;
            };
            rest = next;
            match self.on_frame(&head, payload, frames, payload_start) {
                Ok(()) => {}
                Err(Fault::Stream(error)) => self.on_stream_error(error),
                Err(Fault::Connection(error)) => self.fail(error),
            }
            if self.life == Life::Closed {
                return;
            }
        }
    }

    fn on_frame(
        &mut self,
        head: &Head,
        payload: &[u8],
        frames: &Bytes,
        payload_start: usize,
    ) -> Result<(), Fault> {
        self.check_order(head)?;
        match Frame::decode(head, payload, self.config.max_settings_count)? {
            Frame::Data(data) => self.on_data(&data, frames, payload_start),
            Frame::Headers(headers) => self.on_headers(&headers),
            Frame::Continuation(continuation) => self.on_continuation(&continuation),
            Frame::Reset(reset) => self.on_reset(reset),
            Frame::Settings(settings) => self.on_settings(settings),
            Frame::Ping(ping) => self.on_ping(ping),
            Frame::GoAway(go_away) => self.on_go_away(&go_away),
            Frame::WindowUpdate(update) => self.on_window_update(update),
            Frame::Priority(_) | Frame::Unknown => self.take_control(),
        }
    }

    /// SETTINGS first (RFC 9113 §3.4), and nothing between HEADERS and CONTINUATION (§4.3).
    fn check_order(&self, head: &Head) -> Result<(), Violation> {
        if let Some(assembly) = &self.assembly
            && (head.kind != Kind::Continuation || head.id != assembly.id)
        {
            return Err(Violation::ContinuationExpected(head.kind));
        }
        if self.life == Life::FirstSettings
            && (head.kind != Kind::Settings || head.flags.has(Flags::ACK))
        {
            return Err(Violation::SettingsNotFirst(head.kind));
        }
        Ok(())
    }

    /// RFC 9113 §6.1. The connection's window is charged first, whatever becomes of the frame, and
    /// gets back what no owner will.
    fn on_data(&mut self, data: &Data, frames: &Bytes, start: usize) -> Result<(), Fault> {
        if let Err(overrun) = self.credit.take(data.flow_len) {
            let (len, window) = (data.flow_len, overrun.left);
            return Err(Violation::WindowExceeded { len, window }.into());
        }
        self.note_data(data.flow_len);
        let Some(stream) = self.streams.get_mut(data.id) else {
            self.settle_credit();
            return self.on_stray_data(data.id, data.flow_len);
        };
        if data.body == Body::Last && self.events.has_headers(stream.headers_place, data.id) {
            let len = data.range.len();
            if len == data.flow_len && is_whole_body(stream, len) {
                // It goes with the headers, and costs none of what is spent on longer ones.
                let bytes = frames.slice(start..start + len);
                self.events.put_body(stream.headers_place, bytes);
                stream.state = State::HalfClosedRemote;
                self.settle_credit();
                self.controls.refund(1);
                return Ok(());
            }
        }
        if let Err(what) = accept_data(stream, data) {
            self.settle_credit();
            return Err(StreamError::new(data.id, what).into());
        }
        stream.pace.count(data.flow_len, self.bandwidth.epoch());
        let len = data.range.len();
        stream.moved_len += len;
        self.timers.received_len += len;
        stream.headers_place = NO_PLACE;
        let is_complete = data.body == Body::Last && end_remote(stream);
        let is_loud = stream.voice == Voice::Loud;
        let unread_len = if is_loud { len } else { 0 };
        if unread_len < data.flow_len {
            stream.credit.release(data.flow_len - unread_len);
            note_grant(&mut self.grants, data.id, stream);
        }
        self.unread_len += i64::try_from(unread_len).unwrap_or(0);
        self.settle_credit();
        if len < MIN_DATA_LEN && data.body == Body::More {
            self.take_control()?;
            if len == 0 {
                return Ok(());
            }
        } else {
            self.controls.refund(1);
        }
        if is_loud {
            let bytes = if len == 0 {
                Bytes::new()
            } else {
                frames.slice(start + data.range.start..start + data.range.end)
            };
            self.events.push(Event::Data {
                id: data.id,
                data: bytes,
                body: data.body,
            });
        }
        if is_complete {
            self.complete_stream(data.id);
        }
        Ok(())
    }

    /// DATA for a stream that is not live (RFC 9113 §5.1).
    fn on_stray_data(&mut self, id: StreamId, len: usize) -> Result<(), Fault> {
        if self.is_idle(id) {
            return Err(Violation::IdleStream(Kind::Data, id).into());
        }
        let what = Violation::ClosedStream(Kind::Data, id);
        match self.streams.death(id) {
            // What crossed our reset within its window is no nonsense.
            Some(Death::LocalReset) if len >= MIN_DATA_LEN && self.streams.take_late(id, len) => {
                Ok(())
            }
            Some(Death::LocalReset) => self.take_control(),
            Some(Death::Ended) => Err(what.into()),
            Some(Death::RemoteReset) | None => Err(StreamError::new(id, what).into()),
        }
    }

    /// RFC 9113 §6.4.
    fn on_reset(&mut self, reset: Reset) -> Result<(), Fault> {
        if self.is_idle(reset.id) {
            return Err(Violation::IdleStream(Kind::RstStream, reset.id).into());
        }
        let Some(stream) = self.remove_stream(reset.id, Death::RemoteReset) else {
            // It may have crossed our own end of the stream (RFC 9113 §5.1).
            return self.take_control();
        };
        if stream.voice == Voice::Loud {
            self.events.push(Event::Reset {
                id: reset.id,
                code: reset.code,
                by: Side::Remote,
                what: None,
            });
        }
        // A client that only stops sending after our answer has not wasted work, and how many
        // streams a client opens to be reset by its server is the client's own choice.
        if self.role == Role::Server && stream.state != State::HalfClosedLocal {
            self.take_reset(1)?;
        }
        self.end_if_done();
        Ok(())
    }

    /// RFC 9113 §6.7.
    fn on_ping(&mut self, ping: Ping) -> Result<(), Fault> {
        if let Ping::Ack(payload) = ping
            && self.take_probe_ack(payload)
        {
            return Ok(());
        }
        self.take_control()?;
        match ping {
            Ping::Ask(payload) => {
                self.take_ping()?;
                writer::ping(self.output.tail(), payload, Flags::ACK);
            }
            Ping::Ack(payload) if self.is_keepalive_ack(payload) => {}
            Ping::Ack(payload) if self.is_shutdown_ping(payload) => self.finish_shutdown(),
            Ping::Ack(payload) => self.events.push(Event::PingAck { payload }),
        }
        Ok(())
    }

    /// Counts a frame that does no work.
    pub(super) fn take_control(&mut self) -> Result<(), Fault> {
        match self.now {
            Some(now) if !self.controls.take(now) => Err(Violation::TooManyControlFrames.into()),
            _ => Ok(()),
        }
    }

    /// Counts a stream that was begun in vain, at `cost` tokens.
    pub(super) fn take_reset(&mut self, cost: u32) -> Result<(), Fault> {
        match self.now {
            Some(now) if !self.resets.take_many(cost, now) => Err(Violation::TooManyResets.into()),
            _ => Ok(()),
        }
    }
}

/// DATA of fewer bytes, with more to come, is counted as work for nothing: no gRPC message is
/// shorter, and a peer that cuts a long one so small makes us pay for a frame for each byte.
const MIN_DATA_LEN: usize = 5;

/// The peer has ended its side. Whether both sides have ended now.
pub(super) fn end_remote(stream: &mut Stream) -> bool {
    match stream.state.step(Step::End(Side::Remote)) {
        Ok(State::Closed) => return true,
        Ok(state) => stream.state = state,
        Err(_) => {}
    }
    false
}

/// Whether DATA that is the first of its stream and the last is right, and within the window.
#[inline]
fn is_whole_body(stream: &Stream, len: usize) -> bool {
    let has_promised = stream
        .promised
        .is_none_or(|promised| promised == len as u64);
    stream.state == State::Open
        && stream.voice == Voice::Loud
        && len > 0
        && len as u64 <= stream.credit.left().max(0).unsigned_abs()
        && has_promised
}

/// Checks DATA against its stream, and takes it from the stream's window. What is not accepted is
/// not taken.
fn accept_data(stream: &mut Stream, data: &Data) -> Result<(), Violation> {
    if !stream.state.is_open_to(Side::Remote) {
        return Err(Violation::ClosedStream(Kind::Data, data.id));
    }
    if stream.received != Progress::Body {
        return Err(Violation::Malformed(Malformed::DataBeforeHeaders));
    }
    if let Err(overrun) = stream.credit.take(data.flow_len) {
        let (len, window) = (data.flow_len, overrun.left);
        return Err(Violation::WindowExceeded { len, window });
    }
    if let Some(promised) = stream.promised {
        match promised.checked_sub(data.range.len() as u64) {
            Some(left) if left == 0 || data.body == Body::More => stream.promised = Some(left),
            _ => {
                stream.credit.release(data.flow_len);
                return Err(Violation::Malformed(Malformed::BodyLen));
            }
        }
    }
    Ok(())
}
