//! Health: a server tells load balancers and orchestrators whether it can take calls.
//!
//! ```no_run
//! # async fn run() -> Result<(), hikyaku::server::ServeError> {
//! use hikyaku::health::Health;
//!
//! let health = Health::new();
//! let server = hikyaku::Server::new()
//!     // .add(your services)
//!     .add(health.service());
//! tokio::spawn(async move {
//!     // The database has gone, say:
//!     health.set_not_serving("shop.Orders");
//! });
//! server.serve("[::]:1234").await
//! # }
//! ```
//!
//! Spec: health-checking.md, grpc/health/v1/health.proto, gRFC A90.

mod service;

mod generated {
    include!("generated/v1.rs");
}

/// Messages and clients of `grpc.health.v1`.
pub mod v1 {
    pub use super::generated::grpc::health::v1::*;
}

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

pub use service::HealthService;

/// What a server says of its health. Cheap to clone; all clones are the same.
///
/// The server as a whole, whose name is empty, is serving until it is told otherwise. So are the
/// services it has, which are as healthy as the whole server unless they are set themselves. When the
/// server shuts down, all are not serving, whatever was set.
///
/// # Example
/// ```
/// let health = hikyaku::health::Health::new();
/// let server = hikyaku::Server::new().add(health.service());
/// health.set_not_serving("shop.Orders");
/// health.set_serving("shop.Orders");
/// ```
#[derive(Clone)]
pub struct Health {
    board: Arc<watch::Sender<Board>>,
}

/// All that was set.
#[derive(Clone, Debug, Default)]
struct Board {
    services: BTreeMap<String, Condition>,
    is_shut_down: bool,
}

/// Whether a service can take calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Serving,
    NotServing,
}

/// The name of the server as a whole.
const WHOLE_SERVER: &str = "";

impl Health {
    /// The health of a server that is serving.
    #[must_use]
    pub fn new() -> Self {
        let mut board = Board::default();
        board
            .services
            .insert(WHOLE_SERVER.to_owned(), Condition::Serving);
        Self {
            board: Arc::new(watch::Sender::new(board)),
        }
    }

    /// The service that tells it, to be added to a [`Server`](crate::Server).
    #[must_use]
    pub fn service(&self) -> HealthService {
        HealthService::new(self.clone())
    }

    /// Says that a service can take calls. `service` is its full name, empty for the whole server.
    pub fn set_serving(&self, service: &str) {
        self.set(service, Condition::Serving);
    }

    /// Says that a service cannot take calls.
    pub fn set_not_serving(&self, service: &str) {
        self.set(service, Condition::NotServing);
    }

    /// Takes back what was said of a service.
    pub fn forget(&self, service: &str) {
        self.board
            .send_if_modified(|board| board.services.remove(service).is_some());
    }

    /// Says that nothing can take calls, until [`Health::resume`]: what is said meanwhile counts
    /// afterwards. A server that shuts down gracefully does this by itself; do it earlier to let load
    /// balancers turn away first.
    pub fn shut_down(&self) {
        self.set_shut_down(true);
    }

    /// Says again what was said before [`Health::shut_down`].
    pub fn resume(&self) {
        self.set_shut_down(false);
    }

    fn set(&self, service: &str, condition: Condition) {
        self.board.send_if_modified(|board| {
            board.services.insert(service.to_owned(), condition) != Some(condition)
        });
    }

    fn set_shut_down(&self, yes: bool) {
        self.board
            .send_if_modified(|board| std::mem::replace(&mut board.is_shut_down, yes) != yes);
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Health")
            .field(&*self.board.borrow())
            .finish()
    }
}
