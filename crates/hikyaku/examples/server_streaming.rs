//! One request, a stream of responses: counting.

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;
mod serving;

use hikyaku::{Channel, Status};
use proto::numbers::{Number, NumbersClient};

#[tokio::main]
async fn main() -> Result<(), Status> {
    let numbers = NumbersClient::new(Channel::connect(&serving::start().await?).await?);

    let mut replies = numbers
        .count_to(Number {
            value: 5,
            ..Default::default()
        })
        .await?;
    while let Some(number) = replies.next().await? {
        println!("{}", number.value);
    }
    Ok(())
}
