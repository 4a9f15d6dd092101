//! The programs that the Connect conformance suite drives: a server and a client of its service.
//!
//! ```text
//! runner --stdin--> serve  (one configuration)  --stdout--> runner    and calls it
//! runner --stdin--> calls  (call after call)    --stdout--> runner    and is called
//! ```
//!
//! Spec: connectrpc/conformance, docs/testing_servers.md, docs/testing_clients.md.

mod client;
mod codings;
mod failure;
mod headers;
mod invoke;
mod pipe;
mod serve;
mod service;
mod targets;
#[cfg(test)]
mod tests;

mod proto {
    //! The messages of `proto/`, as `build.rs` compiled them.

    hikyaku::include_proto!();
}

use std::time::Duration;

use hikyaku::buffa::type_registry::{TypeRegistry, set_type_registry};

pub(crate) use self::client::call;
use self::proto::connectrpc::conformance::v1 as suite;
pub(crate) use self::serve::serve;

/// Lets JSON look into an `Any`, which holds requests and error details.
fn register_types() {
    let mut types = TypeRegistry::new();
    suite::register_types(&mut types);
    hikyaku::buffa_types::register_wkt_types(&mut types);
    set_type_registry(types);
}

/// Waits for so many milliseconds.
async fn pause(millis: u32) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }
}
