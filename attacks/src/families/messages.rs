//! gRPC messages that lie about their length, that are compressed, or that nest without end.

use hikyaku_testkit::raw::Frame;

use super::answers::{Saying, try_all};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(37, "envelopes-that-lie", |arena| {
        Box::pin(async move { try_all(&arena, envelopes(), RIGHT_ENVELOPES).await })
    })
    .with_many_connections(),
    Attack::new(38, "compression-that-is-none", |arena| {
        Box::pin(async move { try_all(&arena, compressed(), READING).await })
    })
    .with_many_connections(),
    Attack::new(39, "nested-protobuf", |arena| Box::pin(nested(arena))).with_many_connections(),
];

/// A message with any prefix, as DATA frames of at most 16,384 octets.
fn body(flag: u8, declared: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flag];
    bytes.extend(declared.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A whole call of this method with this body, the end of the stream in its last frame.
fn whole(path: &str, more: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let head = hikyaku_testkit::raw::request(path, more);
    let mut bytes = Frame::headers(1, &head, false);
    let mut chunks = body.chunks(16_384).peekable();
    while let Some(chunk) = chunks.next() {
        bytes.extend(Frame::data(1, chunk, chunks.peek().is_none()));
    }
    if body.is_empty() {
        bytes.extend(Frame::data(1, &[], true));
    }
    bytes
}

/// Handlers that [`envelopes`] start: those of the eight good rows of each method, and all of the
/// method that reads a stream, which finds out by reading.
const RIGHT_ENVELOPES: u64 = 8 + 8 + 42;

fn envelopes() -> Vec<Saying> {
    let mut sayings = Vec::new();
    for path in ["/attacks.Target/Echo", "/attacks.Target/Consume"] {
        for (name, body, want) in bad_bodies() {
            let name = format!("{path}: {name}");
            sayings.push(Saying::new(name, whole(path, &[], &body), want));
        }
        let good = body(0, 3, &[10, 1, 7]);
        for cut in 0..good.len() {
            let (front, back) = good.split_at(cut);
            let head = hikyaku_testkit::raw::request(path, &[]);
            let bytes = [
                Frame::headers(1, &head, false),
                Frame::data(1, front, false),
                Frame::data(1, &[], false),
                Frame::data(1, back, true),
            ];
            let name = format!("{path}: in two frames, cut at {cut}");
            sayings.push(Saying::new(name, bytes.concat(), &["grpc 0"]));
        }
    }
    sayings
}

type Body = (String, Vec<u8>, &'static [&'static str]);

/// Bodies that break a rule, and the statuses that say so.
fn bad_bodies() -> Vec<Body> {
    let max = 4 * 1024 * 1024;
    let mut bodies: Vec<Body> = Vec::new();
    for declared in [max + 1, 1 << 30, u32::MAX] {
        for sent in [0, 1, 1000, 16_384] {
            let name = format!("{declared} octets declared, {sent} sent");
            bodies.push((name, body(0, declared, &vec![0; sent]), &["grpc 8"]));
        }
    }
    for flag in [1, 2, 3, 127, 128, 255] {
        bodies.push((format!("flag {flag}"), body(flag, 0, &[]), &["grpc 13"]));
        let long = body(flag, u32::MAX, &[]);
        bodies.push((format!("flag {flag}, long"), long, &["grpc 13", "grpc 8"]));
    }
    for cut in 1..5 {
        let name = format!("{cut} octets of a prefix");
        bodies.push((name, vec![0; cut], &["grpc 13"]));
    }
    for cut in [0, 1, 9] {
        let name = format!("{cut} octets of ten");
        bodies.push((name, body(0, 10, &vec![0; cut]), &["grpc 13"]));
    }
    let good = body(0, 3, &[10, 1, 7]);
    for (name, tail) in [
        ("one octet behind", vec![0]),
        ("four octets behind", vec![0; 4]),
        ("a message too long behind", body(0, max + 1, &[])),
        ("a flag behind", body(7, 0, &[])),
    ] {
        let all = [good.clone(), tail].concat();
        bodies.push((name.to_owned(), all, &["grpc 13", "grpc 12", "grpc 8"]));
    }
    let length = [&[10][..], &[255; 8], &[127]].concat();
    for (name, payload) in [
        ("a field cut short", vec![10, 5, 1]),
        ("a varint without an end", vec![0xff; 11]),
        ("field 0", vec![0, 0]),
        ("wire type 7", vec![15, 0]),
        ("a length of 2^63", length),
        ("an end of a group that never began", vec![12]),
        ("a group without an end", vec![11]),
    ] {
        let all = body(0, payload.len() as u32, &payload);
        bodies.push((name.to_owned(), all, &["grpc 13"]));
    }
    bodies
}

/// Handlers that [`compressed`] starts: those that read a stream find out by reading.
const READING: u64 = 5 * 2 * 3;

/// Compressed in a coding that there is not, or not compressed in one that there is.
fn compressed() -> Vec<Saying> {
    let mut sayings = Vec::new();
    let known = ["gzip", "deflate", "zstd", "snappy", "br"].map(|name| (name, "grpc 13"));
    let unknown = ["lz4", "x", "gzip,gzip", "GZIP"].map(|name| (name, "grpc 12"));
    for (coding, want) in known.into_iter().chain(unknown) {
        for (path, kind) in [("Echo", "unary"), ("Consume", "stream"), ("Chat", "both")] {
            // As much as a window takes at first.
            for (len, flag) in [(10, 1), (60_000, 1), (10, 0)] {
                let path = format!("/attacks.Target/{path}");
                // The magic number of gzip, and what could be anything behind it.
                let mut payload = vec![0; len];
                payload[..2].copy_from_slice(&[0x1f, 0x8b]);
                let body = body(flag, len as u32, &payload);
                let bytes = whole(&path, &[("grpc-encoding", coding)], &body);
                let name = format!("{coding}, {kind}, {len} octets, flag {flag}");
                sayings.push(Saying::new(name, bytes, &[want]));
            }
        }
    }
    sayings
}

/// Depths from where it is too deep.
const DEPTHS: [usize; 6] = [101, 200, 1000, 10_000, 100_000, 1_000_000];

/// The deepest that must be taken: what is common among implementations.
const RIGHT_DEPTH: usize = 99;

/// Six ways to nest. What does not fit into a message is refused for that.
async fn nested(arena: Arena) -> Result<Outcome, Trouble> {
    let shapes: [(&str, &[u8]); 5] = [
        ("a field", &[0x12]),
        ("a list", &[0x1a]),
        ("a choice", &[0x2a]),
        ("two choices", &[0x2a, 0x32]),
        ("a map", &[0x22, 0x12]),
    ];
    let mut sayings = Vec::new();
    for depth in DEPTHS.into_iter().chain([RIGHT_DEPTH]) {
        let is_right = depth == RIGHT_DEPTH;
        for (name, tags) in shapes {
            // The entry of a map is no message of its own.
            let tag_count = if name == "a map" { 2 * depth } else { depth };
            sayings.push(plant(name, depth, is_right, wrap(tag_count, tags)));
        }
        let groups = [vec![0x7b; depth], vec![0x7c; depth]].concat();
        sayings.push(plant("an unknown group", depth, is_right, groups));
    }
    try_all(&arena, sayings, 0).await
}

fn plant(name: &str, depth: usize, is_right: bool, message: Vec<u8>) -> Saying {
    let want: &[&str] = match (is_right, message.len() > 4 * 1024 * 1024) {
        (true, _) => &["grpc 0"],
        (false, true) => &["grpc 8"],
        (false, false) => &["grpc 13"],
    };
    let framed = body(0, message.len() as u32, &message);
    let bytes = whole("/attacks.Forest/Plant", &[], &framed);
    Saying::new(format!("{name}, {depth} deep"), bytes, want)
}

/// Messages in messages, from the inside out, their tags in turn.
fn wrap(depth: usize, tags: &[u8]) -> Vec<u8> {
    // Backwards: what is around goes behind.
    let mut reversed: Vec<u8> = Vec::new();
    for level in (0..depth).rev() {
        let mut len = reversed.len();
        let mut varint = Vec::new();
        while len >= 128 {
            varint.push(128 | (len % 128) as u8);
            len /= 128;
        }
        varint.push(len as u8);
        reversed.extend(varint.iter().rev());
        reversed.push(tags[level % tags.len()]);
    }
    reversed.reverse();
    reversed
}
