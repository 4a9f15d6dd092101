//! Frames that mean nothing to a gRPC server, by the million.

use hikyaku_testkit::raw::frame;

use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(19, "unknown-frames", |arena| Box::pin(unknown(arena, 0xbb))),
    Attack::new(19, "origin-frames", |arena| Box::pin(unknown(arena, 0x0c))),
    Attack::new(19, "altsvc-frames", |arena| Box::pin(unknown(arena, 0x0a))),
    Attack::new(19, "priority-update-frames", |arena| {
        Box::pin(unknown(arena, 0x10))
    }),
];

async fn unknown(arena: Arena, kind: u8) -> Result<Outcome, Trouble> {
    let frame = frame(kind, 0, 0, &[0x61; 16_384]);
    let mut attacker = arena.attacker().await?;
    let ending = attacker
        .flood_and_settle(1_000_000, |_, bytes| bytes.extend(&frame))
        .await;
    Ok(Outcome::of(&attacker, &ending))
}
