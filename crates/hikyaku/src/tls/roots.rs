//! Whom we believe.

use std::fmt;
use std::path::PathBuf;

use rustls::RootCertStore;

use super::error::TlsError;
use super::pem::Source;

/// Certificates of the authorities that a peer's certificate may come from.
///
/// # Example
/// ```
/// use hikyaku::tls::Roots;
/// let ours_too = Roots::system().and(Roots::from_file("/etc/tls/company-ca.pem"));
/// ```
#[derive(Clone)]
pub struct Roots {
    has_system: bool,
    sources: Vec<Source>,
}

impl Roots {
    /// Those of the operating system; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    pub fn system() -> Self {
        Self {
            has_system: true,
            sources: Vec::new(),
        }
    }

    /// All certificates of a PEM file.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self {
            has_system: false,
            sources: vec![Source::File(path.into())],
        }
    }

    /// All certificates of a PEM text.
    pub fn from_pem(bytes: impl AsRef<[u8]>) -> Self {
        Self {
            has_system: false,
            sources: vec![Source::bytes("the root certificates", bytes)],
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.has_system |= other.has_system;
        self.sources.extend(other.sources);
        self
    }

    pub(super) fn read(&self) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        if self.has_system {
            add_system(&mut store)?;
        }
        for source in &self.sources {
            for certificate in source.certificates()? {
                let added = store.add(certificate);
                added.map_err(|error| TlsError::Unusable {
                    name: source.name(),
                    what: format!("not the certificate of an authority: {error}"),
                })?;
            }
        }
        Ok(store)
    }
}

/// Adds what the system has. One bad certificate among a hundred is no reason to fail.
fn add_system(store: &mut RootCertStore) -> Result<(), TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let (added_count, _) = store.add_parsable_certificates(found.certs);
    if added_count > 0 {
        return Ok(());
    }
    let what = match found.errors.first() {
        Some(error) => error.to_string(),
        None => "none was found".to_owned(),
    };
    Err(TlsError::NoSystemRoots { what })
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        if self.has_system {
            list.entry(&"the system's");
        }
        list.entries(self.sources.iter().map(Source::name)).finish()
    }
}
