//! A hostile server's statuses, headers and trailers: the client must live, and say what it got.

use hikyaku_testkit::raw::{Frame, block, frame, kind};

use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::hostile::{Hostile, answer, count, describe, response, send_out, trailers};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(41, "client-statuses-of-any-kind", |arena| {
        Box::pin(statuses(arena))
    }),
    Attack::new(41, "client-trailers-of-a-mib", |arena| {
        Box::pin(long_trailers(arena))
    }),
    Attack::new(38, "client-compressed-replies", |arena| {
        Box::pin(compressed(arena))
    }),
    Attack::new(37, "client-envelopes-that-lie", |arena| {
        Box::pin(envelopes(arena))
    }),
];

/// What each call gets, and the code it must end with.
async fn table(
    arena: &Arena,
    rows: Vec<(String, Vec<u8>, &'static str)>,
) -> Result<Outcome, Trouble> {
    let (mut words, mut wrong) = (Vec::new(), Vec::new());
    let row_count = rows.len();
    for (name, frames, want) in rows {
        let server = Hostile::start(&[], move |mut guest| {
            let frames = frames.clone();
            async move {
                // The first call is answered by the row, the next as it should be.
                let stream = guest.opened().await?;
                guest.send(&on_stream(&frames, stream)).await?;
                guest.answer_all().await
            }
        })
        .await?;
        let findings = send_out(arena, server.journey("Echo", 1)).await?;
        let got = describe(&findings);
        if count(&findings, want) != 1 {
            wrong.push(format!("{name}: {got}, want {want}"));
        }
        words.push(got);
    }
    words.sort();
    words.dedup();
    let told = format!("{row_count} replies: {}", words.len());
    let mut outcome = Outcome::served(format!("{told} kinds of ends"));
    for wrong in wrong {
        outcome = outcome.must(false, wrong);
    }
    Ok(outcome)
}

/// The frames, which are written for stream 1, on another one.
fn on_stream(frames: &[u8], stream: u32) -> Vec<u8> {
    let mut bytes = frames.to_vec();
    let mut at = 0;
    while let Some(head) = bytes.get_mut(at..at + 9) {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        if head[5..] == 1_u32.to_be_bytes() {
            head[5..].copy_from_slice(&stream.to_be_bytes());
        }
        at += 9 + len;
    }
    bytes
}

/// The response headers, an empty message, and these trailers.
fn ending(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = response(1);
    bytes.extend(Frame::message(1, &[], false));
    bytes.extend(trailers(1, fields));
    bytes
}

async fn statuses(arena: Arena) -> Result<Outcome, Trouble> {
    let percent = "%".repeat(10_000);
    let encoded = "%00".repeat(4000);
    let wrong = "%zz%f%ff%c3".repeat(1000);
    let mut rows = vec![
        ("no status".to_owned(), ending(&[("x-a", "b")]), "Unknown"),
        (
            "no trailers".to_owned(),
            {
                let mut bytes = response(1);
                bytes.extend(Frame::data(1, &[0; 5], true));
                bytes
            },
            "Unknown",
        ),
    ];
    for status in [
        "",
        "x",
        "-1",
        "00",
        "0.0",
        "99999999999",
        "17",
        "1 2",
        "0x0",
        "\u{663}",
    ] {
        let bytes = ending(&[("grpc-status", status)]);
        rows.push((format!("status {status:?}"), bytes, "Unknown"));
    }
    for (name, message) in [
        ("percents", &percent),
        ("zeros", &encoded),
        ("no escapes", &wrong),
    ] {
        let bytes = ending(&[("grpc-status", "5"), ("grpc-message", message)]);
        rows.push((format!("a message of {name}"), bytes, "NotFound"));
    }
    let bad = ending(&[
        ("grpc-status", "5"),
        ("x-bin", "!!"),
        ("grpc-status-details-bin", "!"),
    ]);
    rows.push(("bad base64".to_owned(), bad, "NotFound"));
    for (status, want) in [
        ("200", "Unknown"),
        ("404", "Unimplemented"),
        ("503", "Unavailable"),
        ("999", "Unknown"),
    ] {
        let head = block(&[(":status", status), ("content-type", "text/html")]);
        let bytes = Frame::headers(1, &head, true);
        rows.push((format!("http {status}"), bytes, want));
    }
    table(&arena, rows).await
}

/// Header blocks far beyond what the client has announced.
async fn long_trailers(arena: Arena) -> Result<Outcome, Trouble> {
    let long = "x".repeat(1 << 20);
    let base64 = "A".repeat(1 << 20);
    let mut rows = Vec::new();
    for (name, fields) in [
        (
            "a message",
            vec![("grpc-status", "5"), ("grpc-message", long.as_str())],
        ),
        (
            "a binary field",
            vec![("grpc-status", "5"), ("x-bin", base64.as_str())],
        ),
        ("ten thousand fields", vec![("x-a", "b"); 10_000]),
    ] {
        let block = block(&fields);
        // Cut into frames of the largest length.
        let mut chunks = block.chunks(16_384).peekable();
        let mut frames = response(1);
        let (mut kind, mut flags) = (kind::HEADERS, 1);
        while let Some(chunk) = chunks.next() {
            let end = if chunks.peek().is_none() { 4 } else { 0 };
            frames.extend(frame(kind, flags | end, 1, chunk));
            (kind, flags) = (kind::CONTINUATION, 0);
        }
        rows.push((name.to_owned(), frames, "any"));
    }
    let mut words = Vec::new();
    let mut outcome = Outcome::served("the client");
    for (name, frames, _) in rows {
        let server = Hostile::start(&[], move |mut guest| {
            let frames = frames.clone();
            async move {
                let stream = guest.opened().await?;
                if guest.number == 0 {
                    guest.send(&on_stream(&frames, stream)).await?;
                } else {
                    guest.send(&answer(stream)).await?;
                }
                guest.answer_all().await
            }
        })
        .await?;
        let findings = send_out(&arena, server.journey("Echo", 5)).await?;
        words.push(format!("{name}: {}", describe(&findings)));
        let good = count(&findings, "Ok");
        let expectation = format!("{name}: {good} of the four calls behind it succeed");
        outcome = outcome.must(good == 4, expectation);
    }
    Ok(outcome.and(words.join("; ")))
}

async fn compressed(arena: Arena) -> Result<Outcome, Trouble> {
    let mut rows = Vec::new();
    for coding in ["gzip", "zstd", "x"] {
        let fields = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-encoding", coding),
        ];
        let mut bytes = Frame::headers(1, &block(&fields), false);
        bytes.extend(Frame::data(1, &[1, 0, 0, 0, 4, 0x1f, 0x8b, 0, 0], false));
        bytes.extend(trailers(1, &[("grpc-status", "0")]));
        rows.push((coding.to_owned(), bytes, "Internal"));
    }
    table(&arena, rows).await
}

async fn envelopes(arena: Arena) -> Result<Outcome, Trouble> {
    let max = 4 * 1024 * 1024_u32;
    let mut rows = Vec::new();
    for (name, prefix, want) in [
        (
            "a byte over",
            [&[0][..], &(max + 1).to_be_bytes()].concat(),
            "ResourceExhausted",
        ),
        ("4 GiB", vec![0, 255, 255, 255, 255], "ResourceExhausted"),
        ("flag 1 without a coding", vec![1, 0, 0, 0, 0], "Internal"),
        ("flag 9", vec![9, 0, 0, 0, 0], "Internal"),
        ("half a prefix", vec![0, 0], "Internal"),
        (
            "ten octets that never come",
            vec![0, 0, 0, 0, 10],
            "Internal",
        ),
        ("two messages", vec![0; 10], "Unimplemented"),
        ("no message", vec![], "Unimplemented"),
    ] {
        let mut bytes = response(1);
        bytes.extend(Frame::data(1, &prefix, false));
        bytes.extend(trailers(1, &[("grpc-status", "0")]));
        rows.push((name.to_owned(), bytes, want));
    }
    table(&arena, rows).await
}
