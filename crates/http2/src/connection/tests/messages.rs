//! Messages to the letter (RFC 9113 §8): what makes one malformed at either end, and that nobody
//! hears of one that is.

use super::*;
use crate::Headers;

/// Sends a request with these fields more; returns the answer and the events.
fn ask_server(more: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut raw = Raw::server(Config::default());
    let answer = raw.ask(&headers(1, &[&REQUEST[..], more].concat(), Body::Last));
    (answer, raw.events())
}

/// Answers a call with these fields.
fn answer_client(fields: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.frames();
    let answer = raw.ask(&headers(1, fields, Body::Last));
    (answer, raw.events())
}

const REFUSAL: [&str; 1] = ["RST_STREAM 1 PROTOCOL_ERROR"];
const STATUS: (&str, &str) = (":status", "200");

/// Fields that no message may have, wherever they stand.
const FORBIDDEN: [(&str, &str); 19] = [
    ("connection", "close"),
    ("proxy-connection", "x"),
    ("keep-alive", "1"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("te", "gzip"),
    ("Upper", "a"),
    ("", "a"),
    ("a b", "a"),
    ("a:b", "a"),
    ("a\u{7f}", "a"),
    ("a\u{e4}", "a"),
    ("a", "b\0"),
    ("a", "b\rc"),
    ("a", "b\nc"),
    ("a", " b"),
    ("a", "b\t"),
    (":unknown", "a"),
    ("content-length", "1"),
];

#[test]
fn a_field_that_is_forbidden_makes_every_message_malformed() {
    for field in FORBIDDEN {
        let (answer, events) = ask_server(&[field]);
        assert_eq!(answer, REFUSAL, "request with {field:?}");
        assert!(events.is_empty(), "request with {field:?}: {events:?}");

        let (answer, events) = answer_client(&[STATUS, field]);
        assert_eq!(answer, REFUSAL, "response with {field:?}");
        assert_eq!(events, ["reset 1 PROTOCOL_ERROR local"]);

        if field.0 == "content-length" {
            continue;
        }
        let mut raw = Raw::server(Config::default());
        raw.send(&request(1, Body::More));
        let answer = raw.ask(&headers(1, &[("good", "1"), field], Body::Last));
        assert_eq!(answer, REFUSAL, "trailers with {field:?}");
        let want = ["headers 1 / more", "reset 1 PROTOCOL_ERROR local"];
        assert_eq!(raw.events(), want);
    }
}

/// The pseudo-headers of one kind of message in another, behind a field, twice, or not at all.
#[test]
fn pseudo_headers_have_their_place() {
    let [method, scheme, path] = REQUEST;
    let field = ("a", "b");
    #[rustfmt::skip]
    let requests: [&[(&str, &str)]; 12] = [
        &[],
        &[scheme, path],
        &[method, path],
        &[method, scheme],
        &[method, scheme, path, STATUS],
        &[method, method, scheme, path],
        &[method, scheme, scheme, path],
        &[method, scheme, path, path],
        &[method, scheme, field, path],
        &[method, scheme, (":path", "")],
        &[method, scheme, path, (":authority", "me@a")],
        &[method, scheme, path, (":authority", "a"), (":authority", "a")],
    ];
    for fields in requests {
        let mut raw = Raw::server(Config::default());
        assert_eq!(
            raw.ask(&headers(1, fields, Body::Last)),
            REFUSAL,
            "{fields:?}"
        );
        assert!(raw.events().is_empty(), "{fields:?}");
    }
    let responses: [&[(&str, &str)]; 7] = [
        &[],
        &[field],
        &[method],
        &[STATUS, path],
        &[STATUS, STATUS],
        &[field, STATUS],
        &[(":status", "abc")],
    ];
    for fields in responses {
        let (answer, events) = answer_client(fields);
        assert_eq!(answer, REFUSAL, "{fields:?}");
        assert_eq!(events, ["reset 1 PROTOCOL_ERROR local"], "{fields:?}");
    }
    for pseudo in [STATUS, method, scheme, path, (":authority", "a")] {
        let mut raw = Raw::client(Config::default());
        raw.connection.open_stream(POST, Body::Last).unwrap();
        raw.send(&response(1, Body::More));
        raw.frames();
        let answer = raw.ask(&headers(1, &[pseudo], Body::Last));
        assert_eq!(answer, REFUSAL, "{pseudo:?} in trailers");
    }
}

#[test]
fn a_response_has_one_final_head_and_any_number_before_it() {
    let interim = |status| headers(1, &[(":status", status)], Body::More);
    // What follows the request, and whether it is a message.
    let table: [(&str, Vec<Vec<u8>>, bool); 7] = [
        ("one", vec![response(1, Body::More)], true),
        (
            "interim ones before it",
            vec![interim("100"), interim("103"), response(1, Body::More)],
            true,
        ),
        (
            "an interim one behind it",
            vec![response(1, Body::More), interim("103")],
            false,
        ),
        (
            "two",
            vec![response(1, Body::More), response(1, Body::More)],
            false,
        ),
        (
            "two, the second the last",
            vec![response(1, Body::More), response(1, Body::Last)],
            false,
        ),
        (
            "DATA behind an interim one",
            vec![interim("100"), data(1, b"x", Body::Last)],
            false,
        ),
        (
            "an interim one that is the last",
            vec![headers(1, &[(":status", "100")], Body::Last)],
            false,
        ),
    ];
    for (what, frames, is_good) in table {
        let mut raw = Raw::client(Config::default());
        raw.connection.open_stream(POST, Body::Last).unwrap();
        raw.frames();
        let answer = raw.ask(&frames.concat());
        let want: &[&str] = if is_good { &[] } else { &REFUSAL };
        assert_eq!(answer, want, "{what}");
    }
}

#[test]
fn a_switch_of_protocols_is_no_answer() {
    let (answer, events) = answer_client(&[(":status", "101")]);
    assert_eq!(answer, REFUSAL);
    assert_eq!(events, ["reset 1 PROTOCOL_ERROR local"]);
}

#[test]
fn a_connect_has_an_authority_and_neither_scheme_nor_path() {
    let [_, scheme, path] = REQUEST;
    let method = (":method", "CONNECT");
    let authority = (":authority", "a:1");
    #[rustfmt::skip]
    let table: [(&[(&str, &str)], bool); 5] = [
        (&[method, authority], true),
        (&[method], false),
        (&[method, authority, scheme], false),
        (&[method, authority, path], false),
        (&[method, scheme, path, authority], false),
    ];
    for (fields, is_good) in table {
        let mut raw = Raw::server(Config::default());
        let answer = raw.ask(&headers(1, fields, Body::More));
        assert_eq!(answer.is_empty(), is_good, "{fields:?}: {answer:?}");
        assert_eq!(raw.events().len(), usize::from(is_good), "{fields:?}");
    }
}

fn told(raw: &mut Raw) -> Headers {
    match raw.connection.poll_event() {
        Some(Event::Headers { headers, .. }) => headers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_authority_is_asked_before_a_host() {
    for (more, want) in [
        (
            &[(":authority", "a.b:1"), ("host", "A.B:1")][..],
            Some("a.b:1"),
        ),
        (&[(":authority", "a")], Some("a")),
        (&[("host", "b")], Some("b")),
        (&[], None),
    ] {
        let mut raw = Raw::server(Config::default());
        raw.send(&headers(1, &[&REQUEST[..], more].concat(), Body::Last));
        assert_eq!(told(&mut raw).authority(), want, "{more:?}");
    }
    let (answer, _) = ask_server(&[("host", "b"), ("host", "c")]);
    assert_eq!(answer, REFUSAL);
}

#[test]
fn a_cookie_is_put_together_from_its_crumbs() {
    let more = [
        ("a", "1"),
        ("cookie", "b=c; d=e"),
        ("f", "2"),
        ("cookie", "g=h"),
        ("cookie", ""),
        ("i", "3"),
    ];
    let bytes = |number| headers(number, &[&REQUEST[..], &more].concat(), Body::Last);
    let mut raw = Raw::server(Config::default());
    // From the third time on the list comes from memory.
    for number in [1, 3, 5, 7] {
        raw.send(&bytes(number));
        let headers = told(&mut raw);
        let fields: Vec<_> = headers.fields().collect();
        let want = [
            ("a", &b"1"[..]),
            ("cookie", b"b=c; d=e; g=h; "),
            ("f", b"2"),
            ("i", b"3"),
        ];
        assert_eq!(fields, want);
        assert_eq!(headers.get("cookie"), Some(&b"b=c; d=e; g=h; "[..]));
        assert_eq!(headers.path(), Some("/"));
    }
}

/// What is refused with REFUSED_STREAM is safe to retry, so nobody may have heard of it.
#[test]
fn a_refused_stream_was_never_told() {
    let mut raw = Raw::server(Config {
        max_concurrent_streams: 0,
        ..strict()
    });
    let frames = [
        request(1, Body::More),
        data(1, b"x", Body::More),
        headers(1, &[("a", "b")], Body::Last),
    ];
    assert_eq!(raw.ask(&frames.concat()), ["RST_STREAM 1 REFUSED_STREAM"]);
    assert!(raw.events().is_empty());
    assert_eq!(raw.connection.credit.outstanding(), 0);
}

/// Every stream an owner was told of is at or under the last one of every GOAWAY.
#[test]
fn a_goaway_names_every_stream_that_was_told() {
    let ends: [fn(&mut Raw); 3] = [
        |raw| raw.send(&data(0, b"", Body::More)),
        |raw| raw.connection.close(ErrorCode::INTERNAL_ERROR, ""),
        |raw| {
            raw.connection.start_shutdown();
            raw.send(&ping(1, b"farewell"));
        },
    ];
    for end in ends {
        let mut raw = Raw::server(Config::default());
        let frames = [request(1, Body::More), request(7, Body::Last)];
        raw.send(&frames.concat());
        raw.frames();
        end(&mut raw);
        let got = raw.frames().pop().unwrap();
        assert!(got.starts_with("GOAWAY 7 "), "{got}");
    }
}
