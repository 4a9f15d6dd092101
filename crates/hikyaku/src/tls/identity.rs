//! Who somebody is: a certificate chain with its key, and what a peer has shown of its own.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;
use super::pem::Source;

/// A certificate chain, its owner's certificate first, and the private key of that.
///
/// Files are read when a server loads or reloads them, and when a channel is made.
///
/// # Example
/// ```
/// use hikyaku::tls::Identity;
/// let identity = Identity::from_files("/etc/tls/server.pem", "/etc/tls/server.key");
/// ```
#[derive(Clone)]
pub struct Identity {
    chain: Source,
    key: Source,
}

impl Identity {
    /// From the names of two PEM files, which may be the same.
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            chain: Source::File(chain.into()),
            key: Source::File(key.into()),
        }
    }

    /// From PEM text.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        Self {
            chain: Source::bytes("the certificate chain", chain),
            key: Source::bytes("the private key", key),
        }
    }

    pub(super) fn read(&self) -> Result<Pair, TlsError> {
        Ok((self.chain.certificates()?, self.key.key()?))
    }

    /// Says what rustls has against the certificate or its key.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls adds variants, and has words for all of them"
    )]
    pub(super) fn refused(&self, error: &rustls::Error) -> TlsError {
        let what = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!(
                    "the key is not that of the certificate in {}",
                    self.chain.name()
                )
            }
            other => format!(
                "cannot be used with the certificate in {}: {other}",
                self.chain.name()
            ),
        };
        TlsError::Unusable {
            name: self.key.name(),
            what,
        }
    }
}

/// A chain and its key, as rustls takes them.
type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("chain", &self.chain.name())
            .field("key", &self.key.name())
            .finish()
    }
}

/// A certificate that a peer has shown, and that was checked against the [`Roots`](super::Roots).
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(CertificateDer<'static>);

impl Certificate {
    /// Its bytes, an X.509 certificate in DER, for a parser of such.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// What a peer has shown, its own certificate first. Nothing if there is nothing.
    pub(crate) fn shared(chain: Option<&[CertificateDer<'static>]>) -> Option<Arc<[Self]>> {
        let chain = chain.filter(|chain| !chain.is_empty())?;
        Some(chain.iter().cloned().map(Self).collect())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}
