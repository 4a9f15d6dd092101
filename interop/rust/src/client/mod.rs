//! The cases of our client, named by what they check, against another's server.

mod endings;
mod errors;
mod messages;
mod metadata;
mod report;
mod users;

use std::error::Error;
use std::time::Duration;

use hikyaku::{Channel, Request};

use crate::proto::interop::{Blob, InteropClient};
use report::Report;

/// Every call that ought to end carries it, so that a lost answer fails a case and not the suite.
const CALL_TIME: Duration = Duration::from_secs(30);

/// Runs all cases; false if one failed.
///
/// # Errors
/// There is no server at the URL.
pub(crate) async fn run(url: &str) -> Result<bool, Box<dyn Error>> {
    let channel = Channel::connect(url).await?;
    let mut report = Report::default();
    users::run(&mut report, &channel).await;
    let interop = InteropClient::new(channel.clone());
    messages::run(&mut report, &interop).await;
    metadata::run(&mut report, &interop).await;
    errors::run(&mut report, &interop, &channel).await;
    endings::run(&mut report, &interop, url).await;
    Ok(report.has_passed())
}

/// A request that waits for its answer for [`CALL_TIME`] and no longer.
fn in_time<T>(message: T) -> Request<T> {
    Request::new(message).with_timeout(CALL_TIME)
}

fn blob(payload: impl Into<Vec<u8>>) -> Blob {
    Blob {
        payload: payload.into(),
        ..Default::default()
    }
}
