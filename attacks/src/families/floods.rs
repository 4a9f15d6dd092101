//! Frames that cost little to send and ask for work, an answer or memory.

use hikyaku_testkit::raw::{Frame, frame, kind};

use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::{Manner, Reading};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(6, "ping-flood", |arena| {
        Box::pin(pings(arena, Reading::All))
    }),
    Attack::new(6, "ping-flood-unread", |arena| {
        Box::pin(pings(arena, Reading::Nothing))
    }),
    Attack::new(7, "priority-shuffle", |arena| Box::pin(priorities(arena))),
];

/// PINGs, of which each asks for an answer.
async fn pings(arena: Arena, reading: Reading) -> Result<Outcome, Trouble> {
    let mut attacker = arena
        .attacker_with(Manner {
            reading,
            ..Manner::default()
        })
        .await?;
    let ping = Frame::ping(false, *b"pingping");
    let ending = attacker
        .flood(2_000_000, |_, bytes| bytes.extend(&ping))
        .await;
    Ok(Outcome::of(&attacker, &ending).must_be_cut_off())
}

/// PRIORITY for ever other streams, which depend on ever other streams.
async fn priorities(arena: Arena) -> Result<Outcome, Trouble> {
    let mut attacker = arena.attacker().await?;
    let ending = attacker
        .flood_and_settle(1_000_000, |index, bytes| {
            let stream = 2 * (index % 1000) as u32 + 1;
            let mut priority = (stream + 2).to_be_bytes().to_vec();
            priority.push(index as u8);
            bytes.extend(frame(kind::PRIORITY, 0, stream, &priority));
        })
        .await;
    Ok(Outcome::of(&attacker, &ending))
}
