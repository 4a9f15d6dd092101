//! TLS as hikyaku has it: rustls on aws-lc-rs, ALPN `h2`.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A client that trusts the certificates in the file `ca`.
///
/// # Errors
/// Says what is wrong with the file.
pub fn connector(ca: &Path, alpn: Alpn) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots
            .add(certificate)
            .map_err(|error| format!("{}: {error}", ca.display()))?;
    }
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.protocols();
    // Each handshake is a whole one, so that connections are alike.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A server with the certificates in the file `cert` and the key in the file `key`.
///
/// # Errors
/// Says what is wrong with the files.
pub fn acceptor(cert: &Path, key: &Path, alpn: Alpn) -> Result<TlsAcceptor, String> {
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("{}: no private key in PEM: {error}", key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates(cert)?, private)
        .map_err(|error| format!("{} and {}: {error}", cert.display(), key.display()))?;
    config.alpn_protocols = alpn.protocols();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The name that a certificate has to be for: that of `host`, a name or an address.
///
/// # Errors
/// Says that it is neither.
pub fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{host:?} is no name that a certificate could be for"))
}

/// What is spoken inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    Http2,
    /// Plain bytes.
    Nothing,
}

impl Alpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http2 => vec![b"h2".to_vec()],
            Self::Nothing => Vec::new(),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let what = |error| format!("{}: no certificates in PEM: {error}", path.display());
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(what)?
        .collect::<Result<_, _>>()
        .map_err(what)?;
    match certificates.is_empty() {
        true => Err(format!("{} has no certificate in PEM", path.display())),
        false => Ok(certificates),
    }
}
