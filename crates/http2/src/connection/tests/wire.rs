//! Frames to the letter: bits, lengths, the preface, SETTINGS, PING, codes.

use super::*;
use crate::hpack::Encoder;

#[test]
fn a_servers_first_frame_must_be_settings() {
    for first in [
        settings_ack(),
        ping(0, &[0; 8]),
        window_update(0, 1),
        frame(Kind::Unknown(99), 0, 0, b""),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    ] {
        let mut raw = Raw::new(Connection::client(Config::default()));
        raw.connection.advance_output(PREFACE.len());
        raw.frames();
        let got = raw.ask(&first);
        assert_eq!(got.len(), 1, "{first:?}");
        // An answer of HTTP/1.1 has the length of a frame in its first letters.
        let code = match first.first() {
            Some(b'H') => "FRAME_SIZE_ERROR",
            _ => "PROTOCOL_ERROR",
        };
        assert!(got[0].starts_with(&format!("GOAWAY 0 {code}")), "{got:?}");
        assert!(raw.connection.is_drained());
    }
}

#[test]
fn each_settings_frame_is_acknowledged_behind_the_preface() {
    let mut raw = Raw::new(Connection::client(Config::default()));
    raw.connection.advance_output(PREFACE.len());
    raw.send(&[settings(&[]), settings(&[Setting::InitialWindow(5)])].concat());
    let got = raw.frames();
    assert!(got[0].starts_with("SETTINGS ["), "{got:?}");
    assert_eq!(got[2..], ["SETTINGS ACK", "SETTINGS ACK"]);
    assert!(raw.ask(&settings_ack()).is_empty());
}

/// A session with every kind of frame, as a client sends it.
fn session() -> Vec<Vec<u8>> {
    let block = block(&REQUEST);
    let (first, rest) = block.split_at(5);
    vec![
        settings(&[Setting::InitialWindow(70_000)]),
        frame(Kind::Headers, 0, 1, first),
        frame(Kind::Continuation, 4, 1, rest),
        data(1, b"abc", Body::More),
        frame(Kind::Priority, 0, 1, &[0, 0, 0, 9, 5]),
        window_update(0, 10),
        window_update(1, 10),
        ping(0, b"question"),
        ping(1, b"answered"),
        headers(1, &[("a", "b")], Body::Last),
        request(3, Body::More),
        reset(3, ErrorCode::CANCEL),
        frame(Kind::Unknown(99), 0, 3, b"anything"),
        go_away(0, ErrorCode::NO_ERROR, b"bye"),
    ]
}

fn outcome(frames: &[Vec<u8>]) -> (Vec<String>, Vec<String>) {
    let mut raw = Raw::server(Config::default());
    let answers = raw.ask(&frames.concat());
    (answers, raw.events())
}

#[test]
fn flags_and_bits_without_a_meaning_are_ignored() {
    let plain = outcome(&session());
    assert_eq!(plain.0, ["SETTINGS ACK", "PING ACK \"question\""]);
    assert_eq!(plain.1.len(), 7, "{plain:?}");
    let mut odd = session();
    for bytes in &mut odd {
        let kind = Head::peek(bytes).unwrap().kind;
        bytes[4] |= !defined_flags(kind);
        bytes[5] |= 0x80;
        // The reserved bits inside of payloads, and the exclusive bit of PRIORITY.
        if matches!(kind, Kind::WindowUpdate | Kind::GoAway | Kind::Priority) {
            bytes[Head::LEN] |= 0x80;
        }
    }
    assert_eq!(outcome(&odd), plain);
}

fn defined_flags(kind: Kind) -> u8 {
    match kind {
        Kind::Data => 0x9,
        Kind::Headers => 0x2d,
        Kind::Settings | Kind::Ping => 0x1,
        Kind::PushPromise => 0xc,
        Kind::Continuation => 0x4,
        Kind::Priority | Kind::RstStream | Kind::GoAway | Kind::WindowUpdate | Kind::Unknown(_) => {
            0
        }
    }
}

/// All kinds that an end ever writes, by both ends.
fn written() -> [Vec<u8>; 2] {
    let long = "\u{1}".repeat(40_000);
    let config = Config {
        stream_window_len: 256 * 1024,
        ..Config::default()
    };
    let mut server = Raw::new(Connection::server(config));
    server.send(&[PREFACE, &session().concat(), &request(5, Body::More)].concat());
    for _ in 0..12 {
        server.send(&data(5, &[0; 16_000], Body::More));
    }
    server.send(&[request(7, Body::Last), request(9, Body::Last)].concat());
    let connection = &mut server.connection;
    connection.release_data(id(5), 12 * 16_000);
    let fields = [OK[0], Field::literal(b"x", long.as_bytes())];
    connection.send_headers(id(5), fields, Body::More).unwrap();
    let body = vec![7; 40_000];
    connection
        .send_data(id(5), body.into(), Body::More)
        .unwrap();
    connection.send_trailers(id(5), TRAILERS).unwrap();
    connection.send_headers(id(7), OK, Body::More).unwrap();
    connection
        .send_data(id(7), b"short"[..].into(), Body::Last)
        .unwrap();
    connection.reset_stream(id(9), ErrorCode::CANCEL);
    connection.ping([0xff; 8]);
    connection.start_shutdown();
    connection.poll_transmit();
    let mut client = Raw::new(Connection::client(Config::default()));
    client.send(&settings(&[]));
    let fields = [&POST[..], &[Field::literal(b"x", long.as_bytes())]].concat();
    client.connection.open_stream(fields, Body::More).unwrap();
    client
        .connection
        .send_data(id(1), b"x"[..].into(), Body::Last)
        .unwrap();
    client.connection.start_shutdown();
    client.connection.advance_output(PREFACE.len());
    [server, client].map(|mut raw| take_output(&mut raw.connection))
}

#[test]
fn what_is_written_has_no_bit_out_of_place() {
    let mut kinds = std::collections::BTreeSet::new();
    for bytes in written() {
        let mut rest = &bytes[..];
        while let Some(head) = Head::peek(rest) {
            let what = format!("{head:?}");
            kinds.insert(head.kind.number());
            assert_eq!(rest[4] & !defined_flags(head.kind), 0, "{what}");
            assert_eq!(rest[4] & 0x28, 0, "neither padding nor priority: {what}");
            assert_eq!(rest[5] & 0x80, 0, "{what}");
            assert!(head.len <= 16_384, "{what}");
            let payload = &rest[Head::LEN..Head::LEN + head.len];
            if head.kind == Kind::Settings && head.flags.has(Flags::ACK) {
                assert_eq!(head.len, 0, "{what}");
            }
            if matches!(head.kind, Kind::WindowUpdate | Kind::GoAway) {
                assert_eq!(payload[0] & 0x80, 0, "{what}");
            }
            let of_the_connection = matches!(head.kind, Kind::Settings | Kind::Ping | Kind::GoAway);
            let on_none = head.id == StreamId::CONNECTION;
            assert!(
                on_none == of_the_connection || head.kind == Kind::WindowUpdate,
                "{what}"
            );
            rest = &rest[Head::LEN + head.len..];
        }
        assert!(rest.is_empty());
    }
    // DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION.
    assert_eq!(Vec::from_iter(kinds), [0, 1, 3, 4, 6, 7, 8, 9]);
}

/// The block of a request that has `len` bytes.
fn block_of_len(len: usize) -> BytesMut {
    let mut value = vec![1; len];
    loop {
        let fields = [&POST[..], &[Field::literal(b"x", &value)]].concat();
        let mut block = BytesMut::new();
        Encoder::new(4096).encode(fields, &mut block);
        match block.len().checked_sub(len) {
            None | Some(0) => return block,
            Some(excess_len) => value.truncate(value.len() - excess_len),
        }
    }
}

#[test]
fn frames_as_long_as_announced_are_taken() {
    for len in [16_384_usize, 50_000] {
        let config = Config {
            max_frame_len: u32::try_from(len).unwrap(),
            max_header_list_bytes: 100_000,
            stream_window_len: 256 * 1024,
            ..strict()
        };
        let mut raw = Raw::server(config);
        assert_eq!(block_of_len(len).len(), len);
        let frames = [
            frame(Kind::Headers, 4, 1, &block_of_len(len)),
            data(1, &vec![0; len], Body::More),
            frame(Kind::Data, 8, 1, &[&[255][..], &vec![0; len - 1]].concat()),
            frame(Kind::Unknown(99), 0, 0, &vec![0; len]),
            go_away(0, ErrorCode::NO_ERROR, &vec![b'x'; len - 8]),
        ];
        assert!(raw.ask(&frames.concat()).is_empty());
        assert_eq!(raw.events().len(), 4, "{len}");
        let got = raw.ask(&data(1, &vec![0; len + 1], Body::More));
        assert!(got[0].starts_with("GOAWAY 1 FRAME_SIZE_ERROR"), "{got:?}");
    }
}

#[test]
fn no_kind_of_frame_interrupts_a_header_block() {
    let others = session().into_iter().chain([
        frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]),
        frame(Kind::Continuation, 4, 3, b""),
    ]);
    for other in others {
        let kind = Head::peek(&other).unwrap().kind;
        if kind == Kind::Continuation && other[8] == 1 {
            continue;
        }
        for pieces in 0..2 {
            let mut raw = Raw::server(Config::default());
            raw.send(&frame(Kind::Headers, 0, 1, b""));
            for _ in 0..pieces {
                raw.send(&frame(Kind::Continuation, 0, 1, b""));
            }
            let got = raw.ask(&other);
            let is_right = got.len() == 1 && got[0].starts_with("GOAWAY 0 PROTOCOL_ERROR");
            assert!(is_right, "{kind} behind {pieces}: {got:?}");
        }
    }
}

#[test]
fn numbers_out_of_range_are_never_announced() {
    for number in [0, u32::MAX] {
        let config = Config {
            max_frame_len: number,
            stream_window_len: number,
            connection_window_len: number,
            ..Config::default()
        };
        for mut raw in [
            Raw::server(config.clone()),
            Raw::client(config.clone()),
            Raw::new(Connection::server(config)),
        ] {
            for line in raw.frames() {
                let max_frame_len = if number == 0 { 16_384 } else { 16_777_215 };
                let window = number.min(0x7fff_ffff);
                let is_right = line.contains(&format!("MaxFrameLen({max_frame_len})"))
                    && line.contains(&format!("InitialWindow({window})"));
                assert!(is_right || line.starts_with("WINDOW_UPDATE 0"), "{line}");
            }
        }
    }
}

#[test]
fn settings_are_applied_in_order_and_unknown_ones_passed_over() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.frames();
    let entries = [
        Setting::InitialWindow(5),
        Setting::Unknown(0, u32::MAX),
        Setting::Unknown(0x99, 7),
        Setting::MaxConcurrentStreams(0),
        Setting::MaxHeaderListBytes(0),
        Setting::InitialWindow(3),
    ];
    assert_eq!(raw.ask(&settings(&entries)), ["SETTINGS ACK"]);
    let body = b"abcdefgh"[..].into();
    raw.connection.send_data(id(1), body, Body::Last).unwrap();
    assert_eq!(raw.frames(), ["DATA 1 \"abc\""]);
    // The first wrong value ends it, and nothing is acknowledged.
    let entries = [Setting::InitialWindow(100), Setting::Unknown(5, 1)];
    let got = raw.ask(&settings(&entries));
    assert!(
        got.len() == 1 && got[0].starts_with("GOAWAY 1 PROTOCOL_ERROR"),
        "{got:?}"
    );
}

#[test]
fn the_peers_header_list_limit_is_advice() {
    for max in [0, 1] {
        let mut raw = Raw::server(Config::default());
        raw.send(&settings(&[Setting::MaxHeaderListBytes(max)]));
        raw.send(&request(1, Body::Last));
        raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
        assert_eq!(raw.frames(), ["SETTINGS ACK", "HEADERS 1 :status=200 END"]);
    }
}

/// The first bytes of the next answer's block.
fn next_block(raw: &mut Raw, number: u32) -> Vec<u8> {
    raw.send(&request(number, Body::Last));
    raw.connection
        .send_headers(id(number), OK, Body::Last)
        .unwrap();
    take_output(&mut raw.connection).split_off(Head::LEN)
}

#[test]
fn a_lower_header_table_is_told_in_the_next_block() {
    let mut raw = Raw::server(Config::default());
    assert_eq!(next_block(&mut raw, 1), [0x88]);
    let to = |len| settings(&[Setting::HeaderTableLen(len)]);
    assert_eq!(raw.ask(&to(0)), ["SETTINGS ACK"]);
    assert_eq!(next_block(&mut raw, 3), [0x20, 0x88]);
    assert_eq!(next_block(&mut raw, 5), [0x88]);
    raw.ask(&[to(100), to(0), to(4096)].concat());
    assert_eq!(next_block(&mut raw, 7), [0x20, 0x3f, 0xe1, 0x1f, 0x88]);
    // A peer that allows more than we want is told nothing.
    raw.ask(&to(u32::MAX));
    assert_eq!(next_block(&mut raw, 9), [0x88]);
}

#[test]
fn a_block_without_the_update_that_our_lower_table_asks_for_ends_the_connection() {
    let config = Config {
        header_table_len: 100,
        ..Config::default()
    };
    let late = |update: &[u8]| frame(Kind::Headers, 5, 3, &[update, &block(&REQUEST)].concat());
    for (update, is_good) in [
        (&b"\x3f\x45"[..], true),
        (b"\x20", true),
        (b"", false),
        (b"\x3f\x46", false),
    ] {
        let mut raw = Raw::new(Connection::server(config.clone()));
        raw.send(&[PREFACE, &settings(&[]), &request(1, Body::Last)].concat());
        raw.frames();
        raw.send(&settings_ack());
        let got = raw.ask(&late(update));
        if is_good {
            assert_eq!(raw.events(), ["headers 1 / last", "headers 3 / last"]);
        } else {
            assert!(got[0].starts_with("GOAWAY 3 COMPRESSION_ERROR"), "{got:?}");
        }
    }
}

#[test]
fn a_ping_is_answered_before_data_that_waits_for_its_turn() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.frames();
    let body = vec![0; 40_000];
    raw.connection
        .send_data(id(1), body.into(), Body::Last)
        .unwrap();
    let got = raw.ask(&ping(0, b"question"));
    assert_eq!(got[0], "PING ACK \"question\"");
    assert!(got[1].starts_with("DATA 1"), "{got:?}");
}

#[test]
fn an_answered_ping_is_not_answered() {
    for mut raw in [
        Raw::server(Config::default()),
        Raw::client(Config::default()),
    ] {
        assert!(raw.ask(&ping(1, b"farewell")).is_empty());
        assert_eq!(raw.events(), ["ping ack \"farewell\""]);
    }
}

#[test]
fn codes_that_nobody_knows_are_passed_on_and_no_more() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.frames();
    let code = ErrorCode::from_number(0xdead_beef);
    assert!(raw.ask(&reset(1, code)).is_empty());
    assert!(raw.ask(&go_away(3, code, b"")).is_empty());
    let want = [
        "reset 1 error code 0xdeadbeef remote",
        "go away 3 error code 0xdeadbeef \"\"",
    ];
    assert_eq!(raw.events(), want);
    raw.send(&response(3, Body::Last));
    assert_eq!(raw.events(), ["headers 3 200 last", "closed"]);
}

/// Neither end has said a word of windows.
#[test]
fn a_stream_begins_with_65535_bytes() {
    let wide = window_update(0, 1 << 20);
    let mut server = Raw::server(Config::default());
    server.send(&[request(1, Body::Last), wide.clone()].concat());
    server
        .connection
        .send_headers(id(1), OK, Body::More)
        .unwrap();
    let mut client = Raw::new(Connection::client(Config::default()));
    client.connection.open_stream(POST, Body::More).unwrap();
    client.connection.advance_output(PREFACE.len());
    for mut raw in [server, client] {
        let body = vec![0; 100_000];
        raw.connection
            .send_data(id(1), body.into(), Body::Last)
            .unwrap();
        raw.frames();
        assert_eq!(raw.connection.queued_len(id(1)), 100_000 - 65_535);
    }
}

#[test]
fn frames_that_flow_control_is_not_for_pass_shut_windows() {
    let config = Config {
        stream_window_len: 65_535,
        connection_window_len: 65_535,
        ..strict()
    };
    let mut raw = Raw::server(config);
    raw.send(&request(1, Body::More));
    for len in [16_384, 16_384, 16_384, 16_383] {
        raw.send(&data(1, &vec![0; len], Body::More));
    }
    assert_eq!(raw.events().len(), 5);
    let frames = [
        request(3, Body::More),
        data(3, b"", Body::Last),
        settings(&[]),
        ping(0, b"question"),
        frame(Kind::Priority, 0, 1, &[0, 0, 0, 9, 5]),
        window_update(1, 1),
        headers(1, &[("a", "b")], Body::Last),
        request(5, Body::More),
        reset(5, ErrorCode::CANCEL),
        go_away(0, ErrorCode::NO_ERROR, b""),
    ];
    let got = raw.ask(&frames.concat());
    assert_eq!(got, ["SETTINGS ACK", "PING ACK \"question\""]);
    assert_eq!(raw.events().len(), 6);
    let got = raw.ask(&data(3, b"x", Body::Last));
    assert!(got[0].starts_with("GOAWAY 5 FLOW_CONTROL_ERROR"), "{got:?}");
}
