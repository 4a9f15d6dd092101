//! The deadlines of one connection, behind one timer.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::Sleep;

/// Deadlines by key, of which only the earliest has a timer in the runtime.
///
/// Entries are removed when their call ends, so that a long deadline on a short call costs nothing
/// afterwards.
#[derive(Debug, Default)]
pub(crate) struct Timers<K: Ord + Copy> {
    entries: BTreeSet<(Instant, K)>,
    alarm: Alarm,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) fn new() -> Self {
        Self {
            entries: BTreeSet::new(),
            alarm: Alarm::default(),
        }
    }

    pub(crate) fn insert(&mut self, at: Instant, key: K) {
        self.entries.insert((at, key));
    }

    pub(crate) fn remove(&mut self, at: Instant, key: K) {
        self.entries.remove(&(at, key));
    }

    /// The next entry that is due, or `Pending` with the timer armed for the earliest one.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<K> {
        let Some(&(at, key)) = self.entries.first() else {
            return Poll::Pending;
        };
        ready!(self.alarm.poll(at, cx));
        self.entries.pop_first();
        Poll::Ready(key)
    }
}

/// One timer of the runtime, for a moment that keeps changing.
///
/// It is armed again only for an earlier moment; for a later one it rings too early, once, and is
/// armed again then.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready once the moment has come.
    pub(crate) fn poll(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let wanted = tokio::time::Instant::from_std(at);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(wanted)));
        if sleep.deadline() > wanted {
            sleep.as_mut().reset(wanted);
        }
        ready!(sleep.as_mut().poll(cx));
        if sleep.deadline() < wanted {
            // It was armed for something that has gone since.
            sleep.as_mut().reset(wanted);
            ready!(sleep.as_mut().poll(cx));
        }
        self.sleep = None;
        Poll::Ready(())
    }
}
