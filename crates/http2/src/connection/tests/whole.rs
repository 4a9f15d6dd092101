//! Requests that come whole, and responses that go whole.

use super::*;

/// A server that was sent these frames at once.
fn server_after(frames: &[Vec<u8>]) -> Raw {
    let mut raw = Raw::server(Config::default());
    raw.send(&frames.concat());
    raw
}

/// A name, the frames that come at once, and the events they are.
type Row = (&'static str, Vec<Vec<u8>>, &'static [&'static str]);

#[test]
#[rustfmt::skip]
fn a_request_and_its_body_are_one_event_if_both_have_come() {
    let open = |id| request(id, Body::More);
    let more = |id, bytes: &[u8]| data(id, bytes, Body::More);
    let last = |id, bytes: &[u8]| data(id, bytes, Body::Last);
    let long = &[b'x'; 16_384];
    let table: [Row; 8] = [
        ("side by side", vec![open(1), last(1, b"a")], &["request 1 / \"a\""]),
        (
            "mixed", vec![open(1), open(3), last(3, b"b"), last(1, b"a")],
            &["request 1 / \"a\"", "request 3 / \"b\""],
        ),
        (
            "in two frames", vec![open(1), more(1, b"a"), last(1, b"b")],
            &["headers 1 / more", "data 1 \"a\" more", "data 1 \"b\" last"],
        ),
        (
            "the first of two streams only", vec![open(1), open(3), last(1, b"a")],
            &["request 1 / \"a\"", "headers 3 / more"],
        ),
        (
            "an empty body", vec![open(1), last(1, b"")],
            &["headers 1 / more", "data 1 \"\" last"],
        ),
        ("no body", vec![request(1, Body::Last)], &["headers 1 / last"]),
        (
            "reset behind it", vec![open(1), last(1, b"a"), reset(1, ErrorCode::CANCEL)],
            &["request 1 / \"a\"", "reset 1 CANCEL remote"],
        ),
        (
            "more than the window",
            vec![
                open(1), open(3), more(1, long), more(1, long), more(1, long), last(1, long),
                last(3, b"b"),
            ],
            &[
                "headers 1 / more", "request 3 / \"b\"", "data 1 <16384> more",
                "data 1 <16384> more", "data 1 <16384> more", "reset 1 FLOW_CONTROL_ERROR local",
            ],
        ),
    ];
    for (name, frames, want) in table {
        assert_eq!(server_after(&frames).whole_events(), want, "{name}");
    }
}

#[test]
fn headers_that_have_been_told_get_no_body() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    assert_eq!(raw.whole_events(), ["headers 1 / more"]);
    raw.send(&[data(1, b"a", Body::Last), request(3, Body::More)].concat());
    assert_eq!(
        raw.whole_events(),
        ["data 1 \"a\" last", "headers 3 / more"]
    );
    raw.send(&data(3, b"b", Body::Last));
    assert_eq!(raw.whole_events(), ["data 3 \"b\" last"]);
}

#[test]
fn a_body_must_be_as_long_as_was_said_also_in_one_piece() {
    let promised = |len: &str| {
        let fields = [&REQUEST[..], &[("content-length", len)]].concat();
        headers(1, &fields, Body::More)
    };
    let table = [("1", "request 1 / \"a\""), ("2", "headers 1 / more")];
    for (len, want) in table {
        let mut raw = server_after(&[promised(len), data(1, b"a", Body::Last)]);
        assert_eq!(raw.whole_events()[0], want);
    }
}

#[test]
fn a_body_that_is_taken_with_its_headers_is_not_counted_and_one_taken_by_itself_is() {
    let frames = [request(1, Body::More), data(1, b"hello", Body::Last)];
    let mut raw = server_after(&frames);
    assert_eq!(raw.connection.unread_len(), 0);
    assert_eq!(raw.whole_events().len(), 1);
    raw.connection.release_data(id(1), 5);
    assert_eq!(raw.connection.unread_len(), 0);

    let mut raw = server_after(&frames);
    assert_eq!(raw.events(), ["headers 1 / more", "data 1 \"hello\" last"]);
    assert_eq!(raw.connection.unread_len(), 5);
    raw.connection.release_data(id(1), 5);
    assert_eq!(raw.connection.unread_len(), 0);
}

#[test]
fn a_stream_that_is_reset_here_is_not_told_of() {
    let mut raw = server_after(&[
        request(1, Body::More),
        request(3, Body::More),
        data(1, b"a", Body::Last),
        request(5, Body::More),
    ]);
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    // Its event is gone, and those behind it have moved up.
    raw.send(&[data(3, b"b", Body::Last), data(5, b"c", Body::Last)].concat());
    let events = raw.whole_events();
    assert_eq!(events.iter().filter(|line| line.contains(" 1 ")).count(), 0);
    for id in ["3", "5"] {
        let lines = events
            .iter()
            .filter(|line| line.contains(&format!(" {id} ")));
        let lines: Vec<_> = lines.map(String::as_str).collect();
        let (head, body) = (format!("headers {id}"), format!("data {id}"));
        let is_whole = lines.len() == 1 && lines[0].starts_with("request");
        let is_split =
            lines.len() == 2 && lines[0].starts_with(&head) && lines[1].starts_with(&body);
        assert!(is_whole || is_split, "{lines:?}");
    }
}

#[test]
#[rustfmt::skip]
fn a_response_is_one_event_if_its_parts_come_one_behind_the_other() {
    let more = |id, bytes: &[u8]| data(id, bytes, Body::More);
    let ok = |id| headers(id, &[("grpc-status", "0")], Body::Last);
    let open = |id| response(id, Body::More);
    let table: [Row; 8] = [
        (
            "one behind the other", vec![open(1), more(1, b"a"), ok(1)],
            &["response 1 200 \"a\" grpc-status=0"],
        ),
        (
            "two of them", vec![open(3), more(3, b"b"), ok(3), open(1), more(1, b"a"), ok(1)],
            &["response 3 200 \"b\" grpc-status=0", "response 1 200 \"a\" grpc-status=0"],
        ),
        (
            "behind another",
            vec![headers(1, &[(":status", "103")], Body::More), open(1), more(1, b"a"), ok(1)],
            &["headers 1 103 more", "response 1 200 \"a\" grpc-status=0"],
        ),
        (
            "mixed", vec![open(1), open(3), more(1, b"a"), ok(1)],
            &["headers 1 200 more", "headers 3 200 more", "data 1 \"a\" more", "trailers 1 grpc-status=0"],
        ),
        (
            "in two frames", vec![open(1), more(1, b"a"), more(1, b"b"), ok(1)],
            &["headers 1 200 more", "data 1 \"a\" more", "data 1 \"b\" more", "trailers 1 grpc-status=0"],
        ),
        (
            "without a body", vec![open(1), ok(1)],
            &["headers 1 200 more", "trailers 1 grpc-status=0"],
        ),
        (
            "trailers only", vec![ok(1)], &["reset 1 PROTOCOL_ERROR local"],
        ),
        (
            "reset before its end", vec![open(1), more(1, b"a"), reset(1, ErrorCode::CANCEL)],
            &["headers 1 200 more", "data 1 \"a\" more", "reset 1 CANCEL remote"],
        ),
    ];
    for (name, frames, want) in table {
        assert_eq!(calling(&frames).whole_events(), want, "{name}");
    }
}

/// A client with two calls that was sent these frames at once.
fn calling(frames: &[Vec<u8>]) -> Raw {
    let mut raw = Raw::client(Config::default());
    for _ in 0..2 {
        raw.connection.open_stream(POST, Body::Last).unwrap();
    }
    raw.send(&frames.concat());
    raw
}

#[test]
fn a_whole_response_is_taken_apart_for_who_wants_its_parts() {
    let frames = [
        response(1, Body::More),
        data(1, b"a", Body::More),
        headers(1, &[("grpc-status", "0")], Body::Last),
    ];
    let parts = [
        "headers 1 200 more",
        "data 1 \"a\" more",
        "trailers 1 grpc-status=0",
    ];
    assert_eq!(calling(&frames).events(), parts);
    let mut raw = calling(&frames);
    raw.send(&response(3, Body::Last));
    assert_eq!(raw.events()[..3], parts);

    // What is left of it goes with its stream.
    let mut raw = calling(&frames);
    assert!(raw.connection.poll_event().is_some());
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    assert!(raw.events().is_empty());
}

fn respond(raw: &mut Raw, stream: u32, body: &[u8]) -> Result<(), UserError> {
    let head: FieldList = OK.into_iter().collect();
    let trailers: FieldList = TRAILERS.into_iter().collect();
    raw.connection
        .send_response(id(stream), &head, &trailers, |out| {
            out.extend_from_slice(body);
            Ok(())
        })
}

#[test]
fn a_response_is_what_its_three_parts_are() {
    let table: [(&str, &[u8], &[&str]); 2] = [
        (
            "a message",
            b"world",
            &[
                "HEADERS 1 :status=200",
                "DATA 1 \"world\"",
                "HEADERS 1 grpc-status=0 END",
            ],
        ),
        (
            "nothing",
            b"",
            &["HEADERS 1 :status=200", "HEADERS 1 grpc-status=0 END"],
        ),
    ];
    for (name, body, want) in table {
        let mut raw = server_after(&[request(1, Body::More), data(1, b"a", Body::Last)]);
        respond(&mut raw, 1, body).unwrap();
        assert_eq!(raw.frames(), want, "{name}");
        assert_eq!(raw.connection.open_streams(), 0, "{name}");
        let again = respond(&mut raw, 1, body);
        assert_eq!(again, Err(UserError::NotOpen(id(1))), "{name}");
    }
}

#[test]
fn a_response_to_one_that_still_sends_leaves_the_stream_open_for_it() {
    let mut raw = server_after(&[request(1, Body::More)]);
    respond(&mut raw, 1, b"world").unwrap();
    assert_eq!(raw.connection.open_streams(), 1);
    raw.send(&data(1, b"late", Body::Last));
    assert_eq!(raw.connection.open_streams(), 0);
    assert_eq!(raw.frames().len(), 3);
}

#[test]
fn a_response_beyond_the_window_waits_with_its_trailers() {
    let mut raw = Raw::new(Connection::server(Config::default()));
    let small = settings(&[Setting::InitialWindow(3)]);
    raw.send(&[PREFACE, &small, &settings_ack()].concat());
    raw.send(&[request(1, Body::More), data(1, b"a", Body::Last)].concat());
    raw.frames();
    respond(&mut raw, 1, b"world").unwrap();
    let want = ["HEADERS 1 :status=200", "DATA 1 \"wor\""];
    assert_eq!(raw.frames(), want);
    raw.send(&window_update(1, 10));
    let want = ["DATA 1 \"ld\"", "HEADERS 1 grpc-status=0 END"];
    assert_eq!(raw.frames(), want);
    assert_eq!(raw.connection.open_streams(), 0);
}

#[test]
fn a_message_that_fails_leaves_the_headers_and_the_stream() {
    let mut raw = server_after(&[request(1, Body::More), data(1, b"a", Body::Last)]);
    let head: FieldList = OK.into_iter().collect();
    let failed = raw.connection.send_response(id(1), &head, &head, |out| {
        out.extend_from_slice(b"half");
        Err(UserError::NotOpen(id(9)))
    });
    assert_eq!(failed, Err(UserError::NotOpen(id(9))));
    assert_eq!(raw.frames(), ["HEADERS 1 :status=200"]);
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    assert_eq!(raw.frames(), ["HEADERS 1 grpc-status=0 END"]);
}

#[test]
fn many_responses_are_the_same_whether_the_frames_were_made_before_or_not() {
    let mut raw = Raw::server(Config::default());
    let head: FieldList = OK.into_iter().collect();
    let long = "v".repeat(60);
    let fields = [
        Field::indexed(b"grpc-status", b"0"),
        Field::literal(b"x-long", long.as_bytes()),
    ];
    let lists: [FieldList; 2] = [
        [Field::indexed(b"grpc-status", b"0")].into_iter().collect(),
        fields.into_iter().collect(),
    ];
    for round in 0..20_u32 {
        let (stream, trailers) = (2 * round + 1, &lists[round as usize % 2]);
        raw.send(&[request(stream, Body::More), data(stream, b"a", Body::Last)].concat());
        let encode = |out: &mut BytesMut| {
            out.extend_from_slice(b"b");
            Ok::<_, UserError>(())
        };
        let out = &mut raw.connection;
        out.send_response(id(stream), &head, trailers, encode)
            .unwrap();
        let frames = raw.frames();
        let frames: Vec<_> = frames
            .iter()
            .filter(|line| !line.starts_with('W'))
            .collect();
        let tail = ["", " x-long=<60>"][round as usize % 2];
        assert_eq!(*frames[0], format!("HEADERS {stream} :status=200"));
        assert_eq!(*frames[1], format!("DATA {stream} \"b\""));
        assert_eq!(
            *frames[2],
            format!("HEADERS {stream} grpc-status=0{tail} END")
        );
    }
}
