//! What interceptors left with a call, to see its messages and the head of its answer.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::message::Message;
use crate::net::mailbox::Mailbox;
use crate::{Metadata, Status};

/// The hooks of one call. Shared by the call and its streams; each list is used by one of them at a
/// time, so that no lock is ever waited for.
#[derive(Default)]
pub(crate) struct Hooks {
    requests: Mutex<Vec<OnMessage>>,
    /// None once they have run.
    head: Mutex<Heads>,
    replies: Mutex<Vec<OnMessage>>,
    /// What a hook has refused a message with: the call ends with it.
    fault: OnceLock<Status>,
}

type OnMessage = Box<dyn FnMut(&mut Message<'_>) -> Result<(), Status> + Send>;
type OnHead = Box<dyn FnOnce(&mut Metadata) + Send>;

enum Heads {
    Due(Vec<OnHead>),
    Seen,
}

impl Default for Heads {
    fn default() -> Self {
        Self::Due(Vec::new())
    }
}

impl Hooks {
    pub(super) fn add_request(&self, hook: OnMessage) {
        lock(&self.requests).push(hook);
    }

    pub(super) fn add_head(&self, hook: OnHead) {
        if let Heads::Due(hooks) = &mut *lock(&self.head) {
            hooks.push(hook);
        }
    }

    pub(super) fn add_reply(&self, hook: OnMessage) {
        lock(&self.replies).push(hook);
    }

    /// Shows a request to the hooks, the outermost first.
    ///
    /// # Errors
    /// What a hook refuses it with; repeated for ever.
    pub(crate) fn request<T: 'static>(&self, request: &mut T) -> Result<(), Status> {
        self.show(request, lock(&self.requests).iter_mut())
    }

    /// Shows a reply to the hooks, the innermost first.
    ///
    /// # Errors
    /// What a hook refuses it with; repeated for ever.
    pub(crate) fn reply<T: 'static>(&self, reply: &mut T) -> Result<(), Status> {
        self.show(reply, lock(&self.replies).iter_mut().rev())
    }

    fn show<'a, T: 'static>(
        &self,
        message: &mut T,
        mut hooks: impl Iterator<Item = &'a mut OnMessage>,
    ) -> Result<(), Status> {
        self.check()?;
        hooks
            .try_for_each(|hook| hook(&mut Message::new(message)))
            .inspect_err(|status| _ = self.fault.set(status.clone()))
    }

    /// Fails once a message has been refused.
    ///
    /// # Errors
    /// What it was refused with.
    pub(crate) fn check(&self) -> Result<(), Status> {
        self.fault.get().cloned().map_or(Ok(()), Err)
    }

    /// Shows the metadata before the first reply to the hooks, the innermost first; once.
    pub(crate) fn head(&self, metadata: &mut Metadata) {
        let hooks = mem::replace(&mut *lock(&self.head), Heads::Seen);
        if let Heads::Due(hooks) = hooks {
            hooks.into_iter().rev().for_each(|hook| hook(metadata));
        }
    }

    /// Whether the hooks have seen the metadata, so that it is too late to set other.
    pub(crate) fn has_seen_head(&self) -> bool {
        matches!(*lock(&self.head), Heads::Seen)
    }

    /// At a server: shows the hooks the metadata that waits in the mailbox, before it is sent.
    pub(crate) fn head_of(&self, mailbox: &Mailbox) {
        if !self.has_seen_head() {
            // No hook runs while the mailbox is locked: its connection would wait for it.
            let mut head = mailbox
                .outbound()
                .head
                .as_mut()
                .map(mem::take)
                .unwrap_or_default();
            self.head(&mut head);
            if let Some(place) = &mut mailbox.outbound().head {
                *place = head;
            }
        }
    }
}

/// A stream's way to the hooks. As with its codec, the stream knows a function for its messages.
pub(crate) struct Tapped<T> {
    hooks: Arc<Hooks>,
    show: fn(&Hooks, &Mailbox, &mut T) -> Result<(), Status>,
}

impl<T: 'static> Tapped<T> {
    /// For requests, at both ends.
    pub(crate) fn requests(hooks: Arc<Hooks>) -> Self {
        Self {
            hooks,
            show: |hooks, _, request| hooks.request(request),
        }
    }

    /// For replies that a server is about to send, with the head before the first of them.
    pub(crate) fn replies(hooks: Arc<Hooks>) -> Self {
        Self {
            hooks,
            show: |hooks, mailbox, reply| {
                hooks.head_of(mailbox);
                hooks.reply(reply)
            },
        }
    }

    /// For replies that a client has got.
    pub(crate) fn answers(hooks: Arc<Hooks>) -> Self {
        Self {
            hooks,
            show: |hooks, _, reply| hooks.reply(reply),
        }
    }
}

impl<T> Tapped<T> {
    pub(crate) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// Shows a message to the hooks.
    ///
    /// # Errors
    /// What a hook refuses it with.
    pub(crate) fn show(&self, mailbox: &Mailbox, message: &mut T) -> Result<(), Status> {
        (self.show)(&self.hooks, mailbox, message)
    }
}

impl<T> std::fmt::Debug for Tapped<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tapped")
    }
}

/// A hook that panicked has ended its call, and what it saw is of no more use to anyone.
fn lock<T>(hooks: &Mutex<T>) -> MutexGuard<'_, T> {
    hooks.lock().unwrap_or_else(PoisonError::into_inner)
}
