//! The reference service of hikyaku: users, kept durably, over all four kinds of gRPC call.
//!
//! ```text
//! main -> cli -> serve ----> service, greeter -> store -> SQLite
//!             -> client ---> output
//!             -> transfer -> users_json
//! ```

mod chat;
pub mod cli;
pub mod client;
pub mod failure;
pub mod greeter;
pub mod limits;
pub mod logs;
pub mod output;
pub mod proto;
pub mod serve;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod tls;
pub mod transfer;
pub mod user;
pub mod users_json;
pub mod wire;
