//! What a server shows, and what it wants to see.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::TlsAcceptor;

use super::error::TlsError;
use super::identity::Identity;
use super::roots::Roots;
use super::{ALPN_H2, provider};

/// The TLS of a server: its certificate, and what it asks of its clients.
///
/// A clone is the same one: with it certificates are changed while the server runs. Connections that
/// are open keep what they have.
///
/// # Example
/// ```no_run
/// use hikyaku::tls::{Identity, ServerTls};
/// # fn run() -> Result<(), hikyaku::tls::TlsError> {
/// let tls = ServerTls::builder(Identity::from_files("server.pem", "server.key")).load()?;
/// let server = hikyaku::Server::new().tls(tls.clone());
/// // later, when the files have changed
/// tls.reload()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerTls {
    inner: Arc<Inner>,
}

struct Inner {
    /// Where the configuration comes from. Held while another one is made of it.
    source: Mutex<ServerTlsBuilder>,
    current: RwLock<Arc<ServerConfig>>,
}

impl ServerTls {
    /// TLS with a certificate, and without asking clients for theirs.
    pub fn builder(identity: Identity) -> ServerTlsBuilder {
        ServerTlsBuilder {
            identity,
            clients: Clients::Unknown,
        }
    }

    /// Reads all files again, for the connections from now on. Reads on this thread.
    ///
    /// # Errors
    /// [`TlsError`]; nothing has changed then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let source = self.inner.source.lock();
        let source = source.unwrap_or_else(PoisonError::into_inner);
        self.install(source.configure()?);
        Ok(())
    }

    /// Shows another certificate on the connections from now on; files are read again.
    ///
    /// # Errors
    /// [`TlsError`]; nothing has changed then.
    pub fn replace_identity(&self, identity: Identity) -> Result<(), TlsError> {
        let source = self.inner.source.lock();
        let mut source = source.unwrap_or_else(PoisonError::into_inner);
        let next = ServerTlsBuilder {
            identity,
            clients: source.clients.clone(),
        };
        self.install(next.configure()?);
        *source = next;
        Ok(())
    }

    fn install(&self, config: Arc<ServerConfig>) {
        let current = self.inner.current.write();
        *current.unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What the next connection is taken with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let current = self.inner.current.read();
        TlsAcceptor::from(Arc::clone(&current.unwrap_or_else(PoisonError::into_inner)))
    }

    /// Whether a client has agreed to HTTP/2.
    pub(crate) fn is_h2(alpn: Option<&[u8]>) -> bool {
        alpn == Some(ALPN_H2)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.inner.source.lock();
        let source = source.unwrap_or_else(PoisonError::into_inner);
        f.debug_tuple("ServerTls").field(&*source).finish()
    }
}

/// Makes a [`ServerTls`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it loads"]
pub struct ServerTlsBuilder {
    identity: Identity,
    clients: Clients,
}

/// Whether clients have to say who they are.
#[derive(Clone, Debug)]
enum Clients {
    Unknown,
    Asked(Roots),
    Required(Roots),
}

impl ServerTlsBuilder {
    /// Asks clients for a certificate of one of these authorities. One without a certificate is
    /// served; one with a bad one is not. See [`Request::peer_certificates`](crate::Request::peer_certificates).
    pub fn ask_for_client_certificates(mut self, roots: Roots) -> Self {
        self.clients = Clients::Asked(roots);
        self
    }

    /// Serves only clients with a certificate of one of these authorities.
    pub fn require_client_certificates(mut self, roots: Roots) -> Self {
        self.clients = Clients::Required(roots);
        self
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`TlsError`], naming the file and what is wrong with it.
    pub fn load(self) -> Result<ServerTls, TlsError> {
        let current = RwLock::new(self.configure()?);
        let source = Mutex::new(self);
        Ok(ServerTls {
            inner: Arc::new(Inner { source, current }),
        })
    }

    fn configure(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let verifier = match &self.clients {
            Clients::Unknown => Arc::new(NoClientAuth),
            Clients::Asked(roots) => verifier(roots, Anonymous::Welcome)?,
            Clients::Required(roots) => verifier(roots, Anonymous::Refused)?,
        };
        let (chain, key) = self.identity.read()?;
        let refused = |error: rustls::Error| self.identity.refused(&error);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(refused)?;
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Arc::new(config))
    }
}

/// What becomes of clients without a certificate.
enum Anonymous {
    Welcome,
    Refused,
}

fn verifier(roots: &Roots, anonymous: Anonymous) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let store = Arc::new(roots.read()?);
    let builder = WebPkiClientVerifier::builder_with_provider(store, provider());
    let builder = match anonymous {
        Anonymous::Welcome => builder.allow_unauthenticated(),
        Anonymous::Refused => builder,
    };
    builder.build().map_err(|error| TlsError::Unusable {
        name: "the authorities of clients".to_owned(),
        what: error.to_string(),
    })
}
