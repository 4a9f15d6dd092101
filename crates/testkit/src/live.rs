//! Counting what is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts guards that have been made and not been dropped: put one into a handler, and see when
/// the handler is gone.
///
/// # Example
/// ```
/// let live = hikyaku_testkit::Live::new();
/// let guard = live.guard();
/// assert_eq!((live.count(), live.made_count()), (1, 1));
/// drop(guard);
/// assert_eq!((live.count(), live.made_count()), (0, 1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// One thing that is alive.
#[derive(Debug)]
pub struct Guard(Live);

impl Live {
    /// Nothing is alive yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Something that is alive until it is dropped.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.0.made.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }

    /// How many are alive.
    #[must_use]
    pub fn count(&self) -> usize {
        let dropped = self.0.dropped.load(Ordering::SeqCst);
        self.made_count() - dropped
    }

    /// How many there have ever been.
    #[must_use]
    pub fn made_count(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
