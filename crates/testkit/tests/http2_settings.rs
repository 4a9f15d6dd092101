//! SETTINGS that change while streams run in both directions (RFC 9113 §6.5, §6.9.2; RFC 7541 §4.2).

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

use bytes::Bytes;
use hikyaku_http2::{Body, Config, Connection, Event, Field, StreamId};
use hikyaku_testkit::Pair;
use hikyaku_testkit::pair::PairEnd;
use hikyaku_testkit::random::for_each_seed;
use hikyaku_testkit::raw::Frame;

const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

/// One SETTINGS frame after another, each with its entries.
type Frames = &'static [&'static [(u16, u32)]];

fn fields(number: usize) -> Vec<(String, String)> {
    let field = |index: usize| (format!("x-{index}"), format!("value {}", index * number));
    (0..5).map(field).collect()
}

fn as_fields(fields: &[(String, String)]) -> impl Iterator<Item = Field<'_>> {
    fields
        .iter()
        .map(|(name, value)| Field::indexed(name.as_bytes(), value.as_bytes()))
}

fn open(client: &mut Connection, number: usize) -> StreamId {
    let request = [
        Field::indexed(b":method", b"POST"),
        Field::indexed(b":scheme", b"http"),
        Field::indexed(b":path", b"/a.B/C"),
    ];
    let more = fields(number);
    let all = request.into_iter().chain(as_fields(&more));
    client.open_stream(all, Body::More).unwrap()
}

fn answer(server: &mut Connection, id: StreamId, number: usize, body: Body) {
    let more = fields(number);
    let all = [Field::indexed(b":status", b"200")];
    let all = all.into_iter().chain(as_fields(&more));
    server.send_headers(id, all, body).unwrap();
}

/// Bytes that differ from place to place.
fn bytes(len: usize) -> Bytes {
    (0..len).map(|index| (index % 251) as u8).collect()
}

/// Both ends hear these SETTINGS of the other.
fn change(pair: &mut Pair, entries: &[(u16, u32)]) {
    let of_the_server = Frame::settings(entries);
    let is_client_only = |entry: &&(u16, u32)| entry.0 == MAX_CONCURRENT_STREAMS;
    let of_the_client: Vec<_> = entries
        .iter()
        .filter(|entry| !is_client_only(entry))
        .copied()
        .collect();
    pair.client.hear(&of_the_server, pair.now);
    pair.server.hear(&Frame::settings(&of_the_client), pair.now);
    pair.drive_bounded();
}

/// A stream with much to say in both directions, and neither end reading.
fn stuck(pair: &mut Pair, len: usize) -> StreamId {
    pair.client.hoards = true;
    pair.server.hoards = true;
    let id = open(&mut pair.client.connection, 1);
    let client = &mut pair.client.connection;
    client.send_data(id, bytes(len), Body::Last).unwrap();
    pair.drive_bounded();
    answer(&mut pair.server.connection, id, 2, Body::More);
    let server = &mut pair.server.connection;
    server.send_data(id, bytes(len), Body::Last).unwrap();
    pair.drive_bounded();
    id
}

/// Both ends begin to read.
fn read_on(pair: &mut Pair, id: StreamId) {
    for end in [&mut pair.client, &mut pair.server] {
        end.hoards = false;
        let len = end.body(id).len();
        end.connection.release_data(id, len);
    }
    pair.drive_bounded();
}

#[test]
fn windows_fall_below_zero_and_rise_again() {
    const WINDOW: u32 = 20_000;
    const LEN: usize = 100_000;
    let table: [(Frames, usize); 8] = [
        // (what is changed while the windows are spent, bytes through before the last change)
        (&[&[(INITIAL_WINDOW_SIZE, 0)]], 20_000),
        (
            &[&[(INITIAL_WINDOW_SIZE, 0)], &[(INITIAL_WINDOW_SIZE, 1)]],
            20_001,
        ),
        (
            &[
                &[(INITIAL_WINDOW_SIZE, 19_999)],
                &[(INITIAL_WINDOW_SIZE, 5)],
            ],
            20_005,
        ),
        (
            &[&[(INITIAL_WINDOW_SIZE, 0), (INITIAL_WINDOW_SIZE, 10_000)]],
            LEN,
        ),
        (
            &[&[(INITIAL_WINDOW_SIZE, 0), (INITIAL_WINDOW_SIZE, WINDOW)]],
            LEN,
        ),
        (
            &[&[(INITIAL_WINDOW_SIZE, 0)], &[(INITIAL_WINDOW_SIZE, 0)]],
            20_000,
        ),
        (
            &[
                &[(INITIAL_WINDOW_SIZE, 0)],
                &[(INITIAL_WINDOW_SIZE, WINDOW)],
            ],
            LEN,
        ),
        (
            &[
                &[(INITIAL_WINDOW_SIZE, 0)],
                &[(MAX_FRAME_SIZE, 16_384), (INITIAL_WINDOW_SIZE, 0)],
            ],
            20_000,
        ),
    ];
    for (changes, through_len) in table {
        let mut config = Config::default();
        config.stream_window_len = WINDOW;
        let mut pair = Pair::new(config);
        let id = stuck(&mut pair, LEN);
        for entries in changes {
            change(&mut pair, entries);
        }
        let through = |pair: &Pair| [pair.client.body(id).len(), pair.server.body(id).len()];
        assert_eq!(through(&pair), [WINDOW as usize; 2], "{changes:?}");
        // What is read is given back, and pays the debt first.
        read_on(&mut pair, id);
        let lens = through(&pair);
        // The last bytes of a debt may wait to be given back with more.
        let slack = WINDOW as usize / 2 + 1;
        for len in lens {
            assert!(
                len <= through_len && len + slack >= through_len,
                "{changes:?}: {lens:?}"
            );
        }
        change(&mut pair, &[(INITIAL_WINDOW_SIZE, WINDOW)]);
        assert!(pair.client.body(id) == bytes(LEN) && pair.server.body(id) == bytes(LEN));
    }
}

#[test]
fn header_tables_shrink_to_nothing_and_grow_again() {
    let table: [Frames; 8] = [
        &[&[(HEADER_TABLE_SIZE, 0)], &[(HEADER_TABLE_SIZE, 4096)]],
        &[&[(HEADER_TABLE_SIZE, 0), (HEADER_TABLE_SIZE, 4096)]],
        &[
            &[(HEADER_TABLE_SIZE, 4096), (HEADER_TABLE_SIZE, 0)],
            &[(HEADER_TABLE_SIZE, 4096)],
        ],
        &[
            &[(HEADER_TABLE_SIZE, 100)],
            &[(HEADER_TABLE_SIZE, 99)],
            &[(HEADER_TABLE_SIZE, 101)],
        ],
        &[
            &[(HEADER_TABLE_SIZE, 1)],
            &[(HEADER_TABLE_SIZE, 0)],
            &[(HEADER_TABLE_SIZE, u32::MAX)],
        ],
        &[&[
            (HEADER_TABLE_SIZE, u32::MAX),
            (HEADER_TABLE_SIZE, 33),
            (HEADER_TABLE_SIZE, 4096),
        ]],
        &[&[(HEADER_TABLE_SIZE, 0)], &[(HEADER_TABLE_SIZE, 0)], &[]],
        &[&[
            (HEADER_TABLE_SIZE, 200),
            (HEADER_TABLE_SIZE, 0),
            (HEADER_TABLE_SIZE, 150),
        ]],
    ];
    for changes in table {
        for_each_seed(0..3, |seed| {
            let mut pair = Pair::new(Config::default());
            // A block before the next change, or none: the updates then come together.
            for round in 0..12_usize {
                let entries = changes[round % changes.len()];
                change(&mut pair, entries);
                if (round as u64 + seed).is_multiple_of(3) {
                    continue;
                }
                for number in [round, 7, round] {
                    let id = open(&mut pair.client.connection, number);
                    pair.drive_bounded();
                    answer(&mut pair.server.connection, id, number, Body::Last);
                    let client = &mut pair.client.connection;
                    client.send_data(id, Bytes::new(), Body::Last).unwrap();
                    pair.drive_bounded();
                    for end in [&pair.client, &pair.server] {
                        check_fields(end, id, number);
                    }
                }
            }
        });
    }
}

#[track_caller]
fn check_fields(end: &PairEnd, id: StreamId, number: usize) {
    for (name, value) in fields(number) {
        let got = end.headers(id).unwrap().get(&name);
        assert_eq!(got, Some(value.as_bytes()));
    }
}

#[test]
fn frames_grow_and_shrink_with_the_limit() {
    let mut config = Config::default();
    config.max_frame_len = 65_536;
    config.stream_window_len = 256 * 1024;
    let mut pair = Pair::new(config);
    for limit in [65_536_usize, 16_384, 40_000, 16_385, 65_536, 16_384] {
        let id = stuck(&mut pair, 1_000_000);
        // In the middle of the stream.
        change(&mut pair, &[(MAX_FRAME_SIZE, limit as u32)]);
        let seen = [&pair.client, &pair.server].map(|end| end.events.len());
        read_on(&mut pair, id);
        for (end, seen) in [&pair.client, &pair.server].into_iter().zip(seen) {
            let mut longest = None;
            for event in &end.events[seen..] {
                if let Event::Data { data, .. } = event {
                    longest = longest.max(Some(data.len()));
                }
            }
            assert_eq!(longest, Some(limit));
            assert!(end.body(id) == bytes(1_000_000));
        }
        assert!(pair.client.closed().is_none() && pair.server.closed().is_none());
    }
}

#[test]
fn a_lower_stream_limit_stops_new_streams_and_no_open_one() {
    for (limit, after) in [(0, 1), (0, 100), (3, 10), (9, 10), (10, 11)] {
        let mut pair = Pair::new(Config::default());
        let ids: Vec<_> = (0..10)
            .map(|number| open(&mut pair.client.connection, number))
            .collect();
        pair.drive_bounded();
        change(&mut pair, &[(MAX_CONCURRENT_STREAMS, limit)]);
        let room_count = |pair: &Pair| {
            let is_room = |event: &&Event| matches!(event, Event::StreamRoom);
            pair.client.events.iter().filter(is_room).count()
        };
        assert!(!pair.client.connection.can_open_stream());
        // All ten go on, in both directions.
        for (ended_count, &id) in (1_u32..).zip(&ids) {
            let client = &mut pair.client.connection;
            client.send_data(id, bytes(50_000), Body::Last).unwrap();
            pair.drive_bounded();
            answer(&mut pair.server.connection, id, 1, Body::Last);
            pair.drive_bounded();
            assert!(pair.server.body(id) == bytes(50_000));
            let has_room = 10 - ended_count < limit;
            assert_eq!(pair.client.connection.can_open_stream(), has_room);
        }
        assert_eq!(room_count(&pair), usize::from(limit > 0));
        change(&mut pair, &[(MAX_CONCURRENT_STREAMS, after)]);
        assert!(pair.client.connection.can_open_stream());
        assert_eq!(room_count(&pair), 1, "{limit} {after}");
    }
}

#[test]
fn everything_changes_at_once() {
    for_each_seed(0..20, |seed| {
        let mut random = hikyaku_testkit::Random::new(seed);
        let mut config = Config::default();
        config.max_frame_len = 65_536;
        config.stream_window_len = 256 * 1024;
        let window = config.stream_window_len;
        let mut pair = Pair::new(config);
        let mut ids = Vec::new();
        for round in 0..30 {
            let entries = [
                (HEADER_TABLE_SIZE, random.below(5000) as u32),
                (INITIAL_WINDOW_SIZE, random.below(u64::from(window)) as u32),
                (MAX_FRAME_SIZE, 16_384 + random.below(49_152) as u32),
                (MAX_CONCURRENT_STREAMS, random.below(40) as u32),
            ];
            let count = random.below(5) as usize;
            change(&mut pair, &entries[..count]);
            if pair.client.connection.can_open_stream() {
                let id = stuck(&mut pair, random.below(400_000) as usize);
                ids.push((id, round));
            }
            if random.once_in(3)
                && let Some(&(id, _)) = ids.get(random.below(ids.len().max(1) as u64) as usize)
            {
                read_on(&mut pair, id);
                pair.client.hoards = true;
                pair.server.hoards = true;
            }
        }
        change(
            &mut pair,
            &[
                (HEADER_TABLE_SIZE, 4096),
                (INITIAL_WINDOW_SIZE, window),
                (MAX_CONCURRENT_STREAMS, 100),
            ],
        );
        assert!(ids.len() > 3);
        for &(id, _) in &ids {
            read_on(&mut pair, id);
        }
        pair.drive_bounded();
        assert_eq!(pair.client.connection.open_streams(), 0, "seed {seed}");
    });
}
