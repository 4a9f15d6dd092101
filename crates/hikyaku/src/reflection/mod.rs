//! Server reflection: a running server tells its services, methods and messages.
//!
//! One line adds it, under its name of today and its old one (v1 and v1alpha, which are the same on
//! the wire). It describes every service of the server that has a descriptor set, itself included.
//!
//! ```no_run
//! # async fn run() -> Result<(), hikyaku::server::ServeError> {
//! hikyaku::Server::new()
//!     // .add(your services)
//!     .add(hikyaku::reflection::service())
//!     .serve("[::]:1234")
//!     .await
//! # }
//! ```
//!
//! Spec: grpc/reflection/v1/reflection.proto, gRFC A15.

mod index;
mod service;

mod generated_v1 {
    include!("generated/v1.rs");
}
mod generated_v1alpha {
    include!("generated/v1alpha.rs");
}

/// Messages and clients of `grpc.reflection.v1`.
pub mod v1 {
    pub use super::generated_v1::grpc::reflection::v1::*;
}

/// Messages and clients of `grpc.reflection.v1alpha`, for servers that know no other.
pub mod v1alpha {
    pub use super::generated_v1alpha::grpc::reflection::v1alpha::*;
}

pub use service::{Reflection, service};
