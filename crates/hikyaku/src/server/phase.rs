//! How far a call is at a server.
//!
//! ```text
//! Collecting (one request) --\
//!                             >--> (Held) --> Running --> answered
//! Gathered (many requests) --/
//! ```

use std::sync::Arc;
use std::time::Instant;

use hikyaku_http2::{Body, Headers, StreamId};
use tokio::task::JoinHandle;

use super::answer::Head;
use super::lasting::Lasting;
use super::runner::Input;
use crate::call::message::Only;
use crate::call::server::Terms;
use crate::context::{Fate, Life, Over};
use crate::net::mailbox::Mailbox;
use crate::{Code, Status};

/// One call that has not been answered in full.
pub(super) struct Call {
    pub(super) deadline: Option<Instant>,
    /// Whether the client may still send.
    pub(super) request: Body,
    pub(super) terms: Terms,
    pub(super) phase: Phase,
}

pub(super) enum Phase {
    /// Waiting for the one request message.
    Collecting {
        method: usize,
        headers: Headers,
        only: Only,
        /// Bytes that have come and are still counted against the stream's window: all of a message
        /// that is incomplete, so that a hundred of them are not a hundred times the longest.
        held_len: usize,
    },
    /// About to start, with a stream of requests.
    Gathered {
        method: usize,
        headers: Headers,
        mailbox: Arc<Mailbox>,
    },
    /// Ready to start, as soon as one of too many handlers has ended.
    Held { start: Box<Start>, input: Input },
    /// The handler has been started, and is in a task of its own unless it has returned.
    Running {
        mailbox: Arc<Mailbox>,
        task: Option<Task>,
        head: Head,
    },
}

/// A handler in a task of its own.
pub(super) struct Task {
    pub(super) handle: JoinHandle<()>,
    /// What tells the handler that its call is over.
    pub(super) life: Arc<Life>,
}

impl Task {
    /// Drops the handler, or lets it run to its end if it has asked for that.
    fn cut(self, status: &Status, lasting: &Lasting) {
        let over = if status.code() == Code::DeadlineExceeded {
            Over::DeadlineExceeded
        } else {
            Over::Cancelled
        };
        if self.life.cut(over, &self.handle) == Fate::RunsOn {
            lasting.add(self.handle);
        }
    }
}

/// A handler about to be started.
pub(super) struct Start {
    pub(super) id: StreamId,
    pub(super) method: usize,
    pub(super) headers: Headers,
    pub(super) deadline: Option<Instant>,
    pub(super) request: Body,
    pub(super) terms: Terms,
    /// Whether the one request came compressed, and is so still.
    pub(super) is_compressed: bool,
    pub(super) mailbox: Option<Arc<Mailbox>>,
}

impl Phase {
    /// Stops the handler and tells its streams why. Says whether the headers have been sent.
    pub(super) fn cut(self, status: &Status, lasting: &Lasting) -> Head {
        match self {
            Self::Collecting { .. } => Head::Due,
            Self::Gathered { mailbox, .. } => {
                mailbox.fail(status);
                Head::Due
            }
            Self::Held { start, .. } => {
                if let Some(mailbox) = start.mailbox {
                    mailbox.fail(status);
                }
                Head::Due
            }
            Self::Running {
                mailbox,
                task,
                head,
            } => {
                mailbox.fail(status);
                if let Some(task) = task {
                    task.cut(status, lasting);
                }
                head
            }
        }
    }
}
