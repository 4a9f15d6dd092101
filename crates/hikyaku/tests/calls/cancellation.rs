//! Dropping is cancelling, at both ends.

use std::future::pending;
use std::time::Duration;

use hikyaku::client::Sender;
use hikyaku::{Channel, Code, Origin, Server, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, collect};

/// Handlers that never end of their own accord.
fn endless(live: &Live) -> Channel {
    let [unary, list, tell, talk] = [(); 4].map(|()| live.clone());
    let calls = Calls::new()
        .unary("/test.Calls/Ask", move |_| {
            let guard = unary.guard();
            async move {
                let _guard = guard;
                pending().await
            }
        })
        .server_streaming("/test.Calls/List", move |_, mut replies| {
            let guard = list.guard();
            async move {
                let _guard = guard;
                replies.send(1).await?;
                pending().await
            }
        })
        .client_streaming("/test.Calls/Tell", move |requests| {
            let guard = tell.guard();
            async move {
                let _keep = (guard, requests);
                pending().await
            }
        })
        .bidi("/test.Calls/Talk", move |requests, mut replies| {
            let guard = talk.guard();
            async move {
                let _keep = (guard, requests);
                loop {
                    replies.send(1).await?;
                }
            }
        });
    Network::serving(calls).channel()
}

fn it_runs(live: &Live) {
    assert_eq!((live.count(), live.made_count()), (1, 1), "it runs");
}

#[test]
fn dropping_a_unary_call_drops_its_handler() {
    virtual_time::run(async {
        let live = Live::new();
        let channel = endless(&live);
        let call = channel.ask("/test.Calls/Ask", 1);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), call)
                .await
                .is_err()
        );
        settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 1));
    });
}

#[test]
fn dropping_a_stream_of_replies_drops_its_handler() {
    virtual_time::run(async {
        let live = Live::new();
        let channel = endless(&live);
        let mut replies = channel.list("/test.Calls/List", 1).await;
        replies.next().await.unwrap();
        it_runs(&live);
        drop(replies);
        settle().await;
        assert_eq!(live.count(), 0);
    });
}

#[test]
fn dropping_a_stream_of_requests_drops_its_handler() {
    virtual_time::run(async {
        let live = Live::new();
        let channel = endless(&live);
        let mut call = channel.tell("/test.Calls/Tell", ()).await;
        call.send(1).await.unwrap();
        settle().await;
        it_runs(&live);
        drop(call);
        settle().await;
        assert_eq!(live.count(), 0);
    });
}

#[test]
fn an_abandoned_stream_of_requests_does_not_look_complete() {
    virtual_time::run(async {
        let (live, ended) = (Live::new(), Live::new());
        let (guard, end) = (live.clone(), ended.clone());
        let calls = Calls::new().client_streaming("/test.Calls/Sum", move |mut requests| {
            let (guard, end) = (guard.guard(), end.clone());
            async move {
                let _guard = guard;
                while requests.next().await?.is_some() {}
                let _ended = end.guard();
                Ok(1.into())
            }
        });
        let channel = Network::serving(calls).channel();
        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        call.send(1).await.unwrap();
        settle().await;
        call.send(2).await.unwrap();
        drop(call);
        settle().await;
        assert_eq!((live.count(), live.made_count()), (0, 1));
        assert_eq!(
            ended.made_count(),
            0,
            "the handler took the requests for all there were"
        );
    });
}

#[test]
fn dropping_the_replies_of_both_directions_drops_the_handler() {
    virtual_time::run(async {
        for sender_first in [true, false] {
            let live = Live::new();
            let channel = endless(&live);
            let (mut sender, mut replies) = channel.talk("/test.Calls/Talk", ()).await;
            sender.send(1).await.unwrap();
            replies.next().await.unwrap();
            it_runs(&live);
            if sender_first {
                drop(sender);
                drop(replies);
            } else {
                drop(replies);
                let refused = sender.send(1).await;
                settle().await;
                assert!(refused.is_ok() || refused.unwrap_err().code() == Code::Cancelled);
                assert_eq!(sender.send(1).await.unwrap_err().code(), Code::Cancelled);
            }
            settle().await;
            assert_eq!(live.count(), 0);
        }
    });
}

#[test]
fn a_cancelled_stream_says_so_and_drops_its_handler() {
    virtual_time::run(async {
        let live = Live::new();
        let channel = endless(&live);
        let (mut sender, mut replies) = channel.talk("/test.Calls/Talk", ()).await;
        sender.send(1).await.unwrap();
        replies.next().await.unwrap();
        it_runs(&live);
        replies.cancel();
        for _ in 0..2 {
            let status = replies.next().await.unwrap_err();
            let told = (status.code(), status.origin());
            assert_eq!(told, (Code::Cancelled, Origin::Local));
        }
        assert!(replies.metadata().await.is_empty());
        settle().await;
        assert_eq!(live.count(), 0);
        assert_eq!(sender.send(1).await.unwrap_err().code(), Code::Cancelled);
    });
}

#[test]
fn a_stream_that_has_ended_cannot_be_cancelled() {
    virtual_time::run(async {
        let channel = Network::serving(Calls::four_kinds(&Live::new())).channel();
        let mut replies = channel.list("/test.Calls/Count", 1).await;
        while replies.next().await.unwrap().is_some() {}
        replies.cancel();
        assert_eq!(replies.next().await.unwrap(), None);
        assert!(replies.trailers().is_some());
    });
}

#[test]
fn a_stream_cancelled_before_it_was_sent_waits_for_no_connection() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        network.delay_connecting(Duration::from_secs(5));
        let channel = network.channel();
        let begin = tokio::time::Instant::now();
        let mut replies = channel.list("/test.Calls/Count", 1).await;
        replies.cancel();
        let status = replies.next().await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled);
        assert!(replies.metadata().await.is_empty());
        assert_eq!(begin.elapsed(), Duration::ZERO);
        channel.ask("/test.Calls/Square", 2).await.unwrap();
        assert_eq!(live.made_count(), 1);
    });
}

#[test]
fn a_call_dropped_before_it_was_sent_is_never_made() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        network.delay_connecting(Duration::from_secs(5));
        let channel = network.channel();
        let call = channel.ask("/test.Calls/Square", 1);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), call)
                .await
                .is_err()
        );
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 2)
                .await
                .unwrap()
                .into_message(),
            4
        );
        assert_eq!(live.made_count(), 1);
    });
}

#[test]
fn the_handler_sees_cancelled_in_streams_that_outlive_it() {
    virtual_time::run(async {
        let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
        let calls = Calls::new().bidi("/test.Calls/Lend", move |mut requests, mut replies| {
            let told = told.clone();
            tokio::spawn(async move {
                let _ = told.send(requests.next().await.unwrap_err());
                let _ = told.send(replies.send(1).await.unwrap_err());
            });
            pending()
        });
        let channel = Network::serving(calls).channel();
        let (_sender, replies) = channel.talk("/test.Calls/Lend", ()).await;
        settle().await;
        drop(replies);
        for _ in 0..2 {
            let status = tell.recv().await.unwrap();
            assert_eq!(
                (status.code(), status.origin()),
                (Code::Cancelled, Origin::Peer)
            );
        }
    });
}

#[test]
fn a_cancelled_call_is_reset_on_the_wire() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let caller = tokio::spawn(async move { channel.ask("/test.Calls/Ask", 1).await });
        let mut server = door.raw_server(&[]).await;
        let Frame::Headers { end: false, .. } = server.read_on(1).await else {
            panic!()
        };
        let Frame::Data { end: true, .. } = server.read_on(1).await else {
            panic!()
        };
        caller.abort();
        assert_eq!(server.read_on(1).await, Frame::Reset { stream: 1, code: 8 });
    });
}

#[test]
fn resets_of_the_server_become_statuses() {
    // RFC 9113 §7 against the table of PROTOCOL-HTTP2.md.
    let table = [
        (0x0, Code::Internal),
        (0x1, Code::Internal),
        (0x2, Code::Internal),
        (0x3, Code::Internal),
        (0x7, Code::Unavailable),
        (0x8, Code::Cancelled),
        (0xb, Code::ResourceExhausted),
        (0xc, Code::PermissionDenied),
        (0x77, Code::Unknown),
    ];
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let asking = channel.clone();
        let first = tokio::spawn(async move { asking.ask("/test.Calls/Ask", 1).await });
        let mut server = door.raw_server(&[]).await;
        server.send(&Frame::reset(1, 8)).await;
        assert_eq!(first.await.unwrap().unwrap_err().code(), Code::Cancelled);
        for (index, (number, code)) in (1_u32..).zip(table) {
            let stream = 2 * index + 1;
            let reply = async {
                while !server.read_on(stream).await.ends_stream() {}
                let head = raw::block(&[(":status", "200"), ("content-type", "application/grpc")]);
                server.send(&Frame::headers(stream, &head, false)).await;
                server.send(&Frame::message(stream, &[0; 8], false)).await;
                server.send(&Frame::reset(stream, number)).await;
            };
            let (outcome, ()) = tokio::join!(channel.ask("/test.Calls/Ask", 1), reply);
            let status = outcome.unwrap_err();
            assert_eq!(
                (status.code(), status.origin()),
                (code, Origin::Peer),
                "{number:#x}"
            );
        }
    });
}

#[test]
fn a_reset_ends_a_stream_of_replies_behind_those_that_came() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let replies = channel.list("/test.Calls/List", 1).await;
        let mut server = door.raw_server(&[]).await;
        server.read_on(1).await;
        let head = raw::block(&[(":status", "200"), ("content-type", "application/grpc")]);
        server.send(&Frame::headers(1, &head, false)).await;
        server
            .send(&Frame::message(1, &7_u64.to_be_bytes(), false))
            .await;
        server.send(&Frame::reset(1, 8)).await;
        let (numbers, end) = collect(replies).await;
        assert_eq!(numbers, [7]);
        assert_eq!(end.unwrap_err().code(), Code::Cancelled);
    });
}

#[test]
fn thousands_of_cancelled_calls_do_no_harm() {
    virtual_time::run(async {
        let live = Live::new();
        let network = Network::serving(Calls::four_kinds(&live));
        let channel = network.channel();
        for n in 0..3000_u64 {
            let call = channel.ask("/test.Calls/Later", n);
            let _ = tokio::time::timeout(Duration::from_millis(n % 7), call).await;
        }
        settle().await;
        assert_eq!(live.count(), 0);
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 9)
                .await
                .unwrap()
                .into_message(),
            81
        );
        assert_eq!(network.attempt_count(), 1);
    });
}

/// Sends until that is not possible any more.
async fn send_to_the_end(mut sender: Sender<u64>) -> Status {
    loop {
        if let Err(status) = sender.send(1).await {
            return status;
        }
    }
}

#[test]
fn who_sends_on_a_call_that_was_dropped_before_it_had_a_stream_is_told() {
    virtual_time::run(async {
        let network = Network::new();
        network.serve(
            Server::new()
                .add(Calls::four_kinds(&Live::new()))
                .max_concurrent_calls(1),
        );
        network.delay_connecting(Duration::from_secs(5));
        let channel = network.channel();

        // While the channel connects.
        let (sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        let sending = tokio::spawn(send_to_the_end(sender));
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(replies);
        assert_eq!(sending.await.unwrap().code(), Code::Cancelled);

        // While another call has the only stream.
        let (mut first, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        first.send(1).await.unwrap();
        assert_eq!(sums.next().await.unwrap(), Some(1));
        let (sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        let sending = tokio::spawn(send_to_the_end(sender));
        settle().await;
        drop(replies);
        assert_eq!(sending.await.unwrap().code(), Code::Cancelled);

        // Before anybody has looked at it.
        let (sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        drop(replies);
        assert_eq!(send_to_the_end(sender).await.code(), Code::Cancelled);
    });
}
