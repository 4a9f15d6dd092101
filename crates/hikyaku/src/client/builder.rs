//! What a channel can be told before it is made.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::channel::Channel;
use super::connecting;
use super::error::ConnectError;
use super::shared::{Io, Options, Shared};
use super::target::Target;
use crate::codec::Format;
use crate::compression::Codings;
use crate::intercept::{Chain, Interceptor};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;

/// The options of a [`Channel`].
///
/// # Example
/// ```
/// # hikyaku::server::runtime(1)?.block_on(async {
/// let channel = hikyaku::Channel::builder("http://localhost:1234")
///     .user_agent("shop/1.2")
///     .max_message_len(64 * 1024 * 1024)
///     .lazy();
/// assert!(channel.is_ok());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct ChannelBuilder {
    target: String,
    authority: Option<String>,
    user_agent: Option<String>,
    chain: Chain,
    options: Options,
}

/// How long a connection may be without calls, by default: as the other gRPC libraries have it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How long one attempt to connect may take, by default (connection-backoff.md).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder")
            .field("target", &self.target)
            .field("authority", &self.authority)
            .field("user_agent", &self.user_agent)
            .field("max_message_len", &self.options.max_message_len)
            .field("format", &self.options.format)
            .field("codings", &self.options.codings)
            .field("compress", &self.options.compress)
            .field("connect_timeout", &self.options.connect_timeout)
            .field("http2", &self.options.http2)
            .finish_non_exhaustive()
    }
}

impl ChannelBuilder {
    pub(super) fn new(target: &str) -> Self {
        let mut http2 = hikyaku_http2::Config::default();
        // How long a call may take is its deadline's to say.
        http2.stall_timeout = None;
        http2.max_idle = Some(IDLE_TIMEOUT);
        Self {
            target: target.to_owned(),
            authority: None,
            user_agent: None,
            chain: Chain::default(),
            options: Options {
                max_message_len: crate::MAX_MESSAGE_LEN,
                format: Format::Protobuf,
                codings: Codings::default(),
                compress: None,
                transport: None,
                http2,
                connect_timeout: CONNECT_TIMEOUT,
                #[cfg(feature = "tls")]
                tls: None,
            },
        }
    }

    /// Calls the server `HOST` or `HOST:PORT` in each request (`:authority`), whatever address it
    /// is reached at: for a proxy or a tunnel in between. It is also the name that the server's
    /// certificate must bear, unless `ClientTls::server_name` says another. A malformed one is a
    /// [`ConnectError::Authority`] when the channel is made.
    ///
    /// # Example
    /// ```
    /// # hikyaku::server::runtime(1)?.block_on(async {
    /// let tunnel = hikyaku::Channel::builder("http://127.0.0.1:9000");
    /// assert!(tunnel.clone().authority("users.internal").lazy().is_ok());
    /// assert!(tunnel.authority("http://users.internal").lazy().is_err());
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn authority(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Puts a product before hikyaku's own in `user-agent`.
    pub fn user_agent(mut self, product: &str) -> Self {
        self.user_agent = Some(product.to_owned());
        self
    }

    /// Puts an interceptor around the channel's calls, inside those added before. See
    /// [`intercept`](crate::intercept) for an example.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.chain = self.chain.with(interceptor);
        self
    }

    /// Sets the length a response message may have at most. Bytes; 4 MiB by default.
    pub fn max_message_len(mut self, bytes: usize) -> Self {
        self.options.max_message_len = bytes;
        self
    }

    /// Sets the codings that answers may be compressed with, and requests. All that the cargo features
    /// of this crate bring by default; the server is told of them.
    pub fn codings(mut self, codings: Codings) -> Self {
        self.options.codings = codings;
        self
    }

    /// Compresses requests with this coding. By default nothing is compressed; a single call can be,
    /// by [`Request::with_compression`](crate::Request::with_compression). A server that does not know the coding ends the call with
    /// UNIMPLEMENTED.
    ///
    /// # Example
    /// ```no_run
    /// # async fn run() -> Result<(), hikyaku::Status> {
    /// let builder = hikyaku::Channel::builder("http://localhost:1234");
    /// let channel = builder.compress("gzip").connect().await?; // with the cargo feature `gzip`
    /// # Ok(())
    /// # }
    /// ```
    pub fn compress(mut self, coding: &str) -> Self {
        self.options.compress = Some(coding.to_owned());
        self
    }

    /// Sets what messages are written in. [`Format::Protobuf`] by default; calls of methods whose
    /// codec lacks the format fail with INTERNAL.
    pub fn format(mut self, format: Format) -> Self {
        self.options.format = format;
        self
    }

    /// Sets how many calls are open at once on a connection, if the server allows as many; others
    /// wait for their turn. 100 by default.
    pub fn max_concurrent_calls(mut self, calls: u32) -> Self {
        self.options.http2.max_local_streams = calls;
        self
    }

    /// Sets how many calls a connection carries before the channel moves to a fresh one, without
    /// a call noticing. About 800 million by default, three quarters of what HTTP/2 has room for.
    /// Fewer spread a long-lived client over the servers behind a load balancer.
    pub fn max_calls_per_connection(mut self, calls: u32) -> Self {
        self.options.http2.max_stream_number = calls.saturating_mul(2).saturating_sub(1);
        self
    }

    /// Sets how long the metadata of an answer may be, its headers and its trailers each: the
    /// names and values with 32 bytes a field. Bytes; 16 KiB by default. A call with more fails.
    pub fn max_metadata_len(mut self, bytes: u32) -> Self {
        self.options.http2.max_header_list_bytes = bytes;
        self
    }

    /// Sets how long the connection may be without calls before it is closed, until the next call
    /// makes another. 30 minutes by default; `None` keeps it.
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.http2.max_idle = timeout;
        self
    }

    /// Asks a server that has said nothing for `interval` for a sign of life, while a call is open,
    /// so that a server that has gone without a word fails its calls with UNAVAILABLE (gRFC A8). Off
    /// by default; at least 10 seconds. A server may find it too often: then the channel asks half as
    /// often. Those of gRPC allow 5 minutes unless told otherwise.
    pub fn keepalive(mut self, interval: Duration) -> Self {
        self.options.http2.keepalive_interval = Some(interval);
        self
    }

    /// Sets how long the sign of life may take. 20 seconds by default.
    pub fn keepalive_timeout(mut self, timeout: Duration) -> Self {
        self.options.http2.keepalive_timeout = timeout;
        self
    }

    /// Sets whether to ask for signs of life without a call, too. Off by default, and most servers
    /// do not like it.
    pub fn keepalive_without_calls(mut self, yes: bool) -> Self {
        self.options.http2.keepalive_without_streams = yes;
        self
    }

    /// Sets how long an attempt to connect may take. 20 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// Sets whom an `https://` channel believes, and what it shows: [`ClientTls`]. By default it
    /// believes the system's roots and shows nothing. The files are read when the channel is made.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.options.tls = Some(tls);
        self
    }

    /// Takes connections from `connect` instead of making TCP connections: a Unix socket, a pipe
    /// inside the process. The target is then only what the requests say of the server.
    ///
    /// # Example
    /// ```
    /// # hikyaku::server::runtime(1)?.block_on(async {
    /// let channel = hikyaku::Channel::builder("http://localhost")
    ///     .transport(|| tokio::net::UnixStream::connect("/run/users.sock"))
    ///     .lazy();
    /// # assert!(channel.is_ok());
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn transport<C, F, S>(mut self, connect: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.options.transport = Some(Arc::new(move || {
            let connected = connect();
            Box::pin(async move { Ok(Box::new(connected.await?) as Box<dyn Io>) })
        }));
        self
    }

    /// Makes the channel and connects it: ready once the server has shown that it speaks HTTP/2.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(self) -> Result<Channel, ConnectError> {
        let (told, outcome) = oneshot::channel();
        let channel = self.start(Some(told))?;
        match outcome.await {
            Ok(Ok(())) => Ok(channel),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ConnectError::NoRuntime),
        }
    }

    /// Makes the channel; it connects when the first call wants it.
    ///
    /// # Errors
    /// [`ConnectError`], but for those of connecting.
    pub fn lazy(self) -> Result<Channel, ConnectError> {
        self.start(None)
    }

    fn start(
        self,
        told: Option<oneshot::Sender<Result<(), ConnectError>>>,
    ) -> Result<Channel, ConnectError> {
        let mut target = Target::parse(&self.target)?;
        if let Some(authority) = &self.authority {
            target = target.with_authority(authority)?;
        }
        let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let own_agent = concat!("grpc-rust-hikyaku/", env!("CARGO_PKG_VERSION"));
        let user_agent = match self.user_agent {
            Some(product) => format!("{product} {own_agent}"),
            None => own_agent.to_owned(),
        };
        let shared = Shared::new(target, user_agent, self.options, runtime.clone())?;
        runtime.spawn(connecting::run(Arc::clone(&shared), told));
        Ok(Channel::new(shared, self.chain))
    }
}
