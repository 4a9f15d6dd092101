//! The deadlines of one connection, behind one timer.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// Deadlines by key, of which only the earliest has a timer in the runtime.
///
/// Entries are removed when their call ends, so that a long deadline on a short call costs nothing
/// afterwards.
#[derive(Debug, Default)]
pub(crate) struct Timers<K: Ord + Copy> {
    entries: BTreeSet<(Instant, K)>,
    /// Armed for some moment at or before the earliest entry; re-armed when it fires too early.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) fn new() -> Self {
        Self {
            entries: BTreeSet::new(),
            sleep: None,
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
        loop {
            let Some(&(at, key)) = self.entries.first() else {
                return Poll::Pending;
            };
            let wanted = tokio::time::Instant::from_std(at);
            let sleep = match &mut self.sleep {
                Some(sleep) => {
                    if sleep.deadline() > wanted {
                        sleep.as_mut().reset(wanted);
                    }
                    sleep
                }
                None => self
                    .sleep
                    .insert(Box::pin(tokio::time::sleep_until(wanted))),
            };
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if sleep.deadline() >= wanted {
                self.sleep = None;
                self.entries.pop_first();
                return Poll::Ready(key);
            }
            // It was armed for an entry that has gone since.
            sleep.as_mut().reset(wanted);
        }
    }
}
