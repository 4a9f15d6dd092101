//! The rules of gRPC over HTTP/2, seen on the wire: one end is ours, the other writes and reads its
//! frames by hand. `spec/grpc.toml` says which rule each test is for.

mod answers;
mod endings;
mod metadata;
mod requests;

use hikyaku::{Channel, Response, Server, Status};
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};

use crate::in_memory::{Calling, Calls, Network};

const SEVEN: [u8; 8] = 7_u64.to_be_bytes();

/// A method of each kind.
const KINDS: [&str; 4] = [
    "/test.Calls/Square",
    "/test.Calls/Count",
    "/test.Calls/Sum",
    "/test.Calls/Sums",
];

/// A client of our server.
async fn client_of(calls: Calls) -> RawPeer<End> {
    let network = Network::new();
    network.serve(Server::new().add(calls));
    network.raw_client().await
}

/// Sends HEADERS with this block and then these frames, and reads the answer.
async fn exchange(
    peer: &mut RawPeer<End>,
    stream: u32,
    block: &[u8],
    bodies: &[Vec<u8>],
) -> Vec<Frame> {
    let head = Frame::headers(stream, block, bodies.is_empty());
    peer.send(&[head, bodies.concat()].concat()).await;
    peer.read_stream(stream).await
}

/// The `grpc-status` at the end of an answer.
fn status_of(frames: &[Frame]) -> &str {
    let last = frames.last().expect("there is an answer");
    last.field("grpc-status")
        .unwrap_or_else(|| panic!("no grpc-status in {frames:?}"))
}

/// Our channel, and the server it is connected to.
struct Wired {
    channel: Channel,
    server: RawPeer<End>,
    stream: u32,
}

impl Wired {
    async fn new() -> Self {
        let network = Network::new();
        let mut door = network.listen();
        let connecting = network.builder().connect();
        let (channel, server) = tokio::join!(connecting, door.raw_server(&[]));
        let channel = channel.unwrap();
        Self {
            channel,
            server,
            stream: 1,
        }
    }

    /// Makes a unary call, and answers it with the frames made for its stream.
    async fn ask(&mut self, answer: impl FnOnce(u32) -> Vec<u8>) -> Result<Response<u64>, Status> {
        let stream = self.stream;
        self.stream += 2;
        let answering = async {
            while !self.server.read_on(stream).await.ends_stream() {}
            self.server.send(&answer(stream)).await;
        };
        tokio::join!(self.channel.ask("/any/Call", 1), answering).0
    }
}

/// An answer with one message: the fields of its head and of its trailers beside the usual ones.
fn answer_with(stream: u32, head: &[(&str, &str)], trailers: &[(&str, &str)]) -> Vec<u8> {
    let opening = [(":status", "200"), ("content-type", "application/grpc")];
    let head = raw::block(&[&opening[..], head].concat());
    let trailers = raw::block(&[&[("grpc-status", "0")][..], trailers].concat());
    [
        Frame::headers(stream, &head, false),
        Frame::message(stream, &SEVEN, false),
        Frame::headers(stream, &trailers, true),
    ]
    .concat()
}
