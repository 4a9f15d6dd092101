//! How long a server waits for the rest of what a client has begun.

use std::time::Duration;

use hikyaku::{Code, Server};
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network, collect};

/// The whole seconds that pass until the server has hung up, and its last words.
async fn hung_up_after(
    mut peer: RawPeer<hikyaku_testkit::link::End>,
    begun: Instant,
) -> (u64, String) {
    let frames = peer.read_to_end().await;
    (begun.elapsed().as_secs(), format!("{:?}", frames.last()))
}

#[test]
fn a_client_that_never_greets_is_hung_up_on() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for said in [&preface[..0], &preface[..7], &preface[..]] {
        virtual_time::run(async move {
            let network = Network::serving(Calls::four_kinds(&Live::new()));
            let begun = Instant::now();
            let mut peer = RawPeer::new(network.clone().connect().await.unwrap());
            peer.send(said).await;
            let (seconds, last) = hung_up_after(peer, begun).await;
            assert_eq!(seconds, 10, "{last}");
            assert!(
                last.contains("no preface and SETTINGS within 10s"),
                "{last}"
            );
        });
    }
}

#[test]
fn a_header_block_that_does_not_end_is_the_end_of_the_connection() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let begun = Instant::now();
        let block = raw::request("/test.Calls/Square", &[]);
        // HEADERS without END_HEADERS: CONTINUATION should follow.
        peer.send(&raw::frame(raw::kind::HEADERS, 0, 1, &block[..3]))
            .await;
        tokio::time::sleep(Duration::from_secs(9)).await;
        // More of it does not buy more time.
        peer.send(&raw::frame(raw::kind::CONTINUATION, 0, 1, &block[3..5]))
            .await;
        let (seconds, last) = hung_up_after(peer, begun).await;
        assert_eq!(seconds, 10, "{last}");
        assert!(last.contains("a header block took over 10s"), "{last}");
    });
}

#[test]
fn a_client_in_good_order_may_be_silent_for_hours() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let channel = network.builder().idle_timeout(None).lazy().unwrap();
        let hours = Duration::from_secs(7200);
        // Between two messages of a stream, and between two calls.
        let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
        for sum in 1..=3 {
            tokio::time::sleep(hours).await;
            sender.send(1).await.unwrap();
            assert_eq!(sums.next().await.unwrap(), Some(sum));
        }
        drop(sender);
        assert_eq!(sums.next().await.unwrap(), None);
        tokio::time::sleep(hours).await;
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        assert_eq!(network.attempt_count(), 1);
    });
}

#[test]
fn a_request_that_does_not_come_is_not_waited_for() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        let begun = Instant::now();
        let block = raw::request("/test.Calls/Square", &[]);
        peer.send(&Frame::headers(1, &block, false)).await;
        peer.send(&Frame::data(1, &[0, 0, 0], false)).await;
        let frames = peer.read_stream(1).await;
        assert!(
            matches!(frames[..], [Frame::Reset { code: 11, .. }]),
            "{frames:?}"
        );
        assert!((45..=60).contains(&begun.elapsed().as_secs()));
    });
}

#[test]
fn a_reader_that_stops_is_waited_for_as_long_as_the_server_says() {
    // (the server's patience, how long the reader sleeps, whether it gets all)
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let table = [
        (Some(minutes(1)), minutes(2), false),
        (Some(minutes(10)), minutes(5), true),
        (Some(minutes(10)), minutes(11), false),
        (None, minutes(600), true),
    ];
    for (patience, sleep, gets_all) in table {
        virtual_time::run(async move {
            let live = Live::new();
            let network = Network::new();
            let server = Server::new().add(Calls::four_kinds(&live));
            network.serve(server.limits(|limits| limits.http2.stall_timeout = patience));
            let mut replies = network.channel().list("/test.Calls/Count", 200_000).await;
            assert_eq!(replies.next().await.unwrap(), Some(1));
            tokio::time::sleep(sleep).await;
            let (rest, end) = collect(replies).await;
            assert_eq!(end.is_ok(), gets_all, "{patience:?}: {end:?}");
            if let Err(status) = end {
                assert_eq!(status.code(), Code::ResourceExhausted);
                assert!(rest.len() < 200_000);
            }
            assert_eq!(live.count(), 0);
        });
    }
}
