//! Listening, and taking connections in for as long as the server lives.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// How long accepting rests when the process has run out of file descriptors or memory: long
/// enough for some to come free, short enough not to be noticed.
pub(super) const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address such as `[::]:1234` or `localhost:0`. The unspecified IPv6 address takes
/// IPv4 connections, too.
///
/// # Errors
/// The address cannot be resolved or bound; the error names it.
///
/// # Example
/// ```
/// # hikyaku::server::runtime(1)?.block_on(async {
/// let listener = hikyaku::server::bind("127.0.0.1:0").await?;
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn bind(addr: &str) -> io::Result<TcpListener> {
    let name_it = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
    };
    let mut last = None;
    for addr in lookup_host(addr).await.map_err(name_it)? {
        match bind_one(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    let last = last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such address"));
    Err(name_it(last))
}

fn bind_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Where a server's connections come from: a TCP listener, or anything else that yields byte
/// streams.
///
/// # Example
/// ```
/// use std::io;
/// use std::net::SocketAddr;
/// use hikyaku::server::Listener;
/// use tokio::io::DuplexStream;
/// use tokio::sync::mpsc;
///
/// /// Connections inside the process, for tests.
/// struct InMemory(mpsc::Receiver<DuplexStream>);
///
/// impl Listener for InMemory {
///     type Io = DuplexStream;
///     async fn accept(&mut self) -> io::Result<(DuplexStream, Option<SocketAddr>)> {
///         match self.0.recv().await {
///             Some(stream) => Ok((stream, None)),
///             None => std::future::pending().await, // no more connections come
///         }
///     }
/// }
/// ```
pub trait Listener: Send {
    /// One connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection, and says whose it is. Must be cancel-safe.
    ///
    /// # Errors
    /// No error ends the listening: after one of a single connection (reset, aborted) the server goes
    /// on at once; after any other, such as too many open files, it lets an idle connection go and
    /// tries again a little later.
    fn accept(&mut self)
    -> impl Future<Output = io::Result<(Self::Io, Option<SocketAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (stream, addr) = Self::accept(self).await?;
        // Answers leave in one write each: there is nothing for Nagle to gather.
        let _ = stream.set_nodelay(true);
        Ok((stream, Some(addr)))
    }
}

/// Whether only the connection has failed that was to be accepted.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
