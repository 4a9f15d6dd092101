//! How many handlers of one connection run, and which calls wait for one of them to end.
//!
//! A client may have as many calls open as the stream limit says. But a stream that it resets is
//! gone at once, and its handler only when its task has come to its next `await`: clients that open
//! and reset streams in a hurry (CVE-2023-44487) would run far more handlers than they have streams.
//! So handlers are counted until they have really ended, and what comes beyond the limit is held.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hikyaku_http2::StreamId;

use crate::net::outbox::Outbox;

/// The handlers of one connection that have a task of their own.
pub(crate) struct Handlers {
    max: usize,
    running: Arc<Running>,
    held: VecDeque<StreamId>,
}

struct Running {
    count: AtomicUsize,
    /// Calls are held: the end of a handler has to be told.
    is_awaited: AtomicBool,
    outbox: Arc<Outbox>,
}

/// Kept with a handler's future, and dropped behind it.
pub(crate) struct Place(Arc<Running>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        if self.0.is_awaited.swap(false, Ordering::SeqCst) {
            self.0.outbox.nudge();
        }
    }
}

impl Handlers {
    /// At most `max` handlers at a time.
    pub(crate) fn new(max: u32, outbox: Arc<Outbox>) -> Self {
        Self {
            max: max as usize,
            running: Arc::new(Running {
                count: AtomicUsize::new(0),
                is_awaited: AtomicBool::new(false),
                outbox,
            }),
            held: VecDeque::new(),
        }
    }

    /// Whether another handler may start.
    pub(crate) fn have_room(&self) -> bool {
        self.running.count.load(Ordering::SeqCst) < self.max
    }

    /// The place of a handler that is about to get a task.
    pub(crate) fn take_place(&self) -> Place {
        self.running.count.fetch_add(1, Ordering::SeqCst);
        Place(Arc::clone(&self.running))
    }

    /// Holds a call until there is room. `open_count` is how many calls there are.
    pub(crate) fn hold(
        &mut self,
        id: StreamId,
        open_count: usize,
        is_held: impl Fn(StreamId) -> bool,
    ) {
        if self.held.len() > 2 * open_count {
            // Held calls that were reset have left their names.
            self.held.retain(|&id| is_held(id));
        }
        self.held.push_back(id);
    }

    /// The next held call, if there is room for it; else the end of a handler wakes the connection.
    pub(crate) fn next_held(&mut self) -> Option<StreamId> {
        if self.held.is_empty() {
            return None;
        }
        if !self.have_room() {
            self.running.is_awaited.store(true, Ordering::SeqCst);
            // One may have ended before it could know.
            if !self.have_room() {
                return None;
            }
        }
        self.held.pop_front()
    }
}
