//! Answers that are asked for and not taken: windows that open by a byte, or never.

use std::time::Duration;

use hikyaku_testkit::raw::Frame;

use super::calls::{WIDEST, block, produce, setting, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, Ending, Manner, Reading};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(5, "data-dribble", |arena| Box::pin(dribble(arena))),
    Attack::new(5, "data-dribble-10-a-second", |arena| {
        Box::pin(slow_dribble(arena))
    })
    .waiting(),
    Attack::new(10, "closed-tcp-window", |arena| {
        Box::pin(closed_tcp_window(arena))
    })
    .waiting(),
    Attack::new(15, "http2-bomb-held-by-a-zero-window", |arena| {
        Box::pin(held(arena))
    })
    .waiting(),
];

const GIB: u64 = 1 << 30;
const STREAMS: u64 = 100;

/// A stalled stream ends within 60 s, and is noticed within some more.
const STALLED: Duration = Duration::from_secs(75);

/// One byte a frame, as fast as they come.
async fn dribble(arena: Arena) -> Result<Outcome, Trouble> {
    let settings = &[(setting::INITIAL_WINDOW_SIZE, 1)];
    let mut attacker = connect(&arena, settings).await?;
    let block = block("Produce", &[]);
    let update = Frame::window_update(1, 1);
    let ending = attacker
        .flood(10_000_000, |index, bytes| match index {
            0 => produce(1, &block, GIB, bytes),
            _ => bytes.extend(&update),
        })
        .await;
    let got = attacker.seen().data_len;
    Ok(Outcome::of(&attacker, &ending)
        .and(format!("{got} bytes taken"))
        .must_be_cut_off())
}

/// Ten bytes a second on each of a hundred streams, below any limit on frames.
async fn slow_dribble(arena: Arena) -> Result<Outcome, Trouble> {
    let settings = &[(setting::INITIAL_WINDOW_SIZE, 1)];
    let mut attacker = connect(&arena, settings).await?;
    open_all(&mut attacker, &block("Produce", &[])).await;
    let began = std::time::Instant::now();
    let mut ending = Ending::Served;
    let mut is_over = false;
    while began.elapsed() < STALLED && !is_over {
        let updates = (0..STREAMS).flat_map(|index| Frame::window_update(stream(index), 10));
        if let Err(cut) = attacker.send(&updates.collect::<Vec<_>>()).await {
            ending = cut;
            break;
        }
        is_over = attacker
            .wait_for(Duration::from_secs(1), |seen| seen.reset_count() >= STREAMS)
            .await;
    }
    Ok(ended_in_time(&attacker, &ending))
}

/// HTTP/2 windows wide open, TCP's shut.
async fn closed_tcp_window(arena: Arena) -> Result<Outcome, Trouble> {
    let before = arena.victim.socket_count();
    let settings = &[(setting::INITIAL_WINDOW_SIZE, i32::MAX as u32)];
    let mut attacker = arena
        .attacker_with(Manner {
            settings,
            reading: Reading::Nothing,
            ..Manner::default()
        })
        .await?;
    let _ = attacker.send(&Frame::window_update(0, WIDEST)).await;
    open_all(&mut attacker, &block("Produce", &[])).await;
    let is_closed = arena
        .wait_until(STALLED, |victim| victim.socket_count() <= before)
        .await;
    let took = attacker.elapsed();
    let outcome = match is_closed {
        true => Outcome::cut_off("closed"),
        false => Outcome::served("kept the connection"),
    };
    Ok(outcome.and_time(took).must(
        is_closed,
        "a peer that takes nothing should be closed in 60 s",
    ))
}

/// Long header lists of calls whose answers never fit a window, kept alive by PING and
/// WINDOW_UPDATE of the connection.
async fn held(arena: Arena) -> Result<Outcome, Trouble> {
    let settings = &[(setting::INITIAL_WINDOW_SIZE, 0)];
    let mut attacker = connect(&arena, settings).await?;
    open_all(
        &mut attacker,
        &block("Produce", &[("cookie", "crumb"); 115]),
    )
    .await;
    let began = std::time::Instant::now();
    let mut ending = Ending::Served;
    let mut is_over = false;
    while began.elapsed() < STALLED && !is_over {
        let alive = [Frame::window_update(0, 1), Frame::ping(false, *b"alive!!!")];
        if let Err(cut) = attacker.send(&alive.concat()).await {
            ending = cut;
            break;
        }
        is_over = attacker
            .wait_for(Duration::from_secs(1), |seen| seen.reset_count() >= STREAMS)
            .await;
    }
    Ok(ended_in_time(&attacker, &ending))
}

async fn connect(arena: &Arena, settings: &[(u16, u32)]) -> Result<Attacker, Trouble> {
    let manner = Manner {
        settings,
        ..Manner::default()
    };
    Ok(arena.attacker_with(manner).await?)
}

async fn open_all(attacker: &mut Attacker, block: &[u8]) {
    let mut bytes = Vec::new();
    for index in 0..STREAMS {
        produce(stream(index), block, GIB, &mut bytes);
    }
    let _ = attacker.send(&bytes).await;
}

fn ended_in_time(attacker: &Attacker, ending: &Ending) -> Outcome {
    let resets = attacker.seen().reset_count();
    let outcome = Outcome::of(attacker, ending).and_time(attacker.elapsed());
    let is_over = outcome.is_cut_off || resets >= STREAMS;
    outcome.must(is_over, "stalled streams should end within 60 s")
}
