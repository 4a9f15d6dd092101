//! Two connections joined in memory: what an application sees, with nothing left over at the end.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

use bytes::Bytes;
use hikyaku_http2::{Body, Config, Connection, ErrorCode, Event, Field, StreamId};
use hikyaku_testkit::Pair;
use hikyaku_testkit::random::for_each_seed;

fn open(client: &mut Connection, body: Body) -> StreamId {
    let request = [
        Field::indexed(b":method", b"POST"),
        Field::indexed(b":scheme", b"http"),
        Field::indexed(b":path", b"/a.B/C"),
        Field::literal(b"x-word", b"question"),
    ];
    client.open_stream(request, body).unwrap()
}

const OK: [Field<'static>; 1] = [Field::indexed(b":status", b"200")];
const TRAILERS: [Field<'static>; 1] = [Field::indexed(b"grpc-status", b"0")];

/// Bytes that differ from place to place.
fn bytes(len: usize) -> Bytes {
    (0..len).map(|index| (index % 251) as u8).collect()
}

/// Runs a test over whole writes and over pieces by many seeds.
fn in_any_pieces(test: impl Fn(&mut Pair)) {
    test(&mut Pair::new(Config::default()));
    for_each_seed(0..10, |seed| {
        let mut pair = Pair::new(Config::default());
        pair.chunk_by(seed);
        test(&mut pair);
    });
}

#[test]
fn an_exchange_comes_through() {
    in_any_pieces(|pair| {
        for len in [0, 1, 16_384, 16_385, 300_000] {
            let id = open(&mut pair.client.connection, Body::More);
            pair.client
                .connection
                .send_data(id, bytes(len), Body::Last)
                .unwrap();
            pair.drive_bounded();
            assert_eq!(
                pair.server.headers(id).unwrap().get("x-word"),
                Some(&b"question"[..])
            );
            assert!(pair.server.body(id) == bytes(len));
            let server = &mut pair.server.connection;
            server.send_headers(id, OK, Body::More).unwrap();
            server.send_data(id, bytes(len), Body::More).unwrap();
            server.send_trailers(id, TRAILERS).unwrap();
            pair.drive_bounded();
            assert_eq!(pair.client.headers(id).unwrap().status(), Some(200));
            assert!(pair.client.body(id) == bytes(len));
            assert_eq!(
                pair.client.trailers(id).unwrap().get("grpc-status"),
                Some(&b"0"[..])
            );
        }
    });
}

#[test]
fn many_streams_share_the_connection() {
    in_any_pieces(|pair| {
        let ids: Vec<_> = (0..100)
            .map(|_| open(&mut pair.client.connection, Body::More))
            .collect();
        assert!(!pair.client.connection.can_open_stream());
        for &id in &ids {
            pair.client
                .connection
                .send_data(id, bytes(5000), Body::Last)
                .unwrap();
        }
        pair.drive_bounded();
        for &id in &ids {
            assert!(pair.server.body(id) == bytes(5000));
            pair.server
                .connection
                .send_headers(id, OK, Body::Last)
                .unwrap();
        }
        pair.drive_bounded();
        assert!(pair.client.connection.can_open_stream());
    });
}

#[test]
fn resets_give_back_what_was_under_way() {
    in_any_pieces(|pair| {
        for round in 0..20 {
            let id = open(&mut pair.client.connection, Body::More);
            pair.client
                .connection
                .send_data(id, bytes(200_000), Body::More)
                .unwrap();
            if round % 2 == 0 {
                pair.drive_bounded();
                pair.server.connection.reset_stream(id, ErrorCode::CANCEL);
            } else {
                pair.client.connection.poll_transmit();
                pair.client.connection.reset_stream(id, ErrorCode::CANCEL);
            }
            pair.drive_bounded();
        }
    });
}

#[test]
fn a_hoarder_holds_back_the_sender_and_no_more() {
    let mut pair = Pair::new(Config::default());
    pair.server.hoards = true;
    let id = open(&mut pair.client.connection, Body::More);
    pair.client
        .connection
        .send_data(id, bytes(1_000_000), Body::Last)
        .unwrap();
    pair.drive_bounded();
    let window_len = Config::default().stream_window_len as usize;
    assert_eq!(pair.server.body(id).len(), window_len);
    assert_eq!(
        pair.client.connection.queued_len(id),
        1_000_000 - window_len
    );
    pair.server.hoards = false;
    pair.server.connection.release_data(id, window_len);
    pair.drive_bounded();
    assert!(pair.server.body(id) == bytes(1_000_000));
    pair.server
        .connection
        .send_headers(id, OK, Body::Last)
        .unwrap();
}

#[test]
fn a_graceful_end_is_seen_at_both_ends() {
    in_any_pieces(|pair| {
        let id = open(&mut pair.client.connection, Body::Last);
        pair.drive_bounded();
        pair.server.connection.start_shutdown();
        pair.drive_bounded();
        let is_goaway = |event: &Event| matches!(event, Event::GoAway { .. });
        assert!(pair.client.events.iter().any(is_goaway));
        assert!(pair.client.closed().is_none());
        pair.server
            .connection
            .send_headers(id, OK, Body::Last)
            .unwrap();
        pair.drive_bounded();
        assert_eq!(
            (pair.client.closed(), pair.server.closed()),
            (Some(None), Some(None))
        );
    });
}
