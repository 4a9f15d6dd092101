//! What the clients of a server may take from it together: handlers, connections, memory.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hikyaku::Server;
use hikyaku::server::Listener;
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};

use tokio::sync::mpsc;

use crate::in_memory::{Calling, Calls, Door, Network};

/// A method that never answers, and how many of its handlers ran at most.
fn never(live: &Live, peak: &Arc<AtomicUsize>) -> Calls {
    let (live, peak) = (live.clone(), Arc::clone(peak));
    Calls::four_kinds(&Live::new()).unary("/test.Calls/Never", move |_| {
        let guard = live.guard();
        peak.fetch_max(live.count(), Ordering::SeqCst);
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    })
}

#[test]
fn handlers_are_counted_until_they_have_ended_not_until_their_stream_has() {
    virtual_time::run(async {
        let (live, peak) = (Live::new(), Arc::default());
        let network = Network::serving(never(&live, &peak));
        let mut peer = network.raw_client().await;
        let block = raw::request("/test.Calls/Never", &[]);
        let mut pairs = Vec::new();
        for stream in (1..1800).step_by(2) {
            pairs.extend(Frame::headers(stream, &block, false));
            pairs.extend(Frame::message(stream, &7_u64.to_be_bytes(), true));
            pairs.extend(Frame::reset(stream, 8));
        }
        peer.send(&pairs).await;
        settle().await;
        assert_eq!(live.count(), 0);
        assert!(live.made_count() >= 100, "{}", live.made_count());
        assert_eq!(peak.load(Ordering::SeqCst), 100);
        // Nothing is in the way of an honest call.
        let block = raw::request("/test.Calls/Later", &[]);
        peer.send(&Frame::headers(1801, &block, false)).await;
        peer.send(&Frame::message(1801, &7_u64.to_be_bytes(), true))
            .await;
        let frames = peer.read_stream(1801).await;
        assert_eq!(frames.last().unwrap().field("grpc-status"), Some("0"));
    });
}

#[test]
fn calls_in_place_of_cancelled_ones_wait_for_their_handlers_to_end() {
    virtual_time::run(async {
        for _ in 0..20 {
            let (live, peak) = (Live::new(), Arc::default());
            let channel = Network::serving(never(&live, &peak)).channel();
            channel.ask("/test.Calls/Square", 1).await.unwrap();
            let calls = |path: &'static str| {
                let calls = (0..100_u64).map(|n| {
                    let channel = channel.clone();
                    tokio::spawn(async move { channel.ask(path, n).await })
                });
                calls.collect::<Vec<_>>()
            };
            let cancelled = calls("/test.Calls/Never");
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(live.count(), 100);
            cancelled.iter().for_each(|call| call.abort());
            for (n, call) in (0_u64..).zip(calls("/test.Calls/Later")) {
                assert_eq!(call.await.unwrap().unwrap().into_message(), n * n);
            }
            assert_eq!((live.count(), peak.load(Ordering::SeqCst)), (0, 100));
        }
    });
}

#[test]
fn a_new_connection_takes_the_place_of_the_newest_idle_one() {
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        network.serve(server.limits(|limits| limits.max_connections = 3));
        let busy = network.channel();
        let (mut sender, mut sums) = busy.talk("/test.Calls/Sums", ()).await;
        sender.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));
        let mut older = network.raw_client().await;
        let mut newest = network.raw_client().await;

        let third = network.channel();
        third.ask("/test.Calls/Square", 3).await.unwrap();
        let last = newest.read_to_end().await;
        let Some(Frame::GoAway { code: 0, debug, .. }) = last.last() else {
            panic!("{last:?}");
        };
        assert_eq!(debug, "the server has too many connections");
        // The others are as they were.
        older.send(&Frame::ping(false, [7; 8])).await;
        assert!(matches!(
            older.read().await,
            Some(Frame::Ping { ack: true, .. })
        ));
        sender.send(2).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(3));
    });
}

#[test]
fn a_server_full_of_busy_connections_takes_no_more() {
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().add(Calls::four_kinds(&Live::new()));
        network.serve(server.limits(|limits| limits.max_connections = 2));
        let mut streams = Vec::new();
        for _ in 0..2 {
            let channel = network.channel();
            let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
            sender.send(1).await.unwrap();
            assert_eq!(sums.next().await.unwrap(), Some(1));
            streams.push((sender, sums));
        }
        let mut late = raw::RawPeer::new(network.clone().connect().await.unwrap());
        assert!(late.read().await.is_none());
        for (sender, sums) in &mut streams {
            sender.send(2).await.unwrap();
            assert_eq!(sums.next().await.unwrap(), Some(3));
        }
        // Room again.
        streams.pop();
        settle().await;
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 3).await.unwrap();
    });
}

/// A server with this memory budget, and clients that let replies pile up behind a window of
/// nothing: each makes it hold some 80 KiB, and has a call open besides.
async fn hoarding(memory_budget_len: usize, count: usize) -> (Network, Vec<RawPeer<End>>) {
    let network = Network::new();
    let server = Server::new().add(Calls::four_kinds(&Live::new()));
    network.serve(server.limits(|limits| limits.memory_budget_len = memory_budget_len));
    let mut hoarders = Vec::new();
    for _ in 0..count {
        let mut peer = network.raw_client().await;
        let block = raw::request("/test.Calls/Sums", &[]);
        peer.send(&Frame::headers(1, &block, false)).await;
        hoarders.push(peer);
    }
    settle().await;
    (network, hoarders)
}

async fn hoard(peer: &mut RawPeer<End>) {
    peer.send(&Frame::settings(&[(4, 0)])).await;
    let block = raw::request("/test.Calls/Count", &[]);
    peer.send(&Frame::headers(3, &block, false)).await;
    peer.send(&Frame::message(3, &u64::MAX.to_be_bytes(), true))
        .await;
    settle().await;
}

/// Whether the server takes one more call of this client.
async fn takes(peer: &mut RawPeer<End>, stream: u32) -> bool {
    let block = raw::request("/test.Calls/Square", &[]);
    peer.send(&Frame::headers(stream, &block, false)).await;
    peer.send(&Frame::data(stream, &[], true)).await;
    match &peer.read_stream(stream).await[..] {
        [Frame::Reset { code: 7, .. }] => false,
        [Frame::Headers { .. }] => true,
        other => panic!("{other:?}"),
    }
}

#[test]
fn over_the_memory_budget_who_holds_much_gets_no_more_and_who_holds_little_does() {
    virtual_time::run(async {
        let (network, mut hoarders) = hoarding(165 * 1024, 2).await;
        let mut modest = network.raw_client().await;
        for peer in &mut hoarders {
            hoard(peer).await;
        }
        assert!(!takes(&mut hoarders[0], 5).await);
        assert!(takes(&mut modest, 1).await);
        // What was held is given back: calls are welcome again.
        drop(hoarders.pop());
        settle().await;
        assert!(takes(&mut hoarders[0], 7).await);
    });
}

#[test]
fn far_over_the_memory_budget_nobody_gets_more_and_idle_clients_are_sent_away() {
    virtual_time::run(async {
        let (network, mut hoarders) = hoarding(100 * 1024, 3).await;
        let mut modest = network.raw_client().await;
        let block = raw::request("/test.Calls/Sums", &[]);
        modest.send(&Frame::headers(1, &block, false)).await;
        let mut idle = network.raw_client().await;
        for peer in &mut hoarders {
            hoard(peer).await;
        }
        assert!(!takes(&mut modest, 3).await);
        let last = idle.read_to_end().await;
        assert!(
            matches!(last.last(), Some(Frame::GoAway { code: 0, .. })),
            "{last:?}"
        );
        drop(hoarders);
        settle().await;
        let channel = network.channel();
        channel.ask("/test.Calls/Square", 3).await.unwrap();
    });
}

/// A server whose listener fails when it is told to.
fn troubled() -> (Network, mpsc::UnboundedSender<io::Error>) {
    let network = Network::new();
    let (fail, failures) = mpsc::unbounded_channel();
    let door = network.listen();
    let server = Server::new().add(Calls::four_kinds(&Live::new()));
    tokio::spawn(server.serve_listener(Troubled { door, failures }));
    (network, fail)
}

#[test]
fn no_error_ends_the_listening() {
    virtual_time::run(async {
        let kinds = [
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::Interrupted,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::OutOfMemory,
            io::ErrorKind::Other,
        ];
        let (network, fail) = troubled();
        for kind in kinds {
            fail.send(kind.into()).unwrap();
            network
                .channel()
                .ask("/test.Calls/Square", 3)
                .await
                .unwrap();
        }
    });
}

#[test]
fn without_descriptors_idle_connections_go() {
    virtual_time::run(async {
        const EMFILE: i32 = 24;
        let (network, fail) = troubled();
        let busy = network.channel();
        let (mut sender, mut sums) = busy.talk("/test.Calls/Sums", ()).await;
        sender.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));
        let mut idle = network.raw_client().await;
        fail.send(io::Error::from_raw_os_error(EMFILE)).unwrap();
        let last = idle.read_to_end().await;
        assert!(
            matches!(last.last(), Some(Frame::GoAway { code: 0, .. })),
            "{last:?}"
        );
        sender.send(2).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(3));
        network
            .channel()
            .ask("/test.Calls/Square", 3)
            .await
            .unwrap();
    });
}

/// A listener that fails when it is told to.
struct Troubled {
    door: Door,
    failures: mpsc::UnboundedReceiver<io::Error>,
}

impl Listener for Troubled {
    type Io = End;

    async fn accept(&mut self) -> io::Result<(End, Option<SocketAddr>)> {
        tokio::select! {
            Some(error) = self.failures.recv() => Err(error),
            accepted = self.door.accept() => accepted,
        }
    }
}
