//! The life of streams and connections: numbers used again or up, and calls that pass a GOAWAY.

use std::time::Duration;

use hikyaku_testkit::raw::Frame;

use super::answers::{Saying, try_all};
use super::calls::{block, call, open, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::Ending;
use crate::hostile::{Guest, Hostile, answer, count, describe, send_out};

pub(crate) const ATTACKS: &[Attack] = &[
    // That nothing calls back into a connection is the shape of its API: what is received comes out
    // of `poll_event`. Here is what can be seen of that from outside.
    Attack::new(23, "answers-inside-of-receiving", |arena| {
        Box::pin(reentrancy(arena))
    }),
    Attack::new(28, "stream-numbers", |arena| {
        Box::pin(async move { try_all(&arena, stream_numbers(), 9).await })
    })
    .with_many_connections(),
    Attack::new(33, "goaway-in-the-middle-of-calls", |arena| {
        Box::pin(goaways(arena))
    }),
];

/// Handlers that send while they receive, on streams that are reset meanwhile, in the same write.
async fn reentrancy(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u64 = 10_000;
    let mut attacker = arena.attacker().await?;
    let block = block("Chat", &[]);
    let ending = attacker
        .drip(CALLS, 1000, |index, bytes| {
            let id = stream(index);
            open(id, &block, bytes);
            bytes.extend(Frame::message(id, &[], false));
            // Answered at once. (So would PING be, but a server bears few of those.)
            bytes.extend(Frame::settings(&[]));
            bytes.extend(Frame::message(id, &[], false));
            // One in fifty: what is within the budget of resets.
            match index % 50 {
                0 => bytes.extend(Frame::reset(id, 8)),
                _ => bytes.extend(Frame::data(id, &[], true)),
            }
            bytes.extend(Frame::window_update(0, 1000));
        })
        .await;
    let want = CALLS - CALLS / 50;
    attacker
        .wait_for(Duration::from_secs(10), |seen| {
            seen.status_count("0") + seen.reset_count() >= want
        })
        .await;
    let answered = attacker.seen().status_count("0");
    let running = arena.handlers().await?.running;
    // What is reset may have been answered before.
    Ok(Outcome::of(&attacker, &ending)
        .must(ending == Ending::Served, "it was cut off")
        .must(
            answered >= want,
            format!("{answered} of {want} calls were answered"),
        )
        .must(running == 0, format!("{running} handlers still run")))
}

/// Numbers of streams as they may be and as they may not (RFC 9113 §5.1.1).
fn stream_numbers() -> Vec<Saying> {
    const LAST: u32 = i32::MAX as u32;
    let echo = block("Echo", &[]);
    let calls = |numbers: &[u32]| {
        let mut bytes = Vec::new();
        for &number in numbers {
            call(number, &echo, &mut bytes);
        }
        bytes
    };
    let bad = &[
        "GOAWAY PROTOCOL_ERROR",
        "GOAWAY STREAM_CLOSED",
        "RST_STREAM STREAM_CLOSED",
    ];
    let last = [bad.as_slice(), &["GOAWAY NO_ERROR"]].concat();
    let mut sayings = vec![
        // Answered, and the connection is given up for another one.
        Saying::new(
            "the last number",
            calls(&[LAST]),
            &["grpc 0", "GOAWAY NO_ERROR"],
        ),
        Saying::new("a number left out", calls(&[5]), &["grpc 0"]),
    ];
    for (name, numbers) in [
        ("behind the last", &[LAST, 1][..]),
        ("the last again", &[LAST, LAST]),
        ("one again", &[1, 1]),
        ("one that was left out", &[5, 3]),
        ("backwards", &[7, 1]),
        ("an even one", &[2]),
        ("an even one behind an odd one", &[1, 2]),
        ("none", &[0]),
        ("one with the reserved bit, again", &[1, 1 << 31 | 1]),
    ] {
        let want = if numbers.contains(&LAST) {
            last.as_slice()
        } else {
            bad
        };
        sayings.push(Saying::new(name, calls(numbers), want));
    }
    for (name, frame) in [
        ("DATA", Frame::data(9, b"x", false)),
        ("RST_STREAM", Frame::reset(9, 8)),
        ("WINDOW_UPDATE", Frame::window_update(9, 1)),
    ] {
        sayings.push(Saying::new(format!("{name} on an idle stream"), frame, bad));
    }
    sayings
}

/// A server that is always about to leave. Of ten calls it answers five and says that it never
/// looked at the others; on the next connection it takes thirty, and those that are on their way when
/// it says so. A client may try a call again once: none may be lost.
async fn goaways(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u32 = 200;
    let server = Hostile::start(&[], |guest| async move {
        match guest.number % 2 {
            0 => leave_at_once(guest).await,
            _ => leave_slowly(guest).await,
        }
    })
    .await?;
    let mut journey = server.journey("Echo", CALLS);
    (journey.at_once, journey.timeout_millis) = (20, 60_000);
    let findings = send_out(&arena, journey).await?;
    let good = count(&findings, "Ok");
    let words = format!(
        "{}, {} connections",
        describe(&findings),
        server.accepted_count()
    );
    Ok(Outcome::served(words).must(good == CALLS, format!("{} calls were lost", CALLS - good)))
}

async fn leave_at_once(mut guest: Guest) -> Option<()> {
    let mut opened = Vec::new();
    while opened.len() < 10 {
        let wait = tokio::time::timeout(Duration::from_millis(300), guest.opened());
        match wait.await {
            Ok(stream) => opened.push(stream?),
            Err(_) if opened.is_empty() => {}
            Err(_) => break,
        }
    }
    let (taken, _) = opened.split_at(opened.len().div_ceil(2));
    let mut bytes = Frame::go_away(*taken.last()?, 0, "moving");
    for &stream in taken {
        bytes.extend(answer(stream));
    }
    guest.send(&bytes).await?;
    guest.linger().await
}

async fn leave_slowly(mut guest: Guest) -> Option<()> {
    for _ in 0..30 {
        let stream = guest.opened().await?;
        guest.answer(stream).await?;
    }
    guest
        .send(&Frame::go_away(i32::MAX as u32, 0, "moving"))
        .await?;
    guest.answer_all().await
}
