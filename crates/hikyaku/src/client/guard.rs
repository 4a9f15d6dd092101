//! The hold an application has on a call.

use std::sync::Arc;

use super::shared::Lease;
use crate::Metadata;
use crate::net::mailbox::Mailbox;

/// Ends a call when the application lets go of it before its end has been read.
#[derive(Debug)]
pub(crate) struct Hold {
    mailbox: Arc<Mailbox>,
    is_over: bool,
}

impl Hold {
    pub(crate) const fn new(mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            is_over: false,
        }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The end of the call has been read: there is nothing to end any more.
    pub(crate) const fn let_go(&mut self) {
        self.is_over = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.is_over {
            self.mailbox.update(|outbound| outbound.cancelled = true);
        }
    }
}

/// The hold on a call that may outlive its channel, which it keeps alive.
#[derive(Debug)]
pub(crate) struct CallGuard {
    // Fields drop in this order: the call ends before its channel does.
    hold: Hold,
    _lease: Arc<Lease>,
}

impl CallGuard {
    pub(crate) fn new(lease: Arc<Lease>, mailbox: Arc<Mailbox>) -> Self {
        Self {
            hold: Hold::new(mailbox),
            _lease: lease,
        }
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.hold.mailbox
    }

    pub(crate) const fn hold_mut(&mut self) -> &mut Hold {
        &mut self.hold
    }

    /// What the server sent before its first message; empty before that is there.
    pub(crate) fn head(&self) -> Metadata {
        self.mailbox()
            .head()
            .map(Metadata::received)
            .unwrap_or_default()
    }
}
