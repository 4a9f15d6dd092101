//! How long after one attempt to connect the next one may begin.

use std::time::Duration;

/// The least time between one attempt that came to nothing and the next: 1 s, growing by 1.6 to 120 s, each spread by
/// 20 % so that the clients of a server that restarts do not all come at once.
///
/// Spec: connection-backoff.md.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

const INITIAL: Duration = Duration::from_secs(1);
/// The longest wait, before it is spread.
pub(crate) const MAX: Duration = Duration::from_secs(120);
const MULTIPLIER: f64 = 1.6;
const JITTER: f64 = 0.2;

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: INITIAL }
    }

    /// Whether the last attempt came to something.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next == INITIAL
    }

    /// The next wait. `spread` is a random number from 0 to 1.
    pub(crate) fn step(&mut self, spread: f64) -> Duration {
        let base = self.next;
        self.next = base.mul_f64(MULTIPLIER).min(MAX);
        base.mul_f64(1.0 + JITTER * (2.0 * spread - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..12).map(|_| backoff.step(0.5).as_millis()).collect();
        assert_eq!(waits[..4], [1000, 1600, 2560, 4096]);
        assert_eq!(waits[11], 120_000);
        assert!(Backoff::new().is_fresh() && !backoff.is_fresh());
    }

    #[test]
    fn waits_are_spread_by_a_fifth() {
        assert_eq!(Backoff::new().step(0.0), Duration::from_millis(800));
        assert_eq!(Backoff::new().step(1.0), Duration::from_millis(1200));
    }
}
