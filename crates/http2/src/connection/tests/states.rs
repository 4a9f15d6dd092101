//! What a stream takes in each of its states, and what is sent on it (RFC 9113 §5.1).

use super::*;

/// What a frame costs the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    Nothing,
    Stream(ErrorCode),
    Connection(ErrorCode),
}

use Cost::{Connection as Close, Nothing as Good, Stream as Rst};

const PROTOCOL: ErrorCode = ErrorCode::PROTOCOL_ERROR;
const CLOSED: ErrorCode = ErrorCode::STREAM_CLOSED;

fn cost_of(raw: &mut Raw, bytes: &[u8]) -> Cost {
    let answer = raw.ask(bytes);
    assert!(answer.len() <= 1, "one fault, one answer: {answer:?}");
    let Some(line) = answer.first() else {
        return Good;
    };
    let words: Vec<_> = line.split(' ').collect();
    let code = [PROTOCOL, CLOSED]
        .into_iter()
        .find(|code| words[2] == code.to_string())
        .unwrap_or_else(|| panic!("{line}"));
    match words[0] {
        "RST_STREAM" => Rst(code),
        "GOAWAY" => Close(code),
        _ => panic!("{line}"),
    }
}

/// One of each kind that can be sent on stream 1.
fn frames() -> [Vec<u8>; 8] {
    [
        data(1, b"x", Body::More),
        headers(1, &[("a", "b")], Body::Last),
        frame(Kind::Priority, 0, 1, &[0, 0, 0, 9, 5]),
        reset(1, ErrorCode::CANCEL),
        window_update(1, 1),
        frame(Kind::Continuation, 4, 1, b""),
        frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]),
        frame(Kind::Unknown(99), 0xff, 1, b"anything"),
    ]
}

/// Rows: the state of stream 1, and what each of `frames` costs in it.
type Row = (&'static str, [Cost; 8]);

fn check(rows: &[Row], in_state: fn(&str) -> Raw) {
    for (state, costs) in rows {
        for (bytes, want) in frames().iter().zip(costs) {
            let mut raw = in_state(state);
            raw.frames();
            let kind = Head::peek(bytes).unwrap().kind;
            assert_eq!(cost_of(&mut raw, bytes), *want, "{kind} in {state:?}");
            assert_eq!(raw.connection.wants_bytes(), !matches!(want, Close(_)));
        }
    }
}

/// A server with stream 1 in this state.
fn server_in(state: &str) -> Raw {
    let mut raw = Raw::server(Config::default());
    match state {
        "idle" => {}
        "skipped" => raw.send(&request(3, Body::Last)),
        "half-closed (remote)" | "ended" => raw.send(&request(1, Body::Last)),
        _ => raw.send(&request(1, Body::More)),
    }
    match state {
        "half-closed (local)" | "ended" => {
            raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
        }
        "reset by us" => raw.connection.reset_stream(id(1), ErrorCode::CANCEL),
        "reset by the peer" => raw.send(&reset(1, ErrorCode::CANCEL)),
        _ => {}
    }
    raw
}

/// A client with stream 1 in this state, and with the head of the response if there is one.
fn client_in(state: &str) -> Raw {
    let mut raw = Raw::client(Config::default());
    let body = match state {
        "half-closed (local)" | "ended" => Body::Last,
        _ => Body::More,
    };
    if state == "idle" {
        return raw;
    }
    raw.connection.open_stream(POST, body).unwrap();
    match state {
        "half-closed (remote)" | "ended" => raw.send(&response(1, Body::Last)),
        _ => raw.send(&response(1, Body::More)),
    }
    match state {
        "reset by us" => raw.connection.reset_stream(id(1), ErrorCode::CANCEL),
        "reset by the peer" => raw.send(&reset(1, ErrorCode::CANCEL)),
        _ => {}
    }
    raw
}

/// The fifth to last columns: CONTINUATION and PUSH_PROMISE are never right here, and a kind that
/// nobody knows is never wrong. Trailers on an idle stream are a request without a method.
#[test]
#[rustfmt::skip]
fn what_a_server_takes_in_each_state() {
    // DATA, HEADERS, PRIORITY, RST_STREAM, WINDOW_UPDATE, CONTINUATION, PUSH_PROMISE, unknown
    let rows: [Row; 8] = [
        ("idle",                 [Close(PROTOCOL), Rst(PROTOCOL), Good, Close(PROTOCOL), Close(PROTOCOL), Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("open",                 [Good, Good, Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("half-closed (local)",  [Good, Good, Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("half-closed (remote)", [Rst(CLOSED), Rst(CLOSED), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("ended",                [Close(CLOSED), Close(CLOSED), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("reset by us",          [Good, Good, Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("reset by the peer",    [Rst(CLOSED), Close(CLOSED), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("skipped",              [Rst(CLOSED), Close(PROTOCOL), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
    ];
    check(&rows, server_in);
}

#[test]
#[rustfmt::skip]
fn what_a_client_takes_in_each_state() {
    // DATA, HEADERS, PRIORITY, RST_STREAM, WINDOW_UPDATE, CONTINUATION, PUSH_PROMISE, unknown
    let rows: [Row; 7] = [
        ("idle",                 [Close(PROTOCOL), Close(PROTOCOL), Good, Close(PROTOCOL), Close(PROTOCOL), Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("open",                 [Good, Good, Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("half-closed (local)",  [Good, Good, Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("half-closed (remote)", [Rst(CLOSED), Rst(CLOSED), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("ended",                [Close(CLOSED), Close(CLOSED), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("reset by us",          [Good, Good, Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
        ("reset by the peer",    [Rst(CLOSED), Rst(CLOSED), Good, Good, Good, Close(PROTOCOL), Close(PROTOCOL), Good]),
    ];
    check(&rows, client_in);
}

#[test]
fn nothing_is_sent_on_a_stream_that_is_closed_or_idle() {
    let closed = ["ended", "reset by us", "reset by the peer"];
    let others = ["skipped", "idle"];
    let servers = closed
        .iter()
        .chain(&others)
        .map(|&state| (state, server_in(state)));
    let clients = closed
        .iter()
        .chain(&others[1..])
        .map(|&state| (state, client_in(state)));
    for (state, mut raw) in servers.chain(clients) {
        raw.frames();
        let connection = &mut raw.connection;
        let not_open = Err(UserError::NotOpen(id(1)));
        let body = || vec![1; 10].into();
        assert_eq!(connection.send_headers(id(1), OK, Body::More), not_open);
        assert_eq!(connection.send_data(id(1), body(), Body::More), not_open);
        assert_eq!(connection.send_trailers(id(1), TRAILERS), not_open);
        connection.reserve_window(id(1), 1 << 30);
        connection.release_data(id(1), 1 << 30);
        connection.reset_stream(id(1), ErrorCode::CANCEL);
        assert!(raw.frames().is_empty(), "{state}");
    }
}

#[test]
fn nothing_is_sent_on_a_half_that_has_ended() {
    for mut raw in [
        server_in("half-closed (local)"),
        client_in("half-closed (local)"),
    ] {
        raw.frames();
        let not_open = Err(UserError::NotOpen(id(1)));
        let body = b"x"[..].into();
        assert_eq!(raw.connection.send_headers(id(1), OK, Body::More), not_open);
        assert_eq!(raw.connection.send_data(id(1), body, Body::More), not_open);
        assert_eq!(raw.connection.send_trailers(id(1), TRAILERS), not_open);
        assert!(raw.frames().is_empty());
        // What may be sent still is: credit, and the early end.
        raw.connection.reserve_window(id(1), 1 << 20);
        raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
        assert_eq!(raw.frames(), ["RST_STREAM 1 CANCEL"]);
    }
}

#[test]
fn a_stream_that_the_peer_resets_is_sent_nothing_more() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    for _ in 0..4 {
        raw.send(&data(1, &[0; 16_000], Body::More));
    }
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let body = vec![0; 200_000];
    raw.connection
        .send_data(id(1), body.into(), Body::More)
        .unwrap();
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    raw.frames();
    // A WINDOW_UPDATE is due, DATA and trailers wait for a window.
    raw.connection.release_data(id(1), 4 * 16_000);
    let got = raw.ask(&[reset(1, ErrorCode::CANCEL), window_update(0, 1 << 20)].concat());
    assert!(got.is_empty(), "{got:?}");
    assert_eq!(raw.connection.queued_len(id(1)), 0);
}

#[test]
fn a_reset_is_never_sent_on_an_idle_stream() {
    for (what, bytes, code) in [
        (
            "short PRIORITY",
            frame(Kind::Priority, 0, 5, &[0; 4]),
            "FRAME_SIZE_ERROR",
        ),
        ("WINDOW_UPDATE of 0", window_update(5, 0), "PROTOCOL_ERROR"),
    ] {
        let mut raw = Raw::server(Config::default());
        raw.connection.reset_stream(id(5), ErrorCode::CANCEL);
        assert!(raw.frames().is_empty());
        let got = raw.ask(&bytes);
        let want = format!("GOAWAY 0 {code}");
        assert!(
            got.len() == 1 && got[0].starts_with(&want),
            "{what}: {got:?}"
        );
    }
}

#[test]
fn errors_of_a_stream_that_we_have_reset_are_not_told_again() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    assert_eq!(
        raw.ask(&window_update(1, 0)),
        ["RST_STREAM 1 PROTOCOL_ERROR"]
    );
    let more = [
        window_update(1, 0),
        frame(Kind::Priority, 0, 1, &[0; 4]),
        data(1, &[0; 100], Body::Last),
        headers(1, &[("A", "b")], Body::Last),
    ];
    assert!(raw.ask(&more.concat()).is_empty());
    assert_eq!(
        raw.events(),
        ["headers 1 / more", "reset 1 PROTOCOL_ERROR local"]
    );
}

#[test]
fn small_faults_on_a_stream_that_was_reset_are_answered_by_nothing() {
    let faults = || {
        [
            window_update(1, 0),
            frame(Kind::Priority, 0, 1, &[0; 4]),
            frame(Kind::Priority, 0, 1, &[0, 0, 0, 1, 5]),
        ]
    };
    for state in ["reset by us", "reset by the peer"] {
        for mut raw in [server_in(state), client_in(state)] {
            raw.frames();
            raw.events();
            for bytes in faults() {
                assert_eq!(cost_of(&mut raw, &bytes), Good, "{state}");
            }
            assert!(raw.events().is_empty());
        }
    }
    // Behind an end that both have said they are still stream errors, but told once.
    for mut raw in [server_in("ended"), client_in("ended")] {
        raw.frames();
        raw.events();
        assert_eq!(cost_of(&mut raw, &window_update(1, 0)), Rst(PROTOCOL));
        for bytes in faults() {
            assert_eq!(cost_of(&mut raw, &bytes), Good);
        }
        assert!(raw.events().is_empty());
    }
}

/// As many as may be open at once are reset in one go, and each has a message on its way.
#[test]
fn what_crosses_many_resets_is_dropped() {
    const COUNT: u32 = 2000;
    let mut raw = Raw::server(Config {
        max_concurrent_streams: COUNT,
        ..Config::default()
    });
    let numbers = || (0..COUNT).map(|count| 2 * count + 1);
    for number in numbers() {
        raw.send(&request(number, Body::More));
    }
    for number in numbers() {
        raw.connection.reset_stream(id(number), ErrorCode::CANCEL);
    }
    raw.frames();
    for number in numbers() {
        let late = [
            data(number, b"x", Body::More),
            headers(number, &[("a", "b")], Body::Last),
        ];
        let got = raw.ask(&late.concat());
        assert!(got.is_empty(), "{number}: {got:?}");
    }
}

/// A literal that goes into the table, and the index that stands for it then.
const INSERTED: &[u8] = b"\x40\x01x\x01v";
const AT_INDEX: &[u8] = &[0x80 | 62];

#[test]
fn blocks_that_nobody_wants_keep_the_table_in_step() {
    let request_block = || [INSERTED, &block(&REQUEST)].concat();
    // Pseudo-headers come first in a good list; only the last of these is one.
    let good_block = || [&block(&REQUEST)[..], INSERTED].concat();
    let self_dependent = || [&[0, 0, 0, 5, 7][..], &good_block()].concat();
    #[rustfmt::skip]
    let table: [(&str, Vec<u8>, &[&str]); 6] = [
        ("malformed", frame(Kind::Headers, 5, 5, &request_block()), &["RST_STREAM 5 PROTOCOL_ERROR"]),
        ("depends on itself", frame(Kind::Headers, 0x25, 5, &self_dependent()), &["RST_STREAM 5 PROTOCOL_ERROR"]),
        ("refused", [request(5, Body::More), frame(Kind::Headers, 5, 7, &good_block())].concat(), &["RST_STREAM 7 REFUSED_STREAM"]),
        ("on a stream that we reset", frame(Kind::Headers, 5, 3, INSERTED), &[]),
        ("on an ended half", frame(Kind::Headers, 5, 9, INSERTED), &["RST_STREAM 9 STREAM_CLOSED"]),
        ("above the last stream", frame(Kind::Headers, 5, 11, &good_block()), &[]),
    ];
    for (what, bytes, want) in table {
        let mut raw = Raw::server(Config {
            max_concurrent_streams: 2,
            ..Config::default()
        });
        raw.send(&[request(1, Body::More), request(3, Body::More)].concat());
        raw.connection.reset_stream(id(3), ErrorCode::CANCEL);
        if what == "on an ended half" {
            raw.send(&request(9, Body::Last));
        }
        if what == "above the last stream" {
            raw.connection.start_shutdown();
            raw.send(&ping(1, b"farewell"));
        }
        raw.frames();
        assert_eq!(raw.ask(&bytes), want, "{what}");
        raw.events();
        raw.send(&frame(Kind::Headers, 5, 1, AT_INDEX));
        assert_eq!(raw.events(), ["trailers 1 x=v"], "{what}");
    }
}

#[test]
fn an_answer_to_a_call_that_was_cancelled_keeps_the_table_in_step() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    raw.frames();
    let late = frame(Kind::Headers, 4, 1, &[b"\x88", INSERTED].concat());
    assert!(raw.ask(&late).is_empty());
    raw.send(&response(3, Body::More));
    raw.send(&frame(Kind::Headers, 5, 3, AT_INDEX));
    assert_eq!(raw.events(), ["headers 3 200 more", "trailers 3 x=v"]);
}
