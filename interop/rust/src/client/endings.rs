//! Calls that end before their answer: by deadline, by cancelling, by leaving; and how a server
//! ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hikyaku::client::ChannelBuilder;
use hikyaku::{Code, Request, Status};

use super::report::{Outcome, Report, Why, check, equal, fails_with};
use super::{blob, in_time};
use crate::proto::interop::{Blob, Count, InteropClient, Name};

pub(super) async fn run(report: &mut Report, calls: &InteropClient, builder: ChannelBuilder) {
    report
        .case("the_server_knows_the_deadline", server_knows(calls))
        .await;
    report
        .case("a_deadline_ends_a_call", deadline_of_a_call(calls))
        .await;
    report
        .case(
            "a_deadline_ends_a_stream_that_has_begun",
            deadline_of_a_stream(calls),
        )
        .await;
    report
        .case(
            "a_deadline_ends_the_handler",
            deadline_ends_the_handler(calls),
        )
        .await;
    report
        .case("a_dropped_call_ends_its_handler", dropped_call(calls))
        .await;
    report
        .case(
            "a_dropped_stream_of_replies_ends_its_handler",
            dropped_replies(calls),
        )
        .await;
    report
        .case(
            "a_dropped_stream_of_requests_ends_its_handler",
            dropped_requests(calls),
        )
        .await;
    report
        .case(
            "a_dropped_exchange_ends_its_handler",
            dropped_exchange(calls),
        )
        .await;
    report
        .case(
            "a_dropped_flood_leaves_the_connection_whole",
            dropped_flood(calls),
        )
        .await;
    report
        .case(
            "a_stream_outlives_its_channel",
            without_channel(calls, builder),
        )
        .await;
    // The last case: there is no server after it.
    report
        .case(
            "a_server_that_shuts_down_finishes_its_calls",
            shutdown(calls),
        )
        .await;
}

async fn server_knows(calls: &InteropClient) -> Outcome {
    let request = Request::new(Blob::default()).with_timeout(Duration::from_secs(20));
    let millis = calls.time_left(request).await?.message().millis;
    check(
        (15_000..=20_000).contains(&millis),
        &format!("{millis} ms left of 20 s"),
    )?;
    equal(
        &calls.time_left(Blob::default()).await?.message().millis,
        &0,
    )
}

async fn deadline_of_a_call(calls: &InteropClient) -> Outcome {
    let request = Request::new(new_name()).with_timeout(Duration::from_millis(300));
    fails_with(Code::DeadlineExceeded, calls.hang(request).await).map(drop)
}

async fn deadline_of_a_stream(calls: &InteropClient) -> Outcome {
    let request = Request::new(new_name()).with_timeout(Duration::from_secs(1));
    let mut replies = calls.hang_replies(request).await?;
    equal(&replies.next().await?, &Some(Blob::default()))?;
    fails_with(Code::DeadlineExceeded, replies.next().await).map(drop)
}

async fn deadline_ends_the_handler(calls: &InteropClient) -> Outcome {
    let name = new_name();
    let request = Request::new(name.clone()).with_timeout(Duration::from_secs(1));
    let (got, noticed) = tokio::join!(calls.hang(request), noticed(calls, &name));
    noticed?;
    fails_with(Code::DeadlineExceeded, got).map(drop)
}

async fn dropped_call(calls: &InteropClient) -> Outcome {
    let name = new_name();
    tokio::select! {
        got = calls.hang(name.clone()) => Err(Why::new(format!("it ended by itself: {got:?}"))),
        started = calls.await_started(in_time(name.clone())) => Ok(started?),
    }?;
    cancelled(calls, &name).await
}

async fn dropped_replies(calls: &InteropClient) -> Outcome {
    let name = new_name();
    let mut replies = calls.hang_replies(name.clone()).await?;
    equal(&replies.next().await?, &Some(Blob::default()))?;
    drop(replies);
    cancelled(calls, &name).await
}

async fn dropped_requests(calls: &InteropClient) -> Outcome {
    let name = new_name();
    let mut call = calls.hang_requests(()).await?;
    call.send(name.clone()).await?;
    calls.await_started(in_time(name.clone())).await?;
    drop(call);
    cancelled(calls, &name).await
}

async fn dropped_exchange(calls: &InteropClient) -> Outcome {
    let name = new_name();
    let (mut requests, mut replies) = calls.hang_exchange(()).await?;
    requests.send(name.clone()).await?;
    equal(&replies.next().await?, &Some(Blob::default()))?;
    drop((requests, replies));
    cancelled(calls, &name).await
}

/// We leave in the middle of a stream that the server is still sending.
async fn dropped_flood(calls: &InteropClient) -> Outcome {
    for _ in 0..20 {
        let request = Count {
            numbers: 10_000_000,
            ..Default::default()
        };
        let mut replies = calls.produce(request).await?;
        for want in 0..100 {
            equal(&replies.next().await?.map(|reply| reply.value), &Some(want))?;
        }
    }
    equal(
        calls.echo(in_time(blob("on"))).await?.message(),
        &blob("on"),
    )
}

async fn without_channel(calls: &InteropClient, builder: ChannelBuilder) -> Outcome {
    let name = new_name();
    let channel = builder
        .connect()
        .await
        .map_err(|error| Why::new(error.to_string()))?;
    let mut replies = InteropClient::new(channel)
        .hang_replies(name.clone())
        .await?;
    equal(&replies.next().await?, &Some(Blob::default()))?;
    drop(replies);
    cancelled(calls, &name).await
}

async fn shutdown(calls: &InteropClient) -> Outcome {
    let (mut requests, mut replies) = calls.exchange(in_time(())).await?;
    requests.send(blob("before")).await?;
    equal(&replies.next().await?, &Some(blob("before")))?;
    calls.shut_down(in_time(Blob::default())).await?;
    // Until we have heard of it, the server may still take a call.
    let refusal = loop {
        if let Err(status) = calls.echo(in_time(Blob::default())).await {
            break status;
        }
    };
    equal(&refusal.code(), &Code::Unavailable)?;
    for number in 0..100 {
        requests.send(blob([number])).await?;
        equal(&replies.next().await?, &Some(blob([number])))?;
    }
    requests.finish();
    equal(&replies.next().await?, &None)
}

/// Waits until the server has noticed that a call is gone.
async fn cancelled(calls: &InteropClient, name: &Name) -> Outcome {
    Ok(noticed(calls, name).await?)
}

async fn noticed(calls: &InteropClient, name: &Name) -> Result<(), Status> {
    calls.await_started(in_time(name.clone())).await?;
    calls.await_cancelled(in_time(name.clone())).await?;
    Ok(())
}

/// A name that no other call has, in this run or in another.
fn new_name() -> Name {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Name {
        name: format!("rust-{}-{number}", std::process::id()),
        ..Default::default()
    }
}
