//! How much the path to the peer holds: bytes that come within one round trip, measured by PING.
//!
//! ```text
//! DATA ... enough of it --PING--> (bytes are counted) --ACK--> sample: bytes, round trip
//!      2 x bytes > target and faster than ever before  -> the window was the limit: target = 2 x bytes
//!      otherwise                                       -> the next probe waits for twice the DATA
//! ```
//!
//! A window narrower than bandwidth times delay lets the sender run dry; the bytes of a round trip
//! are then about the window, whatever the path could carry. So the target doubles with each round
//! trip until the path, the sender or the reader is the limit. That a longer queue on the way brings
//! more bytes in a longer round trip is no reason to grow: the rate must have grown as well.

use std::time::{Duration, Instant};

/// The estimator of one connection, for the bytes that come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bandwidth {
    /// The window the path asks for, as far as is known. Bytes.
    target: u64,
    /// The target goes no further. Bytes.
    max: u64,
    /// Bytes that came since the last probe was sent or, while none is out, since its ACK came.
    counted_len: u64,
    /// Bytes after which the next probe is sent; never while one is out or none is needed.
    probe_at_len: u64,
    /// When the probe that is out was sent.
    sent: Option<Instant>,
    /// The highest rate seen. Bytes a second.
    best_rate: u64,
    /// Probes in a row that raised nothing.
    fruitless_count: u32,
}

/// What a frame of DATA calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Nothing.
    None,
    /// Send the PING now.
    Send,
}

impl Bandwidth {
    /// An estimator that begins with a window of `start` bytes and goes to at most `max`.
    pub(super) fn new(start: u64, max: u64) -> Self {
        let mut bandwidth = Self {
            target: start,
            max,
            counted_len: 0,
            probe_at_len: NEVER,
            sent: None,
            best_rate: 0,
            fruitless_count: 0,
        };
        bandwidth.rest();
        bandwidth
    }

    /// The window the path asks for, as far as is known. Bytes.
    pub(super) fn target(&self) -> u64 {
        self.target
    }

    /// Counts DATA.
    #[inline]
    pub(super) fn on_data(&mut self, len: usize, now: Instant) -> Probe {
        self.counted_len += len as u64;
        if self.counted_len < self.probe_at_len {
            return Probe::None;
        }
        self.sent = Some(now);
        self.counted_len = 0;
        self.probe_at_len = NEVER;
        Probe::Send
    }

    /// Whether a probe is out.
    pub(super) fn is_probing(&self) -> bool {
        self.sent.is_some()
    }

    /// The peer has answered the probe. `true` if the target has grown.
    pub(super) fn on_ack(&mut self, now: Instant) -> bool {
        let Some(sent) = self.sent.take() else {
            return false;
        };
        let round_trip = now.saturating_duration_since(sent).max(MIN_ROUND_TRIP);
        let rate = u128::from(self.counted_len) * 1_000_000_000 / round_trip.as_nanos();
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        let wanted = self.counted_len.saturating_mul(2).min(self.max);
        let has_grown =
            wanted > self.target && rate > self.best_rate.saturating_add(self.best_rate / 8);
        if has_grown {
            self.target = wanted;
            self.fruitless_count = 0;
        } else {
            self.fruitless_count = (self.fruitless_count + 1).min(MAX_FRUITLESS_COUNT);
        }
        self.best_rate = self.best_rate.max(rate);
        self.rest();
        has_grown
    }

    /// Sets when the next probe goes out: after a quarter of the window, so that the probe of a
    /// sender that fills it spans a whole one.
    fn rest(&mut self) {
        self.counted_len = 0;
        self.probe_at_len = if self.target >= self.max {
            NEVER
        } else {
            (self.target / 4).max(MIN_PROBED_LEN) << self.fruitless_count
        };
    }
}

/// More bytes than can ever come.
const NEVER: u64 = u64::MAX;
/// A clock that stands still must not make a rate infinite.
const MIN_ROUND_TRIP: Duration = Duration::from_micros(1);
/// Probes that raise nothing double the DATA before the next one so often: at the usual first window
/// there is then a PING for each 256 KiB. More would find a path that has become better too late.
const MAX_FRUITLESS_COUNT: u32 = 4;
/// Fewer bytes than this never cost a PING, however small the window. Bytes.
const MIN_PROBED_LEN: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;
    const MAX: u64 = 16 << 20;

    /// Counts `len` bytes in frames of 1 KiB; how many probes were to be sent.
    fn feed(bandwidth: &mut Bandwidth, len: usize, now: Instant) -> usize {
        (0..len / KIB)
            .filter(|_| bandwidth.on_data(KIB, now) == Probe::Send)
            .count()
    }

    #[test]
    fn a_sample_raises_the_target_only_if_the_window_was_the_limit() {
        let start = Instant::now();
        // (KiB in the round trip, milliseconds it took, target afterwards in KiB)
        let table = [
            ("an idle peer", 1, 100, 64),
            ("half a window", 32, 100, 64),
            ("a whole window", 64, 100, 128),
            ("twice as much at the same rate: a queue", 128, 200, 128),
            ("twice as much at twice the rate", 128, 100, 256),
            ("more than a window: several streams", 1024, 100, 2048),
            ("slower than before", 2048, 1000, 2048),
            (
                "more than the path asks for at most",
                12 * 1024,
                100,
                16 * 1024,
            ),
        ];
        let mut bandwidth = Bandwidth::new(64 << 10, MAX);
        for (what, kib, millis, want) in table {
            while !bandwidth.is_probing() {
                bandwidth.on_data(KIB, start);
            }
            assert_eq!(feed(&mut bandwidth, kib * KIB, start), 0, "{what}");
            bandwidth.on_ack(start + Duration::from_millis(millis));
            assert_eq!(bandwidth.target() / 1024, want, "after {what}");
        }
        assert_eq!(feed(&mut bandwidth, 100 << 20, start), 0, "at its maximum");
    }

    #[test]
    fn probes_without_result_become_rare() {
        let mut bandwidth = Bandwidth::new(64 << 10, MAX);
        let now = Instant::now();
        for want in [16, 32, 64, 128, 256, 256, 256] {
            let kib = (1..).find(|_| bandwidth.on_data(KIB, now) == Probe::Send);
            assert_eq!(kib, Some(want));
            assert_eq!(feed(&mut bandwidth, 16 * KIB, now), 0, "one at a time");
            assert!(!bandwidth.on_ack(now + Duration::from_secs(1)));
            assert!(!bandwidth.on_ack(now + Duration::from_secs(1)), "once");
        }
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_is_survived() {
        let now = Instant::now() + Duration::from_secs(1);
        for back in [0, 1] {
            let mut bandwidth = Bandwidth::new(64 << 10, MAX);
            assert_eq!(feed(&mut bandwidth, 16 * KIB, now), 1);
            bandwidth.on_data(usize::MAX >> 8, now);
            bandwidth.on_ack(now - Duration::from_secs(back));
            assert_eq!(bandwidth.target(), MAX);
        }
    }

    #[test]
    fn a_connection_whose_windows_are_fixed_never_probes() {
        let mut bandwidth = Bandwidth::new(64 << 10, 64 << 10);
        assert_eq!(feed(&mut bandwidth, 100 << 20, Instant::now()), 0);
    }
}
