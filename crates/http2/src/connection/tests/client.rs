//! A client against a raw server.

use super::*;
use crate::Piece;

/// A client with a call open on stream 1.
fn calling() -> Raw {
    let mut raw = Raw::client(Config::default());
    assert_eq!(raw.connection.open_stream(POST, Body::Last), Ok(id(1)));
    raw.frames();
    raw
}

#[test]
fn the_preface_and_settings_are_out_at_once() {
    let mut connection = Connection::client(Config::default());
    let bytes = take_output(&mut connection);
    assert_eq!(&bytes[..24], PREFACE);
    assert_eq!(Head::peek(&bytes[24..]).unwrap().kind, Kind::Settings);
    assert!(connection.can_open_stream());
}

#[test]
fn a_call() {
    let mut raw = Raw::client(Config::default());
    assert_eq!(raw.connection.open_stream(POST, Body::More), Ok(id(1)));
    raw.connection
        .send_data(id(1), b"hello"[..].into(), Body::Last)
        .unwrap();
    let want = [
        "HEADERS 1 :method=POST :scheme=http :path=/",
        "DATA 1 \"hello\" END",
    ];
    assert_eq!(raw.frames(), want);
    let answer = [
        headers(1, &[(":status", "103")], Body::More),
        response(1, Body::More),
        data(1, b"world", Body::More),
        headers(1, &[("grpc-status", "0")], Body::Last),
    ];
    raw.send(&answer.concat());
    let want = [
        "headers 1 103 more",
        "headers 1 200 more",
        "data 1 \"world\" more",
        "trailers 1 grpc-status=0",
    ];
    assert_eq!(raw.events(), want);
    assert_eq!(raw.connection.open_streams(), 0);
    assert_eq!(raw.connection.open_stream(POST, Body::Last), Ok(id(3)));
}

/// Each row is sent while stream 1 waits for its answer.
#[test]
#[rustfmt::skip]
fn illegal_answers_and_what_they_cost() {
    let close = |code: &str| format!("GOAWAY 0 {code}");
    let rst = |code: &str| format!("RST_STREAM 1 {code}");
    let table: Vec<(&str, Vec<u8>, String)> = vec![
        ("data first", data(1, b"x", Body::More), rst("PROTOCOL_ERROR")),
        ("no status", headers(1, &[("a", "b")], Body::More), rst("PROTOCOL_ERROR")),
        ("status 101", headers(1, &[(":status", "101")], Body::More), rst("PROTOCOL_ERROR")),
        ("last 1xx", headers(1, &[(":status", "100")], Body::Last), rst("PROTOCOL_ERROR")),
        ("request", headers(1, &REQUEST, Body::Last), rst("PROTOCOL_ERROR")),
        ("idle stream", response(3, Body::Last), close("PROTOCOL_ERROR")),
        ("even stream", response(2, Body::Last), close("PROTOCOL_ERROR")),
        ("push", frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]), close("PROTOCOL_ERROR")),
        ("push enabled", settings(&[Setting::Unknown(2, 1)]), close("PROTOCOL_ERROR")),
        ("frame length 0", settings(&[Setting::Unknown(5, 0)]), close("PROTOCOL_ERROR")),
        ("reset on idle", reset(3, ErrorCode::CANCEL), close("PROTOCOL_ERROR")),
    ];
    for (what, bytes, want) in table {
        let mut raw = calling();
        let got = raw.ask(&bytes);
        assert!(got.len() == 1 && got[0].starts_with(&want), "{what}: {got:?}");
    }
}

/// A server that said END_STREAM has lied if anything follows; what follows its RST_STREAM was only
/// late in its queue.
#[test]
#[rustfmt::skip]
fn what_comes_behind_an_end_costs_more_than_what_comes_behind_a_reset() {
    let ended = response(1, Body::Last);
    let cut = reset(1, ErrorCode::CANCEL);
    let close = "GOAWAY 0 STREAM_CLOSED";
    let rst = "RST_STREAM 1 STREAM_CLOSED";
    let table = [
        ("data after the end", &ended, data(1, b"x", Body::Last), close),
        ("headers after the end", &ended, response(1, Body::Last), close),
        ("data after a reset", &cut, data(1, b"x", Body::Last), rst),
        ("headers after a reset", &cut, response(1, Body::Last), rst),
    ];
    for (what, first, then, want) in table {
        let mut raw = Raw::client(Config::default());
        raw.connection.open_stream(POST, Body::Last).unwrap();
        raw.frames();
        assert!(raw.ask(first).is_empty(), "{what}");
        let got = raw.ask(&then);
        assert!(got.len() == 1 && got[0].starts_with(want), "{what}: {got:?}");
        assert_eq!(raw.connection.wants_bytes(), want == rst, "{what}");
    }
}

#[test]
fn responses_without_a_body_may_have_a_length() {
    let head = [Field::indexed(b":method", b"HEAD"), POST[1], POST[2]];
    for (fields, status, is_good) in [
        (head, "200", true),
        (POST, "304", true),
        (POST, "204", true),
        (POST, "200", false),
    ] {
        let mut raw = Raw::client(Config::default());
        raw.connection.open_stream(fields, Body::Last).unwrap();
        raw.frames();
        let answer = [(":status", status), ("content-length", "5")];
        let got = raw.ask(&headers(1, &answer, Body::Last));
        assert_eq!(got.is_empty(), is_good, "{fields:?} {status}: {got:?}");
    }
}

#[test]
fn responses_without_a_body_have_no_data() {
    let head = [Field::indexed(b":method", b"HEAD"), POST[1], POST[2]];
    for (fields, status) in [(head, "200"), (POST, "304"), (POST, "204")] {
        for (bytes, want) in [
            (&b""[..], vec![]),
            (b"12345", vec!["RST_STREAM 1 PROTOCOL_ERROR"]),
        ] {
            let mut raw = Raw::client(Config::default());
            raw.connection.open_stream(fields, Body::Last).unwrap();
            raw.frames();
            let answer = [(":status", status), ("content-length", "5")];
            let all = [headers(1, &answer, Body::More), data(1, bytes, Body::Last)];
            assert_eq!(
                raw.ask(&all.concat()),
                want,
                "{fields:?} {status} {bytes:?}"
            );
        }
    }
}

#[test]
fn a_server_may_stop_listening_after_its_answer() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::More).unwrap();
    raw.send(&[response(1, Body::Last), reset(1, ErrorCode::NO_ERROR)].concat());
    assert_eq!(
        raw.events(),
        ["headers 1 200 last", "reset 1 NO_ERROR remote"]
    );
    let not_open = Err(UserError::NotOpen(id(1)));
    assert_eq!(
        raw.connection.send_data(id(1), b"x"[..].into(), Body::Last),
        not_open
    );
}

#[test]
fn an_answer_that_crosses_a_cancel_is_dropped() {
    let mut raw = calling();
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    assert_eq!(raw.frames(), ["RST_STREAM 1 CANCEL"]);
    let late = [
        response(1, Body::More),
        data(1, &[0; 1000], Body::More),
        window_update(1, 5),
        headers(1, &[("grpc-status", "0")], Body::Last),
    ];
    assert!(raw.ask(&late.concat()).is_empty());
    assert!(raw.events().is_empty());
    assert_eq!(raw.connection.unread_len(), 0);
}

#[test]
fn events_of_a_stream_that_was_let_go_are_removed() {
    let mut raw = calling();
    raw.send(&[response(1, Body::More), data(1, b"abc", Body::More)].concat());
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    assert!(raw.events().is_empty());
    assert_eq!(raw.connection.unread_len(), 0);
}

#[test]
fn the_servers_stream_limit_holds_and_room_is_told() {
    let mut raw = Raw::client(Config::default());
    raw.send(&settings(&[Setting::MaxConcurrentStreams(1)]));
    raw.connection.open_stream(POST, Body::Last).unwrap();
    assert!(!raw.connection.can_open_stream());
    assert_eq!(
        raw.connection.open_stream(POST, Body::Last),
        Err(UserError::NoStreamRoom)
    );
    raw.send(&response(1, Body::Last));
    assert_eq!(raw.events(), ["headers 1 200 last", "stream room"]);
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.send(&settings(&[Setting::MaxConcurrentStreams(2)]));
    assert_eq!(raw.events(), ["stream room"]);
    raw.send(&settings(&[Setting::MaxConcurrentStreams(0)]));
    assert!(!raw.connection.can_open_stream());
}

#[test]
fn stream_numbers_run_out() {
    let mut raw = Raw::client(Config {
        max_stream_number: u32::MAX,
        ..Config::default()
    });
    raw.connection.next_local = StreamId::MAX.number();
    assert_eq!(
        raw.connection.open_stream(POST, Body::Last),
        Ok(StreamId::MAX)
    );
    assert!(!raw.connection.can_open_stream());
    assert_eq!(
        raw.connection.open_stream(POST, Body::Last),
        Err(UserError::NoStreamRoom)
    );
    raw.send(&response(StreamId::MAX.number(), Body::Last));
    assert_eq!(raw.events(), ["headers 2147483647 200 last"]);
}

#[test]
fn a_client_stops_well_before_the_numbers_end() {
    let limit = Config::default().max_stream_number;
    assert!(u64::from(limit) == (1 << 31) / 4 * 3 - 1);
    for (max_stream_number, last) in [(limit, limit), (10, 9), (9, 9), (0, 1)] {
        let mut raw = Raw::client(Config {
            max_stream_number,
            ..Config::default()
        });
        raw.connection.next_local = last.saturating_sub(2).max(1);
        while !raw.connection.is_used_up() {
            raw.connection.open_stream(POST, Body::Last).unwrap();
        }
        assert_eq!(raw.connection.next_local, last + 2);
        assert!(!raw.connection.can_open_stream());
        raw.frames();
        // Its streams end as they would have, and the connection with them.
        raw.connection.start_shutdown();
        assert_eq!(raw.frames(), ["GOAWAY 0 NO_ERROR \"\""]);
        for _ in 0..raw.connection.open_streams() {
            assert!(raw.events().is_empty());
        }
        if last > 1 {
            raw.send(&response(last - 2, Body::Last));
        }
        raw.send(&response(last, Body::Last));
        assert_eq!(raw.events().last().unwrap(), "closed", "{last}");
    }
}

#[test]
fn what_has_left_is_told_from_what_has_not() {
    let mut raw = Raw::client(Config::default());
    let first = raw.connection.open_stream(POST, Body::More).unwrap();
    let first_len = raw.connection.output_len();
    let second = raw.connection.open_stream(POST, Body::Last).unwrap();
    let left = |raw: &Raw| [first, second].map(|id| raw.connection.has_left(id));
    assert_eq!(left(&raw), [false, false]);
    raw.connection.advance_output(1);
    assert_eq!(left(&raw), [true, false]);
    raw.connection.advance_output(first_len - 1);
    assert_eq!(left(&raw), [true, false]);
    raw.connection.advance_output(1);
    assert_eq!(left(&raw), [true, true]);
    // Bodies of any length do not confuse it.
    for len in [10, 100_000] {
        let body = vec![0; len].into();
        raw.connection.send_data(first, body, Body::More).unwrap();
        let next = raw.connection.open_stream(POST, Body::Last).unwrap();
        raw.connection
            .advance_output(raw.connection.output_len() - 10);
        assert!(raw.connection.has_left(next));
    }
    assert!(raw.connection.has_left(id(99)));
    // What is dropped has not left.
    let last = raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.connection.discard_output();
    assert_eq!(raw.connection.output_len(), 0);
    assert!(raw.connection.has_left(first) && !raw.connection.has_left(last));
}

#[test]
fn a_ping_is_answered_and_ours_comes_back() {
    let mut raw = Raw::client(Config::default());
    assert_eq!(raw.ask(&ping(0, b"question")), ["PING ACK \"question\""]);
    raw.connection.ping(*b"are you?");
    assert_eq!(raw.frames(), ["PING \"are you?\""]);
    raw.send(&ping(1, b"are you?"));
    assert_eq!(raw.events(), ["ping ack \"are you?\""]);
}

#[test]
fn a_long_request_goes_out_in_continuation() {
    let mut raw = Raw::client(Config::default());
    let long = "\u{1}".repeat(40_000);
    let fields = [&POST[..], &[Field::literal(b"x", long.as_bytes())]].concat();
    raw.connection.open_stream(fields, Body::Last).unwrap();
    let want = [
        "HEADERS 1 ... END",
        "CONTINUATION 1 ...",
        "CONTINUATION 1 :method=POST :scheme=http :path=/ x=<40000>",
    ];
    assert_eq!(raw.frames(), want);
}

#[test]
fn a_request_of_lists_with_a_field_between_them() {
    let mut raw = Raw::client(Config::default());
    let first: FieldList = POST.into_iter().collect();
    let last: FieldList = [Field::indexed(b"te", b"trailers")].into_iter().collect();
    for (number, timeout) in [(1, "1S"), (3, "999m"), (5, "998m")] {
        let head = [
            Piece::List(&first),
            Piece::Field(Field::literal(b"grpc-timeout", timeout.as_bytes())),
            Piece::List(&last),
        ];
        let more = [Field::indexed(b"a", b"b")];
        raw.connection
            .open_with_request(&head, more, b"hello")
            .unwrap();
        let want = [
            format!(
                "HEADERS {number} :method=POST :scheme=http :path=/ grpc-timeout={timeout} \
                 te=trailers a=b"
            ),
            format!("DATA {number} \"hello\" END"),
        ];
        assert_eq!(raw.frames(), want);
    }
}

#[test]
fn a_whole_request_beyond_the_window_waits() {
    let mut raw = Raw::client(Config::default());
    let list: FieldList = POST.into_iter().collect();
    raw.send(&settings(&[Setting::InitialWindow(3)]));
    raw.frames();
    raw.connection
        .open_with_request(&[Piece::List(&list)], [], b"hello")
        .unwrap();
    let head = "HEADERS 1 :method=POST :scheme=http :path=/";
    assert_eq!(raw.frames(), [head, "DATA 1 \"hel\""]);
    raw.send(&window_update(1, 9));
    assert_eq!(raw.frames(), ["DATA 1 \"lo\" END"]);
}

#[test]
fn a_request_from_a_list() {
    let mut raw = Raw::client(Config::default());
    let list: FieldList = POST.into_iter().collect();
    for number in [1, 3, 5] {
        let more = [Field::literal(b"grpc-timeout", b"1S")];
        raw.connection
            .open_stream_with(&[Piece::List(&list)], more, Body::Last)
            .unwrap();
        let want =
            format!("HEADERS {number} :method=POST :scheme=http :path=/ grpc-timeout=1S END");
        assert_eq!(raw.frames(), [want]);
    }
    let head = [Field::indexed(b":method", b"HEAD"), POST[1], POST[2]];
    let head: FieldList = head.into_iter().collect();
    raw.connection
        .open_stream_with(&[Piece::List(&head)], [], Body::Last)
        .unwrap();
    raw.frames();
    let answer = headers(
        7,
        &[(":status", "200"), ("content-length", "5")],
        Body::Last,
    );
    assert!(raw.ask(&answer).is_empty());
}
