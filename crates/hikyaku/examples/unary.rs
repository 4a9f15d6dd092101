//! One request, one response: a square.

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;
mod serving;

use hikyaku::{Channel, Status};
use proto::numbers::{Number, NumbersClient};

#[tokio::main]
async fn main() -> Result<(), Status> {
    let numbers = NumbersClient::new(Channel::connect(&serving::start().await?).await?);

    let reply = numbers
        .square(Number {
            value: 12,
            ..Default::default()
        })
        .await?;

    println!("12 squared is {}", reply.message().value);
    Ok(())
}
