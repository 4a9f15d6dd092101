//! How tasks of the application tell the task of a connection that a mailbox wants it.
//!
//! A list of rung mailboxes and the driver's waker. While the driver runs there is no waker in it,
//! so a handler polled inside the driver rings without waking anyone: the driver looks at the list
//! once more before it sleeps.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::mailbox::Mailbox;

/// The doorbell of one connection.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bell: Mutex<Bell>,
}

#[derive(Debug, Default)]
struct Bell {
    rung: Vec<Arc<Mailbox>>,
    /// There only while the driver sleeps.
    driver: Option<Waker>,
    /// Something has changed that the driver has to look at itself.
    is_nudged: bool,
    wish: Wish,
    closed: bool,
}

/// What the owner of the connection wants of its driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// Go on.
    #[default]
    Serve,
    /// Make room if there is no call: a wish of the moment, seen once.
    Yield,
    /// Take no new calls, finish those that run.
    Drain,
}

impl Outbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn bell(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a mailbox on the list and wakes the driver if it sleeps. Gives the mailbox back when
    /// the driver is gone.
    pub(crate) fn ring(&self, mailbox: Arc<Mailbox>) -> Result<(), Arc<Mailbox>> {
        let driver = {
            let mut bell = self.bell();
            if bell.closed {
                return Err(mailbox);
            }
            bell.rung.push(mailbox);
            bell.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(())
    }

    /// Asks the driver to drain; a wish only grows.
    pub(crate) fn ask(&self, wish: Wish) {
        let driver = {
            let mut bell = self.bell();
            bell.wish = bell.wish.max(wish);
            bell.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Wakes the driver for something that it finds without a mailbox.
    pub(crate) fn nudge(&self) {
        let driver = {
            let mut bell = self.bell();
            bell.is_nudged = true;
            bell.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Takes the rung mailboxes into the empty `into`, whose room is reused for the next ones.
    pub(crate) fn take(&self, into: &mut Vec<Arc<Mailbox>>) -> Wish {
        let mut bell = self.bell();
        bell.driver = None;
        bell.is_nudged = false;
        mem::swap(&mut bell.rung, into);
        let wish = bell.wish;
        if wish == Wish::Yield {
            bell.wish = Wish::Serve;
        }
        wish
    }

    /// Leaves the waker and lets the driver sleep, unless something came in since the last `take`.
    pub(crate) fn sleep(&self, driver: &Waker, seen: Wish) -> Sleep {
        let mut bell = self.bell();
        if bell.rung.is_empty() && bell.wish == seen && !bell.is_nudged {
            bell.driver = Some(driver.clone());
            Sleep::Sound
        } else {
            Sleep::Disturbed
        }
    }

    /// Ends the outbox: later rings fail. Gives back the mailboxes nobody will look at any more.
    pub(crate) fn close(&self) -> Vec<Arc<Mailbox>> {
        let mut bell = self.bell();
        bell.closed = true;
        bell.driver = None;
        mem::take(&mut bell.rung)
    }
}

/// Whether the driver may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// Nothing to do; the next ring wakes it.
    Sound,
    /// Something was rung meanwhile.
    Disturbed,
}
