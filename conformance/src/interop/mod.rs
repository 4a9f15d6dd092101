//! gRPC's official interop cases: `interop-server` serves `grpc.testing.TestService`,
//! `interop-client` plays one case against somebody's server.

mod cases;
mod certificates;
mod compressed;
mod endings;
mod flags;
mod metadata;
mod payload;
mod serve;
mod service;
mod soak;
mod streams;
mod unary;
mod verdict;

use std::error::Error;

use clap::Parser;

use flags::Command;

mod proto {
    hikyaku::include_proto!();
    pub(super) use grpc::testing::*;
}

/// Does what the command line asks for; what it does not understand ends the program with code 2.
///
/// # Errors
/// The case has failed, or there is nothing to serve with.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    match Command::parse() {
        Command::Server(flags) => serve::serve(&flags).await,
        Command::Client(flags) => {
            let case = flags.test_case;
            cases::play(case, &flags).await?;
            println!("ok {case}");
            Ok(())
        }
        Command::Certificates { folder } => certificates::write(&folder),
    }
}
