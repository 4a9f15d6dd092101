//! Tests of [`super`]: keys, values, and the view of received headers.

use std::io::IoSlice;
use std::time::Instant;

use bytes::BytesMut;
use hikyaku_http2::{Body, Config, Connection, Event, Indexing};
use proptest::prelude::*;

use super::*;
use crate::call::status::Status;

/// These fields as a peer receives them.
pub(crate) fn received_headers(fields: &[(&str, &[u8])]) -> Headers {
    let mut client = Connection::client(Config::default());
    let mut server = Connection::server(Config::default());
    let request = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
    ];
    let request = request
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    let sent = request.chain(fields.iter().copied());
    client
        .open_stream(
            sent.map(|(n, v)| Field::literal(n.as_bytes(), v)),
            Body::Last,
        )
        .unwrap();
    client.poll_transmit();
    let mut slices = [IoSlice::new(&[]); 16];
    let count = client.output(&mut slices);
    let mut input = BytesMut::new();
    slices[..count]
        .iter()
        .for_each(|slice| input.extend_from_slice(slice));
    server.handle_bytes(&mut input, Instant::now());
    let mut events = std::iter::from_fn(|| server.poll_event());
    let headers = events.find_map(|event| {
        if let Event::Headers { headers, .. } = event {
            Some(headers)
        } else {
            None
        }
    });
    headers.expect("the request arrives")
}

/// These fields as a client receives them at the head of an answer.
pub(crate) fn received_answer(fields: &[(&str, &[u8])], body: Body) -> Headers {
    let mut client = Connection::client(Config::default());
    let mut server = Connection::server(Config::default());
    let request = [(":method", "POST"), (":scheme", "http"), (":path", "/")];
    let request = request.map(|(name, value)| Field::literal(name.as_bytes(), value.as_bytes()));
    let id = client.open_stream(request, Body::Last).unwrap();
    pass(&mut client, &mut server);
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| Field::literal(name.as_bytes(), value));
    server.send_headers(id, fields, body).unwrap();
    pass(&mut server, &mut client);
    let mut events = std::iter::from_fn(|| client.poll_event());
    let headers = events.find_map(|event| {
        if let Event::Headers { headers, .. } = event {
            Some(headers)
        } else {
            None
        }
    });
    headers.expect("the answer arrives")
}

/// Moves what one end has written to the other.
fn pass(from: &mut Connection, to: &mut Connection) {
    from.poll_transmit();
    let mut slices = [IoSlice::new(&[]); 16];
    let count = from.output(&mut slices);
    let mut input = BytesMut::new();
    for slice in &slices[..count] {
        input.extend_from_slice(slice);
    }
    from.advance_output(input.len());
    to.handle_bytes(&mut input, Instant::now());
}

fn received(fields: &[(&str, &[u8])]) -> Metadata {
    Metadata::received(received_headers(fields))
}

/// Names and values as they would be sent.
fn sent(metadata: &Metadata) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    metadata
        .fields()
        .map(|field| (text(field.name), text(field.value)))
        .collect()
}

#[test]
fn keys_have_few_characters_and_none_is_of_grpc_or_http() {
    let reserved = |key: &str| Err(BadMetadata::ReservedKey { key: key.into() });
    let wrong = |key: &str, character| {
        Err(BadMetadata::KeyCharacter {
            key: key.into(),
            character,
        })
    };
    let table = [
        ("user-id", Ok("user-id")),
        ("User.ID_2", Ok("user.id_2")),
        ("user-agent", Ok("user-agent")),
        ("grpc", Ok("grpc")),
        (
            "grpc-previous-rpc-attempts",
            Ok("grpc-previous-rpc-attempts"),
        ),
        ("grpc-retry-pushback-ms", Ok("grpc-retry-pushback-ms")),
        ("", Err(BadMetadata::EmptyKey)),
        ("user id", wrong("user id", ' ')),
        (":path", wrong(":path", ':')),
        ("ключ", wrong("ключ", 'к')),
        ("a\r\nb", wrong("a\r\nb", '\r')),
        ("grpc-status", reserved("grpc-status")),
        ("GRPC-Status", reserved("grpc-status")),
        ("grpc-anything", reserved("grpc-anything")),
        ("content-type", reserved("content-type")),
        ("content-length", reserved("content-length")),
        ("te", reserved("te")),
        ("host", reserved("host")),
        ("connection", reserved("connection")),
        ("transfer-encoding", reserved("transfer-encoding")),
        (
            "some-bin",
            Err(BadMetadata::BinaryKey {
                key: "some-bin".into(),
            }),
        ),
        (
            "Some-BIN",
            Err(BadMetadata::BinaryKey {
                key: "some-bin".into(),
            }),
        ),
    ];
    for (key, want) in table {
        let mut metadata = Metadata::new();
        let stored = metadata
            .insert(key, "value")
            .map(|()| metadata.iter().next().unwrap().0);
        assert_eq!(stored, want, "{key:?}");
        assert_eq!(
            Metadata::new().append(key, "value").is_ok(),
            want.is_ok(),
            "{key:?}"
        );
    }
}

#[test]
fn texts_are_printable_and_lose_the_blanks_around_them() {
    let wrong = |character| {
        Err(BadMetadata::ValueCharacter {
            key: "key".into(),
            character,
        })
    };
    let table = [
        ("", Ok("")),
        ("plain ~!", Ok("plain ~!")),
        ("  blanks  around ", Ok("blanks  around")),
        ("a,b", Ok("a,b")),
        ("tab\t", wrong('\t')),
        ("line\n", wrong('\n')),
        ("\0", wrong('\0')),
        ("\u{7f}", wrong('\u{7f}')),
        ("ü", wrong('ü')),
    ];
    for (value, want) in table {
        let mut metadata = Metadata::new();
        let stored = metadata
            .insert("key", value)
            .map(|()| metadata.get("key").unwrap());
        assert_eq!(stored, want, "{value:?}");
    }
}

#[test]
fn binary_keys_take_bytes_and_no_others_do() {
    let mut metadata = Metadata::new();
    assert_eq!(metadata.insert_bin("Trace-Bin", &[0xab; 3]), Ok(()));
    assert_eq!(metadata.get_bin("trace-bin").unwrap(), [0xab; 3][..]);
    assert_eq!(metadata.get("trace-bin"), None);
    let refused = metadata.insert_bin("trace", &[1]);
    assert_eq!(
        refused,
        Err(BadMetadata::TextKey {
            key: "trace".into()
        })
    );
    let refused = metadata.append_bin("grpc-status-details-bin", &[1]);
    assert!(matches!(refused, Err(BadMetadata::ReservedKey { .. })));
    assert_eq!(metadata.len(), 1);
}

#[test]
fn a_key_keeps_the_order_of_its_values() {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    metadata.append("b", "2").unwrap();
    metadata.append("A", "3").unwrap();
    assert_eq!(metadata.get("a"), Some("1"));
    assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["1", "3"]);
    metadata.insert("a", "4").unwrap();
    assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["4"]);
    assert!(metadata.remove("B"));
    assert!(!metadata.remove("b"));
    assert_eq!(metadata.len(), 1);
}

#[test]
fn received_metadata_hides_what_the_protocol_uses() {
    let hidden = [
        "content-type",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpc-status",
        "grpc-message",
        "grpc-message-type",
        "grpc-status-details-bin",
    ];
    let shown = [
        "user-agent",
        "user-id",
        "grpc-previous-rpc-attempts",
        "grpc-retry-pushback-ms",
        "grpc-future",
    ];
    let fields: Vec<_> = hidden
        .iter()
        .chain(&shown)
        .map(|name| (*name, &b"1"[..]))
        .collect();
    let metadata = received(&fields);
    assert_eq!(
        metadata.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        shown
    );
    for name in hidden {
        assert_eq!(
            (metadata.get(name), metadata.get_bin(name)),
            (None, None),
            "{name}"
        );
    }
    assert_eq!(
        received(&[("te", b"trailers"), ("content-length", b"0")]).len(),
        0
    );
    assert!(received(&[]).is_empty());
}

#[test]
fn received_bytes_are_padded_or_not_and_may_be_joined_by_commas() {
    let table: [(&[u8], &[&[u8]]); 9] = [
        (b"q6ur", &[&[0xab; 3]]),
        (b"qw", &[&[0xab]]),
        (b"qw==", &[&[0xab]]),
        (b"qx", &[&[0xab]]),
        (b"qw==,q6ur", &[&[0xab], &[0xab; 3]]),
        (b"qw , q6ur", &[&[0xab], &[0xab; 3]]),
        (b"", &[&[]]),
        (b"q", &[]),
        (b"qw,*,q6ur", &[&[0xab], &[0xab; 3]]),
    ];
    for (value, want) in table {
        let metadata = received(&[("x-bin", value)]);
        let shown = value.escape_ascii();
        assert_eq!(
            metadata.get_all_bin("x-bin").collect::<Vec<_>>(),
            want,
            "{shown}"
        );
        assert_eq!(
            metadata.get_bin("x-bin").as_deref(),
            want.first().copied(),
            "{shown}"
        );
        assert_eq!(metadata.len(), want.len(), "{shown}");
    }
}

#[test]
fn a_received_value_that_is_not_printable_is_dropped() {
    let metadata = received(&[
        ("a", b"caf\xc3\xa9"),
        ("a", b"\xff"),
        ("a", b"x\ty"),
        ("a", b"ok"),
    ]);
    assert_eq!(metadata.get("a"), Some("ok"));
    assert_eq!(metadata.len(), 1);
    assert_eq!(sent(&metadata), [("a".into(), "ok".into())]);
}

#[test]
fn received_metadata_can_be_changed_and_its_clone_stays() {
    let original = received(&[
        ("a", b"1"),
        ("grpc-timeout", b"1S"),
        ("b", b"2"),
        ("a", b"3"),
    ]);
    let mut changed = original.clone();
    changed.append("a", "4").unwrap();
    assert_eq!(changed.get_all("a").collect::<Vec<_>>(), ["1", "3", "4"]);
    changed.insert("a", "5").unwrap();
    assert_eq!(
        sent(&changed),
        [("b".into(), "2".into()), ("a".into(), "5".into())]
    );
    assert_eq!(original.get_all("a").collect::<Vec<_>>(), ["1", "3"]);
    assert!(!changed.remove("grpc-timeout"));
}

#[test]
fn lists_are_equal_by_their_entries() {
    let mut metadata = Metadata::new();
    metadata.insert_bin("x-bin", &[0xab]).unwrap();
    metadata.insert("b", "2").unwrap();
    assert_eq!(
        metadata,
        received(&[("x-bin", b"qw=="), ("te", b"trailers"), ("b", b"2")])
    );
    assert_ne!(metadata, received(&[("b", b"2"), ("x-bin", b"qw")]));
}

#[test]
fn each_entry_is_sent_as_it_is_best_remembered() {
    let mut metadata = Metadata::new();
    metadata
        .append("user-id", &"x".repeat(MAX_INDEXED_LEN))
        .unwrap();
    metadata
        .append("token", &"x".repeat(MAX_INDEXED_LEN + 1))
        .unwrap();
    metadata.append("authorization", "Bearer x").unwrap();
    metadata.append("cookie", "a=b").unwrap();
    metadata.append_bin("x-bin", &[0xab]).unwrap();
    let indexing: Vec<_> = metadata.fields().map(|field| field.indexing).collect();
    use Indexing::{Indexed, Literal, NeverIndexed};
    assert_eq!(
        indexing,
        [Indexed, Literal, NeverIndexed, NeverIndexed, Literal]
    );
    assert_eq!(sent(&metadata)[4], ("x-bin".into(), "qw".into()));
}

#[test]
fn secrets_are_not_shown() {
    let mut metadata = Metadata::new();
    metadata.insert("user-id", "42").unwrap();
    metadata.insert("authorization", "Bearer x").unwrap();
    assert_eq!(
        format!("{metadata:?}"),
        r#"{"user-id": "42", "authorization": (secret)}"#
    );
}

#[test]
fn every_fault_says_what_is_allowed() {
    let key = || String::from("some-key");
    #[rustfmt::skip]
    let table = [
        (BadMetadata::EmptyKey, "metadata key is empty"),
        (BadMetadata::KeyCharacter { key: key(), character: '\n' },
            r#"metadata key "some-key" has '\n', allowed are 0-9, a-z, '_', '.' and '-'"#),
        (BadMetadata::ReservedKey { key: key() },
            r#"metadata key "some-key" is reserved for gRPC and HTTP"#),
        (BadMetadata::BinaryKey { key: key() },
            r#"metadata key "some-key" ends in -bin and takes bytes, not text"#),
        (BadMetadata::TextKey { key: key() },
            r#"metadata key "some-key" takes text, bytes want a key that ends in -bin"#),
        (BadMetadata::ValueCharacter { key: key(), character: 'ü' },
            r#"metadata value of "some-key" has 'ü', allowed is printable ASCII; a key that ends in -bin takes any bytes"#),
    ];
    for (bad, want) in table {
        assert_eq!(bad.to_string(), want);
        assert_eq!(Status::from(bad).to_string(), format!("INTERNAL: {want}"));
    }
}

proptest! {
    #[test]
    fn bytes_survive_the_wire(values in prop::collection::vec(any::<Vec<u8>>(), 0..5)) {
        let mut metadata = Metadata::new();
        for value in &values {
            metadata.append_bin("x-bin", value).unwrap();
        }
        let joined: Vec<_> = sent(&metadata).into_iter().map(|(_, text)| text).collect();
        prop_assert!(joined.iter().all(|text| !text.contains('=')));
        prop_assert_eq!(metadata.get_all_bin("x-bin").collect::<Vec<_>>(), values.clone());
        if !values.is_empty() {
            let joined = received(&[("x-bin", joined.join(",").as_bytes())]);
            prop_assert_eq!(joined, metadata);
        }
    }
}
