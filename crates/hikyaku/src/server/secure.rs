//! Connections that begin with a TLS handshake, each in its own task: the loop that accepts them
//! does not wait for it, and nothing that a client does in it reaches that loop.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;

use super::connection::{ServerCalls, Shared};
use super::door::Door;
use super::serve::driver;
use crate::net::driver::Driver;
use crate::net::outbox::{Outbox, Sleep, Wish};
use crate::request::Peer;
use crate::tls::{self, Certificate, ServerTls};

/// What all handshakes of a server have in common.
#[derive(Debug)]
pub(crate) struct Security {
    tls: ServerTls,
    /// A place for each handshake that may run.
    places: Semaphore,
}

impl Security {
    pub(super) fn new(tls: ServerTls, max_handshakes: usize) -> Self {
        let places = Semaphore::new(max_handshakes.min(Semaphore::MAX_PERMITS));
        Self { tls, places }
    }

    /// Shakes hands, also waiting for its turn.
    async fn accept<S>(&self, io: S) -> Result<TlsStream<S>, Refused<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Ok(_place) = self.places.acquire().await else {
            return Err(Refused::lost("the server is closing"));
        };
        let accepted = self.tls.acceptor().accept(io).into_fallible().await;
        let mut stream = accepted.map_err(|(error, io)| Refused {
            what: tls::handshake_failure(&error),
            io: Some(io),
        })?;
        if ServerTls::is_h2(stream.get_ref().1.alpn_protocol()) {
            return Ok(stream);
        }
        let _ = stream.shutdown().await;
        Err(Refused {
            what: tls::NO_CLIENT_HTTP2.to_owned(),
            io: Some(stream.into_inner().0),
        })
    }
}

/// A handshake that came to nothing.
struct Refused<S> {
    what: String,
    /// To let the client hear why.
    io: Option<S>,
}

impl<S> Refused<S> {
    fn lost(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            io: None,
        }
    }
}

/// Shakes hands, and makes what drives the connection. Preface and handshake share one time limit.
pub(super) async fn greet<S>(
    io: S,
    addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    door: Arc<Door>,
) -> Option<Driver<TlsStream<S>, ServerCalls>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let security = shared.security.as_ref()?;
    let limit = shared.limits.http2.handshake_timeout;
    let farewell = shared.limits.http2.close_timeout;
    // Beyond the clock's range is a limit nobody will see.
    let deadline = Instant::now().checked_add(limit);
    let deadline = deadline.unwrap_or_else(|| Instant::now() + FOR_EVER);
    let accepted = tokio::select! {
        accepted = timeout_at(deadline, security.accept(io)) => accepted,
        () = asked_to_go(&door.outbox) => return None,
    };
    let refused = match accepted {
        Ok(Ok(stream)) => {
            let certificates = Certificate::shared(stream.get_ref().1.peer_certificates());
            let peer = Peer::with(addr, certificates);
            let rest = deadline.saturating_duration_since(Instant::now());
            return Some(driver(stream, peer, &shared, door, rest));
        }
        Ok(Err(refused)) => refused,
        Err(_) => Refused::lost("no handshake within its time limit"),
    };
    tracing::debug!(?addr, what = refused.what, "a TLS handshake failed");
    if let Some(io) = refused.io {
        let _ = timeout_at(deadline.min(Instant::now() + farewell), part(io)).await;
    }
    None
}

/// Lets the client read the alert: bytes that nobody has read make the system answer with a reset,
/// which can overtake it.
async fn part<S: AsyncRead + AsyncWrite + Unpin>(mut io: S) -> io::Result<()> {
    io.shutdown().await?;
    let mut unseen = [0; 1024];
    for _ in 0..MAX_UNSEEN_READ_COUNT {
        if io.read(&mut unseen).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// Ready when the server is to end, or needs the room of a connection that is of no use yet.
async fn asked_to_go(outbox: &Outbox) {
    let mut rung = Vec::new();
    poll_fn(|cx| {
        loop {
            let wish = outbox.take(&mut rung);
            if wish > Wish::Serve {
                return Poll::Ready(());
            }
            if outbox.sleep(cx.waker(), wish) == Sleep::Sound {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// Reads for nothing of a client that was refused.
const MAX_UNSEEN_READ_COUNT: usize = 64;
/// Longer than any process lives, and within every clock's range.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
