//! The healthy client: calls at a steady rate on a connection of its own, in a thread of its own.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hikyaku::{Channel, Request};
use tokio::time::MissedTickBehavior;

use crate::attack::Trouble;
use crate::proto::attacks::{Blob, TargetClient};

/// Calls made at once before anything is measured: memory that any client costs is then there.
const WARM_UP_COUNT: usize = 300;

/// A call that takes longer is lost.
const CALL_TIME: Duration = Duration::from_secs(10);

/// A client that does its work while others attack.
pub(crate) struct Healthy {
    state: Arc<State>,
    thread: JoinHandle<()>,
}

/// When a call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the attack.
    Before = 0,
    /// While it runs.
    During = 1,
    /// After it, to see that the victim lives.
    After = 2,
}

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) made: usize,
    /// Why calls failed.
    pub(crate) lost: Vec<String>,
    /// How long those took that did not, by phase.
    times: [Vec<Duration>; 3],
}

impl Calls {
    /// The time that 99 of 100 calls of this phase took at most.
    pub(crate) fn p99(&self, phase: Phase) -> Option<Duration> {
        let mut times = self.times.get(phase as usize)?.clone();
        times.sort_unstable();
        let index = (times.len() * 99).div_ceil(100).saturating_sub(1);
        times.get(index).copied()
    }
}

#[derive(Default)]
struct State {
    phase: AtomicU8,
    is_over: AtomicBool,
    calls: Mutex<Calls>,
}

impl Healthy {
    /// Connects, warms the victim up, and goes on calling.
    pub(crate) async fn start(
        addr: std::net::SocketAddr,
        per_second: u32,
    ) -> Result<Self, Trouble> {
        let state = Arc::new(State::default());
        let (warm, is_warm) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let Ok(runtime) = runtime else { return };
                runtime.block_on(async {
                    let client = match warm_up(addr).await {
                        Ok(client) => client,
                        Err(trouble) => return drop(warm.send(Err(trouble))),
                    };
                    let _ = warm.send(Ok(()));
                    call_on(client, per_second, state).await;
                });
            }
        });
        is_warm.await??;
        Ok(Self { state, thread })
    }

    /// Says what the calls from here on are counted under.
    pub(crate) fn enter(&self, phase: Phase) {
        self.state.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Calls no more, waits for the calls that are under way, and tells of all.
    pub(crate) async fn end(self) -> Calls {
        self.state.is_over.store(true, Ordering::Relaxed);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        let mut calls = self.state.lock().clone();
        if !matches!(joined, Ok(Ok(()))) {
            calls.lost.push("the healthy client panicked".to_owned());
        }
        calls
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn warm_up(addr: std::net::SocketAddr) -> Result<TargetClient, Trouble> {
    let client = TargetClient::new(Channel::connect(&format!("http://{addr}")).await?);
    for _ in 0..WARM_UP_COUNT {
        client.probe(request()).await?;
    }
    Ok(client)
}

async fn call_on(client: TargetClient, per_second: u32, state: Arc<State>) {
    let client = Arc::new(client);
    let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls = tokio::task::JoinSet::new();
    while !state.is_over.load(Ordering::Relaxed) {
        tick.tick().await;
        while calls.try_join_next().is_some() {}
        let (client, state) = (Arc::clone(&client), Arc::clone(&state));
        calls.spawn(async move {
            let phase = state.phase.load(Ordering::Relaxed);
            let began = Instant::now();
            let answer = client.probe(request()).await;
            let took = began.elapsed();
            let mut calls = state.lock();
            calls.made += 1;
            match answer {
                Ok(_) => {
                    if let Some(times) = calls.times.get_mut(usize::from(phase)) {
                        times.push(took);
                    }
                }
                Err(status) => calls.lost.push(status.to_string()),
            }
        });
    }
    calls.join_all().await;
}

fn request() -> Request<Blob> {
    let blob = Blob {
        payload: b"healthy".to_vec(),
        ..Default::default()
    };
    Request::new(blob).with_timeout(CALL_TIME)
}
