//! Whole calls, from a client's code through both connections to a handler and back, in one process
//! and on a stopped clock.

mod in_memory;

mod back_pressure;
mod bad_network;
mod cancellation;
mod deadlines;
mod kinds;
mod leftovers;
mod limits;
mod metadata;
mod panics;
mod raw_client;
mod raw_server;
mod reconnecting;
mod routing;
mod shutdown;
mod status;
