//! How much the path to the peer holds: what comes in about one round trip, which PING measures.
//!
//! ```text
//! DATA, enough of it --PING, ACK--> round trip --> epochs of one and a half of the shortest
//! epoch over: more than half the target came -> target = twice what came, PING again
//!             less came                      -> the path, the sender or the readers are the limit
//! ```
//!
//! A window narrower than bandwidth times delay lets the sender run dry, and what comes in a round
//! trip is then about the window, whatever the path could carry. The shortest round trip counts: one
//! that is long because of a queue on the way would only make the queue longer.

use std::mem;
use std::time::{Duration, Instant};

/// The estimator of one connection, for the bytes that come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bandwidth {
    /// The window the path asks for, as far as is known. Bytes.
    target: u64,
    /// The target goes no further. Bytes.
    max: u64,
    /// Bytes of this epoch or, before the first one, of all time.
    counted_len: u64,
    /// Fewer bytes than this mean nothing: neither is it time for the first probe nor is the epoch
    /// over.
    look_at_len: u64,
    /// The number of this epoch.
    epoch: u32,
    /// When this epoch is over; there is none before the first round trip is known.
    epoch_end: Option<Instant>,
    /// The shortest one. Only its order of magnitude matters.
    round_trip: Duration,
    /// When the probe that is out was sent.
    sent: Option<Instant>,
}

/// What DATA calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing.
    None,
    /// Send a PING.
    Probe,
    /// The target has risen.
    Raise,
    /// The target has risen; send a PING as well.
    RaiseAndProbe,
}

impl Bandwidth {
    /// An estimator that begins with a window of `start` bytes and goes to at most `max`.
    pub(super) fn new(start: u64, max: u64) -> Self {
        let is_fixed = start >= max;
        Self {
            target: start,
            max,
            counted_len: 0,
            // Few bytes are not worth a PING: a connection of few small calls never has one.
            look_at_len: if is_fixed { NEVER } else { start / 4 },
            epoch: 0,
            epoch_end: None,
            round_trip: Duration::MAX,
            sent: None,
        }
    }

    /// The window the path asks for, as far as is known. Bytes.
    pub(super) fn target(&self) -> u64 {
        self.target
    }

    /// The number of this epoch.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Bytes have come, whatever they are.
    #[inline]
    pub(super) fn start(&mut self, now: Instant) {
        if let Some(end) = self.epoch_end
            && now >= end
        {
            self.look_at_len = 0;
        }
    }

    /// Counts DATA among the bytes that [`Bandwidth::start`] was told of.
    #[inline]
    pub(super) fn on_data(&mut self, len: usize, now: Instant) -> Finding {
        let finding = if self.counted_len < self.look_at_len {
            Finding::None
        } else {
            self.look(now)
        };
        self.counted_len += len as u64;
        finding
    }

    #[cold]
    fn look(&mut self, now: Instant) -> Finding {
        self.look_at_len = NEVER;
        if self.epoch_end.is_some() {
            return self.end_epoch(now);
        }
        self.sent = Some(now);
        Finding::Probe
    }

    /// Whether a probe is out.
    pub(super) fn is_probing(&self) -> bool {
        self.sent.is_some()
    }

    /// The peer has answered the probe.
    pub(super) fn on_ack(&mut self, now: Instant) {
        let Some(sent) = self.sent.take() else {
            return;
        };
        self.round_trip = self.round_trip.min(now.saturating_duration_since(sent));
        if self.epoch_end.is_none() {
            self.counted_len = 0;
            self.start_epoch(now);
        }
    }

    fn start_epoch(&mut self, now: Instant) {
        let len = self.round_trip.max(MIN_ROUND_TRIP) * 3 / 2;
        self.epoch_end = now.checked_add(len);
        self.epoch = self.epoch.wrapping_add(1);
    }

    fn end_epoch(&mut self, now: Instant) -> Finding {
        let wanted = (mem::take(&mut self.counted_len).saturating_mul(2)).min(self.max);
        self.start_epoch(now);
        if wanted <= self.target {
            return Finding::None;
        }
        self.target = wanted;
        if self.is_probing() {
            return Finding::Raise;
        }
        self.sent = Some(now);
        Finding::RaiseAndProbe
    }
}

/// More bytes than ever come.
const NEVER: u64 = u64::MAX;
/// A path is never taken to be shorter: what counts below this are the turns of the tasks at both
/// ends. Also, a clock that stands still must not make an epoch empty.
const MIN_ROUND_TRIP: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;
    const MAX: u64 = 16 << 20;

    /// DATA of so many bytes, in a read of its own.
    fn data(bandwidth: &mut Bandwidth, len: usize, now: Instant) -> Finding {
        bandwidth.start(now);
        bandwidth.on_data(len, now)
    }

    /// An estimator of a path with a round trip of 100 ms, and the hour at which its first epoch began.
    fn measured(max: u64) -> (Bandwidth, Instant) {
        let start = Instant::now();
        let mut bandwidth = Bandwidth::new(64 * KIB, max);
        assert_eq!(data(&mut bandwidth, 16 * 1024, start), Finding::None);
        assert_eq!(data(&mut bandwidth, 1, start), Finding::Probe);
        assert_eq!(
            data(&mut bandwidth, 64 * 1024, start),
            Finding::None,
            "one at a time"
        );
        let now = start + Duration::from_millis(100);
        bandwidth.on_ack(now);
        bandwidth.on_ack(now);
        (bandwidth, now)
    }

    #[test]
    fn the_target_grows_only_while_the_window_is_the_limit() {
        // (KiB in an epoch, the target afterwards in KiB)
        let table = [
            ("an idle peer", 1, 64),
            ("half a window", 32, 64),
            ("a bit more than half", 33, 66),
            ("a whole window", 66, 132),
            ("two windows", 264, 528),
            ("much more: several streams", 4096, 8192),
            ("half a window", 4096, 8192),
            ("less than before", 1000, 8192),
            ("more than we give at most", 12 * 1024, 16 * 1024),
            ("any more", 1024 * 1024, 16 * 1024),
        ];
        let (mut bandwidth, start) = measured(MAX);
        let mut now = start;
        for (what, kib, want) in table {
            for _ in 0..kib {
                assert_eq!(data(&mut bandwidth, 1024, now), Finding::None, "{what}");
            }
            now += Duration::from_millis(149);
            assert_eq!(data(&mut bandwidth, 0, now), Finding::None, "{what}");
            now += Duration::from_millis(1);
            let before = bandwidth.target();
            let finding = data(&mut bandwidth, 0, now);
            assert_eq!(bandwidth.target() / KIB, want, "after {what}");
            assert_eq!(
                finding != Finding::None,
                bandwidth.target() > before,
                "after {what}"
            );
            bandwidth.on_ack(now + Duration::from_secs(1));
        }
    }

    #[test]
    fn there_is_a_probe_for_each_rise_and_only_one_at_a_time() {
        let (mut bandwidth, start) = measured(MAX);
        let mut now = start;
        let mut findings = Vec::new();
        for round in 0..6 {
            let len = usize::try_from(bandwidth.target()).unwrap();
            data(&mut bandwidth, len, now);
            now += Duration::from_millis(150);
            findings.push(data(&mut bandwidth, 0, now));
            if round == 2 {
                bandwidth.on_ack(now);
            }
        }
        let (first, later) = (Finding::RaiseAndProbe, Finding::Raise);
        assert_eq!(findings, [first, later, later, first, later, later]);
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let (mut bandwidth, mut now) = measured(MAX);
        // (milliseconds until the ACK, milliseconds of the epochs after that)
        for (millis, want) in [(500, 150), (40, 60), (100, 60), (0, 1)] {
            bandwidth.sent = Some(now);
            bandwidth.on_ack(now + Duration::from_millis(millis));
            now += Duration::from_millis(1000);
            data(&mut bandwidth, 0, now);
            let epoch = bandwidth.epoch_end.map(|end| (end - now).as_millis());
            assert_eq!(epoch, Some(want), "after {millis} ms");
        }
    }

    #[test]
    fn small_and_fixed_connections_never_probe() {
        let now = Instant::now();
        let mut small = Bandwidth::new(64 * KIB, MAX);
        let mut fixed = Bandwidth::new(64 * KIB, 0);
        for _ in 0..16 {
            assert_eq!(data(&mut small, 1024, now), Finding::None);
            assert_eq!(data(&mut fixed, 1024 * 1024, now), Finding::None);
        }
        assert_eq!(data(&mut small, 1, now), Finding::Probe);
        assert_eq!(fixed.target(), 64 * KIB);
    }

    #[test]
    fn a_clock_that_goes_back_is_survived() {
        let (mut bandwidth, start) = measured(MAX);
        bandwidth.sent = Some(start);
        bandwidth.on_ack(start - Duration::from_secs(1));
        data(&mut bandwidth, 1, start + Duration::from_secs(1));
        assert_eq!(data(&mut bandwidth, 1, start), Finding::None);
    }
}
