//! What can be wrong with certificates and keys before any connection is made.

use std::fmt;
use std::io;

/// Why certificates or a key cannot be used.
///
/// The text names the file, or what the bytes were for, and what is wrong.
///
/// # Example
/// ```
/// use hikyaku::tls::{Identity, ServerTls};
/// let error = ServerTls::builder(Identity::from_files("no/cert.pem", "no/key.pem")).load();
/// assert!(error.unwrap_err().to_string().starts_with("no/cert.pem: cannot be read"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    Read {
        /// The file.
        name: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// The bytes are not PEM, or hold nothing of what is wanted.
    Pem {
        /// The file, or what the bytes were given for.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The bytes were read, but TLS cannot use them: a key of another certificate, an authority that
    /// is none.
    Unusable {
        /// The file, or what the bytes were given for.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The system has no certificates of authorities.
    NoSystemRoots {
        /// What went wrong in looking for them.
        what: String,
    },
    /// A name that no server can have.
    ServerName {
        /// The name.
        name: String,
    },
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { name, error } => write!(f, "{name}: cannot be read: {error}"),
            Self::Pem { name, what } | Self::Unusable { name, what } => write!(f, "{name}: {what}"),
            Self::NoSystemRoots { what } => write!(
                f,
                "the system has no root certificates ({what}): give some with Roots::from_file"
            ),
            Self::ServerName { name } => {
                write!(f, "{name:?} is neither a DNS name nor an IP address")
            }
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            Self::Pem { .. }
            | Self::Unusable { .. }
            | Self::NoSystemRoots { .. }
            | Self::ServerName { .. } => None,
        }
    }
}
