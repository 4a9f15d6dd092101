//! Windows, queues, turns.

use super::*;

fn send(raw: &mut Raw, number: u32, data: &[u8], body: Body) {
    raw.connection
        .send_data(id(number), data.to_vec().into(), body)
        .unwrap();
}

#[test]
fn bytes_wait_for_the_streams_window() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(3)],
        1,
        Body::Last,
    );
    send(&mut raw, 1, b"abcdefgh", Body::Last);
    assert_eq!(raw.frames(), ["DATA 1 \"abc\""]);
    assert_eq!(raw.connection.queued_len(id(1)), 5);
    assert_eq!(raw.ask(&window_update(1, 1)), ["DATA 1 \"d\""]);
    assert_eq!(raw.ask(&window_update(1, 100)), ["DATA 1 \"efgh\" END"]);
}

#[test]
fn a_message_written_in_place_waits_as_well() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(3)],
        1,
        Body::Last,
    );
    let message = [b'm'; 5000];
    for (message, body) in [(&b"abcd"[..], Body::More), (&message[..], Body::Last)] {
        raw.connection
            .write_data::<UserError>(id(1), body, |out| {
                out.extend_from_slice(message);
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(raw.frames(), ["DATA 1 \"abc\""]);
    assert_eq!(raw.ask(&window_update(1, 10_000)), ["DATA 1 <5001> END"]);
}

#[test]
fn data_alone_never_stops_the_reading() {
    for max_output_len in [1, 5000, Config::default().max_output_len] {
        data_leaves_room(max_output_len);
    }
}

fn data_leaves_room(max_output_len: usize) {
    let config = Config {
        max_output_len,
        ..Config::default()
    };
    let wide = [
        Setting::MaxFrameLen(16_777_215),
        Setting::InitialWindow(0x7fff_ffff),
    ];
    let mut raw = answering(config, &wide, 3, Body::Last);
    raw.send(&window_update(0, 0x7000_0000));
    for number in [1, 3, 5] {
        let message = vec![b'm'; 5_000_000];
        raw.connection
            .write_data::<UserError>(id(number), Body::Last, |out| {
                out.extend_from_slice(&message);
                Ok(())
            })
            .unwrap();
        raw.connection.poll_transmit();
        assert!(
            raw.connection.wants_bytes(),
            "{}",
            raw.connection.output_len()
        );
    }
}

#[test]
fn a_window_may_go_negative() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(10)],
        1,
        Body::Last,
    );
    send(&mut raw, 1, b"0123456789abc", Body::Last);
    assert_eq!(raw.frames(), ["DATA 1 \"0123456789\""]);
    assert_eq!(
        raw.ask(&settings(&[Setting::InitialWindow(2)])),
        ["SETTINGS ACK"]
    );
    assert!(raw.ask(&window_update(1, 8)).is_empty());
    assert_eq!(raw.ask(&window_update(1, 1)), ["DATA 1 \"a\""]);
    let want = ["SETTINGS ACK", "DATA 1 \"bc\" END"];
    assert_eq!(raw.ask(&settings(&[Setting::InitialWindow(100)])), want);
}

#[test]
fn settings_that_overflow_a_window_are_a_connection_error() {
    let mut raw = answering(Config::default(), &[], 1, Body::Last);
    raw.send(&window_update(1, 0x7fff_ffff - 65_535));
    let got = raw.ask(&settings(&[Setting::InitialWindow(65_536)]));
    assert!(got[0].starts_with("GOAWAY 1 FLOW_CONTROL_ERROR"), "{got:?}");
}

#[test]
fn bytes_wait_for_the_connections_window_but_ends_do_not() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(1 << 20)],
        3,
        Body::Last,
    );
    send(&mut raw, 1, &[b'a'; 65_535], Body::Last);
    send(&mut raw, 3, b"xyz", Body::More);
    raw.connection.send_trailers(id(3), TRAILERS).unwrap();
    send(&mut raw, 5, b"", Body::Last);
    let want = [
        "DATA 3 \"xyz\"",
        "HEADERS 3 grpc-status=0 END",
        "DATA 1 <16384>",
        "DATA 5 \"\" END",
        "DATA 1 <16384>",
        "DATA 1 <16384>",
        "DATA 1 <16380>",
    ];
    assert_eq!(raw.frames(), want);
    assert_eq!(raw.connection.open_streams(), 1);
    raw.send(&request(7, Body::Last));
    raw.connection.send_headers(id(7), OK, Body::More).unwrap();
    send(&mut raw, 7, b"", Body::Last);
    assert_eq!(raw.frames(), ["HEADERS 7 :status=200", "DATA 7 \"\" END"]);
    assert_eq!(raw.ask(&window_update(0, 3)), ["DATA 1 \"aaa\" END"]);
}

#[test]
fn parked_streams_go_on_and_leave_no_names_behind() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(1 << 20)],
        50,
        Body::Last,
    );
    send(&mut raw, 1, &[b'a'; 65_535], Body::More);
    raw.frames();
    for number in 0..50 {
        send(&mut raw, 2 * number + 1, b"abc", Body::Last);
    }
    assert!(raw.frames().is_empty());
    for number in 1..50 {
        raw.send(&reset(2 * number + 1, ErrorCode::CANCEL));
    }
    for number in 100..200 {
        raw.send(&request(2 * number + 1, Body::Last));
        raw.connection
            .send_headers(id(2 * number + 1), OK, Body::More)
            .unwrap();
        send(&mut raw, 2 * number + 1, b"abc", Body::Last);
        raw.connection.poll_transmit();
        raw.send(&reset(2 * number + 1, ErrorCode::CANCEL));
    }
    raw.frames();
    let waiting = format!("{:?}", raw.connection.turns);
    assert!(waiting.len() < 700, "{waiting}");
    assert_eq!(raw.ask(&window_update(0, 100)), ["DATA 1 \"abc\" END"]);
}

#[test]
fn streams_take_turns() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(1 << 20)],
        2,
        Body::Last,
    );
    raw.send(&window_update(0, 1 << 20));
    send(&mut raw, 1, &[b'a'; 40_000], Body::Last);
    send(&mut raw, 3, &[b'b'; 20_000], Body::Last);
    let want = [
        "DATA 1 <16384>",
        "DATA 3 <16384>",
        "DATA 1 <16384>",
        "DATA 3 <3616> END",
        "DATA 1 <7232> END",
    ];
    assert_eq!(raw.frames(), want);
}

#[test]
fn a_stream_alone_uses_the_peers_whole_frame() {
    let first = [
        Setting::InitialWindow(1 << 20),
        Setting::MaxFrameLen(60_000),
    ];
    let mut raw = answering(Config::default(), &first, 1, Body::Last);
    send(&mut raw, 1, &[b'a'; 65_000], Body::Last);
    assert_eq!(raw.frames(), ["DATA 1 <60000>", "DATA 1 <5000> END"]);
}

#[test]
fn trailers_wait_behind_the_queue() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(2)],
        1,
        Body::Last,
    );
    send(&mut raw, 1, b"abc", Body::More);
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    let not_open = Err(UserError::NotOpen(id(1)));
    assert_eq!(
        raw.connection.send_data(id(1), b"x"[..].into(), Body::More),
        not_open
    );
    assert_eq!(raw.frames(), ["DATA 1 \"ab\""]);
    let want = ["DATA 1 \"c\"", "HEADERS 1 grpc-status=0 END"];
    assert_eq!(raw.ask(&window_update(1, 1)), want);
    assert_eq!(raw.connection.open_streams(), 0);
}

#[test]
fn room_is_told_when_half_of_a_full_queue_has_gone() {
    let config = Config {
        min_stream_queue_len: 4,
        ..Config::default()
    };
    let mut raw = answering(config, &[Setting::InitialWindow(0)], 1, Body::Last);
    assert_eq!(raw.connection.send_room(id(1)), 4);
    send(&mut raw, 1, b"abcd", Body::More);
    assert_eq!(raw.connection.send_room(id(1)), 0);
    raw.frames();
    raw.ask(&window_update(1, 1));
    assert!(raw.events().is_empty());
    raw.ask(&window_update(1, 1));
    assert_eq!(raw.events(), ["send room 1"]);
    assert_eq!(raw.connection.send_room(id(1)), 2);
    raw.ask(&window_update(1, 1));
    assert!(raw.events().is_empty(), "nobody has asked again");
    assert_eq!(raw.connection.send_room(id(3)), 0);
}

#[test]
fn room_is_as_wide_as_the_windows_and_the_limits_let_it_be() {
    // (window of the stream, bytes queued on another stream, room)
    let table = [
        (0, 0, 8 * 1024),
        (20_000, 0, 20_000),
        (65_535, 0, 65_535),
        (1 << 20, 0, 65_535),
        (1 << 20, (1 << 20) - 1, 65_535),
        (1 << 20, 1 << 20, 8 * 1024),
    ];
    for (window, queued_len, want) in table {
        let mut raw = answering(
            Config::default(),
            &[Setting::InitialWindow(0)],
            1,
            Body::Last,
        );
        raw.send(&request(3, Body::Last));
        raw.connection.send_headers(id(3), OK, Body::More).unwrap();
        if window > 0 {
            raw.send(&window_update(1, window));
        }
        send(&mut raw, 3, &vec![0; queued_len], Body::More);
        let got = raw.connection.send_room(id(1));
        assert_eq!(got, want, "window {window}, {queued_len} queued");
    }
}

#[test]
fn the_output_is_filled_to_its_mark_only() {
    let config = Config {
        output_high_water: 20_000,
        ..Config::default()
    };
    let mut raw = answering(config, &[Setting::InitialWindow(1 << 20)], 1, Body::Last);
    send(&mut raw, 1, &[b'a'; 60_000], Body::Last);
    raw.connection.poll_transmit();
    assert_eq!(raw.connection.output_len(), 2 * (16_384 + 9));
    assert_eq!(raw.frames().len(), 2);
    assert_eq!(raw.frames().len(), 2);
    assert_eq!(raw.connection.open_streams(), 0);
}

#[test]
fn what_is_released_is_granted_in_halves() {
    let config = Config {
        stream_window_len: 100_000,
        connection_window_len: 200_000,
        ..strict()
    };
    let mut raw = Raw::server(config);
    raw.send(&request(1, Body::More));
    for _ in 0..6 {
        raw.send(&data(1, &[0; 10_000], Body::More));
    }
    raw.connection.release_data(id(1), 40_000);
    assert!(raw.frames().is_empty());
    raw.connection.release_data(id(1), 20_000);
    assert_eq!(raw.frames(), ["WINDOW_UPDATE 1 60000"]);
    raw.send(&data(1, &[0; 10_000], Body::More));
    raw.send(
        &[
            data(1, &[0; 10_000], Body::More),
            data(1, &[0; 10_000], Body::More),
        ]
        .concat(),
    );
    raw.send(&data(1, &[0; 10_000], Body::Last));
    raw.connection.release_data(id(1), 40_000);
    assert_eq!(raw.frames(), ["WINDOW_UPDATE 0 100000"]);
    raw.connection.release_data(id(1), 1_000_000);
    raw.connection.release_data(id(99), 1_000_000);
    assert!(raw.frames().is_empty());
}

#[test]
fn padding_is_given_back_at_once() {
    let config = Config {
        stream_window_len: 600,
        connection_window_len: 0,
        ..strict()
    };
    let mut raw = Raw::server(config);
    raw.send(&request(1, Body::More));
    let padded = [&[255][..], b"abc", &[0; 255]].concat();
    assert!(raw.ask(&frame(Kind::Data, 8, 1, &padded)).is_empty());
    let got = raw.ask(&frame(Kind::Data, 8, 1, &padded));
    assert_eq!(got, ["WINDOW_UPDATE 1 512"]);
    assert_eq!(raw.connection.credit.outstanding(), 6);
    let empty = [&[255][..], &[0; 255]].concat();
    raw.send(&frame(Kind::Data, 8, 1, &empty));
    assert_eq!(raw.connection.credit.outstanding(), 6);
    assert_eq!(
        raw.events()[1..],
        ["data 1 \"abc\" more", "data 1 \"abc\" more"]
    );
}

#[test]
fn more_than_the_window_is_an_error() {
    let config = Config {
        stream_window_len: 10_000,
        ..strict()
    };
    let mut raw = Raw::server(config.clone());
    raw.send(&request(1, Body::More));
    raw.send(&data(1, &[0; 9_999], Body::More));
    assert_eq!(
        raw.ask(&data(1, &[0; 2], Body::More)),
        ["RST_STREAM 1 FLOW_CONTROL_ERROR"]
    );
    // Neither the bytes that were not delivered nor those of a stream that is gone are lost for the
    // connection.
    assert_eq!(raw.connection.credit.outstanding(), 0);

    let config = Config {
        connection_window_len: 0,
        ..config
    };
    let mut raw = Raw::server(config);
    for number in 0..7 {
        raw.send(&request(2 * number + 1, Body::More));
        raw.send(&data(2 * number + 1, &[0; 9_000], Body::More));
    }
    raw.send(&request(15, Body::More));
    let got = raw.ask(&data(15, &[0; 2_536], Body::More));
    assert!(
        got[0].starts_with("GOAWAY 15 FLOW_CONTROL_ERROR"),
        "{got:?}"
    );
}

#[test]
fn a_small_window_of_ours_holds_from_the_ack_on() {
    let config = Config {
        stream_window_len: 100,
        ..strict()
    };
    let mut raw = Raw::new(Connection::server(config));
    raw.send(&[PREFACE, &settings(&[]), &request(1, Body::More)].concat());
    raw.frames();
    assert!(raw.ask(&data(1, &[0; 1000], Body::More)).is_empty());
    raw.send(&settings_ack());
    assert_eq!(
        raw.ask(&data(1, &[0; 1], Body::More)),
        ["RST_STREAM 1 FLOW_CONTROL_ERROR"]
    );
    raw.send(&request(3, Body::More));
    assert!(raw.ask(&data(3, &[0; 100], Body::More)).is_empty());
}

/// A client that has spent the window it was told of later would wait for ever.
#[test]
fn what_came_back_before_the_ack_is_granted_after_it() {
    let config = Config {
        stream_window_len: 100,
        ..strict()
    };
    let mut raw = Raw::new(Connection::server(config));
    raw.send(&[PREFACE, &settings(&[]), &request(1, Body::More)].concat());
    raw.send(&data(1, &[0; 100], Body::More));
    raw.connection.release_data(id(1), 100);
    raw.frames();
    assert_eq!(raw.ask(&settings_ack()), ["WINDOW_UPDATE 1 100"]);
    assert!(raw.ask(&data(1, &[0; 100], Body::Last)).is_empty());
}

#[test]
fn a_stream_can_be_given_a_wider_window() {
    let config = Config {
        stream_window_len: 100,
        ..strict()
    };
    let mut raw = Raw::server(config);
    raw.send(&request(1, Body::More));
    raw.connection.reserve_window(id(1), 5000);
    assert_eq!(raw.frames(), ["WINDOW_UPDATE 1 4901"]);
    assert!(raw.ask(&data(1, &[0; 5000], Body::More)).is_empty());
}

#[test]
fn data_for_streams_that_are_gone_costs_no_window() {
    let mut raw = Raw::server(strict());
    raw.send(&request(1, Body::More));
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    raw.frames();
    for _ in 0..1000 {
        assert!(
            raw.ask(&data(1, &[0; 16_384], Body::More))
                .iter()
                .all(|line| { line.starts_with("WINDOW_UPDATE 0") })
        );
    }
    assert_eq!(raw.connection.credit.outstanding(), 0);
    assert_eq!(raw.events(), [""; 0]);
}
