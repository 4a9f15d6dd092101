//! Calls that have no stream yet: the channel is connecting, or the server's stream limit is
//! reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::shared::runtime_ended;
use crate::Status;
use crate::net::mailbox::Mailbox;
use crate::net::timers::Timers;

/// Calls in the order they were made, each with its deadline.
#[derive(Debug)]
pub(crate) struct Waiting {
    calls: BTreeMap<u64, (Arc<Mailbox>, Option<Instant>)>,
    timers: Timers<u64>,
    last_number: u64,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        Self {
            calls: BTreeMap::new(),
            timers: Timers::new(),
            last_number: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes a rung call that has not been opened: lets it wait, or ends it if it was cancelled.
    pub(crate) fn take_in(&mut self, mailbox: Arc<Mailbox>) {
        let mut outbound = mailbox.collect();
        let is_cancelled = outbound.cancelled;
        let Some(open) = &mut outbound.open else {
            return;
        };
        let deadline = open.deadline;
        if is_cancelled {
            let number = open.number;
            drop(outbound);
            self.remove(number);
            mailbox.fail(&call_dropped());
        } else if open.number == 0 {
            self.last_number += 1;
            open.number = self.last_number;
            drop(outbound);
            if let Some(deadline) = deadline {
                self.timers.insert(deadline, self.last_number);
            }
            self.calls.insert(self.last_number, (mailbox, deadline));
        }
    }

    /// The call that has waited longest.
    pub(crate) fn pop(&mut self) -> Option<Arc<Mailbox>> {
        let (number, (mailbox, deadline)) = self.calls.pop_first()?;
        if let Some(deadline) = deadline {
            self.timers.remove(deadline, number);
        }
        if let Some(open) = &mut mailbox.outbound().open {
            open.number = 0;
        }
        Some(mailbox)
    }

    /// Ends every call.
    pub(crate) fn fail_all(&mut self, status: &Status) {
        while let Some(mailbox) = self.pop() {
            mailbox.fail(status);
        }
    }

    /// Ends every call that is not to wait until there is a connection.
    pub(crate) fn fail_impatient(&mut self, status: &Status) {
        let is_impatient = |mailbox: &Mailbox| {
            let outbound = mailbox.outbound();
            !outbound
                .open
                .as_ref()
                .is_some_and(|open| open.waits_for_ready)
        };
        let calls = self.calls.iter();
        let impatient = calls
            .filter(|(_, (mailbox, _))| is_impatient(mailbox))
            .map(|(number, (mailbox, _))| (*number, Arc::clone(mailbox)));
        for (number, mailbox) in impatient.collect::<Vec<_>>() {
            self.remove(number);
            mailbox.fail(status);
        }
    }

    /// Ends the calls whose deadline has passed, and arms the timer for the next.
    pub(crate) fn poll_deadlines(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(number) = self.timers.poll_due(cx) {
            if let Some((mailbox, _)) = self.calls.remove(&number) {
                let status =
                    Status::deadline_exceeded("deadline exceeded before the call could be sent");
                mailbox.fail(&status.of_unprocessed());
            }
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some((_, Some(deadline))) = self.calls.remove(&number) {
            self.timers.remove(deadline, number);
        }
    }
}

/// The status of a call whose responses nobody waits for any more: its sender may still be there.
pub(crate) fn call_dropped() -> Status {
    Status::cancelled("the call was dropped")
}

impl Drop for Waiting {
    /// Calls wait to their end, unless the runtime ends first.
    fn drop(&mut self) {
        if !self.is_empty() {
            self.fail_all(&runtime_ended());
        }
    }
}
