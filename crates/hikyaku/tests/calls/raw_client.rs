//! A server against a client that breaks the rules of gRPC, frame by frame.

use hikyaku::Server;
use hikyaku::compression::Codings;
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calls, Network};

const SEVEN: [u8; 8] = 7_u64.to_be_bytes();

async fn peer() -> RawPeer<End> {
    let network = Network::new();
    network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
    network.raw_client().await
}

/// Sends a request with this body, and reads the status.
async fn status_of(
    peer: &mut RawPeer<End>,
    stream: u32,
    path: &str,
    more: &[(&str, &str)],
    bodies: &[Vec<u8>],
) -> String {
    let is_empty = bodies.is_empty();
    peer.send(&Frame::headers(stream, &raw::request(path, more), is_empty))
        .await;
    for body in bodies {
        peer.send(body).await;
    }
    let frames = peer.read_stream(stream).await;
    let last = frames.last().unwrap();
    last.field("grpc-status")
        .unwrap_or_else(|| panic!("{frames:?}"))
        .to_owned()
}

/// The path of each kind of call.
const KINDS: [&str; 4] = [
    "/test.Calls/Square",
    "/test.Calls/Count",
    "/test.Calls/Sum",
    "/test.Calls/Sums",
];

#[test]
fn a_malformed_timeout_is_an_internal_error() {
    virtual_time::run(async {
        let mut peer = peer().await;
        let table = [
            "",
            "S",
            "1",
            "-1S",
            "+1S",
            "1s",
            "1.5S",
            "123456789S",
            "1 S",
            " 1S",
            "1SS",
            "0x1S",
        ];
        for (stream, timeout) in (1..).step_by(2).zip(table) {
            let body = Frame::message(stream, &SEVEN, true);
            let more = [("grpc-timeout", timeout)];
            // A field with blanks at its ends is malformed in HTTP already.
            if timeout.starts_with(' ') {
                continue;
            }
            let status = status_of(&mut peer, stream, KINDS[0], &more, &[body]).await;
            assert_eq!(status, "13", "{timeout:?}");
        }
    });
}

#[test]
fn timeouts_of_every_unit_are_taken() {
    virtual_time::run(async {
        let mut peer = peer().await;
        let table = [
            "1H",
            "2M",
            "3S",
            "400m",
            "500000u",
            "99999999n",
            "99999999H",
        ];
        for (stream, timeout) in (1..).step_by(2).zip(table) {
            let body = Frame::message(stream, &SEVEN, true);
            let more = [("grpc-timeout", timeout)];
            let status = status_of(&mut peer, stream, KINDS[0], &more, &[body]).await;
            assert_eq!(status, "0", "{timeout:?}");
        }
    });
}

#[test]
fn one_request_must_be_one_message() {
    virtual_time::run(async {
        let mut peer = peer().await;
        let mut stream = 1;
        for path in &KINDS[..2] {
            let two = |stream| {
                vec![
                    Frame::message(stream, &SEVEN, false),
                    Frame::message(stream, &SEVEN, true),
                ]
            };
            let none = |stream| vec![Frame::data(stream, &[], true)];
            for (bodies, name) in [
                (vec![], "only headers"),
                (none(stream + 2), "none"),
                (two(stream + 4), "two"),
            ] {
                let status = status_of(&mut peer, stream, path, &[], &bodies).await;
                assert_eq!(status, "12", "{path}: {name}");
                stream += 2;
            }
        }
    });
}

#[test]
fn a_message_in_any_pieces_is_one_message() {
    virtual_time::run(async {
        let mut peer = peer().await;
        let mut stream = 1;
        for path in KINDS {
            let message = [&[0, 0, 0, 0, 8][..], &SEVEN].concat();
            let mut pieces: Vec<_> = message
                .iter()
                .map(|byte| Frame::data(stream, &[*byte], false))
                .collect();
            pieces.push(Frame::data(stream, &[], true));
            assert_eq!(
                status_of(&mut peer, stream, path, &[], &pieces).await,
                "0",
                "{path}"
            );
            stream += 2;
        }
    });
}

#[test]
fn a_compressed_message_without_a_coding_is_an_internal_error() {
    virtual_time::run(async {
        let mut peer = peer().await;
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            let body = Frame::data(stream, &[1, 0, 0, 0, 1, 7], true);
            assert_eq!(
                status_of(&mut peer, stream, path, &[], &[body]).await,
                "13",
                "{path}"
            );
        }
    });
}

#[test]
fn a_flag_that_is_none_is_an_internal_error() {
    virtual_time::run(async {
        let mut peer = peer().await;
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            let body = Frame::data(stream, &[2, 0, 0, 0, 1, 7], true);
            assert_eq!(
                status_of(&mut peer, stream, path, &[], &[body]).await,
                "13",
                "{path}"
            );
        }
    });
}

#[test]
fn a_message_that_is_cut_short_is_an_internal_error() {
    virtual_time::run(async {
        let mut peer = peer().await;
        let mut stream = 1;
        for path in KINDS {
            for body in [&[0, 0, 0][..], &[0, 0, 0, 0, 8], &[0, 0, 0, 0, 8, 1, 2]] {
                let body = Frame::data(stream, body, true);
                assert_eq!(
                    status_of(&mut peer, stream, path, &[], &[body]).await,
                    "13",
                    "{path}"
                );
                stream += 2;
            }
        }
    });
}

#[test]
fn a_message_that_cannot_be_decoded_is_an_internal_error() {
    virtual_time::run(async {
        let mut peer = peer().await;
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            let body = Frame::message(stream, b"no number", true);
            assert_eq!(
                status_of(&mut peer, stream, path, &[], &[body]).await,
                "13",
                "{path}"
            );
        }
    });
}

#[test]
fn an_unknown_coding_is_unimplemented_and_the_known_ones_are_told() {
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().codings(Codings::none());
        network.serve(server.add(Calls::four_kinds(&Live::new())));
        let mut peer = network.raw_client().await;
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            let block = raw::request(path, &[("grpc-encoding", "snappy")]);
            peer.send(&Frame::headers(stream, &block, false)).await;
            peer.send(&Frame::message(stream, &SEVEN, true)).await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(frames[0].field("grpc-status"), Some("12"), "{frames:?}");
            assert_eq!(frames[0].field("grpc-accept-encoding"), Some("identity"));
        }
    });
}

#[test]
fn trailers_of_a_client_end_its_requests() {
    virtual_time::run(async {
        let mut peer = peer().await;
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            peer.send(&Frame::headers(stream, &raw::request(path, &[]), false))
                .await;
            peer.send(&Frame::message(stream, &SEVEN, false)).await;
            peer.send(&Frame::headers(
                stream,
                &raw::block(&[("x-end", "1")]),
                true,
            ))
            .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(
                frames.last().unwrap().field("grpc-status"),
                Some("0"),
                "{path}"
            );
        }
    });
}

#[test]
fn a_client_that_is_answered_early_is_told_to_stop() {
    virtual_time::run(async {
        let mut peer = peer().await;
        peer.send(&Frame::headers(
            1,
            &raw::request("/no.Such/Method", &[]),
            false,
        ))
        .await;
        let frames = peer.read_stream(1).await;
        assert_eq!(frames[0].field("grpc-status"), Some("12"));
        assert_eq!(peer.read_on(1).await, Frame::Reset { stream: 1, code: 0 });
        // What was on its way meanwhile does no harm.
        peer.send(&Frame::message(1, &SEVEN, true)).await;
        let body = Frame::message(3, &SEVEN, true);
        assert_eq!(status_of(&mut peer, 3, KINDS[0], &[], &[body]).await, "0");
    });
}

#[test]
fn bytes_that_are_no_http2_end_the_connection_and_no_other() {
    virtual_time::run(async {
        let network = Network::new();
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let mut good = network.raw_client().await;
        for opening in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00",
            b"PRI * HTTP/2.0\r\n\r\nXX",
        ] {
            let mut peer = RawPeer::new(network.clone().connect().await.unwrap());
            peer.send(opening).await;
            let frames = peer.read_to_end().await;
            let is_goaway = |frame: &Frame| matches!(frame, Frame::GoAway { code: 1, .. });
            assert!(frames.iter().any(is_goaway), "{frames:?}");
        }
        let body = Frame::message(1, &SEVEN, true);
        assert_eq!(status_of(&mut good, 1, KINDS[0], &[], &[body]).await, "0");
    });
}
