//! PEM text: where it comes from, and what is in it.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

/// Bytes that were given, or a file that is read anew each time it is asked.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Bytes {
        /// What they were given for.
        role: &'static str,
        bytes: Arc<[u8]>,
    },
}

impl Source {
    pub(super) fn bytes(role: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().into();
        Self::Bytes { role, bytes }
    }

    /// What error messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { role, .. } => (*role).to_owned(),
        }
    }

    fn read(&self) -> Result<Arc<[u8]>, TlsError> {
        match self {
            Self::Bytes { bytes, .. } => Ok(Arc::clone(bytes)),
            Self::File(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err(TlsError::Read {
                    name: self.name(),
                    error,
                }),
            },
        }
    }

    /// All certificates in it; one at least.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let bytes = self.read()?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let bad = |what: String| TlsError::Pem {
            name: self.name(),
            what,
        };
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(bad(
                "there is no certificate in it (no \"BEGIN CERTIFICATE\" line)".to_owned(),
            )),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(bad(format!("a certificate in it is broken: {error}"))),
        }
    }

    /// The first private key in it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls adds variants, and has words for all of them"
    )]
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let bytes = self.read()?;
        PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| TlsError::Pem {
            name: self.name(),
            what: match error {
                pem::Error::NoItemsFound => {
                    "there is no private key in it (no \"BEGIN PRIVATE KEY\" line; an encrypted one \
                     has to be decrypted first)"
                        .to_owned()
                }
                other => format!("the private key in it is broken: {other}"),
            },
        })
    }
}
