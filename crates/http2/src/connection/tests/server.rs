//! A server against a raw client: streams, messages, header blocks.

use super::*;

#[test]
fn settings_are_out_before_a_byte_comes_in() {
    let mut raw = Raw::new(Connection::server(Config::default()));
    let want = [
        "SETTINGS [HeaderTableLen(4096), MaxFrameLen(16384), \
         MaxHeaderListBytes(16384), MaxConcurrentStreams(100)]",
        "WINDOW_UPDATE 0 983041",
    ];
    assert_eq!(raw.frames(), want);
}

#[test]
fn the_preface_may_come_byte_by_byte_but_must_be_right() {
    let mut raw = Raw::new(Connection::server(Config::default()));
    let hello = [PREFACE, &settings(&[]), &ping(0, b"12345678")].concat();
    for byte in &hello {
        raw.send(&[*byte]);
    }
    assert_eq!(raw.frames()[2..], ["SETTINGS ACK", "PING ACK \"12345678\""]);
    assert!(raw.connection.is_established());

    for bad in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01",
        b"PRI * HTTP/2.0\r\n\r\nXX",
    ] {
        let mut raw = Raw::new(Connection::server(Config::default()));
        raw.send(bad);
        assert!(
            raw.frames()[2].starts_with("GOAWAY 0 PROTOCOL_ERROR"),
            "{bad:?}"
        );
        assert_eq!(raw.events().len(), 1, "{bad:?}");
        assert!(raw.connection.is_drained());
    }
}

#[test]
fn the_first_frame_must_be_settings() {
    for first in [
        settings_ack(),
        ping(0, &[0; 8]),
        request(1, Body::Last),
        window_update(0, 1),
    ] {
        let mut raw = Raw::new(Connection::server(Config::default()));
        raw.send(&[PREFACE, &first].concat());
        assert!(
            raw.frames()[2].starts_with("GOAWAY 0 PROTOCOL_ERROR"),
            "{first:?}"
        );
    }
}

#[test]
fn a_unary_call() {
    let mut raw = Raw::server(Config::default());
    raw.send(&[request(1, Body::More), data(1, b"hello", Body::Last)].concat());
    assert_eq!(raw.events(), ["headers 1 / more", "data 1 \"hello\" last"]);
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.connection
        .write_data::<UserError>(id(1), Body::More, |out| {
            out.extend_from_slice(b"world");
            Ok(())
        })
        .unwrap();
    assert_eq!(raw.connection.open_streams(), 1);
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    let want = [
        "HEADERS 1 :status=200",
        "DATA 1 \"world\"",
        "HEADERS 1 grpc-status=0 END",
    ];
    assert_eq!(raw.frames(), want);
    assert_eq!(raw.connection.open_streams(), 0);
}

#[test]
fn a_request_with_trailers() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.send(&data(1, b"a", Body::More));
    raw.send(&headers(1, &[("x", "y")], Body::Last));
    assert_eq!(
        raw.events(),
        ["headers 1 / more", "data 1 \"a\" more", "trailers 1 x=y"]
    );
}

/// Each row is sent after a request on stream 1 that stays open, and to a server that has seen a
/// whole call on stream 3.
#[test]
#[rustfmt::skip]
fn illegal_frames_and_what_they_cost() {
    let close = |code: &str| format!("GOAWAY 3 {code}");
    let rst = |id: u32, code: &str| format!("RST_STREAM {id} {code}");
    let post = |more: &[(&str, &str)]| headers(5, &[&REQUEST[..], more].concat(), Body::Last);
    let table: Vec<(&str, Vec<u8>, String)> = vec![
        ("data on idle", data(5, b"x", Body::More), close("PROTOCOL_ERROR")),
        ("data on even", data(2, b"x", Body::More), close("PROTOCOL_ERROR")),
        ("data on 0", data(0, b"x", Body::More), close("PROTOCOL_ERROR")),
        ("data on closed", data(3, b"x", Body::More), close("STREAM_CLOSED")),
        ("headers on closed", headers(3, &[("a", "b")], Body::Last), close("STREAM_CLOSED")),
        ("headers on even", request(2, Body::Last), close("PROTOCOL_ERROR")),
        ("headers on 0", request(0, Body::Last), close("PROTOCOL_ERROR")),
        ("reset on idle", reset(5, ErrorCode::CANCEL), close("PROTOCOL_ERROR")),
        ("window on idle", window_update(5, 1), close("PROTOCOL_ERROR")),
        ("window of 0", window_update(1, 0), rst(1, "PROTOCOL_ERROR")),
        ("window of 0 on 0", window_update(0, 0), close("PROTOCOL_ERROR")),
        ("window overflow", window_update(1, 0x7fff_ffff), rst(1, "FLOW_CONTROL_ERROR")),
        ("window overflow on 0", window_update(0, 0x7fff_ffff), close("FLOW_CONTROL_ERROR")),
        ("push", frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]), close("PROTOCOL_ERROR")),
        ("stray continuation", frame(Kind::Continuation, 4, 1, b""), close("PROTOCOL_ERROR")),
        ("too long", frame(Kind::Data, 0, 1, &[0; 16_385]), close("FRAME_SIZE_ERROR")),
        ("unknown too long", frame(Kind::Unknown(99), 0, 1, &[0; 16_385]), close("FRAME_SIZE_ERROR")),
        ("padding", frame(Kind::Data, 8, 1, &[9, 1]), close("PROTOCOL_ERROR")),
        ("short ping", frame(Kind::Ping, 0, 0, &[0; 7]), close("FRAME_SIZE_ERROR")),
        ("goaway on stream", frame(Kind::GoAway, 0, 1, &[0; 8]), close("PROTOCOL_ERROR")),
        ("odd settings", frame(Kind::Settings, 0, 0, &[0; 7]), close("FRAME_SIZE_ERROR")),
        ("bad window", settings(&[Setting::Unknown(4, 1 << 31)]), close("FLOW_CONTROL_ERROR")),
        ("bad frame length", settings(&[Setting::Unknown(5, 0)]), close("PROTOCOL_ERROR")),
        ("bad push", settings(&[Setting::Unknown(2, 2)]), close("PROTOCOL_ERROR")),
        ("short priority", frame(Kind::Priority, 0, 1, &[0; 4]), rst(1, "FRAME_SIZE_ERROR")),
        ("self priority", frame(Kind::Priority, 0, 1, &[0, 0, 0, 1, 0]), rst(1, "PROTOCOL_ERROR")),
        ("idle self priority", frame(Kind::Priority, 0, 9, &[0, 0, 0, 9, 0]), close("PROTOCOL_ERROR")),
        ("trailers not last", headers(1, &[("a", "b")], Body::More), rst(1, "PROTOCOL_ERROR")),
        ("pseudo in trailers", headers(1, &REQUEST, Body::Last), rst(1, "PROTOCOL_ERROR")),
        ("bad block", frame(Kind::Headers, 5, 5, &[0x80]), "GOAWAY 5 COMPRESSION_ERROR".to_owned()),
        ("no path", headers(5, &REQUEST[..2], Body::Last), rst(5, "PROTOCOL_ERROR")),
        ("connection field", post(&[("connection", "close")]), rst(5, "PROTOCOL_ERROR")),
        ("upper case", post(&[("A", "b")]), rst(5, "PROTOCOL_ERROR")),
        ("length without body", post(&[("content-length", "1")]), rst(5, "PROTOCOL_ERROR")),
        ("depends on itself", [&[0, 0, 0, 5, 0][..], &block(&REQUEST)].concat(), rst(5, "PROTOCOL_ERROR")),
    ];
    for (what, bytes, want) in table {
        let bytes = match what {
            "depends on itself" => frame(Kind::Headers, 0x25, 5, &bytes),
            _ => bytes,
        };
        let mut raw = Raw::server(Config::default());
        raw.send(&[request(1, Body::More), request(3, Body::Last)].concat());
        raw.connection.send_headers(id(3), OK, Body::Last).unwrap();
        raw.frames();
        raw.events();
        let got = raw.ask(&bytes);
        assert!(got.len() == 1 && got[0].starts_with(&want), "{what}: {got:?}");
        let events = raw.events();
        let want_event = match want.split_once(' ').unwrap() {
            ("GOAWAY", rest) => format!("closed {}", rest.split_once(' ').unwrap().1),
            (_, rest) if rest.starts_with("1 ") => format!("reset {rest} local"),
            _ => {
                assert!(events.is_empty(), "{what}: {events:?}");
                continue;
            }
        };
        assert!(events.len() == 1 && events[0].starts_with(&want_event), "{what}: {events:?}");
    }
}

#[test]
fn stream_numbers_rise() {
    let mut raw = Raw::server(Config::default());
    assert!(raw.ask(&request(5, Body::Last)).is_empty());
    let got = raw.ask(&request(3, Body::Last));
    assert_eq!(
        got,
        ["GOAWAY 5 PROTOCOL_ERROR \"new stream 3 is not above 5\""]
    );
}

#[test]
fn nothing_more_comes_after_the_end_of_a_request() {
    for more in [
        data(1, b"x", Body::More),
        headers(1, &[("a", "b")], Body::Last),
    ] {
        let mut raw = Raw::server(Config::default());
        raw.send(&request(1, Body::Last));
        assert_eq!(raw.ask(&more), ["RST_STREAM 1 STREAM_CLOSED"]);
        assert_eq!(
            raw.events(),
            ["headers 1 / last", "reset 1 STREAM_CLOSED local"]
        );
    }
}

#[test]
fn frames_that_are_ignored() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
    raw.frames();
    raw.events();
    let ignored = [
        frame(Kind::Unknown(0x0c), 0xff, 0, b"anything"),
        frame(Kind::Unknown(0xff), 0xff, 9, b""),
        frame(Kind::Priority, 0, 9, &[0, 0, 0, 1, 5]),
        frame(Kind::Priority, 0, 2, &[0, 0, 0, 1, 5]),
        window_update(1, 5),
        reset(1, ErrorCode::CANCEL),
        settings_ack(),
    ];
    assert!(raw.ask(&ignored.concat()).is_empty());
    assert!(raw.events().is_empty());
}

#[test]
fn streams_over_the_limit_are_refused_until_one_ends() {
    let mut raw = Raw::server(Config {
        max_concurrent_streams: 2,
        ..Config::default()
    });
    assert!(
        raw.ask(&[request(1, Body::More), request(3, Body::Last)].concat())
            .is_empty()
    );
    assert_eq!(
        raw.ask(&request(5, Body::More)),
        ["RST_STREAM 5 REFUSED_STREAM"]
    );
    assert!(raw.ask(&data(5, b"on its way", Body::Last)).is_empty());
    raw.connection.send_headers(id(3), OK, Body::Last).unwrap();
    raw.send(&request(7, Body::Last));
    let want = ["headers 1 / more", "headers 3 / last", "headers 7 / last"];
    assert_eq!(raw.events(), want);
}

#[test]
fn a_header_block_in_pieces() {
    let mut raw = Raw::server(Config::default());
    let block = block(&[&REQUEST[..], &[("x", "y")]].concat());
    let (first, rest) = block.split_at(3);
    let (second, third) = rest.split_at(10);
    raw.send(&frame(Kind::Headers, 1, 1, first));
    raw.send(&frame(Kind::Continuation, 0, 1, second));
    raw.send(&frame(Kind::Continuation, 0, 1, b""));
    assert!(raw.events().is_empty());
    raw.send(&frame(Kind::Continuation, 4, 1, third));
    assert_eq!(raw.events(), ["headers 1 / last"]);
}

#[test]
fn nothing_comes_between_headers_and_continuation() {
    for other in [
        ping(0, &[0; 8]),
        data(1, b"", Body::More),
        request(3, Body::Last),
        frame(Kind::Unknown(99), 0, 0, b""),
        frame(Kind::Continuation, 4, 3, b""),
    ] {
        let mut raw = Raw::server(Config::default());
        raw.send(&frame(Kind::Headers, 0, 1, b""));
        let got = raw.ask(&other);
        assert!(
            got[0].starts_with("GOAWAY 0 PROTOCOL_ERROR"),
            "{other:?}: {got:?}"
        );
    }
}

#[test]
fn a_list_too_long_ends_its_stream_only() {
    let mut raw = Raw::server(Config {
        max_header_list_bytes: 300,
        ..Config::default()
    });
    let long = "x".repeat(100);
    let fields = [&REQUEST[..], &[("a", &long), ("b", &long)]].concat();
    let got = raw.ask(&headers(1, &fields, Body::Last));
    assert_eq!(got, ["RST_STREAM 1 ENHANCE_YOUR_CALM"]);
    raw.send(&request(3, Body::Last));
    assert_eq!(raw.events(), ["headers 3 / last"]);
}

#[test]
fn the_body_must_have_the_length_it_promised() {
    // (pieces of a body of five bytes, whether they add up)
    let table: [(&[&[u8]], bool); 6] = [
        (&[b"abcde"], true),
        (&[b"ab", b"", b"cde"], true),
        (&[b"abcde", b""], true),
        (&[b"abcdef"], false),
        (&[b"abcd"], false),
        (&[b""], false),
    ];
    for (pieces, is_good) in table {
        let mut raw = Raw::server(Config::default());
        let fields = [&REQUEST[..], &[("content-length", "5")]].concat();
        raw.send(&headers(1, &fields, Body::More));
        for (index, piece) in pieces.iter().enumerate() {
            let is_last = index + 1 == pieces.len();
            raw.send(&data(
                1,
                piece,
                if is_last { Body::Last } else { Body::More },
            ));
        }
        let want: &[&str] = if is_good {
            &[]
        } else {
            &["RST_STREAM 1 PROTOCOL_ERROR"]
        };
        assert_eq!(raw.frames(), want, "{pieces:?}");
    }
}

#[test]
fn trailers_may_not_cut_a_promised_body_short() {
    let mut raw = Raw::server(Config::default());
    let fields = [&REQUEST[..], &[("content-length", "5")]].concat();
    raw.send(
        &[
            headers(1, &fields, Body::More),
            data(1, b"abcd", Body::More),
        ]
        .concat(),
    );
    let got = raw.ask(&headers(1, &[("a", "b")], Body::Last));
    assert_eq!(got, ["RST_STREAM 1 PROTOCOL_ERROR"]);
}

#[test]
fn commands_out_of_order_change_nothing() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    let connection = &mut raw.connection;
    let not_sent = Err(UserError::HeadersNotSent(id(1)));
    assert_eq!(
        connection.send_data(id(1), b"x"[..].into(), Body::More),
        not_sent
    );
    assert_eq!(connection.send_trailers(id(1), TRAILERS), not_sent);
    assert_eq!(
        connection.send_headers(id(3), OK, Body::More),
        Err(UserError::NotOpen(id(3)))
    );
    assert_eq!(
        connection.open_stream(POST, Body::Last),
        Err(UserError::NotAClient)
    );
    connection
        .send_headers(id(1), [Field::indexed(b":status", b"103")], Body::More)
        .unwrap();
    connection.send_headers(id(1), OK, Body::More).unwrap();
    let sent = Err(UserError::HeadersSent(id(1)));
    assert_eq!(connection.send_headers(id(1), OK, Body::More), sent);
    connection
        .send_data(id(1), b""[..].into(), Body::Last)
        .unwrap();
    let not_open = Err(UserError::NotOpen(id(1)));
    assert_eq!(
        connection.send_data(id(1), b"x"[..].into(), Body::More),
        not_open
    );
    assert_eq!(connection.send_trailers(id(1), TRAILERS), not_open);
    let want = [
        "HEADERS 1 :status=103",
        "HEADERS 1 :status=200",
        "DATA 1 \"\" END",
    ];
    assert_eq!(raw.frames(), want);
}

#[test]
fn a_failed_encoding_leaves_no_trace() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let failed = raw.connection.write_data(id(1), Body::Last, |out| {
        out.extend_from_slice(b"half a mess");
        Err(UserError::NoStreamRoom)
    });
    assert_eq!(failed, Err(UserError::NoStreamRoom));
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    assert_eq!(
        raw.frames(),
        ["HEADERS 1 :status=200", "HEADERS 1 grpc-status=0 END"]
    );
}

#[test]
fn an_owner_that_damages_the_output_ends_the_connection() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let _ = raw
        .connection
        .write_data::<UserError>(id(1), Body::Last, |out| {
            out.clear();
            Ok(())
        });
    assert!(raw.events()[1].starts_with("closed INTERNAL_ERROR"));
}

#[test]
fn lists_say_the_same_as_fields() {
    let mut raw = Raw::server(Config::default());
    let answer: FieldList = OK.into_iter().collect();
    let info: FieldList = [Field::indexed(b":status", b"103")].into_iter().collect();
    let trailers: FieldList = TRAILERS.into_iter().collect();
    for number in [1, 3, 5] {
        raw.send(&request(number, Body::Last));
        let connection = &mut raw.connection;
        connection
            .send_headers_with(id(number), &info, [], Body::More)
            .unwrap();
        let more = [Field::literal(b"x", b"y")];
        connection
            .send_headers_with(id(number), &answer, more, Body::More)
            .unwrap();
        if number == 5 {
            connection
                .send_data(id(5), vec![0; 70_000].into(), Body::More)
                .unwrap();
        }
        connection.send_trailer_list(id(number), &trailers).unwrap();
        let got = raw.frames();
        let want = [
            format!("HEADERS {number} :status=103"),
            format!("HEADERS {number} :status=200 x=y"),
            format!("HEADERS {number} grpc-status=0 END"),
        ];
        match number {
            5 => assert_eq!(got[..2], want[..2]),
            _ => assert_eq!(got, want),
        }
    }
    let last = raw
        .ask(&[window_update(0, 1 << 20), window_update(5, 1 << 20)].concat())
        .pop();
    assert_eq!(last.unwrap(), "HEADERS 5 grpc-status=0 END");
}

#[test]
fn a_trimmed_connection_goes_on() {
    let mut raw = Raw::server(Config::default());
    for number in [1, 3, 5, 7] {
        raw.send(
            &[
                request(number, Body::More),
                data(number, b"abc", Body::Last),
            ]
            .concat(),
        );
        raw.connection
            .send_headers(id(number), OK, Body::Last)
            .unwrap();
        assert_eq!(raw.frames(), [format!("HEADERS {number} :status=200 END")]);
        assert_eq!(raw.events().len(), 2);
        raw.connection.trim();
    }
}

#[test]
fn an_idle_connection_is_trimmed_a_while_after_its_last_stream_and_only_once() {
    let mut raw = Raw::server(Config::default());
    let silence = raw.connection.poll_timeout(|| raw.now);
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
    raw.frames();
    raw.events();
    assert!(raw.connection.events.capacity() > 0);
    let look = raw.connection.poll_timeout(|| raw.now);
    assert!(look > silence || silence.is_none());
    raw.wait((look.unwrap() - raw.now).as_secs());
    assert_eq!(raw.connection.events.capacity(), 0);
    assert_eq!(raw.connection.poll_timeout(|| raw.now), silence);
}

#[test]
fn a_write_buffer_goes_to_another_connection_when_nothing_waits_in_it() {
    let mut raw = Raw::server(Config::default());
    assert!(
        raw.connection
            .take_buffer()
            .is_none_or(|buffer| buffer.is_empty())
    );
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
    assert_eq!(raw.connection.take_buffer(), None);
    raw.frames();
    let buffer = raw.connection.take_buffer().unwrap();
    let (place, len) = (buffer.as_ptr(), buffer.capacity());
    assert!(buffer.is_empty() && len > 0);
    let mut other = Raw::server(Config::default());
    other.frames();
    other.connection.take_buffer();
    other.connection.lend_buffer(|| buffer);
    other.connection.lend_buffer(|| panic!("it has one"));
    let back = other.connection.take_buffer().unwrap();
    assert_eq!((back.as_ptr(), back.capacity()), (place, len));
}
