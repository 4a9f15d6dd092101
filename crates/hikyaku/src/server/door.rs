//! How a server reaches one of its connections from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lasting::Lasting;
use crate::net::outbox::{Outbox, Wish};

/// A connection, as the server sees it from outside.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) outbox: Arc<Outbox>,
    /// Handlers that outlive it.
    pub(super) lasting: Lasting,
    is_idle: AtomicBool,
}

impl Door {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            outbox: Outbox::new(),
            lasting: Lasting::default(),
            is_idle: AtomicBool::new(true),
        })
    }

    /// Whether the client has no call open.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_idle.load(Ordering::Relaxed)
    }

    /// Asks the connection to go if it is idle still. It does not count as idle until it has
    /// thought about that.
    pub(crate) fn ask_to_yield(&self) {
        self.set_idle(false);
        self.outbox.ask(Wish::Yield);
    }

    pub(super) fn set_idle(&self, is_idle: bool) {
        self.is_idle.store(is_idle, Ordering::Relaxed);
    }
}
