//! What an interceptor knows of a call before it happens.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::extensions::Extensions;
use super::hooks::Hooks;
use super::kind::Kind;
use super::message::Message;
use crate::net::clock;
use crate::request::Parts;
use crate::{Metadata, Status};

/// Which end of a call an interceptor is at.
///
/// # Example
/// ```
/// assert_ne!(hikyaku::intercept::Side::Client, hikyaku::intercept::Side::Server);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The call is being made.
    Client,
    /// The call is being answered.
    Server,
}

/// A call of any kind and type that is about to happen: what is known of it, and what may be changed.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use hikyaku::intercept::{Call, Next, Side};
/// use hikyaku::{Metadata, Status};
///
/// async fn careful(mut call: Call, next: Next) -> Result<Metadata, Status> {
///     assert_eq!(call.path(), format!("/{}/{}", call.service(), call.method()));
///     if call.side() == Side::Client {
///         call.metadata_mut().insert("x-team", "billing")?;
///     }
///     call.shorten_timeout(Duration::from_secs(5));
///     let mut count = 0;
///     call.on_reply(move |reply| {
///         count += 1;
///         match count {
///             ..=1000 => Ok(()),
///             _ => Err(Status::resource_exhausted(format!("too many {}", reply.type_name()))),
///         }
///     });
///     next.run(call).await
/// }
/// let server = hikyaku::Server::new().intercept(careful);
/// ```
pub struct Call {
    side: Side,
    kind: Kind,
    path: &'static str,
    parts: Parts,
    is_shortened: bool,
    hooks: Arc<Hooks>,
}

impl Call {
    pub(crate) fn new(side: Side, kind: Kind, path: &'static str, parts: Parts) -> Self {
        Self {
            side,
            kind,
            path,
            parts,
            is_shortened: false,
            hooks: Arc::default(),
        }
    }

    /// What the innermost step makes the call of.
    pub(crate) fn into_parts(self) -> (Parts, Arc<Hooks>) {
        (self.parts, self.hooks)
    }

    pub(crate) fn hooks(&self) -> &Arc<Hooks> {
        &self.hooks
    }

    /// The deadline, if it is not the one that the call came with.
    pub(crate) fn shortened(&self) -> Option<Instant> {
        self.parts.deadline.filter(|_| self.is_shortened)
    }

    /// Which end of the call this is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// How many messages it has in each direction.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The full name of the method: `/package.Service/Method`.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The service's full name: `package.Service`.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.names().0
    }

    /// The method's name alone.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.names().1
    }

    fn names(&self) -> (&'static str, &'static str) {
        let names = self.path.strip_prefix('/').unwrap_or(self.path);
        names.rsplit_once('/').unwrap_or((names, ""))
    }

    /// The metadata of the request.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.parts.metadata
    }

    /// The metadata of the request, to change it.
    #[must_use]
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.parts.metadata
    }

    /// The moment at which the call ends with DEADLINE_EXCEEDED, if there is one.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.parts.deadline
    }

    /// Lets the call end at `deadline`, unless it has to end before. At a client the server is told;
    /// at a server it is what the handler sees and what its calls inherit, and
    /// [`Next::run`](super::Next::run) gives DEADLINE_EXCEEDED then. The handler is dropped at once:
    /// [`run_to_end`](crate::context::run_to_end) is no shield against what is around the handler.
    pub fn shorten_deadline(&mut self, deadline: Instant) {
        if self.parts.deadline.is_none_or(|old| deadline < old) {
            self.parts.deadline = Some(deadline);
            self.is_shortened = true;
        }
    }

    /// Lets the call end `timeout` from now, unless it has to end before. See
    /// [`Call::shorten_deadline`].
    pub fn shorten_timeout(&mut self, timeout: Duration) {
        // A timeout beyond the clock's range is no deadline at all.
        if let Some(deadline) = clock::now().checked_add(timeout) {
            self.shorten_deadline(deadline);
        }
    }

    /// At a server: the address of the client, if the transport has one.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.parts.peer.addr()
    }

    /// At a server with TLS: the certificates that the client has shown; see
    /// [`Request::peer_certificates`](crate::Request::peer_certificates).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> &[crate::tls::Certificate] {
        self.parts.peer.certificates()
    }

    /// What others in this process have left with the call.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// The same, to leave something: for interceptors further in, and at a server for the handler.
    #[must_use]
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts.extensions
    }

    /// Shows each request to `hook`, which may change it: at a client before it is encoded, at a
    /// server before the handler gets it. Refusing a request ends the call with the status given.
    ///
    /// A hook holds its stream up, and should be quick.
    pub fn on_request<H>(&mut self, hook: H)
    where
        H: FnMut(&mut Message<'_>) -> Result<(), Status> + Send + 'static,
    {
        self.hooks.add_request(Box::new(hook));
    }

    /// Shows the metadata that goes before the first reply to `hook`, which may change it. A call
    /// that fails before it has any ends without.
    pub fn on_head<H>(&mut self, hook: H)
    where
        H: FnOnce(&mut Metadata) + Send + 'static,
    {
        self.hooks.add_head(Box::new(hook));
    }

    /// Shows each reply to `hook`, which may change it: at a server before it is encoded, at a client
    /// before the caller gets it. Refusing a reply ends the call with the status given.
    ///
    /// A hook holds its stream up, and should be quick.
    pub fn on_reply<H>(&mut self, hook: H)
    where
        H: FnMut(&mut Message<'_>) -> Result<(), Status> + Send + 'static,
    {
        self.hooks.add_reply(Box::new(hook));
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("side", &self.side)
            .field("kind", &self.kind)
            .field("path", &self.path)
            .field("metadata", &self.parts.metadata)
            .field("deadline", &self.parts.deadline)
            .finish_non_exhaustive()
    }
}
