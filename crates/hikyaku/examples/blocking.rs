//! The four kinds of call without async: streams of replies are iterators.

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;
mod serving;

use hikyaku::{Status, blocking};
use proto::numbers::{Number, NumbersBlockingClient};

fn main() -> Result<(), Status> {
    let number = |value| Number {
        value,
        ..Default::default()
    };
    let numbers =
        NumbersBlockingClient::new(blocking::Channel::connect(&serving::start_thread()?)?);

    println!(
        "12 squared is {}",
        numbers.square(number(12))?.message().value
    );
    for reply in numbers.count_to(number(3))? {
        println!("counted {}", reply?.value);
    }
    println!(
        "the sum is {}",
        numbers.sum((1..=4).map(number))?.message().value
    );
    for sum in numbers.running_sum((1..=4).map(number))? {
        println!("the sum so far is {}", sum?.value);
    }
    Ok(())
}
