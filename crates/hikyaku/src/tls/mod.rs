//! TLS, by rustls: certificates of a server ([`ServerTls`]) and of a channel ([`ClientTls`]).
//!
//! Both ends speak TLS 1.2 or later and only with ALPN `h2`: a peer that does not agree to HTTP/2 is
//! refused. There is no early data (a replayed request would be a request) and no certificate
//! compression (it lets a peer choose how much memory we take).
//!
//! # Example
//! ```no_run
//! use hikyaku::tls::{ClientTls, Identity, Roots, ServerTls};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let tls = ServerTls::builder(Identity::from_files("server.pem", "server.key"))
//!     .require_client_certificates(Roots::from_file("clients-ca.pem"))
//!     .load()?;
//! let server = hikyaku::Server::new().tls(tls.clone()).serve("[::]:443");
//! // From now and then, or at a signal: tls.reload()?;
//!
//! let channel = hikyaku::Channel::builder("https://example.com")
//!     .tls(ClientTls::new().identity(Identity::from_files("me.pem", "me.key")))
//!     .connect();
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod fault;
mod identity;
mod pem;
mod roots;
mod server;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub use client::ClientTls;
pub use error::TlsError;
pub use identity::{Certificate, Identity};
pub use roots::Roots;
pub use server::{ServerTls, ServerTlsBuilder};

pub(crate) use client::Connector;
pub(crate) use fault::{NO_CLIENT_HTTP2, explained, handshake_failure};

/// The protocol that both ends must agree to (RFC 9113 §3.2).
const ALPN_H2: &[u8] = b"h2";

/// The cryptography of all our connections, whatever the program has installed for others.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
