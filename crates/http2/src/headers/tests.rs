//! Whole lists, legal and not; and the memory of blocks.

use bytes::BytesMut;

use super::check::Message::{self, Request, Response, Trailers};
use super::check::check;
use super::reader::HeaderReader;
use crate::Field;
use crate::error::{Malformed, Violation};
use crate::hpack::{Encoder, Entry, Limits};

const GET: [(&str, &str); 3] = [(":method", "GET"), (":scheme", "http"), (":path", "/")];

type Fields<'a> = &'a [(&'a str, &'a str)];

fn verdict(message: Message, fields: &[(&str, &str)]) -> Option<Malformed> {
    let entries: Vec<_> = fields
        .iter()
        .map(|(name, value)| Entry::new(name.as_bytes(), value.as_bytes()))
        .collect();
    check(&entries, message).err()
}

#[test]
fn requests_that_add_fields_to_a_get() {
    use Malformed::*;
    // What follows `GET`; `None` is legal.
    let table: &[(Fields<'_>, Option<Malformed>)] = &[
        (&[], None),
        (&[(":authority", "a")], None),
        (&[(":authority", "a:1"), ("host", "A:1")], None),
        (&[(":authority", "a"), ("host", "b")], Some(HostMismatch)),
        (&[("host", "a"), ("host", "b")], Some(HostMismatch)),
        (&[("te", "trailers"), ("a", "b"), ("a", "b")], None),
        (&[("te", "gzip")], Some(Te)),
        (&[("connection", "close")], Some(ConnectionSpecific)),
        (&[("content-length", "1"), ("content-length", "1")], None),
        (
            &[("content-length", "1"), ("content-length", "2")],
            Some(ContentLength),
        ),
        (&[("content-length", "x")], Some(ContentLength)),
        (&[("A", "b")], Some(FieldName)),
        (&[("a", "b\n")], Some(FieldValue)),
        (&[(":status", "200")], Some(ForbiddenPseudo)),
        (&[(":protocol", "x")], Some(ForbiddenPseudo)),
        (&[(":path", "/")], Some(DuplicatePseudo)),
        (&[("a", "b"), (":authority", "a")], Some(LatePseudo)),
        (&[(":authority", "u@a")], Some(PseudoValue)),
        (&[("cookie", "a=b"), ("cookie", "c=d")], None),
    ];
    for (more, want) in table {
        let fields = [&GET[..], more].concat();
        assert_eq!(verdict(Request, &fields), *want, "{more:?}");
    }
}

#[test]
fn messages_of_every_kind() {
    use Malformed::*;
    let table: &[(Message, Fields<'_>, Option<Malformed>)] = &[
        (Request, &[], Some(MissingPseudo)),
        (Request, &GET[..2], Some(MissingPseudo)),
        (Request, &GET[1..], Some(MissingPseudo)),
        (Request, &[GET[0], GET[2]], Some(MissingPseudo)),
        (Request, &[GET[0], GET[1], (":path", "")], Some(PseudoValue)),
        (
            Request,
            &[GET[0], GET[1], (":path", "no-slash")],
            Some(PseudoValue),
        ),
        (
            Request,
            &[GET[0], GET[1], (":path", "*")],
            Some(PseudoValue),
        ),
        (
            Request,
            &[(":method", "OPTIONS"), GET[1], (":path", "*")],
            None,
        ),
        (
            Request,
            &[(":method", "CONNECT"), (":authority", "a:1")],
            None,
        ),
        (Request, &[(":method", "CONNECT")], Some(MissingPseudo)),
        (
            Request,
            &[(":method", "CONNECT"), (":authority", "a"), GET[2]],
            Some(ForbiddenPseudo),
        ),
        (Response, &[(":status", "200"), ("a", "b")], None),
        (Response, &[(":status", "100")], None),
        (Response, &[(":status", "101")], Some(PseudoValue)),
        (Response, &[(":status", "20")], Some(PseudoValue)),
        (Response, &[("a", "b")], Some(MissingPseudo)),
        (Response, &[], Some(MissingPseudo)),
        (
            Response,
            &[(":status", "200"), GET[2]],
            Some(ForbiddenPseudo),
        ),
        (
            Response,
            &[(":status", "200"), (":status", "200")],
            Some(DuplicatePseudo),
        ),
        (Trailers, &[("grpc-status", "0")], None),
        (Trailers, &[], None),
        (Trailers, &[(":status", "200")], Some(ForbiddenPseudo)),
        (Trailers, &[("a", "b"), (":path", "/")], Some(LatePseudo)),
    ];
    for (message, fields, want) in table {
        assert_eq!(verdict(*message, fields), *want, "{message:?} {fields:?}");
    }
}

fn reader() -> HeaderReader {
    HeaderReader::new(
        4096,
        Limits {
            max_list_bytes: 400,
            max_fields: 8,
        },
    )
}

fn block(encoder: &mut Encoder, fields: &[Field<'_>]) -> BytesMut {
    let mut out = BytesMut::new();
    encoder.encode(fields.iter().copied(), &mut out);
    out
}

const REQUEST: [Field<'_>; 5] = [
    Field::indexed(b":method", b"POST"),
    Field::indexed(b":scheme", b"http"),
    Field::indexed(b":path", b"/a.B/C"),
    Field::indexed(b"host", b"here"),
    Field::indexed(b"content-length", b"7"),
];

#[test]
fn a_list_can_be_asked() {
    let mut encoder = Encoder::new(4096);
    let headers = reader()
        .read(&block(&mut encoder, &REQUEST), Request)
        .unwrap()
        .unwrap();
    assert_eq!(headers.method(), Some("POST"));
    assert_eq!(headers.scheme(), Some("http"));
    assert_eq!(headers.path(), Some("/a.B/C"));
    assert_eq!(headers.authority(), Some("here"));
    assert_eq!(headers.status(), None);
    assert_eq!(headers.content_length(), Some(7));
    assert_eq!(headers.get("host"), Some(&b"here"[..]));
    assert_eq!(headers.get(":path"), None);
    let fields: Vec<_> = headers.fields().collect();
    assert_eq!(fields, [("host", &b"here"[..]), ("content-length", b"7")]);
}

#[test]
fn a_block_that_repeats_is_one_list_until_the_table_changes() {
    let mut encoder = Encoder::new(4096);
    let mut reader = reader();
    let mut read = |fields: &[Field<'_>]| {
        reader
            .read(&block(&mut encoder, fields), Request)
            .unwrap()
            .unwrap()
    };
    // The first fills the table, the second is seen for the first time, the third is remembered.
    let [_, _, third, fourth] = [0; 4].map(|_| read(&REQUEST));
    assert!(third.same(&fourth));
    let other = [&REQUEST[..], &[Field::indexed(b"x", b"new")]].concat();
    read(&other);
    let fifth = read(&REQUEST);
    assert!(!fifth.same(&fourth));
    assert_eq!(fifth.path(), fourth.path());
}

#[test]
fn equal_blocks_of_different_messages_are_checked_for_each() {
    let mut reader = reader();
    let mut encoder = Encoder::new(4096);
    let block = block(&mut encoder, &[Field::indexed(b":status", b"200")]);
    for _ in 0..4 {
        assert!(reader.read(&block, Response).unwrap().is_ok());
        let got = reader.read(&block, Trailers).unwrap().err();
        assert_eq!(got, Some(Violation::Malformed(Malformed::ForbiddenPseudo)));
    }
}

#[test]
fn a_list_too_long_leaves_the_table_in_step() {
    let mut reader = reader();
    let mut encoder = Encoder::new(4096);
    let long = [b'x'; 300];
    let fields = [
        &REQUEST[..],
        &[
            Field::indexed(b"x-long", &long),
            Field::indexed(b"x-last", b"1"),
        ],
    ]
    .concat();
    let got = reader
        .read(&block(&mut encoder, &fields), Request)
        .unwrap()
        .err();
    let Some(Violation::HeaderListTooLong { bytes, fields, .. }) = got else {
        panic!("{got:?}")
    };
    assert!(bytes > 400 && fields == 7, "{bytes} bytes, {fields} fields");
    // All of these are in the table now, and found there by their index.
    let next = [&REQUEST[..], &[Field::indexed(b"x-last", b"1")]].concat();
    let block = block(&mut encoder, &next);
    assert!(block.len() < 10, "{block:?}");
    let headers = reader.read(&block, Request).unwrap().unwrap();
    assert_eq!(headers.get("x-last"), Some(&b"1"[..]));
    assert_eq!(headers.authority(), Some("here"));
}
