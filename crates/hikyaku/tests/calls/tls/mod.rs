//! TLS: who believes whom, who is refused, and that nobody else notices.

mod authority;
mod certificates;
mod configuration;
mod handshakes;

use std::sync::Arc;

use hikyaku::client::ChannelBuilder;
use hikyaku::tls::{ClientTls, Roots, ServerTls};
use hikyaku::{Channel, Server};
use hikyaku_testkit::Live;
use hikyaku_testkit::link::End;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::in_memory::{Calling, Calls, Network};
pub(crate) use authority::{Authority, Issued};

const SQUARE: &str = "/test.Calls/Square";

/// The TLS of a server with a good certificate.
fn server_tls(authority: &Authority) -> ServerTls {
    let issued = authority.issue("server.test");
    ServerTls::builder(issued.identity()).load().unwrap()
}

/// A server with TLS, in memory.
fn serving(tls: ServerTls) -> Network {
    let network = Network::new();
    network.serve(server().tls(tls));
    network
}

fn server() -> Server {
    Server::new().add(Calls::four_kinds(&Live::new()))
}

/// A channel to `https://server.test`, whatever listens there.
fn builder(network: &Network) -> ChannelBuilder {
    let network = network.clone();
    Channel::builder("https://server.test:1").transport(move || network.clone().connect())
}

/// A client that believes an authority.
fn trusting(authority: &Authority) -> ClientTls {
    ClientTls::new().roots(Roots::from_pem(authority.pem()))
}

async fn assert_serves(network: &Network, tls: ClientTls) {
    let channel = builder(network).tls(tls).connect().await.unwrap();
    let answer = channel.ask(SQUARE, 7).await.unwrap();
    assert_eq!(answer.into_message(), 49);
}

/// A connection whose TLS the test makes itself, offering these protocols.
async fn raw_tls(
    network: &Network,
    authority: &Authority,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<End>> {
    let io = network.clone().connect().await.unwrap();
    raw_tls_over(io, authority, protocols).await
}

async fn raw_tls_over(
    io: End,
    authority: &Authority,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<End>> {
    let mut config = rustls::ClientConfig::builder_with_provider(authority::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.store())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("server.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, io).await
}
