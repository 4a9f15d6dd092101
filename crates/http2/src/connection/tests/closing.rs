//! Ends: resets, GOAWAY both ways, errors, the end of the socket.

use super::*;

#[test]
fn a_failed_connection_stays_failed() {
    let mut raw = Raw::server(Config::default());
    raw.send(
        &[
            request(1, Body::More),
            data(1, b"x", Body::More),
            data(0, b"", Body::More),
        ]
        .concat(),
    );
    let error = "PROTOCOL_ERROR: DATA frame without a stream";
    let want = [
        "headers 1 / more".to_owned(),
        "data 1 \"x\" more".to_owned(),
        format!("closed {error}"),
    ];
    assert_eq!(raw.events(), want);
    assert!(!raw.connection.wants_bytes() && !raw.connection.is_drained());
    for more in [
        request(3, Body::Last),
        data(0, b"", Body::More),
        ping(0, &[0; 8]),
        vec![9; 100],
    ] {
        raw.send(&more);
        assert!(raw.input.is_empty());
    }
    raw.connection.ping([0; 8]);
    raw.connection.start_shutdown();
    raw.connection.close(ErrorCode::NO_ERROR, "again");
    raw.connection.handle_eof();
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    raw.connection.release_data(id(1), 5);
    let not_open = Err(UserError::NotOpen(id(1)));
    assert_eq!(raw.connection.send_headers(id(1), OK, Body::More), not_open);
    assert!(raw.events().is_empty());
    assert_eq!(
        raw.frames(),
        ["GOAWAY 1 PROTOCOL_ERROR \"DATA frame without a stream\""]
    );
    assert!(raw.connection.is_drained());
}

#[test]
fn a_server_shuts_down_in_two_steps() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.start_shutdown();
    raw.connection.start_shutdown();
    assert_eq!(
        raw.frames(),
        ["GOAWAY 2147483647 NO_ERROR \"\"", "PING \"farewell\""]
    );
    // This one was on its way.
    raw.send(&request(3, Body::Last));
    assert_eq!(raw.ask(&ping(1, b"farewell")), ["GOAWAY 3 NO_ERROR \"\""]);
    // This one was not: it is ignored, its bytes as well.
    let late = [request(5, Body::More), data(5, b"abc", Body::Last)];
    assert!(raw.ask(&late.concat()).is_empty());
    assert_eq!(raw.events(), ["headers 1 / last", "headers 3 / last"]);
    raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
    assert!(raw.events().is_empty());
    raw.connection.send_headers(id(3), OK, Body::Last).unwrap();
    assert_eq!(raw.events(), ["closed"]);
    assert_eq!(
        raw.frames(),
        ["HEADERS 1 :status=200 END", "HEADERS 3 :status=200 END"]
    );
    assert!(raw.connection.is_drained());
}

#[test]
fn a_server_says_farewell_before_a_clients_numbers_end() {
    for limit in [Config::default().max_stream_number, 9, 0x7fff_fffd] {
        let mut raw = Raw::server(Config {
            max_stream_number: limit,
            ..Config::default()
        });
        assert!(raw.ask(&request(limit, Body::Last)).is_empty());
        let want = ["GOAWAY 2147483647 NO_ERROR \"\"", "PING \"farewell\""];
        assert_eq!(raw.ask(&request(limit + 2, Body::Last)), want);
        // What was on its way is taken, and does not begin it all again.
        let last = if limit + 2 == StreamId::MAX.number() {
            limit + 2
        } else {
            assert!(raw.ask(&request(limit + 4, Body::Last)).is_empty());
            limit + 4
        };
        let want = [format!("GOAWAY {last} NO_ERROR \"\"")];
        assert_eq!(raw.ask(&ping(1, b"farewell")), want);
        for number in (limit..=last).step_by(2) {
            let answer = raw.connection.send_headers(id(number), OK, Body::Last);
            answer.unwrap();
        }
        assert_eq!(raw.events().last().unwrap(), "closed");
    }
}

#[test]
fn a_farewell_repeats_and_falls_and_ends_each_stream_once() {
    let mut raw = Raw::client(Config::default());
    for _ in 0..4 {
        raw.connection.open_stream(POST, Body::Last).unwrap();
    }
    raw.frames();
    // (last stream, streams that end by it)
    for (last, ended) in [
        (99, ""),
        (99, ""),
        (5, "7"),
        (5, ""),
        (4, "5"),
        (1, "3"),
        (1, ""),
    ] {
        raw.send(&go_away(last, ErrorCode::NO_ERROR, b""));
        let events = raw.events();
        let unprocessed: Vec<_> = events
            .iter()
            .filter_map(|event| event.strip_prefix("unprocessed "))
            .collect();
        assert_eq!(unprocessed.join(" "), ended, "{last}");
    }
    raw.send(&go_away(0, ErrorCode::NO_ERROR, b""));
    let want = ["go away 0 NO_ERROR \"\"", "unprocessed 1", "closed"];
    assert_eq!(raw.events(), want);
}

#[test]
fn an_error_after_the_farewell_does_not_raise_the_last_stream() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.start_shutdown();
    raw.send(&ping(1, b"farewell"));
    raw.frames();
    let got = raw.ask(&[request(5, Body::Last), data(0, b"", Body::More)].concat());
    assert!(got[0].starts_with("GOAWAY 1 PROTOCOL_ERROR"), "{got:?}");
}

#[test]
fn a_client_shuts_down_when_its_calls_are_done() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.frames();
    raw.connection.start_shutdown();
    assert_eq!(raw.frames(), ["GOAWAY 0 NO_ERROR \"\""]);
    assert!(!raw.connection.can_open_stream());
    raw.send(&response(1, Body::Last));
    assert_eq!(raw.events(), ["headers 1 200 last", "closed"]);
}

#[test]
fn a_servers_farewell_ends_what_it_did_not_process() {
    let mut raw = Raw::client(Config::default());
    for _ in 0..3 {
        raw.connection.open_stream(POST, Body::More).unwrap();
    }
    raw.send(&go_away(0x7fff_ffff, ErrorCode::NO_ERROR, b"soon"));
    assert_eq!(raw.events(), ["go away 2147483647 NO_ERROR \"soon\""]);
    assert!(!raw.connection.can_open_stream());
    raw.send(&go_away(1, ErrorCode::NO_ERROR, b""));
    assert_eq!(
        raw.events(),
        ["go away 1 NO_ERROR \"\"", "unprocessed 3", "unprocessed 5"]
    );
    raw.frames();
    raw.send(&response(1, Body::Last));
    raw.connection
        .send_data(id(1), b"x"[..].into(), Body::Last)
        .unwrap();
    assert_eq!(raw.events(), ["headers 1 200 last", "closed"]);
    assert_eq!(raw.frames(), ["DATA 1 \"x\" END", "GOAWAY 0 NO_ERROR \"\""]);
}

#[test]
fn a_second_goaway_may_only_lower_the_last_stream() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::More).unwrap();
    raw.frames();
    raw.send(&go_away(1, ErrorCode::NO_ERROR, b""));
    let got = raw.ask(&go_away(3, ErrorCode::NO_ERROR, b""));
    assert_eq!(
        got,
        ["GOAWAY 0 PROTOCOL_ERROR \"GOAWAY raised the last stream from 1 to 3\""]
    );
}

#[test]
fn debug_text_is_cut() {
    let mut raw = Raw::server(Config {
        max_debug_len: 3,
        ..Config::default()
    });
    raw.send(&go_away(0, ErrorCode::from_number(0x99), b"abcdef"));
    assert_eq!(raw.events(), ["go away 0 error code 0x99 \"abc\""]);
}

#[test]
fn the_end_of_the_socket() {
    let mut raw = Raw::server(Config::default());
    raw.connection.handle_eof();
    assert_eq!(raw.events(), ["closed"]);

    let mut raw = Raw::server(Config::default());
    raw.send(&[request(1, Body::More), request(3, Body::More)].concat());
    raw.connection.handle_eof();
    let want = [
        "headers 1 / more",
        "headers 3 / more",
        "closed INTERNAL_ERROR: connection lost with 2 streams open",
    ];
    assert_eq!(raw.events(), want);
    assert!(raw.connection.is_drained());
}

#[test]
fn close_is_at_once() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.connection
        .close(ErrorCode::ENHANCE_YOUR_CALM, "too_many_pings");
    assert_eq!(
        raw.frames(),
        ["GOAWAY 1 ENHANCE_YOUR_CALM \"too_many_pings\""]
    );
    assert_eq!(raw.events(), ["headers 1 / more", "closed"]);
}

#[test]
fn a_reset_drops_the_queue() {
    let mut raw = Raw::server(Config::default());
    raw.send(&settings(&[Setting::InitialWindow(0)]));
    raw.send(&request(1, Body::More));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.connection
        .send_data(id(1), b"abc"[..].into(), Body::More)
        .unwrap();
    raw.frames();
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    assert_eq!(raw.frames(), ["RST_STREAM 1 CANCEL"]);
    assert!(raw.ask(&window_update(1, 100)).is_empty());
}

#[test]
fn no_error_waits_for_queued_trailers_and_silences_the_stream() {
    let mut raw = Raw::server(strict());
    raw.send(&settings(&[Setting::InitialWindow(0)]));
    raw.send(&[request(1, Body::More), data(1, b"unseen", Body::More)].concat());
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.connection
        .send_data(id(1), b"abc"[..].into(), Body::More)
        .unwrap();
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    raw.frames();
    raw.connection.reset_stream(id(1), ErrorCode::NO_ERROR);
    raw.send(&data(1, b"unheard", Body::More));
    assert!(raw.frames().is_empty());
    let want = [
        "DATA 1 \"abc\"",
        "HEADERS 1 grpc-status=0 END",
        "RST_STREAM 1 NO_ERROR",
    ];
    assert_eq!(raw.ask(&window_update(1, 100)), want);
    assert!(raw.events().is_empty());
    assert_eq!(raw.connection.open_streams(), 0);
    assert_eq!(raw.connection.credit.outstanding(), 0);
}

#[test]
fn no_error_after_the_trailers_ends_the_stream() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    raw.frames();
    raw.connection.reset_stream(id(1), ErrorCode::NO_ERROR);
    assert_eq!(raw.frames(), ["RST_STREAM 1 NO_ERROR"]);
}
