//! What the fuzzer tries of this crate's private parts; compiled for it and for tests only.
//!
//! Each target is a function that takes bytes and fails by a panic. The fuzzer's files are replayed
//! by the test at the end.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a target fails by a panic"
)]

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hikyaku_http2::frame::writer;
use hikyaku_http2::hpack::Encoder;
use hikyaku_http2::{Body, Config, Connection, Event, Field, Headers, StreamId};

use crate::call::envelope::{BadEnvelope, Deframer, Message, write_prefix};
use crate::call::message::Only;
use crate::call::{message, server, timeout};
use crate::compression::{Codings, Registry};
use crate::{Code, Metadata, Status, Value};

/// Bodies cut in different ways hold the same messages, which can be written again.
pub fn envelope(data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else {
        return;
    };
    let max_len = usize::from(choice) * 4;
    let whole = deframe(body, body.len().max(1), max_len);
    for piece_len in [1, 3, usize::from(choice) + 1] {
        let pieces = deframe(body, piece_len, max_len);
        assert_eq!(pieces, whole, "other messages in pieces of {piece_len}");
    }
    let (messages, end) = whole;
    let mut again = BytesMut::new();
    for message in &messages {
        assert!(message.bytes.len() <= max_len);
        write_prefix(&mut again, message.compressed, message.bytes.len()).expect("it was read");
        again.extend_from_slice(&message.bytes);
    }
    assert!(body.starts_with(&again), "what was read is not what came");
    assert_eq!(end.is_none(), again.len() == body.len());
    check_only(body, &messages, end, max_len);
}

/// The messages of a body that comes in pieces, and what is wrong with its end.
fn deframe(body: &[u8], piece_len: usize, max_len: usize) -> (Vec<Message>, Option<BadEnvelope>) {
    let mut deframer = Deframer::default();
    let mut messages = Vec::new();
    for piece in body.chunks(piece_len) {
        deframer.push(Bytes::copy_from_slice(piece));
        loop {
            match deframer.next(max_len) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(deframer.next(max_len), Err(error), "the error is forgotten");
                    return (messages, Some(error));
                }
            }
        }
    }
    assert_eq!(deframer.is_empty(), deframer.finish().is_ok());
    (messages, deframer.finish().err())
}

/// A body of exactly one message is that message, however it comes.
fn check_only(body: &[u8], messages: &[Message], end: Option<BadEnvelope>, max_len: usize) {
    let want = match messages {
        [message] if end.is_none() => Some(message),
        _ => None,
    };
    for piece_len in [1, 4, body.len().max(1)] {
        let mut only = Only::default();
        let mut pieces = body.chunks(piece_len).map(Bytes::copy_from_slice);
        let got = pieces
            .try_for_each(|piece| only.push(piece, max_len))
            .and_then(|()| only.finish());
        assert_eq!(got.as_ref().ok(), want, "in pieces of {piece_len}");
    }
}

/// Texts, bytes and statuses come back as they were sent; what a stranger sends is looked at.
pub fn metadata(data: &[u8]) {
    if let Ok(message) = std::str::from_utf8(data) {
        check_status(message, data);
    }
    check_own(data);
    check_received(data);
}

fn check_status(message: &str, details: &[u8]) {
    let status = Status::new(Code::Aborted, message).with_details(details.to_vec());
    let encoded = status.encode_fields();
    let Some(headers) = receive(encoded.fields()) else {
        panic!("our own status is refused");
    };
    let again = Status::from_trailers(&headers).expect("a status was sent");
    assert_eq!((again.code(), again.message()), (Code::Aborted, message));
    assert_eq!(again.details(), details);
}

/// Any key and any value: refused, or the peer gets it.
fn check_own(data: &[u8]) {
    let cut = data
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(data.len() / 2);
    let (key, value) = data.split_at(cut);
    let (key, text) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
    let mut metadata = Metadata::new();
    let added = [
        metadata.append(&key, &text).is_ok(),
        metadata.append_bin(&key, value).is_ok(),
        metadata.append_bin("k-bin", value).is_ok(),
    ];
    assert!(added[2] && !(added[0] && added[1]));
    assert_eq!(
        metadata.len(),
        added.iter().filter(|&&was_added| was_added).count()
    );
    assert_eq!(metadata.get_bin("k-bin").as_deref(), Some(value));
    let headers = receive(metadata.fields()).expect("our own metadata is refused");
    assert_eq!(Metadata::received(headers), metadata);
}

/// Headers of a stranger, if HTTP/2 lets them pass.
fn check_received(data: &[u8]) {
    let lines = data.split(|&byte| byte == b'\n');
    let fields = lines.filter_map(|line| {
        let colon = line.iter().skip(1).position(|&byte| byte == b':')? + 1;
        Some(Field::literal(&line[..colon], &line[colon + 1..]))
    });
    let Some(headers) = receive(fields) else {
        return;
    };
    let _ = server::read_request(
        &headers,
        &Registry::new(Codings::default()).expect("good names"),
    );
    let _ = Status::from_trailers(&headers);
    let mut metadata = Metadata::received(headers);
    assert_eq!(metadata.iter().count(), metadata.len());
    for (key, value) in metadata.iter() {
        match value {
            Value::Ascii(text) => assert!(metadata.get_all(key).any(|other| other == text)),
            Value::Binary(bytes) => assert!(metadata.get_all_bin(key).any(|it| it == bytes)),
        }
    }
    let passed_on = receive(metadata.fields()).expect("what came in can go out");
    assert_eq!(Metadata::received(passed_on), metadata);
    let first = metadata.iter().next().map(|(key, _)| key.to_owned());
    if let Some(key) = first {
        let had_len = metadata.len();
        assert!(metadata.remove(&key) && metadata.len() < had_len);
        assert!(metadata.get(&key).is_none() && metadata.get_bin(&key).is_none());
    }
}

/// These fields behind those of a request, as a server receives them; `None` if it refuses.
fn receive<'a>(fields: impl Iterator<Item = Field<'a>>) -> Option<Headers> {
    let request = [
        Field::indexed(b":method", b"POST"),
        Field::indexed(b":scheme", b"http"),
        Field::indexed(b":path", b"/a/b"),
        Field::indexed(b"content-type", b"application/grpc"),
    ];
    let (mut input, mut block) = (BytesMut::new(), BytesMut::new());
    Encoder::new(4096).encode(request.into_iter().chain(fields), &mut block);
    input.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    writer::settings(&mut input, &[]);
    writer::headers(&mut input, StreamId::new(1), &block, Body::Last, 16_384);
    let mut config = Config::default();
    config.max_header_list_bytes = 1 << 20;
    config.max_header_fields = 10_000;
    let mut server = Connection::server(config);
    server.handle_bytes(&mut input, Instant::now());
    std::iter::from_fn(|| server.poll_event()).find_map(|event| match event {
        Event::Headers { headers, .. } => Some(headers),
        Event::Closed { error } => panic!("the connection fails: {error:?}"),
        _ => None,
    })
}

/// What is read as a timeout can be written, and never gets shorter or much longer by it.
pub fn timeout(data: &[u8]) {
    if let Ok(read) = timeout::decode(data) {
        assert!(data.len() <= 9 && data.len() >= 2);
        check_timeout(read, Duration::from_nanos(1));
    }
    if let Some((chunk, rest)) = data.split_first_chunk::<8>() {
        let nanos = rest
            .first_chunk::<4>()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let secs = u64::from_be_bytes(*chunk) >> (nanos % 64);
        let timeout = Duration::new(secs, nanos % 1_000_000_000);
        // A unit too fine by a digit gives way to one a thousand times as coarse.
        check_timeout(timeout, timeout / 99_999);
    }
}

fn check_timeout(wanted: Duration, slack: Duration) {
    let mut buffer = timeout::TimeoutBuf::default();
    let text = timeout::encode(wanted, &mut buffer);
    let read = timeout::decode(text).expect("our own timeout is refused");
    let longest = Duration::from_secs(99_999_999 * 3600);
    assert!(read >= wanted.min(longest), "{wanted:?} becomes {read:?}");
    let most = wanted.saturating_add(slack.max(Duration::from_nanos(1)));
    assert!(read <= most, "{wanted:?} becomes {read:?}");
    let mut buffer = timeout::TimeoutBuf::default();
    assert_eq!(
        timeout::decode(timeout::encode(read, &mut buffer)),
        Ok(read)
    );
}

/// Any bytes in any coding: an error, or a message within the limit; and any message comes back.
pub fn inflate(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let codings = Registry::new(Codings::default()).expect("good names");
    let count = codings.iter().count().max(1);
    let chosen = codings
        .iter()
        .nth(usize::from(choice) % count)
        .and_then(|(index, _)| codings.chosen(index));
    let Some(chosen) = chosen else {
        return;
    };
    let (coding, max_len) = (&*chosen.coding, 64 * 1024);
    match message::inflate(data, Some(coding), max_len) {
        Ok(message) => assert!(message.len() <= max_len),
        Err(status) => assert!(matches!(
            status.code(),
            Code::Internal | Code::ResourceExhausted
        )),
    }
    if !data.is_empty() {
        let mut compressed = BytesMut::new();
        coding.compress(data, &mut compressed).expect("into memory");
        let back = message::inflate(&compressed, Some(coding), data.len());
        assert_eq!(back.expect("our own message is refused"), data);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// A target of the fuzzer.
    type Target = fn(&[u8]);

    /// The files are not part of the published crate; there is nothing to replay then.
    #[test]
    fn no_file_of_the_corpus_fails_its_target() {
        let targets: [(&str, Target); 4] = [
            ("envelope", super::envelope),
            ("inflate", super::inflate),
            ("metadata", super::metadata),
            ("timeout", super::timeout),
        ];
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/corpus");
        for (name, target) in targets {
            for file in fs::read_dir(corpus.join(name)).into_iter().flatten() {
                let path = file.expect("the folder can be read").path();
                // Shown if the target fails.
                eprintln!("{}", path.display());
                target(&fs::read(&path).expect("the file can be read"));
            }
        }
    }
}
