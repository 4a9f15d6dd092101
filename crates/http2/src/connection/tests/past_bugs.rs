//! Faults that other implementations have had and mended, one test each.
//!
//! Two of their faults cannot be made in this crate: pushes are not counted twice, because there
//! are none, and a writer does not spin on a socket that takes nothing, because sockets are the
//! driver's (`dead_sockets.rs` of hikyaku's tests).

use super::*;

fn send(raw: &mut Raw, number: u32, len: usize, body: Body) {
    raw.connection
        .send_data(id(number), vec![b'x'; len].into(), body)
        .unwrap();
}

/// The padding is nobody's to release but ours.
#[test]
fn padding_comes_back_though_nobody_reads_the_body() {
    let config = Config {
        stream_window_len: 1000,
        ..strict()
    };
    let mut raw = Raw::server(config);
    raw.send(&request(1, Body::More));
    let padded = [&[199][..], b"x", &[0; 199]].concat();
    let mut granted = 0;
    for _ in 0..100 {
        for line in raw.ask(&frame(Kind::Data, 8, 1, &padded)) {
            granted += line["WINDOW_UPDATE 1 ".len()..].parse::<usize>().unwrap();
        }
    }
    assert!((19_000..=20_000).contains(&granted), "{granted}");
    assert_eq!(raw.connection.credit.outstanding(), 100);
}

/// 255 bytes of padding and the byte that says so are 256.
#[test]
fn the_longest_padding_is_counted_whole() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    let before = raw.connection.credit;
    let only_padding = [&[255][..], &[0; 255]].concat();
    raw.send(&frame(Kind::Data, 8, 1, &only_padding));
    let mut after = before;
    after.take(256).unwrap();
    after.release(256);
    assert_eq!(raw.connection.credit, after);
    let got = raw.ask(&frame(Kind::Data, 8, 1, &only_padding[..255]));
    assert!(got[0].starts_with("GOAWAY 1 PROTOCOL_ERROR"), "{got:?}");
}

/// A stream whose own window is shut must not sit on the connection's.
#[test]
fn the_connections_window_goes_to_streams_that_can_use_it() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(10)],
        3,
        Body::More,
    );
    for number in [1, 3] {
        send(&mut raw, number, 70_000, Body::Last);
    }
    assert_eq!(raw.frames().len(), 2);
    send(&mut raw, 5, 50_000, Body::Last);
    raw.frames();
    let sent_len: usize = raw
        .ask(&window_update(5, 50_000))
        .iter()
        .filter_map(|line| {
            line.strip_prefix("DATA 5 <")?
                .split('>')
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert_eq!(sent_len, 50_000 - 10);
    assert_eq!(raw.connection.open_streams(), 3);
}

/// What happens to the stream, and the bytes that its owner has released before.
type Loss = (&'static str, fn(&mut Raw));

#[test]
fn no_byte_of_the_connections_window_is_lost_with_a_stream() {
    let padded = || frame(Kind::Data, 8, 1, &[&[9][..], &[1; 500], &[0; 9]].concat());
    let table: [Loss; 8] = [
        ("reset by us", |raw| {
            raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
        }),
        ("reset by the peer, events unread", |raw| {
            raw.send(&reset(1, ErrorCode::CANCEL));
            raw.events();
            raw.connection.release_data(id(1), 500);
        }),
        ("a window that overflows", |raw| {
            raw.send(&window_update(1, 0x7fff_ffff));
            raw.connection.release_data(id(1), 500);
        }),
        ("the owner lets go", |raw| {
            raw.connection.send_headers(id(1), OK, Body::More).unwrap();
            raw.connection.send_trailers(id(1), TRAILERS).unwrap();
            raw.connection.reset_stream(id(1), ErrorCode::NO_ERROR);
        }),
        ("both sides end", |raw| {
            raw.send(&data(1, b"", Body::Last));
            raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
            raw.connection.release_data(id(1), 500);
        }),
        ("trailers cut the body short", |raw| {
            raw.send(&headers(1, &[(":path", "/")], Body::Last));
            raw.connection.release_data(id(1), 500);
        }),
        ("after our farewell", |raw| {
            raw.connection.start_shutdown();
            raw.send(&ping(1, b"farewell"));
            let late = [request(5, Body::More), data(5, &[0; 700], Body::Last)];
            raw.send(&late.concat());
            raw.connection.release_data(id(1), 500);
        }),
        ("after the peer's farewell", |raw| {
            raw.send(&go_away(0, ErrorCode::NO_ERROR, b""));
            raw.connection.release_data(id(1), 500);
        }),
    ];
    for (what, lose) in table {
        let mut raw = Raw::server(strict());
        raw.send(&request(1, Body::More));
        raw.send(&padded());
        lose(&mut raw);
        // On its way meanwhile.
        raw.send(&padded());
        if raw.connection.open_streams() > 0 {
            raw.connection.release_data(id(1), 500);
        }
        assert_eq!(raw.connection.credit.outstanding(), 0, "{what}");
    }
}

/// A peer that overruns a stream's window has spent the connection's all the same.
#[test]
fn bytes_that_were_never_given_to_an_owner_come_back() {
    let config = Config {
        stream_window_len: 100,
        ..strict()
    };
    let mut raw = Raw::server(config);
    for number in 0..100 {
        raw.send(&request(2 * number + 1, Body::More));
        let got = raw.ask(&data(2 * number + 1, &[0; 101], Body::More));
        let want = format!("RST_STREAM {} FLOW_CONTROL_ERROR", 2 * number + 1);
        assert_eq!(got, [want]);
    }
    assert_eq!(raw.connection.credit.outstanding(), 0);
}

#[test]
fn more_fields_than_any_table_holds_are_one_refused_request() {
    let config = Config {
        max_frame_len: 1 << 20,
        max_header_list_bytes: 1 << 22,
        ..Config::default()
    };
    let mut raw = Raw::server(config);
    // A field of the static table is one byte: more of them than 16 bits can count.
    let many = [&block(&REQUEST)[..], &[0x90; 70_000]].concat();
    let got = raw.ask(&frame(Kind::Headers, 5, 1, &many));
    assert_eq!(got, ["RST_STREAM 1 ENHANCE_YOUR_CALM"]);
    raw.send(&request(3, Body::Last));
    assert_eq!(raw.events(), ["headers 3 / last"]);
}

/// Resets that the library sends by itself end the connection only when they come too fast.
#[test]
fn our_own_resets_end_no_connection_that_keeps_the_rate() {
    let mut raw = Raw::server(Config::default());
    for count in 0..10_000 {
        raw.pass(6);
        let number = 2 * count + 1;
        raw.send(&[request(number, Body::More), window_update(number, 0)].concat());
        assert!(raw.connection.wants_bytes(), "stream {number}");
        raw.frames();
        raw.events();
    }
}

/// A call that is given up at once is never reset before it is opened.
#[test]
fn nothing_is_sent_on_a_stream_before_its_headers() {
    let mut raw = Raw::client(Config::default());
    raw.send(&settings(&[Setting::MaxConcurrentStreams(1)]));
    raw.frames();
    raw.connection.open_stream(POST, Body::More).unwrap();
    send(&mut raw, 1, 70_000, Body::More);
    let no_room = raw.connection.open_stream(POST, Body::More);
    assert_eq!(no_room, Err(UserError::NoStreamRoom));
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    raw.connection.reset_stream(id(3), ErrorCode::CANCEL);
    assert_eq!(
        raw.frames(),
        [
            "HEADERS 1 :method=POST :scheme=http :path=/",
            "RST_STREAM 1 CANCEL"
        ]
    );
}

/// Room is told when there is room, and once for each time that there was none.
#[test]
fn room_is_never_told_when_there_is_none() {
    let mut raw = answering(
        Config::default(),
        &[Setting::InitialWindow(0)],
        1,
        Body::More,
    );
    raw.send(&window_update(0, 1 << 20));
    let mut told_count = 0;
    let mut room = raw.connection.send_room(id(1));
    for _ in 0..100 {
        if room > 0 {
            send(&mut raw, 1, room, Body::More);
            room = raw.connection.send_room(id(1));
            assert_eq!(room, 0);
        }
        raw.ask(&window_update(1, 1024));
        let events = raw.events();
        assert!(events.len() <= 1, "{events:?}");
        for event in events {
            assert_eq!(event, "send room 1");
            room = raw.connection.send_room(id(1));
            assert!(room > 0);
            told_count += 1;
        }
    }
    assert!(told_count > 10, "told {told_count} times");
}

#[test]
fn a_reset_by_either_end_drops_what_is_queued() {
    for by in [Side::Local, Side::Remote] {
        let mut raw = answering(
            Config::default(),
            &[Setting::InitialWindow(0)],
            2,
            Body::More,
        );
        send(&mut raw, 1, 100_000, Body::Last);
        raw.frames();
        match by {
            Side::Local => raw.connection.reset_stream(id(1), ErrorCode::CANCEL),
            Side::Remote => raw.send(&reset(1, ErrorCode::CANCEL)),
        }
        raw.frames();
        assert_eq!(raw.connection.queued_len(id(1)), 0);
        let wide = settings(&[Setting::InitialWindow(1 << 20)]);
        assert_eq!(raw.ask(&wide), ["SETTINGS ACK"], "{by:?}");
        send(&mut raw, 3, 10, Body::Last);
        assert_eq!(raw.frames(), ["DATA 3 \"xxxxxxxxxx\" END"]);
    }
}

/// Trailers are told though every byte before them waits to be released.
#[test]
fn trailers_are_told_at_once() {
    let mut raw = Raw::server(Config::default());
    raw.send(&[request(1, Body::More), data(1, &[0; 1000], Body::More)].concat());
    assert_eq!(raw.events().len(), 2);
    raw.send(&headers(1, &[("x", "y")], Body::Last));
    assert_eq!(raw.events(), ["trailers 1 x=y"]);
}

/// An answer that was complete stays complete when RST_STREAM comes right behind it.
#[test]
fn an_end_that_came_is_not_undone_by_a_reset() {
    let ends = [
        response(1, Body::Last),
        [response(1, Body::More), data(1, b"x", Body::Last)].concat(),
        [
            response(1, Body::More),
            headers(1, &[("grpc-status", "0")], Body::Last),
        ]
        .concat(),
    ];
    for code in [ErrorCode::NO_ERROR, ErrorCode::CANCEL] {
        for (end, body) in ends
            .iter()
            .flat_map(|end| [(end, Body::More), (end, Body::Last)])
        {
            let mut raw = Raw::client(Config::default());
            raw.connection.open_stream(POST, body).unwrap();
            raw.send(&[&end[..], &reset(1, code)].concat());
            let mut events = raw.events();
            if body == Body::More {
                assert_eq!(events.pop().unwrap(), format!("reset 1 {code} remote"));
            }
            let last = events.pop().unwrap();
            let is_whole = last.ends_with("last") || last.starts_with("trailers");
            assert!(is_whole, "{last}");
        }
    }
}

#[test]
fn a_goaway_belongs_to_no_stream() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.frames();
    let got = raw.ask(&frame(Kind::GoAway, 0, 1, &[0; 8]));
    assert!(got[0].starts_with("GOAWAY 0 PROTOCOL_ERROR"), "{got:?}");
}

#[test]
fn an_answer_without_a_status_is_none() {
    let mut raw = Raw::client(Config::default());
    raw.connection.open_stream(POST, Body::Last).unwrap();
    raw.frames();
    let got = raw.ask(&headers(1, &[("grpc-status", "0")], Body::Last));
    assert_eq!(got, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    assert_eq!(raw.events(), ["reset 1 PROTOCOL_ERROR local"]);
}

#[test]
fn two_lengths_are_one_or_an_error() {
    for (lens, is_good) in [
        (["3", "3"], true),
        (["3", "4"], false),
        (["4", "3"], false),
        (["3", "3, 3"], false),
        (["03", "3"], true),
        (["-3", "3"], false),
    ] {
        let lens = lens.map(|len| ("content-length", len));
        let mut raw = Raw::server(Config::default());
        let fields = [&REQUEST[..], &lens].concat();
        let got = raw.ask(&[headers(1, &fields, Body::More), data(1, b"abc", Body::Last)].concat());
        assert_eq!(got.is_empty(), is_good, "{lens:?}: {got:?}");
    }
}

/// A stream refused over and over is work for us as well, and ends.
#[test]
fn refused_streams_are_counted() {
    let config = Config {
        max_concurrent_streams: 1,
        max_reset_burst: 20,
        ..Config::default()
    };
    let mut raw = Raw::server(config);
    raw.send(&request(1, Body::More));
    for count in 1..=20 {
        assert!(raw.connection.wants_bytes());
        raw.send(&request(2 * count + 1, Body::Last));
    }
    raw.send(&request(99, Body::Last));
    assert!(!raw.connection.wants_bytes());
    let last = raw.frames().pop().unwrap();
    assert!(last.contains("ENHANCE_YOUR_CALM"), "{last}");
}

/// A farewell and the last call pass each other in every order, and no call is lost.
#[test]
fn a_call_that_crosses_the_farewell_is_answered_or_safe_to_retry() {
    for early in [false, true] {
        for answered_first in [false, true] {
            let mut raw = Raw::server(Config::default());
            if early {
                raw.send(&request(1, Body::Last));
            }
            raw.connection.start_shutdown();
            if early && answered_first {
                raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
            }
            raw.frames();
            assert!(raw.events().len() <= 1, "it is not over yet");
            // This one left before the farewell came there.
            let crossing = if early { 3 } else { 1 };
            raw.send(&request(crossing, Body::Last));
            let got = raw.ask(&ping(1, b"farewell"));
            assert_eq!(got, [format!("GOAWAY {crossing} NO_ERROR \"\"")]);
            if early && !answered_first {
                raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
            }
            raw.connection
                .send_headers(id(crossing), OK, Body::Last)
                .unwrap();
            raw.frames();
            assert_eq!(raw.events().last().unwrap(), "closed");
            assert!(raw.connection.is_drained());
        }
    }
}
