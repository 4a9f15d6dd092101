//! The four kinds of call over a network that misbehaves: every call ends once, and in time.

use std::time::Duration;

use hikyaku::{Channel, Code, Server, Status};
use hikyaku_testkit::link::{Fate, Weather};
use hikyaku_testkit::random::for_each_seed;
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, Random, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network, collect};

/// Calls in all, a few of them at a time.
const CALL_COUNT: u64 = 60;

/// Longer than the slowest network takes for all of them; no call has a deadline of its own.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// Makes one call of a kind and of a length by chance, and checks what came of it.
async fn call(channel: &Channel, mut random: Random) -> Result<(), Status> {
    let n = random.below(300);
    match random.below(5) {
        0 => {
            let reply = channel.ask("/test.Calls/Square", n).await?;
            assert_eq!(reply.into_message(), n * n);
        }
        1 => {
            let reply = channel.ask("/test.Calls/Later", n).await?;
            assert_eq!(reply.into_message(), n * n);
        }
        2 => {
            let (numbers, end) = collect(channel.list("/test.Calls/Count", n).await).await;
            assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
            end?;
            assert_eq!(numbers.len() as u64, n);
        }
        3 => {
            let mut call = channel.tell("/test.Calls/Sum", ()).await;
            for number in 1..=n {
                if call.send(number).await.is_err() {
                    break;
                }
            }
            assert_eq!(call.finish().await?.into_message(), n * (n + 1) / 2);
        }
        _ => {
            let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
            for number in 1..=n {
                let _ = sender.send(number).await;
                assert_eq!(sums.next().await?, Some(number * (number + 1) / 2));
            }
            sender.finish();
            assert_eq!(sums.next().await?, None);
        }
    }
    Ok(())
}

/// Many calls over one network; gives how many went well.
async fn run(weather: Weather, mut random: Random) -> u64 {
    let live = Live::new();
    let network = Network::with_weather(weather.clone(), random.fork());
    // Some of these networks move a byte a second.
    let patient = Server::new().limits(|limits| limits.http2.stall_timeout = None);
    let mut running = network.serve(patient.add(Calls::four_kinds(&live)));
    let channel = network.channel();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut good_count = 0;
    for _ in 0..CALL_COUNT {
        let (channel, random) = (channel.clone(), random.fork());
        tasks.spawn(async move { call(&channel, random).await });
        if tasks.len() >= 6 {
            good_count += u64::from(check(tasks.join_next().await, &weather));
        }
    }
    while let Some(ended) = tasks.join_next().await {
        good_count += u64::from(check(Some(ended), &weather));
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());

    drop(channel);
    running.stop();
    running.task.await.unwrap().unwrap();
    settle().await;
    assert_eq!(live.count(), 0, "handlers are left, in {weather:?}");
    good_count
}

type Ended = Result<Result<(), Status>, tokio::task::JoinError>;

/// Whether a call went well; it may have failed only in the ways a network fails.
fn check(ended: Option<Ended>, weather: &Weather) -> bool {
    match ended
        .expect("a call was made")
        .expect("its answers are right")
    {
        Ok(()) => true,
        Err(status) => {
            let allowed = [Code::Unavailable, Code::Cancelled];
            assert!(
                allowed.contains(&status.code()),
                "{status:?} in {weather:?}"
            );
            false
        }
    }
}

#[test]
fn every_call_ends_once_and_in_time() {
    for_each_seed(0..50, |seed| {
        let mut random = Random::new(seed);
        let weather = Weather::bad(&mut random);
        virtual_time::run(run(weather, random));
    });
}

#[test]
fn a_network_that_is_only_slow_loses_no_call() {
    for_each_seed(0..20, |seed| {
        let mut random = Random::new(seed);
        let mut weather = Weather::bad(&mut random);
        weather.fates = [Fate::Lasts; 2];
        assert_eq!(virtual_time::run(run(weather, random)), CALL_COUNT);
    });
}
