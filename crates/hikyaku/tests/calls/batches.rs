//! Messages that go together, and in the order in which they were sent.

use hikyaku::Status;
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, collect};
use crate::threads;

#[test]
fn messages_that_are_sent_together_come_in_order() {
    virtual_time::run(async {
        let calls = Calls::four_kinds(&Live::new()).server_streaming(
            "/test.Calls/All",
            |request, mut replies| async move {
                replies.send(0).await?;
                replies.send_all(1..*request.message()).await?;
                replies.send(*request.message()).await
            },
        );
        let channel = Network::serving(calls).channel();
        let (numbers, end) = collect(channel.list("/test.Calls/All", 100_000).await).await;
        end.unwrap();
        assert!(numbers.into_iter().eq(0..=100_000));

        let mut call = channel.tell("/test.Calls/Sum", ()).await;
        call.send_all(1..=100_000).await.unwrap();
        call.send_all([]).await.unwrap();
        assert_eq!(call.finish().await.unwrap().into_message(), 5_000_050_000);

        let (mut sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        let sending = tokio::spawn(async move { sender.send_all(vec![1; 100_000]).await });
        let (sums, end) = collect(replies).await;
        end.unwrap();
        sending.await.unwrap().unwrap();
        assert!(sums.into_iter().eq(1..=100_000));
    });
}

#[test]
fn who_sends_many_hears_that_the_call_has_ended() {
    virtual_time::run(async {
        let calls = Calls::new().client_streaming("/test.Calls/Refuse", |_| async {
            Err(Status::not_found("no such sum"))
        });
        let channel = Network::serving(calls).channel();
        let mut call = channel.tell("/test.Calls/Refuse", ()).await;
        let refused = call.send_all(0..).await.unwrap_err();
        assert_eq!(refused.code(), hikyaku::Code::NotFound);
    });
}

/// A thread may still gather what a handler has sent when another goes on.
#[test]
fn replies_that_are_sent_from_two_tasks_come_in_order() {
    threads::run(async {
        let calls = Calls::new().server_streaming("/test.Calls/Two", |_, mut replies| async move {
            for number in 0..50 {
                replies.send(number).await?;
            }
            let rest = tokio::spawn(async move {
                for number in 50..1000 {
                    replies.send(number).await?;
                }
                Ok(())
            });
            rest.await.expect("the task is run")
        });
        let channel = Network::serving(calls).channel();
        for _ in 0..100 {
            let (numbers, end) = collect(channel.list("/test.Calls/Two", 0).await).await;
            end.unwrap();
            assert!(numbers.into_iter().eq(0..1000));
        }
    });
}
