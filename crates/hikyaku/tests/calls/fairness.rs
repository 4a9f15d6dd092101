//! A client that sends without a pause has the connection's task busy for ever, but not the thread.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hikyaku::Server;
use hikyaku::server::Listener;
use hikyaku_testkit::Live;
use hikyaku_testkit::raw::{self, Frame, PREFACE};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::in_memory::Calls;

/// Bytes of one read: fewer calls than may be open at once.
const READ_LEN: usize = 2048;

/// A client whose next call is always there already, and that takes all that it is sent.
struct Relentless {
    bytes: VecDeque<u8>,
    stream: u32,
    reads: Arc<AtomicUsize>,
}

impl Relentless {
    fn new(reads: Arc<AtomicUsize>) -> Self {
        let mut bytes = VecDeque::from(PREFACE.to_vec());
        bytes.extend(Frame::settings(&[]));
        bytes.extend(Frame::settings_ack());
        Self {
            bytes,
            stream: 1,
            reads,
        }
    }
}

impl AsyncRead for Relentless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        while self.bytes.len() < READ_LEN {
            let stream = self.stream;
            let block = raw::request("/test.Calls/Nothing", &[]);
            self.bytes.extend(Frame::headers(stream, &block, false));
            let seven = 7_u64.to_be_bytes();
            self.bytes.extend(Frame::message(stream, &seven, true));
            self.stream += 2;
        }
        let len = buffer.remaining().min(READ_LEN);
        let bytes: Vec<u8> = self.bytes.drain(..len).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Relentless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Takes in one client.
struct Once(Option<Relentless>);

impl Listener for Once {
    type Io = Relentless;

    async fn accept(&mut self) -> io::Result<(Relentless, Option<SocketAddr>)> {
        match self.0.take() {
            Some(client) => Ok((client, None)),
            None => std::future::pending().await,
        }
    }
}

#[test]
fn sockets_are_looked_at_between_the_reads_of_a_client_that_never_pauses() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let reads = Arc::new(AtomicUsize::new(0));
        let client = Relentless::new(Arc::clone(&reads));
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        let serving = tokio::spawn(server.serve_listener(Once(Some(client))));
        while reads.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            let (near, far) = tokio::net::UnixStream::pair().unwrap();
            near.writable().await.unwrap();
            let before = reads.load(Ordering::Relaxed);
            assert_eq!(near.try_write(b"!").unwrap(), 1);
            far.readable().await.unwrap();
            let between = reads.load(Ordering::Relaxed) - before;
            assert!(between > 0, "the client has been cut off");
            assert!(between <= 32, "{between} reads while a byte waited");
        }
        assert!(!serving.is_finished());
        serving.abort();
    });
}
