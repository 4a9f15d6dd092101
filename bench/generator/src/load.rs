//! A run: opens the connections, makes the calls, holds what is to be held.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connect::{Socket, Target};
use crate::drive::{Connection, Shared};
use crate::fault::Fault;
use crate::options::Options;
use crate::raw;
use crate::report::{Report, Stopwatch};
use crate::scenario::Scenario;
use crate::starts::{Quota, Schedule, Starts};

/// Connections that are being opened at the same time.
const MAX_OPENING: usize = 64;
/// How often we look whether calls still come to an end.
const LOOK: Duration = Duration::from_millis(500);

/// Does what `options` say, on a [`tokio::task::LocalSet`]; `print` gets the report when it is due.
///
/// # Errors
/// Why no load could be made at all.
pub async fn run(options: &Options, print: impl FnOnce(Report)) -> Result<(), String> {
    let target = Rc::new(Target::new(options).await?);
    let shared = Rc::new(Shared::default());
    match options.scenario {
        Scenario::IdleConnections | Scenario::IdleStreams => {
            let watch = Stopwatch::start();
            let held = hold(options, &target, &shared).await?;
            print(watch.report(options.scenario, shared.tally.take()));
            until_input_ends().await;
            drop(held);
        }
        Scenario::Connect => print(reconnect(options, &target, &shared).await?),
        Scenario::EchoRaw => print(raw::echo(options, &target, &shared).await?),
        _ => print(load(options, &target, &shared).await?),
    }
    Ok(())
}

/// Calls on connections that are open before the first of them.
async fn load(
    options: &Options,
    target: &Rc<Target>,
    shared: &Rc<Shared>,
) -> Result<Report, String> {
    let connections = open(options, target, shared).await?;
    let watch = Stopwatch::start();
    let quota = quota(options, &watch);
    let mut tasks = JoinSet::new();
    for (index, mut connection) in connections.into_iter().enumerate() {
        let mut starts = match options.rate {
            None => Starts::Free(Rc::clone(&quota)),
            Some(rate) => Starts::Set(schedule(options, watch.started(), rate, index)),
        };
        let shared = Rc::clone(shared);
        tasks.spawn_local(async move { connection.run_all(&shared, &mut starts).await });
    }
    let lost = join(options, shared, tasks).await;
    let mut tally = shared.tally.take();
    if let Some(fault) = lost {
        // Without their connection, calls were not even made.
        let made = tally.succeeded + tally.failed;
        let missing = options.calls.map_or(0, |calls| calls.saturating_sub(made));
        tally.on_failure(
            fault,
            if options.seconds.is_none() {
                missing
            } else {
                0
            },
        );
    }
    Ok(watch.report(options.scenario, tally))
}

/// Opens all connections and waits for the SETTINGS of each.
async fn open(
    options: &Options,
    target: &Rc<Target>,
    shared: &Rc<Shared>,
) -> Result<Vec<Connection<Socket>>, String> {
    let doors = Rc::new(Semaphore::new(MAX_OPENING));
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let (target, shared, doors) = (Rc::clone(target), Rc::clone(shared), Rc::clone(&doors));
        tasks.spawn_local(async move {
            let _door = doors.acquire().await;
            let mut connection = target.connection().await?;
            connection
                .run(&shared, &mut Starts::Never, |engine| engine.has_settings())
                .await?;
            Ok(connection)
        });
    }
    let opening = async {
        let mut connections = Vec::new();
        while let Some(joined) = tasks.join_next().await {
            let opened: Result<_, Fault> = joined.map_err(|error| error.to_string())?;
            let what = |fault| format!("{} could not be connected to: {fault}", options.address);
            connections.push(opened.map_err(what)?);
        }
        Ok(connections)
    };
    // As many at a time as there are doors.
    let rounds = options.connections.div_ceil(MAX_OPENING) as u64;
    match timeout(Duration::from_secs(options.timeout * rounds), opening).await {
        Ok(result) => result,
        Err(_) => Err(format!("{} did not send SETTINGS in time", options.address)),
    }
}

/// Opens what is to be held and returns the tasks that hold it.
async fn hold(
    options: &Options,
    target: &Rc<Target>,
    shared: &Rc<Shared>,
) -> Result<JoinSet<()>, String> {
    let mut connections = open(options, target, shared).await?;
    let is_streams = options.scenario == Scenario::IdleStreams;
    for connection in &mut connections {
        if is_streams {
            open_streams(options, connection, shared).await?;
        }
        let mut tally = shared.tally.borrow_mut();
        tally.succeeded += if is_streams {
            options.streams as u64
        } else {
            1
        };
    }
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let shared = Rc::clone(shared);
        tasks.spawn_local(async move {
            if let Err(fault) = connection.run(&shared, &mut Starts::Never, |_| false).await {
                eprintln!("a connection was lost: {fault}");
            }
        });
    }
    Ok(tasks)
}

/// Opens streams that stay open and waits until the server has read of them.
async fn open_streams(
    options: &Options,
    connection: &mut Connection<Socket>,
    shared: &Shared,
) -> Result<(), String> {
    let max = connection.engine.max_streams();
    if max < options.streams {
        return Err(format!(
            "the server allows {max} streams, not {}",
            options.streams
        ));
    }
    let quota = Quota::new(options.streams as u64, None);
    connection
        .run(shared, &mut Starts::Free(quota), |_| true)
        .await
        .map_err(|fault| fault.to_string())?;
    connection.engine.ping();
    let mut never = Starts::Never;
    let answered = connection.run(shared, &mut never, |engine| engine.pong_count() > 0);
    match timeout(Duration::from_secs(options.timeout), answered).await {
        Err(_) => Err("the server did not answer PING in time".to_owned()),
        Ok(Err(fault)) => Err(fault.to_string()),
        Ok(Ok(())) if connection.engine.open_count() < options.streams => {
            let first = shared.tally.borrow().first_fault.clone();
            let why = first.map_or_else(String::new, |fault| format!(": {fault}"));
            Err(format!(
                "the server ended streams that should stay open{why}"
            ))
        }
        Ok(Ok(())) => Ok(()),
    }
}

/// A new connection for every call.
async fn reconnect(
    options: &Options,
    target: &Rc<Target>,
    shared: &Rc<Shared>,
) -> Result<Report, String> {
    let watch = Stopwatch::start();
    let quota = quota(options, &watch);
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let (target, shared, quota) = (Rc::clone(target), Rc::clone(shared), Rc::clone(&quota));
        tasks.spawn_local(async move {
            while let now = Instant::now()
                && quota.take(now)
            {
                if let Err(fault) = call_once(&target, &shared, now).await {
                    let mut tally = shared.tally.borrow_mut();
                    tally.on_failure(fault, 1);
                }
            }
            Ok(())
        });
    }
    let lost = join(options, shared, tasks).await;
    let mut tally = shared.tally.take();
    if let Some(fault) = lost {
        tally.on_failure(fault, 1);
    }
    Ok(watch.report(options.scenario, tally))
}

/// Connects and makes one call, without waiting for the server's SETTINGS.
async fn call_once(target: &Target, shared: &Shared, asked: Instant) -> Result<(), Fault> {
    let mut connection = target.connection().await?;
    connection.engine.start(asked)?;
    // A call that was open when its connection ended is counted by `run`.
    let _ = connection.run_all(shared, &mut Starts::Never).await;
    Ok(())
}

/// Waits for all tasks, as long as calls come to an end; returns why the first one was lost.
pub(crate) async fn join(
    options: &Options,
    shared: &Shared,
    mut tasks: JoinSet<Result<(), Fault>>,
) -> Option<Fault> {
    let mut lost = None;
    let (mut seen, mut silent_since) = (0, Instant::now());
    loop {
        match timeout(LOOK, tasks.join_next()).await {
            Ok(None) => return lost,
            Ok(Some(Ok(Ok(())))) => {}
            Ok(Some(Ok(Err(fault)))) => {
                lost.get_or_insert(fault);
            }
            Ok(Some(Err(error))) => {
                lost.get_or_insert(Fault::Protocol(error.to_string()));
            }
            Err(_) => {
                let count = shared.tally.borrow().progress();
                if count != seen {
                    (seen, silent_since) = (count, Instant::now());
                } else if silent_since.elapsed().as_secs() >= options.timeout {
                    return Some(Fault::Silent {
                        seconds: options.timeout,
                    });
                }
            }
        }
    }
}

pub(crate) fn quota(options: &Options, watch: &Stopwatch) -> Rc<Quota> {
    let end = options
        .seconds
        .map(|seconds| watch.started() + Duration::from_secs_f64(seconds));
    Quota::new(options.calls.unwrap_or(u64::MAX), end)
}

fn schedule(options: &Options, begin: Instant, rate: f64, index: usize) -> Schedule {
    let in_time = options
        .seconds
        .map_or(u64::MAX, |seconds| Schedule::calls_in(rate, seconds));
    let calls = options.calls.map_or(in_time, |calls| calls.min(in_time));
    Schedule::new(begin, rate, calls, index as u64, options.connections as u64)
}

/// Waits for the end of standard input.
async fn until_input_ends() {
    let mut stdin = tokio::io::stdin();
    let mut bytes = [0; 64];
    while stdin.read(&mut bytes).await.is_ok_and(|len| len > 0) {}
}
