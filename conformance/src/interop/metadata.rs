//! The case of metadata that comes back.

use hikyaku::{Metadata, Request};

use super::cases::in_time;
use super::proto::TestServiceClient;
use super::service::{ECHO_INITIAL, ECHO_TRAILING};
use super::streams::{check_next, no_more, ping};
use super::unary;
use super::verdict::{Outcome, Why, equal};

const INITIAL: &str = "test_initial_metadata_value";
const TRAILING: [u8; 3] = [0xab; 3];

pub(super) async fn custom(calls: &TestServiceClient) -> Outcome {
    let request = with_metadata(unary::request(
        unary::LARGE_REQUEST_LEN,
        unary::LARGE_RESPONSE_LEN,
    ))?;
    let response = calls.unary_call(request).await?;
    unary::check(&response, unary::LARGE_RESPONSE_LEN)?;
    check(response.metadata(), response.trailers())?;

    let (mut requests, mut replies) = calls.full_duplex_call(with_metadata(())?).await?;
    requests
        .send(ping(unary::LARGE_REQUEST_LEN, 314_159))
        .await?;
    check_next(&mut replies, 314_159).await?;
    requests.finish();
    no_more(&mut replies).await?;
    let initial = replies.metadata().await;
    let trailing = replies
        .trailers()
        .ok_or_else(|| Why::new("wanted trailers, got none"))?;
    check(&initial, trailing)
}

fn with_metadata<T>(message: T) -> Outcome<Request<T>> {
    let mut request = in_time(message);
    request.metadata_mut().append(ECHO_INITIAL, INITIAL)?;
    request
        .metadata_mut()
        .append_bin(ECHO_TRAILING, &TRAILING)?;
    Ok(request)
}

fn check(initial: &Metadata, trailing: &Metadata) -> Outcome {
    equal(
        ECHO_INITIAL,
        initial.get_all(ECHO_INITIAL).collect(),
        vec![INITIAL],
    )?;
    equal(
        ECHO_TRAILING,
        trailing.get_all_bin(ECHO_TRAILING).collect(),
        vec![TRAILING.as_slice().into()],
    )
}
