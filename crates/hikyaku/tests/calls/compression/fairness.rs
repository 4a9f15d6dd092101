//! Few bytes that stand for many take their time in turns with everybody else.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use hikyaku::compression::{Coding, Codings, Inflated};
use hikyaku::{Request, Server};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time;

use super::Runs;
use crate::in_memory::{Calls, Network, Plain};

/// [`Runs`], counted.
struct Counted(Arc<AtomicUsize>);

impl Coding for Counted {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        Runs("runs").compress(message, out)
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Runs("runs").decompress(compressed, out)
    }
}

/// A message of about 2 KiB that stands for 250 KiB.
fn long() -> Vec<u8> {
    let message = b"\xffa".repeat(1024);
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[1], &len[..], &message].concat()
}

/// Messages of one read.
const COUNT: usize = 25;

/// How many of [`COUNT`] messages had been inflated when another client, who called at the same time,
/// had its answer.
fn inflated_meanwhile(requests: fn() -> Vec<u8>) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    virtual_time::run(async {
        let network = Network::new();
        let seen = Arc::clone(&count);
        let calls = Calls::new()
            .unary_bytes("/test.Calls/Take", |_| async { Ok(Bytes::new().into()) })
            .client_streaming_bytes("/test.Calls/Sum", |mut requests| async move {
                while requests.next().await?.is_some() {}
                Ok(0.into())
            })
            .unary("/test.Calls/Ask", move |_| {
                let count = seen.load(Ordering::SeqCst);
                async move { Ok((count as u64).into()) }
            });
        let codings = Codings::none().with(Counted(Arc::clone(&count)));
        network.serve(Server::new().codings(codings).add(calls));
        let mut peer = network.raw_client().await;
        let honest = network.channel();
        let ask =
            |number: u64| honest.unary::<Plain, u64, u64>("/test.Calls/Ask", Request::new(number));
        assert_eq!(ask(0).await.unwrap().into_message(), 0, "it is connected");
        let (answer, ()) = tokio::join!(ask(1), async { peer.send(&requests()).await });
        while count.load(Ordering::SeqCst) < COUNT {
            tokio::task::yield_now().await;
        }
        usize::try_from(answer.unwrap().into_message()).unwrap()
    })
}

#[test]
fn single_requests_that_are_long_when_inflated_let_others_have_their_turn() {
    let meanwhile = inflated_meanwhile(|| {
        let streams = (1..).step_by(2).take(COUNT);
        let call = |stream| {
            let block = raw::request("/test.Calls/Take", &[("grpc-encoding", "runs")]);
            [
                Frame::headers(stream, &block, false),
                Frame::data(stream, &long(), true),
            ]
            .concat()
        };
        streams.flat_map(call).collect()
    });
    assert!(meanwhile < COUNT, "{meanwhile} of {COUNT}");
}

#[test]
fn a_stream_of_requests_that_are_long_when_inflated_lets_others_have_their_turn() {
    let meanwhile = inflated_meanwhile(|| {
        let block = raw::request("/test.Calls/Sum", &[("grpc-encoding", "runs")]);
        let mut bytes = Frame::headers(1, &block, false);
        for _ in 0..COUNT {
            bytes.extend(Frame::data(1, &long(), false));
        }
        bytes
    });
    assert!(meanwhile < COUNT, "{meanwhile} of {COUNT}");
}
