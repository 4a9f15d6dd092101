//! Signs of life, PINGs of the peer, and how old a connection becomes (gRFC A8, gRFC A9).

use bytes::Bytes;

use super::*;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn keeping(seconds: u64) -> Config {
    Config {
        keepalive_interval: Some(Duration::from_secs(seconds)),
        stall_timeout: None,
        ..Config::default()
    }
}

/// What `open_stream` wants of a request.
fn open(raw: &mut Raw) -> StreamId {
    let fields = [
        Field::indexed(b":method", b"POST"),
        Field::indexed(b":scheme", b"http"),
        Field::indexed(b":path", b"/"),
    ];
    raw.connection.open_stream(fields, Body::More).unwrap()
}

/// The kinds of the frames that wait to be written.
fn kinds(raw: &mut Raw) -> Vec<String> {
    let word = |line: String| line.split(' ').next().unwrap_or_default().to_owned();
    raw.frames().into_iter().map(word).collect()
}

#[test]
fn a_silent_peer_is_asked_after_the_interval_and_lost_after_the_timeout() {
    for (mut raw, has_stream) in [
        (Raw::client(keeping(30)), true),
        (
            Raw::server(Config {
                keepalive_without_streams: true,
                ..keeping(30)
            }),
            false,
        ),
    ] {
        if has_stream {
            open(&mut raw);
        }
        raw.frames();
        assert_eq!(raw.seconds_until_something(), Some(30));
        assert_eq!(raw.frames(), ["PING \"keepaliv\""]);
        assert_eq!(raw.seconds_until_something(), Some(20));
        let want = "closed INTERNAL_ERROR: no answer to a keepalive PING within 20s";
        assert_eq!(raw.events(), [want]);
        assert!(raw.connection.is_abandoned(), "what is it to write to?");
    }
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let signs: [(&str, Vec<u8>); 4] = [
        ("the ack", ping(1, b"keepaliv")),
        ("another frame", window_update(0, 5)),
        (
            "half a frame",
            data(1, b"half a message", Body::More)[..12].to_vec(),
        ),
        ("a question", ping(0, b"and you?")),
    ];
    for (what, sign) in signs {
        let mut raw = Raw::client(keeping(30));
        open(&mut raw);
        raw.frames();
        raw.wait(30);
        assert_eq!(raw.frames(), ["PING \"keepaliv\""], "{what}");
        raw.wait(19);
        raw.send(&sign);
        raw.frames();
        assert_eq!(raw.events(), [""; 0], "{what}");
        assert_eq!(raw.seconds_until_something(), Some(30), "{what}");
    }
}

#[test]
fn the_interval_counts_from_the_last_byte_received() {
    let mut raw = Raw::client(keeping(30));
    open(&mut raw);
    raw.frames();
    for _ in 0..10 {
        raw.wait(29);
        raw.send(&window_update(1, 1000));
        assert_eq!(raw.frames(), [""; 0]);
    }
    // What we send is no sign of theirs.
    raw.wait(29);
    raw.connection
        .send_data(id(1), Bytes::from_static(b"hello"), Body::More)
        .unwrap();
    assert_eq!(raw.frames(), ["DATA 1 \"hello\""]);
    assert_eq!(raw.seconds_until_something(), Some(1));
}

#[test]
fn without_a_stream_nobody_is_asked_and_the_next_one_asks_before_its_headers() {
    let mut raw = Raw::client(keeping(30));
    assert_eq!(raw.seconds_until_something(), None);
    open(&mut raw);
    assert_eq!(kinds(&mut raw), ["PING", "HEADERS"]);
    assert_eq!(
        raw.seconds_until_something(),
        Some(20),
        "and waits for life"
    );
    // A peer that has just spoken is not asked.
    let mut raw = Raw::client(keeping(30));
    raw.wait(29);
    open(&mut raw);
    assert_eq!(kinds(&mut raw), ["HEADERS"]);
    assert_eq!(raw.seconds_until_something(), Some(1));
    // Asked to, it asks always.
    let mut raw = Raw::client(Config {
        keepalive_without_streams: true,
        ..keeping(30)
    });
    assert_eq!(raw.seconds_until_something(), Some(30));
    assert_eq!(raw.frames(), ["PING \"keepaliv\""]);
}

#[test]
fn pings_too_close_together_end_the_connection_with_too_many_pings() {
    // (seconds between pings, permitted without streams, is a stream open, pings until the end)
    let table = [
        (0, false, true, Some(4)),
        (5 * MINUTE - 1, false, true, Some(4)),
        (5 * MINUTE, false, true, None),
        (5 * MINUTE, false, false, Some(4)),
        (2 * HOUR - 1, false, false, Some(4)),
        (2 * HOUR, false, false, None),
        (5 * MINUTE, true, false, None),
        (5 * MINUTE - 1, true, false, Some(4)),
    ];
    for (pause, permit, has_stream, want) in table {
        let what = format!("every {pause} s, permit {permit}, stream {has_stream}");
        let mut raw = Raw::server(Config {
            max_ping_strikes: Some(2),
            permit_pings_without_streams: permit,
            stall_timeout: None,
            ..Config::default()
        });
        if has_stream {
            raw.send(&request(1, Body::More));
        }
        raw.events();
        let end = (1..=20).find(|_| {
            raw.wait(pause);
            raw.send(&ping(0, &[7; 8]));
            !raw.frames()[0].starts_with("PING ACK")
        });
        assert_eq!(end, want, "{what}");
        if want.is_some() {
            let want = ["closed ENHANCE_YOUR_CALM: too_many_pings"];
            assert_eq!(raw.events(), want, "{what}");
        }
    }
}

#[test]
fn headers_and_data_that_were_sent_forgive_the_pings() {
    let mut raw = Raw::server(Config {
        max_ping_strikes: Some(2),
        ..Config::default()
    });
    raw.send(&request(1, Body::More));
    let ask = |raw: &mut Raw, count| {
        for _ in 0..count {
            raw.send(&ping(0, &[7; 8]));
        }
        raw.frames();
        raw.connection.life == Life::Closed
    };
    assert!(!ask(&mut raw, 3));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    // One that is forgiven, and the clock begins anew.
    assert!(!ask(&mut raw, 3));
    for _ in 0..5 {
        let data = Bytes::from_static(b"data");
        raw.connection.send_data(id(1), data, Body::More).unwrap();
        assert!(!ask(&mut raw, 3));
    }
    assert!(ask(&mut raw, 1));
    let last = raw.events().pop().unwrap();
    assert_eq!(last, "closed ENHANCE_YOUR_CALM: too_many_pings");
}

#[test]
fn the_goaway_for_pings_says_too_many_pings() {
    let mut raw = Raw::server(Config {
        max_ping_strikes: Some(0),
        ..Config::default()
    });
    let two = [ping(0, &[7; 8]), ping(0, &[7; 8])].concat();
    let want = "GOAWAY 0 ENHANCE_YOUR_CALM \"too_many_pings\"";
    assert_eq!(raw.ask(&two).last().unwrap(), want);
}

#[test]
fn an_idle_connection_says_goodbye_after_max_idle() {
    let mut raw = Raw::server(Config {
        max_idle: Some(Duration::from_secs(MINUTE)),
        stall_timeout: None,
        ..Config::default()
    });
    raw.wait(30);
    raw.send(&request(1, Body::Last));
    raw.wait(HOUR);
    assert_eq!(raw.frames(), [""; 0], "a stream is open");
    raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
    raw.frames();
    raw.events();
    raw.connection.poll_timeout(|| raw.now);
    assert_eq!(raw.seconds_until_something(), Some(MINUTE));
    let want = [
        "GOAWAY 2147483647 NO_ERROR \"max_idle\"",
        "PING \"farewell\"",
    ];
    assert_eq!(raw.frames(), want);
    raw.send(&ping(1, b"farewell"));
    assert_eq!(raw.frames(), ["GOAWAY 1 NO_ERROR \"\""]);
    assert_eq!(raw.events(), ["closed"]);
}

#[test]
fn an_old_connection_lets_its_streams_finish_and_cuts_them_off_after_the_grace() {
    for grace in [None, Some(30)] {
        let mut raw = Raw::server(Config {
            max_age: Some(Duration::from_secs(HOUR)),
            max_age_grace: grace.map(Duration::from_secs),
            stall_timeout: None,
            ..Config::default()
        });
        raw.send(&request(1, Body::More));
        raw.events();
        assert_eq!(
            raw.connection.poll_timeout(|| raw.now),
            Some(raw.now + Duration::from_secs(HOUR))
        );
        raw.wait(HOUR);
        let want = [
            "GOAWAY 2147483647 NO_ERROR \"max_age\"",
            "PING \"farewell\"",
        ];
        assert_eq!(raw.frames(), want);
        raw.send(&ping(1, b"farewell"));
        assert_eq!(raw.frames(), ["GOAWAY 1 NO_ERROR \"\""]);
        assert_eq!(raw.seconds_until_something(), grace);
        if grace.is_some() {
            let want = ["GOAWAY 1 NO_ERROR \"max_age_grace\""];
            assert_eq!(
                (raw.frames(), raw.events()),
                (want.map(str::to_owned).to_vec(), vec!["closed".to_owned()])
            );
        }
    }
}

#[test]
fn a_client_does_not_grow_old_but_ends_when_it_is_idle() {
    let mut raw = Raw::client(Config {
        max_age: Some(Duration::from_secs(1)),
        max_idle: Some(Duration::from_secs(60)),
        ..Config::default()
    });
    open(&mut raw);
    raw.frames();
    assert_eq!(raw.seconds_until_something(), None);
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    raw.frames();
    assert_eq!(raw.seconds_until_something(), Some(60));
    assert_eq!(raw.frames(), ["GOAWAY 0 NO_ERROR \"\""]);
    assert_eq!(raw.events(), ["closed"]);
    assert!(raw.connection.was_idle());
}
