//! Calls from code that is not async: plain functions, and streams of replies that are iterators.
//!
//! The connections live on one background thread of the process; each call parks the thread that
//! makes it. Do not use this inside an async task: it would block its worker.

mod channel;
mod replies;
mod requests;
mod wait;

pub use channel::Channel;
pub use replies::Replies;
pub use requests::IntoRequests;
