//! The hold an application has on a call.

use std::sync::Arc;

use super::shared::Lease;
use crate::Metadata;
use crate::net::mailbox::Mailbox;

/// Ends a call when the application lets go of it, and keeps its channel alive until then.
#[derive(Debug)]
pub(crate) struct CallGuard {
    _lease: Arc<Lease>,
    mailbox: Arc<Mailbox>,
}

impl CallGuard {
    pub(crate) fn new(lease: Arc<Lease>, mailbox: Arc<Mailbox>) -> Self {
        Self {
            _lease: lease,
            mailbox,
        }
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// What the server sent before its first message; empty before that is there.
    pub(crate) fn head(&self) -> Metadata {
        self.mailbox
            .head()
            .map(Metadata::received)
            .unwrap_or_default()
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.mailbox.update(|outbound| outbound.cancelled = true);
    }
}
