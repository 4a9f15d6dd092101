//! Windows: what the peer gives us, and what we give back (RFC 9113 §5.2, §6.9).

use super::Connection;
use super::bandwidth::Finding;
use super::budget::MIN_FREE_INCREMENT;
use super::reserve::Reader;
use crate::error::{Fault, StreamError, Violation};
use crate::frame::window_update::WindowUpdate;
use crate::frame::{Flags, Kind, writer};
use crate::stream::table::{Grant, Place, Stream};
use crate::{Side, StreamId};

impl Connection {
    pub(super) fn on_window_update(&mut self, update: WindowUpdate) -> Result<(), Fault> {
        let WindowUpdate { id, increment } = update;
        let is_free = increment.get() >= MIN_FREE_INCREMENT;
        if !(is_free && self.unread.take(increment.get() as usize)) {
            self.take_control()?;
        }
        if id == StreamId::CONNECTION {
            if let Err(overflow) = self.window.grant(increment.get()) {
                return Err(Violation::WindowOverflow {
                    credit: overflow.credit,
                }
                .into());
            }
            self.unpark();
            return Ok(());
        }
        let Some(stream) = self.streams.get_mut(id) else {
            // It may have crossed the end of the stream (RFC 9113 §5.1).
            if self.is_idle(id) {
                return Err(Violation::IdleStream(Kind::WindowUpdate, id).into());
            }
            return Ok(());
        };
        if let Err(overflow) = stream.window.grant(increment.get()) {
            let what = Violation::WindowOverflow {
                credit: overflow.credit,
            };
            return Err(StreamError::new(id, what).into());
        }
        if stream.place == Place::Blocked && stream.window.available() > 0 {
            stream.place = Place::Ready;
            self.turns.ready.push_back(id);
        }
        Ok(())
    }

    /// Gives `len` received bytes back: the owner has consumed or dropped them. Ignored for a stream
    /// that has ended, whose bytes are not counted any more.
    pub fn release_data(&mut self, id: StreamId, len: usize) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let released_len = stream.credit.release(len);
        if released_len == 0 {
            return;
        }
        self.unread_len -= released_len;
        let has_reserved = stream.wanted_len > 0;
        if has_reserved {
            self.widened.end_reservation(id, stream);
        }
        if may_receive(stream) {
            let reader = match stream.credit.outstanding() * 4 <= stream.credit.target() {
                true => Reader::KeepsUp,
                false => Reader::LagsBehind,
            };
            self.widened
                .tune(stream, &self.config, &self.bandwidth, reader);
            note_grant(&mut self.grants, id, stream);
            self.timers.owes_windows |= stream.grant != Grant::Due;
        }
        if has_reserved {
            self.admit_waiting();
            self.aim_credit();
        } else {
            self.unwithhold();
        }
    }

    /// The body of a request is told by itself: from here on it is its owner's to give back.
    pub(super) fn own_body(&mut self, id: StreamId, len: usize) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.credit.charge(len);
            self.unread_len += i64::try_from(len).unwrap_or(0);
            self.settle_credit();
        }
    }

    /// Bytes that came on all live streams and have not been given back with
    /// [`Connection::release_data`].
    #[must_use]
    pub fn unread_len(&self) -> usize {
        usize::try_from(self.unread_len).unwrap_or(0)
    }

    /// Gives the connection's window back what came, whoever has it now: a slow reader holds back no
    /// stream but its own. Only what would bring what is unread and what may come over the limit is
    /// kept back.
    #[inline]
    pub(super) fn settle_credit(&mut self) {
        let over_len = self.unread_len - self.max_whole_unread_len;
        if over_len <= 0 {
            self.credit.withhold(0);
        } else {
            self.credit.withhold(over_len.min(self.unread_len));
        }
    }

    /// As [`Connection::settle_credit`], after bytes were given back.
    #[inline]
    pub(super) fn unwithhold(&mut self) {
        if self.credit.outstanding() > 0 {
            self.settle_credit();
        }
    }

    /// Counts DATA for the estimate of what the path holds.
    #[inline]
    pub(super) fn note_data(&mut self, len: usize) {
        let Some(now) = self.now else {
            return;
        };
        let finding = self.bandwidth.on_data(len, now);
        if finding != Finding::None {
            self.follow_path(finding);
        }
    }

    /// Puts every stream on the list that anything came back to, worth a WINDOW_UPDATE or not.
    pub(super) fn note_all_grants(&mut self) {
        for (id, stream) in self.streams.iter_mut() {
            if stream.credit.is_owed() && may_receive(stream) {
                if stream.grant == Grant::None {
                    self.grants.push(id);
                }
                stream.grant = Grant::Due;
            }
        }
    }

    #[cold]
    fn follow_path(&mut self, finding: Finding) {
        if matches!(finding, Finding::Raise | Finding::RaiseAndProbe) {
            self.aim_credit();
        }
        if matches!(finding, Finding::Probe | Finding::RaiseAndProbe) {
            writer::ping(self.output.tail(), PROBE_PING, Flags::NONE);
        }
    }

    /// Takes the ACK of a probe of ours, if one is out.
    pub(super) fn take_probe_ack(&mut self, payload: [u8; 8]) -> bool {
        let is_probe = payload == PROBE_PING && self.bandwidth.is_probing();
        if let Some(now) = self.now
            && is_probe
        {
            self.bandwidth.on_ack(now);
        }
        is_probe
    }

    /// Writes the WINDOW_UPDATE frames that are due and, if other frames are written anyway, those
    /// that are worth a ride. They never wait for DATA.
    pub(super) fn write_grants(&mut self) {
        let is_due = self.credit.is_due() || self.credit.is_needed();
        if self.grants.is_empty() && !is_due && !self.credit.is_worth_a_ride() {
            return;
        }
        let has_company = self.output.len() > 0 || !self.turns.ready.is_empty();
        if is_due || (has_company && self.credit.is_worth_a_ride()) {
            self.grant_connection();
        }
        let rides = has_company || is_due;
        let streams = &mut self.streams;
        let output = &mut self.output;
        self.grants.retain(|&id| {
            let Some(stream) = streams.get_mut(id) else {
                return false;
            };
            if !rides && stream.grant == Grant::Worth {
                return true;
            }
            stream.grant = Grant::None;
            if may_receive(stream) {
                let increment = stream.credit.grant();
                if increment > 0 {
                    writer::window_update(output.tail(), id, increment);
                }
            }
            false
        });
    }

    /// Tells the peer all that came back to the connection's window.
    pub(super) fn grant_connection(&mut self) {
        let increment = self.credit.grant();
        if increment > 0 {
            writer::window_update(self.output.tail(), StreamId::CONNECTION, increment);
        }
    }
}

/// Puts the stream on the list for a WINDOW_UPDATE when it is worth one. A message that is awaited
/// whole needs what it lacks, however little.
pub(super) fn note_grant(grants: &mut Vec<StreamId>, id: StreamId, stream: &mut Stream) {
    if stream.grant == Grant::Due || !stream.credit.is_worth_a_ride() && stream.wanted_len == 0 {
        return;
    }
    if !may_receive(stream) {
        return;
    }
    let grant = if stream.credit.is_due() || stream.credit.lacks(stream.wanted_len) {
        Grant::Due
    } else if stream.credit.is_worth_a_ride() {
        Grant::Worth
    } else {
        return;
    };
    if stream.grant == Grant::None {
        grants.push(id);
    }
    stream.grant = grant;
}

/// Whether the peer may still send DATA: if not, it needs no window.
pub(super) fn may_receive(stream: &Stream) -> bool {
    stream.state.is_open_to(Side::Remote)
}

/// The payload of the PING that measures the path.
const PROBE_PING: [u8; 8] = *b"how far?";
