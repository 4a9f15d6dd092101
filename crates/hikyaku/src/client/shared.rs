//! What a channel, its connections and its calls have in common.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;

use super::connectivity::{Connectivity, ConnectivityState};
use super::error::ConnectError;
use super::keepalive::Keepalive;
use super::target::Target;
use crate::codec::Format;
use crate::compression::{Codings, Policy};
use crate::net::mailbox::{Mailbox, Patience};
use crate::net::outbox::{Outbox, Wish};
#[cfg(feature = "tls")]
use crate::tls::{ClientTls, Connector};
use crate::{Origin, Status};

/// What the channel and its connections know of each other.
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) user_agent: String,
    pub(crate) max_message_len: usize,
    pub(crate) format: Format,
    pub(crate) compression: Policy,
    pub(crate) transport: Option<Transport>,
    pub(crate) http2: hikyaku_http2::Config,
    pub(crate) keepalive: Keepalive,
    pub(crate) connectivity: Connectivity,
    /// How long one attempt to connect may take.
    pub(crate) connect_timeout: Duration,
    /// There if the target is `https`.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Connector>,
    /// Where the channel was made: its connections live there.
    pub(crate) runtime: Handle,
    current: Mutex<Current>,
}

/// What the user of a channel may choose.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) max_message_len: usize,
    pub(crate) format: Format,
    pub(crate) codings: Codings,
    pub(crate) compress: Option<String>,
    pub(crate) transport: Option<Transport>,
    pub(crate) http2: hikyaku_http2::Config,
    pub(crate) connect_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<ClientTls>,
}

impl Options {
    /// What makes the connections to a target secure, if they are to be.
    ///
    /// # Errors
    /// [`ConnectError::Tls`]; [`ConnectError::Target`] for certificates nobody would look at.
    #[cfg(feature = "tls")]
    fn connector(&self, target: &Target) -> Result<Option<Connector>, ConnectError> {
        match (target.scheme, &self.tls) {
            ("https", tls) => {
                let tls = tls.clone().unwrap_or_default();
                let connector = tls.load(&target.host).map_err(ConnectError::Tls)?;
                Ok(Some(connector))
            }
            (_, None) => Ok(None),
            (_, Some(_)) => Err(ConnectError::Target {
                target: target.addr.clone(),
                what: "there are options for TLS, but the scheme is not https",
            }),
        }
    }
}

#[derive(Debug)]
struct Current {
    /// Where new calls go: the open connection, or the one in the making.
    outbox: Arc<Outbox>,
    is_closed: bool,
    /// The task that connects is gone, with the runtime it lived on.
    is_abandoned: bool,
}

impl Shared {
    pub(crate) fn new(
        target: Target,
        user_agent: String,
        options: Options,
        runtime: Handle,
    ) -> Result<Arc<Self>, ConnectError> {
        Ok(Arc::new(Self {
            #[cfg(feature = "tls")]
            tls: options.connector(&target)?,
            target,
            user_agent,
            max_message_len: options.max_message_len,
            format: options.format,
            compression: Policy::new(options.codings, options.compress.as_deref())
                .map_err(ConnectError::Coding)?,
            transport: options.transport,
            connectivity: Connectivity::new(),
            keepalive: Keepalive::new(options.http2.keepalive_interval),
            http2: options.http2,
            connect_timeout: options.connect_timeout,
            runtime,
            current: Mutex::new(Current {
                outbox: Outbox::new(),
                is_closed: false,
                is_abandoned: false,
            }),
        }))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current_outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.current().outbox)
    }

    /// The mailbox of a call that is to be opened.
    pub(crate) fn mailbox_at(&self, outbox: Arc<Outbox>, patience: Patience) -> Mailbox {
        Mailbox::new(outbox, patience, 0).with_window(self.http2.stream_window_len)
    }

    /// Puts a call that has no stream under the connection of the moment.
    pub(crate) fn forward(&self, mut mailbox: Arc<Mailbox>) {
        // An outbox is replaced before it closes, so that the second try finds an open one.
        while let Err(back) = mailbox.move_to(&self.current_outbox()) {
            if self.current().is_abandoned {
                return back.fail(&runtime_ended());
            }
            mailbox = back;
        }
    }

    /// Nobody connects any more: ends the calls that have not been looked at, and all that come.
    pub(crate) fn abandon(&self) {
        self.connectivity.set(ConnectivityState::Shutdown);
        let mut current = self.current();
        current.is_abandoned = true;
        let outbox = Arc::clone(&current.outbox);
        drop(current);
        for mailbox in outbox.close() {
            mailbox.fail(&runtime_ended());
        }
    }

    /// Replaces the outbox `old`, if it is still where new calls go.
    pub(crate) fn renew(&self, old: &Arc<Outbox>) {
        let mut current = self.current();
        if Arc::ptr_eq(&current.outbox, old) {
            current.outbox = Outbox::new();
            if current.is_closed {
                current.outbox.ask(Wish::Drain);
            }
        }
    }
}

/// The status of a call on a channel whose runtime was dropped.
pub(crate) fn runtime_ended() -> Status {
    let status = Status::unavailable("the channel's runtime has ended");
    status.with_origin(Origin::Local).of_unprocessed()
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// What the clones of a channel and its calls hold: the connection ends with the last of them.
#[derive(Debug)]
pub(crate) struct Lease {
    shared: Arc<Shared>,
}

impl Lease {
    pub(crate) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { shared })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut current = self.shared.current();
        current.is_closed = true;
        current.outbox.ask(Wish::Drain);
    }
}

/// A byte stream, whatever it is made of.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Makes connections in the application's own way.
pub(crate) type Transport = Arc<dyn Fn() -> Connecting + Send + Sync>;

/// A connection in the making.
pub(crate) type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;
