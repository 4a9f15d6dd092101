//! Our side of the interop suite: `hikyaku-interop server` serves interop.Interop,
//! `hikyaku-interop client` calls it at another's server and says how each case went.

#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

mod client;
mod service;

use std::error::Error;
use std::process::ExitCode;

use crate::proto::interop::InteropServer;
use crate::service::Suite;

mod proto {
    hikyaku::include_proto!();
}

const USAGE: &str = "\
Usage: hikyaku-interop server [--listen HOST:PORT]
       hikyaku-interop client --server URL

The server prints `listening on HOST:PORT` once it accepts.
The client prints `ok NAME` or `FAILED NAME: why` for every case.
";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["server"] => serve("127.0.0.1:0").await,
        ["server", "--listen", address] => serve(address).await,
        ["client", "--server", url] => client::run(url).await,
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
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

/// Serves until it is killed.
async fn serve(address: &str) -> Result<bool, Box<dyn Error>> {
    let listener = hikyaku::server::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    hikyaku::Server::new()
        .add(InteropServer::new(Suite::default()))
        .add(hikyaku::reflection::service())
        .serve_listener(listener)
        .await?;
    Ok(true)
}
