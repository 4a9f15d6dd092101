//! A call made in a handler belongs to the handler's call: it ends with it, and by its deadline.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hikyaku::context::Context;
use hikyaku::intercept::{Call, Next};
use hikyaku::{Channel, Code, Origin, Request, Status};
use hikyaku_testkit::raw::Frame;
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Kind, Network, read_request};

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);

/// What each call that has come to the last server had left.
type Left = Arc<Mutex<Vec<Option<Duration>>>>;

/// A server whose calls never end, and that notes how much time they have.
fn end_of_the_way(live: &Live, left: &Left) -> Channel {
    let (live, left) = (live.clone(), Arc::clone(left));
    let calls = Calls::of_every_kind(move |deadline| {
        let guard = live.guard();
        let time_left = deadline.map(|deadline| deadline - Instant::now().into_std());
        assert_eq!(time_left, Context::current().time_left());
        left.lock().unwrap().push(time_left);
        async move {
            let _guard = guard;
            pending().await
        }
    });
    Network::serving(calls).channel()
}

/// A server that thinks for a while and then makes a call of this kind to the next.
fn on_the_way(kind: Kind, live: &Live, next: Channel) -> Channel {
    let live = live.clone();
    let calls = Calls::of_every_kind(move |_| {
        let (guard, next) = (live.guard(), next.clone());
        async move {
            let _guard = guard;
            tokio::time::sleep(STEP).await;
            kind.call(&next, 1).await
        }
    });
    Network::serving(calls).channel()
}

/// Three servers, one behind the other, whose channels have been changed so.
fn chain(kind: Kind, live: &Live, left: &Left, change: fn(Channel) -> Channel) -> Channel {
    let last = change(end_of_the_way(live, left));
    on_the_way(kind, live, change(on_the_way(kind, live, last)))
}

/// Channels as they are, and with an interceptor, which runs in a task of its own for streams.
const CHANNELS: [fn(Channel) -> Channel; 2] = [
    |channel| channel,
    |channel| channel.intercept(|call: Call, next: Next| next.run(call)),
];

/// Every kind of call over every kind of channel.
fn ways() -> impl Iterator<Item = (Kind, fn(Channel) -> Channel)> {
    let kinds = Kind::ALL.into_iter();
    kinds.flat_map(|kind| CHANNELS.map(|change| (kind, change)))
}

#[test]
fn what_is_left_of_a_deadline_reaches_the_last_of_three_servers() {
    for (kind, change) in ways() {
        virtual_time::run(async move {
            let (live, left) = (Live::new(), Left::default());
            let channel = chain(kind, &live, &left, change);
            let start = Instant::now();
            let request = Request::new(1).with_timeout(SECOND);
            let status = kind.call(&channel, request).await.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{kind:?}");
            let elapsed = start.elapsed();
            assert!(elapsed >= SECOND && elapsed < SECOND + STEP, "{elapsed:?}");
            let left = left.lock().unwrap()[0].expect("there is a deadline");
            let most = SECOND - 2 * STEP;
            assert!(left <= most && left > most - STEP / 10, "{kind:?} {left:?}");
            settle().await;
            assert_eq!((live.count(), live.made_count()), (0, 3), "{kind:?}");
        });
    }
}

#[test]
fn cancelling_reaches_the_last_of_three_servers() {
    for (kind, change) in ways() {
        virtual_time::run(async move {
            let (live, left) = (Live::new(), Left::default());
            let channel = chain(kind, &live, &left, change);
            let call = tokio::spawn(async move { kind.call(&channel, 1).await });
            settle().await;
            assert_eq!((live.count(), live.made_count()), (3, 3), "{kind:?}");
            assert_eq!(*left.lock().unwrap(), [None], "nobody has set a deadline");
            call.abort();
            settle().await;
            assert_eq!((live.count(), live.made_count()), (0, 3), "{kind:?}");
        });
    }
}

#[test]
fn the_earlier_deadline_is_sent_and_a_detached_call_has_only_its_own() {
    type Change = fn(Request<u64>) -> Request<u64>;
    // (the call's deadline, what the handler wishes for its own, what is sent)
    let table: [(Option<u32>, Change, Option<&str>); 7] = [
        (None, |own| own, None),
        (None, |own| own.with_timeout(SECOND), Some("1S")),
        (Some(2), |own| own, Some("2S")),
        (Some(2), |own| own.with_timeout(SECOND), Some("1S")),
        (Some(2), |own| own.with_timeout(3 * SECOND), Some("2S")),
        (Some(2), Request::detached, None),
        (
            Some(2),
            |own| own.with_timeout(3 * SECOND).detached(),
            Some("3S"),
        ),
    ];
    for kind in Kind::ALL {
        for (timeout, change, want) in table {
            virtual_time::run(async move {
                let network = Network::new();
                let mut door = network.listen();
                let next = network.channel();
                let calls = Calls::of_every_kind(move |_| {
                    let next = next.clone();
                    async move { kind.call(&next, change(Request::new(1))).await }
                });
                let channel = Network::serving(calls).channel();
                let mut request = Request::new(1);
                if let Some(seconds) = timeout {
                    request = request.with_timeout(seconds * SECOND);
                }
                let call = tokio::spawn(async move { kind.call(&channel, request).await });
                let mut server = door.raw_server(&[]).await;
                let Frame::Headers { fields, .. } = server.read_on(1).await else {
                    panic!("a call begins with HEADERS");
                };
                let sent = fields.iter().find(|(name, _)| name == "grpc-timeout");
                let sent = sent.map(|(_, value)| value.as_str());
                assert_eq!(sent, want, "{kind:?} {timeout:?}");
                call.abort();
            });
        }
    }
}

/// How a call with a handler ends before that has returned, or because it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Dropped,
    Cut,
    Late,
    Returned,
    Panicked,
}

impl Ending {
    /// What a call that was made in it ends with.
    fn code(self) -> Code {
        match self {
            Self::Late => Code::DeadlineExceeded,
            Self::Dropped | Self::Cut | Self::Returned | Self::Panicked => Code::Cancelled,
        }
    }
}

const ENDINGS: [Ending; 5] = [
    Ending::Dropped,
    Ending::Cut,
    Ending::Late,
    Ending::Returned,
    Ending::Panicked,
];

/// Runs a handler that starts `leave` and waits, ends its call, and gives what `leave` then tells.
async fn outlive<L, F>(ending: Ending, leave: L) -> Status
where
    L: Fn(Context) -> F + Send + Sync + 'static,
    F: Future<Output = Status> + Send + 'static,
{
    let (told, mut tell) = mpsc::unbounded_channel();
    let calls = Calls::new().unary("/test.Calls/Leave", move |_| {
        let (told, left) = (told.clone(), leave(Context::current()));
        tokio::spawn(async move { told.send(left.await) });
        async move {
            tokio::time::sleep(STEP).await;
            match ending {
                Ending::Returned => Ok(1.into()),
                Ending::Panicked => panic!("as handlers may"),
                Ending::Dropped | Ending::Cut | Ending::Late => pending().await,
            }
        }
    });
    let network = Network::serving(calls);
    let channel = network.channel();
    let mut request = Request::new(1);
    if ending == Ending::Late {
        request = request.with_timeout(SECOND);
    }
    let call = tokio::spawn(async move { channel.ask("/test.Calls/Leave", request).await });
    tokio::time::sleep(SECOND / 2).await;
    match ending {
        Ending::Dropped => call.abort(),
        Ending::Cut => network.cut_all(),
        Ending::Late | Ending::Returned | Ending::Panicked => {}
    }
    tell.recv().await.expect("what was left behind tells")
}

#[test]
fn calls_in_a_task_under_the_scope_end_with_the_call() {
    for (ending, kind) in ENDINGS
        .iter()
        .flat_map(|&e| Kind::ALL.map(|kind| (e, kind)))
    {
        virtual_time::run(async move {
            let live = Live::new();
            let next = end_of_the_way(&live, &Left::default());
            let leave = move |context: Context| {
                let next = next.clone();
                let scoped = context.scope(async move {
                    // Not in the first poll: the scope covers all of them.
                    tokio::task::yield_now().await;
                    kind.call(&next, 1).await.unwrap_err()
                });
                async move {
                    let status = scoped.await;
                    assert!(context.is_cancelled(), "{ending:?}");
                    context.cancelled().await;
                    status
                }
            };
            let status = outlive(ending, leave).await;
            let want = (ending.code(), Origin::Local);
            assert_eq!(
                (status.code(), status.origin()),
                want,
                "{ending:?} {status}"
            );
            settle().await;
            assert_eq!(
                (live.count(), live.made_count()),
                (0, 1),
                "{ending:?} {kind:?}"
            );
        });
    }
}

#[test]
fn a_call_that_has_left_its_handler_ends_with_it() {
    for ending in ENDINGS {
        virtual_time::run(async move {
            let live = Live::new();
            let next = end_of_the_way(&live, &Left::default());
            let leave = move |_| {
                // It is made in the handler's first poll, and read elsewhere.
                let made = futures_now(next.list(Kind::List.path(), 1));
                async move {
                    let mut replies = made;
                    loop {
                        match replies.next().await {
                            Ok(reply) => assert_eq!(reply, Some(0)),
                            Err(status) => return status,
                        }
                    }
                }
            };
            let status = outlive(ending, leave).await;
            assert_eq!(status.code(), ending.code(), "{ending:?}");
            settle().await;
            assert_eq!((live.count(), live.made_count()), (0, 1), "{ending:?}");
        });
    }
}

/// The output of a future that need not wait.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it has to wait"),
    }
}

#[test]
fn a_call_made_after_the_end_is_not_sent() {
    for ending in ENDINGS {
        virtual_time::run(async move {
            let live = Live::new();
            let next = end_of_the_way(&live, &Left::default());
            let leave = move |context: Context| {
                let next = next.clone();
                async move {
                    context.cancelled().await;
                    let call = async { Kind::Ask.call(&next, 1).await.unwrap_err() };
                    context.scope(call).await
                }
            };
            let status = outlive(ending, leave).await;
            assert_eq!(status.code(), ending.code(), "{ending:?}");
            settle().await;
            assert_eq!(live.made_count(), 0, "{ending:?}");
        });
    }
}

#[test]
fn what_is_detached_or_out_of_scope_goes_on() {
    // (whether the task is in the scope, whether the call inherits)
    for (is_scoped, inherits) in [(true, false), (false, true), (false, false)] {
        for ending in ENDINGS {
            virtual_time::run(async move {
                let live = Live::new();
                let left = Left::default();
                let next = end_of_the_way(&live, &left);
                let leave = move |context: Context| {
                    let next = next.clone();
                    let call = async move {
                        let request = Request::new(1).with_timeout(60 * SECOND);
                        let request = if inherits {
                            request
                        } else {
                            request.detached()
                        };
                        Kind::Talk.call(&next, request).await.unwrap_err()
                    };
                    let context = if is_scoped { context } else { Context::none() };
                    context.scope(call)
                };
                let start = Instant::now();
                let status = outlive(ending, leave).await;
                assert_eq!(status.code(), Code::DeadlineExceeded, "its own");
                assert_eq!(start.elapsed().as_secs(), 60, "{ending:?}");
                let left = left.lock().unwrap()[0].expect("its own");
                assert!(left > 59 * SECOND, "{left:?}");
            });
        }
    }
}

#[test]
fn a_call_that_is_cancelled_from_outside_is_reset_and_both_its_halves_are_told() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let next = network.channel();
        let leave = move |context: Context| {
            let next = next.clone();
            context.scope(async move {
                let (mut sender, mut replies) = next.talk(Kind::Talk.path(), ()).await;
                sender.send(1).await.unwrap();
                let status = replies.next().await.unwrap_err();
                let refused = sender.send(2).await.unwrap_err();
                assert_eq!(refused.to_string(), status.to_string());
                status
            })
        };
        let serving = tokio::spawn(async move {
            let mut server = door.raw_server(&[]).await;
            server.read_on(1).await;
            server.read_on(1).await;
            assert_eq!(server.read_on(1).await, Frame::Reset { stream: 1, code: 8 });
        });
        let status = outlive(Ending::Dropped, leave).await;
        let want = "CANCELLED: the call that this one was made in was cancelled";
        assert_eq!(status.to_string(), want);
        serving.await.unwrap();
    });
}

#[test]
fn a_call_that_waits_for_a_connection_is_cancelled_and_never_made() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        network.delay_connecting(5 * SECOND);
        let next = network.channel();
        let leave = move |context: Context| {
            let next = next.clone();
            let call = async move { next.ask("/test.Calls/Square", 1).await.unwrap_err() };
            context.scope(call)
        };
        let start = Instant::now();
        let status = outlive(Ending::Returned, leave).await;
        assert_eq!(status.code(), Code::Cancelled);
        assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
        settle().await;
        assert_eq!(live.made_count(), 0);
    });
}

#[test]
fn calls_that_have_ended_are_left_alone() {
    virtual_time::run(async {
        let next = Network::serving(Calls::four_kinds(&Live::new())).channel();
        let calls = Calls::new().unary("/test.Calls/Many", move |_| {
            let next = next.clone();
            async move {
                let mut sum = 0;
                for n in 0..1000 {
                    sum += next.ask("/test.Calls/Square", n).await?.into_message();
                }
                // Its end is there, and its replies have not been read: they stay.
                let replies = next.list("/test.Calls/Count", 3).await;
                replies.metadata().await;
                tokio::time::sleep(STEP).await;
                let (told, tell) = tokio::sync::oneshot::channel();
                let context = Context::current();
                tokio::spawn(async move {
                    context.cancelled().await;
                    let _ = told.send(crate::in_memory::collect(replies).await);
                });
                tokio::spawn(async move {
                    let (numbers, end) = tell.await.unwrap();
                    assert_eq!(numbers, [1, 2, 3]);
                    end.unwrap();
                });
                Ok(sum.into())
            }
        });
        let channel = Network::serving(calls).channel();
        let sum = channel.ask("/test.Calls/Many", 1).await.unwrap();
        assert_eq!(sum.into_message(), 332_833_500);
        settle().await;
    });
}

#[test]
fn outside_a_handler_nothing_is_inherited_and_nothing_is_cancelled() {
    virtual_time::run(async {
        let context = Context::current();
        assert_eq!((context.deadline(), context.time_left()), (None, None));
        assert!(!context.is_cancelled());
        let cancelled = tokio::time::timeout(1000 * SECOND, context.cancelled());
        assert!(cancelled.await.is_err());
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let call = context.scope(async move { channel.ask("/test.Calls/Ask", 1).await });
        let call = tokio::spawn(call);
        let mut server = door.raw_server(&[]).await;
        assert_eq!(
            read_request(&mut server, 1).await.field("grpc-timeout"),
            None
        );
        call.abort();
    });
}
