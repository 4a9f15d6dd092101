//! What comes behind an error that ends the connection, and what stays of it.

use std::time::{Duration, Instant};

use hikyaku_testkit::raw::{Frame, PREFACE, frame, kind};
use tokio::task::JoinSet;

use super::calls::{block, call, setting};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Ending, grouped};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(20, "window-overflow-of-10000-connections", |arena| {
        Box::pin(overflows(arena))
    })
    .with_many_connections(),
    Attack::new(22, "frames-after-a-fatal-error", |arena| {
        Box::pin(frames_after_the_end(arena))
    })
    .with_many_connections(),
];

/// Connections at once.
const WAVE: usize = 500;

/// Nothing may stay of a connection that has failed.
async fn overflows(arena: Arena) -> Result<Outcome, Trouble> {
    let (sockets, resident) = (arena.victim.socket_count(), arena.victim.resident());
    let mut open_count = 0_usize;
    for _ in 0..10_000 / WAVE {
        let mut wave = JoinSet::new();
        for _ in 0..WAVE {
            let arena = arena.clone();
            wave.spawn(async move {
                let mut attacker = arena.attacker().await?;
                let _ = attacker
                    .send(&Frame::window_update(0, i32::MAX as u32))
                    .await;
                // The attacker keeps its end open until the victim has closed its own.
                Ok::<_, Trouble>(attacker.wait_for_close(Duration::from_secs(30)).await)
            });
        }
        while let Some(is_closed) = wave.join_next().await {
            open_count += usize::from(!is_closed??);
        }
    }
    arena
        .wait_until(Duration::from_secs(10), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    let left = arena.victim.socket_count().saturating_sub(sockets);
    let growth = arena.victim.resident().saturating_sub(resident) / 1024;
    Ok(Outcome::cut_off(format!("closed all, {growth} MiB stay"))
        .must(open_count == 0, format!("{open_count} were not closed"))
        .must(left == 0, format!("{left} sockets stay open"))
        .must(growth <= 16, format!("{growth} MiB stay")))
}

/// Every kind of frame behind every error that ends the connection: in the same write, and in one
/// that comes later.
async fn frames_after_the_end(arena: Arena) -> Result<Outcome, Trouble> {
    let sockets = arena.victim.socket_count();
    let (mut count, mut trouble) = (0, Vec::new());
    for (name, error) in fatal_errors() {
        let mut trials = JoinSet::new();
        for behind in frames_of_all_kinds() {
            for is_later in [false, true] {
                let (arena, error, behind) = (arena.clone(), error.clone(), behind.clone());
                trials.spawn(async move { fail_and_go_on(arena, error, behind, is_later).await });
            }
        }
        while let Some(is_closed) = trials.join_next().await {
            count += 1;
            if !is_closed?? {
                trouble.push(format!("{name} does not close the connection"));
            }
        }
    }
    trouble.dedup();
    arena
        .wait_until(Duration::from_secs(10), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    let left = arena.victim.socket_count().saturating_sub(sockets);
    Ok(
        Outcome::cut_off(format!("closed {} connections", grouped(count)))
            .must(trouble.is_empty(), trouble.join(", "))
            .must(left == 0, format!("{left} sockets stay open")),
    )
}

async fn fail_and_go_on(
    arena: Arena,
    error: Vec<u8>,
    behind: Vec<u8>,
    is_later: bool,
) -> Result<bool, Trouble> {
    let mut attacker = arena.attacker().await?;
    if is_later {
        let _ = attacker.send(&error).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Written past the end on purpose.
        let _ = attacker.send(&behind).await;
    } else {
        let _ = attacker.send(&[error, behind].concat()).await;
    }
    let began = Instant::now();
    let is_closed = attacker.wait_for_close(Duration::from_secs(20)).await;
    Ok(is_closed
        && began.elapsed() < Duration::from_secs(20)
        && attacker.wait_for_end(Duration::ZERO).await != Ending::Served)
}

/// RFC 9113: what a client may do once.
fn fatal_errors() -> Vec<(&'static str, Vec<u8>)> {
    [errors_of_streams(), errors_of_the_connection()].concat()
}

/// A frame whose payload is this many zeros.
fn of_length(kind: u8, stream: u32, len: usize) -> Vec<u8> {
    frame(kind, 0, stream, &vec![0; len])
}

fn errors_of_streams() -> Vec<(&'static str, Vec<u8>)> {
    let mut closed = Vec::new();
    call(3, &block("Echo", &[]), &mut closed);
    closed.extend(Frame::headers(1, &block("Echo", &[]), true));
    vec![
        ("DATA on the connection", Frame::data(0, b"x", false)),
        ("DATA on an idle stream", Frame::data(1, b"x", false)),
        (
            "HEADERS on the connection",
            Frame::headers(0, &block("Echo", &[]), true),
        ),
        (
            "HEADERS on a server's stream",
            Frame::headers(2, &block("Echo", &[]), true),
        ),
        ("HEADERS on a lower stream", closed),
        (
            "HEADERS that are no HPACK",
            Frame::headers(1, &[0xff; 20], true),
        ),
        (
            "a reference to nothing",
            Frame::headers(1, &[0x80 | 100], true),
        ),
        (
            "padding longer than its frame",
            frame(kind::HEADERS, 0x0d, 1, &[200, 0]),
        ),
        (
            "PRIORITY on the connection",
            of_length(kind::PRIORITY, 0, 5),
        ),
        ("RST_STREAM on an idle stream", Frame::reset(1, 8)),
        ("RST_STREAM of 3 bytes", of_length(kind::RST_STREAM, 1, 3)),
    ]
}

fn errors_of_the_connection() -> Vec<(&'static str, Vec<u8>)> {
    const PUSH_PROMISE: u8 = 5;
    const ENABLE_PUSH: u16 = 2;
    vec![
        ("SETTINGS of 5 bytes", of_length(kind::SETTINGS, 0, 5)),
        ("SETTINGS on a stream", of_length(kind::SETTINGS, 1, 6)),
        (
            "SETTINGS ACK with a payload",
            frame(kind::SETTINGS, 1, 0, &[0; 6]),
        ),
        ("ENABLE_PUSH of 2", Frame::settings(&[(ENABLE_PUSH, 2)])),
        (
            "a window of 2^31",
            Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 31)]),
        ),
        (
            "frames of 0 bytes",
            Frame::settings(&[(setting::MAX_FRAME_SIZE, 0)]),
        ),
        (
            "PUSH_PROMISE of a client",
            frame(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2]),
        ),
        ("PING of 7 bytes", of_length(kind::PING, 0, 7)),
        ("PING on a stream", of_length(kind::PING, 1, 8)),
        ("GOAWAY of 7 bytes", of_length(kind::GOAWAY, 0, 7)),
        ("GOAWAY on a stream", of_length(kind::GOAWAY, 1, 8)),
        ("an increment of 0", Frame::window_update(0, 0)),
        (
            "a window too wide",
            Frame::window_update(0, i32::MAX as u32),
        ),
        (
            "WINDOW_UPDATE of 3 bytes",
            of_length(kind::WINDOW_UPDATE, 0, 3),
        ),
        (
            "WINDOW_UPDATE on an idle stream",
            Frame::window_update(1, 1),
        ),
        (
            "CONTINUATION of nothing",
            frame(kind::CONTINUATION, 4, 1, &[]),
        ),
        (
            "a frame too long",
            frame(kind::DATA, 0, 1, &vec![0; 16_385]),
        ),
        (
            "PING within a header block",
            [frame(kind::HEADERS, 0, 1, &[]), Frame::ping(false, [0; 8])].concat(),
        ),
    ]
}

/// Frames that would be in order on a connection that stands, one of each kind, then all of them.
fn frames_of_all_kinds() -> Vec<Vec<u8>> {
    let mut one_call = Vec::new();
    call(101, &block("Echo", &[]), &mut one_call);
    let mut kinds = vec![
        one_call,
        Frame::data(1, b"more", false),
        frame(kind::PRIORITY, 0, 1, &[0; 5]),
        Frame::reset(1, 8),
        Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 100)]),
        Frame::settings_ack(),
        Frame::ping(false, [1; 8]),
        Frame::go_away(0, 0, "farewell"),
        Frame::window_update(0, 1),
        frame(kind::CONTINUATION, 4, 1, &[]),
        frame(0xfa, 0, 0, b"a kind that nobody knows"),
        PREFACE.to_vec(),
    ];
    kinds.push(kinds.concat());
    kinds
}
