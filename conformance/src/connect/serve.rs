//! The server: told once what to serve, it serves until it is killed.

use std::error::Error;

use hikyaku::Server;
use hikyaku::server;
use hikyaku::tls::{Identity, Roots, ServerTls, TlsError};

use super::service::Conformance;
use super::suite::{ConformanceServiceServer, ServerCompatRequest, ServerCompatResponse, TLSCreds};
use super::{pipe, register_types};

/// Reads what to serve, says where it is, and serves it.
pub(crate) async fn serve() -> Result<(), Box<dyn Error>> {
    register_types();
    let wanted: ServerCompatRequest = pipe::read(&mut tokio::io::stdin())
        .await?
        .ok_or("the runner said nothing")?;
    let mut server = Server::new().add(ConformanceServiceServer::new(Conformance));
    if wanted.message_receive_limit > 0 {
        server = server.max_message_len(usize::try_from(wanted.message_receive_limit)?);
    }
    let mut pem_cert = Vec::new();
    if wanted.use_tls {
        let creds = wanted.server_creds.into_option();
        let creds = creds.ok_or("TLS is wanted, but there is no certificate")?;
        server = server.tls(tls(&creds, &wanted.client_tls_cert)?);
        pem_cert = creds.cert;
    }
    let listener = server::bind("127.0.0.1:0").await?;
    let answer = ServerCompatResponse {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr()?.port().into(),
        pem_cert,
        ..Default::default()
    };
    pipe::write(&mut tokio::io::stdout(), &answer).await?;
    server.serve_listener(listener).await?;
    Ok(())
}

/// Clients have to show a certificate if there is a root for theirs.
fn tls(creds: &TLSCreds, client_root: &[u8]) -> Result<ServerTls, TlsError> {
    let mut tls = ServerTls::builder(Identity::from_pem(&creds.cert, &creds.key));
    if !client_root.is_empty() {
        tls = tls.require_client_certificates(Roots::from_pem(client_root));
    }
    tls.load()
}
