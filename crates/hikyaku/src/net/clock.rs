//! What time it is.

use std::time::Instant;

/// The present moment, by the runtime's clock: tests stop and turn that one.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
