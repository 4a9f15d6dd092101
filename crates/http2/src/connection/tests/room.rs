//! Windows that grow, reservations, and the limits of both.

#![expect(
    clippy::cast_possible_truncation,
    reason = "windows and streams are few and small"
)]

use super::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A server with `count` open requests.
fn receiving(config: Config, count: u32) -> Raw {
    let mut raw = Raw::server(config);
    for number in 0..count {
        raw.send(&request(2 * number + 1, Body::More));
    }
    raw.frames();
    raw.events();
    raw
}

fn fixed() -> Config {
    Config {
        tuning: Tuning::Fixed,
        ..Config::default()
    }
}

/// Sends `len` bytes in frames of 16 KiB.
fn send_data(raw: &mut Raw, number: u32, len: usize) {
    let mut left = len;
    while left > 0 {
        let len = left.min(16 * KIB);
        left -= len;
        raw.send(&data(number, &vec![0; len], Body::More));
    }
}

/// Sends `len` bytes, which are consumed at once, and answers the PINGs. Returns how many there were.
fn pass_data(raw: &mut Raw, number: u32, len: usize) -> usize {
    let mut ping_count = 0;
    let mut left = len;
    while left > 0 {
        let len = left.min(16 * KIB);
        left -= len;
        raw.send(&data(number, &vec![0; len], Body::More));
        raw.events();
        raw.connection.release_data(id(number), len);
        let frames = raw.frames();
        let pings = frames.iter().filter(|line| line.starts_with("PING \"how"));
        ping_count += pings.count();
    }
    ping_count
}

/// As much as a peer would send on a stream that uses all its window in each round trip of 100 ms.
fn use_up(raw: &mut Raw, number: u32, rounds: usize) -> usize {
    let mut ping_count = 0;
    for _ in 0..rounds {
        let len = raw
            .connection
            .streams
            .get(id(number))
            .unwrap()
            .credit
            .target();
        ping_count += pass_data(raw, number, len as usize);
        raw.pass(100);
        raw.send(&ping(1, b"how far?"));
    }
    ping_count
}

fn target(raw: &Raw, number: u32) -> usize {
    let stream = raw.connection.streams.get(id(number)).unwrap();
    stream.credit.target() as usize
}

/// Bytes granted to a stream, or to the connection, by the frames in the output.
fn grants(raw: &mut Raw, number: u32) -> usize {
    let prefix = format!("WINDOW_UPDATE {number} ");
    let frames = raw.frames();
    let grants = frames.iter().filter_map(|line| line.strip_prefix(&prefix));
    grants.map(|len| len.parse::<usize>().unwrap()).sum()
}

#[test]
fn a_stream_that_uses_its_window_up_gets_a_wider_one_and_no_other_does() {
    let mut raw = receiving(Config::default(), 2);
    let ping_count = use_up(&mut raw, 1, 20);
    assert!((4..10).contains(&ping_count), "{ping_count} probes");
    assert_eq!(target(&raw, 1), 65_535 + 12 * MIB);
    assert_eq!(target(&raw, 3), 65_535);
    assert_eq!(raw.connection.credit.target() as usize, 16 * MIB);
    assert_eq!(use_up(&mut raw, 1, 20), 0, "no probes at the maximum");

    // A stream that starts late has the rest to itself, and the first gives way while it is used.
    use_up(&mut raw, 3, 20);
    let late = target(&raw, 3);
    assert!(late > 2 * MIB, "{late}");
    for _ in 0..20 {
        use_up(&mut raw, 1, 1);
        use_up(&mut raw, 3, 1);
    }
    let (one, other) = (target(&raw, 1), target(&raw, 3));
    assert!(one.abs_diff(other) < MIB, "{one} and {other}");
    assert!(one + other < 16 * MIB + 2 * 65_535, "{one} and {other}");
    raw.send(&reset(1, ErrorCode::CANCEL));
    raw.send(&reset(3, ErrorCode::CANCEL));
    assert_eq!(raw.connection.widened.tuned_len, 0);
    assert_eq!(raw.connection.life, Life::Running);
}

#[test]
fn a_slow_reader_and_a_slow_sender_keep_their_windows() {
    let mut raw = receiving(Config::default(), 3);
    use_up(&mut raw, 1, 20);
    let mut granted_len = 65_535;
    for _ in 0..100 {
        // One reads a quarter of what has come, the other is sent little in each round trip.
        send_data(&mut raw, 3, granted_len);
        raw.connection.release_data(id(3), 16 * KIB);
        granted_len = grants(&mut raw, 3);
        pass_data(&mut raw, 5, 1000);
        raw.pass(100);
    }
    assert_eq!(raw.connection.life, Life::Running);
    assert_eq!((target(&raw, 3), target(&raw, 5)), (65_535, 65_535));
}

#[test]
fn fixed_windows_stay_as_they_are_and_nothing_is_measured() {
    let mut raw = receiving(fixed(), 1);
    assert_eq!(use_up(&mut raw, 1, 20), 0);
    assert_eq!(target(&raw, 1), 65_535);
    assert_eq!(raw.connection.credit.target() as usize, MIB);
}

#[test]
fn only_the_ack_of_our_own_probe_is_ours() {
    let config = Config {
        max_control_burst: 2,
        control_refill_per_second: 0,
        ..Config::default()
    };
    let mut raw = receiving(config, 1);
    raw.connection.controls = budget::Budget::new(2, 0);
    raw.send(&ping(1, b"how far?"));
    assert_eq!(raw.events(), ["ping ack \"how far?\""], "none was sent");
    assert_eq!(pass_data(&mut raw, 1, 32 * KIB), 1);
    raw.connection.controls = budget::Budget::new(1, 0);
    raw.send(&ping(1, b"how far?"));
    assert!(raw.events().is_empty());
    // It cost nothing; a second one is a frame like any other.
    raw.send(&ping(1, b"how far?"));
    assert_eq!(raw.events(), ["ping ack \"how far?\""]);
    assert_eq!(raw.connection.life, Life::Running);
    raw.send(&ping(1, b"how far?"));
    assert_eq!(raw.connection.life, Life::Closed);
}

#[test]
fn a_message_gets_its_window_in_one_update() {
    let mut raw = receiving(fixed(), 1);
    send_data(&mut raw, 1, 40_000);
    raw.connection.release_data(id(1), 20_000);
    raw.connection.reserve_window(id(1), 4 * MIB);
    // 65,535 less the 20,000 unread were known; the connection has room for the whole as well, and
    // both for a byte more.
    let want = [
        format!("WINDOW_UPDATE 0 {}", 4 * MIB + 1 - 65_535 + 40_000),
        format!("WINDOW_UPDATE 1 {}", 4 * MIB + 1 - 65_535 + 20_000),
    ];
    assert_eq!(raw.frames(), want);
    raw.connection.reserve_window(id(1), 4 * MIB);
    assert!(raw.frames().is_empty());
    send_data(&mut raw, 1, 4 * MIB - 20_000);
    assert_eq!(raw.connection.unread_len(), 4 * MIB);
    raw.connection.release_data(id(1), 4 * MIB);
    assert_eq!(target(&raw, 1), 65_535);
    assert_eq!(raw.connection.credit.target() as usize, MIB);
    assert_eq!(raw.frames().last().unwrap(), "WINDOW_UPDATE 1 65534");
}

/// What nghttp2 needs to find out that there is no more ([`Connection::reserve_window`]).
#[test]
fn a_message_that_is_all_there_leaves_its_sender_a_byte() {
    for len in [1, 65_534, 65_535, 65_536, MIB] {
        let mut raw = receiving(fixed(), 1);
        raw.connection.reserve_window(id(1), len);
        raw.frames();
        send_data(&mut raw, 1, len);
        raw.frames();
        let stream = raw.connection.streams.get(id(1)).unwrap();
        assert!(stream.credit.left() > 0, "{len}");
        assert!(raw.connection.credit.left() > 0, "{len}");
    }
}

#[test]
fn what_came_back_before_is_granted_to_a_message_that_lacks_it() {
    let mut raw = receiving(fixed(), 1);
    send_data(&mut raw, 1, 30_000);
    raw.connection.release_data(id(1), 20_000);
    assert!(raw.frames().is_empty(), "not worth it");
    raw.connection.reserve_window(id(1), 45_534);
    assert!(raw.frames().is_empty(), "enough is known");
    let mut raw = receiving(fixed(), 1);
    send_data(&mut raw, 1, 30_000);
    raw.connection.release_data(id(1), 20_000);
    raw.connection.reserve_window(id(1), 45_535);
    assert_eq!(raw.frames(), ["WINDOW_UPDATE 1 20000"]);
    // Padding that uses the window up comes back at once, too.
    send_data(&mut raw, 1, 50_000);
    let padded = [&[200][..], &[0; 205]].concat();
    let got = raw.ask(&frame(Kind::Data, 8, 1, &padded));
    assert!(got.is_empty(), "{got:?}");
    raw.connection.release_data(id(1), 60_005);
    raw.frames();
    raw.connection.reserve_window(id(1), 65_534);
    let got = raw.ask(&frame(Kind::Data, 8, 1, &padded));
    assert_eq!(got, ["WINDOW_UPDATE 1 201"]);
}

/// Streams 1, 3, … want messages of these lengths; which of them have the room?
fn admitted(raw: &Raw, lens: &[usize]) -> Vec<bool> {
    let wanted = lens.iter().enumerate();
    wanted
        .map(|(index, &len)| target(raw, 2 * index as u32 + 1) > len)
        .collect()
}

#[test]
fn messages_are_admitted_first_come_first_served_and_long_ones_alone() {
    let mut raw = receiving(fixed(), 6);
    let lens = [4 * MIB, 4 * MIB, 60 * KIB, 20 * MIB, MIB, MIB];
    for (index, len) in lens.into_iter().enumerate() {
        raw.connection.reserve_window(id(2 * index as u32 + 1), len);
    }
    let (y, n) = (true, false);
    assert_eq!(admitted(&raw, &lens), [y, y, y, n, n, n]);
    raw.frames();
    // The first is whole, the second is given up: the longest has its turn, alone.
    send_data(&mut raw, 1, 4 * MIB);
    raw.connection.release_data(id(1), 4 * MIB);
    assert_eq!(admitted(&raw, &lens)[3..], [n, n, n]);
    raw.send(&reset(3, ErrorCode::CANCEL));
    assert_eq!(target(&raw, 7), 20 * MIB + 1);
    assert_eq!((target(&raw, 9), target(&raw, 11)), (65_535, 65_535));
    // One that waits is given up, too; the others go on when the longest has come.
    raw.connection.reset_stream(id(9), ErrorCode::CANCEL);
    raw.frames();
    send_data(&mut raw, 7, 20 * MIB);
    assert_eq!(raw.connection.life, Life::Running);
    raw.connection.release_data(id(7), 20 * MIB);
    assert_eq!((target(&raw, 7), target(&raw, 11)), (65_535, MIB + 1));
    raw.connection.reset_stream(id(11), ErrorCode::CANCEL);
    assert_eq!(
        format!("{:?}", raw.connection.widened),
        format!("{:?}", reserve::Widened::default())
    );
}

#[test]
fn a_message_that_came_while_it_waited_leaves_the_row() {
    let mut raw = receiving(fixed(), 3);
    for number in [1, 3, 5] {
        raw.connection.reserve_window(id(number), 6 * MIB);
    }
    send_data(&mut raw, 3, 100);
    raw.connection.release_data(id(3), 100);
    raw.connection.reset_stream(id(1), ErrorCode::CANCEL);
    assert_eq!((target(&raw, 3), target(&raw, 5)), (65_535, 6 * MIB + 1));
}

#[test]
fn unread_bytes_close_the_connections_window_at_the_limit_only() {
    let config = Config {
        max_unread_len: 1_200_000,
        stream_window_len: 200_000,
        ..fixed()
    };
    let mut raw = receiving(config, 10);
    let mut granted_len = MIB;
    let mut sent_len = 0;
    for number in 0..10 {
        for _ in 0..20 {
            let len = (granted_len - sent_len).min(10_000);
            raw.send(&data(2 * number + 1, &vec![0; len], Body::More));
            sent_len += len;
            granted_len += grants(&mut raw, 0);
            let unread_len = raw.connection.unread_len();
            assert!(unread_len + granted_len - sent_len <= 1_200_000);
        }
    }
    assert_eq!(sent_len, 1_200_000, "all of the limit can be used");
    // What is consumed comes back at once.
    raw.connection.release_data(id(1), 5000);
    granted_len += grants(&mut raw, 0);
    assert_eq!(granted_len - sent_len, 5000);
    for number in 0..10 {
        raw.connection
            .reset_stream(id(2 * number + 1), ErrorCode::CANCEL);
    }
    granted_len += grants(&mut raw, 0);
    assert_eq!(granted_len - sent_len, MIB);
}

#[test]
fn slow_readers_below_the_limit_leave_the_connections_window_open() {
    let mut raw = receiving(fixed(), 100);
    for number in 0..100 {
        send_data(&mut raw, 2 * number + 1, 65_535);
        raw.frames();
    }
    assert_eq!(raw.connection.unread_len(), 6_553_500);
    assert_eq!(raw.connection.credit.outstanding(), 0);
    assert_eq!(raw.connection.life, Life::Running);
}

#[test]
fn small_grants_ride_along_with_other_output() {
    let mut raw = receiving(fixed(), 2);
    for number in [1, 3] {
        send_data(&mut raw, number, 8192);
        raw.connection.release_data(id(number), 8192);
    }
    send_data(&mut raw, 3, 8192);
    raw.connection.release_data(id(3), 8191);
    assert!(raw.frames().is_empty(), "nothing is due");
    raw.connection.send_headers(id(1), OK, Body::More).unwrap();
    let want = [
        "HEADERS 1 :status=200",
        "WINDOW_UPDATE 1 8192",
        "WINDOW_UPDATE 3 16383",
    ];
    assert_eq!(raw.frames(), want);
    send_data(&mut raw, 1, 8000);
    raw.connection.release_data(id(1), 8000);
    raw.connection.ping(*b"keep-us.");
    assert_eq!(raw.frames(), ["PING \"keep-us.\""], "too little for a ride");
}
