//! Messages that are compressed, and messages in JSON, on every way a call can go.

mod calls;
mod client;
mod fairness;
mod formats;
mod server;
mod service;

pub(crate) use service::{Runs, codings, mirror};
