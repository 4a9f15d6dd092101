//! Our side of the interop suite: `hikyaku-interop server` serves interop.Interop,
//! `hikyaku-interop client` calls it at another's server and says how each case went.

#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

mod client;
mod service;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use hikyaku::Server;
use hikyaku::tls::{Identity, ServerTls};

use crate::client::CALL_TIME;
use crate::proto::interop::InteropServer;
use crate::service::Suite;

mod proto {
    hikyaku::include_proto!();
}

/// Our side of the interop suite.
#[derive(Parser)]
#[command(name = "hikyaku-interop")]
struct Cli {
    #[command(subcommand)]
    side: Side,
}

#[derive(Subcommand)]
enum Side {
    /// Serves interop.Interop; prints `listening on HOST:PORT` once it accepts
    Server {
        #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
        listen: String,
        /// Certificates of the server, PEM: TLS
        #[arg(long, value_name = "FILE", requires = "tls_key")]
        tls_cert: Option<PathBuf>,
        /// Private key of --tls-cert
        #[arg(long, value_name = "FILE", requires = "tls_cert")]
        tls_key: Option<PathBuf>,
    },
    /// Calls a server; prints `ok NAME` or `FAILED NAME: why` for every case
    Client(client::Target),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().side {
        Side::Server {
            listen,
            tls_cert,
            tls_key,
        } => serve(&listen, tls_cert.zip(tls_key)).await,
        Side::Client(target) => client::run(&target).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is killed, or told to shut down by a call.
async fn serve(address: &str, tls: Option<(PathBuf, PathBuf)>) -> Result<bool, Box<dyn Error>> {
    // So many PINGs, from either side, that every case which waits has some.
    let often = Duration::from_millis(100);
    let mut server = Server::new()
        .keepalive(often, CALL_TIME)
        .permit_keepalive(often / 2, true);
    if let Some((cert, key)) = tls {
        server = server.tls(ServerTls::builder(Identity::from_files(cert, key)).load()?);
    }
    let (suite, shutdown) = Suite::new();
    let listener = hikyaku::server::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    server
        .add(InteropServer::new(suite))
        .add(hikyaku::reflection::service())
        .serve_listener_with_shutdown(listener, shutdown)
        .await?;
    Ok(true)
}
