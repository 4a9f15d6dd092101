//! A server that answers plain HTTP/2 requests beside its calls.

use hikyaku::Server;
use hikyaku::server::{HttpRequest, HttpResponse};
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calls, Network};

/// Says back what it was asked.
fn echo(request: HttpRequest) -> HttpResponse {
    let response = match request.path() {
        "/broken" => HttpResponse::new(200).with_field("x-lines", "one\r\ntwo: 2"),
        "/panic" => panic!("on purpose"),
        "/nothing" => HttpResponse::new(204),
        _ => HttpResponse::new(200),
    };
    let body = format!(
        "{} {} {:?} {:?} {}",
        request.method(),
        request.path(),
        request.query(),
        request.authority(),
        String::from_utf8_lossy(request.body()),
    );
    response
        .with_field("content-type", "text/plain")
        .with_body(body)
}

async fn peer(limit: usize) -> RawPeer<End> {
    let network = Network::new();
    let server = Server::new()
        .add(Calls::four_kinds(&Live::new()))
        .max_message_len(limit);
    network.serve(server.fallback(echo));
    network.raw_client().await
}

fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let start = [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a.b"),
    ];
    raw::block(&[&start, more].concat())
}

/// Status and body of an answer.
fn told(frames: &[Frame]) -> (String, String) {
    let status = frames[0]
        .field(":status")
        .unwrap_or_else(|| panic!("{frames:?}"));
    let mut body = Vec::new();
    for frame in &frames[1..] {
        match frame {
            Frame::Data { data, .. } => body.extend_from_slice(data),
            other => panic!("{other:?}"),
        }
    }
    (status.to_owned(), String::from_utf8(body).unwrap())
}

#[test]
fn plain_requests_are_answered_by_the_fallback() {
    virtual_time::run(async {
        let mut peer = peer(100).await;
        let table = [
            ("GET", "/", "200", "GET / None Some(\"a.b\") "),
            (
                "GET",
                "/a?b?c",
                "200",
                "GET /a Some(\"b?c\") Some(\"a.b\") ",
            ),
            (
                "DELETE",
                "/test.Calls",
                "200",
                "DELETE /test.Calls None Some(\"a.b\") ",
            ),
            ("OPTIONS", "*", "200", "OPTIONS * None Some(\"a.b\") "),
            ("HEAD", "/", "200", ""),
            ("GET", "/nothing", "204", ""),
            ("GET", "/broken", "500", ""),
            ("GET", "/panic", "500", ""),
            // These are the paths of a call.
            ("GET", "/test.Calls/Square", "405", ""),
            ("POST", "/test.Calls/Square", "415", ""),
        ];
        for (stream, (method, path, status, body)) in (1..).step_by(2).zip(table) {
            peer.send(&Frame::headers(stream, &request(method, path, &[]), true))
                .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(
                told(&frames),
                (status.to_owned(), body.to_owned()),
                "{method} {path}"
            );
            let len = match (status, method) {
                ("200", "HEAD") => Some("HEAD / None Some(\"a.b\") ".len().to_string()),
                ("200", _) => Some(body.len().to_string()),
                ("500", _) => Some("0".to_owned()),
                _ => None,
            };
            assert_eq!(
                frames[0].field("content-length"),
                len.as_deref(),
                "{method} {path}"
            );
        }
    });
}

#[test]
fn a_call_is_not_the_fallbacks() {
    virtual_time::run(async {
        let mut peer = peer(100).await;
        for (stream, path, status) in [(1, "/test.Calls/Square", "0"), (3, "/no.Such/Call", "12")] {
            peer.send(&Frame::headers(stream, &raw::request(path, &[]), false))
                .await;
            peer.send(&Frame::message(stream, &7_u64.to_be_bytes(), true))
                .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(
                frames.last().unwrap().field("grpc-status"),
                Some(status),
                "{path}"
            );
            if status != "0" {
                assert_eq!(peer.read_on(stream).await, Frame::Reset { stream, code: 0 });
            }
        }
    });
}

#[test]
fn a_body_is_there_in_full_however_it_comes() {
    virtual_time::run(async {
        let mut peer = peer(100).await;
        peer.send(&Frame::headers(
            1,
            &request("POST", "/", &[("expect", "100-continue")]),
            false,
        ))
        .await;
        assert_eq!(peer.read_on(1).await.field(":status"), Some("100"));
        peer.send(&Frame::headers(3, &request("PUT", "/", &[]), false))
            .await;
        peer.send(&Frame::data(1, b"ab", false)).await;
        peer.send(&Frame::data(3, b"x", false)).await;
        peer.send(&Frame::data(1, b"cd", true)).await;
        let (_, body) = told(&peer.read_stream(1).await);
        assert_eq!(body, "POST / None Some(\"a.b\") abcd");
        // Trailers end a body, too.
        peer.send(&Frame::headers(3, &raw::block(&[("x-end", "1")]), true))
            .await;
        let (_, body) = told(&peer.read_stream(3).await);
        assert_eq!(body, "PUT / None Some(\"a.b\") x");
    });
}

#[test]
fn a_body_over_the_limit_is_refused() {
    virtual_time::run(async {
        let mut peer = peer(10).await;
        let long = [("content-length", "11")];
        for (stream, more, bodies) in [(1, &[][..], &[8, 3][..]), (3, &long, &[])] {
            peer.send(&Frame::headers(stream, &request("POST", "/", more), false))
                .await;
            for len in bodies {
                peer.send(&Frame::data(stream, &vec![b'x'; *len], false))
                    .await;
            }
            let frames = peer.read_stream(stream).await;
            assert_eq!(told(&frames), ("413".to_owned(), String::new()));
            assert_eq!(peer.read_on(stream).await, Frame::Reset { stream, code: 0 });
        }
    });
}

#[test]
fn a_request_that_is_cut_short_is_forgotten() {
    virtual_time::run(async {
        let mut peer = peer(100).await;
        peer.send(&Frame::headers(1, &request("POST", "/", &[]), false))
            .await;
        peer.send(&Frame::data(1, b"ab", false)).await;
        peer.send(&Frame::reset(1, 8)).await;
        peer.send(&Frame::headers(3, &request("GET", "/", &[]), true))
            .await;
        assert_eq!(told(&peer.read_stream(3).await).0, "200");
    });
}
