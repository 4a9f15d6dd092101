//! tonic under test.
//!
//! Its best settings: mimalloc, fat LTO, `TCP_NODELAY`, bodies as `Bytes`, streams without boxes or
//! channels, windows that hold the longest message of the scenarios, which costs less than finding
//! them out; one thread is a runtime without workers.

mod bench;

use std::fs;

use harness::{CONNECTION_WINDOW_LEN, MAX_STREAMS, STREAM_WINDOW_LEN, Setup};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use pb::hello::greeter_server::{Greeter, GreeterServer};
use pb::hello::{HelloReply, HelloRequest};

mod pb {
    pub mod hello {
        tonic::include_proto!("helloworld");
    }
    pub mod bench {
        tonic::include_proto!("bench");
    }
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Greetings;

#[tonic::async_trait]
impl Greeter for Greetings {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.into_inner().name);
        Ok(Response::new(HelloReply { message }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setup = Setup::from_args("hello echo down up both ping-pong wait burn record tls");
    let mut server = Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_LEN)
        .initial_connection_window_size(CONNECTION_WINDOW_LEN);
    if let Some(tls) = setup.tls {
        let identity = Identity::from_pem(fs::read(tls.cert)?, fs::read(tls.key)?);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    runtime(setup.threads)?.block_on(async {
        let incoming = TcpIncoming::bind(setup.listen)?.with_nodelay(Some(true));
        harness::announce(incoming.local_addr()?);
        server
            .add_service(GreeterServer::new(Greetings))
            .add_service(bench::service())
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
    }
}
