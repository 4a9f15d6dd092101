//! What a run counts: calls, what they carried, how long they took.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::fault::Fault;
use crate::scenario::Call;

/// The counts of one run.
pub struct Tally {
    pub succeeded: u64,
    pub failed: u64,
    pub messages: u64,
    pub bytes: u64,
    /// Why the first call failed.
    pub first_fault: Option<Fault>,
    /// Nanoseconds.
    latencies: Histogram<u64>,
}

/// The longest time that is told apart, in nanoseconds: ten minutes.
const MAX_NANOS: u64 = 600_000_000_000;
/// Digits that are kept of a time.
const DIGITS: u8 = 3;

impl Default for Tally {
    fn default() -> Self {
        let latencies = Histogram::new_with_max(MAX_NANOS, DIGITS);
        Self {
            succeeded: 0,
            failed: 0,
            messages: 0,
            bytes: 0,
            first_fault: None,
            latencies: latencies.expect("a histogram of these bounds"),
        }
    }
}

impl Tally {
    /// A call came to a good end.
    #[inline]
    pub fn on_success(&mut self, call: &Call) {
        self.succeeded += 1;
        self.messages += call.messages;
        self.bytes += call.bytes;
    }

    /// Calls came to a bad one.
    #[cold]
    pub fn on_failure(&mut self, fault: Fault, calls: u64) {
        self.failed += calls;
        self.first_fault.get_or_insert(fault);
    }

    /// A number that grows with every call that ends and every answer that comes.
    pub fn progress(&self) -> u64 {
        self.succeeded + self.failed + self.latencies.len()
    }

    /// An answer that was waited for came.
    #[inline]
    pub fn on_answer(&mut self, asked: Instant, now: Instant) {
        let nanos = now.saturating_duration_since(asked).as_nanos() as u64;
        self.latencies.saturating_record(nanos);
    }

    /// How long so large a part of the answers took at most, in microseconds.
    pub fn quantile_us(&self, part: f64) -> f64 {
        self.latencies.value_at_quantile(part) as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn quantiles_are_exact_to_three_digits() {
        let mut tally = Tally::default();
        let start = Instant::now();
        for micros in 1..=1000 {
            tally.on_answer(start, start + Duration::from_micros(micros));
        }
        for (part, want) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let got = tally.quantile_us(part);
            assert!((got - want).abs() <= want / 1000.0, "{part}: {got}");
        }
    }

    #[test]
    fn an_answer_from_the_future_took_no_time_and_one_that_took_ages_is_kept() {
        let mut tally = Tally::default();
        let start = Instant::now();
        tally.on_answer(start + Duration::from_secs(1), start);
        assert_eq!(tally.quantile_us(1.0), 0.0);
        tally.on_answer(start, start + Duration::from_secs(3600));
        assert!(tally.quantile_us(1.0) >= 6e8);
    }
}
