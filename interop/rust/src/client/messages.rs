//! Messages of all lengths, alone and in streams.

use hikyaku::client::{Sender, Streaming};
use hikyaku::{Code, Status};

use super::report::{Outcome, Report, Why, equal, fails_with};
use super::{blob, in_time};
use crate::proto::interop::{Blob, Count, InteropClient, Number};

const MEBIBYTE: usize = 1 << 20;
const MANY: u32 = 10_000;

pub(super) async fn run(report: &mut Report, calls: &InteropClient, replies_are_compressed: bool) {
    report
        .case("an_empty_message_comes_back", echo(calls, 0))
        .await;
    report
        .case("one_mebibyte_comes_back", echo(calls, MEBIBYTE))
        .await;
    let sixteen = [MEBIBYTE; 16];
    report
        .case(
            "one_mebibyte_messages_come_back_in_a_stream",
            exchange(calls, &sixteen),
        )
        .await;
    let lengths = [
        0, 1, 126, 127, 128, 16_378, 16_379, 16_384, 65_535, 65_536, 300_000,
    ];
    report
        .case(
            "messages_of_all_lengths_come_back_in_a_stream",
            exchange(calls, &lengths),
        )
        .await;
    report
        .case("a_message_over_the_limit_is_refused", over_the_limit(calls))
        .await;
    report
        .case(
            "a_compressed_message_comes_back",
            compressed(calls, replies_are_compressed),
        )
        .await;
    report
        .case("the_server_sends_ten_thousand", produce(calls))
        .await;
    report
        .case("the_client_sends_ten_thousand", consume(calls))
        .await;
    let many = [8; MANY as usize];
    report
        .case("both_send_ten_thousand", exchange(calls, &many))
        .await;
    report.case("streams_may_be_empty", empty(calls)).await;
    report
        .case("many_calls_share_a_connection", many_calls(calls))
        .await;
    report
        .case(
            "a_slow_reader_gets_everything_and_holds_up_nobody",
            slow_reader(calls),
        )
        .await;
}

async fn echo(calls: &InteropClient, len: usize) -> Outcome {
    let request = patterned(len);
    equal(
        calls.echo(in_time(request.clone())).await?.message(),
        &request,
    )
}

/// Sends a message of each length and wants all of them back, in order.
async fn exchange(calls: &InteropClient, lengths: &[usize]) -> Outcome {
    let messages: Vec<Blob> = lengths.iter().map(|len| patterned(*len)).collect();
    let (requests, replies) = calls.exchange(in_time(())).await?;
    let (sent, received) = tokio::join!(send_all(requests, &messages), receive_all(replies));
    sent?;
    let received = received?;
    equal(&received.len(), &messages.len())?;
    for (got, want) in received.iter().zip(&messages) {
        equal(got, want)?;
    }
    Ok(())
}

async fn send_all(mut requests: Sender<Blob>, messages: &[Blob]) -> Result<(), Status> {
    for message in messages {
        requests.send(message.clone()).await?;
    }
    Ok(())
}

async fn receive_all(mut replies: Streaming<Blob>) -> Result<Vec<Blob>, Status> {
    let mut received = Vec::new();
    while let Some(reply) = replies.next().await? {
        received.push(reply);
    }
    Ok(received)
}

async fn over_the_limit(calls: &InteropClient) -> Outcome {
    let got = calls.echo(in_time(patterned(5 * MEBIBYTE))).await;
    fails_with(Code::ResourceExhausted, got).map(drop)
}

async fn compressed(calls: &InteropClient, reply_too: bool) -> Outcome {
    let request = patterned(100_000);
    let asked = in_time(request.clone())
        .with_compression("gzip")
        .with_metadata("compressed", "gzip")?;
    let response = calls.echo(asked).await?;
    equal(&response.was_compressed(), &reply_too)?;
    equal(response.message(), &request)
}

async fn produce(calls: &InteropClient) -> Outcome {
    let mut replies = calls
        .produce(in_time(Count {
            numbers: MANY,
            ..Default::default()
        }))
        .await?;
    for want in 0..MANY {
        let reply = replies
            .next()
            .await?
            .ok_or_else(|| Why::new("the stream ended early"))?;
        equal(&reply.value, &want)?;
    }
    equal(&replies.next().await?, &None)
}

async fn consume(calls: &InteropClient) -> Outcome {
    let mut call = calls.consume(in_time(())).await?;
    for value in 0..MANY {
        call.send(Number {
            value,
            ..Default::default()
        })
        .await?;
    }
    let total = call.finish().await?.into_message();
    equal(
        &(total.numbers, total.sum),
        &(MANY, (0..u64::from(MANY)).sum()),
    )
}

async fn empty(calls: &InteropClient) -> Outcome {
    let mut replies = calls.produce(in_time(Count::default())).await?;
    equal(&replies.next().await?, &None)?;
    let total = calls.consume(in_time(())).await?.finish().await?;
    equal(&total.message().numbers, &0)?;
    exchange(calls, &[]).await
}

async fn many_calls(calls: &InteropClient) -> Outcome {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..500 {
        let (calls, request) = (calls.clone(), patterned(number));
        tasks.spawn(async move { (calls.echo(in_time(request.clone())).await, request) });
    }
    while let Some(done) = tasks.join_next().await {
        let (got, want) = done.map_err(|error| Why::new(error.to_string()))?;
        equal(got?.message(), &want)?;
    }
    Ok(())
}

/// More than every window and buffer holds waits for a reader that has other calls to make.
async fn slow_reader(calls: &InteropClient) -> Outcome {
    let count = Count {
        numbers: MANY,
        padding_len: 1000,
        ..Default::default()
    };
    let mut replies = calls.produce(in_time(count)).await?;
    for want in 0..MANY {
        let reply = replies.next().await?.unwrap_or_default();
        equal(&(reply.value, reply.padding.len()), &(want, 1000))?;
        if want % 100 == 0 {
            echo(calls, 65_536).await?;
        }
    }
    equal(&replies.next().await?, &None)
}

/// A message in which a byte out of place shows: the pattern's length divides no buffer's.
fn patterned(len: usize) -> Blob {
    blob((0..=250u8).cycle().take(len).collect::<Vec<u8>>())
}
