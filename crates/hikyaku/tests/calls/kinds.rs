//! The four kinds of call.

use bytes::Bytes;
use hikyaku::{Channel, Request, Response, Status};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, Plain, collect};

fn channel() -> Channel {
    Network::serving(Calls::four_kinds(&Live::new())).channel()
}

#[test]
fn a_handler_that_is_ready_at_once_answers() {
    virtual_time::run(async {
        let response = channel().ask("/test.Calls/Square", 12).await.unwrap();
        assert_eq!(response.into_message(), 144);
    });
}

#[test]
fn a_handler_that_has_to_wait_answers() {
    virtual_time::run(async {
        let response = channel().ask("/test.Calls/Later", 12).await.unwrap();
        assert_eq!(response.into_message(), 144);
    });
}

#[test]
fn handlers_that_wait_run_side_by_side() {
    virtual_time::run(async {
        let channel = channel();
        channel.ask("/test.Calls/Square", 1).await.unwrap();
        let start = tokio::time::Instant::now();
        let calls = (0..50).map(|n| {
            let channel = channel.clone();
            tokio::spawn(async move { channel.ask("/test.Calls/Later", n).await })
        });
        for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(call.await.unwrap().unwrap().into_message(), (n * n) as u64);
        }
        assert!(start.elapsed().as_millis() < 10, "{:?}", start.elapsed());
    });
}

#[test]
fn replies_come_in_order_and_end() {
    virtual_time::run(async {
        let (numbers, end) = collect(channel().list("/test.Calls/Count", 5).await).await;
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        end.unwrap();
    });
}

#[test]
fn a_stream_of_no_replies_ends_well() {
    virtual_time::run(async {
        let (numbers, end) = collect(channel().list("/test.Calls/Count", 0).await).await;
        assert!(numbers.is_empty());
        end.unwrap();
    });
}

#[test]
fn requests_come_in_order_and_are_answered_at_their_end() {
    virtual_time::run(async {
        let mut call = channel().tell("/test.Calls/Sum", ()).await;
        for number in 1..=10 {
            call.send(number).await.unwrap();
        }
        assert_eq!(call.finish().await.unwrap().into_message(), 55);
    });
}

#[test]
fn a_stream_of_no_requests_is_answered() {
    virtual_time::run(async {
        let call = channel().tell("/test.Calls/Sum", ()).await;
        assert_eq!(call.finish().await.unwrap().into_message(), 0);
        let (sender, replies) = channel().talk("/test.Calls/Sums", ()).await;
        sender.finish();
        assert!(collect(replies).await.0.is_empty());
    });
}

#[test]
fn both_directions_take_turns() {
    virtual_time::run(async {
        let (mut sender, mut replies) = channel().talk("/test.Calls/Sums", ()).await;
        let mut sum = 0;
        for number in 0..500 {
            sender.send(number).await.unwrap();
            sum += number;
            assert_eq!(replies.next().await.unwrap(), Some(sum));
        }
        sender.finish();
        assert_eq!(replies.next().await.unwrap(), None);
        assert_eq!(replies.next().await.unwrap(), None, "the end stays the end");
    });
}

#[test]
fn ten_thousand_messages_go_in_each_direction() {
    virtual_time::run(async {
        let channel = channel();
        let (numbers, end) = collect(channel.list("/test.Calls/Count", 10_000).await).await;
        end.unwrap();
        assert!(numbers.into_iter().eq(1..=10_000));

        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        for number in 1..=10_000 {
            call.send(number).await.unwrap();
        }
        assert_eq!(call.finish().await.unwrap().into_message(), 50_005_000);

        let (mut sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        let sending = tokio::spawn(async move {
            for _ in 0..10_000 {
                sender.send(1).await.unwrap();
            }
        });
        let (sums, end) = collect(replies).await;
        end.unwrap();
        assert!(sums.into_iter().eq(1..=10_000));
        sending.await.unwrap();
    });
}

fn echo() -> Channel {
    let same = |request: Request<Bytes>| async { Ok(Response::new(request.into_message())) };
    Network::serving(Calls::new().unary_bytes("/test.Calls/Same", same)).channel()
}

async fn echoed(channel: &Channel, message: Bytes) -> Result<Bytes, Status> {
    let path = "/test.Calls/Same";
    let response = channel
        .unary::<Plain, Bytes, Bytes>(path, message.into())
        .await?;
    Ok(response.into_message())
}

#[test]
fn an_empty_message_is_a_message() {
    virtual_time::run(async {
        assert_eq!(echoed(&echo(), Bytes::new()).await.unwrap(), Bytes::new());
    });
}

#[test]
fn a_mebibyte_goes_both_ways_unharmed() {
    virtual_time::run(async {
        let message: Bytes = (0..1 << 20).map(|index| (index % 251) as u8).collect();
        assert_eq!(echoed(&echo(), message.clone()).await.unwrap(), message);
    });
}

#[test]
fn large_messages_go_both_ways_on_many_streams() {
    virtual_time::run(async {
        let channel = echo();
        let calls = (0..20_u8).map(|n| {
            let channel = channel.clone();
            tokio::spawn(async move {
                let message = Bytes::from(vec![n; 1_000_000]);
                assert_eq!(echoed(&channel, message.clone()).await.unwrap(), message);
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    });
}

#[test]
fn calls_follow_one_another_on_one_connection() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let channel = network.channel();
        for n in 0..1000 {
            let response = channel.ask("/test.Calls/Square", n).await.unwrap();
            assert_eq!(response.into_message(), n * n);
        }
        assert_eq!(network.attempt_count(), 1);
    });
}
