//! Compiles `.proto` files into Rust for [hikyaku], with nothing to install but Rust.
//!
//! # In a build script
//!
//! `Cargo.toml` needs two crates:
//!
//! ```toml
//! [dependencies]
//! hikyaku = "0.1"
//!
//! [build-dependencies]
//! hikyaku-build = "0.1"
//! ```
//!
//! `build.rs` names what to compile; imports follow by themselves:
//!
//! ```no_run
//! fn main() -> hikyaku_build::Result {
//!     hikyaku_build::compile(["proto/helloworld.proto"])
//! }
//! ```
//!
//! and one line includes all of it, with a module for each package:
//!
//! ```ignore
//! mod proto {
//!     hikyaku::include_proto!();
//! }
//! use proto::helloworld::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
//! ```
//!
//! Messages without a package are in `proto` itself. [`Config`] has the options; JSON and the text
//! format also need the feature `json` or `text` of hikyaku. Handlers of large requests may want
//! [`Config::view_requests`], which spares them every copy.
//!
//! # What a service becomes
//!
//! | for `service Greeter` | |
//! |---|---|
//! | `trait Greeter` | to implement, with plain `async fn` |
//! | `GreeterServer` | serves an implementation |
//! | `GreeterClient` | calls asynchronously |
//! | `GreeterBlockingClient` | calls from code that is not async; replies are an iterator |
//! | `FILE_DESCRIPTOR_SET` | the compiled files, for reflection |
//!
//! `rpc SayHello` is the method `say_hello`. Keywords become raw (`rpc Type` is `r#type`), and
//! what cannot be raw or is taken gets an underscore: `self_`, `new_`, `clone_`. Comments of the
//! .proto are the documentation, `option deprecated = true` is `#[deprecated]`. Fields are snake
//! case too: `userName` is `user_name`, and still `userName` in JSON.
//!
//! # proto2, proto3, editions
//!
//! proto2 and proto3 are compiled from source. A .proto with an `edition` comes in as a descriptor
//! set that protoc or buf made: [`Config::descriptor_set`].
//!
//! # As a plugin
//!
//! `protoc-gen-hikyaku` (`cargo install hikyaku-build`) writes the same code for protoc and buf:
//!
//! ```text
//! protoc --hikyaku_out=src/proto --hikyaku_opt=text=true -I proto proto/helloworld.proto
//! ```
//!
//! It writes one file, `hikyaku.rs`. In `buf.gen.yaml`, `strategy: all` gives it all files at
//! once.
//!
//! [hikyaku]: https://docs.rs/hikyaku

mod blocking;
mod client;
mod comments;
mod config;
mod diagnostic;
mod embed;
mod error;
mod generate;
mod names;
mod paths;
pub mod plugin;
mod reference;
mod server;
mod service;
mod source;
mod tree;

use std::path::PathBuf;

pub use config::Config;
pub use error::Error;

/// What compiling gives: nothing but files, or why there are none.
///
/// The `main` of a build script can return it.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Compiles `.proto` files and what they import into `OUT_DIR`, with the options of
/// [`Config::new`].
///
/// Imports are looked up in the folders of the files; [`Config::include`] says otherwise.
///
/// # Errors
/// See [`Config::compile`].
pub fn compile(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Result {
    Config::new().files(files).compile()
}
