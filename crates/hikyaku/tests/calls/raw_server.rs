//! A client against a server that breaks the rules of gRPC, frame by frame.

use hikyaku::compression::Codings;
use hikyaku::{Channel, Code, Origin, Response, Status};
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time;

use crate::in_memory::{Calling, Network, collect, read_request};

/// A client and the server it is connected to.
struct Ends {
    channel: Channel,
    server: RawPeer<End>,
    stream: u32,
}

impl Ends {
    async fn new() -> Self {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let first = channel.clone();
        let first = tokio::spawn(async move { first.ask("/first/Call", 1).await });
        let mut server = door.raw_server(&[]).await;
        server.read_on(1).await;
        server.send(&Frame::reset(1, 2)).await;
        assert_eq!(first.await.unwrap().unwrap_err().code(), Code::Internal);
        Self {
            channel,
            server,
            stream: 1,
        }
    }

    /// Makes a unary call and answers it with frames made for its stream.
    async fn answer(
        &mut self,
        frames: impl FnOnce(u32) -> Vec<Vec<u8>>,
    ) -> Result<Response<u64>, Status> {
        self.stream += 2;
        let stream = self.stream;
        let answering = async {
            while !self.server.read_on(stream).await.ends_stream() {}
            for frame in frames(stream) {
                self.server.send(&frame).await;
            }
        };
        tokio::join!(self.channel.ask("/any/Call", 1), answering).0
    }

    async fn status(&mut self, frames: impl FnOnce(u32) -> Vec<Vec<u8>>) -> Status {
        self.answer(frames).await.expect_err("the answer is wrong")
    }
}

fn head() -> Vec<u8> {
    raw::block(&[(":status", "200"), ("content-type", "application/grpc")])
}

fn ok() -> Vec<u8> {
    raw::block(&[("grpc-status", "0")])
}

fn body(stream: u32, data: &[u8]) -> Vec<Vec<u8>> {
    let frames = [
        Frame::headers(stream, &head(), false),
        Frame::data(stream, data, false),
    ];
    frames
        .into_iter()
        .chain([Frame::headers(stream, &ok(), true)])
        .collect()
}

const SEVEN: [u8; 13] = [0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7];

#[test]
fn a_request_says_what_http_2_wants_and_no_more() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.builder().codings(Codings::none()).lazy().unwrap();
        let call = tokio::spawn(async move { channel.ask("/a.B/C", 1).await });
        let mut server = door.raw_server(&[]).await;
        let Frame::Headers { fields, .. } = server.read_on(1).await else {
            panic!("a stream begins with HEADERS");
        };
        call.abort();
        let pseudo = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/a.B/C"),
            (":authority", "server.test:1"),
        ];
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let (head, rest) = fields.split_at(pseudo.len());
        assert_eq!(head, pseudo);
        let names: Vec<_> = rest.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["te", "content-type", "user-agent"]);
        assert_eq!(rest[0].1, "trailers");
    });
}

#[test]
fn a_request_names_the_authority_that_the_channel_was_told() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let there = network.clone();
        let channel = Channel::builder("http://server.test:1")
            .transport(move || there.clone().connect())
            .authority("elsewhere.test:9")
            .lazy()
            .unwrap();
        let call = tokio::spawn(async move { channel.ask("/a.B/C", 1).await });
        let mut server = door.raw_server(&[]).await;
        let seen = read_request(&mut server, 1).await;
        call.abort();
        assert_eq!(seen.field(":authority"), Some("elsewhere.test:9"));
    });
}

#[test]
fn a_good_answer_is_taken() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let response = ends.answer(|stream| body(stream, &SEVEN)).await.unwrap();
        assert_eq!(response.into_message(), 7);
    });
}

#[test]
fn informational_headers_are_passed_over() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let answer = |stream| {
            let early = raw::block(&[(":status", "103"), ("link", "x")]);
            let mut frames = vec![Frame::headers(stream, &early, false); 3];
            frames.extend(body(stream, &SEVEN));
            frames
        };
        assert_eq!(ends.answer(answer).await.unwrap().into_message(), 7);
    });
}

#[test]
fn one_reply_must_be_one_message() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let none = ends.status(|stream| body(stream, &[])).await;
        assert_eq!(none.code(), Code::Unimplemented, "{none:?}");
        let two = ends
            .status(|stream| body(stream, &[SEVEN, SEVEN].concat()))
            .await;
        assert_eq!(two.code(), Code::Unimplemented, "{two:?}");
        // A failure is a failure, whatever came before it.
        let failed = raw::block(&[("grpc-status", "9"), ("grpc-message", "no%21")]);
        let failure = |stream| {
            vec![
                Frame::headers(stream, &head(), false),
                Frame::data(stream, &SEVEN, false),
                Frame::headers(stream, &failed, true),
            ]
        };
        let status = ends.status(failure).await;
        assert_eq!(
            (status.code(), status.message()),
            (Code::FailedPrecondition, "no!")
        );
    });
}

#[test]
fn a_failure_keeps_what_was_sent_before_it() {
    let before = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("x-before", "a"),
        ("x-before", "b"),
    ];
    let failed = raw::block(&[("grpc-status", "9"), ("x-after", "c")]);
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let answer = |stream| {
            vec![
                Frame::headers(stream, &raw::block(&before), false),
                Frame::headers(stream, &failed, true),
            ]
        };
        let unary = ends.status(answer).await;
        ends.stream += 2;
        let call = ends.channel.tell("/any/Call", ()).await;
        let streaming = tokio::spawn(call.finish());
        while !ends.server.read_on(ends.stream).await.ends_stream() {}
        for frame in answer(ends.stream) {
            ends.server.send(&frame).await;
        }
        for status in [unary, streaming.await.unwrap().unwrap_err()] {
            assert_eq!(status.code(), Code::FailedPrecondition);
            let before: Vec<_> = status.initial_metadata().get_all("x-before").collect();
            assert_eq!(before, ["a", "b"]);
            assert_eq!(status.metadata().get("x-after"), Some("c"));
            assert_eq!(status.http_status(), None);
        }
        // Nothing comes before the only block.
        let only = [&before[..], &[("grpc-status", "9")]].concat();
        let only = |stream| vec![Frame::headers(stream, &raw::block(&only), true)];
        let status = ends.status(only).await;
        assert!(status.initial_metadata().is_empty(), "{status:?}");
        assert_eq!(status.metadata().get("x-before"), Some("a"));
    });
}

#[test]
fn broken_messages_are_internal_errors() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let table: [(&[u8], Code); 5] = [
            (&[1, 0, 0, 0, 1, 7], Code::Internal),
            (&[9, 0, 0, 0, 1, 7], Code::Internal),
            (&[0, 0, 0, 0, 8, 7], Code::Internal),
            (&[0, 0, 0, 0, 1, 7], Code::Internal),
            (&[0, 255, 255, 255, 255, 7], Code::ResourceExhausted),
        ];
        for (data, code) in table {
            let status = ends.status(|stream| body(stream, data)).await;
            assert_eq!(
                (status.code(), status.origin()),
                (code, Origin::Local),
                "{data:?}"
            );
        }
    });
}

#[test]
fn answers_that_are_not_grpc_become_statuses() {
    let table = [
        ("200", "text/html", Code::Unknown),
        ("400", "text/html", Code::Internal),
        ("401", "", Code::Unauthenticated),
        ("403", "application/grpc", Code::PermissionDenied),
        ("404", "text/html", Code::Unimplemented),
        ("429", "text/html", Code::Unavailable),
        ("431", "text/html", Code::Internal),
        ("502", "", Code::Unavailable),
        ("503", "text/html", Code::Unavailable),
        ("504", "text/html", Code::Unavailable),
        ("418", "text/html", Code::Unknown),
    ];
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        for (http_status, content_type, code) in table {
            for has_body in [false, true] {
                let status = ends
                    .status(|stream| {
                        let mut fields = vec![(":status", http_status)];
                        if !content_type.is_empty() {
                            fields.push(("content-type", content_type));
                        }
                        let block = raw::block(&fields);
                        let mut frames = vec![Frame::headers(stream, &block, !has_body)];
                        if has_body {
                            frames.push(Frame::data(stream, b"<html>sorry", true));
                        }
                        frames
                    })
                    .await;
                assert_eq!(
                    status.code(),
                    code,
                    "{http_status} {content_type} {status:?}"
                );
                assert_eq!(status.http_status(), http_status.parse().ok());
            }
        }
    });
}

#[test]
fn statuses_that_cannot_be_read_are_unknown_and_keep_the_rest() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let table = [
            ("5", "gone", Code::NotFound, "gone"),
            ("5", "100%", Code::NotFound, "100%"),
            ("5", "%zz%F0", Code::NotFound, "%zz\u{fffd}"),
            ("99", "", Code::Unknown, ""),
            ("x", "why", Code::Unknown, "why"),
            ("-1", "why", Code::Unknown, "why"),
            ("4294967296", "why", Code::Unknown, "why"),
        ];
        for (number, message, code, want) in table {
            let fields = [
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-status", number),
                ("grpc-message", message),
                ("grpc-status-details-bin", "!!! no base64"),
            ];
            let status = ends
                .status(|stream| vec![Frame::headers(stream, &raw::block(&fields), true)])
                .await;
            assert_eq!(status.code(), code, "{number}");
            assert!(
                status.message().contains(want),
                "{number} {message}: {status:?}"
            );
        }
    });
}

#[test]
fn an_answer_without_a_status_is_unknown() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let by_data = |stream| {
            vec![
                Frame::headers(stream, &head(), false),
                Frame::data(stream, &SEVEN, true),
            ]
        };
        assert_eq!(ends.status(by_data).await.code(), Code::Unknown);
        let by_trailers = |stream| {
            let trailers = raw::block(&[("x-end", "1")]);
            vec![
                Frame::headers(stream, &head(), false),
                Frame::data(stream, &SEVEN, false),
                Frame::headers(stream, &trailers, true),
            ]
        };
        assert_eq!(ends.status(by_trailers).await.code(), Code::Unknown);
    });
}

#[test]
fn an_answer_before_the_requests_have_ended_stops_them() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let (mut sender, replies) = ends.channel.talk("/any/Call", ()).await;
        sender.send(1).await.unwrap();
        let Frame::Headers { end: false, .. } = ends.server.read_on(3).await else {
            panic!()
        };
        let Frame::Data { end: false, .. } = ends.server.read_on(3).await else {
            panic!()
        };
        for frame in body(3, &SEVEN) {
            ends.server.send(&frame).await;
        }
        let (numbers, end) = collect(replies).await;
        assert_eq!(numbers, [7]);
        end.unwrap();
        assert_eq!(
            ends.server.read_on(3).await,
            Frame::Reset { stream: 3, code: 0 }
        );
        assert_eq!(sender.send(2).await.unwrap_err().code(), Code::Cancelled);
    });
}

#[test]
fn a_reply_over_the_limit_is_refused_before_it_is_there() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let mut replies = ends.channel.list("/any/Call", 1).await;
        while !ends.server.read_on(3).await.ends_stream() {}
        ends.server.send(&Frame::headers(3, &head(), false)).await;
        ends.server
            .send(&Frame::data(3, &[0, 255, 255, 255, 255], false))
            .await;
        assert_eq!(
            replies.next().await.unwrap_err().code(),
            Code::ResourceExhausted
        );
        assert_eq!(
            ends.server.read_on(3).await,
            Frame::Reset { stream: 3, code: 8 }
        );
    });
}

#[test]
fn a_server_that_breaks_http2_ends_all_its_calls() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let other = ends.channel.list("/any/Call", 1).await;
        ends.stream += 2;
        // DATA on a stream that nobody opened.
        let status = ends.status(|_| vec![Frame::data(99, b"?", false)]).await;
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Unavailable, Origin::Transport)
        );
        assert_eq!(
            collect(other).await.1.unwrap_err().code(),
            Code::Unavailable
        );
        let frames = ends.server.read_to_end().await;
        let is_goaway = |frame: &Frame| matches!(frame, Frame::GoAway { code: 1, .. });
        assert!(frames.iter().any(is_goaway), "{frames:?}");
    });
}

#[test]
fn a_stream_that_breaks_http2_ends_alone() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        let broken = |stream| {
            let trailers = raw::block(&[("grpc-status", "0"), (":status", "200")]);
            vec![Frame::headers(stream, &trailers, true)]
        };
        assert_eq!(ends.status(broken).await.code(), Code::Internal);
        let response = ends.answer(|stream| body(stream, &SEVEN)).await.unwrap();
        assert_eq!(response.into_message(), 7);
    });
}

#[test]
fn a_server_that_takes_no_calls_for_a_while_gets_them_later() {
    virtual_time::run(async {
        let mut ends = Ends::new().await;
        ends.server.send(&Frame::settings(&[(3, 0)])).await;
        virtual_time::settle().await;
        let channel = ends.channel.clone();
        let waiting = tokio::spawn(async move { channel.ask("/any/Call", 1).await });
        virtual_time::settle().await;
        assert!(!waiting.is_finished());
        ends.server.send(&Frame::settings(&[(3, 1)])).await;
        while !ends.server.read_on(3).await.ends_stream() {}
        for frame in body(3, &SEVEN) {
            ends.server.send(&frame).await;
        }
        assert_eq!(waiting.await.unwrap().unwrap().into_message(), 7);
    });
}
