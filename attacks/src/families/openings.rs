//! Connections that do not begin as HTTP/2 does: another protocol, half a preface, wrong frames.

use hikyaku_testkit::raw::{Frame, PREFACE, frame, kind};

use super::answers::{Saying, try_all};
use crate::attack::Attack;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(29, "wrong-openings", |arena| {
        Box::pin(async move { try_all(&arena, wrong_openings(), 0).await })
    })
    .with_many_connections()
    .waiting(),
    // Without TLS of our own yet, what a TLS client says is a wrong opening as well.
    Attack::new(43, "tls-on-a-plain-port", |arena| {
        Box::pin(async move { try_all(&arena, tls(), 0).await })
    })
    .with_many_connections()
    .waiting(),
];

/// How a server may refuse what is no HTTP/2.
const REFUSED: &[&str] = &[
    "GOAWAY PROTOCOL_ERROR",
    "GOAWAY SETTINGS_TIMEOUT",
    "GOAWAY FRAME_SIZE_ERROR",
    "closed",
];

fn wrong_openings() -> Vec<Saying> {
    let mut sayings = other_protocols();
    for len in 0..PREFACE.len() {
        // Half a preface and silence; and one wrong octet.
        sayings.push(Saying::first(
            format!("{len} octets of the preface"),
            PREFACE[..len].to_vec(),
            REFUSED,
        ));
        let mut wrong = PREFACE.to_vec();
        wrong[len] ^= 0x20;
        sayings.push(Saying::first(
            format!("octet {len} of the preface is wrong"),
            wrong,
            REFUSED,
        ));
    }
    let firsts = [
        ("DATA", Frame::data(1, b"x", false)),
        (
            "HEADERS",
            Frame::headers(1, &super::calls::block("Echo", &[]), true),
        ),
        ("PRIORITY", frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 1])),
        ("RST_STREAM", Frame::reset(1, 8)),
        ("SETTINGS ACK", Frame::settings_ack()),
        ("PUSH_PROMISE", frame(5, 4, 1, &[0, 0, 0, 2])),
        ("PING", Frame::ping(false, [0; 8])),
        ("GOAWAY", Frame::go_away(0, 0, "")),
        ("WINDOW_UPDATE", Frame::window_update(0, 1)),
        ("CONTINUATION", frame(kind::CONTINUATION, 4, 1, &[])),
        ("an unknown frame", frame(99, 0, 0, &[])),
        ("SETTINGS of 5 octets", frame(kind::SETTINGS, 0, 0, &[0; 5])),
        ("SETTINGS on a stream", frame(kind::SETTINGS, 0, 1, &[])),
        (
            "SETTINGS that are too long",
            frame(kind::SETTINGS, 0, 0, &[0; 16_386]),
        ),
        (
            "a frame of 16 MiB",
            vec![0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0],
        ),
        ("the preface again", PREFACE.to_vec()),
    ];
    for (name, first) in firsts {
        sayings.push(Saying::first(
            format!("{name} before SETTINGS"),
            [PREFACE, &first].concat(),
            REFUSED,
        ));
    }
    let bad_values = [
        (2, 2),
        (2, u32::MAX),
        (4, 1 << 31),
        (5, 0),
        (5, 16_383),
        (5, 1 << 24),
    ];
    for (name, value) in bad_values {
        sayings.push(Saying::first(
            format!("SETTINGS {name} = {value}"),
            [PREFACE, &Frame::settings(&[(name, value)])].concat(),
            &["GOAWAY PROTOCOL_ERROR", "GOAWAY FLOW_CONTROL_ERROR"],
        ));
    }
    sayings
}

fn other_protocols() -> Vec<Saying> {
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let texts: [(&str, &[u8]); 31] = [
        ("GET", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("HEAD", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "POST",
            b"POST /attacks.Target/Echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
        ),
        ("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "PUT in pieces",
            b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n"),
        ("HTTP/0.9", b"GET /\r\n"),
        ("an upgrade to h2c", upgrade.as_bytes()),
        ("PRI of HTTP/1.1", b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"),
        (
            "PRI with a host",
            b"PRI * HTTP/2.0\r\nHost: a\r\n\r\nSM\r\n\r\n",
        ),
        ("PRI with a body", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        ("PRI in small letters", b"pri * http/2.0\r\n\r\nsm\r\n\r\n"),
        ("PRI with bare LF", b"PRI * HTTP/2.0\n\nSM\n\n"),
        ("a blank in front", b" PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("a line in front", b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("PROXY 1", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("PROXY 2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("SMTP", b"EHLO example.org\r\n"),
        ("FTP", b"USER anonymous\r\n"),
        ("Redis", b"*1\r\n$4\r\nPING\r\n"),
        ("memcached", b"stats\r\n"),
        ("PostgreSQL", b"\0\0\0\x08\x04\xd2\x16\x2f"),
        ("MQTT", b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd"),
        ("RTSP", b"OPTIONS rtsp://a RTSP/1.0\r\n\r\n"),
        (
            "WebSocket",
            b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        ),
        ("zeros", &[0; 4096]),
        ("ones", &[0xff; 4096]),
        ("a newline", b"\n"),
        ("frames without a preface", b"\0\0\0\x04\0\0\0\0\0"),
    ];
    let saying = |(name, text): (&str, &[u8])| Saying::first(name, text.to_vec(), REFUSED);
    texts.into_iter().map(saying).collect()
}

/// Client hellos of all versions, with ALPN and without, whole, cut and followed by garbage.
fn tls() -> Vec<Saying> {
    let mut sayings = Vec::new();
    for alpn in [
        &b""[..],
        b"\x02h2",
        b"\x08http/1.1",
        b"\x02h3",
        b"\0",
        b"\xffh2",
    ] {
        for version in [0, 1, 3, 4] {
            let hello = client_hello(version, alpn);
            let cut = hello[..hello.len() / 2].to_vec();
            let more = [&hello[..], &[0xa5; 20_000]].concat();
            for (what, bytes) in [("whole", hello), ("cut", cut), ("more", more)] {
                let alpn = alpn.escape_ascii();
                let name = format!("TLS hello 3.{version}, ALPN {alpn}, {what}");
                sayings.push(Saying::first(name, bytes, REFUSED));
            }
        }
    }
    let records: [(&str, &[u8]); 5] = [
        ("a TLS alert", b"\x15\x03\x03\0\x02\x02\x28"),
        ("a heartbeat", b"\x18\x03\x02\0\x03\x01\x40\0"),
        ("an SSL 2 hello", b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10"),
        ("a record of 64 KiB", b"\x16\x03\x01\xff\xff"),
        ("an empty record", b"\x16\x03\x01\0\0"),
    ];
    for (name, bytes) in records {
        sayings.push(Saying::first(name, bytes.to_vec(), REFUSED));
    }
    sayings
}

/// RFC 8446 §4.1.2, as far as a server that does not speak TLS would look.
fn client_hello(version: u8, alpn: &[u8]) -> Vec<u8> {
    let mut hello = vec![3, version.min(3)];
    hello.extend([0x5a; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
    let mut extension = vec![0, 16, 0, alpn.len() as u8 + 2, 0, alpn.len() as u8];
    extension.extend(alpn);
    hello.extend([0, extension.len() as u8]);
    hello.extend(extension);
    let mut record = vec![
        0x16,
        3,
        1,
        0,
        hello.len() as u8 + 4,
        1,
        0,
        0,
        hello.len() as u8,
    ];
    record.extend(hello);
    record
}
