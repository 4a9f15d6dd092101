//! Calls of all kinds over a network that misbehaves, between ends that pause, fail, panic and leave:
//! whatever happens, every call ends once, in time and rightly, and nothing is left of it.

mod caller;
mod handler;
mod ledger;
mod plan;

use std::time::Duration;

use bytes::Bytes;
use hikyaku::{Channel, Server};
use hikyaku_testkit::random::for_each_seed;
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Random, virtual_time};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use self::caller::call;
use self::handler::{FULL, Trials, WINDOW_LEN};
use self::ledger::Ledger;
use self::plan::{Incident, Plan, Storm};
use crate::in_memory::{Network, Plain, Running};

/// How often an end of a connection may be polled for nothing before something happens: to read and
/// to write, by each of the wakes that one happening may cause. Four are usual.
const MAX_IDLE_POLLS: u64 = 16;

#[test]
fn every_call_ends_once_and_in_time_and_leaves_nothing() {
    for_each_seed(0..200, |seed| {
        let mut random = Random::new(seed);
        let storm = Storm::new(&mut random);
        let _told = ToldInPanic(format!("{storm:?}"));
        virtual_time::run(run(storm, random));
    });
}

/// What is told if a test fails.
struct ToldInPanic(String);

impl Drop for ToldInPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in {}", self.0);
        }
    }
}

async fn run(storm: Storm, mut random: Random) {
    let network = Network::with_weather(storm.weather.clone(), random.fork());
    network.delay_connecting(storm.connect_delay);
    let ledger = Ledger::new(&network);
    let serve = || {
        let server = Server::new().add(Trials(ledger.clone()));
        network.serve(server.limits(|limits| *limits = storm.limits.clone()))
    };
    let mut servers = vec![serve()];
    let channels: Vec<_> = (0..storm.channel_count)
        .map(|_| network.channel())
        .collect();
    let mut calls = JoinSet::new();
    for number in 0..storm.call_count {
        let record = ledger.add(Plan::new(number, &storm, &mut random));
        let channel = &channels[random.below(channels.len() as u64) as usize];
        calls.spawn(call(channel.clone(), record));
    }
    tokio::time::sleep(storm.incident_at).await;
    befall(storm.incident, &network, &mut servers, serve).await;
    let all_end = async {
        while let Some(ended) = calls.join_next().await {
            ended.expect("a caller finds fault and does not panic");
        }
    };
    if tokio::time::timeout(PATIENCE, all_end).await.is_err() {
        panic!("calls never end: {}", ledger.open_calls());
    }

    network.clear_up();
    for channel in &channels {
        check_windows(channel, &storm).await;
    }
    if storm.is_lossless() {
        let attempt_count = network.attempt_count();
        assert_eq!(attempt_count, channels.len(), "a connection was lost");
    }
    drop(channels);
    for mut server in servers {
        server.stop_if_running();
        let _ = server.task.await;
    }
    settle().await;

    let faults = ledger.faults(&storm);
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert_eq!(ledger.live_count(), 0, "handlers are left");
    assert!(network.is_closed(), "connections are left");
    let task_count = Handle::current().metrics().num_alive_tasks();
    assert_eq!(task_count, 0, "tasks are left");
    let idle_polls = network.max_idle_polls();
    assert!(
        idle_polls <= MAX_IDLE_POLLS,
        "{idle_polls} polls for nothing"
    );
}

/// Calls at a time that fill their windows in the end.
const CHECK_COUNT: usize = 2;

/// More than the slowest network takes for all calls.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

async fn befall(
    incident: Incident,
    network: &Network,
    servers: &mut Vec<Running>,
    serve: impl FnOnce() -> Running,
) {
    match incident {
        Incident::None => {}
        Incident::Hold(time) => {
            network.hold_all();
            tokio::time::sleep(time).await;
            network.release_all();
        }
        Incident::Cut => network.cut_all(),
        Incident::Drain => {
            servers[0].stop();
            servers.push(serve());
        }
        Incident::Kill => {
            servers[0].task.abort();
            servers.push(serve());
        }
    }
}

/// In good weather as much as fills a window goes both ways, over the connection that is still there
/// or over the next one.
async fn check_windows(channel: &Channel, storm: &Storm) {
    // Byte by byte it would take too long.
    let len = (storm.limits.http2.stream_window_len as usize).max(100);
    let message = Bytes::from(vec![7; len]);
    for _ in 0..20 {
        let calls = (0..CHECK_COUNT).map(|_| {
            let (channel, message) = (channel.clone(), message.clone());
            async move {
                channel
                    .unary::<Plain, Bytes, Bytes>(FULL, message.into())
                    .await
            }
        });
        let mut all = JoinSet::from_iter(calls);
        let mut good_count = 0;
        while let Some(ended) = all.join_next().await {
            match ended.unwrap() {
                Ok(response) => {
                    assert_eq!(response.message().len(), WINDOW_LEN);
                    good_count += 1;
                }
                Err(status) => assert!(!storm.is_lossless(), "{status:?}"),
            }
        }
        if good_count == CHECK_COUNT {
            return;
        }
        // The connection was broken, or the channel waits before it connects.
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    panic!("calls never go well again");
}
