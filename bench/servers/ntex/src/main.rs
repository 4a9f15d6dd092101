//! ntex-grpc under test.
//!
//! Its best settings: mimalloc, fat LTO, `TCP_NODELAY` (which it always sets), ntex's own runtime on
//! epoll, bodies and strings as slices of what was read, windows that hold the longest message of the
//! scenarios. `--threads` are its workers; beside them it has a thread that accepts and one that
//! waits. What would close idle connections is turned off.
//!
//! `bench.rs` and `helloworld.rs` are what `ntex-grpc` of ntex-grpc-codegen 1.0.0 makes of the
//! .proto files: it has no way to do that in a build script.

mod bench;
mod helloworld;
mod scenarios;

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;

use harness::{CONNECTION_WINDOW_LEN, MAX_MESSAGE_LEN, MAX_STREAMS, STREAM_WINDOW_LEN, Setup, Tls};
use ntex::server::Server;
use ntex::time::Seconds;
use ntex::{SharedCfg, service};
use ntex_grpc::server::GrpcServer;
use ntex_h2::ServiceConfig;
use ntex_tls::rustls::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use scenarios::{Greetings, Scenarios};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[ntex::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setup = Setup::from_args("hello echo down up both ping-pong wait burn record tls");
    let http2 = ServiceConfig::new()
        .set_max_concurrent_streams(MAX_STREAMS)
        .set_initial_window_size(STREAM_WINDOW_LEN.cast_signed())
        .set_initial_connection_window_size(CONNECTION_WINDOW_LEN.cast_signed())
        .set_max_inflight_messages(u16::MAX / 2)
        .set_capacity_timeout(Seconds::ZERO)
        .set_ping_timeout(Seconds::ZERO);
    let config = SharedCfg::new("bench").add(http2);
    let listener = TcpListener::bind(setup.listen)?;
    harness::announce(listener.local_addr()?);
    let builder = Server::builder()
        .workers(setup.threads)
        .max_connections(100_000);
    let builder = match &setup.tls {
        None => builder.listen("plain", listener, config, async |_| services())?,
        Some(files) => {
            let tls = tls(files)?;
            builder.listen("tls", listener, config, async move |_| {
                service(TlsAcceptor::new(tls.clone()))
                    .map_err(Box::<dyn Error>::from)
                    .and_then(services())
            })?
        }
    };
    Ok(builder.run().await?)
}

fn services() -> GrpcServer {
    GrpcServer::new(Greetings)
        .service(Scenarios)
        .max_message_size(MAX_MESSAGE_LEN)
}

fn tls(files: &Tls) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(&files.cert)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&files.key)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}
