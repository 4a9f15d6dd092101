//! The server: services in, connections taken, calls answered, a graceful end.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hikyaku_http2::Connection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::accept::{EXHAUSTED_PAUSE, Listener, bind, is_of_one_connection};
use super::connection::{ServerCalls, Shared};
use super::door::Door;
use super::fallback::{Fallback, HttpRequest, HttpResponse};
use super::limits::{Limits, Memory};
use super::router::{Router, Service};
#[cfg(feature = "tls")]
use super::secure::{self, Security};
use crate::call::server::Phrasebook;
use crate::compression::{BadCoding, Codings, Policy};
use crate::intercept::Interceptor;
use crate::net::chance;
use crate::net::driver::Driver;
use crate::net::outbox::Wish;
use crate::request::Peer;
#[cfg(feature = "tls")]
use crate::tls::ServerTls;

/// Answers calls to the services it was given.
///
/// # Example
/// ```no_run
/// # use hikyaku::{reflection, Request, Response, Status};
/// # async fn run() -> Result<(), hikyaku::server::ServeError> {
/// hikyaku::Server::new()
///     .add(reflection::service()) // and your own: .add(GreeterServer::new(Greeter))
///     .serve("[::]:1234")
///     .await
/// # }
/// ```
#[must_use = "a server does nothing until it serves"]
pub struct Server {
    router: Router,
    limits: Limits,
    codings: Codings,
    compress: Option<String>,
    shutdown_grace: Duration,
    fallback: Option<Fallback>,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
}

/// Why a server could not serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    Bind(io::Error),
    /// Two services have the same name: which one should answer?
    DuplicateService(&'static str),
    /// The server's codings cannot be used.
    Coding(BadCoding),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::DuplicateService(name) => write!(f, "service {name} was added twice"),
            Self::Coding(bad) => bad.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Coding(bad) => Some(bad),
            Self::DuplicateService(_) => None,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field(
                "services",
                &self.router.services().keys().collect::<Vec<_>>(),
            )
            .field("limits", &self.limits)
            .field("codings", &self.codings)
            .field("compress", &self.compress)
            .field("shutdown_grace", &self.shutdown_grace)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server without services, with the default limits.
    pub fn new() -> Self {
        Self {
            router: Router::default(),
            limits: Limits::default(),
            codings: Codings::default(),
            compress: None,
            shutdown_grace: Duration::from_secs(30),
            fallback: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Adds a service. See [`Service`] for an example.
    #[expect(clippy::should_implement_trait, reason = "a server is no number")]
    pub fn add(mut self, service: impl Service) -> Self {
        self.router.add(service);
        self
    }

    /// Puts an interceptor around the calls to every service, whether added before or after it. The
    /// first one is the outermost. See [`intercept`](crate::intercept) for an example, and
    /// [`Intercepted`](crate::intercept::Intercepted) for interceptors of one service.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.router.intercept(interceptor);
        self
    }

    /// Sets the length a request message may have at most. Bytes; 4 MiB by default. A longer one
    /// ends its call with RESOURCE_EXHAUSTED before it is read.
    pub fn max_message_len(mut self, bytes: usize) -> Self {
        self.limits.max_message_len = bytes;
        self
    }

    /// Sets the codings that requests may be compressed with, and answers. All that the cargo
    /// features of this crate bring by default.
    pub fn codings(mut self, codings: Codings) -> Self {
        self.codings = codings;
        self
    }

    /// Compresses answers with this coding for the clients that take it. By default nothing is
    /// compressed; a single call can be, by
    /// [`Response::with_compression`](crate::Response::with_compression) and
    /// [`Replies::set_compression`](super::Replies::set_compression).
    ///
    /// # Example
    /// ```
    /// let server = hikyaku::Server::new().compress("gzip"); // with the cargo feature `gzip`
    /// ```
    pub fn compress(mut self, coding: &str) -> Self {
        self.compress = Some(coding.to_owned());
        self
    }

    /// Sets the calls a client may have open at once on one connection. 100 by default.
    pub fn max_concurrent_calls(mut self, calls: u32) -> Self {
        self.limits.http2.max_concurrent_streams = calls;
        self
    }

    /// Changes any of the limits that clients can run into. See [`Limits`] for an example.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Sets how many calls a client may make on one connection before it is asked, gracefully, to go
    /// on with another one. About 800 million by default, three quarters of what HTTP/2 has room
    /// for. Fewer let long-lived clients find new servers behind a load balancer.
    pub fn max_calls_per_connection(mut self, calls: u32) -> Self {
        self.limits.http2.max_stream_number = calls.saturating_mul(2).saturating_sub(1);
        self
    }

    /// Asks a client that has said nothing for `interval` for a sign of life, and closes its
    /// connection, whose calls are then cancelled, if none comes within `timeout` (gRFC A9). 2 hours
    /// and 20 seconds by default.
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.limits.http2.keepalive_interval = Some(interval);
        self.limits.http2.keepalive_timeout = timeout;
        self
    }

    /// Sets how often clients may ask for signs of life: with a call open, once in `interval`;
    /// without one only once in 2 hours, unless `without_calls`. Who asks much more often is cut off with
    /// "too_many_pings" (gRFC A8). 5 minutes and `false` by default.
    pub fn permit_keepalive(mut self, interval: Duration, without_calls: bool) -> Self {
        self.limits.http2.min_ping_interval = interval;
        self.limits.http2.permit_pings_without_streams = without_calls;
        self
    }

    /// Sets how long a connection may be without calls before it is closed, gracefully. For ever by
    /// default (gRFC A9).
    pub fn max_connection_idle(mut self, idle: Duration) -> Self {
        self.limits.http2.max_idle = Some(idle);
        self
    }

    /// Sets the age, spread by 10% either way, at which a connection takes no more calls, so that
    /// clients spread over new servers, and how long the open calls may then take before they are
    /// cut off. For ever both by default (gRFC A9).
    pub fn max_connection_age(mut self, age: Duration, grace: Option<Duration>) -> Self {
        self.limits.http2.max_age = Some(age);
        self.limits.http2.max_age_grace = grace;
        self
    }

    /// Sets the longest time a call may take. A call without a deadline gets this one, a later one
    /// is cut to it; the handler sees the deadline that counts, and its call ends with
    /// DEADLINE_EXCEEDED. None by default: long streams are what some servers are for.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.limits.max_timeout = Some(timeout);
        self
    }

    /// Sets how long a graceful shutdown waits for open calls, and for handlers that
    /// [run to their end](crate::context::run_to_end), before it cuts them off. 30 seconds by
    /// default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }

    /// Speaks TLS on every connection, and nothing else. See [`tls`](crate::tls) for an example.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Answers plain HTTP/2 requests with `handler`: those that are no gRPC calls, by their method or
    /// content type, and whose path is not that of a gRPC method. Without it, and at the paths of
    /// methods, they get a 405 or 415.
    ///
    /// The handler is called once the request is there in full, in the task of its connection: it
    /// should answer at once. A body over [`Server::max_message_len`] gets a 413, a panic a 500.
    /// `CONNECT` gets a 405.
    ///
    /// # Example
    /// ```
    /// use hikyaku::server::{HttpRequest, HttpResponse};
    ///
    /// fn pages(request: HttpRequest) -> HttpResponse {
    ///     match (request.method(), request.path()) {
    ///         ("GET" | "HEAD", "/health") => HttpResponse::new(200).with_body("ok\n"),
    ///         ("GET" | "HEAD", "/") => HttpResponse::new(302).with_field("location", "/health"),
    ///         _ => HttpResponse::new(404),
    ///     }
    /// }
    /// let server = hikyaku::Server::new().fallback(pages);
    /// ```
    pub fn fallback(
        mut self,
        handler: impl Fn(HttpRequest) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.fallback = Some(Box::new(handler));
        self
    }

    /// Listens on `addr` ([`bind`]) and serves for ever, on the runtime it is awaited on.
    ///
    /// # Errors
    /// [`ServeError::Bind`]; [`ServeError::DuplicateService`]; [`ServeError::Coding`].
    pub async fn serve(self, addr: &str) -> Result<(), ServeError> {
        self.serve_with_shutdown(addr, pending()).await
    }

    /// Listens on `addr` and serves until `shutdown` is ready; then takes no new connections and
    /// calls, lets the open calls finish, and returns.
    ///
    /// # Errors
    /// As [`Server::serve`].
    pub async fn serve_with_shutdown(
        self,
        addr: &str,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let listener = bind(addr).await.map_err(ServeError::Bind)?;
        self.serve_listener_with_shutdown(listener, shutdown).await
    }

    /// Serves the connections of a listener for ever.
    ///
    /// # Errors
    /// As [`Server::serve`], less [`ServeError::Bind`].
    pub async fn serve_listener(self, listener: impl Listener) -> Result<(), ServeError> {
        self.serve_listener_with_shutdown(listener, pending()).await
    }

    /// Serves the connections of a listener until `shutdown` is ready, as
    /// [`Server::serve_with_shutdown`] does.
    ///
    /// # Errors
    /// As [`Server::serve_listener`].
    pub async fn serve_listener_with_shutdown(
        self,
        mut listener: impl Listener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        if let Some(name) = self.router.duplicate() {
            return Err(ServeError::DuplicateService(name));
        }
        let compression =
            Policy::new(self.codings, self.compress.as_deref()).map_err(ServeError::Coding)?;
        self.router.complete();
        let grace = self.shutdown_grace;
        let shared = Arc::new(Shared {
            router: self.router,
            memory: Memory::new(self.limits.memory_budget_len),
            #[cfg(feature = "tls")]
            security: self
                .tls
                .map(|tls| Security::new(tls, self.limits.max_handshakes)),
            http2: Arc::new(self.limits.http2.clone()),
            limits: self.limits,
            phrases: Phrasebook::new(&compression.codings),
            compression,
            fallback: self.fallback,
        });
        let mut connections = Connections::default();
        let mut shutdown = pin!(shutdown);
        let mut pause = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = async { pause.as_mut().await; listener.accept().await } => match accepted {
                    Ok((io, addr)) => connections.open(io, addr, &shared),
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection, trying again");
                        connections.make_room();
                        pause.as_mut().reset(tokio::time::Instant::now() + EXHAUSTED_PAUSE);
                    }
                },
                Some(_) = connections.tasks.join_next() => {}
                () = shared.memory.pressed() => connections.make_room(),
            }
        }
        drop(listener);
        shared.router.drain();
        connections.drain(grace).await;
        Ok(())
    }
}

/// The connections of one server.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// By number, so that the newest are last.
    doors: Arc<Mutex<Doors>>,
    opened_count: u64,
}

type Doors = BTreeMap<u64, Arc<Door>>;

impl Connections {
    /// Serves a connection. If there are too many, it takes the place of the newest idle one; without
    /// one it is closed: who is served already goes on being served.
    fn open<S>(&mut self, io: S, addr: Option<SocketAddr>, shared: &Arc<Shared>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut doors = lock(&self.doors);
        if doors.len() >= shared.limits.max_connections && yield_newest(&doors, 1) == 0 {
            tracing::warn!(connections = doors.len(), "too many: a new one is closed");
            return;
        }
        self.opened_count += 1;
        let number = self.opened_count;
        let door = Door::new();
        doors.insert(number, Arc::clone(&door));
        drop(doors);
        #[cfg(feature = "tls")]
        if shared.security.is_some() {
            let greeted = secure::greet(io, addr, Arc::clone(shared), Arc::clone(&door));
            return self.spawn(number, door, Stage::Greeted(Box::pin(greeted)));
        }
        let limit = shared.limits.http2.handshake_timeout;
        let served = driver(io, Peer::at(addr), shared, Arc::clone(&door), limit);
        self.spawn(number, door, Stage::Driven(served));
    }

    fn spawn<C>(&mut self, number: u64, door: Arc<Door>, stage: Stage<C>)
    where
        C: Future<Output = ()> + Send + Unpin + 'static,
    {
        self.tasks.spawn(Served {
            stage,
            shutter: Shutter(door),
            doors: Arc::clone(&self.doors),
            number,
        });
    }

    /// Lets some idle connections go: memory or descriptors are short.
    fn make_room(&self) {
        let count = yield_newest(&lock(&self.doors), YIELDING_COUNT);
        tracing::warn!(count, "idle connections are closed to make room");
    }

    /// Lets every connection finish its calls; cuts off what is left after `grace`.
    async fn drain(mut self, grace: Duration) {
        for door in lock(&self.doors).values() {
            door.outbox.ask(Wish::Drain);
        }
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "calls are cut off by the shutdown"
            );
            self.tasks.shutdown().await;
        }
    }
}

/// A connection from its first byte to the end of the last handler that it leaves behind.
///
/// Not an `async fn`, which would have room for the connection twice: there is one for each idle one.
struct Served<C> {
    stage: Stage<C>,
    shutter: Shutter,
    doors: Arc<Mutex<Doors>>,
    /// Among the doors.
    number: u64,
}

enum Stage<C> {
    /// A handshake goes before it, and perhaps nothing comes of that.
    #[cfg(feature = "tls")]
    Greeted(Pin<Box<dyn Future<Output = Option<C>> + Send>>),
    Driven(C),
    /// It is over, but for handlers that run to their end.
    Left(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl<C> Served<C> {
    /// It counts, and is waited for, until the last of its handlers has run to its end.
    fn left(&self) -> Stage<C> {
        let door = Arc::clone(&self.shutter.0);
        door.set_idle(false);
        Stage::Left(Box::pin(async move { door.lasting.ended().await }))
    }
}

impl<C: Future<Output = ()> + Unpin> Future for Served<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        #[cfg(feature = "tls")]
        if let Stage::Greeted(greeted) = &mut this.stage {
            this.stage = match ready!(greeted.as_mut().poll(cx)) {
                Some(connection) => Stage::Driven(connection),
                None => this.left(),
            };
        }
        if let Stage::Driven(connection) = &mut this.stage {
            ready!(Pin::new(connection).poll(cx));
            this.stage = this.left();
        }
        if let Stage::Left(handlers) = &mut this.stage {
            ready!(handlers.as_mut().poll(cx));
        }
        lock(&this.doors).remove(&this.number);
        Poll::Ready(())
    }
}

/// Closes a door for good: what still runs behind it is cut off.
struct Shutter(Arc<Door>);

impl Drop for Shutter {
    fn drop(&mut self) {
        self.0.lasting.cut_off();
    }
}

/// What owns a connection; preface and SETTINGS have to come within `limit`.
pub(super) fn driver<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    peer: Peer,
    shared: &Arc<Shared>,
    door: Arc<Door>,
    limit: Duration,
) -> Driver<S, ServerCalls> {
    let mut http2 = Arc::clone(&shared.http2);
    if limit != http2.handshake_timeout || http2.max_age.is_some() {
        let own = Arc::make_mut(&mut http2);
        own.handshake_timeout = limit;
        own.max_age = own.max_age.map(spread);
    }
    let outbox = Arc::clone(&door.outbox);
    let calls = ServerCalls::new(Arc::clone(shared), door, peer);
    Driver::new(io, Connection::server(http2), calls, outbox)
}

/// A duration up to 10% shorter or longer: connections made at once should not end at once.
fn spread(age: Duration) -> Duration {
    let seconds = age.as_secs_f64() * (0.9 + 0.2 * chance::unit());
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Asks up to `count` idle connections to go, the newest first: in a flood of connections those are
/// the flood's. Says how many there were.
fn yield_newest(doors: &Doors, count: usize) -> usize {
    let idle = doors.values().rev().filter(|door| door.is_idle());
    idle.take(count).map(|door| door.ask_to_yield()).count()
}

fn lock(doors: &Mutex<Doors>) -> std::sync::MutexGuard<'_, Doors> {
    doors.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Idle connections closed at a time when memory is short.
const YIELDING_COUNT: usize = 16;
