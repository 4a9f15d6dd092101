//! Why a channel could not be made.

use std::fmt;
use std::io;

use crate::compression::BadCoding;
#[cfg(feature = "tls")]
use crate::tls::TlsError;
use crate::{Origin, Status};

/// Why a channel could not be made, or not be connected.
///
/// Turns into a [`Status`] with `?`.
///
/// # Example
/// ```
/// # hikyaku::server::runtime(1)?.block_on(async {
/// let error = hikyaku::Channel::lazy("ftp://localhost").unwrap_err();
/// assert!(error.to_string().contains("ftp://localhost"));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address of the server is malformed.
    Target {
        /// The address given.
        target: String,
        /// What is wrong with it, and what is allowed.
        what: &'static str,
    },
    /// What the channel is to call its server is malformed.
    Authority {
        /// The name given.
        authority: String,
        /// What is wrong with it, and what is allowed.
        what: &'static str,
    },
    /// No connection came about.
    Connect {
        /// The host and port tried.
        addr: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// The channel's certificates cannot be used.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// The channel's codings cannot be used.
    Coding(BadCoding),
    /// A channel needs a tokio runtime to live on. The blocking channel brings its own.
    NoRuntime,
    /// The threads of the blocking channels could not be started.
    BadRuntime {
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { target, what } => write!(f, "bad server address {target:?}: {what}"),
            Self::Authority { authority, what } => write!(f, "bad authority {authority:?}: {what}"),
            Self::Connect { addr, error } => write!(f, "{error} while connecting to {addr}"),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Coding(bad) => bad.fmt(f),
            Self::BadRuntime { error } => {
                write!(f, "{error} while starting the threads of blocking channels")
            }
            Self::NoRuntime => f.write_str(
                "no tokio runtime here: make the channel inside one, or use blocking::Channel",
            ),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { error, .. } | Self::BadRuntime { error } => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::Coding(bad) => Some(bad),
            Self::Target { .. } | Self::Authority { .. } | Self::NoRuntime => None,
        }
    }
}

impl From<ConnectError> for Status {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        let (status, origin) = match error {
            ConnectError::Connect { .. } => {
                let status = Self::unavailable(message).of_unprocessed();
                (status, Origin::Transport)
            }
            ConnectError::BadRuntime { .. } => (Self::resource_exhausted(message), Origin::Local),
            // A mistake in the program, not in the call: statuscodes.md reserves the codes that
            // name a fault of the request for the server's application.
            #[cfg(feature = "tls")]
            ConnectError::Tls(_) => (Self::internal(message), Origin::Local),
            ConnectError::Target { .. }
            | ConnectError::Authority { .. }
            | ConnectError::Coding(_)
            | ConnectError::NoRuntime => (Self::internal(message), Origin::Local),
        };
        status.with_origin(origin).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::Code;

    #[test]
    fn a_channel_that_cannot_be_made_says_why_with_every_cause_on_the_way() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let (addr, target) = ("host:1".to_owned(), "ftp://x".to_owned());
        let connect = ConnectError::Connect {
            addr,
            error: refused(),
        };
        let table = [
            (
                connect,
                (Code::Unavailable, Origin::Transport, true),
                "connection refused while connecting to host:1",
            ),
            (
                ConnectError::BadRuntime { error: refused() },
                (Code::ResourceExhausted, Origin::Local, true),
                "connection refused while starting the threads of blocking channels",
            ),
            (
                ConnectError::Target { target, what: "no" },
                (Code::Internal, Origin::Local, false),
                "bad server address \"ftp://x\": no",
            ),
            (
                ConnectError::Authority {
                    authority: "a b".to_owned(),
                    what: "no",
                },
                (Code::Internal, Origin::Local, false),
                "bad authority \"a b\": no",
            ),
            (
                ConnectError::NoRuntime,
                (Code::Internal, Origin::Local, false),
                "no tokio runtime here: make the channel inside one, or use blocking::Channel",
            ),
        ];
        for (error, (code, origin, has_cause), text) in table {
            let status = Status::from(error);
            assert_eq!((status.code(), status.origin()), (code, origin), "{text}");
            assert_eq!(status.message(), text);
            let error = status.source().unwrap();
            assert_eq!(error.to_string(), text);
            assert!(error.is::<ConnectError>());
            let cause = error
                .source()
                .and_then(|cause| cause.downcast_ref::<io::Error>());
            assert_eq!(cause.is_some(), has_cause, "{text}");
        }
    }
}
