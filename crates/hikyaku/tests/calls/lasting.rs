//! What a handler runs to its end goes on when its call is over.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hikyaku::context::{Context, run_to_end};
use hikyaku::{Channel, Code, Request, Server};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::{Instant, sleep, timeout};

use crate::in_memory::{Calling, Calls, Kind, Network};

const SECOND: Duration = Duration::from_secs(1);

/// What a handler has come to.
#[derive(Clone, Debug, Default)]
struct Progress {
    begun: Live,
    done: Live,
    /// The handler has gone on behind its work.
    beyond: Live,
    /// The handler is alive.
    handler: Live,
    was_told: Arc<AtomicBool>,
}

impl Progress {
    /// How many works have begun, have been done and have been gone on from.
    fn counts(&self) -> (usize, usize, usize) {
        let [begun, done, beyond] = [&self.begun, &self.done, &self.beyond].map(Live::made_count);
        (begun, done, beyond)
    }
}

/// Handlers whose work takes so long.
fn working(progress: &Progress, length: Duration) -> Calls {
    let progress = progress.clone();
    Calls::of_every_kind(move |_| {
        let progress = progress.clone();
        async move {
            let _handler = progress.handler.guard();
            let work = async {
                let _begun = progress.begun.guard();
                sleep(length).await;
                let told = Context::current().is_cancelled();
                progress.was_told.store(told, Ordering::SeqCst);
                drop(progress.done.guard());
                7
            };
            let result = run_to_end(work).await;
            drop(progress.beyond.guard());
            Ok(result)
        }
    })
}

/// How a call ends that has not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Dropped,
    Cut,
    Late,
}

const ENDINGS: [Ending; 3] = [Ending::Dropped, Ending::Cut, Ending::Late];

/// Makes a call and ends it after a second.
async fn call_and_leave(network: &Network, kind: Kind, ending: Ending) {
    let channel = network.channel();
    let mut request = Request::new(1);
    if ending == Ending::Late {
        request = request.with_timeout(SECOND);
    }
    let call = tokio::spawn(async move { kind.call(&channel, request).await });
    sleep(SECOND).await;
    match ending {
        Ending::Dropped => call.abort(),
        Ending::Cut => network.cut_all(),
        Ending::Late => {
            let status = call.await.unwrap().unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
        }
    }
}

#[test]
fn work_outlives_its_call_and_the_handler_is_dropped_behind_it() {
    for (kind, ending) in Kind::ALL
        .iter()
        .flat_map(|&k| ENDINGS.map(|ending| (k, ending)))
    {
        virtual_time::run(async move {
            let progress = Progress::default();
            let network = Network::serving(working(&progress, 60 * SECOND));
            call_and_leave(&network, kind, ending).await;
            settle().await;
            assert_eq!(progress.counts(), (1, 0, 0), "{kind:?} {ending:?}");
            assert_eq!(progress.handler.count(), 1, "{kind:?} {ending:?}");
            sleep(60 * SECOND).await;
            assert_eq!(progress.counts(), (1, 1, 0), "{kind:?} {ending:?}");
            assert_eq!(progress.handler.count(), 0, "{kind:?} {ending:?}");
            assert!(
                progress.was_told.load(Ordering::SeqCst),
                "the context tells"
            );
        });
    }
}

#[test]
fn a_call_that_is_not_over_goes_on_behind_the_work() {
    for kind in Kind::ALL {
        virtual_time::run(async move {
            let progress = Progress::default();
            let channel = Network::serving(working(&progress, SECOND)).channel();
            assert_eq!(kind.call(&channel, 1).await.unwrap(), 7, "{kind:?}");
            assert_eq!(progress.counts(), (1, 1, 1), "{kind:?}");
            assert!(!progress.was_told.load(Ordering::SeqCst));
        });
    }
}

#[test]
fn calls_made_in_the_work_go_on_and_those_made_before_do_not() {
    virtual_time::run(async {
        let live = Live::new();
        let next = Network::serving(Calls::four_kinds(&live)).channel();
        let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
        let calls = Calls::new().unary("/test.Calls/Work", move |_| {
            let (next, told) = (next.clone(), told.clone());
            async move {
                let before = next.tell("/test.Calls/Sum", ()).await;
                run_to_end(async {
                    sleep(2 * SECOND).await;
                    let before = before.finish().await.unwrap_err().code();
                    let within = next.ask("/test.Calls/Later", 3).await;
                    // A task takes along what counts here.
                    let call = async move { next.ask("/test.Calls/Later", 4).await };
                    let task = tokio::spawn(Context::current().scope(call)).await.unwrap();
                    let _ = told.send((before, within, task));
                })
                .await;
                Ok(1.into())
            }
        });
        let channel = Network::serving(calls).channel();
        let request = Request::new(1).with_timeout(SECOND);
        channel.ask("/test.Calls/Work", request).await.unwrap_err();
        let (before, within, task) = tell.recv().await.unwrap();
        assert_eq!(before, Code::DeadlineExceeded);
        assert_eq!(within.unwrap().into_message(), 9);
        assert_eq!(task.unwrap().into_message(), 16);
    });
}

#[test]
fn work_that_has_not_begun_when_the_call_is_over_never_does() {
    virtual_time::run(async {
        let [first, second] = [Progress::default(), Progress::default()];
        let (one, two) = (first.clone(), second.clone());
        let calls = Calls::new().unary("/test.Calls/Work", move |_| {
            let (one, two) = (one.clone(), two.clone());
            async move {
                let work = |progress: Progress| async move {
                    let _begun = progress.begun.guard();
                    sleep(10 * SECOND).await;
                    drop(progress.done.guard());
                };
                let later = async {
                    sleep(5 * SECOND).await;
                    run_to_end(work(two)).await;
                };
                tokio::join!(run_to_end(work(one)), later);
                Ok(1.into())
            }
        });
        let channel = Network::serving(calls).channel();
        let call = channel.ask("/test.Calls/Work", 1);
        timeout(SECOND, call).await.unwrap_err();
        sleep(60 * SECOND).await;
        assert_eq!(first.counts(), (1, 1, 0));
        assert_eq!(second.counts(), (0, 0, 0));
    });
}

#[test]
fn works_within_and_beside_one_another_all_come_to_their_end() {
    virtual_time::run(async {
        let done = Live::new();
        let ended = done.clone();
        let calls = Calls::new().unary("/test.Calls/Work", move |_| {
            let ended = ended.clone();
            async move {
                let work = |length: u32| {
                    let ended = ended.clone();
                    async move {
                        sleep(length * SECOND).await;
                        run_to_end(sleep(length * SECOND)).await;
                        drop(ended.guard());
                    }
                };
                tokio::join!(
                    run_to_end(work(2)),
                    run_to_end(work(5)),
                    run_to_end(work(9))
                );
                unreachable!("the call is over");
            }
        });
        let channel = Network::serving(calls).channel();
        let call = channel.ask("/test.Calls/Work", 1);
        timeout(SECOND, call).await.unwrap_err();
        sleep(60 * SECOND).await;
        assert_eq!(done.made_count(), 3);
    });
}

#[test]
fn dropping_the_work_gives_the_handler_up() {
    virtual_time::run(async {
        let handler = Live::new();
        let held = handler.clone();
        let calls = Calls::new().unary("/test.Calls/Work", move |_| {
            let guard = held.guard();
            async move {
                let _guard = guard;
                let _ = timeout(30 * SECOND, run_to_end(pending::<()>())).await;
                pending().await
            }
        });
        let channel = Network::serving(calls).channel();
        let call = channel.ask("/test.Calls/Work", 1);
        timeout(SECOND, call).await.unwrap_err();
        settle().await;
        assert_eq!(handler.count(), 1);
        sleep(30 * SECOND).await;
        assert_eq!(handler.count(), 0);
    });
}

#[test]
fn a_panic_in_the_work_is_the_handlers_and_harms_nobody_behind_the_call() {
    virtual_time::run(async {
        let handler = Live::new();
        let held = handler.clone();
        let calls = Calls::new().unary("/test.Calls/Work", move |_| {
            let guard = held.guard();
            async move {
                let _guard = guard;
                run_to_end(async {
                    sleep(2 * SECOND).await;
                    panic!("as work may");
                })
                .await
            }
        });
        let channel = Network::serving(calls).channel();
        let status = channel.ask("/test.Calls/Work", 1).await.unwrap_err();
        assert_eq!(status.code(), Code::Unknown);
        let call = channel.ask("/test.Calls/Work", 1);
        timeout(SECOND, call).await.unwrap_err();
        settle().await;
        assert_eq!((handler.count(), handler.made_count()), (0, 2));
        let status = channel.ask("/test.Calls/Work", 1).await.unwrap_err();
        assert_eq!(status.code(), Code::Unknown);
    });
}

/// Makes a call of each of `count` and leaves it, on one connection.
async fn leave_many(channel: &Channel, count: usize) {
    for _ in 0..count {
        let call = channel.ask(Kind::Ask.path(), 1);
        let _ = timeout(SECOND / 10, call).await;
    }
}

#[test]
fn works_count_as_handlers_of_their_connection_until_they_end() {
    virtual_time::run(async {
        let progress = Progress::default();
        let network = Network::new();
        let calls = working(&progress, 60 * SECOND);
        network.serve(Server::new().add(calls).max_concurrent_calls(3));
        let channel = network.channel();
        leave_many(&channel, 10).await;
        assert_eq!(progress.begun.made_count(), 3, "the others were held");
        let start = Instant::now();
        assert_eq!(Kind::Ask.call(&channel, 1).await.unwrap(), 7);
        assert!(start.elapsed() > 60 * SECOND, "it had to wait for a place");
        assert_eq!(progress.counts(), (4, 4, 1));
    });
}

#[test]
fn a_connection_counts_until_the_last_of_its_works_has_ended() {
    virtual_time::run(async {
        let progress = Progress::default();
        let network = Network::new();
        let calls = working(&progress, 60 * SECOND);
        let limited = Server::new()
            .add(calls)
            .limits(|limits| limits.max_connections = 1);
        network.serve(limited);
        call_and_leave(&network, Kind::Ask, Ending::Cut).await;
        let channel = network.channel();
        let request = || Request::new(1).with_timeout(10 * SECOND);
        let status = Kind::Ask.call(&channel, request()).await.unwrap_err();
        assert!(
            [Code::Unavailable, Code::DeadlineExceeded].contains(&status.code()),
            "{status}"
        );
        assert_eq!(progress.begun.made_count(), 1);
        sleep(300 * SECOND).await;
        assert_eq!(progress.counts(), (1, 1, 0));
        let channel = network.channel();
        assert_eq!(Kind::Ask.call(&channel, 1).await.unwrap(), 7);
    });
}

#[test]
fn a_graceful_shutdown_waits_for_works_and_cuts_them_off_after_the_grace() {
    for ending in ENDINGS {
        // (seconds of work left when the server is told to stop, seconds until it has, works done)
        for (left, want, done) in [(5, 5, 1), (100, 20, 0)] {
            virtual_time::run(async move {
                let progress = Progress::default();
                let network = Network::new();
                let calls = working(&progress, (left + 1) * SECOND);
                let server = Server::new().add(calls).shutdown_grace(20 * SECOND);
                let mut running = network.serve(server);
                call_and_leave(&network, Kind::List, ending).await;
                running.stop();
                let start = Instant::now();
                running.task.await.unwrap().unwrap();
                let took = start.elapsed().as_secs_f64().round();
                assert_eq!(took, f64::from(want), "{ending:?}");
                settle().await;
                assert_eq!(progress.done.made_count(), done, "{ending:?}");
                assert_eq!(progress.handler.count(), 0, "{ending:?}");
            });
        }
    }
}

#[test]
fn dropping_the_servers_future_drops_works_with_it() {
    // (whether the call is over before)
    for is_over in [true, false] {
        virtual_time::run(async move {
            let progress = Progress::default();
            let network = Network::new();
            let calls = working(&progress, 60 * SECOND);
            let running = network.serve(Server::new().add(calls));
            let channel = network.channel();
            let call = tokio::spawn(async move { Kind::Ask.call(&channel, 1).await });
            sleep(SECOND).await;
            if is_over {
                call.abort();
                sleep(SECOND).await;
            }
            assert_eq!(progress.handler.count(), 1);
            running.task.abort();
            settle().await;
            assert_eq!(progress.handler.count(), 0, "{is_over}");
            assert_eq!(progress.done.made_count(), 0, "{is_over}");
        });
    }
}

#[test]
fn outside_a_handler_work_is_just_done() {
    virtual_time::run(async {
        assert_eq!(run_to_end(async { 3 }).await, 3);
        // In a task of a call that is over, too: nobody drops that.
        let (told, tell) = tokio::sync::oneshot::channel();
        let told = Arc::new(std::sync::Mutex::new(Some(told)));
        let calls = Calls::new().unary("/test.Calls/Leave", move |_| {
            let told = told.lock().unwrap().take().unwrap();
            tokio::spawn(Context::current().scope(async move {
                sleep(SECOND).await;
                assert!(Context::current().is_cancelled());
                let _ = told.send(run_to_end(async { 5 }).await);
            }));
            async { Ok(1.into()) }
        });
        let channel = Network::serving(calls).channel();
        channel.ask("/test.Calls/Leave", 1).await.unwrap();
        assert_eq!(tell.await.unwrap(), 5);
    });
}
