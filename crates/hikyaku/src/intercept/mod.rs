//! Code around calls: [`Interceptor`]s, at a server and at a channel, for calls of all four kinds.
//!
//! An interceptor gets the [`Call`] before anything of it has happened, may look at it, change it or
//! refuse it, runs the rest of it, and gets its end: the trailers of a success or the status of a
//! failure.
//!
//! ```text
//! server: Server::intercept (first added) -> .. -> Intercepted::intercept -> .. -> handler
//! client: ChannelBuilder::intercept -> .. -> Channel::intercept -> .. -> connection
//! ```
//!
//! The first one added is the outermost: it sees a call first, and its end last. Messages and the
//! metadata of the answer are seen by hooks that an interceptor leaves with the call
//! ([`Call::on_request`], [`Call::on_head`], [`Call::on_reply`]), one message at a time, however
//! long the stream. Requests pass the outermost hook first, what comes back passes it last.
//!
//! # Example
//! ```
//! use std::time::Instant;
//! use hikyaku::intercept::{Call, Interceptor, Next};
//! use hikyaku::{Metadata, Server, Status};
//!
//! /// Lets in who knows the word.
//! struct Guard {
//!     word: String,
//! }
//!
//! impl Interceptor for Guard {
//!     async fn intercept(&self, mut call: Call, next: Next) -> Result<Metadata, Status> {
//!         if call.metadata().get("x-word") != Some(self.word.as_str()) {
//!             return Err(Status::unauthenticated("the word is missing or wrong"));
//!         }
//!         call.extensions_mut().insert(User("friend")); // a handler finds it in its request
//!         next.run(call).await
//!     }
//! }
//!
//! struct User(&'static str);
//!
//! // What needs no state can be a closure.
//! let timed = |call: Call, next: Next| async move {
//!     let (path, start) = (call.path(), Instant::now());
//!     let end = next.run(call).await;
//!     tracing::info!(path, took = ?start.elapsed(), failure = ?end.as_ref().err());
//!     end
//! };
//! let server = Server::new().intercept(timed).intercept(Guard { word: "please".into() });
//! ```
//!
//! # When a call just stops
//!
//! Dropping is cancelling, also here: a client that goes away, a server's deadline, a dropped future
//! or stream at a client drop the interceptors of a call wherever they wait. Whoever has to know,
//! keeps a value across [`Next::run`] whose `Drop` tells. A stream at a client has ended when its
//! end has been read; one that is dropped before was cancelled, as far as interceptors see.
//!
//! At a client a deadline also ends what interceptors do before they let the call begin; what they do
//! behind its end is theirs to limit.
//!
//! # What is not seen
//!
//! A server's interceptors see the calls that get as far as a handler: none that name no method of
//! the server, or whose one request is too long or cannot be decoded. Of a call that a channel makes
//! again because a server did not look at it, a client's interceptors see one.
//!
//! # What it costs
//!
//! Without interceptors, nothing: the handlers and calls run as if this module did not exist. With
//! them a call costs one allocation for each of them and a handful for the call, and a streaming
//! call at a client a task, in which its interceptors run.

mod call;
mod chain;
mod extensions;
mod hooks;
mod kind;
mod message;
mod single;
#[cfg(feature = "tower")]
pub mod tower;

pub use call::{Call, Side};
pub(crate) use chain::{Boxed, Chain, End};
pub use chain::{Interceptor, Next};
pub use extensions::Extensions;
pub(crate) use hooks::{Hooks, Tapped};
pub use kind::Kind;
pub use message::Message;
pub(crate) use single::{no_reply, single};

pub use crate::server::intercepted::Intercepted;
