//! What happens to sockets: resets at any moment, too many of them, none left, nobody who reads.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hikyaku::{Channel, Request};
use hikyaku_testkit::raw::{Frame, PREFACE};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::calls::{WIDEST, block, call, open, produce, setting, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, Manner, Reading, grouped};
use crate::hostile::reset_after;
use crate::proto::attacks::{Blob, TargetClient};
use crate::victim::Victim;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(24, "reset-at-every-octet", |arena| {
        Box::pin(reset_everywhere(arena))
    })
    .with_many_connections(),
    Attack::new(25, "goaway-into-a-full-socket", |arena| {
        Box::pin(goaway_unread(arena))
    })
    .waiting(),
    Attack::new(26, "reset-before-accept", |arena| {
        Box::pin(reset_before_accept(arena))
    })
    .with_many_connections(),
    Attack::new(26, "no-descriptors-left", |arena| {
        Box::pin(no_descriptors(arena))
    })
    .with_many_connections(),
    Attack::new(44, "20000-connections", |arena| {
        Box::pin(connections(arena))
    })
    .with_many_connections(),
    Attack::new(45, "idle-and-stuck-peers", |arena| Box::pin(idle(arena)))
        .waiting()
        .with_many_connections(),
];

/// A session with all kinds of frames and two calls.
fn session() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    bytes.extend(Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 70_000)]));
    bytes.extend(Frame::settings_ack());
    call(1, &block("Echo", &[("x-a", "b")]), &mut bytes);
    bytes.extend(Frame::ping(false, [7; 8]));
    open(3, &block("Chat", &[]), &mut bytes);
    bytes.extend(Frame::message(3, &[10, 1, 7], false));
    bytes.extend(Frame::window_update(0, 1000));
    bytes.extend(Frame::window_update(3, 1000));
    call(5, &block("Hang", &[]), &mut bytes);
    bytes.extend(Frame::reset(5, 8));
    bytes.extend(Frame::message(3, &[10, 1, 7], true));
    bytes.extend(Frame::go_away(0, 0, "bye"));
    bytes
}

/// TCP's own reset behind each octet of a session.
async fn reset_everywhere(arena: Arena) -> Result<Outcome, Trouble> {
    let (sockets, session) = (arena.victim.socket_count(), session());
    for len in 0..=session.len() {
        reset_after(arena.addr(), &session[..len]).await?;
    }
    let outcome = Outcome::served(format!("lived through {} resets", session.len() + 1));
    nothing_stays(&arena, sockets, outcome).await
}

async fn nothing_stays(
    arena: &Arena,
    sockets: usize,
    outcome: Outcome,
) -> Result<Outcome, Trouble> {
    // Connections are accepted in their order: behind this one, all of them have been.
    drop(arena.attacker().await?);
    arena
        .wait_until(Duration::from_secs(10), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    let left = arena.victim.socket_count().saturating_sub(sockets);
    let running = arena.handlers().await?.running;
    Ok(outcome
        .must(left == 0, format!("{left} sockets stay open"))
        .must(running == 0, format!("{running} handlers still run")))
}

/// Replies that fill the socket, then an error of the client, whose GOAWAY cannot be written.
async fn goaway_unread(arena: Arena) -> Result<Outcome, Trouble> {
    let sockets = arena.victim.socket_count();
    let settings = &[(setting::INITIAL_WINDOW_SIZE, i32::MAX as u32)];
    let manner = Manner {
        settings,
        reading: Reading::Nothing,
        ..Manner::default()
    };
    let mut attacker = arena.attacker_with(manner).await?;
    let mut bytes = Frame::window_update(0, WIDEST);
    for index in 0..10 {
        produce(stream(index), &block("Produce", &[]), 1 << 30, &mut bytes);
    }
    let _ = attacker.send(&bytes).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // On the connection: a frame that is never allowed.
    let _ = attacker.send(&Frame::data(0, b"x", false)).await;
    let began = Instant::now();
    let is_closed = arena
        .wait_until(Duration::from_secs(75), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    let outcome = Outcome::cut_off("closed the socket as it was")
        .and_time(began.elapsed())
        .must(is_closed, "the socket is still open after 75 s");
    nothing_stays(&arena, sockets, outcome).await
}

async fn reset_before_accept(arena: Arena) -> Result<Outcome, Trouble> {
    const COUNT: usize = 5000;
    let sockets = arena.victim.socket_count();
    for _ in 0..COUNT {
        reset_after(arena.addr(), b"").await?;
    }
    // Thousands of peers, each with no more than a connection: the share of CPU is that of one.
    let outcome = Outcome::worked(format!("lived through {}", grouped(COUNT as u64)));
    nothing_stays(&arena, sockets, outcome).await
}

/// A victim of its own with 64 descriptors, and 200 clients.
async fn no_descriptors(arena: Arena) -> Result<Outcome, Trouble> {
    let victim = Victim::start_starved_server(64)?;
    let client = Channel::connect(&format!("http://{}", victim.addr())).await?;
    let client = TargetClient::new(client);
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(TcpStream::connect(victim.addr()).await?);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (cpu, began) = (victim.cpu(), Instant::now());
    let mut lost = 0;
    for _ in 0..30 {
        let request = Request::new(Blob::default()).with_timeout(Duration::from_secs(5));
        lost += u32::from(client.probe(request).await.is_err());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let share = victim.cpu().saturating_sub(cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    drop(held);
    let mut is_back = false;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Ok(channel) = Channel::connect(&format!("http://{}", victim.addr())).await {
            let request = Request::new(Blob::default()).with_timeout(Duration::from_secs(5));
            is_back = TargetClient::new(channel).probe(request).await.is_ok();
        }
        if is_back {
            break;
        }
    }
    drop(arena);
    let words = format!(
        "waited for descriptors with {:.0}% of a core",
        share * 100.0
    );
    Ok(Outcome::served(words)
        .must(lost == 0, format!("{lost} of 30 calls were lost meanwhile"))
        .must(share < 0.25, "that is too much of a core")
        .must(is_back, "new clients are not served afterwards"))
}

/// As many connections at a time as this process may have.
async fn connections(arena: Arena) -> Result<Outcome, Trouble> {
    const COUNT: usize = 20_000;
    let sockets = arena.victim.socket_count();
    let (mut held, mut refused, mut peak) = (Vec::new(), 0, 0);
    for _ in 0..COUNT / 100 {
        let mut connecting = JoinSet::new();
        for _ in 0..100 {
            connecting.spawn(connect_in_time(arena.addr()));
        }
        while let Some(connected) = connecting.join_next().await {
            match connected? {
                Ok(stream) => held.push(stream),
                Err(_) => {
                    // None left here, or there: the older half makes room.
                    refused += 1;
                    held.drain(..held.len() / 2);
                }
            }
        }
        peak = peak.max(arena.victim.socket_count());
    }
    let tried = grouped(COUNT as u64);
    drop(held);
    let words = format!(
        "{tried} made, {refused} refused, {} at a time",
        grouped(peak as u64)
    );
    let outcome = Outcome::worked(words);
    // The silent ones have ten seconds.
    arena
        .wait_until(Duration::from_secs(15), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    nothing_stays(&arena, sockets, outcome).await
}

async fn connect_in_time(addr: SocketAddr) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect(addr);
    match tokio::time::timeout(Duration::from_secs(10), connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Clients that do nothing, and clients that take nothing of what they asked for: neither costs CPU.
async fn idle(arena: Arena) -> Result<Outcome, Trouble> {
    const EACH: usize = 100;
    let mut attackers: Vec<Attacker> = Vec::new();
    for index in 0..3 * EACH {
        let settings = &[(setting::INITIAL_WINDOW_SIZE, (index % 3) as u32 * 100)];
        let reading = match index % 3 {
            1 => Reading::Nothing,
            _ => Reading::All,
        };
        let manner = Manner {
            settings,
            reading,
            ..Manner::default()
        };
        let mut attacker = arena.attacker_with(manner).await?;
        let mut bytes = Vec::new();
        if index % 3 > 0 {
            produce(1, &block("Produce", &[]), 1 << 30, &mut bytes);
            call(3, &block("Hang", &[]), &mut bytes);
        }
        let _ = attacker.send(&bytes).await;
        attackers.push(attacker);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (cpu, began) = (arena.victim.cpu(), Instant::now());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let used = arena.victim.cpu().saturating_sub(cpu);
    let share = used.as_secs_f64() / began.elapsed().as_secs_f64();
    let words = format!("{} peers: {:.1}% of a core", attackers.len(), share * 100.0);
    // The healthy client's calls are among it.
    Ok(Outcome::served(words).must(share < 0.05, "nobody asked for anything"))
}
