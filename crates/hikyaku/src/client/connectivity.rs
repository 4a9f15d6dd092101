//! What a channel's connection is doing, for whoever wants to know.
//!
//! ```text
//!            a call, connect_now()         SETTINGS came
//!      Idle ----------------------> Connecting ---------> Ready
//!       ^                            ^      |               |
//!       |      after the backoff,    |      | failed        | lost without having been of use
//!       |      for the next call     |      v               |
//!       |                       TransientFailure <----------+
//!       +---- idle_timeout, the server's GOAWAY, lost ------+
//!
//!      any --the channel or its runtime has gone--> Shutdown
//! ```
//!
//! Spec: connectivity-semantics-and-api.md.

use tokio::sync::{Notify, watch};

/// What a channel's connection is doing.
///
/// # Example
/// ```
/// # hikyaku::server::runtime(1)?.block_on(async {
/// use hikyaku::client::ConnectivityState;
///
/// let channel = hikyaku::Channel::lazy("http://localhost:1")?;
/// assert_eq!(channel.state(), ConnectivityState::Idle);
/// # Ok::<(), hikyaku::client::ConnectError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectivityState {
    /// There is no connection, as nobody wants one.
    Idle,
    /// One is being made; calls wait for it.
    Connecting,
    /// There is one.
    Ready,
    /// Connecting has failed; calls fail until the next attempt, unless they
    /// [wait](crate::Request::wait_for_ready).
    TransientFailure,
    /// The channel will never connect again.
    Shutdown,
}

/// The state of one channel, and what its users wish of it.
#[derive(Debug)]
pub(crate) struct Connectivity {
    state: watch::Sender<ConnectivityState>,
    connect_wanted: Notify,
    hurry_wanted: Notify,
}

impl Connectivity {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(ConnectivityState::Idle),
            connect_wanted: Notify::new(),
            hurry_wanted: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> ConnectivityState {
        *self.state.borrow()
    }

    pub(crate) fn set(&self, state: ConnectivityState) {
        self.state.send_if_modified(|now| {
            let is_other = *now != state;
            *now = state;
            is_other
        });
    }

    /// The state, once it is not `known` any more.
    pub(crate) async fn other_than(&self, known: ConnectivityState) -> ConnectivityState {
        let mut states = self.state.subscribe();
        match states.wait_for(|state| *state != known).await {
            Ok(state) => *state,
            // It lives as long as this does.
            Err(_) => ConnectivityState::Shutdown,
        }
    }

    /// Somebody wants a connection, without a call yet.
    pub(crate) fn want_connection(&self) {
        if self.state() == ConnectivityState::Idle {
            self.connect_wanted.notify_one();
        }
    }

    pub(crate) async fn connection_wanted(&self) {
        self.connect_wanted.notified().await;
    }

    /// Somebody knows that the next attempt need not wait.
    pub(crate) fn want_hurry(&self) {
        if self.state() == ConnectivityState::TransientFailure {
            self.hurry_wanted.notify_one();
        }
    }

    pub(crate) async fn hurry_wanted(&self) {
        self.hurry_wanted.notified().await;
    }
}
