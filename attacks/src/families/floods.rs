//! Frames that cost little to send and ask for work, an answer or memory.

use hikyaku_testkit::raw::{Frame, frame, kind};

use super::calls::{block, open, setting, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Ending, Greeting, Manner, Reading};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(6, "ping-flood", |arena| {
        let ping = Frame::ping(false, *b"pingping");
        Box::pin(repeat(arena, Reading::All, 300_000, ping))
    }),
    Attack::new(6, "ping-flood-unread", |arena| {
        let ping = Frame::ping(false, *b"pingping");
        Box::pin(repeat(arena, Reading::Nothing, 2_000_000, ping))
    }),
    Attack::new(7, "priority-shuffle", |arena| Box::pin(priorities(arena))),
    Attack::new(8, "settings-flood", |arena| {
        Box::pin(repeat(arena, Reading::All, 2_000_000, one_setting()))
    }),
    Attack::new(8, "settings-flood-unread", |arena| {
        Box::pin(repeat(arena, Reading::Nothing, 2_000_000, one_setting()))
    }),
    Attack::new(8, "settings-of-2400-entries", |arena| {
        Box::pin(long_settings(arena))
    }),
    Attack::new(11, "empty-data", |arena| Box::pin(empty_data(arena))),
    Attack::new(11, "empty-headers", |arena| Box::pin(empty_headers(arena))),
    Attack::new(12, "fragmented-data", |arena| Box::pin(fragments(arena))),
    Attack::new(12, "fragmented-data-of-tiny-messages", |arena| {
        Box::pin(tiny_messages(arena))
    }),
    Attack::new(18, "50000-streams", |arena| {
        Box::pin(streams(arena, Greeting::Whole))
    }),
    Attack::new(18, "50000-streams-before-settings", |arena| {
        Box::pin(streams(arena, Greeting::Preface))
    }),
];

fn one_setting() -> Vec<u8> {
    Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535)])
}

/// The same again and again.
async fn repeat(
    arena: Arena,
    reading: Reading,
    count: u64,
    frame: Vec<u8>,
) -> Result<Outcome, Trouble> {
    let manner = Manner {
        reading,
        ..Manner::default()
    };
    let mut attacker = arena.attacker_with(manner).await?;
    let ending = attacker.flood(count, |_, bytes| bytes.extend(&frame)).await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// PRIORITY for ever other streams, which depend on ever other streams.
async fn priorities(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let ending = attacker
        .flood_and_settle(1_000_000, |index, bytes| {
            let mut payload = stream(index % 1000 + 1).to_be_bytes().to_vec();
            payload.push(index as u8);
            bytes.extend(frame(kind::PRIORITY, 0, stream(index % 1000), &payload));
        })
        .await;
    Ok(Outcome::of(&attacker, &ending))
}

/// Frames as long as they may be, full of the setting that touches every stream.
async fn long_settings(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let entries: Vec<_> = (0..2400)
        .map(|len| (setting::INITIAL_WINDOW_SIZE, len))
        .collect();
    let settings = Frame::settings(&entries);
    let ending = attacker
        .flood_and_settle(10_000, |_, bytes| bytes.extend(&settings))
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

async fn empty_data(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Consume", &[]);
    let ending = attacker
        .flood_and_settle(1_000_000, |index, bytes| {
            if index == 0 {
                open(1, &block, bytes);
            }
            bytes.extend(Frame::data(1, &[], false));
        })
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// Header blocks without a field.
async fn empty_headers(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let ending = attacker
        .flood_and_settle(1_000_000, |index, bytes| open(stream(index), &[], bytes))
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

const FRAGMENTED_STREAMS: u64 = 100;
const FRAGMENTS: u64 = 65_535;

/// One byte a frame, within all windows, to handlers that do not read.
async fn fragments(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Ignore", &[]);
    let ending = attacker
        .flood_and_settle(FRAGMENTED_STREAMS * FRAGMENTS, |index, bytes| {
            let (round, stream) = (
                index / FRAGMENTED_STREAMS,
                stream(index % FRAGMENTED_STREAMS),
            );
            if round == 0 {
                open(stream, &block, bytes);
            }
            // The prefix of a message of 1 MiB, which never comes to its end.
            let byte = [0, 0, 16, 0, 0].get(round as usize).copied();
            bytes.extend(Frame::data(stream, &[byte.unwrap_or_default()], false));
        })
        .await;
    Ok(Outcome::of(&attacker, &ending))
}

/// Empty messages, to handlers that do not read: five bytes each, and something to keep for each. An
/// honest client may send them, too, so that what counts is the memory; at this rate.
async fn tiny_messages(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let block = block("Ignore", &[]);
    let ending = attacker
        .drip(
            FRAGMENTED_STREAMS * FRAGMENTS / 5,
            200_000,
            |index, bytes| {
                let (round, stream) = (
                    index / FRAGMENTED_STREAMS,
                    stream(index % FRAGMENTED_STREAMS),
                );
                if round == 0 {
                    open(stream, &block, bytes);
                }
                bytes.extend(Frame::message(stream, &[], false));
            },
        )
        .await;
    let ending = match ending {
        Ending::Served => attacker.settle().await,
        ending => ending,
    };
    Ok(Outcome::of(&attacker, &ending))
}

/// Calls that never go on.
async fn streams(arena: Arena, greeting: Greeting) -> Result<Outcome, Trouble> {
    let manner = Manner {
        greeting,
        ..Manner::default()
    };
    let mut attacker = arena.attacker_with(manner).await?;
    let block = block("Ignore", &[]);
    let ending = attacker
        .flood_and_settle(50_000, |index, bytes| open(stream(index), &block, bytes))
        .await;
    let seen = attacker.seen();
    let outcome = Outcome::of(&attacker, &ending);
    let is_right = outcome.is_cut_off || seen.reset_count() == 50_000 - 100;
    let refused = format!("{} streams were refused", seen.reset_count());
    Ok(outcome.must(is_right, refused))
}
