//! What no budget may cut off, at full size: its shapes stand among the tests of `hikyaku` too.

use hikyaku::{Channel, Request};

use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::attacker::grouped;
use crate::proto::attacks::{Blob, TargetClient};

pub(crate) const ATTACKS: &[Attack] = &[Attack::new(0, "good-ten-million-messages", |arena| {
    Box::pin(ten_million_messages(arena))
})];

/// Messages of one byte, on one stream.
async fn ten_million_messages(arena: Arena) -> Result<Outcome, Trouble> {
    const COUNT: u64 = 10_000_000;
    let client = TargetClient::new(Channel::connect(&format!("http://{}", arena.addr())).await?);
    let mut call = client.consume(Request::new(())).await?;
    let message = Blob {
        payload: vec![7],
        ..Default::default()
    };
    let mut sent = 0;
    while sent < COUNT && call.send(message.clone()).await.is_ok() {
        sent += 1;
    }
    let words = format!("took {} messages", grouped(sent));
    let outcome = Outcome::worked(words);
    Ok(match call.finish().await {
        Ok(reply) => {
            let got = reply.message().bytes;
            outcome.must(got == COUNT, format!("{got} bytes came"))
        }
        Err(status) => outcome.must(false, status.to_string()),
    })
}
