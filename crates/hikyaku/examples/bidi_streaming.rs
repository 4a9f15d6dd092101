//! A stream in each direction: after each number, the sum so far.

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;
mod serving;

use hikyaku::{Channel, Status};
use proto::numbers::{Number, NumbersClient};

#[tokio::main]
async fn main() -> Result<(), Status> {
    let numbers = NumbersClient::new(Channel::connect(&serving::start().await?).await?);

    let (mut requests, mut replies) = numbers.running_sum(()).await?;
    for value in [1, 2, 3, 4] {
        requests
            .send(Number {
                value,
                ..Default::default()
            })
            .await?;
        if let Some(sum) = replies.next().await? {
            println!("after {value}: {}", sum.value);
        }
    }
    requests.finish();
    assert_eq!(replies.next().await?, None);
    Ok(())
}
