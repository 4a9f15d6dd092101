//! Who does not read holds back who sends: each stream for itself, and within a bound.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hikyaku::{Channel, Server};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, Plain, collect};

/// A message on the wire: five bytes of envelope and a number.
const MESSAGE_LEN: usize = 13;

/// The window of a stream, and what may wait before and behind it at the sender. Bytes.
const MAX_UNDER_WAY_LEN: usize = (256 + 3 * 64 + 32) * 1024;

/// RFC 9113 §6.5.2.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A million replies, counted as they are sent.
fn flood(sent: &Arc<AtomicUsize>) -> Calls {
    let sent = Arc::clone(sent);
    Calls::four_kinds(&Live::new()).server_streaming("/test.Calls/Flood", move |_, mut replies| {
        let sent = Arc::clone(&sent);
        async move {
            for number in 0..1_000_000 {
                replies.send(number).await?;
                sent.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        }
    })
}

#[test]
fn a_million_replies_to_a_reader_that_sleeps_are_held_back() {
    virtual_time::run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let channel = Network::serving(flood(&sent)).channel();
        let mut replies = channel.list("/test.Calls/Flood", 1).await;
        settle().await;
        let first = sent.load(Ordering::SeqCst);
        assert!(first > 1000, "{first} messages fit into any window");
        assert!(
            first * MESSAGE_LEN < MAX_UNDER_WAY_LEN,
            "{first} messages under way"
        );
        settle().await;
        assert_eq!(sent.load(Ordering::SeqCst), first, "it waits");

        // What is read is sent after, and no more.
        for number in 0..100_000 {
            assert_eq!(replies.next().await.unwrap(), Some(number));
        }
        settle().await;
        let ahead = sent.load(Ordering::SeqCst) - 100_000;
        assert!(
            ahead * MESSAGE_LEN < MAX_UNDER_WAY_LEN,
            "{ahead} messages ahead"
        );

        let mut count = 100_000;
        while replies.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 1_000_000);
    });
}

/// Memory for one message that waits and one in hand, however often the window opens by a little.
#[test]
fn a_handler_goes_on_only_when_all_that_waited_has_been_taken() {
    virtual_time::run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let network = Network::serving(flood(&sent));
        let mut peer = network.raw_client().await;
        peer.send(&Frame::settings(&[(INITIAL_WINDOW_SIZE, 0)]))
            .await;
        let block = raw::request("/test.Calls/Flood", &[]);
        peer.send(&Frame::headers(1, &block, false)).await;
        peer.send(&Frame::message(1, &1_u64.to_be_bytes(), true))
            .await;
        settle().await;
        let first = sent.load(Ordering::SeqCst);
        assert!(first > 1000, "{first} messages wait");
        for _ in 0..10 {
            peer.send(&Frame::window_update(1, 1000)).await;
            settle().await;
            assert_eq!(sent.load(Ordering::SeqCst), first, "it waits");
        }
        peer.send(&Frame::window_update(1, 55_000)).await;
        settle().await;
        assert!(sent.load(Ordering::SeqCst) > first, "it goes on");
    });
}

#[test]
fn requests_to_a_handler_that_sleeps_are_held_back() {
    virtual_time::run(async {
        let calls = Calls::new().client_streaming("/test.Calls/Sleep", |mut requests| async move {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            let mut count = 0;
            while requests.next().await?.is_some() {
                count += 1;
            }
            Ok(count.into())
        });
        let channel = Network::serving(calls).channel();
        let mut call = channel.tell("/test.Calls/Sleep", ()).await;
        let mut count = 0_u64;
        while tokio::time::timeout(Duration::from_secs(60), call.send(1))
            .await
            .is_ok()
        {
            count += 1;
        }
        assert!(count > 1000, "{count} messages fit into any window");
        assert!(
            count as usize * MESSAGE_LEN < MAX_UNDER_WAY_LEN,
            "{count} messages under way"
        );
        // Once the handler wakes up, they go on.
        for _ in 0..100_000 {
            call.send(1).await.unwrap();
            count += 1;
        }
        assert_eq!(call.finish().await.unwrap().into_message(), count);
    });
}

#[test]
fn slow_streams_do_not_stop_another() {
    virtual_time::run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let calls = flood(&sent).client_streaming("/test.Calls/Deaf", |_| pending());
        let network = Network::serving(calls);
        let channel = network.channel();
        // Twenty windows of streams are more than the connection's own.
        let mut stuck = Vec::new();
        for _ in 0..20 {
            stuck.push(channel.list("/test.Calls/Flood", 1).await);
        }
        let mut deaf = Vec::new();
        for _ in 0..20 {
            let mut call = channel.tell("/test.Calls/Deaf", ()).await;
            deaf.push(tokio::spawn(
                async move { while call.send(1).await.is_ok() {} },
            ));
        }
        settle().await;
        let (numbers, end) = collect(channel.list("/test.Calls/Count", 100_000).await).await;
        end.unwrap();
        assert_eq!(numbers.len(), 100_000);
        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        for _ in 0..100_000 {
            call.send(1).await.unwrap();
        }
        assert_eq!(call.finish().await.unwrap().into_message(), 100_000);
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn dropped_streams_give_their_windows_back() {
    virtual_time::run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let network = Network::serving(flood(&sent));
        let channel = network.channel();
        for round in 0..50 {
            let mut replies = channel.list("/test.Calls/Flood", 1).await;
            for number in 0..round * 10 {
                assert_eq!(replies.next().await.unwrap(), Some(number));
            }
            if round % 2 == 0 {
                settle().await;
            }
        }
        let (numbers, end) = collect(channel.list("/test.Calls/Count", 50_000).await).await;
        end.unwrap();
        assert_eq!(numbers.len(), 50_000);
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn two_ends_that_only_send_at_first_come_through() {
    virtual_time::run(async {
        let calls = Calls::new().bidi("/test.Calls/Late", |mut requests, mut replies| async move {
            for number in 0..100_000 {
                replies.send(number).await?;
            }
            let mut count = 0;
            while requests.next().await?.is_some() {
                count += 1;
            }
            replies.send(count).await
        });
        let channel = Network::serving(calls).channel();
        let (mut sender, mut replies) = channel.talk("/test.Calls/Late", ()).await;
        let sending = tokio::spawn(async move {
            for _ in 0..100_000 {
                sender.send(1).await.unwrap();
            }
        });
        settle().await;
        for number in 0..100_000 {
            assert_eq!(replies.next().await.unwrap(), Some(number));
        }
        assert_eq!(replies.next().await.unwrap(), Some(100_000));
        assert_eq!(replies.next().await.unwrap(), None);
        sending.await.unwrap();
    });
}

#[test]
fn a_message_longer_than_every_window_comes_through() {
    virtual_time::run(async {
        let network = Network::new();
        let calls = Calls::new().unary_bytes("/test.Calls/Same", |request| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(request.into_message().into())
        });
        let max = 64 << 20;
        network.serve(Server::new().add(calls).max_message_len(max));
        let channel = network.builder().max_message_len(max).lazy().unwrap();
        let calls = (0..3).map(|n| tokio::spawn(send_back(channel.clone(), n)));
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    });
}

async fn send_back(channel: Channel, n: u8) {
    let message = Bytes::from(vec![n; 10 << 20]);
    let request = message.clone().into();
    let response = channel
        .unary::<Plain, Bytes, Bytes>("/test.Calls/Same", request)
        .await
        .unwrap();
    assert!(response.into_message() == message);
}

#[test]
fn requests_come_through_any_window() {
    for window_len in [1, 3, 1000, 16 * 1024, 65_535] {
        virtual_time::run(async {
            let network = Network::new();
            let server = Server::new().add(Calls::four_kinds(&Live::new()));
            network.serve(server.limits(|limits| {
                limits.http2.stream_window_len = window_len;
            }));
            let mut call = network.channel().tell("/test.Calls/Sum", ()).await;
            let count = 3 + 2 * u64::from(window_len) / MESSAGE_LEN as u64;
            for _ in 0..count {
                call.send(1).await.unwrap();
            }
            assert_eq!(call.finish().await.unwrap().into_message(), count);
        });
    }
}

#[test]
fn a_network_that_stops_stops_the_sender() {
    virtual_time::run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let network = Network::serving(flood(&sent));
        let channel = network.channel();
        let mut replies = channel.list("/test.Calls/Flood", 1).await;
        replies.next().await.unwrap();
        network.cable().hold();
        let reading = tokio::spawn(async move {
            let mut count = 1;
            while replies.next().await.unwrap().is_some() {
                count += 1;
            }
            count
        });
        settle().await;
        let ahead = sent.load(Ordering::SeqCst);
        // The link itself takes another 256 KiB.
        assert!(
            ahead * MESSAGE_LEN < 2 * MAX_UNDER_WAY_LEN,
            "{ahead} messages under way"
        );
        network.cable().release();
        assert_eq!(reading.await.unwrap(), 1_000_000);
    });
}
