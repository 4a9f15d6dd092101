//! Clients that say something, and then nothing any more.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hikyaku::server::{Listener, Replies, Requests};
use hikyaku::{Request, Response, Server, Status};
use hikyaku_build_check::proto::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};
use hikyaku_testkit::raw::{self, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Streams that a client opens at once.
pub(crate) const STREAMS: usize = 50;

/// Turns of the runtime after which nothing is left to do.
const TURN_COUNT: usize = 2_000;

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// Its preface and SETTINGS.
    Nothing,
    OneCall,
    /// Two, one behind the other.
    TwoCalls,
    /// The headers of calls with one request.
    Heads,
    /// Calls whose handlers wait for requests.
    Streams,
    /// The same with replies.
    Chats,
}

impl Say {
    /// In one read each.
    fn reads(self) -> Vec<Vec<u8>> {
        let greeting = [raw::PREFACE, &Frame::settings(&[]), &Frame::settings_ack()].concat();
        let call = |stream: usize| {
            let body = Frame::data(number(stream), &[0; 5], true);
            [head(stream, "SayHello"), body].concat()
        };
        let open = |method| {
            (0..STREAMS)
                .flat_map(|stream| head(stream, method))
                .collect()
        };
        match self {
            Self::Nothing => vec![greeting],
            Self::OneCall => vec![greeting, call(0)],
            Self::TwoCalls => vec![greeting, call(0), call(1)],
            Self::Heads => vec![greeting, open("SayHello")],
            Self::Streams => vec![greeting, open("GreetAll")],
            Self::Chats => vec![greeting, open("Chat")],
        }
    }

    /// How many handlers that makes run.
    fn handler_count(self) -> usize {
        match self {
            Self::Nothing | Self::Heads => 0,
            Self::OneCall => 1,
            Self::TwoCalls => 2,
            Self::Streams | Self::Chats => STREAMS,
        }
    }
}

fn number(stream: usize) -> u32 {
    u32::try_from(1 + 2 * stream).unwrap()
}

fn head(stream: usize, method: &str) -> Vec<u8> {
    let path = format!("/helloworld.Greeter/{method}");
    Frame::headers(number(stream), &raw::request(&path, &[]), false)
}

/// A server, and clients who all say the same to it.
pub(crate) struct Clients {
    runtime: Runtime,
    sockets: mpsc::UnboundedSender<Socket>,
    say: Say,
    reads: Arc<[Vec<u8>]>,
    greeter: Waiting,
    count: usize,
}

impl Clients {
    pub(crate) fn new(say: Say) -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let (sockets, coming) = mpsc::unbounded_channel();
        let greeter = Waiting::default();
        let server = Server::new().add(GreeterServer::new(greeter.clone()));
        runtime.spawn(server.serve_listener(Door(coming)));
        Self {
            runtime,
            sockets,
            say,
            reads: say.reads().into(),
            greeter,
            count: 0,
        }
    }

    /// Lets so many more come, and waits until they have said all.
    pub(crate) fn come(&mut self, count: usize) {
        self.runtime.block_on(async {
            for _ in 0..count {
                let socket = Socket {
                    reads: Arc::clone(&self.reads),
                    read_count: 0,
                };
                self.sockets.send(socket).expect("the server serves");
                tokio::task::yield_now().await;
            }
            for _ in 0..TURN_COUNT {
                tokio::task::yield_now().await;
            }
        });
        self.count += count;
        let started = self.greeter.started.load(Ordering::SeqCst);
        assert_eq!(started, self.count * self.say.handler_count());
    }
}

/// The server's end of a connection. Whatever the server has to say is taken.
struct Socket {
    reads: Arc<[Vec<u8>]>,
    read_count: usize,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turn = self.read_count;
        self.read_count += 1;
        // Between two reads the connection sleeps.
        match self.reads.get(turn / 2) {
            Some(read) if turn.is_multiple_of(2) => {
                buffer.put_slice(read);
                Poll::Ready(Ok(()))
            }
            Some(_) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }
}

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

/// Takes the connections that come.
struct Door(mpsc::UnboundedReceiver<Socket>);

impl Listener for Door {
    type Io = Socket;

    async fn accept(&mut self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self.0.recv().await {
            Some(socket) => Ok((socket, Some(SocketAddr::from(([127, 0, 0, 1], 1))))),
            None => pending().await,
        }
    }
}

/// Answers at once, or waits for requests.
#[derive(Clone, Debug, Default)]
struct Waiting {
    started: Arc<AtomicUsize>,
}

impl Waiting {
    fn start(&self) {
        self.started.fetch_add(1, Ordering::SeqCst);
    }
}

impl Greeter for Waiting {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        self.start();
        Ok(HelloReply::default().into())
    }

    async fn say_many_hellos(
        &self,
        _: Request<HelloRequest>,
        _: Replies<HelloReply>,
    ) -> Result<(), Status> {
        Ok(())
    }

    async fn greet_all(
        &self,
        mut requests: Requests<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        self.start();
        while requests.next().await?.is_some() {}
        Ok(HelloReply::default().into())
    }

    async fn chat(
        &self,
        mut requests: Requests<HelloRequest>,
        mut replies: Replies<HelloReply>,
    ) -> Result<(), Status> {
        self.start();
        while requests.next().await?.is_some() {
            replies.send(HelloReply::default()).await?;
        }
        Ok(())
    }
}
