//! Requests that another server on the way may read in another manner: paths, authorities, fields.

use hikyaku_testkit::raw::{Frame, block};

use super::answers::{Saying, try_all};
use crate::attack::Attack;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(34, "path-spellings", |arena| {
        Box::pin(async move { try_all(&arena, paths(), 0).await })
    })
    .with_many_connections(),
    Attack::new(35, "two-authorities-and-lengths", |arena| {
        Box::pin(async move { try_all(&arena, authorities(), RIGHT_AUTHORITIES).await })
    })
    .with_many_connections(),
    Attack::new(36, "header-injection", |arena| {
        Box::pin(async move { try_all(&arena, injections(), RIGHT_FIELDS).await })
    })
    .with_many_connections(),
];

/// A malformed request (RFC 9113 §8.1.1).
const MALFORMED: &[&str] = &["RST_STREAM PROTOCOL_ERROR", "http 400"];

/// No method of ours, or malformed.
const NO_METHOD: &[&str] = &[
    "grpc 12",
    "RST_STREAM PROTOCOL_ERROR",
    "http 400",
    "http 404",
];

/// A whole request with these fields and an empty message.
fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Frame::headers(1, &block(fields), false);
    bytes.extend(Frame::message(1, &[], true));
    bytes
}

/// A whole request for this path.
fn with_path(path: &str) -> Vec<u8> {
    request(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ])
}

fn paths() -> Vec<Saying> {
    let long = format!("/attacks.Target/{}", "Echo".repeat(1000));
    let spellings: [&str; 50] = [
        "attacks.Target/Echo",
        "",
        "/",
        "//",
        "*",
        " /attacks.Target/Echo",
        "/attacks.Target/Echo ",
        "/attacks.Target/Echo/",
        "//attacks.Target/Echo",
        "/attacks.Target//Echo",
        "///attacks.Target///Echo",
        "/./attacks.Target/Echo",
        "/attacks.Target/./Echo",
        "/attacks.Target/../attacks.Target/Echo",
        "/x/../attacks.Target/Echo",
        "/../attacks.Target/Echo",
        "/attacks.Target/Echo/..",
        "/attacks.Target/Echo/.",
        "/attacks.target/Echo",
        "/attacks.Target/echo",
        "/ATTACKS.TARGET/ECHO",
        "/attacks/Target/Echo",
        "/attacks.Target.Echo",
        ".attacks.Target/Echo",
        "/.attacks.Target/Echo",
        "/attacks.Target./Echo",
        "/attacks.Target/Echo?",
        "/attacks.Target/Echo?x=1",
        "/attacks.Target/Echo#",
        "/attacks.Target/Echo#x",
        "/attacks.Target/Echo;x=1",
        "/attacks.Target;x=1/Echo",
        "/attacks.Target/Ech%6f",
        "/attacks.Target%2fEcho",
        "%2fattacks.Target/Echo",
        "/%61ttacks.Target/Echo",
        "/attacks.Target/Echo%00",
        "/attacks.Target/Echo%20",
        "/attacks.Target/Echo\0",
        "/attacks.Target/Echo\t",
        "/attacks.Target/Echo\r\n",
        "/attacks.Target\\Echo",
        "\\attacks.Target\\Echo",
        "http://a/attacks.Target/Echo",
        "//a/attacks.Target/Echo",
        "a/attacks.Target/Echo",
        "/Target/Echo",
        "/attacks.Target",
        "/attacks.Target/",
        &long,
    ];
    let saying =
        |path: &str| Saying::new(path.escape_debug().to_string(), with_path(path), NO_METHOD);
    spellings.into_iter().map(saying).collect()
}

type Authority = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

/// Fields of a request beside its method, scheme and path.
const AUTHORITIES: [Authority; 15] = [
    (
        "a host that agrees",
        &[(":authority", "a"), ("host", "a")],
        &["grpc 0"],
    ),
    ("a host alone", &[("host", "a")], &["grpc 0"]),
    (
        "a length that agrees",
        &[(":authority", "a"), ("content-length", "5")],
        &["grpc 0"],
    ),
    (
        "another host",
        &[(":authority", "a"), ("host", "b")],
        MALFORMED,
    ),
    (
        "another port",
        &[(":authority", "a:1"), ("host", "a:2")],
        MALFORMED,
    ),
    (
        "two hosts",
        &[(":authority", "a"), ("host", "a"), ("host", "b")],
        MALFORMED,
    ),
    (
        "two :authority",
        &[(":authority", "a"), (":authority", "b")],
        MALFORMED,
    ),
    ("user information", &[(":authority", "me@a")], MALFORMED),
    (
        "two lengths",
        &[("content-length", "5"), ("content-length", "6")],
        MALFORMED,
    ),
    (
        "two equal lengths in one",
        &[("content-length", "5, 5")],
        MALFORMED,
    ),
    (
        "a length with a sign",
        &[("content-length", "+5")],
        MALFORMED,
    ),
    (
        "a length below zero",
        &[("content-length", "-5")],
        MALFORMED,
    ),
    (
        "a length of a word",
        &[("content-length", "five")],
        MALFORMED,
    ),
    (
        "a length beyond 64 bits",
        &[("content-length", "99999999999999999999")],
        MALFORMED,
    ),
    ("another length", &[("content-length", "6")], MALFORMED),
];

/// Rows of [`AUTHORITIES`] that are in order.
const RIGHT_AUTHORITIES: u64 = 3;

fn authorities() -> Vec<Saying> {
    let saying = |(name, more, want): Authority| {
        let mut fields = vec![
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/attacks.Target/Echo"),
        ];
        fields.extend(more.iter().filter(|(name, _)| name.starts_with(':')));
        fields.extend([("te", "trailers"), ("content-type", "application/grpc")]);
        fields.extend(more.iter().filter(|(name, _)| !name.starts_with(':')));
        Saying::new(name, request(&fields), want)
    };
    AUTHORITIES.into_iter().map(saying).collect()
}

/// Rows of [`injections`] that are in order.
const RIGHT_FIELDS: u64 = 5;

fn injections() -> Vec<Saying> {
    let mut sayings = Vec::new();
    let right = [("x-a", "b"), ("x-a", ""), ("x-a", "b c"), ("x-bin", "AAEC")];
    let wrong = [
        ("x-a", "b\r\nx-c: d"),
        ("x-a", "b\nc"),
        ("x-a", "b\rc"),
        ("x-a", "b\0c"),
        ("x-a", "\0"),
        ("x-a", " b"),
        ("x-a", "b "),
        ("x-a", "\tb"),
        ("x-a", "b\t"),
        ("X-A", "b"),
        ("x-A", "b"),
        ("", "b"),
        ("x a", "b"),
        ("x:a", "b"),
        ("x-a:", "b"),
        (":x", "b"),
        ("x\r\na", "b"),
        ("x\0a", "b"),
        ("x\u{e9}", "b"),
        ("x\x7f", "b"),
        ("connection", "close"),
        ("connection", "x-a"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        (":status", "200"),
        (":path", "/attacks.Target/Hang"),
    ];
    for (fields, want) in [(&right[..], &["grpc 0"][..]), (&wrong[..], MALFORMED)] {
        for &(name, value) in fields {
            let bytes = request(&[
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/attacks.Target/Echo"),
                (":authority", "a"),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
                (name, value),
            ]);
            sayings.push(Saying::new(format!("{name:?}: {value:?}"), bytes, want));
        }
    }
    let base64 = request(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/attacks.Target/Echo"),
        (":authority", "a"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("x-bin", "!!not base64!!"),
    ]);
    // Metadata, not HTTP: it is the handler's to refuse.
    sayings.push(Saying::new("bad base64", base64, &["grpc 0"]));
    sayings.extend(pseudo_fields());
    sayings
}

/// The fields of a request line: missing, twice, behind others.
fn pseudo_fields() -> Vec<Saying> {
    let whole = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/attacks.Target/Echo"),
    ];
    let rest = [("te", "trailers"), ("content-type", "application/grpc")];
    let mut sayings = Vec::new();
    for index in 0..whole.len() {
        let name = whole[index].0;
        let mut missing = whole.to_vec();
        missing.remove(index);
        let twice = [&whole[..], &whole[index..=index]].concat();
        for (what, head) in [("no", missing.clone()), ("two", twice)] {
            let bytes = request(&[&head[..], &rest].concat());
            sayings.push(Saying::new(format!("{what} {name}"), bytes, MALFORMED));
        }
        let behind = [&missing[..], &rest, &whole[index..=index]].concat();
        let name = format!("{name} behind other fields");
        sayings.push(Saying::new(name, request(&behind), MALFORMED));
    }
    sayings
}
