//! One message with what travels beside it: [`Request`] and [`Response`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Metadata;
use crate::codec::Format;
use crate::compression::Wish;
use crate::context::{Reach, time_left};
use crate::intercept::Extensions;
use crate::net::clock;
#[cfg(feature = "tls")]
use crate::tls::Certificate;

/// A request message, its metadata and its deadline.
///
/// A bare message converts into one, so a client method takes either.
///
/// # Example
/// ```
/// use std::time::Duration;
/// let request = hikyaku::Request::new("hello")
///     .with_timeout(Duration::from_secs(2))
///     .with_metadata("x-request-id", "17")?;
/// assert_eq!(request.metadata().get("x-request-id"), Some("17"));
/// # Ok::<(), hikyaku::BadMetadata>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request<T> {
    message: T,
    parts: Parts,
}

/// What a call carries beside its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) metadata: Metadata,
    pub(crate) deadline: Option<Instant>,
    /// At a client: whether the call waits for a connection even if connecting has failed.
    pub(crate) waits_for_ready: bool,
    pub(crate) peer: Peer,
    /// At a client: how the requests are to be compressed.
    pub(crate) compression: Wish,
    /// At a server: what the messages of the call are written in.
    pub(crate) format: Format,
    /// At a server: whether the one request came compressed.
    pub(crate) was_compressed: bool,
    pub(crate) extensions: Extensions,
    /// At a client: whether the call inherits from the one it is made in.
    pub(crate) reach: Reach,
}

/// Who is at the other end of a server's connection. One word in each of its calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer(Option<Arc<Known>>);

/// What is known of a peer.
#[derive(Debug)]
struct Known {
    addr: Option<SocketAddr>,
    /// What it has shown of itself, and was checked. Never empty.
    #[cfg(feature = "tls")]
    certificates: Option<Arc<[Certificate]>>,
}

impl Peer {
    /// A peer without certificates.
    pub(crate) fn at(addr: Option<SocketAddr>) -> Self {
        Self(Some(Arc::new(Known {
            addr,
            #[cfg(feature = "tls")]
            certificates: None,
        })))
    }

    /// A peer that has shown these certificates.
    #[cfg(feature = "tls")]
    pub(crate) fn with(addr: Option<SocketAddr>, certificates: Option<Arc<[Certificate]>>) -> Self {
        Self(Some(Arc::new(Known { addr, certificates })))
    }

    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.0.as_ref()?.addr
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates(&self) -> &[Certificate] {
        let known = self.0.as_ref();
        let certificates = known.and_then(|known| known.certificates.as_deref());
        certificates.unwrap_or_default()
    }
}

impl<T> Request<T> {
    /// A request without metadata and without a deadline.
    pub fn new(message: T) -> Self {
        Self {
            message,
            parts: Parts::default(),
        }
    }

    pub(crate) fn from_parts(message: T, parts: Parts) -> Self {
        Self { message, parts }
    }

    pub(crate) fn into_parts(self) -> (T, Parts) {
        (self.message, self.parts)
    }

    /// The message.
    pub fn message(&self) -> &T {
        &self.message
    }

    /// The message, to change it.
    pub fn message_mut(&mut self) -> &mut T {
        &mut self.message
    }

    /// The message alone.
    pub fn into_message(self) -> T {
        self.message
    }

    /// The metadata: at a server what the client sent, at a client what will be sent.
    pub fn metadata(&self) -> &Metadata {
        &self.parts.metadata
    }

    /// The metadata, to change it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.parts.metadata
    }

    /// Adds one ASCII metadata entry.
    ///
    /// # Errors
    /// [`BadMetadata`](crate::BadMetadata) if key or value break a rule.
    pub fn with_metadata(mut self, key: &str, value: &str) -> Result<Self, crate::BadMetadata> {
        self.parts.metadata.append(key, value)?;
        Ok(self)
    }

    /// Sets the deadline of the whole call to `timeout` from now. The call ends with
    /// DEADLINE_EXCEEDED then, streams included, and the server is told (`grpc-timeout`).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        // A timeout beyond the clock's range is no deadline at all.
        self.parts.deadline = clock::now().checked_add(timeout);
        self
    }

    /// Sets the deadline of the whole call.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.parts.deadline = Some(deadline);
        self
    }

    /// Lets the call wait for a connection, its deadline at most, even while the channel fails to
    /// connect. Without this it fails at once then, with UNAVAILABLE (wait-for-ready.md).
    #[must_use]
    pub fn wait_for_ready(mut self) -> Self {
        self.parts.waits_for_ready = true;
        self
    }

    /// The moment at which the call ends with DEADLINE_EXCEEDED, if there is one.
    pub fn deadline(&self) -> Option<Instant> {
        self.parts.deadline
    }

    /// The time until then; zero once it has come.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn search(request: hikyaku::Request<String>) {
    /// if request.time_left() < Some(Duration::from_millis(100)) {
    ///     // A rough answer in time is better than a good one that nobody waits for.
    /// }
    /// # }
    /// ```
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.parts.deadline)
    }

    /// At a client: makes the call one of its own. It inherits neither the deadline nor the
    /// cancellation of the call in whose handler it is made (see [`context`](crate::context)). Its
    /// own deadline counts; dropping it cancels it, as any call.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.parts.reach = Reach::Detached;
        self
    }

    /// At a server: the address of the client, if the transport has one.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.parts.peer.addr()
    }

    /// At a server with TLS: the certificates that the client has shown, its own first. They were
    /// checked against the server's roots; none if the client has none or was not asked.
    #[cfg(feature = "tls")]
    pub fn peer_certificates(&self) -> &[Certificate] {
        self.parts.peer.certificates()
    }

    /// Compresses the requests of this call with a coding of the channel's
    /// [`Codings`](crate::compression::Codings), whatever the channel does. A name that is not among
    /// them fails the call with INTERNAL.
    ///
    /// # Example
    /// ```
    /// let request = hikyaku::Request::new("aaaaaaaaaaaaaaaa").with_compression("gzip");
    /// ```
    #[must_use]
    pub fn with_compression(mut self, coding: &'static str) -> Self {
        self.parts.compression = Wish::of(Some(coding));
        self
    }

    /// Sends the requests of this call as they are, whatever the channel does.
    #[must_use]
    pub fn without_compression(mut self) -> Self {
        self.parts.compression = Wish::of(None);
        self
    }

    /// At a server: whether the request came compressed.
    pub fn was_compressed(&self) -> bool {
        self.parts.was_compressed
    }

    /// What interceptors and the application tell each other of the call: at a server what
    /// interceptors have left for the handler, at a client what its interceptors will find.
    pub fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// The same, to put something in.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts.extensions
    }

    /// The same request with another message.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Request<U> {
        Request {
            message: change(self.message),
            parts: self.parts,
        }
    }
}

impl<T> From<T> for Request<T> {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

/// A response message with the metadata sent before it and the trailers sent after it.
///
/// # Example
/// ```
/// let response = hikyaku::Response::new(42);
/// assert_eq!(response.into_message(), 42);
/// ```
#[derive(Clone, Debug)]
pub struct Response<T> {
    message: T,
    metadata: Metadata,
    trailers: Metadata,
    compression: Wish,
    was_compressed: bool,
}

impl<T> Response<T> {
    /// A response without metadata.
    pub fn new(message: T) -> Self {
        Self {
            message,
            metadata: Metadata::new(),
            trailers: Metadata::new(),
            compression: Wish::default(),
            was_compressed: false,
        }
    }

    pub(crate) fn from_parts(message: T, metadata: Metadata, trailers: Metadata) -> Self {
        Self {
            message,
            metadata,
            trailers,
            compression: Wish::default(),
            was_compressed: false,
        }
    }

    /// The same, of a message that came compressed, or not.
    pub(crate) fn of_compressed(mut self, was_compressed: bool) -> Self {
        self.was_compressed = was_compressed;
        self
    }

    /// How a server's handler wants it to be sent.
    pub(crate) fn take_compression(&mut self) -> Wish {
        std::mem::take(&mut self.compression)
    }

    pub(crate) fn into_parts(self) -> (T, Metadata, Metadata) {
        (self.message, self.metadata, self.trailers)
    }

    /// The message.
    pub fn message(&self) -> &T {
        &self.message
    }

    /// The message, to change it.
    pub fn message_mut(&mut self) -> &mut T {
        &mut self.message
    }

    /// The message alone.
    pub fn into_message(self) -> T {
        self.message
    }

    /// The metadata sent before the message.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The metadata sent before the message, to change it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// The metadata sent after the message.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// The metadata sent after the message, to change it.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// At a server: compresses the message with a coding of the server's
    /// [`Codings`](crate::compression::Codings), whatever the server does. It goes uncompressed if
    /// the client has not said that it takes this coding. A name that is not among the server's
    /// fails the call with INTERNAL.
    #[must_use]
    pub fn with_compression(mut self, coding: &'static str) -> Self {
        self.compression = Wish::of(Some(coding));
        self
    }

    /// At a server: sends the message as it is, whatever the server does.
    #[must_use]
    pub fn without_compression(mut self) -> Self {
        self.compression = Wish::of(None);
        self
    }

    /// At a client: whether the message came compressed.
    pub fn was_compressed(&self) -> bool {
        self.was_compressed
    }

    /// The same response with another message.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Response<U> {
        Response {
            message: change(self.message),
            metadata: self.metadata,
            trailers: self.trailers,
            compression: self.compression,
            was_compressed: self.was_compressed,
        }
    }
}

impl<T> From<T> for Response<T> {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}
