//! Metadata on the wire: names, odd values, bytes, and how much of it there may be.

use hikyaku::{Code, Request, Response};
use hikyaku_testkit::raw::{self, Frame, kind};
use hikyaku_testkit::{Live, virtual_time};

use super::{KINDS, SEVEN, Wired, answer_with, client_of, exchange, status_of};
use crate::in_memory::{Calling, Calls, read_request};

/// Gives the metadata of a request back, before the reply and behind it.
fn echo() -> Calls {
    Calls::new().unary("/test.Calls/Echo", |request| async move {
        let mut response = Response::new(1);
        *response.metadata_mut() = request.metadata().clone();
        *response.trailers_mut() = request.metadata().clone();
        Ok(response)
    })
}

/// Every value of a field, in order.
fn values<'a>(frame: &'a Frame, name: &str) -> Vec<&'a str> {
    let Frame::Headers { fields, .. } = frame else {
        panic!("{frame:?} has no fields");
    };
    let fields = fields.iter().filter(|(of, _)| of == name);
    fields.map(|(_, value)| &**value).collect()
}

/// What HTTP lets a value be and gRPC does not.
const ODD: [&str; 5] = ["caf\u{e9}", "\u{80}", "a\tb", "\u{263a}", "x\u{7f}y"];

/// What both let it be.
const FINE: [&str; 4] = [
    "",
    "plain",
    "two, three",
    "~!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}",
];

#[test]
fn names_of_all_their_characters_come_through_both_ways() {
    virtual_time::run(async {
        let name = "0123456789_.-abcdefghijklmnopqrstuvwxyz";
        let mut peer = client_of(echo()).await;
        let block = raw::request("/test.Calls/Echo", &[(name, "v")]);
        let body = Frame::message(1, &SEVEN, true);
        let frames = exchange(&mut peer, 1, &block, &[body]).await;
        assert_eq!(frames[0].field(name), Some("v"));
        assert_eq!(frames[2].field(name), Some("v"));

        let mut wired = Wired::new().await;
        let mut request = Request::new(1);
        request.metadata_mut().insert(name, "v").unwrap();
        let answer = |stream| answer_with(stream, &[(name, "h")], &[(name, "t")]);
        let calling = wired.channel.ask("/any/Call", request);
        let serving = async {
            let seen = read_request(&mut wired.server, 1).await;
            assert_eq!(seen.field(name), Some("v"));
            wired.server.send(&answer(1)).await;
        };
        let response = tokio::join!(calling, serving).0.unwrap();
        assert_eq!(response.metadata().get(name), Some("h"));
        assert_eq!(response.trailers().get(name), Some("t"));
    });
}

#[test]
fn an_upper_case_name_ends_its_call_alone() {
    virtual_time::run(async {
        let mut peer = client_of(echo()).await;
        let block = raw::request("/test.Calls/Echo", &[("X-Upper", "v")]);
        let frames = exchange(&mut peer, 1, &block, &[]).await;
        assert_eq!(frames, [Frame::Reset { stream: 1, code: 1 }]);
        let body = Frame::message(3, &SEVEN, true);
        let block = raw::request("/test.Calls/Echo", &[]);
        assert_eq!(
            status_of(&exchange(&mut peer, 3, &block, &[body]).await),
            "0"
        );
    });
}

#[test]
fn a_server_drops_odd_values_and_serves_the_call() {
    virtual_time::run(async {
        let mut peer = client_of(echo()).await;
        for (stream, odd) in (1..).step_by(2).zip(ODD) {
            let mut more = vec![("x-odd", odd), ("x-bin", "\u{e9}")];
            more.extend(FINE.map(|value| ("x-fine", value)));
            let block = raw::request("/test.Calls/Echo", &more);
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &block, &[body]).await;
            assert_eq!(status_of(&frames), "0", "{odd:?}");
            for block in [&frames[0], &frames[2]] {
                assert_eq!(values(block, "x-fine"), FINE, "{odd:?}");
                assert_eq!(values(block, "x-odd"), [""; 0], "{odd:?}");
                assert_eq!(values(block, "x-bin"), [""; 0], "{odd:?}");
            }
        }
    });
}

#[test]
fn a_client_drops_odd_values_and_takes_the_answer() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        for odd in ODD {
            let mut more = vec![("x-odd", odd), ("x-bin", "\u{e9}")];
            more.extend(FINE.map(|value| ("x-fine", value)));
            let response = wired.ask(|stream| answer_with(stream, &more, &more)).await;
            let response = response.unwrap();
            for metadata in [response.metadata(), response.trailers()] {
                assert_eq!(metadata.get_all("x-fine").collect::<Vec<_>>(), FINE);
                assert_eq!(metadata.get("x-odd"), None, "{odd:?}");
                assert_eq!(metadata.get_bin("x-bin"), None);
                assert_eq!(metadata.len(), FINE.len(), "{odd:?}");
            }
        }
    });
}

/// Values of a `-bin` field as they may come, and the bytes they stand for.
const BINARY: [(&[&str], &[&[u8]]); 6] = [
    (&["q80"], &[b"\xab\xcd"]),
    (&["q80="], &[b"\xab\xcd"]),
    (&["q80,q82r"], &[b"\xab\xcd", b"\xab\xcd\xab"]),
    (
        &["q80=,q82r", "AA=="],
        &[b"\xab\xcd", b"\xab\xcd\xab", b"\0"],
    ),
    (&[""], &[b""]),
    (&["q80", "!", "q82r"], &[b"\xab\xcd", b"\xab\xcd\xab"]),
];

#[test]
fn a_server_reads_bytes_padded_unpadded_and_joined_by_commas() {
    virtual_time::run(async {
        let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
        let calls = Calls::new().unary("/test.Calls/Bytes", move |request| {
            let metadata = request.metadata();
            let bytes: Vec<_> = metadata.get_all_bin("x-bin").collect();
            told.send(bytes).unwrap();
            async { Ok(1.into()) }
        });
        let mut peer = client_of(calls).await;
        for (stream, (sent, want)) in (1..).step_by(2).zip(BINARY) {
            let more: Vec<_> = sent.iter().map(|value| ("x-bin", *value)).collect();
            let block = raw::request("/test.Calls/Bytes", &more);
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &block, &[body]).await;
            assert_eq!(status_of(&frames), "0");
            assert_eq!(tell.recv().await.unwrap(), want, "{sent:?}");
        }
    });
}

#[test]
fn a_client_reads_bytes_padded_unpadded_and_joined_by_commas() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        for (sent, want) in BINARY {
            let more: Vec<_> = sent.iter().map(|value| ("x-bin", *value)).collect();
            let response = wired.ask(|stream| answer_with(stream, &more, &more)).await;
            let response = response.unwrap();
            for metadata in [response.metadata(), response.trailers()] {
                let got: Vec<_> = metadata.get_all_bin("x-bin").collect();
                assert_eq!(got, want, "{sent:?}");
            }
        }
    });
}

#[test]
fn bytes_are_sent_without_padding_and_in_their_order() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let mut request = Request::new(1);
        for bytes in [&b"\xab\xcd"[..], b"", b"\xff\xff\xff", b"\0"] {
            request.metadata_mut().append_bin("x-bin", bytes).unwrap();
        }
        let channel = wired.channel.clone();
        let call = tokio::spawn(async move { channel.ask("/any/Call", request).await });
        let seen = wired.server.read_on(1).await;
        assert_eq!(values(&seen, "x-bin"), ["q80", "", "////", "AA"]);
        call.abort();
    });
}

#[test]
fn values_of_one_name_keep_their_order_there_and_back() {
    virtual_time::run(async {
        let mut peer = client_of(echo()).await;
        let more = [
            ("a", "1"),
            ("b", "x"),
            ("a", "3, 4"),
            ("b", "y"),
            ("a", "2"),
        ];
        let block = raw::request("/test.Calls/Echo", &more);
        let body = Frame::message(1, &SEVEN, true);
        let frames = exchange(&mut peer, 1, &block, &[body]).await;
        for block in [&frames[0], &frames[2]] {
            assert_eq!(values(block, "a"), ["1", "3, 4", "2"]);
            assert_eq!(values(block, "b"), ["x", "y"]);
        }
    });
}

/// The bytes of a list by the count of HTTP: names, values, and 32 for each field.
fn list_len(fields: &[(&str, &str)]) -> usize {
    let lens = fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 32);
    lens.sum()
}

/// The limit of both ends, by default. Bytes.
const MAX_LIST_LEN: usize = 16 * 1024;

#[test]
fn a_request_may_have_headers_up_to_the_limit_and_not_a_byte_more() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        // What is sent counts: base64, not the bytes it stands for.
        let request = |much: &str| raw::request(KINDS[0], &[("x-much-bin", much)]);
        let base = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", KINDS[0]),
            (":authority", "raw"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("x-much-bin", ""),
        ];
        for (stream, over_len) in [(1, 0), (3, 1), (5, 5_000)] {
            let much = "A".repeat(MAX_LIST_LEN - list_len(&base) + over_len);
            let head = in_parts(stream, &request(&much), 0);
            let body = Frame::message(stream, &SEVEN, true);
            peer.send(&[head, body].concat()).await;
            let frames = peer.read_stream(stream).await;
            match over_len {
                0 => assert_eq!(status_of(&frames), "0"),
                // ENHANCE_YOUR_CALM is RESOURCE_EXHAUSTED to every client.
                _ => assert_eq!(frames, [Frame::Reset { stream, code: 11 }], "{over_len}"),
            }
        }
        let body = Frame::message(7, &SEVEN, true);
        let frames = exchange(&mut peer, 7, &request(""), &[body]).await;
        assert_eq!(status_of(&frames), "0");
    });
}

#[test]
fn head_and_trailers_may_each_be_as_long_as_the_limit_and_no_longer() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let head = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("x-much", ""),
        ];
        let trailers = [("grpc-status", "0"), ("x-much", "")];
        let much = "x".repeat(MAX_LIST_LEN);
        let of_head = &much[list_len(&head)..];
        let of_trailers = &much[list_len(&trailers)..];
        let more = |text: &str| format!("{text}x");
        let table = [
            (of_head.to_owned(), of_trailers.to_owned(), true),
            (more(of_head), String::new(), false),
            (String::new(), more(of_trailers), false),
        ];
        for (head, trailers, is_fine) in table {
            let (head, trailers) = ([("x-much", &*head)], [("x-much", &*trailers)]);
            let got = wired
                .ask(|stream| answer_in_parts(stream, &head, &trailers))
                .await;
            match got {
                Ok(response) => {
                    assert!(is_fine);
                    let metadata = [response.metadata(), response.trailers()];
                    let lens = metadata.map(|metadata| metadata.get("x-much").unwrap().len());
                    assert_eq!(lens, [head[0].1.len(), trailers[0].1.len()]);
                }
                Err(status) => {
                    assert!(!is_fine, "{status}");
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                }
            }
        }
    });
}

/// A block in HEADERS and one CONTINUATION.
fn in_parts(stream: u32, block: &[u8], flags: u8) -> Vec<u8> {
    let (first, rest) = block.split_at(block.len() / 2);
    let head = raw::frame(kind::HEADERS, flags, stream, first);
    [head, raw::frame(kind::CONTINUATION, 4, stream, rest)].concat()
}

/// An answer whose header blocks are too long for one frame.
fn answer_in_parts(stream: u32, head: &[(&str, &str)], trailers: &[(&str, &str)]) -> Vec<u8> {
    let opening = [(":status", "200"), ("content-type", "application/grpc")];
    let head = raw::block(&[&opening[..], head].concat());
    let trailers = raw::block(&[&[("grpc-status", "0")][..], trailers].concat());
    [
        in_parts(stream, &head, 0),
        Frame::message(stream, &SEVEN, false),
        in_parts(stream, &trailers, 1),
    ]
    .concat()
}
