//! Real threads and the real clock: what a single thread cannot show.

use std::time::{Duration, Instant};

use hikyaku::context::{Context, run_to_end};
use hikyaku::server::runtime;
use hikyaku::{Channel, Code, Server, Status};
use hikyaku_testkit::{Live, Random};

use crate::in_memory::{Calling, Calls, Kind, Network, collect};

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test on several threads; one that hangs fails.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let timed = async {
        tokio::time::timeout(PATIENCE, test)
            .await
            .expect("the test hangs")
    };
    runtime(4).unwrap().block_on(timed);
}

/// Waits until nothing is alive, by the real clock.
pub(crate) async fn all_gone(live: &Live) {
    let start = Instant::now();
    while live.count() > 0 {
        assert!(
            start.elapsed() < PATIENCE,
            "{} handlers are left",
            live.count()
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Some call, perhaps given up on the way.
async fn some_call(channel: &Channel, random: &mut Random) -> Result<(), Status> {
    let n = random.below(200);
    let patience = match random.below(3) {
        0 => Duration::from_micros(random.below(3000)),
        _ => PATIENCE,
    };
    let kind = random.below(5);
    let call = async {
        match kind {
            0 => drop(channel.ask("/test.Calls/Square", n).await?),
            1 => drop(channel.ask("/test.Calls/Later", n).await?),
            2 => {
                collect(channel.list("/test.Calls/Count", n).await)
                    .await
                    .1?
            }
            3 => {
                let mut call = channel.tell("/test.Calls/Sum", ()).await;
                for number in 0..n {
                    if call.send(number).await.is_err() {
                        break;
                    }
                }
                drop(call.finish().await?);
            }
            _ => {
                let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
                for number in 0..n {
                    sender.send(number).await?;
                    sums.next().await?;
                }
            }
        }
        Ok(())
    };
    tokio::time::timeout(patience, call).await.unwrap_or(Ok(()))
}

/// Makes calls from several tasks until told to stop; gives how many went well and how many not.
pub(crate) async fn hammer(channel: Channel, tasks: u64, count: u64) -> (u64, u64) {
    let tasks = (0..tasks).map(|seed| {
        let channel = channel.clone();
        tokio::spawn(async move {
            let mut random = Random::new(seed);
            let (mut good_count, mut bad_count) = (0, 0);
            for _ in 0..count {
                match some_call(&channel, &mut random).await {
                    Ok(()) => good_count += 1,
                    Err(status) => {
                        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                        bad_count += 1;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            }
            (good_count, bad_count)
        })
    });
    let (mut good_count, mut bad_count) = (0, 0);
    for task in tasks.collect::<Vec<_>>() {
        let (good, bad) = task.await.unwrap();
        good_count += good;
        bad_count += bad;
    }
    (good_count, bad_count)
}

#[test]
fn calls_all_end_while_servers_come_and_go() {
    run(async {
        let live = Live::new();
        let network = Network::new();
        let serve = || {
            let server = Server::new().add(Calls::four_kinds(&live));
            network.serve(server.shutdown_grace(Duration::from_secs(1)))
        };
        let mut running = serve();
        let hammering = tokio::spawn(hammer(network.channel(), 20, 150));
        let mut random = Random::new(1);
        while !hammering.is_finished() {
            tokio::time::sleep(Duration::from_millis(random.below(30))).await;
            match random.below(4) {
                0 => {
                    running.stop();
                    running.task.await.unwrap().unwrap();
                    running = serve();
                }
                1 => {
                    let next = serve();
                    running.stop();
                    running.task.await.unwrap().unwrap();
                    running = next;
                }
                2 => {
                    running.task.abort();
                    let _ = running.task.await;
                    running = serve();
                }
                _ => network.cut_all(),
            }
        }
        let (good_count, _) = hammering.await.unwrap();
        assert!(good_count > 0);
        running.stop();
        running.task.await.unwrap().unwrap();
        all_gone(&live).await;
    });
}

#[test]
fn work_that_has_begun_is_done_however_its_call_ends() {
    run(async {
        let [handlers, begun, done, calls_within] = [(); 4].map(|()| Live::new());
        let next = Network::serving(Calls::four_kinds(&calls_within)).channel();
        let (alive, started, ended) = (handlers.clone(), begun.clone(), done.clone());
        let calls = Calls::of_every_kind(move |_| {
            let (guard, next) = (alive.guard(), next.clone());
            let (started, ended) = (started.clone(), ended.clone());
            async move {
                let _guard = guard;
                // Ended by the end of this call, or by its own.
                let within = next.clone();
                let scoped = async move { within.ask("/test.Calls/Later", 1).await };
                tokio::spawn(Context::current().scope(scoped));
                tokio::task::yield_now().await;
                let work = async {
                    drop(started.guard());
                    next.ask("/test.Calls/Later", 2).await?;
                    drop(ended.guard());
                    Ok::<_, Status>(())
                };
                run_to_end(work).await?;
                next.ask("/test.Calls/Later", 3).await?;
                Ok(1)
            }
        });
        let channel = Network::serving(calls).channel();
        let callers = (0..16).map(|seed| {
            let channel = channel.clone();
            tokio::spawn(async move {
                let mut random = Random::new(seed);
                for _ in 0..50 {
                    let kind = Kind::ALL[random.below(4) as usize];
                    let patience = Duration::from_micros(random.below(20_000));
                    let _ = tokio::time::timeout(patience, kind.call(&channel, 1)).await;
                }
                assert_eq!(Kind::Ask.call(&channel, 1).await.unwrap(), 1);
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        all_gone(&handlers).await;
        all_gone(&calls_within).await;
        assert_eq!(begun.made_count(), done.made_count());
        assert!(done.made_count() >= 16, "those nobody gave up");
    });
}
