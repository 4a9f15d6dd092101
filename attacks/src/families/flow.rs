//! Windows: what must come back of what was received, and both directions full at a time.

use std::time::Duration;

use hikyaku_testkit::raw::{Frame, frame, kind};

use super::answers::{Saying, try_all};
use super::calls::{block, call, open, setting, stream};
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Attacker, Ending, Manner, grouped};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(30, "padding-of-255", |arena| Box::pin(padded(arena))),
    Attack::new(30, "padding-beyond-the-frame", |arena| {
        Box::pin(async move { try_all(&arena, bad_padding(), 0).await })
    })
    .with_many_connections(),
    Attack::new(31, "data-for-refused-calls", |arena| {
        Box::pin(refused_data(arena))
    }),
    Attack::new(32, "both-ways-with-tiny-windows", |arena| {
        Box::pin(both_ways(arena))
    }),
];

const PADDED: u8 = 8;

/// DATA of five octets with 255 of padding, far more than any window holds.
async fn padded(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u64 = 2000;
    let mut attacker = arena.attacker().await?;
    let block = block("Consume", &[]);
    let payload = [&[255][..], &[0; 5], &[0; 255]].concat();
    let ending = attacker
        .drip(CALLS, 1000, |index, bytes| {
            let stream = stream(index);
            open(stream, &block, bytes);
            bytes.extend(frame(kind::DATA, PADDED, stream, &payload).repeat(50));
            bytes.extend(Frame::data(stream, &[], true));
        })
        .await;
    let ending = match ending {
        Ending::Served => attacker.settle().await,
        ending => ending,
    };
    let answered = await_answers(&mut attacker, CALLS).await;
    Ok(Outcome::of(&attacker, &ending).must(
        answered == CALLS,
        format!("{answered} of {CALLS} calls were answered"),
    ))
}

async fn await_answers(attacker: &mut Attacker, count: u64) -> u64 {
    attacker
        .wait_for(Duration::from_secs(10), |seen| {
            seen.status_count("0") >= count
        })
        .await;
    attacker.seen().status_count("0")
}

fn bad_padding() -> Vec<Saying> {
    let mut sayings = Vec::new();
    for (name, payload) in [
        ("as long as the frame", vec![6, 0, 0, 0, 0, 0]),
        ("longer", vec![255, 0, 0]),
        ("one, and nothing else", vec![1]),
        ("none of it there", vec![]),
    ] {
        for (kind, flags, first) in [
            (kind::DATA, PADDED, Some("Ignore")),
            (kind::HEADERS, PADDED | 4, None),
        ] {
            let mut bytes = Vec::new();
            if let Some(method) = first {
                open(1, &block(method, &[]), &mut bytes);
            }
            bytes.extend(frame(kind, flags, 1, &payload));
            let name = format!("{name}, frame {kind}");
            let want = &["GOAWAY PROTOCOL_ERROR", "GOAWAY FRAME_SIZE_ERROR"];
            sayings.push(Saying::new(name, bytes, want));
        }
    }
    sayings
}

/// A hundred MiB for calls that nobody takes, and a good call behind them.
async fn refused_data(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u64 = 2000;
    let mut attacker = arena.attacker().await?;
    let block = hikyaku_testkit::raw::request("/no.Such/Method", &[]);
    let ending = attacker
        .drip(CALLS, 500, |index, bytes| {
            let stream = stream(index);
            open(stream, &block, bytes);
            for _ in 0..50 {
                bytes.extend(Frame::data(stream, &[0; 1000], false));
            }
        })
        .await;
    let mut outcome = Outcome::of(&attacker, &ending);
    if ending == Ending::Served {
        let mut bytes = Vec::new();
        call(stream(CALLS), &super::calls::block("Echo", &[]), &mut bytes);
        let _ = attacker.send(&bytes).await;
        let answered = await_answers(&mut attacker, 1).await;
        outcome = outcome.must(answered == 1, "the connection's window is lost");
    }
    Ok(outcome.must(ending == Ending::Served, "honest uploads were cut off"))
}

/// A hundred MiB in each direction, through windows of half a message.
async fn both_ways(arena: Arena) -> Result<Outcome, Trouble> {
    const STREAMS: u64 = 100;
    const ROUNDS: u64 = 1024;
    const LEN: u64 = 1008;
    let settings = &[(setting::INITIAL_WINDOW_SIZE, LEN as u32 / 2)];
    let mut attacker = arena
        .attacker_with(Manner {
            settings,
            ..Manner::default()
        })
        .await?;
    let block = block("Chat", &[]);
    let mut opening = Vec::new();
    for index in 0..STREAMS {
        open(stream(index), &block, &mut opening);
    }
    let mut ending = attacker.send(&opening).await;
    // Field 1 of a thousand octets.
    let message = [&[10, 0xe8, 7][..], &[7; 1000]].concat();
    for round in 1..=ROUNDS {
        let mut writes = [
            Vec::new(),
            Frame::window_update(0, (STREAMS * LEN) as u32),
            Vec::new(),
        ];
        for index in 0..STREAMS {
            let half = Frame::window_update(stream(index), LEN as u32 / 2);
            writes[0].extend(Frame::message(stream(index), &message, false));
            writes[1].extend(&half);
            writes[2].extend(&half);
        }
        for write in writes {
            ending = ending.and(attacker.send(&write).await);
        }
        let want = round * STREAMS * LEN;
        let has_come = attacker
            .wait_for(Duration::from_secs(10), |seen| seen.data_len >= want)
            .await;
        if !has_come || ending.is_err() {
            break;
        }
    }
    let echoed = attacker.seen().data_len;
    let took = attacker.elapsed();
    let words = format!("echoed {} bytes", grouped(echoed));
    Ok(Outcome::worked(words)
        .and_time(took)
        .must(echoed == ROUNDS * STREAMS * LEN, "the streams are stuck")
        .must(ending.is_ok(), format!("cut off: {:?}", ending.err())))
}
