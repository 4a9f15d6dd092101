//! Sockets to the server under load.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::drive::Connection;
use crate::engine::Engine;
use crate::options::Options;
use crate::request::Scheme;
use crate::scenario::{Call, Scenario};
use crate::tls::{self, Alpn};

/// Where connections go, and how.
pub struct Target {
    address: SocketAddr,
    authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    pub call: Rc<Call>,
    streams: usize,
}

/// A plain or a TLS socket.
#[derive(Debug)]
pub enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Target {
    /// What `options` say.
    ///
    /// # Errors
    /// Says which of them is of no use.
    pub async fn new(options: &Options) -> Result<Self, String> {
        let name = &options.address;
        let mut found = lookup_host(name)
            .await
            .map_err(|error| format!("--address {name}: {error}"))?;
        let address = found
            .next()
            .ok_or_else(|| format!("--address {name}: no such host"))?;
        let alpn = match options.scenario {
            Scenario::EchoRaw => Alpn::Nothing,
            _ => Alpn::Http2,
        };
        let tls = match &options.ca {
            None => None,
            Some(ca) => {
                let host = name
                    .rsplit_once(':')
                    .map_or(name.as_str(), |(host, _)| host);
                let server_name = tls::server_name(options.server_name.as_deref().unwrap_or(host))?;
                Some((tls::connector(ca, alpn)?, server_name))
            }
        };
        let call = Rc::new(Call::new(options.scenario, options.size, options.messages));
        let authority = name.clone();
        Ok(Self {
            address,
            authority,
            tls,
            call,
            streams: options.streams,
        })
    }

    /// A new socket.
    ///
    /// # Errors
    /// The socket's own, or that of the handshake.
    pub async fn socket(&self) -> io::Result<Socket> {
        let socket = TcpStream::connect(self.address).await?;
        socket.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Socket::Plain(socket)),
            Some((connector, name)) => {
                let socket = connector.connect(name.clone(), socket).await?;
                Ok(Socket::Tls(Box::new(socket)))
            }
        }
    }

    /// A new connection, on which nothing was said.
    ///
    /// # Errors
    /// As of [`Target::socket`].
    pub async fn connection(&self) -> io::Result<Connection<Socket>> {
        let scheme = if self.tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let engine = Engine::new(Rc::clone(&self.call), self.streams, &self.authority, scheme);
        Ok(Connection::new(self.socket().await?, engine))
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Tls(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
