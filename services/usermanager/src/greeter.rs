//! `hellostreamingworld.MultiGreeter`: greets one name several times.

use hikyaku::server::Replies;
use hikyaku::{Code, Request, Status};

use crate::limits::{DEFAULT_GREETINGS, MAX_GREETINGS};
use crate::proto::hellostreamingworld::{HelloReply, HelloRequest, MultiGreeter};

/// Greets whoever asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Greeter;

impl MultiGreeter for Greeter {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
        mut replies: Replies<HelloReply>,
    ) -> Result<(), Status> {
        let HelloRequest {
            name,
            num_greetings,
            ..
        } = request.into_message();
        let greeting = HelloReply {
            message: format!("Hello {name}!"),
            ..Default::default()
        };
        for _ in 0..greeting_count(&num_greetings)? {
            replies.send(greeting.clone()).await?;
        }
        Ok(())
    }
}

/// Reads `num_greetings`; empty leaves the choice to us.
fn greeting_count(num_greetings: &str) -> Result<u32, Status> {
    if num_greetings.is_empty() {
        return Ok(DEFAULT_GREETINGS);
    }
    num_greetings
        .parse()
        .ok()
        .filter(|&count| count <= MAX_GREETINGS)
        .ok_or_else(|| {
            let given = num_greetings.chars().take(32).collect::<String>();
            Status::new(
                Code::InvalidArgument,
                format!("num_greetings `{given}` is not allowed; allowed: 0 to {MAX_GREETINGS}"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn num_greetings_is_a_number_or_nothing() {
        for (text, want) in [("", 10), ("0", 0), ("3", 3), ("1000000", 1_000_000)] {
            assert_eq!(greeting_count(text).unwrap(), want);
        }
        for text in ["x", "-1", "1.5", " 1", "1000001", "99999999999999999999"] {
            let status = greeting_count(text).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            let want = format!("num_greetings `{text}` is not allowed; allowed: 0 to 1000000");
            assert_eq!(status.message(), want);
        }
    }
}
