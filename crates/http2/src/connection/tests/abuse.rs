//! Budgets, and the good peers they must not hit.

use super::*;

/// Sends `bytes` until the connection closes; returns how often it was sent, at most `max` times.
fn flood(raw: &mut Raw, max: usize, mut bytes: impl FnMut(u32) -> Vec<u8>) -> usize {
    (0..max)
        .find(|&count| {
            raw.send(&bytes(u32::try_from(count).unwrap()));
            raw.connection.poll_transmit();
            let len = raw.connection.output_len();
            raw.connection.advance_output(len);
            !raw.connection.wants_bytes()
        })
        .unwrap_or(max)
}

fn small() -> Config {
    Config {
        max_reset_burst: 50,
        max_control_burst: 200,
        stream_window_len: 1000,
        ..Config::default()
    }
}

#[test]
fn rapid_resets_are_cut_off() {
    let mut raw = Raw::server(small());
    let got = flood(&mut raw, 1000, |count| {
        [
            request(2 * count + 1, Body::More),
            reset(2 * count + 1, ErrorCode::CANCEL),
        ]
        .concat()
    });
    assert_eq!(got, 50);
    let last = raw.events().pop().unwrap();
    assert_eq!(last, "closed ENHANCE_YOUR_CALM: too many resets");
}

#[test]
fn resets_that_the_peer_makes_us_send_are_cut_off() {
    let primitives: [fn(u32) -> Vec<u8>; 5] = [
        |id| window_update(id, 0),
        |id| window_update(id, 0x7fff_ffff),
        |id| frame(Kind::Priority, 0, id, &[0; 4]),
        |id| {
            frame(
                Kind::Priority,
                0,
                id,
                &[&id.to_be_bytes()[..], &[0]].concat(),
            )
        },
        |id| headers(id, &[("a", "b")], Body::More),
    ];
    for (index, primitive) in primitives.into_iter().enumerate() {
        let mut raw = Raw::server(small());
        let got = flood(&mut raw, 1000, |count| {
            [request(2 * count + 1, Body::More), primitive(2 * count + 1)].concat()
        });
        assert_eq!(got, 50, "primitive {index}");
    }
}

#[test]
fn refused_and_malformed_streams_count_as_well() {
    let mut raw = Raw::server(Config {
        max_concurrent_streams: 0,
        ..small()
    });
    assert_eq!(
        flood(&mut raw, 1000, |count| request(2 * count + 1, Body::Last)),
        50
    );
    let mut raw = Raw::server(small());
    assert_eq!(
        flood(&mut raw, 1000, |count| headers(
            2 * count + 1,
            &[],
            Body::Last
        )),
        50
    );
}

#[test]
fn control_frames_are_cut_off() {
    let mut frames: Vec<(&str, Vec<u8>)> = vec![
        ("PING", ping(0, &[0; 8])),
        ("PING ACK", ping(1, &[0; 8])),
        ("SETTINGS", settings(&[])),
        ("SETTINGS ACK", settings_ack()),
        ("PRIORITY", frame(Kind::Priority, 0, 9, &[0, 0, 0, 1, 5])),
        ("unknown", frame(Kind::Unknown(99), 0, 0, b"")),
        ("empty DATA", data(1, b"", Body::More)),
        ("DATA of one byte", data(1, b"x", Body::More)),
        ("padded empty DATA", frame(Kind::Data, 8, 1, &[1, 0])),
        ("WINDOW_UPDATE", window_update(1, 1)),
        ("WINDOW_UPDATE 0", window_update(0, 1)),
        ("WINDOW_UPDATE on closed", window_update(3, 1)),
        ("RST_STREAM on closed", reset(3, ErrorCode::CANCEL)),
        (
            "DATA on reset beyond its window",
            data(3, &[0; 2000], Body::More),
        ),
        ("empty DATA on reset", data(3, b"", Body::More)),
        ("HEADERS on reset", headers(3, &[("a", "b")], Body::More)),
        ("GOAWAY", go_away(0, ErrorCode::NO_ERROR, b"")),
    ];
    for (what, bytes) in frames.drain(..) {
        let mut raw = Raw::server(small());
        raw.send(&[request(1, Body::More), request(3, Body::More)].concat());
        raw.connection.reset_stream(id(3), ErrorCode::CANCEL);
        let got = flood(&mut raw, 1000, |_| bytes.clone());
        // The greeting has taken two and the requests have given four back, to the brim.
        assert_eq!(got, 200, "{what}");
        let last = raw.events().pop().unwrap();
        assert_eq!(
            last, "closed ENHANCE_YOUR_CALM: too many control frames",
            "{what}"
        );
    }
}

#[test]
fn windows_told_of_what_was_sent_are_no_flood() {
    // (bytes told at a time, how often until it is too often: 120,000 bytes in all are free, those
    // of both windows; of 10,000 times)
    for (told, want) in [(1, 200), (4, 200), (5, 10_000), (13, 9230 + 200)] {
        let mut raw = Raw::server(small());
        raw.send(&request(1, Body::More));
        raw.connection.send_headers(id(1), OK, Body::More).unwrap();
        raw.connection
            .send_data(id(1), bytes::Bytes::from(vec![0; 60_000]), Body::More)
            .unwrap();
        raw.events();
        raw.frames();
        let got = flood(&mut raw, 10_000, |count| window_update(count % 2, told));
        assert_eq!(got, want, "{told}");
    }
    // Without anything sent they are.
    let mut raw = Raw::server(small());
    raw.send(&request(1, Body::More));
    assert_eq!(flood(&mut raw, 1000, |_| window_update(1, 1000)), 200);
}

#[test]
fn tiny_messages_that_cross_our_reset_within_their_window_are_free() {
    for opened in [
        request(1, Body::More),
        headers(1, &[("bad name", "")], Body::More),
    ] {
        let mut raw = Raw::server(Config::default());
        raw.send(&opened);
        raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
        let window_len = Config::default().stream_window_len as usize;
        for _ in 0..window_len / 6 {
            raw.send(&data(1, b"\0\0\0\0\x01x", Body::More));
            raw.frames();
        }
        assert!(!raw.events().iter().any(|line| line.starts_with("closed")));
        let got = flood(&mut raw, 100_000, |_| data(1, b"x", Body::More));
        assert!((9_990..=10_100).contains(&got), "{got}");
    }
}

#[test]
fn a_rate_under_the_refill_is_never_cut_off() {
    let mut raw = Raw::server(small());
    let got = flood(&mut raw, 1, |_| Vec::new());
    assert_eq!(got, 1);
    for count in 0..10_000 {
        raw.pass(6);
        raw.send(
            &[
                request(2 * count + 1, Body::More),
                reset(2 * count + 1, ErrorCode::CANCEL),
            ]
            .concat(),
        );
        raw.send(&ping(0, &[0; 8]));
        assert!(raw.connection.wants_bytes(), "call {count}");
        raw.events();
        raw.frames();
    }
}

#[test]
fn calls_that_complete_pay_for_as_many_that_do_not() {
    let mut raw = Raw::server(small());
    for count in 0..1000 {
        let (good, bad) = (4 * count + 1, 4 * count + 3);
        raw.send(&[request(good, Body::Last), request(bad, Body::Last)].concat());
        raw.connection
            .send_headers(id(good), OK, Body::Last)
            .unwrap();
        raw.send(&reset(bad, ErrorCode::CANCEL));
        assert!(raw.connection.wants_bytes(), "call {count}");
        raw.frames();
    }
}

#[test]
fn a_client_that_stops_sending_after_the_answer_is_a_good_one() {
    let mut raw = Raw::server(small());
    for count in 0..1000 {
        let number = 2 * count + 1;
        raw.send(&request(number, Body::More));
        raw.connection
            .send_headers(id(number), OK, Body::Last)
            .unwrap();
        raw.send(&reset(number, ErrorCode::NO_ERROR));
        assert!(raw.connection.wants_bytes(), "call {count}");
        raw.frames();
    }
}

#[test]
fn many_small_messages_with_window_updates_are_good_traffic() {
    let mut raw = Raw::server(small());
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    for count in 0..10_000 {
        raw.connection
            .send_data(id(1), b"tiny"[..].into(), Body::More)
            .unwrap();
        assert_eq!(raw.frames().len(), if count == 0 { 2 } else { 1 });
        raw.send(&[window_update(1, 4), window_update(0, 4)].concat());
        assert!(raw.connection.wants_bytes(), "message {count}");
    }
}

#[test]
fn the_smallest_messages_are_good_traffic() {
    let mut raw = Raw::server(small());
    raw.send(&request(1, Body::More));
    for count in 0..10_000 {
        raw.send(&data(1, &[0; 5], Body::More));
        raw.connection.release_data(id(1), 5);
        assert!(raw.connection.wants_bytes(), "message {count}");
        raw.frames();
    }
}

/// Some clients write a message's prefix and its bytes apart.
#[test]
fn prefixes_and_short_messages_in_frames_of_their_own_are_good_traffic() {
    let mut raw = Raw::server(small());
    raw.send(&request(1, Body::More));
    for count in 0..10_000 {
        raw.send(&[data(1, &[0; 5], Body::More), data(1, b"x", Body::More)].concat());
        raw.connection.release_data(id(1), 6);
        assert!(raw.connection.wants_bytes(), "message {count}");
        raw.frames();
    }
}

#[test]
fn a_window_doled_out_byte_by_byte_is_cut_off() {
    let mut raw = Raw::server(small());
    raw.send(
        &[
            settings(&[Setting::InitialWindow(0)]),
            request(1, Body::Last),
        ]
        .concat(),
    );
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.connection
        .send_data(id(1), vec![0; 100_000].into(), Body::Last)
        .unwrap();
    assert_eq!(flood(&mut raw, 1000, |_| window_update(1, 1)), 200);
}

#[test]
fn endless_header_blocks_are_cut_off() {
    for (piece, want) in [(0, 16), (1000, 16), (5000, 13)] {
        let mut raw = Raw::server(Config::default());
        raw.send(&frame(Kind::Headers, 0, 1, b""));
        let piece = frame(Kind::Continuation, 0, 1, &vec![0; piece]);
        let got = flood(&mut raw, 1000, |_| piece.clone());
        assert_eq!(got, want);
        let last = raw.events().pop().unwrap();
        assert!(last.starts_with("closed ENHANCE_YOUR_CALM"), "{last}");
    }
}

#[test]
fn endless_informational_responses_are_cut_off() {
    let mut raw = Raw::client(small());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    let info = headers(1, &[(":status", "103")], Body::More);
    let got = flood(&mut raw, 1000, |_| info.clone());
    assert!((190..=200).contains(&got), "{got}");
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let mut raw = Raw::server(Config {
        max_output_len: 1000,
        ..Config::default()
    });
    let mut count = 0;
    while raw.connection.wants_bytes() {
        raw.send(&ping(0, &[0; 8]));
        count += 1;
        assert!(count < 1000);
    }
    assert!(raw.connection.output_len() < 1100);
    raw.frames();
    assert!(raw.connection.wants_bytes());
}

#[test]
fn after_every_fatal_error_every_frame_is_eaten() {
    let frames = [
        data(1, b"x", Body::More),
        request(3, Body::Last),
        frame(Kind::Priority, 0, 1, &[0; 5]),
        reset(1, ErrorCode::CANCEL),
        settings(&[]),
        frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]),
        ping(0, &[0; 8]),
        go_away(0, ErrorCode::NO_ERROR, b""),
        window_update(0, 1),
        frame(Kind::Continuation, 4, 1, b""),
        frame(Kind::Unknown(77), 0, 0, b""),
    ];
    for fatal in [
        data(0, b"", Body::More),
        window_update(0, 0),
        frame(Kind::Headers, 4, 3, &[0x80]),
    ] {
        for next in &frames {
            let mut raw = Raw::server(Config::default());
            raw.send(&request(1, Body::More));
            let got = raw.ask(&[&fatal[..], next].concat());
            assert!(got.len() == 1 && got[0].starts_with("GOAWAY"), "{got:?}");
            assert!(raw.ask(next).is_empty());
        }
    }
}
