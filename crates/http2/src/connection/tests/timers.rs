//! What a peer owes, and when patience ends.

use bytes::Bytes;

use super::*;

impl Raw {
    /// The whole seconds until the connection is over.
    fn seconds_until_end(&mut self) -> u64 {
        let is_over = |raw: &mut Self| {
            raw.wait(1);
            raw.connection.life == Life::Closed
        };
        (1..=600).find(|_| is_over(self)).unwrap()
    }
}

#[test]
fn a_handshake_has_its_time() {
    for said in [&b""[..], &PREFACE[..7], PREFACE] {
        let mut raw = Raw::new(Connection::server(Config::default()));
        take_output(&mut raw.connection);
        raw.connection.poll_timeout(|| raw.now);
        raw.pass(3000);
        raw.send(said);
        assert_eq!(raw.seconds_until_something(), Some(7));
        let want = "no preface and SETTINGS within 10s";
        assert_eq!(raw.events(), [format!("closed SETTINGS_TIMEOUT: {want}")]);
        assert_eq!(
            raw.frames(),
            [format!("GOAWAY 0 SETTINGS_TIMEOUT \"{want}\"")]
        );
    }
}

#[test]
fn a_header_block_has_its_time_from_its_first_byte_on() {
    let whole = headers(1, &REQUEST, Body::Last);
    let open = frame(Kind::Headers, 0, 1, &whole[9..12]);
    let more = frame(Kind::Continuation, 0, 1, &whole[12..13]);
    // (what comes at first, what comes nine seconds later)
    let table = [
        (&whole[..4], &whole[4..5]),
        (&whole[..12], &whole[12..13]),
        (&open[..], &more[..]),
        (&open[..], &more[..4]),
    ];
    for (first, later) in table {
        let mut raw = Raw::server(Config::default());
        raw.wait(3600);
        raw.send(first);
        raw.wait(9);
        raw.send(later);
        assert_eq!(raw.seconds_until_something(), Some(1), "{first:?}");
        assert_eq!(
            raw.events(),
            ["closed ENHANCE_YOUR_CALM: a header block took over 10s"]
        );
    }
}

#[test]
fn one_header_block_after_another_is_no_slow_one() {
    let mut raw = Raw::server(Config::default());
    for number in 0..20 {
        let whole = headers(1 + 2 * number, &REQUEST, Body::Last);
        let (first, rest) = whole.split_at(12);
        raw.send(first);
        raw.wait(9);
        raw.send(rest);
        assert_eq!(raw.events().len(), 1);
        raw.connection
            .send_headers(id(1 + 2 * number), OK, Body::Last)
            .unwrap();
        raw.frames();
    }
}

#[test]
fn half_a_frame_of_another_kind_has_a_minute() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.events();
    raw.send(&data(1, b"half", Body::More)[..11]);
    assert_eq!(raw.seconds_until_something(), Some(60));
    let want = "closed ENHANCE_YOUR_CALM: connection moved less than 1024 bytes in 60s";
    assert_eq!(raw.events(), [want]);
}

#[test]
fn a_frame_that_grows_may_take_minutes() {
    // (bytes of it each second, does it come through)
    for (step, is_taken) in [(1, false), (10, false), (40, true), (1000, true)] {
        let mut raw = Raw::server(Config::default());
        raw.send(&request(1, Body::More));
        raw.connection.expect_end(id(1));
        raw.events();
        for part in data(1, &[7; 16_384], Body::Last).chunks(step) {
            raw.send(part);
            raw.wait(1);
        }
        let events = raw.events();
        let want = if is_taken { "data 1" } else { "reset 1" };
        assert!(events[0].starts_with(want), "{step}: {events:?}");
    }
}

#[test]
fn a_stream_whose_peer_grants_next_to_nothing_is_reset_within_a_minute() {
    // (bytes granted each second, is it reset)
    for (grant, is_reset) in [(0, true), (1, true), (20, true), (40, false), (5000, false)] {
        let mut raw = Raw::server(Config::default());
        raw.send(&settings(&[Setting::InitialWindow(0)]));
        raw.send(&request(1, Body::Last));
        raw.events();
        raw.connection.send_headers(id(1), OK, Body::More).unwrap();
        raw.connection
            .send_data(id(1), Bytes::from(vec![0; 1 << 20]), Body::More)
            .unwrap();
        raw.frames();
        let reset_at = (1..=200).find(|_| {
            raw.wait(1);
            if grant > 0 {
                raw.send(&[window_update(0, grant), window_update(1, grant)].concat());
            }
            raw.frames()
                .iter()
                .any(|line| line == "RST_STREAM 1 ENHANCE_YOUR_CALM")
        });
        assert_eq!(reset_at.is_some(), is_reset, "{grant} bytes a second");
        if let Some(seconds) = reset_at {
            assert!((45..=60).contains(&seconds), "{grant}: after {seconds} s");
            assert_eq!(raw.events(), ["reset 1 ENHANCE_YOUR_CALM local"]);
            assert_eq!(raw.connection.open_streams(), 0);
            assert_eq!(raw.connection.held_len(), 0);
        }
    }
}

#[test]
fn trailers_behind_a_closed_window_do_not_wait_for_ever_either() {
    let mut raw = Raw::server(Config::default());
    raw.send(&settings(&[Setting::InitialWindow(0)]));
    raw.send(&request(1, Body::More));
    raw.events();
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let reply = Bytes::from_static(b"reply");
    raw.connection.send_data(id(1), reply, Body::More).unwrap();
    raw.connection.send_trailers(id(1), TRAILERS).unwrap();
    // The owner has let go of it: the reset is to follow the trailers, which never go.
    raw.connection.reset_stream(id(1), ErrorCode::NO_ERROR);
    raw.frames();
    assert!(raw.seconds_until_something().unwrap() <= 60);
    assert_eq!(raw.frames(), ["RST_STREAM 1 ENHANCE_YOUR_CALM"]);
    assert!(raw.events().is_empty());
}

#[test]
fn a_message_that_is_waited_for_must_come() {
    // (bytes each second, is the stream reset)
    for (len, is_reset) in [(0, true), (20, true), (40, false)] {
        let mut raw = Raw::server(Config::default());
        raw.send(&request(1, Body::More));
        raw.send(&request(3, Body::More));
        raw.connection.expect_end(id(1));
        raw.events();
        for _ in 0..200 {
            raw.wait(1);
            raw.send(&data(1, &vec![0; len], Body::More));
            raw.frames();
        }
        let events = raw.events();
        let resets = events
            .iter()
            .filter(|line| line.starts_with("reset 1 "))
            .count();
        assert_eq!(resets, usize::from(is_reset), "{len} bytes a second");
        // Nobody waits for the other one.
        assert_eq!(raw.connection.open_streams(), 2 - resets, "{events:?}");
    }
}

#[test]
fn a_long_message_that_has_begun_must_go_on() {
    let mut raw = Raw::server(Config::default());
    raw.send(&[request(1, Body::More), request(3, Body::More)].concat());
    raw.connection.reserve_window(id(1), 1 << 20);
    raw.events();
    raw.frames();
    let reset_at = (1..=200).find(|_| {
        raw.wait(1);
        raw.frames()
            .iter()
            .any(|line| line == "RST_STREAM 1 ENHANCE_YOUR_CALM")
    });
    assert!(reset_at.is_some_and(|seconds| (45..=60).contains(&seconds)));
    assert_eq!(raw.connection.open_streams(), 1);
}

#[test]
fn a_peer_that_may_not_send_is_not_late() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.connection.expect_end(id(1));
    let window = Config::default().stream_window_len as usize;
    let mut left = window;
    while left > 0 {
        let len = left.min(16_384);
        raw.send(&data(1, &vec![0; len], Body::More));
        left -= len;
    }
    raw.events();
    raw.frames();
    raw.wait(3600);
    assert!(raw.events().is_empty());
    raw.connection.release_data(id(1), window);
    raw.frames();
    assert!(raw.seconds_until_something().unwrap() <= 75);
    assert_eq!(raw.events(), ["reset 1 ENHANCE_YOUR_CALM local"]);
}

#[test]
fn a_socket_that_takes_nothing_is_given_up() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::Last));
    raw.events();
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let body = Bytes::from(vec![0; 50_000]);
    raw.connection.send_data(id(1), body, Body::More).unwrap();
    raw.connection.poll_transmit();
    raw.events();
    // As long as it takes something it is only slow.
    for _ in 0..300 {
        raw.wait(1);
        raw.connection.advance_output(30);
    }
    assert!(raw.events().is_empty());
    assert!(raw.seconds_until_end() <= 60);
    assert_eq!(
        raw.events(),
        ["closed ENHANCE_YOUR_CALM: connection moved less than 1024 bytes in 60s"]
    );
    assert!(!raw.connection.is_drained() && raw.connection.is_abandoned());
}

#[test]
fn the_last_bytes_have_five_seconds_and_a_taken_farewell_none() {
    let mut raw = Raw::server(Config::default());
    raw.connection.close(ErrorCode::NO_ERROR, "");
    raw.connection.poll_timeout(|| raw.now);
    raw.wait(4);
    assert!(!raw.connection.is_abandoned());
    raw.wait(1);
    assert!(raw.connection.is_abandoned());
}

#[test]
fn silence_is_no_stall() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    raw.events();
    raw.frames();
    raw.wait(24 * 3600);
    assert!(raw.events().is_empty() && raw.frames().is_empty());
    assert_eq!(raw.connection.open_streams(), 1);
    raw.send(&reset(1, ErrorCode::CANCEL));
    raw.wait(60);
    assert_eq!(
        raw.connection.poll_timeout(|| raw.now),
        None,
        "an idle connection has no timer"
    );
}

#[test]
fn without_a_stall_timeout_nothing_is_hurried() {
    let config = Config {
        stall_timeout: None,
        ..Config::default()
    };
    let mut raw = Raw::server(config);
    raw.send(&settings(&[Setting::InitialWindow(0)]));
    raw.send(&request(1, Body::Last));
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let reply = Bytes::from_static(b"reply");
    raw.connection.send_data(id(1), reply, Body::Last).unwrap();
    raw.events();
    raw.frames();
    assert_eq!(raw.connection.poll_timeout(|| raw.now), None);
}

#[test]
fn a_slow_owner_does_not_look_like_one_that_does_not_read() {
    for stall_timeout in [Some(Duration::from_secs(60)), None] {
        let mut raw = Raw::server(Config {
            stall_timeout,
            ..Config::default()
        });
        raw.send(&request(1, Body::More));
        raw.send(&data(1, &[0; 1000], Body::More));
        raw.events();
        raw.frames();
        // Too little for a WINDOW_UPDATE, but for its age.
        raw.connection.release_data(id(1), 600);
        raw.connection.poll_transmit();
        assert_eq!(raw.frames(), [""; 0]);
        raw.wait(15);
        raw.connection.poll_transmit();
        assert_eq!(raw.frames(), ["WINDOW_UPDATE 1 600"]);
        raw.wait(60);
        raw.connection.poll_transmit();
        assert_eq!(raw.frames(), [""; 0]);
    }
}

#[test]
fn streams_that_share_a_slow_line_are_not_stalled() {
    // Each of 50 requests sends a long frame in its turn; a turn takes longer than the patience
    // with a stream.
    let mut raw = Raw::server(Config::default());
    for number in 0..50 {
        raw.send(&request(1 + 2 * number, Body::More));
        raw.connection.expect_end(id(1 + 2 * number));
    }
    raw.events();
    for count in 0..200 {
        raw.wait(2);
        let stream = 1 + 2 * (count % 50);
        raw.send(&data(stream, &[0; 16_384], Body::More));
        raw.connection.release_data(id(stream), 16_384);
        raw.frames();
    }
    assert_eq!(raw.connection.open_streams(), 50);
    // The line is quiet: now each is late.
    raw.wait(75);
    assert_eq!(raw.connection.open_streams(), 0);
}

#[test]
fn replies_that_share_a_slow_socket_are_not_stalled() {
    let mut raw = Raw::server(Config::default());
    raw.send(&settings(&[Setting::InitialWindow(1 << 20)]));
    raw.send(&window_update(0, 1 << 30));
    for number in 0..50 {
        raw.send(&request(1 + 2 * number, Body::Last));
        let stream = id(1 + 2 * number);
        raw.connection.send_headers(stream, OK, Body::More).unwrap();
        let body = Bytes::from(vec![0; 500_000]);
        raw.connection.send_data(stream, body, Body::Last).unwrap();
    }
    raw.events();
    for _ in 0..200 {
        raw.wait(2);
        raw.connection.advance_output(10_000);
        raw.connection.poll_transmit();
    }
    assert_eq!(raw.connection.open_streams(), 50);
}

#[test]
fn a_farewell_does_not_wait_for_ever_for_its_answer() {
    let mut raw = Raw::server(Config::default());
    raw.send(&request(1, Body::More));
    raw.events();
    raw.connection.start_shutdown();
    assert_eq!(raw.frames().len(), 2);
    raw.wait(9);
    assert!(raw.frames().is_empty());
    raw.wait(1);
    assert_eq!(raw.frames(), ["GOAWAY 1 NO_ERROR \"\""]);
    // The stream goes on; a late ACK changes nothing.
    assert!(raw.ask(&ping(1, b"farewell")).is_empty());
    raw.connection.send_headers(id(1), OK, Body::Last).unwrap();
    raw.send(&data(1, b"", Body::Last));
    assert_eq!(raw.events().last().unwrap(), "closed");
}
