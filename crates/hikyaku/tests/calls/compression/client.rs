//! Our client, against a server that writes its frames itself.

use bytes::Bytes;
use hikyaku::client::ChannelBuilder;
use hikyaku::codec::Format;
use hikyaku::compression::Codings;
use hikyaku::{Channel, Code, Request, Response, Status};
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time;

use super::codings;
use crate::in_memory::{Calling, Network, Plain, Seen, answer_head, read_request};

/// A client and the server it is connected to.
struct Ends {
    channel: Channel,
    server: RawPeer<End>,
    stream: u32,
}

impl Ends {
    async fn new(change: impl FnOnce(ChannelBuilder) -> ChannelBuilder) -> Self {
        let network = Network::new();
        let mut door = network.listen();
        let channel = change(network.builder().codings(codings())).lazy().unwrap();
        let first = channel.clone();
        tokio::spawn(async move { first.ask("/first/Call", 1).await });
        let mut server = door.raw_server(&[]).await;
        server.read_on(1).await;
        server.send(&Frame::reset(1, 2)).await;
        let stream = 1;
        Self {
            channel,
            server,
            stream,
        }
    }

    /// Makes a unary call and answers it with this head and body.
    async fn answer(
        &mut self,
        request: Request<u64>,
        head: &[(&str, &str)],
        body: &[u8],
    ) -> (Seen, Result<Response<u64>, Status>) {
        self.stream += 2;
        let stream = self.stream;
        let answering = async {
            let seen = read_request(&mut self.server, stream).await;
            let mut fields = vec![(":status", "200")];
            fields.extend(head);
            let head = Frame::headers(stream, &raw::block(&fields), false);
            let end = Frame::headers(stream, &raw::block(&[("grpc-status", "0")]), true);
            for frame in [head, Frame::data(stream, body, false), end] {
                self.server.send(&frame).await;
            }
            seen
        };
        let (response, seen) = tokio::join!(self.channel.ask("/any/Call", request), answering);
        (seen, response)
    }

    /// The same for a stream of answers: the first, and how it came.
    async fn stream(
        &mut self,
        head: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Option<(u64, bool)>, Status> {
        self.stream += 2;
        let stream = self.stream;
        let mut replies = self.channel.list("/any/Call", 1).await;
        read_request(&mut self.server, stream).await;
        let mut fields = vec![(":status", "200")];
        fields.extend(head);
        let head = Frame::headers(stream, &raw::block(&fields), false);
        self.server.send(&head).await;
        self.server.send(&Frame::data(stream, body, false)).await;
        let reply = replies.next().await?;
        Ok(reply.map(|reply| (reply, replies.was_compressed())))
    }
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const RUNS: (&str, &str) = ("grpc-encoding", "runs");

/// Seven, as it is and in runs.
const SEVEN: &[u8] = &[0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7];
const SEVEN_IN_RUNS: &[u8] = &[1, 0, 0, 0, 4, 7, 0, 1, 7];

#[test]
fn a_request_says_what_it_is_in_and_what_its_answer_may_be_in() {
    let seven = || Request::new(7);
    // (what the channel compresses with, the request, its grpc-encoding, its body)
    let table = [
        ("identity", seven(), None, SEVEN),
        ("runs", seven(), Some("runs"), SEVEN_IN_RUNS),
        ("runs", seven().without_compression(), None, SEVEN),
        ("runs", seven().with_compression("identity"), None, SEVEN),
        (
            "identity",
            seven().with_compression("walks"),
            Some("walks"),
            SEVEN_IN_RUNS,
        ),
    ];
    for (coding, request, encoding, body) in table {
        virtual_time::run(async {
            let mut ends = Ends::new(|builder| builder.compress(coding)).await;
            for _ in 0..2 {
                let (seen, response) = ends.answer(request.clone(), &[GRPC], SEVEN).await;
                assert_eq!(response.unwrap().into_message(), 7);
                assert_eq!(
                    seen.field("grpc-encoding"),
                    encoding,
                    "{coding} {request:?}"
                );
                assert_eq!(seen.field("grpc-accept-encoding"), Some("runs,walks"));
                assert_eq!(seen.data, body, "{coding} {request:?}");
            }
        });
    }
}

#[test]
fn the_fields_of_a_request_come_in_the_order_of_the_specification() {
    virtual_time::run(async {
        let mut ends = Ends::new(|builder| builder.compress("runs")).await;
        let second = std::time::Duration::from_secs(1);
        let request = Request::new(7).with_timeout(second);
        let request = request.with_metadata("x-own", "1").unwrap();
        let (seen, _) = ends.answer(request, &[GRPC], SEVEN).await;
        let names: Vec<_> = seen.fields.iter().map(|(name, _)| &**name).collect();
        let want = [
            ":method",
            ":scheme",
            ":path",
            ":authority",
            "grpc-timeout",
            "te",
            "content-type",
            "grpc-encoding",
            "grpc-accept-encoding",
            "user-agent",
            "x-own",
        ];
        assert_eq!(names, want);
    });
}

#[test]
fn a_channel_without_codings_offers_none() {
    virtual_time::run(async {
        let mut ends = Ends::new(|builder| builder.codings(Codings::none())).await;
        let (seen, response) = ends.answer(Request::new(7), &[GRPC, RUNS], SEVEN).await;
        assert_eq!(seen.field("grpc-accept-encoding"), None);
        let status = response.unwrap_err();
        let want = "INTERNAL: the server's message encoding \"runs\" is not supported; \
                    supported: identity";
        assert_eq!(status.to_string(), want);
    });
}

#[test]
fn wire_rule_11_and_29_to_32_answers_are_inflated_or_refused() {
    let twice_over: &[u8] = &[1, 0, 0, 0, 4, 8, 0, 8, 7];
    // (fields of the head, body, what becomes of it)
    type Row = (
        &'static [(&'static str, &'static str)],
        &'static [u8],
        Result<bool, Code>,
    );
    let table: [Row; 11] = [
        (&[GRPC], SEVEN, Ok(false)),
        (&[GRPC, RUNS], SEVEN, Ok(false)),
        (&[GRPC, RUNS], SEVEN_IN_RUNS, Ok(true)),
        (&[GRPC, ("grpc-encoding", "walks")], SEVEN_IN_RUNS, Ok(true)),
        (&[GRPC, ("grpc-encoding", "identity")], SEVEN, Ok(false)),
        (&[GRPC], SEVEN_IN_RUNS, Err(Code::Internal)),
        (
            &[GRPC, ("grpc-encoding", "identity")],
            SEVEN_IN_RUNS,
            Err(Code::Internal),
        ),
        (
            &[GRPC, ("grpc-encoding", "foo")],
            SEVEN_IN_RUNS,
            Err(Code::Internal),
        ),
        (
            &[GRPC, ("grpc-encoding", "foo")],
            SEVEN,
            Err(Code::Internal),
        ),
        (
            &[GRPC, RUNS],
            &[1, 0, 0, 0, 3, 7, 0, 1],
            Err(Code::Internal),
        ),
        (&[GRPC, RUNS], twice_over, Err(Code::ResourceExhausted)),
    ];
    for (head, body, want) in table {
        virtual_time::run(async {
            let mut ends = Ends::new(|builder| builder.max_message_len(15)).await;
            let (_, response) = ends.answer(Request::new(1), head, body).await;
            let got = response.as_ref().map(|response| response.was_compressed());
            assert_eq!(got.map_err(Status::code), want, "{head:?} {body:?}");
            let reply = ends.stream(head, body).await;
            let want = want.map(|was_compressed| Some((7, was_compressed)));
            assert_eq!(
                reply.map_err(|status| status.code()),
                want,
                "{head:?} {body:?}"
            );
        });
    }
}

#[test]
fn an_answer_that_is_too_long_inflated_resets_its_stream() {
    virtual_time::run(async {
        let mut ends = Ends::new(|builder| builder.max_message_len(15)).await;
        let body = [1, 0, 0, 0, 4, 8, 0, 8, 7];
        let reply = ends.stream(&[GRPC, RUNS], &body).await;
        let want = "RESOURCE_EXHAUSTED: message of 4 bytes in runs is longer than 15 bytes";
        assert_eq!(reply.unwrap_err().to_string(), want);
        let frame = ends.server.read_on(3).await;
        assert_eq!(frame, Frame::Reset { stream: 3, code: 8 });
    });
}

#[test]
fn wire_rule_3_and_17_an_answer_is_in_the_format_of_the_request() {
    let json = [0, 0, 0, 0, 1, b'7'];
    let (proto, bytes) = (Format::Protobuf, SEVEN);
    // (the channel's format, the answer's content-type, its body, what becomes of it)
    type Row<'a> = (Format, &'a str, &'a [u8], Result<u64, Code>);
    let table: [Row<'_>; 13] = [
        (proto, "application/grpc", bytes, Ok(7)),
        (proto, "application/grpc+proto", bytes, Ok(7)),
        (proto, "application/grpc+proto;x=y", bytes, Ok(7)),
        (proto, "application/grpc+json", &json, Err(Code::Internal)),
        (proto, "application/grpc+thrift", bytes, Err(Code::Internal)),
        (proto, "application/grpc-web", bytes, Err(Code::Unknown)),
        (proto, "image/jpeg", bytes, Err(Code::Unknown)),
        (proto, "", bytes, Err(Code::Unknown)),
        (Format::Json, "application/grpc+json", &json, Ok(7)),
        (
            Format::Json,
            "application/grpc+json; charset=utf-8",
            &json,
            Ok(7),
        ),
        (Format::Json, "application/grpc", bytes, Err(Code::Internal)),
        (
            Format::Json,
            "application/grpc+proto",
            bytes,
            Err(Code::Internal),
        ),
        (Format::Json, "application/json", &json, Err(Code::Unknown)),
    ];
    for (format, content_type, body, want) in table {
        virtual_time::run(async {
            let mut ends = Ends::new(|builder| builder.format(format)).await;
            let head = [("content-type", content_type)];
            let (seen, response) = ends.answer(Request::new(7), &head, body).await;
            let sent = match format {
                Format::Json => ("application/grpc+json", &json[..]),
                _ => ("application/grpc", SEVEN),
            };
            assert_eq!(
                (seen.field("content-type"), &*seen.data),
                (Some(sent.0), sent.1)
            );
            let got = response.map(Response::into_message);
            assert_eq!(
                got.map_err(|status| status.code()),
                want,
                "{format:?} {content_type}"
            );
        });
    }
}

#[test]
fn a_call_that_is_made_again_says_and_sends_the_same() {
    virtual_time::run(async {
        let mut ends = Ends::new(|builder| builder.compress("runs")).await;
        let channel = ends.channel.clone();
        let call = tokio::spawn(async move { channel.ask("/any/Call", 7).await });
        let first = read_request(&mut ends.server, 3).await;
        ends.server.send(&Frame::reset(3, 7)).await; // REFUSED_STREAM
        let second = read_request(&mut ends.server, 5).await;
        assert_eq!((&first.fields, &first.data), (&second.fields, &second.data));
        assert_eq!(second.field("grpc-encoding"), Some("runs"));
        assert_eq!(second.data, SEVEN_IN_RUNS);
        let (head, end) = (answer_head(5), raw::block(&[("grpc-status", "0")]));
        for frame in [
            head,
            Frame::data(5, SEVEN, false),
            Frame::headers(5, &end, true),
        ] {
            ends.server.send(&frame).await;
        }
        assert_eq!(call.await.unwrap().unwrap().into_message(), 7);
    });
}

#[test]
fn a_stream_of_requests_is_compressed_message_by_message() {
    virtual_time::run(async {
        let mut ends = Ends::new(|builder| builder.compress("runs")).await;
        let channel = ends.channel.clone();
        let (mut sender, _replies) = channel
            .bidi_streaming::<Plain, Bytes, Bytes>("/any/Call", Request::new(()))
            .await
            .unwrap();
        sender.send(Bytes::from_static(b"aaa")).await.unwrap();
        sender
            .send_uncompressed(Bytes::from_static(b"bb"))
            .await
            .unwrap();
        sender.send(Bytes::from_static(b"")).await.unwrap();
        sender.send(Bytes::from_static(b"ccc")).await.unwrap();
        sender.finish();
        let seen = read_request(&mut ends.server, 3).await;
        let want = [
            &[1, 0, 0, 0, 2, 3, b'a'][..],
            &[0, 0, 0, 0, 2, b'b', b'b'],
            &[0, 0, 0, 0, 0],
            &[1, 0, 0, 0, 2, 3, b'c'],
        ];
        assert_eq!(seen.data, want.concat());
    });
}
