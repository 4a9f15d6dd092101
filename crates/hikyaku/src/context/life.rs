//! The end of a call at a server, for all whom it concerns.
//!
//! ```text
//!            cut, no shield: the handler is dropped
//! going on -----------------------------------------> over
//!     |      the handler has returned                   ^
//!     |                                                 | last shield lifted: the handler is dropped
//!     \--cut under a shield--> over, and running on ----/
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::task::{AbortHandle, JoinHandle};

use crate::Status;
use crate::net::mailbox::Mailbox;

/// Whether a call at a server goes on, and who wants to know when it does not.
#[derive(Default)]
pub(crate) struct Life {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    over: Option<Over>,
    /// There once somebody wants to know; most calls that wait have nobody.
    concerns: Option<Box<Concerns>>,
}

/// Whom the end of a call concerns.
#[derive(Default)]
struct Concerns {
    watchers: BTreeMap<u64, Watcher>,
    last_key: u64,
    /// What keeps the handler from being dropped.
    shield_count: usize,
    /// The handler of a call that was cut under a shield.
    task: Option<AbortHandle>,
}

impl State {
    fn concerns(&mut self) -> &mut Concerns {
        self.concerns.get_or_insert_default()
    }
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The client or the connection went away.
    Cancelled,
    DeadlineExceeded,
    /// The handler has returned, or has gone with its runtime.
    Returned,
}

impl Over {
    /// What a call that was made in the one that is over ends with.
    pub(crate) fn to_status(self) -> Status {
        match self {
            Self::Cancelled => {
                Status::cancelled("the call that this one was made in was cancelled")
            }
            Self::DeadlineExceeded => Status::deadline_exceeded(
                "the deadline of the call that this one was made in has passed",
            ),
            Self::Returned => {
                Status::cancelled("the handler that this call was made in has returned")
            }
        }
    }
}

/// What the end of a call ends or wakes.
pub(crate) enum Watcher {
    /// A call that was made in it.
    Call(Arc<Mailbox>),
    /// A task that waits for it.
    Task(Waker),
}

/// What becomes of the handler of a call that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped,
    RunsOn,
}

impl Life {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn over(&self) -> Option<Over> {
        self.state().over
    }

    /// Ends the call. The first end stands.
    pub(crate) fn end(&self, over: Over) {
        finish(self.state(), over);
    }

    /// Ends the call, whatever its handler does, and drops that unless it is to run to its end.
    pub(crate) fn cut(&self, over: Over, handler: &JoinHandle<()>) -> Fate {
        let mut state = self.state();
        if let Some(concerns) = &mut state.concerns
            && concerns.shield_count > 0
        {
            concerns.task = Some(handler.abort_handle());
            finish(state, over);
            return Fate::RunsOn;
        }
        finish(state, over);
        handler.abort();
        Fate::Dropped
    }

    /// Adds one who wants to know of the end, until the link is dropped.
    ///
    /// # Errors
    /// That it is over.
    pub(crate) fn watch(self: &Arc<Self>, watcher: Watcher) -> Result<Link, Over> {
        let mut state = self.state();
        if let Some(over) = state.over {
            return Err(over);
        }
        let concerns = state.concerns();
        concerns.last_key += 1;
        let key = concerns.last_key;
        concerns.watchers.insert(key, watcher);
        let life = Arc::clone(self);
        Ok(Link { life, key })
    }

    /// Keeps the handler from being dropped; `None` if it is too late for that.
    pub(super) fn shield(self: &Arc<Self>) -> Option<Shield> {
        let mut state = self.state();
        if state.over.is_some() {
            return None;
        }
        state.concerns().shield_count += 1;
        Some(Shield(Arc::clone(self)))
    }
}

/// Ends a call; no shield can be raised from here on.
fn finish(mut state: MutexGuard<'_, State>, over: Over) {
    let over = *state.over.get_or_insert(over);
    let concerns = state.concerns.as_mut();
    let watchers = concerns.map(|concerns| mem::take(&mut concerns.watchers));
    // Nothing below may be done with the lock: it leads to other locks.
    drop(state);
    for watcher in watchers.unwrap_or_default().into_values() {
        match watcher {
            Watcher::Call(mailbox) => mailbox.cancel(&over.to_status()),
            Watcher::Task(waker) => waker.wake(),
        }
    }
}

/// That one wants to know of the end of a call.
pub(crate) struct Link {
    life: Arc<Life>,
    key: u64,
}

impl Drop for Link {
    fn drop(&mut self) {
        let watcher = self.life.state().concerns().watchers.remove(&self.key);
        // Without the lock: it may be the last that holds a call.
        drop(watcher);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What keeps a handler from being dropped.
pub(super) struct Shield(Arc<Life>);

impl Drop for Shield {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let concerns = state.concerns();
        concerns.shield_count -= 1;
        if concerns.shield_count > 0 {
            return;
        }
        let task = concerns.task.take();
        drop(state);
        if let Some(task) = task {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn who_watches_is_woken_once_and_who_has_gone_is_not() {
        let life = Arc::new(Life::default());
        let counter = Arc::new(Counter::default());
        let watcher = || Watcher::Task(Waker::from(Arc::clone(&counter)));
        let watching = life.watch(watcher());
        drop(life.watch(watcher()));
        assert_eq!(life.state().concerns().watchers.len(), 1);
        life.end(Over::Cancelled);
        life.end(Over::Returned);
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
        assert_eq!(life.over(), Some(Over::Cancelled), "the first end stands");
        assert!(matches!(life.watch(watcher()), Err(Over::Cancelled)));
        drop(watching);
        assert!(life.state().concerns().watchers.is_empty());
    }

    /// What is done to a life with a handler.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Raise,
        Lift,
        Cut,
    }

    #[test]
    fn a_handler_is_dropped_when_it_is_cut_and_no_shield_is_left() {
        use Step::{Cut, Lift, Raise};
        // (the steps, whether the handler is dropped behind them)
        let table: [(&[Step], bool); 8] = [
            (&[], false),
            (&[Cut], true),
            (&[Raise, Lift], false),
            (&[Raise, Lift, Cut], true),
            (&[Raise, Cut], false),
            (&[Raise, Cut, Lift], true),
            (&[Raise, Raise, Cut, Lift], false),
            (&[Raise, Raise, Lift, Cut, Raise, Lift], true),
        ];
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        for (steps, want) in table {
            let is_dropped = runtime.block_on(async {
                let life = Arc::new(Life::default());
                let handler = tokio::spawn(pending());
                let mut shields = Vec::new();
                for step in steps {
                    match step {
                        Raise => shields.extend(life.shield()),
                        Lift => drop(shields.pop()),
                        Cut => drop(life.cut(Over::Cancelled, &handler)),
                    }
                }
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                handler.is_finished()
            });
            assert_eq!(is_dropped, want, "{steps:?}");
        }
    }
}
