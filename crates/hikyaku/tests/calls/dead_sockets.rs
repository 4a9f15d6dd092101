//! Sockets that take nothing, or never close: the driver must neither spin on them nor keep them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hikyaku::Server;
use hikyaku::server::Listener;
use hikyaku_testkit::{Live, virtual_time};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use crate::in_memory::Calls;

/// What is wrong with the socket.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A write takes no byte and says so at once.
    TakesNothing,
    /// A write never comes back.
    IsFull,
    /// Closing never comes back.
    NeverCloses,
}

/// A socket whose peer says one thing and then nothing.
struct Socket {
    fault: Fault,
    said: &'static [u8],
    polls: Arc<AtomicUsize>,
    /// Alive until the driver lets go of the socket.
    _held: mpsc::Sender<()>,
}

impl Socket {
    fn count(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.count();
        if self.said.is_empty() {
            return Poll::Pending;
        }
        buf.put_slice(std::mem::take(&mut self.said));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.count();
        match self.fault {
            Fault::TakesNothing => Poll::Ready(Ok(0)),
            Fault::IsFull => Poll::Pending,
            Fault::NeverCloses => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.count();
        match self.fault {
            Fault::NeverCloses => Poll::Pending,
            Fault::TakesNothing | Fault::IsFull => Poll::Ready(Ok(())),
        }
    }
}

/// Hands one socket to the server.
struct Once(Option<Socket>);

impl Listener for Once {
    type Io = Socket;

    async fn accept(&mut self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self.0.take() {
            Some(socket) => Ok((socket, None)),
            None => std::future::pending().await,
        }
    }
}

#[test]
fn a_socket_that_is_dead_is_let_go_without_spinning() {
    for fault in [Fault::TakesNothing, Fault::IsFull, Fault::NeverCloses] {
        // The second ends the connection; the first keeps to the protocol and is only silent.
        for said in [&b"PRI * HTTP/2.0\r\n\r\n"[..], b"GET / HTTP/1.1\r\n\r\n"] {
            virtual_time::run(async move {
                let polls = Arc::new(AtomicUsize::new(0));
                let (held, mut let_go) = mpsc::channel(1);
                let socket = Socket {
                    fault,
                    said,
                    polls: Arc::clone(&polls),
                    _held: held,
                };
                let server = Server::new().add(Calls::four_kinds(&Live::new()));
                let serving = tokio::spawn(server.serve_listener(Once(Some(socket))));
                let gone = tokio::time::timeout(Duration::from_secs(60), let_go.recv()).await;
                assert_eq!(gone, Ok(None), "{fault:?} is held");
                let count = polls.load(Ordering::Relaxed);
                assert!(count < 50, "{fault:?} is polled {count} times");
                serving.abort();
            });
        }
    }
}
