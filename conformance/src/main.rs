//! What the suites of other projects drive: `hikyaku-conformance http2` is a server to test,
//! `hikyaku-conformance fetch` a client, `hikyaku-conformance differential` what other
//! implementations are compared with; `hikyaku-conformance server` and `hikyaku-conformance client`
//! are for the Connect conformance suite, `hikyaku-conformance interop-server` and `interop-client`
//! are the two ends of gRPC's official interop cases.

#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

mod connect;
mod differential;
mod fetch;
mod interop;

use std::error::Error;
use std::process::ExitCode;

use hikyaku::Server;
use hikyaku::server::{HttpRequest, HttpResponse};

const USAGE: &str = "\
Usage: hikyaku-conformance http2 [--listen HOST:PORT]
       hikyaku-conformance fetch URL
       hikyaku-conformance differential
       hikyaku-conformance server
       hikyaku-conformance client
       hikyaku-conformance interop-server [--port N] [--use_tls ...]
       hikyaku-conformance interop-client --test_case NAME [--server_host H] [--server_port N] ...
       hikyaku-conformance interop-certificates --folder FOLDER

http2 serves plain HTTP/2 at / and prints `listening on HOST:PORT` once it accepts.
fetch asks for URL once, and keeps the connection until the server ends it or says nothing for two
seconds. It prints what it got.
differential answers the batches of conformance/differential/ on its standard input.
server and client are what the Connect conformance suite tests: told by it, on their standard input,
what to serve and what to call.
interop-server and interop-client are the ends of gRPC's official interop cases; `--help` says more.
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["http2"] => serve("127.0.0.1:0").await,
        ["http2", "--listen", address] => serve(address).await,
        ["fetch", url] => fetch::fetch(url).await,
        ["differential"] => differential::answer(),
        ["server"] => connect::serve().await,
        ["client"] => connect::call().await,
        [
            "interop-server" | "interop-client" | "interop-certificates",
            ..,
        ] => interop::run().await,
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is killed: a gRPC server without services, so that every request is a plain one.
async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let listener = hikyaku::server::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Server::new()
        .fallback(answer)
        .serve_listener(listener)
        .await?;
    Ok(())
}

/// The suites ask for `/` only, and want a body of some bytes to cut into frames.
fn answer(request: HttpRequest) -> HttpResponse {
    match (request.method(), request.path()) {
        ("GET" | "HEAD" | "POST", "/") => HttpResponse::new(200)
            .with_field("content-type", "text/plain")
            .with_body("The couriers run.\n"),
        (_, "/") => HttpResponse::new(405).with_field("allow", "GET, HEAD, POST"),
        _ => HttpResponse::new(404),
    }
}
