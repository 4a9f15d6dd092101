//! When the next call starts: as soon as a stream is free, or at a time that was set before.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many calls a run may still start, shared by its connections.
pub struct Quota {
    left: Cell<u64>,
    end: Option<Instant>,
}

impl Quota {
    /// So many calls, none of them after `end`.
    pub fn new(calls: u64, end: Option<Instant>) -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(calls),
            end,
        })
    }

    /// Takes one call, if there is one.
    #[inline]
    pub fn take(&self, now: Instant) -> bool {
        if self.is_over(now) {
            return false;
        }
        self.left.set(self.left.get() - 1);
        true
    }

    /// Whether no call starts any more.
    #[inline]
    pub fn is_over(&self, now: Instant) -> bool {
        self.left.get() == 0 || self.end.is_some_and(|end| now >= end)
    }

    /// Calls that nobody took.
    pub fn left(&self) -> u64 {
        self.left.get()
    }
}

/// The starts of one connection's calls.
pub enum Starts {
    /// A call starts when a stream is free.
    Free(Rc<Quota>),
    /// Calls start at set times.
    Set(Schedule),
    /// No call starts by itself.
    Never,
}

impl Starts {
    /// The time that a call is to be counted from, if one starts now.
    #[inline]
    pub fn next(&mut self, now: Instant) -> Option<Instant> {
        match self {
            Self::Free(quota) => quota.take(now).then_some(now),
            Self::Set(schedule) => schedule.next(now),
            Self::Never => None,
        }
    }

    /// Whether no call starts any more.
    #[inline]
    pub fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Free(quota) => quota.is_over(now),
            Self::Set(schedule) => schedule.is_over(),
            Self::Never => true,
        }
    }

    /// Whether the next start is awaited by looking at the clock again and again.
    pub fn wants_clock(&self) -> bool {
        matches!(self, Self::Set(_))
    }
}

/// Times at equal distances, of which each connection has every so-manieth.
pub struct Schedule {
    begin: Instant,
    nanos_between: f64,
    /// Number of this connection's next call among all.
    next: u64,
    connections: u64,
    calls: u64,
}

impl Schedule {
    /// The part of connection `index` of `connections` in `rate` calls a second from `begin` on,
    /// `calls` in all.
    pub fn new(begin: Instant, rate: f64, calls: u64, index: u64, connections: u64) -> Self {
        Self {
            begin,
            nanos_between: 1e9 / rate,
            next: index,
            connections,
            calls,
        }
    }

    /// Calls that `rate` makes of a time.
    pub fn calls_in(rate: f64, seconds: f64) -> u64 {
        (rate * seconds).ceil() as u64
    }

    fn next(&mut self, now: Instant) -> Option<Instant> {
        if self.is_over() {
            return None;
        }
        let nanos = (self.next as f64 * self.nanos_between) as u64;
        let at = self.begin + Duration::from_nanos(nanos);
        (at <= now).then(|| {
            self.next += self.connections;
            at
        })
    }

    fn is_over(&self) -> bool {
        self.next >= self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_keeps_its_rate_and_remembers_what_is_late() {
        let begin = Instant::now();
        let at = |micros| begin + Duration::from_micros(micros);
        let mut schedule = Schedule::new(begin, 10_000.0, 7, 1, 2);
        // When it is asked, and which starts it gives.
        let rows: &[(u64, &[u64])] = &[
            (0, &[]),
            (99, &[]),
            (100, &[100]),
            (299, &[]),
            (700, &[300, 500]),
            (10_000, &[]),
        ];
        for (now, want) in rows {
            let starts: Vec<_> = std::iter::from_fn(|| schedule.next(at(*now))).collect();
            assert_eq!(
                starts,
                want.iter().map(|micros| at(*micros)).collect::<Vec<_>>(),
                "{now}"
            );
        }
        assert!(schedule.is_over());
    }

    #[test]
    fn connections_share_all_calls_of_a_rate() {
        let begin = Instant::now();
        let late = begin + Duration::from_secs(100);
        for (calls, connections) in [(1, 1), (10, 3), (2, 5), (1000, 50)] {
            let mut starts = Vec::new();
            for index in 0..connections {
                let mut schedule = Schedule::new(begin, 1000.0, calls, index, connections);
                starts.extend(std::iter::from_fn(|| schedule.next(late)));
            }
            starts.sort();
            let want: Vec<_> = (0..calls)
                .map(|n| begin + Duration::from_millis(n))
                .collect();
            assert_eq!(starts, want, "{calls} {connections}");
        }
    }

    #[test]
    fn a_quota_ends_with_its_calls_or_its_time() {
        let now = Instant::now();
        let end = now + Duration::from_secs(1);
        let quota = Quota::new(2, Some(end));
        assert!(quota.take(now));
        assert!(!quota.take(end));
        assert!(quota.take(now));
        assert!(!quota.take(now));
        assert_eq!(Schedule::calls_in(1000.0, 0.5), 500);
    }
}
