//! A thousand connections that all take their time.

use std::time::{Duration, Instant};

use hikyaku_testkit::raw::{Frame, PREFACE, frame, kind};

use super::calls::{block, open, produce, setting};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, Greeting, Manner, Reading, grouped};

pub(crate) const ATTACKS: &[Attack] = &[
    slow("1000-silent", |arena| Box::pin(silent(arena))),
    slow("1000-half-a-preface", |arena| {
        Box::pin(half_a_preface(arena))
    }),
    slow("1000-without-settings", |arena| {
        Box::pin(no_settings(arena))
    }),
    slow("1000-half-of-headers", |arena| {
        Box::pin(half_of_headers(arena))
    }),
    slow("1000-slow-bodies", |arena| Box::pin(slow_bodies(arena))),
    slow("1000-slow-readers", |arena| Box::pin(slow_readers(arena))),
];

const fn slow(name: &'static str, run: fn(Arena) -> crate::attack::Running) -> Attack {
    Attack::new(27, name, run).waiting().with_many_connections()
}

const CONNECTIONS: usize = 1000;

/// Ten seconds, and some more to be noticed.
const HANDSHAKE: Duration = Duration::from_secs(16);

/// Sixty seconds, and some more.
const STALLED: Duration = Duration::from_secs(75);

const UNGREETED: Manner<'_> = Manner {
    settings: &[],
    reading: Reading::All,
    greeting: Greeting::None,
};

async fn silent(arena: Arena) -> Result<Outcome, Trouble> {
    hold(&arena, UNGREETED, &[], &[], HANDSHAKE).await
}

async fn half_a_preface(arena: Arena) -> Result<Outcome, Trouble> {
    hold(&arena, UNGREETED, &PREFACE[..12], &[], HANDSHAKE).await
}

async fn no_settings(arena: Arena) -> Result<Outcome, Trouble> {
    hold(&arena, UNGREETED, PREFACE, &[], HANDSHAKE).await
}

async fn half_of_headers(arena: Arena) -> Result<Outcome, Trouble> {
    let block = block("Echo", &[]);
    let half = frame(kind::HEADERS, 0, 1, &block[..block.len() / 2]);
    let more = frame(kind::CONTINUATION, 0, 1, &[]);
    hold(&arena, Manner::default(), &half, &more, HANDSHAKE).await
}

/// A request of a MiB, an octet a second.
async fn slow_bodies(arena: Arena) -> Result<Outcome, Trouble> {
    let mut bytes = Vec::new();
    open(1, &block("Echo", &[]), &mut bytes);
    bytes.extend(Frame::data(1, &[0, 0, 16, 0, 0], false));
    let more = Frame::data(1, &[0], false);
    hold(&arena, Manner::default(), &bytes, &more, STALLED).await
}

/// A reply of a GiB, an octet a second.
async fn slow_readers(arena: Arena) -> Result<Outcome, Trouble> {
    let mut bytes = Vec::new();
    produce(1, &block("Produce", &[]), 1 << 30, &mut bytes);
    let manner = Manner {
        settings: &[(setting::INITIAL_WINDOW_SIZE, 1)],
        ..Manner::default()
    };
    let more = Frame::window_update(1, 1);
    hold(&arena, manner, &bytes, &more, STALLED).await
}

/// A thousand connections that begin like this, and go on like that each second, until the victim
/// has ended each: the connection, or the only stream on it.
async fn hold(
    arena: &Arena,
    manner: Manner<'_>,
    bytes: &[u8],
    more: &[u8],
    limit: Duration,
) -> Result<Outcome, Trouble> {
    let sockets = arena.victim.socket_count();
    let mut attackers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut attacker = arena.attacker_with(manner).await?;
        let _ = attacker.send(bytes).await;
        attackers.push(attacker);
    }
    let held = arena.victim.socket_count().saturating_sub(sockets);
    let began = Instant::now();
    let mut open_count = CONNECTIONS;
    while open_count > 0 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for attacker in attackers.iter_mut().filter(|attacker| !is_ended(attacker)) {
            if !more.is_empty() {
                let _ = attacker.send(more).await;
            }
        }
        open_count = attackers
            .iter()
            .filter(|attacker| !is_ended(attacker))
            .count();
    }
    let took = began.elapsed();
    let last = attackers.last().map(Attacker::seen).unwrap_or_default();
    let how = match &last.go_away {
        Some(go_away) => go_away.to_string(),
        None if last.reset_count() > 0 => "RST_STREAM".to_owned(),
        None => "nothing".to_owned(),
    };
    drop(attackers);
    arena
        .wait_until(Duration::from_secs(10), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    let left = arena.victim.socket_count().saturating_sub(sockets);
    let words = format!("{} held, ended by {how}", grouped(held as u64));
    let expectation = format!("{open_count} go on after {} s", limit.as_secs());
    Ok(Outcome::served(words)
        .and_time(took)
        .must(open_count == 0, expectation)
        .must(left == 0, format!("{left} sockets stay open")))
}

fn is_ended(attacker: &Attacker) -> bool {
    let seen = attacker.seen();
    seen.is_over() || seen.reset_count() > 0 || seen.end_count > 0
}
