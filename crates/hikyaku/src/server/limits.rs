//! What a server allows its clients, and what its memory allows it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::http2;

/// Every number that the clients of a server can run into, with defaults that are safe on the open
/// internet.
///
/// What a client sees when it passes one stands in SECURITY.md.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// let server = hikyaku::Server::new().limits(|limits| {
///     limits.max_connections = 50_000;
///     limits.http2.max_concurrent_streams = 1000;
///     // Clients may stop reading for an hour, and keep what waits for them in our memory.
///     limits.http2.stall_timeout = Some(Duration::from_secs(3600));
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The limits of each connection: streams, windows, header lists, budgets, timers.
    pub http2: http2::Config,
    /// Bytes of one request message. 4 MiB by default; a longer one ends its call with
    /// RESOURCE_EXHAUSTED before it is read.
    pub max_message_len: usize,
    /// The longest time a call may take: the deadline of calls that have none or a later one. None
    /// by default. It ends its call with DEADLINE_EXCEEDED.
    pub max_timeout: Option<Duration>,
    /// Connections at a time. 10,000 by default: an idle one costs some KiB. When there are as many,
    /// a new one takes the place of the newest that is idle; without one, it is closed.
    pub max_connections: usize,
    /// TLS handshakes at a time. 1,000 by default; others wait, and the wait counts as part of the
    /// `handshake_timeout` that TLS, preface and SETTINGS have together.
    #[cfg(feature = "tls")]
    pub max_handshakes: usize,
    /// Bytes that all connections together may hold for their clients: what is being sent, what is
    /// unread, and a share for each connection and call. 256 MiB by default; an estimate, and
    /// without what handlers hold. Above it new calls are refused with REFUSED_STREAM, which clients
    /// may try again, on the connections that hold more than their fair share, and half above it on
    /// all; an eighth above it idle connections are closed, newest first.
    pub memory_budget_len: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            http2: default_http2(),
            max_message_len: crate::MAX_MESSAGE_LEN,
            max_timeout: None,
            max_connections: 10_000,
            #[cfg(feature = "tls")]
            max_handshakes: 1000,
            memory_budget_len: 256 * 1024 * 1024,
        }
    }
}

/// gRPC's own rules for connections (gRFC A8, gRFC A9).
fn default_http2() -> http2::Config {
    let mut http2 = http2::Config::default();
    http2.keepalive_interval = Some(Duration::from_secs(2 * 60 * 60));
    http2.keepalive_without_streams = true;
    http2.max_ping_strikes = Some(2);
    http2
}

/// What the connections of one server hold together.
#[derive(Debug)]
pub(crate) struct Memory {
    budget_len: usize,
    held_len: AtomicUsize,
    connection_count: AtomicUsize,
    pressed: Notify,
}

impl Memory {
    pub(crate) fn new(budget_len: usize) -> Self {
        Self {
            budget_len,
            held_len: AtomicUsize::new(0),
            connection_count: AtomicUsize::new(0),
            pressed: Notify::new(),
        }
    }

    /// A connection holds `now` bytes instead of `before`.
    pub(crate) fn change(&self, before: usize, now: usize) {
        if now < before {
            self.held_len.fetch_sub(before - now, Ordering::Relaxed);
            return;
        }
        let held_len = self.held_len.fetch_add(now - before, Ordering::Relaxed) + (now - before);
        if held_len > self.budget_len {
            self.warn(held_len, held_len - (now - before));
        }
        if self.is_far_over() {
            self.pressed.notify_one();
        }
    }

    fn warn(&self, held_len: usize, before: usize) {
        if before <= self.budget_len {
            let budget_len = self.budget_len;
            tracing::warn!(
                held_len,
                budget_len,
                "over the memory budget: connections with more than their share take no new calls"
            );
        }
    }

    /// A connection has come, which holds so much.
    pub(crate) fn enter(&self, held_len: usize) {
        self.connection_count.fetch_add(1, Ordering::Relaxed);
        self.change(0, held_len);
    }

    /// A connection has gone, which held so much.
    pub(crate) fn leave(&self, held_len: usize) {
        self.connection_count.fetch_sub(1, Ordering::Relaxed);
        self.change(held_len, 0);
    }

    /// Whether new calls have to be refused on a connection that holds as much as `own_len` says.
    /// Clients with little do not suffer for those with much.
    pub(crate) fn is_short_for(&self, own_len: impl FnOnce() -> usize) -> bool {
        let all_len = self.held_len.load(Ordering::Relaxed);
        if all_len <= self.budget_len {
            return false;
        }
        let share_len = self.budget_len / self.connection_count.load(Ordering::Relaxed).max(1);
        own_len() > share_len || all_len > self.budget_len.saturating_add(self.budget_len / 2)
    }

    /// Whether idle connections have to go.
    pub(crate) fn is_far_over(&self) -> bool {
        let held_len = self.held_len.load(Ordering::Relaxed);
        held_len > self.budget_len.saturating_add(self.budget_len / 8)
    }

    /// Waits until idle connections have to go.
    pub(crate) async fn pressed(&self) {
        self.pressed.notified().await;
    }
}
