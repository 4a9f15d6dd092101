//! How much nonsense a peer may cause: a burst at once, and a rate for ever.
//!
//! Limits per life of a connection end long-lived good connections; these refill. What good peers
//! do while they work (a call that completes, DATA that moves) gives tokens back too.

use std::time::Instant;

/// A token bucket. Each piece of nonsense takes a token, or as many as it is dear.
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

    /// Takes one token; `false` if there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.take_many(1, now)
    }

    /// Takes `count` tokens; `false` if there are fewer, which are gone then. The clock is looked at
    /// only when it matters.
    pub(super) fn take_many(&mut self, count: u32, now: Instant) -> bool {
        if self.tokens < count {
            self.refill(now);
        }
        let had_enough = self.tokens >= count;
        self.tokens = self.tokens.saturating_sub(count);
        had_enough
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

/// Bytes that a good peer still has to do something small about: as long as it does no more than
/// that, its small frames cost no tokens, however many they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left_len: usize,
    max: usize,
}

impl Allowance {
    /// Nothing is allowed yet, and never more than `max` bytes will be.
    pub(super) fn new(max: usize) -> Self {
        Self { left_len: 0, max }
    }

    /// Allows `len` bytes more.
    pub(super) fn add(&mut self, len: usize) {
        self.left_len = self.left_len.saturating_add(len).min(self.max);
    }

    /// Whether `len` bytes are allowed; if so, they are used up.
    pub(super) fn take(&mut self, len: usize) -> bool {
        let left = self.left_len.checked_sub(len);
        self.left_len = left.unwrap_or(self.left_len);
        left.is_some()
    }
}

/// An increment under this is charged even if it gives back what we sent: who reads a message at a
/// time has at least this much to tell. Bytes.
pub(super) const MIN_FREE_INCREMENT: u32 = 5;

/// Bytes sent and not given back that are kept in mind: two windows of the fastest and longest of
/// networks. Were it unlimited, a long download would pay for a flood.
pub(super) const MAX_UNREAD_LEN: usize = 2 * 32 * 1024 * 1024;

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
    fn an_allowance_is_used_once() {
        let mut allowance = Allowance::new(10);
        assert!(!allowance.take(1));
        allowance.add(8);
        allowance.add(usize::MAX);
        // (bytes, whether they are allowed)
        for (len, want) in [(6, true), (5, false), (0, true), (4, true), (1, false)] {
            assert_eq!(allowance.take(len), want, "{len}");
        }
    }

    #[test]
    fn what_is_dear_takes_many_tokens() {
        let now = Instant::now();
        let mut budget = Budget::new(25, 10);
        budget.start(now);
        assert!(budget.take_many(10, now) && budget.take_many(10, now));
        assert!(!budget.take_many(10, now));
        assert!(!budget.take(now));
        let later = now + Duration::from_secs(1);
        assert!(budget.take_many(10, later) && !budget.take(later));
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
