//! A handler that panics ends its own call, and nothing else.

use std::time::Duration;

use hikyaku::{Channel, Code, Status};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network, collect};

fn check(status: &Status) {
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unknown, "the handler panicked")
    );
}

/// Runs a test beside a call that was there before, and makes one afterwards.
async fn others_go_on(calls: Calls, test: impl AsyncFnOnce(Channel)) {
    let network = Network::serving(calls);
    let channel = network.channel();
    let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
    sender.send(1).await.unwrap();
    assert_eq!(sums.next().await.unwrap(), Some(1));
    test(channel.clone()).await;
    sender.send(2).await.unwrap();
    assert_eq!(sums.next().await.unwrap(), Some(3));
    assert_eq!(
        channel
            .ask("/test.Calls/Square", 4)
            .await
            .unwrap()
            .into_message(),
        16
    );
    assert_eq!(network.attempt_count(), 1);
}

#[test]
fn in_its_first_poll() {
    virtual_time::run(async {
        let live = Live::new();
        let calls = Calls::four_kinds(&live)
            .unary("/test.Calls/Panic", |_| async {
                panic!("in the first poll")
            })
            .unary("/test.Calls/Early", |_| -> std::future::Ready<_> {
                panic!("in the closure")
            });
        others_go_on(calls, async |channel| {
            for path in ["/test.Calls/Panic", "/test.Calls/Early"] {
                for _ in 0..3 {
                    check(&channel.ask(path, 1).await.unwrap_err());
                }
            }
        })
        .await;
    });
}

#[test]
fn after_it_had_to_wait() {
    virtual_time::run(async {
        let (live, guarded) = (Live::new(), Live::new());
        let held = guarded.clone();
        let calls = Calls::four_kinds(&live).unary("/test.Calls/Panic", move |_| {
            let guard = held.guard();
            async move {
                let _guard = guard;
                tokio::time::sleep(Duration::from_secs(1)).await;
                panic!("after an await")
            }
        });
        others_go_on(calls, async |channel| {
            check(&channel.ask("/test.Calls/Panic", 1).await.unwrap_err());
        })
        .await;
        assert_eq!((guarded.count(), guarded.made_count()), (0, 1));
    });
}

#[test]
fn in_the_middle_of_a_stream() {
    virtual_time::run(async {
        let calls = Calls::four_kinds(&Live::new())
            .server_streaming("/test.Calls/List", |_, mut replies| async move {
                replies.send(1).await?;
                panic!("in a stream of replies")
            })
            .client_streaming("/test.Calls/Tell", |mut requests| async move {
                requests.next().await?;
                panic!("in a stream of requests")
            })
            .bidi("/test.Calls/Talk", |mut requests, mut replies| async move {
                while let Some(number) = requests.next().await? {
                    replies.send(number).await?;
                    assert_ne!(number, 2, "in both");
                }
                Ok(())
            });
        others_go_on(calls, async |channel| {
            let (numbers, end) = collect(channel.list("/test.Calls/List", 1).await).await;
            assert_eq!(numbers, [1]);
            check(&end.unwrap_err());

            let mut call = channel.tell("/test.Calls/Tell", ()).await;
            call.send(1).await.unwrap();
            check(&call.finish().await.unwrap_err());

            let (mut sender, replies) = channel.talk("/test.Calls/Talk", ()).await;
            sender.send(1).await.unwrap();
            sender.send(2).await.unwrap();
            let (numbers, end) = collect(replies).await;
            assert_eq!(numbers, [1, 2]);
            check(&end.unwrap_err());
        })
        .await;
    });
}
