//! gRPC's negative HTTP/2 interop cases, each named first in its test: a server that keeps to HTTP/2,
//! but ends streams and connections when it pleases, against our client.
//!
//! Spec: negative-http2-interop-test-descriptions.md.

use std::collections::HashMap;

use bytes::Bytes;
use hikyaku::{Channel, Code, Origin, Request, Server, Status};
use hikyaku_testkit::Live;
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer, frame, kind};
use hikyaku_testkit::virtual_time::{self, settle};
use tokio::task::{JoinHandle, JoinSet};

use crate::in_memory::{Calls, Network, Plain, answer_end, answer_head};

const REQUEST_LEN: usize = 271_828;
const RESPONSE_LEN: usize = 314_159;

/// The windows of both ends, and the length of a frame, before anybody says otherwise
/// (RFC 9113 §6.5.2, §6.9.2).
const WINDOW_LEN: usize = 65_535;
const MAX_FRAME_LEN: usize = 16_384;

const MAX_CONCURRENT_STREAMS: u16 = 3;

/// A UnaryCall of the official lengths.
fn call(channel: &Channel) -> JoinHandle<Result<usize, Status>> {
    let channel = channel.clone();
    tokio::spawn(async move {
        let request = Request::new(Bytes::from(vec![0; REQUEST_LEN]));
        let path = "/grpc.testing.TestService/UnaryCall";
        let response = channel.unary::<Plain, Bytes, Bytes>(path, request).await?;
        Ok(response.into_message().len())
    })
}

/// A peer that keeps to the other end's windows, and counts its own pings.
struct Peer {
    peer: RawPeer<End>,
    /// What we may still send, by stream; 0 is the connection.
    windows: HashMap<u32, usize>,
    pings: Vec<[u8; 8]>,
}

impl Peer {
    fn new(peer: RawPeer<End>) -> Self {
        Self {
            peer,
            windows: HashMap::new(),
            pings: Vec::new(),
        }
    }

    /// The next frame; what it says of windows and pings is noted.
    async fn read(&mut self) -> Frame {
        let frame = self.peer.read().await.expect("the other end stays");
        match frame {
            Frame::WindowUpdate { stream, increment } => {
                *self.window(stream) += increment as usize;
            }
            Frame::Ping { ack: true, payload } => {
                let sent = self.pings.iter().position(|ping| *ping == payload);
                self.pings.remove(sent.expect("the ping was sent"));
            }
            _ => {}
        }
        frame
    }

    fn window(&mut self, stream: u32) -> &mut usize {
        self.windows.entry(stream).or_insert(WINDOW_LEN)
    }

    /// Reads one whole request, and says how long it was.
    async fn read_request(&mut self, stream: u32) -> usize {
        let mut request_len = 0;
        loop {
            let frame = self.read().await;
            if stream != frame.stream() {
                assert_eq!(frame.stream(), 0, "{frame:?} while {stream} is open");
                continue;
            }
            if let Frame::Data { data, .. } = &frame {
                request_len += data.len();
                let len = data.len() as u32;
                for of in [0, stream] {
                    self.peer.send(&Frame::window_update(of, len)).await;
                }
            }
            if frame.ends_stream() {
                return request_len;
            }
        }
    }

    async fn send_head(&mut self, stream: u32) {
        self.peer.send(&answer_head(stream)).await;
    }

    /// Sends bytes in DATA frames, each with so much padding, as fast as they are taken.
    async fn send_data(&mut self, stream: u32, bytes: &[u8], pad_len: Option<u8>) {
        const PADDED: u8 = 0x8;
        let padding = pad_len.map_or(0, |len| usize::from(len) + 1);
        // Little frames: more padding than message goes over the line.
        let chunk_len = if padding == 0 { MAX_FRAME_LEN } else { 100 };
        for chunk in bytes.chunks(chunk_len) {
            let frame_len = chunk.len() + padding;
            while *self.window(0) < frame_len || *self.window(stream) < frame_len {
                self.read().await;
            }
            for of in [0, stream] {
                *self.window(of) -= frame_len;
            }
            let data = match pad_len {
                None => Frame::data(stream, chunk, false),
                Some(len) => {
                    let payload = [&[len], chunk, &vec![0; usize::from(len)]].concat();
                    frame(kind::DATA, PADDED, stream, &payload)
                }
            };
            self.peer.send(&data).await;
        }
    }

    async fn send_end(&mut self, stream: u32) {
        self.peer.send(&answer_end(stream)).await;
    }

    async fn answer(&mut self, stream: u32) {
        self.send_head(stream).await;
        self.send_data(stream, &response(), None).await;
        self.send_end(stream).await;
    }

    async fn ping(&mut self) {
        let payload = [self.pings.len() as u8 + 1; 8];
        self.pings.push(payload);
        self.peer.send(&Frame::ping(false, payload)).await;
    }
}

/// The bytes of a response: its prefix, and zeros.
fn response() -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend((RESPONSE_LEN as u32).to_be_bytes());
    bytes.resize(bytes.len() + RESPONSE_LEN, 0);
    bytes
}

async fn connect() -> (Channel, Peer) {
    let network = Network::new();
    let mut door = network.listen();
    let channel = network.channel();
    let first = call(&channel);
    let mut server = Peer::new(door.raw_server(&[]).await);
    assert_eq!(server.read_request(1).await, REQUEST_LEN + 5);
    server.answer(1).await;
    assert_eq!(first.await.unwrap().unwrap(), RESPONSE_LEN);
    (channel, server)
}

#[test]
fn goaway_lets_the_first_call_end_well_and_sends_the_second_elsewhere() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let first = call(&channel);
        let mut server = Peer::new(door.raw_server(&[]).await);
        server.read_request(1).await;
        server.peer.send(&Frame::go_away(1, 0, "")).await;
        settle().await;
        let second = call(&channel);
        let mut elsewhere = Peer::new(door.raw_server(&[]).await);
        elsewhere.read_request(1).await;
        elsewhere.answer(1).await;
        assert_eq!(second.await.unwrap().unwrap(), RESPONSE_LEN);
        server.answer(1).await;
        assert_eq!(first.await.unwrap().unwrap(), RESPONSE_LEN);
        assert_eq!(network.attempt_count(), 2);
    });
}

/// How much of an answer comes before RST_STREAM.
#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Half,
    WithoutTrailers,
}

/// A call whose stream is reset behind a part of its answer fails, and the next one does not.
fn reset_after(part: Part) {
    const NO_ERROR: u32 = 0;
    virtual_time::run(async move {
        let (channel, mut server) = connect().await;
        let failing = call(&channel);
        server.read_request(3).await;
        server.send_head(3).await;
        let bytes = response();
        let len = match part {
            Part::Head => 0,
            Part::Half => bytes.len() / 2,
            Part::WithoutTrailers => bytes.len(),
        };
        server.send_data(3, &bytes[..len], None).await;
        server.peer.send(&Frame::reset(3, NO_ERROR)).await;
        let status = failing.await.unwrap().unwrap_err();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Internal, Origin::Peer),
            "{part:?}: {status:?}"
        );
        let next = call(&channel);
        server.read_request(5).await;
        server.answer(5).await;
        assert_eq!(next.await.unwrap().unwrap(), RESPONSE_LEN);
    });
}

#[test]
fn rst_after_header_fails_the_call_alone() {
    reset_after(Part::Head);
}

#[test]
fn rst_during_data_fails_the_call_alone() {
    reset_after(Part::Half);
}

#[test]
fn rst_after_data_fails_the_call_alone() {
    reset_after(Part::WithoutTrailers);
}

#[test]
fn ping_is_acknowledged_wherever_it_comes_in_an_answer() {
    virtual_time::run(async {
        let (channel, mut server) = connect().await;
        let calling = call(&channel);
        server.read_request(3).await;
        server.ping().await;
        server.send_head(3).await;
        server.ping().await;
        let bytes = response();
        let (first, second) = bytes.split_at(RESPONSE_LEN / 2);
        server.send_data(3, first, None).await;
        server.ping().await;
        server.send_data(3, second, None).await;
        server.ping().await;
        server.send_end(3).await;
        assert_eq!(calling.await.unwrap().unwrap(), RESPONSE_LEN);
        while !server.pings.is_empty() {
            server.read().await;
        }
    });
}

#[test]
fn max_streams_of_one_makes_ten_calls_wait_for_each_other() {
    virtual_time::run(async {
        let (channel, mut server) = connect().await;
        let settings = [(MAX_CONCURRENT_STREAMS, 1)];
        server.peer.send(&Frame::settings(&settings)).await;
        while !matches!(server.read().await, Frame::Settings { ack: true, .. }) {}
        let mut calls = JoinSet::new();
        for _ in 0..10 {
            let calling = call(&channel);
            calls.spawn(async move { calling.await.unwrap() });
        }
        for number in 0..10 {
            // A frame of another stream would fail this.
            let stream = 3 + 2 * number;
            server.read_request(stream).await;
            settle().await;
            server.answer(stream).await;
        }
        while let Some(response_len) = calls.join_next().await {
            assert_eq!(response_len.unwrap().unwrap(), RESPONSE_LEN);
        }
    });
}

#[test]
fn data_frame_padding_counts_for_flow_control_and_is_not_part_of_the_message() {
    for pad_len in [0, 1, 255] {
        virtual_time::run(async move {
            let (channel, mut server) = connect().await;
            let calling = call(&channel);
            server.read_request(3).await;
            server.send_head(3).await;
            server.send_data(3, &response(), Some(pad_len)).await;
            server.send_end(3).await;
            assert_eq!(calling.await.unwrap().unwrap(), RESPONSE_LEN, "{pad_len}");
        });
    }
}

#[test]
fn data_frame_padding_is_taken_from_clients_too() {
    virtual_time::run(async move {
        let calls = Calls::four_kinds(&Live::new())
            .unary_bytes("/test.Calls/Len", |request| async move {
                Ok(Bytes::from(request.message().len().to_string()).into())
            });
        let network = Network::new();
        network.serve(Server::new().add(calls));
        let mut client = Peer::new(network.raw_client().await);
        // What the server said of it was part of the greeting.
        client.windows.insert(0, 1024 * 1024);
        let head = raw::request("/test.Calls/Len", &[]);
        client.peer.send(&Frame::headers(1, &head, false)).await;
        client.send_data(1, &response(), Some(255)).await;
        client.peer.send(&Frame::data(1, &[], true)).await;
        let mut answer = Vec::new();
        loop {
            let frame = client.read().await;
            if let Frame::Data { data, .. } = &frame {
                answer.extend_from_slice(data);
            }
            if frame.ends_stream() {
                assert_eq!(frame.field("grpc-status"), Some("0"));
                break;
            }
        }
        assert_eq!(answer[5..], *RESPONSE_LEN.to_string().as_bytes());
    });
}
