//! Protobuf and JSON, by the client's choice.

use bytes::Bytes;
use hikyaku::codec::Format;
use hikyaku::{Code, Request, Server};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};

use super::{codings, mirror};
use crate::in_memory::{Calling, Calls, Network, Plain, collect};

#[test]
fn every_kind_of_call_can_be_in_json_compressed_or_not() {
    for coding in ["identity", "runs"] {
        virtual_time::run(async {
            let network = Network::new();
            let server = Server::new().codings(codings()).compress(coding);
            network.serve(server.add(Calls::four_kinds(&Live::new())));
            let builder = network.builder().format(Format::Json);
            let channel = builder.codings(codings()).compress(coding).lazy().unwrap();
            for path in ["/test.Calls/Square", "/test.Calls/Later"] {
                let response = channel.ask(path, 12).await.unwrap();
                assert_eq!(response.was_compressed(), coding == "runs");
                assert_eq!(response.into_message(), 144);
            }
            let counted = collect(channel.list("/test.Calls/Count", 3).await).await;
            assert_eq!(counted.0, [1, 2, 3]);
            counted.1.unwrap();
            let mut call = channel.tell("/test.Calls/Sum", ()).await;
            for number in [1, 20, 300] {
                call.send(number).await.unwrap();
            }
            assert_eq!(call.finish().await.unwrap().into_message(), 321);
            let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
            for (number, want) in [(1, 1), (20, 21)] {
                sender.send(number).await.unwrap();
                assert_eq!(sums.next().await.unwrap(), Some(want));
            }
        });
    }
}

#[test]
fn wire_rule_3_and_13_a_server_answers_in_the_format_it_was_asked_in() {
    let number = |flag, bytes: &[u8]| -> Vec<u8> {
        let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[flag], &len[..], bytes].concat()
    };
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        let (binary, json) = ("application/grpc", "application/grpc+json");
        let (seven, square) = (7_u64.to_be_bytes(), 49_u64.to_be_bytes());
        let (wrong, none): (&[u8], &[u8]) = (b"seven", b"");
        // (content-type, method, request, content-type of the answer, answer, status)
        type Row<'a> = (&'a str, &'a str, &'a [u8], &'a str, &'a [u8], &'a str);
        let table: [Row<'_>; 9] = [
            (binary, "Square", &seven, binary, &square, "0"),
            (
                "application/grpc+proto",
                "Square",
                &seven,
                binary,
                &square,
                "0",
            ),
            (json, "Square", b"7", json, b"49", "0"),
            (
                "application/grpc+json;charset=utf-8",
                "Square",
                b" 7",
                json,
                none,
                "13",
            ),
            (json, "Square", b"7", json, b"49", "0"),
            (json, "Later", b"7", json, b"49", "0"),
            (json, "Square", wrong, json, none, "13"),
            (binary, "Square", wrong, binary, none, "13"),
            (json, "NoSuchMethod", b"7", json, none, "12"),
        ];
        for (stream, row) in (1..).step_by(2).zip(table) {
            let (content_type, method, request, answer_type, answer, status) = row;
            let path = format!("/test.Calls/{method}");
            let fields = [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", &path),
                ("te", "trailers"),
                ("content-type", content_type),
            ];
            peer.send(&Frame::headers(stream, &raw::block(&fields), false))
                .await;
            peer.send(&Frame::data(stream, &number(0, request), true))
                .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(
                frames[0].field("content-type"),
                Some(answer_type),
                "{row:?}"
            );
            let last = frames.last().unwrap();
            assert_eq!(last.field("grpc-status"), Some(status), "{row:?}");
            if status == "0" {
                let want = Frame::Data {
                    stream,
                    data: number(0, answer),
                    end: false,
                };
                assert_eq!(frames[1], want, "{row:?}");
            }
        }
    });
}

#[test]
fn wire_rule_3_a_format_that_is_not_spoken_is_refused_with_http_415() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        network.serve(Server::new().add(mirror()));
        let mut peer = network.raw_client().await;
        // Bytes have no JSON in this codec.
        let table = [
            ("application/grpc+json", "/test.Calls/Now", "415"),
            ("application/grpc+json", "/test.Calls/All", "415"),
            ("application/grpc+thrift", "/test.Calls/Now", "415"),
            ("application/grpc+", "/test.Calls/Now", "415"),
            ("application/grpc-web+json", "/test.Calls/Now", "415"),
            ("application/json", "/test.Calls/Now", "415"),
            ("application/grpc", "/test.Calls/Now", "200"),
            ("application/grpc+proto;a=b", "/test.Calls/Now", "200"),
        ];
        for (stream, (content_type, path, want)) in (1..).step_by(2).zip(table) {
            let fields = [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", path),
                ("content-type", content_type),
            ];
            peer.send(&Frame::headers(stream, &raw::block(&fields), false))
                .await;
            peer.send(&Frame::message(stream, b"", true)).await;
            let frames = peer.read_stream(stream).await;
            let status = frames[0].field(":status");
            assert_eq!(status, Some(want), "{content_type} {path}");
        }
    });
}

#[test]
fn a_call_whose_codec_lacks_the_format_of_its_channel_is_not_made() {
    virtual_time::run(async {
        let network = Network::serving(mirror());
        let channel = network.builder().format(Format::Json).lazy().unwrap();
        let want = "the method's codec has no JSON; generate the code with json(true)";
        let (path, message) = ("/test.Calls/Now", Bytes::new);
        let unary = channel
            .unary::<Plain, Bytes, Bytes>(path, message().into())
            .await;
        let list = channel.server_streaming::<Plain, Bytes, Bytes>(path, message().into());
        let tell = channel.client_streaming::<Plain, Bytes, u64>(path, Request::new(()));
        let talk = channel.bidi_streaming::<Plain, u64, Bytes>(path, Request::new(()));
        let all = [
            unary.map(|_| ()),
            list.await.map(|_| ()),
            tell.await.map(|_| ()),
            talk.await.map(|_| ()),
        ];
        for result in all {
            let status = result.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Internal, want));
        }
        assert_eq!(network.attempt_count(), 0);
    });
}
