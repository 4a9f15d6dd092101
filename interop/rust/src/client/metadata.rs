//! Metadata, before and after the messages.

use hikyaku::{Metadata, Request, Value};

use super::report::{Outcome, Report, equal};
use super::{blob, in_time};
use crate::proto::interop::{Blob, InteropClient};

pub(super) async fn run(report: &mut Report, calls: &InteropClient) {
    report
        .case("metadata_goes_both_ways", around_a_call(calls))
        .await;
    report
        .case(
            "metadata_goes_both_ways_around_a_stream",
            around_a_stream(calls),
        )
        .await;
    report
        .case(
            "four_kilobytes_of_metadata_come_back",
            four_kilobytes(calls),
        )
        .await;
}

async fn around_a_call(calls: &InteropClient) -> Outcome {
    let response = calls.echo(with_metadata(Blob::default())?).await?;
    check_metadata(response.metadata(), response.trailers())
}

async fn around_a_stream(calls: &InteropClient) -> Outcome {
    let (mut requests, mut replies) = calls.exchange(with_metadata(())?).await?;
    for payload in ["one", "two"] {
        requests.send(blob(payload)).await?;
        equal(&replies.next().await?, &Some(blob(payload)))?;
    }
    requests.finish();
    equal(&replies.next().await?, &None)?;
    let trailers = replies.trailers().cloned().unwrap_or_default();
    check_metadata(&replies.metadata().await, &trailers)
}

async fn four_kilobytes(calls: &InteropClient) -> Outcome {
    let long = "x".repeat(4096);
    let request = in_time(Blob::default()).with_metadata("echo-initial-long", &long)?;
    let response = calls.echo(request).await?;
    equal(
        &response.metadata().get("echo-initial-long"),
        &Some(long.as_str()),
    )
}

/// One of each kind: text, a key that comes twice, all bytes, few bytes, no bytes.
fn with_metadata<T>(message: T) -> Result<Request<T>, hikyaku::BadMetadata> {
    let mut request = in_time(message);
    let metadata = request.metadata_mut();
    metadata.append("echo-initial-text", "plain text, with = and ~")?;
    metadata.append("echo-initial-twice", "first")?;
    metadata.append("echo-initial-twice", "second")?;
    metadata.append_bin("echo-initial-all-bin", &all_bytes())?;
    metadata.append_bin("echo-initial-short-bin", b"\xab")?;
    metadata.append("echo-trailing-text", "after")?;
    metadata.append_bin("echo-trailing-all-bin", &all_bytes())?;
    metadata.append_bin("echo-trailing-empty-bin", b"")?;
    Ok(request)
}

fn check_metadata(initial: &Metadata, trailing: &Metadata) -> Outcome {
    let all = String::from_utf8_lossy(&all_bytes()).into_owned();
    let want = [
        ("echo-initial-all-bin", all.as_str()),
        ("echo-initial-short-bin", "\u{fffd}"),
        ("echo-initial-text", "plain text, with = and ~"),
        ("echo-initial-twice", "first"),
        ("echo-initial-twice", "second"),
    ];
    equal(&echoed(initial), &owned(&want))?;
    let want = [
        ("echo-trailing-all-bin", all.as_str()),
        ("echo-trailing-empty-bin", ""),
        ("echo-trailing-text", "after"),
    ];
    equal(&echoed(trailing), &owned(&want))
}

/// The entries that are an echo, sorted by key; the order of one key's values is kept.
fn echoed(metadata: &Metadata) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    for (key, value) in metadata.iter().filter(|(key, _)| key.starts_with("echo-")) {
        let text = match value {
            // What grpc-js makes of the two values; they mean the same (RFC 9110 §5.3).
            Value::Ascii("first, second") => {
                entries.push((key.to_owned(), "first".to_owned()));
                "second".to_owned()
            }
            Value::Ascii(text) => text.to_owned(),
            Value::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        entries.push((key.to_owned(), text));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries
}

fn owned(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}
