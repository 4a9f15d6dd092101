//! Cases of many calls, over a time.

use std::time::{Duration, Instant};

use hikyaku::Channel;
use hikyaku::client::ChannelBuilder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::flags::Soak;
use super::proto::TestServiceClient;
use super::unary::{exchange, large};
use super::verdict::{Outcome, Why};

/// All calls on one channel.
pub(super) async fn of_calls(channel: &Channel, soak: &Soak) -> Outcome {
    let channel = channel.clone();
    run(soak, move || Ok(channel.clone())).await
}

/// Each call on a channel of its own.
pub(super) async fn of_channels(builder: &ChannelBuilder, soak: &Soak) -> Outcome {
    let builder = builder.clone();
    run(soak, move || Ok(builder.clone().lazy()?)).await
}

/// Large calls on one channel, with a pause before each but the first.
pub(super) async fn with_pauses(calls: &TestServiceClient, soak: &Soak) -> Outcome {
    for iteration in 0..soak.soak_iterations {
        if iteration > 0 {
            sleep(soak.iteration_interval).await;
        }
        large(calls).await?;
    }
    Ok(())
}

/// Whether one call was good: how long it took, or why not.
type Verdict = Outcome<Duration>;

async fn run<F>(soak: &Soak, channel: F) -> Outcome
where
    F: Fn() -> Outcome<Channel> + Clone + Send + 'static,
{
    let threads = soak.soak_num_threads;
    if threads == 0 || !soak.soak_iterations.is_multiple_of(threads) {
        return Err(Why::new(
            "--soak_iterations must be a multiple of --soak_num_threads",
        ));
    }
    let (told, mut verdicts) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    for _ in 0..threads {
        tasks.spawn(work(soak.clone(), channel.clone(), told.clone()));
    }
    drop(told);
    let (mut good, mut bad) = (0_usize, 0_usize);
    let counting = async {
        while let Some(verdict) = verdicts.recv().await {
            match verdict {
                Ok(_) => good += 1,
                Err(why) => {
                    bad += 1;
                    eprintln!("soak iteration {}: {why}", good + bad);
                }
            }
        }
    };
    let in_time = timeout(soak.overall_timeout, counting).await;
    let (wanted, limit) = (soak.soak_iterations, soak.overall_timeout);
    eprintln!("soak: {good} of {wanted} good, {bad} failed");
    if in_time.is_err() || good + bad != wanted {
        let done = good + bad;
        return Err(Why::new(format!(
            "wanted {wanted} calls within {limit:?}, got {done}"
        )));
    }
    if bad > soak.soak_max_failures {
        let allowed = soak.soak_max_failures;
        return Err(Why::new(format!(
            "wanted at most {allowed} failed or slow calls, got {bad}"
        )));
    }
    Ok(())
}

/// One thread's calls, one after another.
async fn work<F>(soak: Soak, channel: F, told: mpsc::UnboundedSender<Verdict>)
where
    F: Fn() -> Outcome<Channel>,
{
    for _ in 0..soak.soak_iterations / soak.soak_num_threads {
        let next = Instant::now() + soak.min_interval;
        // Nobody listens once the time is up.
        let _ = told.send(call(&soak, channel()).await);
        sleep_until(next.into()).await;
    }
}

async fn call(soak: &Soak, channel: Outcome<Channel>) -> Verdict {
    let calls = TestServiceClient::new(channel?);
    let start = Instant::now();
    exchange(&calls, soak.soak_request_size, soak.soak_response_size).await?;
    let took = start.elapsed();
    if took > soak.max_latency {
        let limit = soak.max_latency;
        return Err(Why::new(format!(
            "wanted an answer in {limit:?}, got it in {took:?}"
        )));
    }
    Ok(took)
}
