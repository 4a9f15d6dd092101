//! Deadlines: of any spelling, and more of them than anybody needs.

use std::time::Duration;

use hikyaku_testkit::raw::Frame;

use super::answers::{Saying, try_all};
use super::calls::{block, call, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, grouped};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(40, "timeout-spellings", |arena| {
        Box::pin(async move { try_all(&arena, spellings(), OVER_COUNT).await })
    })
    .with_many_connections(),
    Attack::new(40, "100000-live-timers", |arena| {
        Box::pin(live_timers(arena))
    })
    .with_many_connections(),
];

/// Rows of [`spellings`] that are over at once; their handlers are dropped as soon as they wait.
const OVER_COUNT: u64 = 4;

/// Values that are none, and those that are over at once.
fn spellings() -> Vec<Saying> {
    let bad = [
        "",
        "S",
        "1",
        "-1S",
        "+1S",
        "1s",
        "1.5S",
        "123456789S",
        "1 S",
        "1SS",
        "0x1S",
        "1e3S",
        "99999999999999999999S",
        "\u{0661}S",
        "1\u{00b5}",
        "NaNS",
        "1S,2S",
    ];
    let over = ["0S", "0n", "00000000H", "1n"];
    let mut sayings = Vec::new();
    for (values, want) in [(&bad[..], &["grpc 13"][..]), (&over[..], &["grpc 4"])] {
        for &value in values {
            let mut bytes = Vec::new();
            call(1, &block("Hang", &[("grpc-timeout", value)]), &mut bytes);
            sayings.push(Saying::new(format!("{value:?}"), bytes, want));
        }
    }
    sayings
}

/// Twenty spellings of deadlines, which hold a timer each until they are over.
const LIVE: [&str; 20] = [
    "99999999H",
    "99999999M",
    "99999999S",
    "2H",
    "3H",
    "1H",
    "60M",
    "120M",
    "3600S",
    "7200S",
    "9999999m",
    "99999999m",
    "86400S",
    "24H",
    "1440M",
    "20S",
    "20000m",
    "20000000u",
    "21S",
    "22S",
];

const CONNECTIONS: u64 = 1000;
const STREAMS: u64 = 100;

/// As many calls as a thousand connections may have. Those of a quarter end together.
async fn live_timers(arena: Arena) -> Result<Outcome, Trouble> {
    let blocks = LIVE.map(|value| block("Hang", &[("grpc-timeout", value)]));
    let mut attackers: Vec<Attacker> = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut attacker = arena.attacker().await?;
        let mut bytes = Vec::new();
        for index in 0..STREAMS {
            call(stream(index), &blocks[index as usize % 20], &mut bytes);
        }
        let _ = attacker.send(&bytes).await;
        attackers.push(attacker);
    }
    let mut live = 0;
    for _ in 0..20 {
        // Calls may be refused meanwhile: that is the healthy client's to complain about.
        if let Ok(report) = arena.handlers().await {
            live = live.max(report.running);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let over_count: u64 = attackers.iter().map(|a| a.seen().status_count("4")).sum();
    let refused_count: u64 = attackers.iter().map(|a| a.seen().reset_count()).sum();
    for attacker in &mut attackers {
        // So that the end is not told stream by stream.
        let _ = attacker.send(&Frame::go_away(0, 0, "")).await;
    }
    drop(attackers);
    let mut left = u32::MAX;
    for _ in 0..20 {
        if let Ok(report) = arena.handlers().await {
            left = report.running;
        }
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let words = format!(
        "{} timers at once, {} over in time, {} calls refused",
        grouped(u64::from(live)),
        grouped(over_count),
        grouped(refused_count)
    );
    // Five of the twenty spellings are over by now.
    let due = u64::from(live) / 4;
    Ok(Outcome::served(words)
        .must(
            over_count >= due,
            format!("{over_count} of {due} deadlines were kept"),
        )
        .must(
            left == 0,
            format!("{left} handlers outlive their connections"),
        ))
}
