//! gRPC for Rust: fast, complete, safe, with nothing to install but Rust.
//!
//! A service is described in a `.proto`, which `hikyaku-build` turns into a trait to implement and a
//! client to call, in `build.rs` and without protoc:
//!
//! ```ignore
//! // build.rs
//! fn main() -> hikyaku_build::Result {
//!     hikyaku_build::compile(["proto/helloworld.proto"])
//! }
//! ```
//!
//! ```no_run
//! # /* In this example the generated code is checked in:
//! mod proto {
//!     hikyaku::include_proto!();
//! }
//! # */ mod proto { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/proto/generated.rs")); }
//! use hikyaku::{Channel, Request, Response, Server, Status};
//! use proto::helloworld::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
//!
//! struct Hello;
//!
//! impl Greeter for Hello {
//!     async fn say_hello(
//!         &self,
//!         request: Request<HelloRequest>,
//!     ) -> Result<Response<HelloReply>, Status> {
//!         let message = format!("Hello {}!", request.message().name);
//!         Ok(HelloReply { message, ..Default::default() }.into())
//!     }
//! }
//!
//! async fn serve() -> Result<(), hikyaku::server::ServeError> {
//!     Server::new().add(GreeterServer::new(Hello)).serve("[::]:50051").await
//! }
//!
//! async fn call() -> Result<(), Status> {
//!     let greeter = GreeterClient::new(Channel::connect("http://localhost:50051").await?);
//!     let request = HelloRequest { name: "you".into(), ..Default::default() };
//!     println!("{}", greeter.say_hello(request).await?.message().message);
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! # Where things are
//!
//! - [`Server`] and [`server`]: services, requests, replies.
//! - [`Channel`] and [`client`]: calls; [`blocking`]: the same without async.
//! - [`Request`], [`Response`], [`Metadata`], [`Status`]: what a call carries; [`View`]: a message
//!   that is read where it arrived.
//! - [`intercept`]: code around calls, at a server and at a channel.
//! - [`context`]: what a handler's calls inherit, tasks of a call, work that runs to its end.
//! - [`error_details`]: what a status tells programs, by `google.rpc`'s messages.
//! - [`health`]: a running server tells whether it can take calls.
//! - [`reflection`]: a running server tells what it serves.
//! - `tls` (with the cargo feature `tls`): certificates of a server and of a channel.
//! - [`compression`]: shorter messages, by codings that are cargo features or your own.
//! - [`codec`]: another message format than protobuf, or JSON beside it.
//!
//! # What a call keeps to
//!
//! - **A deadline covers the whole call**, streams included, on both ends; it is sent on the wire.
//! - **Dropping is cancelling**: a dropped call resets its stream, a reset stream drops its handler.
//! - **A call made in a handler belongs to the handler's call**: it ends with it, and by its deadline.
//! - **Sending waits for the receiver**: window, write buffer and socket are one chain.
//! - **A handler is first polled in its connection's task**, and moves to a task of its own only if
//!   it has to wait. A handler that computes for long should use `tokio::task::spawn_blocking`.
//! - **A panic in a handler ends that call alone**, with UNKNOWN.
#![forbid(unsafe_code)]

pub mod blocking;
mod call;
pub mod client;
pub mod codec;
pub mod compression;
pub mod context;
pub mod error_details;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
mod include;
pub mod intercept;
mod net;
pub mod http2 {
    //! The HTTP/2 below: what of it can be configured, by [`Limits`](crate::server::Limits).

    pub use hikyaku_http2::Config;
}
pub mod reflection;
mod request;
pub mod server;
#[cfg(feature = "tls")]
pub mod tls;
mod view;

pub use call::{BadMetadata, Code, Metadata, Origin, Status, Value};
pub use client::Channel;
pub use request::{Request, Response};
pub use server::Server;
pub use view::View;

// What generated code stands on, so that its users need no other dependency than this crate.
#[cfg(feature = "json")]
#[doc(hidden)]
pub use serde;
#[doc(hidden)]
pub use {buffa, buffa_descriptor, buffa_types};

/// Bytes a received message may have at most, unless told otherwise: 4 MiB, as in every gRPC.
pub(crate) const MAX_MESSAGE_LEN: usize = 4 * 1024 * 1024;
