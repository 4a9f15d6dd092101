//! How long a server waits for the rest of what a client has begun.

use std::time::Duration;

use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::{Live, virtual_time};
use tokio::time::Instant;

use crate::in_memory::{Calling, Calls, Network};

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
            assert!(last.contains("no SETTINGS within 10 s"), "{last}");
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
        assert!(last.contains("a header block took over 10 s"), "{last}");
    });
}

#[test]
fn a_client_in_good_order_may_be_silent_for_hours() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        for stream in [1, 3] {
            tokio::time::sleep(Duration::from_secs(7200)).await;
            let block = raw::request("/test.Calls/Square", &[]);
            peer.send(&Frame::headers(stream, &block, false)).await;
            tokio::time::sleep(Duration::from_secs(7200)).await;
            peer.send(&Frame::message(stream, &4_u64.to_be_bytes(), true))
                .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(frames.last().unwrap().field("grpc-status"), Some("0"));
        }
        let channel = network.channel();
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        tokio::time::sleep(Duration::from_secs(7200)).await;
        assert!(channel.ask("/test.Calls/Square", 3).await.is_ok());
        assert_eq!(network.attempt_count(), 2);
    });
}
