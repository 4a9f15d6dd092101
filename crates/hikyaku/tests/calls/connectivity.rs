//! What a channel tells of its connection, and calls that wait for it
//! (connectivity-semantics-and-api.md, wait-for-ready.md).

use std::time::Duration;

use hikyaku::client::ConnectivityState::{self, Connecting, Idle, Ready, TransientFailure};
use hikyaku::{Channel, Code, Request, Server};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::{Instant, sleep};

use crate::in_memory::{Calling, Calls, Network};

/// The states a channel goes through from now on, until it is in the last of them.
fn watch(
    channel: &Channel,
    last: ConnectivityState,
) -> tokio::task::JoinHandle<Vec<ConnectivityState>> {
    let channel = channel.clone();
    let mut seen = vec![channel.state()];
    tokio::spawn(async move {
        while seen.last() != Some(&last) {
            let known = *seen.last().unwrap();
            seen.push(channel.state_changed(known).await);
        }
        seen
    })
}

fn serving(network: &Network) {
    network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
}

#[test]
fn a_call_takes_an_idle_channel_to_ready() {
    virtual_time::run(async {
        let network = Network::new();
        serving(&network);
        network.delay_connecting(Duration::from_secs(1));
        let channel = network.channel();
        let seen = watch(&channel, Ready);
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        assert_eq!(seen.await.unwrap(), [Idle, Connecting, Ready]);
    });
}

#[test]
fn an_idle_channel_connects_when_it_is_asked_to() {
    virtual_time::run(async {
        let network = Network::new();
        serving(&network);
        network.delay_connecting(Duration::from_secs(1));
        let channel = network.channel();
        sleep(Duration::from_secs(60)).await;
        assert_eq!((channel.state(), network.attempt_count()), (Idle, 0));
        let seen = watch(&channel, Ready);
        channel.connect_now();
        assert_eq!(seen.await.unwrap(), [Idle, Connecting, Ready]);
        channel.connect_now();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(network.attempt_count(), 1, "it is connected");
    });
}

#[test]
fn a_failed_attempt_is_a_transient_failure_until_the_next() {
    virtual_time::run(async {
        let network = Network::new();
        network.delay_connecting(Duration::from_secs(1));
        let channel = network.channel();
        let seen = watch(&channel, TransientFailure);
        let status = channel.ask("/test.Calls/Square", 3).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(seen.await.unwrap(), [Idle, Connecting, TransientFailure]);
        sleep(Duration::from_secs(200)).await;
        serving(&network);
        let seen = watch(&channel, Ready);
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        assert_eq!(seen.await.unwrap(), [TransientFailure, Connecting, Ready]);
    });
}

#[test]
fn a_connection_without_calls_goes_idle_after_half_an_hour() {
    // (the channel's wish, seconds until it is idle)
    for (wish, want) in [(None, 1800), (Some(Some(Duration::from_secs(60))), 60)] {
        virtual_time::run(async move {
            let network = Network::new();
            serving(&network);
            let mut builder = network.builder();
            if let Some(timeout) = wish {
                builder = builder.idle_timeout(timeout);
            }
            let channel = builder.lazy().unwrap();
            // One that was never of use, and ones that were.
            for round in 0..3 {
                if round == 0 {
                    channel.connect_now();
                } else {
                    channel.ask("/test.Calls/Square", 3).await.unwrap();
                }
                let seen = watch(&channel, Idle);
                while channel.state() != Ready {
                    channel.state_changed(channel.state()).await;
                }
                let begun = Instant::now();
                while channel.state_changed(Ready).await != Idle {}
                assert_eq!(begun.elapsed().as_secs(), want);
                assert!(!seen.await.unwrap().contains(&TransientFailure));
                assert_eq!(network.attempt_count(), round + 1);
            }
        });
    }
    virtual_time::run(async {
        let network = Network::new();
        serving(&network);
        let channel = network
            .builder()
            .idle_timeout(None)
            .connect()
            .await
            .unwrap();
        sleep(Duration::from_secs(12 * 3600)).await;
        assert_eq!(channel.state(), Ready);
    });
}

#[test]
fn a_goaway_without_calls_makes_the_channel_idle() {
    virtual_time::run(async {
        let network = Network::new();
        let mut running = network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        let channel = network.builder().connect().await.unwrap();
        assert_eq!(channel.state(), Ready);
        running.stop();
        assert_eq!(channel.state_changed(Ready).await, Idle);
    });
}

#[test]
fn calls_fail_fast_unless_they_wait_for_ready() {
    virtual_time::run(async {
        let network = Network::new();
        let channel = network.channel();
        let begun = Instant::now();
        let patient = {
            let channel = channel.clone();
            let request = Request::new(3).wait_for_ready();
            tokio::spawn(async move { channel.ask("/test.Calls/Square", request).await })
        };
        sleep(Duration::from_millis(1)).await;
        for _ in 0..10 {
            let status = channel.ask("/test.Calls/Square", 3).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            assert!(status.message().contains("nobody listens"), "{status}");
            sleep(Duration::from_secs(5)).await;
        }
        assert!(begun.elapsed() > Duration::from_secs(40) && !patient.is_finished());
        assert!(network.attempt_count() > 3, "for the one that waits");
        serving(&network);
        assert_eq!(patient.await.unwrap().unwrap().into_message(), 9);
    });
}

#[test]
fn a_call_that_waits_for_ready_keeps_its_deadline_and_can_be_dropped() {
    virtual_time::run(async {
        let network = Network::new();
        let channel = network.channel();
        let begun = Instant::now();
        let request = Request::new(3).wait_for_ready();
        let request = request.with_timeout(Duration::from_secs(100));
        let status = channel
            .ask("/test.Calls/Square", request)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(begun.elapsed().as_secs(), 100);
        let request = Request::new(3).wait_for_ready();
        let call = channel.ask("/test.Calls/Square", request);
        assert!(
            tokio::time::timeout(Duration::from_secs(100), call)
                .await
                .is_err()
        );
        let attempts = network.attempt_count();
        sleep(Duration::from_secs(3600)).await;
        assert!(
            network.attempt_count() <= attempts + 1,
            "nobody wants it any more"
        );
    });
}

#[test]
fn the_wait_after_a_failure_ends_when_the_backoff_is_reset() {
    virtual_time::run(async {
        let network = Network::new();
        let channel = network.channel();
        // Let the wait grow to minutes.
        for _ in 0..20 {
            let _ = channel.ask("/test.Calls/Square", 3).await;
            sleep(Duration::from_secs(130)).await;
        }
        let _ = channel.ask("/test.Calls/Square", 3).await;
        assert_eq!(channel.state(), TransientFailure);
        serving(&network);
        let begun = Instant::now();
        channel.reset_backoff();
        let request = Request::new(3).wait_for_ready();
        assert!(channel.ask("/test.Calls/Square", request).await.is_ok());
        assert!(begun.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn a_channel_whose_runtime_has_gone_is_shut_down() {
    let runtime = hikyaku::server::runtime(1).unwrap();
    let channel = runtime.block_on(async { Channel::lazy("http://localhost:1").unwrap() });
    drop(runtime);
    assert_eq!(channel.state(), ConnectivityState::Shutdown);
}
