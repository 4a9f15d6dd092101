//! Certificates: those the server shows and asks for, and those the client believes and shows.

use hikyaku::client::ChannelBuilder;
use hikyaku::tls::{ClientTls, Identity, Roots, ServerTls};
use hikyaku::{Channel, Server};

use crate::cli::{Cli, Serve};
use crate::failure::Failure;

/// A server, with TLS if the command line has certificates. Inside a runtime: SIGHUP reloads them.
///
/// # Errors
/// [`Failure::Failed`], naming the file and what is wrong with it.
pub fn server(serve: &Serve) -> Result<Server, Failure> {
    let (Some(cert), Some(key)) = (&serve.tls_cert, &serve.tls_key) else {
        return Ok(Server::new());
    };
    let mut tls = ServerTls::builder(Identity::from_files(cert, key));
    if let Some(roots) = &serve.client_ca {
        tls = tls.require_client_certificates(Roots::from_file(roots));
    }
    let tls = tls.load().map_err(|error| Failure::of("TLS", error))?;
    reload_at_signal(tls.clone()).map_err(|error| Failure::of("signals", error))?;
    Ok(Server::new().tls(tls))
}

/// A channel to the server of the command line.
pub fn channel(cli: &Cli) -> ChannelBuilder {
    let builder = Channel::builder(&cli.server);
    let mut tls = ClientTls::new();
    if let Some(roots) = &cli.ca {
        tls = tls.roots(Roots::from_file(roots));
    }
    if let (Some(cert), Some(key)) = (&cli.cert, &cli.key) {
        tls = tls.identity(Identity::from_files(cert, key));
    }
    if let Some(name) = &cli.server_name {
        tls = tls.server_name(name);
    }
    let is_plain = cli.ca.is_none() && cli.cert.is_none() && cli.server_name.is_none();
    if is_plain { builder } else { builder.tls(tls) }
}

#[cfg(unix)]
fn reload_at_signal(tls: ServerTls) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => tracing::info!("certificates reloaded"),
                Err(error) => tracing::error!(%error, "certificates not reloaded"),
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn reload_at_signal(_: ServerTls) -> std::io::Result<()> {
    Ok(())
}
