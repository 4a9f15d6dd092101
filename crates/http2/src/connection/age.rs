//! How long a connection may be idle, and how old it may become.
//!
//! ```text
//! no stream for max_idle --> GOAWAY "max_idle" --+
//! max_age old -------------> GOAWAY "max_age" ---+--> open streams finish --> closed
//!                                                 \--max_age_grace--> closed all the same
//! ```
//!
//! A client's connection does not grow old; if it is idle for too long, it just ends.
//!
//! Spec: gRFC A9; connectivity-semantics-and-api.md. Chance is the owner's: it spreads `max_age` before it sets it.

use std::time::Instant;

use super::closing::Shutdown;
use super::{Connection, Role};
use crate::ErrorCode;

/// The moments from which is counted.
#[derive(Debug, Default)]
pub(super) struct Age {
    born: Option<Instant>,
    /// Since when no stream is open; nobody has looked yet if `None`.
    pub(super) idle_since: Option<Instant>,
    /// When `max_age` was over.
    old_since: Option<Instant>,
    was_idle: bool,
}

impl Connection {
    /// When the connection will be too old, too long idle, or long enough beyond that.
    pub(super) fn age_deadline(&mut self, now: &impl Fn() -> Instant) -> Option<Instant> {
        if let Some(old_since) = self.age.old_since {
            return old_since.checked_add(self.config.max_age_grace?);
        }
        if self.shutdown != Shutdown::None {
            return None;
        }
        let too_old = match self.config.max_age {
            Some(max) if self.role == Role::Server => {
                self.age.born.get_or_insert_with(now).checked_add(max)
            }
            Some(_) | None => None,
        };
        let too_idle = match self.config.max_idle {
            Some(max) if self.streams.is_empty() => {
                self.age.idle_since.get_or_insert_with(now).checked_add(max)
            }
            Some(_) | None => None,
        };
        too_old.into_iter().chain(too_idle).min()
    }

    pub(super) fn on_age_deadline(&mut self, now: Instant) {
        if self.age.old_since.is_some() {
            return self.close(ErrorCode::NO_ERROR, "max_age_grace");
        }
        let is_old = self
            .age
            .born
            .zip(self.config.max_age)
            .is_some_and(|(born, max)| now.saturating_duration_since(born) >= max);
        if is_old {
            self.age.old_since = Some(now);
            self.start_shutdown_for("max_age");
        } else {
            self.age.was_idle = true;
            self.start_shutdown_for("max_idle");
        }
    }

    /// Whether the connection ends, or has ended, because it was idle for `max_idle`.
    #[must_use]
    pub fn was_idle(&self) -> bool {
        self.age.was_idle
    }
}
