//! Parameters of both ends: ours hold when the peer has acknowledged them, the peer's at once
//! (RFC 9113 §6.5.3).

use std::sync::Arc;

use bytes::BytesMut;

use super::flow::note_grant;
use super::{Connection, Life, Role};
use crate::error::{Fault, Violation};
use crate::frame::settings::{Entries, Push, Setting, Settings};
use crate::frame::writer;
use crate::stream::table::Place;
use crate::stream::window::Window;
use crate::{Config, StreamId};

/// What the peer has announced, or the defaults of RFC 9113 §6.5.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerSettings {
    /// Window of a new stream. Bytes.
    pub(super) initial_window: u32,
    /// Longest payload. Bytes.
    pub(super) max_frame_len: usize,
    /// Streams we may have open; `None` until the peer says.
    pub(super) max_streams: Option<u32>,
}

impl PeerSettings {
    /// What holds before the peer has said anything.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            initial_window: Window::INITIAL,
            max_frame_len: sent_frame_len(config, DEFAULT_FRAME_LEN),
            max_streams: None,
        }
    }
}

/// Whether our SETTINGS are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OurSettings {
    /// Sent; the peer may not know them yet.
    Announced,
    /// The peer has acknowledged them.
    InForce,
}

/// Brings numbers that have no meaning on the wire into range.
pub(super) fn clamp(given: Arc<Config>) -> Arc<Config> {
    let mut config = Config::clone(&given);
    config.max_frame_len = config.max_frame_len.clamp(16_384, 16_777_215);
    config.max_stream_number = config.max_stream_number.clamp(1, StreamId::MAX.number());
    config.max_output_len = config.max_output_len.max(MIN_OUTPUT_LEN);
    config.output_high_water = config.output_high_water.min(config.max_output_len / 2);
    config.min_stream_queue_len = config.min_stream_queue_len.max(2);
    config.stream_window_len = config.stream_window_len.min(0x7fff_ffff);
    config.connection_window_len = config
        .connection_window_len
        .clamp(Window::INITIAL, 0x7fff_ffff);
    config.max_window_len = config.max_window_len.min(0x7fff_ffff);
    config.max_reserved_len = config.max_reserved_len.min(0x7fff_ffff);
    config.max_unread_len = config.max_unread_len.max(config.connection_window_len);
    // Nearly always they are in range, and shared.
    if config == *given {
        given
    } else {
        Arc::new(config)
    }
}

/// Our first frame.
pub(super) fn announce(out: &mut BytesMut, config: &Config, role: Role) {
    let mut entries = vec![
        Setting::HeaderTableLen(config.header_table_len),
        Setting::MaxFrameLen(config.max_frame_len),
        Setting::MaxHeaderListBytes(config.max_header_list_bytes),
    ];
    // What a peer goes by anyway need not be said (RFC 9113 §6.5.2).
    if config.stream_window_len != Window::INITIAL {
        entries.push(Setting::InitialWindow(config.stream_window_len));
    }
    entries.push(match role {
        Role::Client => Setting::EnablePush(Push::Disabled),
        Role::Server => Setting::MaxConcurrentStreams(config.max_concurrent_streams),
    });
    writer::settings(out, &entries);
}

impl Connection {
    pub(super) fn on_settings(&mut self, settings: Settings<'_>) -> Result<(), Fault> {
        self.take_control()?;
        match settings {
            Settings::Ack => self.on_settings_ack(),
            Settings::Entries(entries) => self.on_settings_entries(entries)?,
        }
        Ok(())
    }

    fn on_settings_entries(&mut self, entries: Entries<'_>) -> Result<(), Fault> {
        let had_room = self.has_room();
        for setting in entries.iter() {
            self.apply_setting(setting?)?;
        }
        if self.life == Life::FirstSettings {
            self.life = Life::Running;
        }
        writer::settings_ack(self.output.tail());
        self.note_room(had_room);
        Ok(())
    }

    fn apply_setting(&mut self, setting: Setting) -> Result<(), Fault> {
        match setting {
            Setting::HeaderTableLen(len) => self.writer.set_peer_table_len(len),
            Setting::EnablePush(Push::Enabled) if self.role == Role::Client => {
                return Err(Violation::BadEnablePush(1).into());
            }
            Setting::MaxConcurrentStreams(max) => self.peer.max_streams = Some(max),
            Setting::InitialWindow(bytes) => self.shift_windows(bytes)?,
            Setting::MaxFrameLen(len) => {
                self.peer.max_frame_len = sent_frame_len(&self.config, len as usize);
            }
            // Advice only. A server that obeyed it would let its clients turn every answer into
            // a failure; an answer too long for a client is the client's to refuse.
            Setting::MaxHeaderListBytes(_) | Setting::EnablePush(_) | Setting::Unknown(..) => {}
        }
        Ok(())
    }

    /// RFC 9113 §6.9.2: the difference goes to every open stream; the connection has none.
    fn shift_windows(&mut self, bytes: u32) -> Result<(), Fault> {
        let difference = i64::from(bytes) - i64::from(self.peer.initial_window);
        self.peer.initial_window = bytes;
        for (id, stream) in self.streams.iter_mut() {
            if let Err(overflow) = stream.window.shift(difference) {
                return Err(Violation::WindowOverflow {
                    credit: overflow.credit,
                }
                .into());
            }
            if stream.place == Place::Blocked && stream.window.available() > 0 {
                stream.place = Place::Ready;
                self.turns.ready.push_back(id);
            }
        }
        Ok(())
    }

    fn on_settings_ack(&mut self) {
        if self.ours == OurSettings::InForce {
            return;
        }
        self.ours = OurSettings::InForce;
        self.headers.set_max_table_len(self.config.header_table_len);
        let bytes = self.config.stream_window_len;
        if bytes < Window::INITIAL {
            let difference = i64::from(bytes) - i64::from(Window::INITIAL);
            for (id, stream) in self.streams.iter_mut() {
                stream.credit.shift(difference);
                self.widened.line_up(id, stream);
                // What came back was too little for a wide window and may be all of a small one.
                note_grant(&mut self.grants, id, stream);
            }
            self.admit_waiting();
        }
    }

    /// Bytes a peer may send on a new stream. Until it has acknowledged our SETTINGS it may still
    /// go by the default.
    pub(super) fn initial_credit(&self) -> u32 {
        match self.ours {
            OurSettings::Announced => self.config.stream_window_len.max(Window::INITIAL),
            OurSettings::InForce => self.config.stream_window_len,
        }
    }
}

/// Every end takes frames of this length (RFC 9113 §4.2). Bytes.
pub(super) const DEFAULT_FRAME_LEN: usize = 16_384;

/// The longest frame to send to a peer that takes `allowed` bytes.
///
/// DATA alone must never fill the output so far that reading stops: two ends that both only write
/// would wait for ever.
pub(super) fn sent_frame_len(config: &Config, allowed: usize) -> usize {
    let room = config.max_output_len - config.output_high_water;
    allowed.min(room / 2).min(MAX_SENT_FRAME_LEN)
}

/// The longest frame we send, whatever the peer allows: longer ones save next to nothing. Bytes.
const MAX_SENT_FRAME_LEN: usize = 256 * 1024;

/// The least output a connection works with. Bytes.
const MIN_OUTPUT_LEN: usize = 1000;
