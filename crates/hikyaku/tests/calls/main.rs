//! Whole calls, from a client's code through both connections to a handler and back, in one process
//! and on a stopped clock.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what is not as expected fails the test"
)]

mod in_memory;

mod back_pressure;
mod bad_network;
mod batches;
mod cancellation;
mod causes;
mod compression;
mod connectivity;
mod dead_sockets;
mod deadlines;
mod fairness;
mod fallback;
mod flow_control;
mod good_clients;
mod good_traffic;
mod health;
mod hostile_server;
mod http2_interop;
mod inheritance;
mod interceptors;
mod keepalive;
mod kinds;
mod lasting;
mod late_answers;
mod leftovers;
mod limits;
mod metadata;
mod net_loopback;
mod orders;
mod panics;
mod patience;
mod pieces;
mod progress;
mod raw_client;
mod raw_server;
mod reconnecting;
mod reflection;
mod rotation;
mod routing;
mod server_limits;
mod settings;
mod shutdown;
mod status;
mod threads;
#[cfg(feature = "tls")]
mod tls;
mod unprocessed;
mod wire;
