//! Real sockets, real threads and the real clock: what a network in memory cannot show.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use hikyaku::context::Context;
use hikyaku::intercept::{Call, Next};
use hikyaku::server::{ServeError, bind, runtime};
use hikyaku::{Channel, Code, Origin, Request, Server, Status, blocking};
use hikyaku_testkit::Live;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::in_memory::{Calling, Calls, Plain};
use crate::threads::{all_gone, hammer, run};

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// Starts a server on a free port.
async fn serve(live: &Live) -> Running {
    let listener = bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new().add(Calls::four_kinds(live));
    let shutdown = async { _ = stopped.await };
    let task = tokio::spawn(server.serve_listener_with_shutdown(listener, shutdown));
    Running { addr, stop, task }
}

impl Running {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// A server on a thread of its own, for as long as the test runs.
fn serve_thread(live: &Live) -> String {
    let runtime = runtime(1).unwrap();
    let running = runtime.block_on(serve(live));
    thread::spawn(move || runtime.block_on(running.task));
    // Dropping this would stop the server.
    std::mem::forget(running.stop);
    format!("http://{}", running.addr)
}

#[test]
fn blocking_calls_of_all_kinds_come_through() {
    let live = Live::new();
    let channel = blocking::Channel::connect(&serve_thread(&live)).unwrap();
    let threads = (0..8).map(|n| {
        let channel = channel.clone();
        thread::spawn(move || {
            for round in 0..20 {
                blocking_calls(&channel, n + round);
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}

fn blocking_calls(channel: &blocking::Channel, n: u64) {
    for path in ["/test.Calls/Square", "/test.Calls/Later"] {
        let response = channel.unary::<Plain, u64, u64>(path, n.into()).unwrap();
        assert_eq!(response.into_message(), n * n);
    }
    let path = "/test.Calls/Count";
    let counted = channel
        .server_streaming::<Plain, u64, u64>(path, n.into())
        .unwrap();
    let counted: Result<Vec<u64>, Status> = counted.collect();
    assert!(counted.unwrap().into_iter().eq(1..=n));
    let path = "/test.Calls/Sum";
    let sum = channel
        .client_streaming::<Plain, u64, u64>(path, 1..=n)
        .unwrap();
    assert_eq!(sum.into_message(), n * (n + 1) / 2);
    let path = "/test.Calls/Sums";
    let sums = channel
        .bidi_streaming::<Plain, u64, u64>(path, 1..=n)
        .unwrap();
    assert_eq!(
        sums.last().map(Result::unwrap),
        (n > 0).then_some(n * (n + 1) / 2)
    );
}

#[test]
fn blocking_calls_go_through_interceptors_that_wait() {
    let live = Live::new();
    let called = live.clone();
    let target = serve_thread(&Live::new());
    let channel = blocking::Channel::connect(&target).unwrap();
    let channel = channel.intercept(move |call: Call, next: Next| {
        let guard = called.guard();
        async move {
            let _guard = guard;
            // These need a runtime, and the caller's thread has none.
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::spawn(async {}).await.unwrap();
            next.run(call).await
        }
    });
    for n in 0..3 {
        blocking_calls(&channel, n);
    }
    assert_eq!(live.made_count(), 15);
    // A task may end a moment after its call.
    runtime(1).unwrap().block_on(all_gone(&live));
}

#[test]
fn blocking_calls_fail_with_their_status() {
    let live = Live::new();
    let channel = blocking::Channel::connect(&serve_thread(&live)).unwrap();
    let status = channel
        .unary::<Plain, u64, u64>("/no.Such/Method", 1.into())
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let timed = Request::new(u64::MAX).with_timeout(Duration::from_millis(50));
    let mut replies = channel
        .server_streaming::<Plain, u64, u64>("/test.Calls/Count", timed)
        .unwrap();
    let last = replies.by_ref().last().unwrap().unwrap_err();
    assert_eq!(last.code(), Code::DeadlineExceeded);
    assert!(replies.next().is_none(), "the failure is the last item");
}

#[test]
fn dropping_blocking_replies_cancels_their_call() {
    let live = Live::new();
    let channel = blocking::Channel::connect(&serve_thread(&live)).unwrap();
    let path = "/test.Calls/Count";
    let replies = channel
        .server_streaming::<Plain, u64, u64>(path, u64::MAX.into())
        .unwrap();
    assert!(replies.take(1000).map(Result::unwrap).eq(1..=1000));
    runtime(1).unwrap().block_on(all_gone(&live));
}

/// A server of these calls on a thread of its own, for as long as the process runs.
fn serve_calls(calls: Calls) -> String {
    let runtime = runtime(1).unwrap();
    let listener = runtime.block_on(bind("127.0.0.1:0")).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Server::new().add(calls);
    thread::spawn(move || runtime.block_on(server.serve_listener(listener)));
    format!("http://{addr}")
}

#[test]
fn a_blocking_call_in_a_handler_inherits_its_deadline() {
    let left = Calls::new().unary("/test.Calls/Left", |request| async move {
        let left = request.time_left().map_or(0, |left| left.as_secs() + 1);
        Ok(left.into())
    });
    let next = blocking::Channel::connect(&serve_calls(left)).unwrap();
    let calls = Calls::new().unary("/test.Calls/Left", move |request| {
        let next = next.clone();
        async move {
            let is_detached = *request.message() == 1;
            let own = Request::new(0);
            let own = if is_detached { own.detached() } else { own };
            next.unary::<Plain, u64, u64>("/test.Calls/Left", own)
        }
    });
    let channel = blocking::Channel::connect(&serve_calls(calls)).unwrap();
    for (is_detached, least, most) in [(0, 1, 3600), (1, 0, 0)] {
        let request = Request::new(is_detached).with_timeout(Duration::from_secs(3600));
        let left = channel.unary::<Plain, u64, u64>("/test.Calls/Left", request);
        let left = left.unwrap().into_message();
        assert!((least..=most).contains(&left), "{is_detached} {left}");
    }
}

#[test]
fn a_blocking_call_on_a_thread_of_a_handlers_ends_when_its_call_is_cancelled() {
    let live = Live::new();
    let held = live.clone();
    let endless = Calls::new().unary("/test.Calls/Sleep", move |_| {
        let guard = held.guard();
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    let next = blocking::Channel::connect(&serve_calls(endless)).unwrap();
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let calls = Calls::new().unary("/test.Calls/Leave", move |_| {
        let (told, context, next) = (told.clone(), Context::current(), next.clone());
        let blocking = move || {
            let path = "/test.Calls/Sleep";
            let call = || next.unary::<Plain, u64, u64>(path, 1.into());
            let _ = told.send(context.sync_scope(call).unwrap_err());
        };
        async move {
            let _ = tokio::task::spawn_blocking(blocking).await;
            Ok(1.into())
        }
    });
    let addr = serve_calls(calls);
    run(async {
        let channel = Channel::connect(&addr).await.unwrap();
        let call = tokio::spawn(async move { channel.ask("/test.Calls/Leave", 1).await });
        while live.made_count() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        call.abort();
        assert_eq!(tell.recv().await.unwrap().code(), Code::Cancelled);
        all_gone(&live).await;
    });
}

#[test]
fn a_refused_connection_names_the_address_and_the_systems_reason() {
    run(async {
        let addr = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let channel = Channel::lazy(&addr.to_string()).unwrap();
        let status = channel.ask("/test.Calls/Square", 1).await.unwrap_err();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Unavailable, Origin::Transport)
        );
        assert!(status.message().contains(&addr.to_string()), "{status}");
        assert!(status.message().contains("Connection refused"), "{status}");
        let error = Channel::connect(&addr.to_string()).await.unwrap_err();
        assert!(error.to_string().contains("Connection refused"), "{error}");
    });
}

#[test]
fn an_address_in_use_is_named() {
    run(async {
        let taken = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let _holder = bind(&taken.to_string()).await.unwrap();
        let error = bind(&taken.to_string()).await.unwrap_err();
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
    });
}

#[test]
fn a_handler_knows_its_clients_address() {
    run(async {
        let listener = bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let calls = Calls::new().unary("/test.Calls/Port", |request| async move {
            let peer = request.peer_addr().expect("a socket has one");
            assert!(peer.ip().is_loopback());
            Ok(u64::from(peer.port()).into())
        });
        tokio::spawn(Server::new().add(calls).serve_listener(listener));
        let channel = Channel::connect(&addr.to_string()).await.unwrap();
        let port = channel
            .ask("/test.Calls/Port", 1)
            .await
            .unwrap()
            .into_message();
        assert!(port > 0 && port != u64::from(addr.port()));
    });
}

#[test]
fn one_address_takes_both_versions_of_ip() {
    run(async {
        let Ok(listener) = bind("[::]:0").await else {
            return;
        };
        let port = listener.local_addr().unwrap().port();
        let calls = Calls::four_kinds(&Live::new());
        tokio::spawn(Server::new().add(calls).serve_listener(listener));
        for host in ["127.0.0.1", "[::1]"] {
            let channel = Channel::lazy(&format!("http://{host}:{port}")).unwrap();
            assert_eq!(
                channel
                    .ask("/test.Calls/Square", 5)
                    .await
                    .unwrap()
                    .into_message(),
                25
            );
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn calls_of_all_kinds_go_through_tls() {
    use crate::tls::Authority;
    use hikyaku::tls::{ClientTls, Roots, ServerTls};

    let authority = Authority::new();
    let identity = authority.issue("127.0.0.1").identity();
    let tls = ServerTls::builder(identity)
        .require_client_certificates(Roots::from_pem(authority.pem()))
        .load()
        .unwrap();
    let runtime = runtime(1).unwrap();
    let listener = runtime.block_on(bind("127.0.0.1:0")).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Server::new().add(Calls::four_kinds(&Live::new())).tls(tls);
    thread::spawn(move || runtime.block_on(server.serve_listener(listener)));
    let trusting = ClientTls::new().roots(Roots::from_pem(authority.pem()));
    let known = trusting.clone().identity(authority.issue("me").identity());
    let channel = Channel::builder(&format!("https://{addr}")).tls(known);
    let channel = blocking::Channel::connect_with(channel).unwrap();
    for n in 0..20 {
        blocking_calls(&channel, n);
    }
    let channel = Channel::builder(&format!("https://{addr}")).tls(trusting);
    let error = blocking::Channel::connect_with(channel).unwrap_err();
    let want = format!("the server wants a client certificate while connecting to {addr}");
    assert_eq!(error.to_string(), want);
}

#[test]
fn calls_on_many_threads_all_end() {
    run(async {
        let live = Live::new();
        let running = serve(&live).await;
        let channel = Channel::connect(&running.addr.to_string()).await.unwrap();
        let (good_count, bad_count) = hammer(channel, 50, 60).await;
        assert_eq!((good_count, bad_count), (3000, 0));
        all_gone(&live).await;
        running.stop().await;
    });
}
