//! Signs of life: PING for a peer that says nothing, and patience with a peer that asks for them.
//!
//! ```text
//! bytes --interval--> PING --timeout--> the connection has failed
//!   ^                   |
//!   +------ bytes ------+           no stream open: dormant, until one is opened
//! ```
//!
//! Any byte is a sign of life, not only the ACK. Spec: gRFC A8 (client), gRFC A9 (server).

use std::mem;
use std::time::{Duration, Instant};

use super::Connection;
use crate::ConnectionError;
use crate::error::{Fault, Violation};
use crate::frame::{Flags, writer};

/// What is known of the peer's life, and how often it asked for ours.
#[derive(Debug, Default)]
pub(super) struct Keepalive {
    /// When bytes came last.
    heard: Option<Instant>,
    asked: Asked,
    /// Nothing came for a while and no stream was open: nobody needs to know.
    is_dormant: bool,
    /// The peer's last PING.
    last_ping: Option<Instant>,
    strikes: u32,
    /// Headers or data have been sent since that PING.
    pub(super) has_answered: bool,
}

/// Whether our PING is out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    No,
    /// Since a moment ago: whoever sent it had no clock.
    Now,
    Since(Instant),
}

impl Connection {
    /// Bytes have come.
    pub(super) fn note_heard(&mut self, now: Instant) {
        self.keepalive.heard = Some(now);
        self.keepalive.asked = Asked::No;
    }

    /// A stream is about to be opened: a peer that may have gone while none was open is asked first.
    pub(super) fn wake_keepalive(&mut self) {
        if mem::take(&mut self.keepalive.is_dormant) {
            self.ask_for_life(Asked::Now);
        }
    }

    /// When to ask for a sign of life, or to stop waiting for it.
    pub(super) fn keepalive_deadline(&mut self, now: &impl Fn() -> Instant) -> Option<Instant> {
        let interval = self.config.keepalive_interval?;
        let keepalive = &mut self.keepalive;
        if keepalive.asked == Asked::Now {
            keepalive.asked = Asked::Since(now());
        }
        match keepalive.asked {
            Asked::Since(asked) => asked.checked_add(self.config.keepalive_timeout),
            Asked::Now | Asked::No if keepalive.is_dormant => None,
            Asked::Now | Asked::No => {
                let heard = *keepalive.heard.get_or_insert_with(now);
                heard.checked_add(interval)
            }
        }
    }

    pub(super) fn on_keepalive_deadline(&mut self, now: Instant) {
        if self.keepalive.asked != Asked::No {
            let after = self.config.keepalive_timeout;
            self.fail(ConnectionError::new(Violation::KeepaliveTimeout { after }));
            // It did not take our PING; it will not take our GOAWAY.
            self.abandon();
        } else if self.streams.is_empty() && !self.config.keepalive_without_streams {
            self.keepalive.is_dormant = true;
        } else {
            self.ask_for_life(Asked::Since(now));
        }
    }

    fn ask_for_life(&mut self, asked: Asked) {
        self.keepalive.asked = asked;
        writer::ping(self.output.tail(), KEEPALIVE_PING, Flags::NONE);
    }

    /// Whether the peer answers a PING of ours that was for a sign of life.
    pub(super) fn is_keepalive_ack(&self, payload: [u8; 8]) -> bool {
        self.config.keepalive_interval.is_some() && payload == KEEPALIVE_PING
    }

    /// Counts a PING of the peer's. One that comes too soon after the last is a strike, unless it has
    /// been sent headers or data since: those are what it may wish to measure.
    pub(super) fn take_ping(&mut self) -> Result<(), Fault> {
        let (Some(max_strikes), Some(now)) = (self.config.max_ping_strikes, self.now) else {
            return Ok(());
        };
        let keepalive = &mut self.keepalive;
        let last = keepalive.last_ping.replace(now);
        if mem::take(&mut keepalive.has_answered) {
            keepalive.strikes = 0;
            return Ok(());
        }
        let is_idle = self.streams.is_empty() && !self.config.permit_pings_without_streams;
        let min = if is_idle {
            self.config.min_ping_interval.max(MIN_IDLE_PING_INTERVAL)
        } else {
            self.config.min_ping_interval
        };
        if last.is_some_and(|last| now.saturating_duration_since(last) < min) {
            keepalive.strikes += 1;
        }
        if keepalive.strikes > max_strikes {
            return Err(Violation::TooManyPings.into());
        }
        Ok(())
    }
}

/// The payload of a PING for a sign of life.
const KEEPALIVE_PING: [u8; 8] = *b"keepaliv";
/// A peer without a stream has little reason to ask at all (gRFC A8).
const MIN_IDLE_PING_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);
