//! How a channel finds out that its server has gone without a word.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hikyaku_http2::{Config, ErrorCode};

/// A server is not asked more often, whatever the user wants (gRFC A8).
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// What a server says of a client that asks too often (gRFC A8).
const TOO_MANY_PINGS: &[u8] = b"too_many_pings";

/// The keepalive of a channel's connections, which a server can make slower.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Mutex<Option<Duration>>,
}

impl Keepalive {
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        let interval = interval.map(|interval| interval.max(MIN_INTERVAL));
        Self {
            interval: Mutex::new(interval),
        }
    }

    /// Whether the server is asked at all.
    pub(crate) fn is_on(&self) -> bool {
        self.interval().is_some()
    }

    fn interval(&self) -> MutexGuard<'_, Option<Duration>> {
        self.interval.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the interval of today into the configuration of the next connection.
    pub(crate) fn apply(&self, http2: &mut Config) {
        http2.keepalive_interval = *self.interval();
    }

    /// The server has said goodbye. If it was asked too often, it is asked half as often from the
    /// next connection on.
    pub(crate) fn note_farewell(&self, code: ErrorCode, debug: &[u8], server: &str) {
        if code != ErrorCode::ENHANCE_YOUR_CALM || debug != TOO_MANY_PINGS {
            return;
        }
        let mut interval = self.interval();
        *interval = interval.map(|interval| interval.saturating_mul(2));
        tracing::warn!(
            server,
            ?interval,
            "the server is asked for signs of life too often: now half as often"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_pings_double_the_interval_of_the_channel() {
        let seconds = Duration::from_secs;
        let calm = ErrorCode::ENHANCE_YOUR_CALM;
        // (what was asked for, what the server said, what holds then)
        let table = [
            (None, calm, "too_many_pings", None),
            (Some(seconds(1)), calm, "", Some(seconds(10))),
            (Some(seconds(1)), calm, "too_many_pings", Some(seconds(20))),
            (
                Some(seconds(60)),
                calm,
                "too_many_pings",
                Some(seconds(120)),
            ),
            (
                Some(seconds(60)),
                ErrorCode::NO_ERROR,
                "too_many_pings",
                Some(seconds(60)),
            ),
            (
                Some(Duration::MAX),
                calm,
                "too_many_pings",
                Some(Duration::MAX),
            ),
        ];
        for (wanted, code, debug, want) in table {
            let keepalive = Keepalive::new(wanted);
            keepalive.note_farewell(code, debug.as_bytes(), "server");
            let mut http2 = Config::default();
            keepalive.apply(&mut http2);
            assert_eq!(http2.keepalive_interval, want, "{wanted:?} {code} {debug}");
        }
    }
}
