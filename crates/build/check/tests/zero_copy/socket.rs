//! A client's bytes, written beforehand, and the socket that a server reads them from.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use hikyaku::Server;
use hikyaku::server::{Listener, Service};
use hikyaku_testkit::Random;
use hikyaku_testkit::raw::{self, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::allocator;
use super::greeters::{Greets, Seen};

/// Turns of the runtime within which every call has been handled.
const MAX_TURN_COUNT: usize = 10_000;

/// What a client sends, cut into what one read finds.
pub(crate) struct Script {
    reads: VecDeque<Vec<u8>>,
    len: usize,
    call_count: u32,
}

/// Where the bytes of a script were put.
pub(crate) struct Arrived(Vec<Piece>);

struct Piece {
    /// The first byte's number in the script.
    start: usize,
    /// And where it is.
    address: usize,
    len: usize,
}

impl Script {
    /// A client that has said who it is, in a read of its own.
    pub(crate) fn greeting() -> Self {
        let greeting = [raw::PREFACE, &Frame::settings(&[]), &Frame::settings_ack()].concat();
        Self {
            len: greeting.len(),
            reads: [greeting, Vec::new()].into(),
            call_count: 0,
        }
    }

    /// Adds a call with one request, whose name has so many bytes. Returns where in the script the
    /// name begins.
    pub(crate) fn call(&mut self, method: &str, name_len: usize) -> usize {
        let stream = 1 + 2 * self.call_count;
        self.call_count += 1;
        let path = format!("/helloworld.Greeter/{method}");
        self.send(&Frame::headers(stream, &raw::request(&path, &[]), false));
        let mut message = vec![0x0a];
        hikyaku::buffa::encoding::encode_varint(name_len as u64, &mut message);
        message.resize(message.len() + name_len, b'n');
        let message_len = u32::try_from(message.len()).unwrap();
        let body = [&[0], &message_len.to_be_bytes()[..], &message].concat();
        let mut rest = &body[..];
        while !rest.is_empty() {
            let (data, behind) = rest.split_at(rest.len().min(16_384));
            self.send(&Frame::data(stream, data, behind.is_empty()));
            rest = behind;
        }
        self.len - name_len
    }

    fn send(&mut self, bytes: &[u8]) {
        self.reads.back_mut().unwrap().extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Cuts the calls into reads of any length.
    pub(crate) fn cut(&mut self, random: &mut Random) {
        let mut rest = self.reads.pop_back().unwrap();
        while !rest.is_empty() {
            let max_len = [9, 1_500, 40_000, 400_000][random.below(4) as usize];
            let len = rest.len().min(1 + random.below(max_len) as usize);
            let behind = rest.split_off(len);
            self.reads.push_back(rest);
            rest = behind;
        }
    }

    /// Serves the script's calls with `greeter`, on this thread.
    pub(crate) fn serve<G: Greets>(self, greeter: G) -> (Vec<Seen>, Arrived)
    where
        G::Server: Service,
    {
        let log = greeter.log();
        let call_count = self.call_count as usize;
        let arrived = Arc::new(Mutex::new(Vec::with_capacity(1_000)));
        let socket = Socket {
            reads: self.reads,
            read_len: 0,
            arrived: Arc::clone(&arrived),
        };
        let server = Server::new().add(greeter.server());
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(async {
            let server = tokio::spawn(server.serve_listener(Once(Some(socket))));
            for _ in 0..MAX_TURN_COUNT {
                if log.len() < call_count {
                    assert!(!server.is_finished(), "the server has failed");
                    tokio::task::yield_now().await;
                }
            }
        });
        drop(runtime);
        let arrived = Arc::into_inner(arrived).expect("the socket has been closed");
        (log.take(), Arrived(arrived.into_inner().unwrap()))
    }
}

impl Arrived {
    /// Where a byte of the script was put.
    pub(crate) fn address_of(&self, byte: usize) -> usize {
        let mut pieces = self.0.iter();
        let piece = pieces.find(|piece| (piece.start..piece.start + piece.len).contains(&byte));
        let piece = piece.expect("it was read");
        piece.address + byte - piece.start
    }

    /// Whether any byte was put there.
    pub(crate) fn has(&self, address: usize) -> bool {
        let mut pieces = self.0.iter();
        pieces.any(|piece| (piece.address..piece.address + piece.len).contains(&address))
    }
}

/// The server's end of a connection.
struct Socket {
    reads: VecDeque<Vec<u8>>,
    read_len: usize,
    arrived: Arc<Mutex<Vec<Piece>>>,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut read) = self.reads.pop_front() else {
            return Poll::Pending;
        };
        let len = read.len().min(buffer.remaining());
        let piece = Piece {
            start: self.read_len,
            address: buffer.initialize_unfilled().as_ptr().addr(),
            len,
        };
        buffer.put_slice(&read[..len]);
        self.read_len += len;
        self.arrived.lock().unwrap().push(piece);
        if len < read.len() {
            self.reads.push_front(read.split_off(len));
        }
        allocator::start();
        Poll::Ready(Ok(()))
    }
}

/// Whatever the server has to say is taken.
impl AsyncWrite for Socket {
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

/// Takes one connection.
struct Once(Option<Socket>);

impl Listener for Once {
    type Io = Socket;

    async fn accept(&mut self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self.0.take() {
            Some(socket) => Ok((socket, None)),
            None => pending().await,
        }
    }
}
