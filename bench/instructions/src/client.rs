//! A client, answered by a server whose bytes were written beforehand.

use std::future::ready;
use std::sync::Mutex;

use bytes::Bytes;
use hikyaku::Channel;

use crate::hearing::{Heard, Hearing};
use crate::peer::{Peer, Script};
use crate::proto::numbers::NumbersClient;
use crate::service::{self, MAX_MESSAGE_LEN, Raw, number};
use crate::wire::{self, Block, Body};

/// A server, as far as its script is written.
struct Answering {
    script: Script,
    head: Block,
    trailers: Block,
}

/// The stream of a call, the first of which is 0.
fn stream_of(call: usize) -> u32 {
    1 + 2 * u32::try_from(call).expect("few calls")
}

impl Answering {
    fn new() -> Self {
        let mut script = Script::default();
        script.say(Heard::default(), (0, 0), wire::open_windows);
        let [head, trailers] = Block::of([
            &[(":status", "200"), ("content-type", "application/grpc")],
            &[("grpc-status", "0")],
        ]);
        Self {
            script,
            head,
            trailers,
        }
    }

    fn head(&mut self, stream: u32, out: &mut Vec<u8>) {
        wire::headers(stream, self.head.next(), Body::More, out);
    }

    fn trailers(&mut self, stream: u32, out: &mut Vec<u8>) {
        wire::headers(stream, self.trailers.next(), Body::Last, out);
    }

    /// Makes calls over a channel to this server, from its first to its last.
    fn play<F: Future<Output = ()>>(self, calls: impl FnOnce(Channel) -> F) {
        let (peer, _done) = Peer::new(self.script, Hearing::of_client(), Heard::default());
        let peer = Mutex::new(Some(peer));
        let connect = move || {
            let peer = peer.lock().expect("nobody panics with it").take();
            ready(peer.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()))
        };
        crate::runtime().block_on(async {
            let builder = Channel::builder("http://server.test:1").transport(connect);
            let channel = builder.max_message_len(MAX_MESSAGE_LEN).connect().await;
            calls(channel.expect("the server greets")).await;
        });
    }
}

/// Calls with one request and one reply, made by so many tasks, each of which waits for its answer.
pub(crate) fn unary(task_count: usize, [max_count, call_count]: [usize; 2]) {
    let mut server = Answering::new();
    let data = wire::message(&[0x08, 49]);
    for batch in 0..max_count / task_count {
        let mut bytes = Vec::new();
        for call in batch * task_count..(batch + 1) * task_count {
            let stream = stream_of(call);
            server.head(stream, &mut bytes);
            wire::data(stream, &data, Body::More, &mut bytes);
            server.trailers(stream, &mut bytes);
        }
        let call_count = (batch + 1) * task_count;
        let after = Heard::ends(call_count);
        let taken = (stream_of(call_count), data.len() * task_count);
        server.script.say(after, taken, |out| out.extend(bytes));
    }
    server.play(async |channel| {
        let tasks: Vec<_> = (0..task_count)
            .map(|_| {
                let client = NumbersClient::new(channel.clone());
                tokio::spawn(async move {
                    for _ in 0..call_count / task_count {
                        let reply = client.square(number(7)).await;
                        assert_eq!(reply.expect("an answer").message().value, 49);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("all calls are answered");
        }
    });
}

/// Calls with many replies, one after the other. All replies of a call come at once.
pub(crate) fn down(message: &[u8], message_count: usize, [max_count, call_count]: [usize; 2]) {
    let mut server = Answering::new();
    let data = wire::message(message);
    for call in 0..max_count {
        let stream = stream_of(call);
        let mut bytes = Vec::new();
        server.head(stream, &mut bytes);
        for _ in 0..message_count {
            wire::data(stream, &data, Body::More, &mut bytes);
        }
        server.trailers(stream, &mut bytes);
        let taken = (stream, data.len() * message_count);
        let after = Heard::ends(call + 1);
        server.script.say(after, taken, |out| out.extend(bytes));
    }
    server.play(async |channel| {
        let client = NumbersClient::new(channel);
        for _ in 0..call_count {
            let mut replies = client.count_to(number(7)).await.expect("a call");
            let mut count = 0;
            while let Some(reply) = replies.next().await.expect("an answer") {
                count += usize::from(reply.value > 0);
            }
            assert_eq!(count, message_count);
        }
    });
}

/// Calls with many requests, one after the other.
pub(crate) fn up(message_count: usize, [max_count, call_count]: [usize; 2]) {
    let mut server = Answering::new();
    let data = wire::message(&[0x08, 49]);
    for call in 0..max_count {
        let stream = stream_of(call);
        let mut bytes = Vec::new();
        server.head(stream, &mut bytes);
        wire::data(stream, &data, Body::More, &mut bytes);
        server.trailers(stream, &mut bytes);
        let after = Heard::ends(call + 1);
        server
            .script
            .say(after, (stream, data.len()), |out| out.extend(bytes));
    }
    server.play(async |channel| {
        let client = NumbersClient::new(channel);
        for _ in 0..call_count {
            let mut requests = client.sum(()).await.expect("a call");
            for _ in 0..message_count {
                requests.send(number(7)).await.expect("it goes on");
            }
            let reply = requests.finish().await.expect("an answer");
            assert_eq!(reply.message().value, 49);
        }
    });
}

/// Calls in which each request waits for the reply to the one before.
pub(crate) fn ping_pong(message_count: usize, [max_count, call_count]: [usize; 2]) {
    let mut server = Answering::new();
    let data = wire::message(&[0x08, 49]);
    for call in 0..max_count {
        let stream = stream_of(call);
        let mut bytes = Vec::new();
        server.head(stream, &mut bytes);
        for number in 1..=message_count {
            wire::data(stream, &data, Body::More, &mut bytes);
            let bytes = std::mem::take(&mut bytes);
            let after = Heard::datas(call * message_count + number);
            server
                .script
                .say(after, (stream, data.len()), |out| out.extend(bytes));
        }
        server.trailers(stream, &mut bytes);
        server
            .script
            .say(Heard::ends(call + 1), (stream, 0), |out| out.extend(bytes));
    }
    server.play(async |channel| {
        let client = NumbersClient::new(channel);
        for _ in 0..call_count {
            let (mut requests, mut replies) = client.running_sum(()).await.expect("a call");
            for _ in 0..message_count {
                requests.send(number(7)).await.expect("it goes on");
                let reply = replies.next().await.expect("an answer");
                assert_eq!(reply.expect("one a request").value, 49);
            }
            requests.finish();
            assert!(replies.next().await.expect("a good end").is_none());
        }
    });
}

/// Calls with one long message, one after the other.
pub(crate) fn echo(message_len: usize, [max_count, call_count]: [usize; 2]) {
    let mut server = Answering::new();
    let message = Bytes::from(vec![b'n'; message_len]);
    let data = wire::message(&message);
    for call in 0..max_count {
        let stream = stream_of(call);
        let mut bytes = Vec::new();
        server.head(stream, &mut bytes);
        let after = Heard::ends(call + 1);
        server
            .script
            .say(after, (stream, 0), |out| out.extend(bytes));
        server.script.say_in_frames(stream, &data, Body::More);
        let mut bytes = Vec::new();
        server.trailers(stream, &mut bytes);
        server
            .script
            .say(after, (stream, 0), |out| out.extend(bytes));
    }
    server.play(async |channel| {
        for _ in 0..call_count {
            let request = message.clone().into();
            let reply = channel
                .unary::<Raw, Bytes, Bytes>(service::ECHO, request)
                .await;
            assert_eq!(reply.expect("an answer").message().len(), message_len);
        }
    });
}
