//! Windows: what the peer gives us, and what we give back (RFC 9113 §5.2, §6.9).

use super::Connection;
use super::budget::MIN_FREE_INCREMENT;
use crate::error::{Fault, StreamError, Violation};
use crate::frame::Kind;
use crate::frame::window_update::WindowUpdate;
use crate::frame::writer;
use crate::stream::state::Step;
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

    /// Gives `len` received bytes back to the peer's windows. Also after the stream has ended:
    /// then only the connection's window gets them.
    pub fn release_data(&mut self, id: StreamId, len: usize) {
        self.release_connection(len);
        self.release_stream(id, len);
    }

    /// Gives `len` received bytes back to the peer's window of this stream alone: for an owner that
    /// gives the connection's back at once, so that a slow reader holds back no other stream.
    /// Ignored for a stream that has ended.
    pub fn release_stream(&mut self, id: StreamId, len: usize) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if len > 0 {
            stream.credit.release(len);
            note_grant(&mut self.grants, id, stream);
            self.timers.owes_windows |= stream.grant == Grant::None;
        }
    }

    /// Gives `len` received bytes back to the peer's window of the whole connection; see
    /// [`Connection::release_stream`].
    pub fn release_connection(&mut self, len: usize) {
        self.credit.release(len);
    }

    /// Lets the peer send up to `len` bytes more on the stream than it may by our SETTINGS: for a
    /// message whose length is known and that is wanted whole. Only ever raises; the connection's
    /// window follows as its bytes are released.
    pub fn widen_window(&mut self, id: StreamId, len: u32) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.credit.raise(len);
        note_grant(&mut self.grants, id, stream);
    }

    /// Puts every stream on the list that anything came back to, worth a WINDOW_UPDATE or not.
    pub(super) fn note_all_grants(&mut self) {
        for (id, stream) in self.streams.iter_mut() {
            if stream.grant == Grant::None && stream.credit.is_owed() && may_receive(stream) {
                stream.grant = Grant::Due;
                self.grants.push(id);
            }
        }
    }

    /// Writes the WINDOW_UPDATE frames that are due. They never wait for DATA.
    pub(super) fn write_grants(&mut self) {
        if self.credit.is_due() {
            self.grant_connection();
        }
        for id in self.grants.drain(..) {
            let Some(stream) = self.streams.get_mut(id) else {
                continue;
            };
            stream.grant = Grant::None;
            if may_receive(stream) {
                let increment = stream.credit.grant();
                if increment > 0 {
                    writer::window_update(self.output.tail(), id, increment);
                }
            }
        }
    }

    /// Tells the peer all that came back to the connection's window.
    pub(super) fn grant_connection(&mut self) {
        let increment = self.credit.grant();
        if increment > 0 {
            writer::window_update(self.output.tail(), StreamId::CONNECTION, increment);
        }
    }
}

/// Puts the stream on the list for a WINDOW_UPDATE when it is worth one.
pub(super) fn note_grant(grants: &mut Vec<StreamId>, id: StreamId, stream: &mut Stream) {
    if stream.grant == Grant::None && stream.credit.is_due() && may_receive(stream) {
        stream.grant = Grant::Due;
        grants.push(id);
    }
}

/// Whether the peer may still send DATA: if not, it needs no window.
fn may_receive(stream: &Stream) -> bool {
    stream.state.step(Step::Data(Side::Remote)).is_ok()
}
