//! How much nonsense a peer may cause: a burst at once, and a rate for ever.
//!
//! Limits per life of a connection end long-lived good connections; these refill. What good peers
//! do while they work (a call that completes, DATA that moves) gives tokens back too.

use std::time::Instant;

/// A token bucket. Each piece of nonsense takes one token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    tokens: u32,
    max: u32,
    refill_per_second: u32,
    /// Time up to which the refill has been given; `None` before the first look at the clock.
    refilled: Option<Instant>,
}

impl Budget {
    /// A full bucket.
    pub(super) fn new(max: u32, refill_per_second: u32) -> Self {
        Self {
            tokens: max,
            max,
            refill_per_second,
            refilled: None,
        }
    }

    /// Starts the clock of the refill.
    pub(super) fn start(&mut self, now: Instant) {
        self.refilled.get_or_insert(now);
    }

    /// Takes one token; `false` if there is none. The clock is looked at only when it matters.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.tokens == 0 {
            self.refill(now);
        }
        let had_one = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        had_one
    }

    /// Gives tokens back for useful work.
    pub(super) fn refund(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.max);
    }

    fn refill(&mut self, now: Instant) {
        let since = self.refilled.unwrap_or(now);
        let elapsed = now.saturating_duration_since(since);
        let due = elapsed.as_millis() * u128::from(self.refill_per_second) / 1000;
        if due > 0 {
            self.refund(u32::try_from(due).unwrap_or(u32::MAX));
            self.refilled = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_free_and_the_rest_is_rationed() {
        let start = Instant::now();
        let mut budget = Budget::new(3, 10);
        budget.start(start);
        // (milliseconds since the start, tokens to be had then)
        for (millis, want) in [(0, 3), (50, 0), (100, 1), (100, 0), (350, 2), (60_000, 3)] {
            let now = start + Duration::from_millis(millis);
            let got = (0..10).filter(|_| budget.take(now)).count();
            assert_eq!(got, want, "at {millis} ms");
        }
        budget.refund(100);
        assert_eq!((0..10).filter(|_| budget.take(start)).count(), 3);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut budget = Budget::new(1, 1000);
        budget.start(start);
        assert!(budget.take(start));
        assert!(!budget.take(start));
        assert!(!budget.take(start - Duration::from_secs(5)));
    }
}
