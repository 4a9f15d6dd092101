//! The cases of our client, named by what they check, against another's server.

mod endings;
mod errors;
mod messages;
mod metadata;
mod report;
mod users;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use hikyaku::tls::{ClientTls, Roots};
use hikyaku::{Channel, Request};

use crate::proto::interop::{Blob, InteropClient};
use report::Report;

/// Every call that ought to end carries it, so that a lost answer fails a case and not the suite.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(30);

/// Whose server it is, and where.
#[derive(clap::Args)]
pub(crate) struct Target {
    #[arg(long, value_name = "URL")]
    server: String,
    /// Certificates to believe, PEM; for an https URL
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Stands before the name of each case
    #[arg(long, default_value = "client")]
    prefix: String,
    /// The server does not have the reference service
    #[arg(long)]
    without_users: bool,
    /// The server compresses no replies
    #[arg(long)]
    without_compressed_replies: bool,
}

/// Runs all cases; false if one failed.
///
/// # Errors
/// There is no server at the URL.
pub(crate) async fn run(target: &Target) -> Result<bool, Box<dyn Error>> {
    let mut builder = Channel::builder(&target.server);
    if let Some(ca) = &target.ca {
        builder = builder.tls(ClientTls::new().roots(Roots::from_file(ca)));
    }
    let channel = builder.clone().connect().await?;
    let mut report = Report::new(&target.prefix);
    if !target.without_users {
        users::run(&mut report, &channel).await;
    }
    let interop = InteropClient::new(channel.clone());
    messages::run(&mut report, &interop, !target.without_compressed_replies).await;
    metadata::run(&mut report, &interop).await;
    errors::run(&mut report, &interop, &channel).await;
    endings::run(&mut report, &interop, builder).await;
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
