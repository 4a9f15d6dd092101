//! What rustls says, in words that tell what to do.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why a connection is not secure: our words, and behind them those of rustls.
#[derive(Clone, Debug)]
struct Fault {
    what: String,
    cause: Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// The server has shaken hands without agreeing to HTTP/2.
#[derive(Debug)]
pub(super) struct NoHttp2;

impl fmt::Display for NoHttp2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_HTTP2)
    }
}

impl std::error::Error for NoHttp2 {}

const NO_HTTP2: &str = "the server does not agree to HTTP/2 (ALPN h2)";

/// An error of TLS on a client's connection, in words about the server. `None` for other errors.
pub(crate) fn explained(error: &io::Error) -> Option<io::Error> {
    let inner = error.get_ref()?;
    if let Some(fault) = inner.downcast_ref::<Fault>() {
        return Some(io::Error::new(error.kind(), fault.clone()));
    }
    let cause = inner.downcast_ref::<Error>()?.clone();
    let what = server_fault(&cause);
    Some(io::Error::new(error.kind(), Fault { what, cause }))
}

/// Why a client's handshake failed at a server, for its log.
pub(crate) fn handshake_failure(error: &io::Error) -> String {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the client does not speak TLS".to_owned()
        }
        Some(Error::NoCertificatesPresented) => "the client has no certificate".to_owned(),
        Some(Error::NoApplicationProtocol) => NO_CLIENT_HTTP2.to_owned(),
        Some(_) | None => error.to_string(),
    }
}

/// Said of a client without ALPN, and of one with another.
pub(crate) const NO_CLIENT_HTTP2: &str = "the client does not offer HTTP/2 (ALPN h2)";

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds variants, and has words for all of them"
)]
fn server_fault(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate_fault(error),
        Error::AlertReceived(alert) => alert_fault(*alert),
        Error::NoApplicationProtocol => NO_HTTP2.to_owned(),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS at this port (http://?)".to_owned()
        }
        other => format!("TLS with the server failed: {other}"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds variants, and has words for all of them"
)]
fn certificate_fault(error: &CertificateError) -> String {
    use CertificateError as Fault;
    match error {
        Fault::Expired => "the server's certificate has expired".to_owned(),
        Fault::ExpiredContext { .. } => format!("the server's certificate has expired: {error}"),
        Fault::NotValidYet => "the server's certificate is not valid yet".to_owned(),
        Fault::NotValidYetContext { .. } => {
            format!("the server's certificate is not valid yet: {error}")
        }
        // The signature is bad if another authority has the same name.
        Fault::UnknownIssuer | Fault::BadSignature => {
            "the server's certificate is of an authority that we do not know".to_owned()
        }
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
            format!("the server's certificate has another name: {error}")
        }
        Fault::Revoked => "the server's certificate was revoked".to_owned(),
        other => format!("the server's certificate is not good: {other}"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "TLS has dozens of alerts; these are the ones a user can do something about"
)]
fn alert_fault(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => "the server wants a client certificate".to_owned(),
        Alert::UnknownCA => {
            "the server does not know the authority of our client certificate".to_owned()
        }
        Alert::CertificateExpired => "our client certificate has expired".to_owned(),
        Alert::BadCertificate | Alert::UnsupportedCertificate | Alert::CertificateUnknown => {
            format!("the server does not take our client certificate ({alert:?})")
        }
        Alert::NoApplicationProtocol => NO_HTTP2.to_owned(),
        Alert::UnrecognisedName => "the server does not know the name it was asked for".to_owned(),
        other => format!("the server ended the TLS handshake with {other:?}"),
    }
}
