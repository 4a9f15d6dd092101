//! A stream of requests, one response: a sum.

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;
mod serving;

use hikyaku::{Channel, Status};
use proto::numbers::{Number, NumbersClient};

#[tokio::main]
async fn main() -> Result<(), Status> {
    let numbers = NumbersClient::new(Channel::connect(&serving::start().await?).await?);

    let mut call = numbers.sum(()).await?;
    for value in [1, 2, 3, 4] {
        call.send(Number {
            value,
            ..Default::default()
        })
        .await?;
    }
    let sum = call.finish().await?;

    println!("the sum is {}", sum.message().value);
    Ok(())
}
