//! Header blocks: too long, too many, never ending, cheap to send and dear to read.

use std::time::Duration;

use hikyaku_testkit::raw::{self, Frame, frame, kind};

use super::calls::{WIDEST, block, call, setting, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, Ending, Manner};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(9, "zero-length-headers", |arena| {
        Box::pin(zero_length(arena, ("", "")))
    }),
    Attack::new(9, "zero-length-values", |arena| {
        Box::pin(zero_length(arena, ("a", "")))
    }),
    Attack::new(11, "empty-continuation", |arena| {
        Box::pin(continuation(arena, Vec::new()))
    }),
    Attack::new(13, "continuation-flood", |arena| {
        Box::pin(continuation(arena, raw::block(&[("a", "b"); 3200])))
    }),
    Attack::new(13, "continuation-1-a-second", |arena| {
        Box::pin(slow_continuation(arena))
    })
    .waiting(),
    Attack::new(14, "hpack-bomb", |arena| {
        Box::pin(references(arena, ("x", "y".repeat(4000)), 4096, 10_000))
    }),
    Attack::new(15, "http2-bomb", |arena| {
        Box::pin(references(arena, ("x", String::new()), 32_000, 10_000))
    }),
    Attack::new(15, "http2-bomb-of-cookies", |arena| {
        Box::pin(references(arena, ("cookie", String::new()), 32_000, 10_000))
    }),
    Attack::new(16, "endless-varint", |arena| {
        Box::pin(endless_varint(arena))
    }),
    Attack::new(16, "table-after-a-long-block", |arena| {
        Box::pin(table_after_a_long_block(arena))
    }),
    Attack::new(16, "bad-base64", |arena| Box::pin(bad_base64(arena))),
    Attack::new(17, "encoder-table-of-4-gib", |arena| {
        Box::pin(encoder_table(arena))
    })
    .waiting(),
];

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// The first field of the dynamic table (RFC 7541 §2.3.3), as a reference (§6.1).
const NEWEST_FIELD: u8 = 0x80 | 62;

/// A literal that goes into the table (RFC 7541 §6.2.1).
fn indexed_literal(name: &str, value: &str) -> Vec<u8> {
    let mut literal = raw::block(&[(name, value)]);
    if let Some(first) = literal.first_mut() {
        *first = 0x40;
    }
    literal
}

/// A whole header block, in as many frames as it takes.
fn in_frames(stream: u32, flags: u8, block: &[u8], bytes: &mut Vec<u8>) {
    let mut pieces = block.chunks(16_384).peekable();
    let mut kind = kind::HEADERS;
    while let Some(piece) = pieces.next() {
        let end = if pieces.peek().is_none() {
            END_HEADERS
        } else {
            0
        };
        let flags = if kind == kind::HEADERS { flags } else { 0 };
        bytes.extend(frame(kind, flags | end, stream, piece));
        kind = kind::CONTINUATION;
    }
}

/// 8,193 fields that hold nothing or next to nothing, in call after call.
async fn zero_length(arena: Arena, field: (&str, &str)) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Hang", &[field; 8193]);
    let ending = attacker
        .flood_and_settle(10_000, |index, bytes| {
            in_frames(stream(index), END_STREAM, &block, bytes);
        })
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// A header block that never ends.
async fn continuation(arena: Arena, piece: Vec<u8>) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Hang", &[]);
    let continuation = frame(kind::CONTINUATION, 0, 1, &piece);
    let ending = attacker
        .flood(1_000_000, |index, bytes| {
            if index == 0 {
                bytes.extend(frame(kind::HEADERS, END_STREAM, 1, &block));
            }
            bytes.extend(&continuation);
        })
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

async fn slow_continuation(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Hang", &[]);
    let _ = attacker
        .send(&frame(kind::HEADERS, END_STREAM, 1, &block))
        .await;
    let ending = attacker
        .drip(30, 1, |_, bytes| {
            bytes.extend(frame(kind::CONTINUATION, 0, 1, &[]));
        })
        .await;
    let took = attacker.elapsed();
    Ok(Outcome::of(&attacker, &ending)
        .and_time(took)
        .must_be_cut_off()
        .must(
            took < Duration::from_secs(13),
            "a header block should end within 10 s",
        ))
}

/// One field put into the table, and named again and again by single bytes.
async fn references(
    arena: Arena,
    (name, value): (&'static str, String),
    count: usize,
    calls: u64,
) -> Result<Outcome, Trouble> {
    let settings = &[(setting::INITIAL_WINDOW_SIZE, 0)];
    let mut attacker = arena
        .attacker_with(Manner {
            settings,
            ..Manner::default()
        })
        .await?;
    let begin = block("Hang", &[]);
    let literal = indexed_literal(name, &value);
    let references = vec![NEWEST_FIELD; count];
    let ending = attacker
        .flood_and_settle(calls, |index, bytes| {
            let literal: &[u8] = if index == 0 { &literal } else { &[] };
            let block = [&begin, literal, &references].concat();
            in_frames(stream(index), 0, &block, bytes);
        })
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// A length whose octets go on for ever (RFC 7541 §5.1), all of them zero.
async fn endless_varint(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let mut begin = block("Hang", &[]);
    begin.extend([0, 0x7f]);
    let zeros = frame(kind::CONTINUATION, 0, 1, &[0x80; 16_000]);
    let ending = attacker
        .flood(10_000, |index, bytes| {
            if index == 0 {
                bytes.extend(frame(kind::HEADERS, END_STREAM, 1, &begin));
            }
            bytes.extend(&zeros);
        })
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// What a block puts into the table behind the point where it became too long is there for the next
/// block, or the connection ends: a table out of step shows one caller what another one sent.
async fn table_after_a_long_block(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let mut long = block("Echo", &[]);
    long.extend(indexed_literal("echo-step", "wrong"));
    long.extend([NEWEST_FIELD; 2000]);
    long.extend(indexed_literal("echo-step", "right"));
    let mut next = block("Echo", &[]);
    next.push(NEWEST_FIELD);
    let mut bytes = Vec::new();
    in_frames(1, END_STREAM, &long, &mut bytes);
    call(3, &next, &mut bytes);
    let ending = match attacker.send(&bytes).await {
        Ok(()) => attacker.settle().await,
        Err(ending) => ending,
    };
    let seen = attacker.seen();
    let outcome = Outcome::of(&attacker, &ending);
    let is_in_step = outcome.is_cut_off || seen.echoed("echo-step") == Some("right");
    Ok(outcome.must(is_in_step, "the table is out of step"))
}

/// Metadata that is not what its name promises is an error of its call at most.
async fn bad_base64(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let bad = block("Echo", &[("echo-x-bin", "!!!=")]);
    let good = block("Echo", &[("echo-x-bin", "AAEC")]);
    let ending = attacker
        .flood_and_settle(100, |index, bytes| {
            let block = if index < 99 { &bad } else { &good };
            call(stream(index), block, bytes);
        })
        .await;
    let is_echoed = attacker.seen().echoed("echo-x-bin") == Some("AAEC");
    Ok(Outcome::of(&attacker, &ending).must(
        ending == Ending::Served && is_echoed,
        "the call behind the bad ones should be answered",
    ))
}

/// Answers full of new fields, for a table as large as can be.
async fn encoder_table(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u64 = 100_000;
    let settings = &[
        (setting::HEADER_TABLE_SIZE, u32::MAX),
        (setting::MAX_HEADER_LIST_SIZE, u32::MAX),
    ];
    let mut attacker: Attacker = arena
        .attacker_with(Manner {
            settings,
            ..Manner::default()
        })
        .await?;
    let _ = attacker.send(&Frame::window_update(0, WIDEST)).await;
    let mut ending = attacker
        .drip(CALLS, 4000, |index, bytes| {
            let (name, value) = (format!("echo-{}", index % 1000), format!("value {index}"));
            call(stream(index), &block("Echo", &[(&name, &value)]), bytes);
        })
        .await;
    if ending == Ending::Served {
        ending = attacker.settle().await;
    }
    // More calls than may be open at once come in together when the machine is busy.
    let answered = attacker.seen().status_count("0") + attacker.seen().reset_count();
    let outcome = Outcome::of(&attacker, &ending);
    let is_right = outcome.is_cut_off || answered == CALLS;
    Ok(outcome.must(
        is_right,
        format!("{answered} of {CALLS} calls were answered or refused"),
    ))
}
