//! Streams that are begun in vain: reset by the attacker, or by the victim for the attacker's sake.

use std::time::Duration;

use hikyaku_testkit::raw::{Frame, frame, kind};

use super::calls::{block, call, open, setting, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, Ending, Manner, Reading};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(1, "rapid-reset", |arena| Box::pin(rapid_reset(arena))),
    Attack::new(1, "rapid-reset-of-unary-calls", |arena| {
        Box::pin(rapid_reset_of_unary_calls(arena))
    }),
    Attack::new(1, "rapid-reset-1000-a-second", |arena| {
        Box::pin(rapid_reset_paced(arena))
    }),
    Attack::new(2, "made-you-reset-zero-increment", |arena| {
        Box::pin(made_you_reset(arena, zero_increment))
    }),
    Attack::new(2, "made-you-reset-window-overflow", |arena| {
        Box::pin(made_you_reset(arena, window_overflow))
    }),
    Attack::new(2, "made-you-reset-half-closed", |arena| {
        Box::pin(made_you_reset(arena, data_when_half_closed))
    }),
    Attack::new(2, "made-you-reset-priority-length", |arena| {
        Box::pin(made_you_reset(arena, priority_length))
    }),
    Attack::new(2, "made-you-reset-self-dependency", |arena| {
        Box::pin(made_you_reset(arena, self_dependency))
    }),
    Attack::new(2, "made-you-reset-content-length", |arena| {
        Box::pin(made_you_reset(arena, content_length))
    }),
    Attack::new(3, "header-list-limit-0", |arena| {
        Box::pin(tiny_header_list(arena, 0))
    }),
    Attack::new(3, "header-list-limit-1", |arena| {
        Box::pin(tiny_header_list(arena, 1))
    }),
    Attack::new(4, "reset-flood-unread", |arena| {
        Box::pin(reset_flood(arena))
    }),
];

const CALLS: u64 = 100_000;
const CANCEL: u32 = 8;

/// Streaming calls, whose handlers start with HEADERS.
async fn rapid_reset(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Ignore", &[]);
    let ending = attacker
        .flood_and_settle(CALLS, |index, bytes| {
            open(stream(index), &block, bytes);
            bytes.extend(Frame::reset(stream(index), CANCEL));
        })
        .await;
    no_handler_stays(&arena, &attacker, &ending).await
}

/// Calls with one request, whose handlers start with the request.
async fn rapid_reset_of_unary_calls(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Hang", &[]);
    let ending = attacker
        .flood_and_settle(CALLS, |index, bytes| {
            call(stream(index), &block, bytes);
            bytes.extend(Frame::reset(stream(index), CANCEL));
        })
        .await;
    no_handler_stays(&arena, &attacker, &ending).await
}

/// Below any limit on a burst.
async fn rapid_reset_paced(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Hang", &[]);
    let ending = attacker
        .drip(20_000, 1000, |index, bytes| {
            call(stream(index), &block, bytes);
            bytes.extend(Frame::reset(stream(index), CANCEL));
        })
        .await;
    no_handler_stays(&arena, &attacker, &ending).await
}

/// A call, and what makes its server reset it.
type Provocation = fn(u32, &mut Vec<u8>);

async fn made_you_reset(arena: Arena, provoke: Provocation) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let ending = attacker
        .flood_and_settle(CALLS, |index, bytes| provoke(stream(index), bytes))
        .await;
    no_handler_stays(&arena, &attacker, &ending).await
}

fn zero_increment(stream: u32, bytes: &mut Vec<u8>) {
    call(stream, &block("Hang", &[]), bytes);
    bytes.extend(Frame::window_update(stream, 0));
}

fn window_overflow(stream: u32, bytes: &mut Vec<u8>) {
    call(stream, &block("Hang", &[]), bytes);
    bytes.extend(Frame::window_update(stream, i32::MAX as u32));
}

fn data_when_half_closed(stream: u32, bytes: &mut Vec<u8>) {
    call(stream, &block("Hang", &[]), bytes);
    bytes.extend(Frame::data(stream, b"more", false));
}

fn priority_length(stream: u32, bytes: &mut Vec<u8>) {
    call(stream, &block("Hang", &[]), bytes);
    bytes.extend(frame(kind::PRIORITY, 0, stream, &[0; 4]));
}

/// RFC 7540 §5.3.1 made it an error; RFC 9113 has no such rule.
fn self_dependency(stream: u32, bytes: &mut Vec<u8>) {
    call(stream, &block("Hang", &[]), bytes);
    let mut payload = stream.to_be_bytes().to_vec();
    payload.push(0);
    bytes.extend(frame(kind::PRIORITY, 0, stream, &payload));
}

fn content_length(stream: u32, bytes: &mut Vec<u8>) {
    open(stream, &block("Ignore", &[("content-length", "3")]), bytes);
    bytes.extend(Frame::message(stream, &[], true));
}

/// Answers that would break the attacker's limit, if a server went by it.
async fn tiny_header_list(arena: Arena, limit: u32) -> Result<Outcome, Trouble> {
    const CALLS: u64 = 10_000;
    let settings = &[(setting::MAX_HEADER_LIST_SIZE, limit)];
    let mut attacker = arena
        .attacker_with(Manner {
            settings,
            ..Manner::default()
        })
        .await?;
    let block = block("Echo", &[]);
    let mut ending = attacker
        .drip(CALLS, 2000, |index, bytes| {
            call(stream(index), &block, bytes)
        })
        .await;
    if ending == Ending::Served {
        ending = attacker.settle().await;
    }
    // More calls than may be open at once come in together when the machine is busy.
    let answered = attacker.seen().status_count("0") + attacker.seen().reset_count();
    let outcome = no_handler_stays(&arena, &attacker, &ending).await?;
    let is_right = outcome.is_cut_off || answered == CALLS;
    Ok(outcome.must(
        is_right,
        format!("{answered} of {CALLS} calls were answered or refused"),
    ))
}

/// A reset for each call, and nobody who reads them.
async fn reset_flood(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena
        .attacker_with(Manner {
            reading: Reading::Nothing,
            ..Manner::default()
        })
        .await?;
    let ending = attacker
        .flood(1_000_000, |index, bytes| {
            zero_increment(stream(index), bytes)
        })
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// Whatever was begun, little of it may still run.
async fn no_handler_stays(
    arena: &Arena,
    attacker: &Attacker,
    ending: &Ending,
) -> Result<Outcome, Trouble> {
    let outcome = Outcome::of(attacker, ending);
    // Calls that were neither reset nor refused wait for their cancellation.
    let allowed = if outcome.is_cut_off { 0 } else { 100 };
    let mut running = u32::MAX;
    for _ in 0..20 {
        running = arena.handlers().await?.running;
        if running <= allowed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let is_right = running <= allowed;
    Ok(outcome.must(is_right, format!("{running} handlers still run")))
}
