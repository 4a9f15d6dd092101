//! A peer that sends anything at all.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hikyaku_http2::frame::{Flags, Head, Kind, writer};
use hikyaku_http2::{Body, Config, Connection, Event, Field, StreamId};

use super::Choices;
use super::watch::{End, Watch, take_output};

/// A server and a client that sends anything.
pub fn server_bytes(data: &[u8]) {
    let mut choices = Choices(data);
    let choice = choices.byte();
    let mut input = Vec::new();
    if choice & 1 == 0 {
        input.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    }
    write_input(choice, choices, &mut input);
    try_bytes(End::Server, &input);
}

/// A client with open streams and a server that sends anything.
pub fn client_bytes(data: &[u8]) {
    let mut choices = Choices(data);
    let choice = choices.byte();
    let mut input = Vec::new();
    write_input(choice, choices, &mut input);
    try_bytes(End::Client, &input);
}

/// The rest of the choices as raw bytes, or as frames whose lengths are right.
fn write_input(choice: u8, mut choices: Choices<'_>, input: &mut Vec<u8>) {
    if choice & 2 == 0 {
        let mut settings = BytesMut::new();
        writer::settings(&mut settings, &[]);
        input.extend_from_slice(&settings);
    }
    if choice & 4 == 0 {
        input.extend_from_slice(choices.0);
        return;
    }
    while let Some(kind) = choices.next() {
        let flags = Flags::from_bits(choices.byte());
        let id = StreamId::new(u32::from(choices.byte() % 32));
        let payload = choices.piece();
        let kind = Kind::from_number(kind % 12);
        let head = Head {
            len: payload.len(),
            kind,
            flags,
            id,
        };
        input.extend_from_slice(&head.encode());
        input.extend_from_slice(payload);
    }
}

/// How an owner asks what happened.
type Poll = fn(&mut Connection) -> Option<Event>;

/// The same bytes at once, in small pieces and byte by byte mean the same, and so do whole messages.
fn try_bytes(end: End, input: &[u8]) {
    let now = Instant::now();
    let at_once = input.len().max(1);
    let whole = run(end, input, at_once, Connection::poll_event, now);
    for piece_len in [1, 7] {
        let pieces = run(end, input, piece_len, Connection::poll_event, now);
        assert_eq!(pieces.0, whole.0, "other events in pieces of {piece_len}");
        assert_eq!(pieces.1, whole.1, "other answers in pieces of {piece_len}");
    }
    let messages = run(end, input, at_once, Connection::poll_whole_event, now);
    assert_eq!(messages.0, whole.0, "other events as whole messages");
    // An owner that writes nothing and stops reading when it is told to.
    let (mut connection, _) = begin(end);
    let mut buffer = BytesMut::new();
    for piece in input.chunks(READ_LEN) {
        if !connection.wants_bytes() {
            break;
        }
        buffer.extend_from_slice(piece);
        connection.handle_bytes(&mut buffer, now);
        connection.poll_transmit();
        let max_len = config().max_output_len + config().output_high_water + 2 * READ_LEN + 2048;
        let output_len = connection.output_len();
        assert!(
            output_len <= max_len,
            "{output_len} bytes of output, limit {max_len}"
        );
        while connection.poll_event().is_some() {}
    }
}

/// Feeds the bytes in pieces; returns the events of each stream and the output.
fn run(
    end: End,
    input: &[u8],
    piece_len: usize,
    poll: Poll,
    now: Instant,
) -> (Option<BTreeMap<u32, Vec<String>>>, Vec<u8>) {
    let (mut connection, mut watch) = begin(end);
    let mut buffer = BytesMut::new();
    for piece in input.chunks(piece_len) {
        buffer.extend_from_slice(piece);
        connection.handle_bytes(&mut buffer, now);
        let max_buffer_len = config().max_frame_len as usize + Head::LEN;
        assert!(
            buffer.len() < max_buffer_len,
            "a whole frame is left in the input"
        );
        while let Some(event) = poll(&mut connection) {
            watch.see(&event);
        }
        let max = config()
            .max_concurrent_streams
            .max(config().max_local_streams);
        assert!(
            connection.open_streams() <= max as usize,
            "too many streams"
        );
    }
    let mut output = take_output(&mut connection, usize::MAX);
    if watch.closed.is_some() {
        check_closed(&mut connection, now);
        return (watch.log, output);
    }
    connection.poll_transmit();
    output.extend(take_output(&mut connection, usize::MAX));
    connection.trim();
    connection.handle_eof();
    while let Some(event) = poll(&mut connection) {
        watch.see(&event);
    }
    assert!(
        watch.closed.is_some(),
        "the end of the socket is not the end"
    );
    check_closed(&mut connection, now);
    (watch.log, output)
}

/// A closed connection stays closed and silent.
fn check_closed(connection: &mut Connection, now: Instant) {
    assert!(!connection.wants_bytes() && !connection.can_open_stream());
    assert_eq!(connection.open_streams(), 0);
    let mut more = BytesMut::new();
    writer::ping(&mut more, [1; 8], Flags::NONE);
    connection.handle_bytes(&mut more, now);
    assert!(more.is_empty());
    connection.release_data(StreamId::new(1), 10);
    connection.reset_stream(StreamId::new(1), hikyaku_http2::ErrorCode::CANCEL);
    connection.ping([2; 8]);
    connection.start_shutdown();
    connection.handle_eof();
    connection.poll_transmit();
    assert!(connection.poll_event().is_none(), "an event after the end");
    assert!(connection.is_drained(), "output after the end");
}

fn begin(end: End) -> (Connection, Watch) {
    let mut watch = Watch::new(end);
    watch.log = Some(BTreeMap::new());
    let mut connection = match end {
        End::Server => Connection::server(config()),
        End::Client => Connection::client(config()),
    };
    if end == End::Client {
        let request = [
            Field::indexed(b":method", b"POST"),
            Field::indexed(b":scheme", b"http"),
            Field::indexed(b":path", b"/a/b"),
        ];
        for (len, body) in [
            (0, Body::Last),
            (0, Body::More),
            (1000, Body::More),
            (99_999, Body::Last),
        ] {
            let is_over = body == Body::Last && len == 0;
            let first = if is_over { Body::Last } else { Body::More };
            let id = connection
                .open_stream(request, first)
                .expect("there is room");
            watch.opened(id);
            if len > 0 {
                let data = Bytes::from(vec![b'x'; len]);
                connection
                    .send_data(id, data, body)
                    .expect("the stream is open");
            }
        }
    }
    (connection, watch)
}

/// Limits that a few kilobytes of input can reach.
fn config() -> Config {
    let mut config = Config::default();
    config.max_concurrent_streams = 5;
    config.max_local_streams = 4;
    config.stream_window_len = 600;
    config.max_header_list_bytes = 400;
    config.max_header_fields = 8;
    config.max_continuation_count = 3;
    config.max_settings_count = 4;
    config.max_debug_len = 16;
    config.max_output_len = 300;
    config.max_reset_burst = 8;
    config.max_control_burst = 40;
    config.output_high_water = 2000;
    config.min_stream_queue_len = 500;
    config
}

/// Bytes of one read of an owner that does not write.
const READ_LEN: usize = 512;
