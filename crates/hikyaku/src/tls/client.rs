//! Whom a channel believes, and what it shows.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::TlsError;
use super::fault::{NoHttp2, explained};
use super::identity::Identity;
use super::roots::Roots;
use super::{ALPN_H2, provider};

/// The TLS of a channel. Without it, `https://` targets are checked against the system's roots.
///
/// # Example
/// ```
/// use hikyaku::tls::{ClientTls, Identity, Roots};
/// let tls = ClientTls::new()
///     .roots(Roots::from_file("ca.pem"))
///     .identity(Identity::from_files("me.pem", "me.key"))
///     .server_name("users.internal");
/// let builder = hikyaku::Channel::builder("https://10.0.0.7:1234").tls(tls);
/// ```
#[derive(Clone, Debug)]
#[must_use = "this is for a channel's builder"]
pub struct ClientTls {
    roots: Roots,
    identity: Option<Identity>,
    server_name: Option<String>,
}

impl Default for ClientTls {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientTls {
    /// The system's roots, no certificate of our own.
    pub fn new() -> Self {
        Self {
            roots: Roots::system(),
            identity: None,
            server_name: None,
        }
    }

    /// Believes these authorities instead of the system's.
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Shows this certificate to servers that ask for one.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Asks for, and checks, this name instead of the host in the target or in
    /// [`ChannelBuilder::authority`](crate::client::ChannelBuilder::authority). Requests still name
    /// that in `:authority`.
    pub fn server_name(mut self, name: &str) -> Self {
        self.server_name = Some(name.to_owned());
        self
    }

    /// Reads and checks everything, for servers called `host` if no other name was given.
    pub(crate) fn load(&self, host: &str) -> Result<Connector, TlsError> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let server_name =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName {
                name: name.to_owned(),
            })?;
        let roots = self.roots.read()?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Unusable {
                name: "TLS".to_owned(),
                what: error.to_string(),
            })?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| identity.refused(&error))?
            }
        };
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Connector {
            connector: TlsConnector::from(Arc::new(config)),
            server_name,
        })
    }
}

/// Makes the connections of one channel secure.
pub(crate) struct Connector {
    connector: TlsConnector,
    server_name: ServerName<'static>,
}

impl Connector {
    /// Shakes hands.
    ///
    /// # Errors
    /// What went wrong, in words about the server and its certificate.
    pub(crate) async fn secure<S>(&self, io: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connecting = self.connector.connect(self.server_name.clone(), io);
        let stream = connecting.await.map_err(in_words)?;
        match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Ok(stream),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, NoHttp2)),
        }
    }
}

fn in_words(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let what = "the server closed the connection in the middle of the TLS handshake";
        return io::Error::new(error.kind(), what);
    }
    explained(&error).unwrap_or(error)
}
