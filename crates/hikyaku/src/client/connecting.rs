//! The task of a channel: connects, drives the connection, connects again.
//!
//! ```text
//! idle --a call--> connecting --ok--> driving --over or draining, and was of use--> idle
//!                    ^ |    ^              |
//!      the wait is   | v    |              v  over or draining, and was of no use
//!      over          backing off <--- waiting, and calls with it
//!                    (calls fail      (the server has moved, or it is the first time)
//!                     at once)
//! ```
//!
//! Waits count from the beginning of the attempt before, and grow until a connection has been of
//! use: a server that says goodbye to everyone, or hangs up, makes no storm.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hikyaku_http2::Connection;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::backoff::{self, Backoff};
use super::connection::{ClientCalls, Ending};
use super::connectivity::ConnectivityState;
use super::error::ConnectError;
use super::shared::{Io, Shared};
use super::waiting::Waiting;
use crate::Status;
use crate::net::chance;
use crate::net::driver::{Driver, Part};
use crate::net::outbox::{Outbox, Sleep, Wish};

type Told = oneshot::Sender<Result<(), ConnectError>>;

/// Looks after a channel until it is dropped. With `told`, it connects at once, and gives up after
/// a first failure.
pub(crate) fn run(shared: Arc<Shared>, told: Option<Told>) -> impl Future<Output = ()> {
    // From now on, even if the runtime ends before it has begun.
    let caretaker = Caretaker(Arc::clone(&shared));
    async move {
        look_after(&shared, told).await;
        drop(caretaker);
    }
}

async fn look_after(shared: &Arc<Shared>, mut told: Option<Told>) {
    let mut backoff = Backoff::new();
    let mut next_attempt = Instant::now();
    loop {
        let mut lobby = Lobby::over(shared);
        if told.is_none() && lobby.wait_until_wanted(shared).await == Wanted::Nothing {
            return;
        }
        shared.connectivity.set(ConnectivityState::Connecting);
        let attempt = async {
            sleep_until(next_attempt).await;
            (Instant::now(), connect(shared).await)
        };
        let (start, connected) = tokio::select! {
            biased;
            connected = attempt => connected,
            () = poll_fn(|cx| lobby.poll_take_in(cx)) => return,
        };
        let (ending, mut lobby) = match connected {
            Ok(io) => {
                let ending = match io {
                    Connected::Tcp(io) => drive(shared, io, lobby, &mut told).await,
                    Connected::Boxed(io) => drive(shared, io, lobby, &mut told).await,
                };
                (ending, Lobby::over(shared))
            }
            Err(error) => (Ending::Failed(error), lobby),
        };
        if matches!(ending, Ending::Useful) {
            backoff = Backoff::new();
            shared.connectivity.set(ConnectivityState::Idle);
            continue;
        }
        if start.elapsed() >= backoff::MAX {
            backoff = Backoff::new();
        }
        let is_first = backoff.is_fresh();
        next_attempt = start + backoff.step(chance::unit());
        // Bad luck, or it stood for longer than the wait would be, is no reason to give calls up.
        let is_bearable = is_first || next_attempt <= Instant::now();
        let error = match ending {
            Ending::Lost(error) if !is_bearable => error,
            Ending::Failed(error) => error,
            Ending::Useful | Ending::Moved | Ending::Lost(_) => {
                shared.connectivity.set(ConnectivityState::Idle);
                continue;
            }
        };
        shared.connectivity.set(ConnectivityState::TransientFailure);
        let addr = shared.target.addr.clone();
        let error = ConnectError::Connect { addr, error };
        if let Some(told) = told.take() {
            let _ = told.send(Err(error));
            return;
        }
        let status = Status::from(error);
        let refusal = lobby.refuse_until(next_attempt, &status);
        tokio::select! {
            () = refusal => {}
            () = shared.connectivity.hurry_wanted() => {
                backoff = Backoff::new();
                next_attempt = Instant::now();
            }
        }
        if lobby.leave(shared) == Wanted::Nothing {
            return;
        }
    }
}

/// Dropped when the task of a channel ends, with its runtime at the latest.
struct Caretaker(Arc<Shared>);

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A fresh connection.
enum Connected {
    Tcp(TcpStream),
    Boxed(Box<dyn Io>),
}

async fn connect(shared: &Shared) -> io::Result<Connected> {
    let attempt = async {
        let connected = match &shared.transport {
            Some(transport) => Connected::Boxed(transport().await?),
            None => Connected::Tcp(connect_tcp(shared).await?),
        };
        #[cfg(feature = "tls")]
        if let Some(tls) = &shared.tls {
            return Ok(Connected::Boxed(match connected {
                Connected::Tcp(io) => Box::new(tls.secure(io).await?),
                Connected::Boxed(io) => Box::new(tls.secure(io).await?),
            }));
        }
        Ok(connected)
    };
    match tokio::time::timeout(shared.connect_timeout, attempt).await {
        Ok(connected) => connected,
        Err(_) => {
            let what = format!("no answer within {:?}", shared.connect_timeout);
            Err(io::Error::new(io::ErrorKind::TimedOut, what))
        }
    }
}

async fn connect_tcp(shared: &Shared) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for addr in lookup_host(&shared.target.addr).await? {
        match TcpStream::connect(addr).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                if shared.keepalive.is_on() {
                    limit_silence(&stream, shared.http2.keepalive_timeout);
                }
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Lets the system, too, give up a peer that acknowledges nothing for so long (gRFC A18): a write
/// that is stuck would wait for many minutes. Not all systems can.
fn limit_silence(stream: &TcpStream, timeout: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(timeout)) {
        tracing::debug!(%error, "TCP_USER_TIMEOUT cannot be set");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, timeout);
}

/// Drives one connection until it ends, or until it only finishes what it has: then a task of its
/// own does that.
async fn drive<S: Io + 'static>(
    shared: &Arc<Shared>,
    io: S,
    lobby: Lobby,
    told: &mut Option<Told>,
) -> Ending {
    let Lobby { outbox, waiting } = lobby;
    let mut http2 = shared.http2.clone();
    shared.keepalive.apply(&mut http2);
    let connection = Connection::client(http2);
    let calls = ClientCalls::new(Arc::clone(shared), Arc::clone(&outbox), waiting);
    let mut driver = Driver::new(io, connection, calls, Arc::clone(&outbox));
    let mut was_ready = false;
    let part = poll_fn(|cx| {
        let part = driver.poll_until_parted(cx);
        if !was_ready && driver.calls_mut().was_ready() {
            was_ready = true;
            shared.connectivity.set(ConnectivityState::Ready);
            if let Some(told) = told.take() {
                let _ = told.send(Ok(()));
            }
        }
        part
    })
    .await;
    let ending = driver.calls_mut().ending();
    if part == Part::Draining {
        tokio::spawn(driver);
    }
    ending
}

/// Where calls wait while there is no connection.
struct Lobby {
    outbox: Arc<Outbox>,
    waiting: Waiting,
}

/// Whether anybody wants a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Something,
    /// The channel has been dropped.
    Nothing,
}

impl Lobby {
    fn over(shared: &Shared) -> Self {
        Self {
            outbox: shared.current_outbox(),
            waiting: Waiting::new(),
        }
    }

    /// Waits until somebody wants a connection, or until the channel has been dropped.
    async fn wait_until_wanted(&mut self, shared: &Shared) -> Wanted {
        tokio::select! {
            biased;
            wanted = poll_fn(|cx| self.poll_wanted(cx)) => wanted,
            () = shared.connectivity.connection_wanted() => Wanted::Something,
        }
    }

    /// Ready once a call waits, or when the channel has been dropped.
    fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<Wanted> {
        match self.poll_take_in(cx) {
            Poll::Ready(()) => Poll::Ready(Wanted::Nothing),
            Poll::Pending if self.waiting.is_empty() => Poll::Pending,
            Poll::Pending => Poll::Ready(Wanted::Something),
        }
    }

    /// Takes calls in and ends those that come too late. Ready when the channel has been dropped.
    fn poll_take_in(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut rung = Vec::new();
            let wish = self.outbox.take(&mut rung);
            for mailbox in rung {
                self.waiting.take_in(mailbox);
            }
            self.waiting.poll_deadlines(cx);
            if wish > Wish::Serve && self.waiting.is_empty() {
                return Poll::Ready(());
            }
            if self.outbox.sleep(cx.waker(), wish) == Sleep::Sound {
                return Poll::Pending;
            }
        }
    }

    /// Waits for the next attempt; calls made meanwhile fail at once with what went wrong, unless they
    /// are to wait.
    async fn refuse_until(&mut self, next_attempt: Instant, status: &Status) {
        let mut wait = pin!(sleep_until(next_attempt));
        poll_fn(|cx| {
            let taken_in = self.poll_take_in(cx);
            self.waiting.fail_impatient(status);
            match taken_in {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => wait.as_mut().poll(cx),
            }
        })
        .await;
    }

    /// Gives way to the next lobby, which is over the same outbox.
    fn leave(mut self, shared: &Shared) -> Wanted {
        while let Some(mailbox) = self.waiting.pop() {
            shared.forward(mailbox);
        }
        let mut rung = Vec::new();
        let wish = self.outbox.take(&mut rung);
        for mailbox in rung {
            shared.forward(mailbox);
        }
        if wish > Wish::Serve {
            Wanted::Nothing
        } else {
            Wanted::Something
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_with_keepalive_has_its_timeout_for_unacknowledged_bytes_too() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let _guard = runtime.enter();
        // Connected to nobody: what is set can be read back all the same.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = std::net::TcpStream::from(socket.unwrap());
        socket.set_nonblocking(true).unwrap();
        let stream = TcpStream::from_std(socket).unwrap();
        let read = || socket2::SockRef::from(&stream).tcp_user_timeout().unwrap();
        assert!(read().is_none_or(|timeout| timeout.is_zero()));
        limit_silence(&stream, Duration::from_secs(20));
        assert_eq!(read(), Some(Duration::from_secs(20)));
    }
}
