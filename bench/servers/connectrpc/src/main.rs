//! connectrpc under test, by the gRPC protocol.
//!
//! Its best settings: mimalloc, fat LTO, `TCP_NODELAY` (which it always sets), services dispatched
//! by a `match` instead of the router's table, bodies as `Bytes`, requests read as views, windows that
//! hold the longest message of the scenarios, neither JSON nor compression; one thread is a runtime
//! without workers. What would close idle connections is turned off.

mod bench;

use std::error::Error;
use std::sync::Arc;

use connectrpc::{
    Chain, ConnectRpcService, Encodable, Limits, RequestContext, Response, Server, ServiceRequest,
    ServiceResult,
};
use harness::{CONNECTION_WINDOW_LEN, MAX_MESSAGE_LEN, MAX_STREAMS, STREAM_WINDOW_LEN, Setup, Tls};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use bench::Scenarios;
use pb::bench::BenchServer;
use pb::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};

mod pb {
    connectrpc::include_generated!("services.rs");
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Greetings;

impl Greeter for Greetings {
    async fn say_hello<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, HelloRequest>,
    ) -> ServiceResult<impl Encodable<HelloReply> + Send + use<'a>> {
        Response::ok(HelloReply {
            message: format!("Hello {}!", request.name),
            ..Default::default()
        })
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let setup = Setup::from_args("hello echo down up both ping-pong wait burn record tls");
    // A body is one message and what is around it.
    let limits = Limits::default()
        .with_max_message_size(MAX_MESSAGE_LEN)
        .with_max_request_body_size(MAX_MESSAGE_LEN + 5);
    let services = Chain(GreeterServer::new(Greetings), BenchServer::new(Scenarios));
    let service = ConnectRpcService::new(services).with_limits(limits);
    runtime(setup.threads)?.block_on(async {
        let listener = TcpListener::bind(setup.listen).await?;
        harness::announce(listener.local_addr()?);
        let mut server = Server::from_listener(listener)
            .with_header_read_timeout(None)
            .with_max_concurrent_streams(MAX_STREAMS)
            .with_http2_initial_stream_window_size(STREAM_WINDOW_LEN)
            .with_http2_initial_connection_window_size(CONNECTION_WINDOW_LEN);
        if let Some(files) = &setup.tls {
            server = server.with_tls(tls(files)?);
        }
        server.serve_with_service(service).await
    })
}

fn tls(files: &Tls) -> Result<Arc<ServerConfig>, Box<dyn Error + Send + Sync>> {
    let chain = CertificateDer::pem_file_iter(&files.cert)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&files.key)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
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
