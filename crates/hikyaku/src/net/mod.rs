//! What owns sockets: the task of a connection, and how the rest of the program talks to it.
//!
//! ```text
//! application <-> mailbox (one a call) <-> driver (one a connection) <-> hikyaku_http2 <-> socket
//!                    \-- rings the outbox --/
//! ```

mod block;
pub(crate) mod chance;
pub(crate) mod clock;
pub(crate) mod driver;
pub(crate) mod hashing;
pub(crate) mod loss;
pub(crate) mod mailbox;
pub(crate) mod outbox;
pub(crate) mod outgoing;
mod pool;
pub(crate) mod receiver;
pub(crate) mod replay;
pub(crate) mod timers;
pub(crate) mod turn;
