//! Both ends are ours.

use bytes::Bytes;
use hikyaku::client::ConnectError;
use hikyaku::compression::{BadCoding, Codings};
use hikyaku::server::ServeError;
use hikyaku::{Channel, Code, Request, Response, Server, Status};
use hikyaku_testkit::virtual_time;

use super::{Runs, codings, mirror};
use crate::in_memory::{Network, Plain};

/// A server and a channel with the test's codings, each with what it compresses by itself.
fn ends(server: Option<&str>, client: Option<&str>) -> Channel {
    let network = Network::new();
    let mut serving = Server::new().codings(codings()).add(mirror());
    if let Some(coding) = server {
        serving = serving.compress(coding);
    }
    network.serve(serving);
    let mut builder = network.builder().codings(codings());
    if let Some(coding) = client {
        builder = builder.compress(coding);
    }
    builder.lazy().unwrap()
}

async fn mirrored(
    channel: &Channel,
    path: &'static str,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Status> {
    channel.unary::<Plain, Bytes, Bytes>(path, request).await
}

const LONG: &[u8] = &[b'a'; 300];

/// The two ways a single answer goes: ready at once, and after a wait.
const SINGLE: [&str; 2] = ["/test.Calls/Now", "/test.Calls/Later"];

#[test]
fn compression_is_the_choice_of_each_end_and_of_each_call() {
    // (the server's, the channel's, the request's wish, the response's wish)
    type Row = (
        Option<&'static str>,
        Option<&'static str>,
        Option<Option<&'static str>>,
        Option<&'static str>,
    );
    // (what the request did, what the answer did)
    let table: [(Row, (bool, bool)); 12] = [
        ((None, None, None, None), (false, false)),
        ((Some("runs"), None, None, None), (false, true)),
        ((None, Some("runs"), None, None), (true, false)),
        ((Some("runs"), Some("walks"), None, None), (true, true)),
        (
            (Some("identity"), Some("identity"), None, None),
            (false, false),
        ),
        ((None, Some("runs"), Some(None), None), (false, false)),
        ((None, None, Some(Some("walks")), None), (true, false)),
        (
            (None, Some("runs"), Some(Some("identity")), None),
            (false, false),
        ),
        ((Some("runs"), None, None, Some("off")), (false, false)),
        ((Some("runs"), None, None, Some("identity")), (false, false)),
        ((None, None, None, Some("walks")), (false, true)),
        ((Some("runs"), None, None, Some("walks")), (false, true)),
    ];
    for (row, (asked, answered)) in table {
        let (server, client, request_wish, response_wish) = row;
        virtual_time::run(async {
            let channel = ends(server, client);
            for path in SINGLE {
                let mut request = Request::new(Bytes::from_static(LONG));
                request = match request_wish {
                    None => request,
                    Some(None) => request.without_compression(),
                    Some(Some(name)) => request.with_compression(name),
                };
                if let Some(wish) = response_wish {
                    request = request.with_metadata("wish", wish).unwrap();
                }
                let response = mirrored(&channel, path, request).await.unwrap();
                assert_eq!(response.was_compressed(), answered, "{path} {row:?}");
                let want = super::service::told(asked, LONG);
                assert_eq!(response.into_message(), want, "{path} {row:?}");
            }
        });
    }
}

#[test]
fn a_name_that_is_unknown_fails_the_call_and_lists_the_known_ones() {
    virtual_time::run(async {
        let channel = ends(None, None);
        let want = "INTERNAL: unknown coding \"no-such-coding\"; known: identity, runs, walks";
        for path in SINGLE {
            let request = Request::new(Bytes::from_static(LONG));
            let status = mirrored(&channel, path, request.with_compression("no-such-coding"));
            assert_eq!(status.await.unwrap_err().to_string(), want);
            let request = Request::new(Bytes::from_static(LONG));
            let request = request.with_metadata("wish", "no-such-coding").unwrap();
            let status = mirrored(&channel, path, request).await.unwrap_err();
            assert_eq!(status.to_string(), want);
        }
        let request = || Request::new(()).with_compression("no-such-coding");
        let path = "/test.Calls/All";
        let call = channel.bidi_streaming::<Plain, Bytes, Bytes>(path, request());
        assert_eq!(call.await.unwrap_err().to_string(), want);
        let call = channel.client_streaming::<Plain, Bytes, u64>(path, request());
        assert_eq!(call.await.unwrap_err().to_string(), want);
    });
}

#[test]
fn one_message_of_a_stream_may_go_as_it_is() {
    virtual_time::run(async {
        let channel = ends(None, Some("runs"));
        let request = Request::new(()).with_metadata("wish", "walks").unwrap();
        let (mut sender, mut replies) = channel
            .bidi_streaming::<Plain, Bytes, Bytes>("/test.Calls/All", request)
            .await
            .unwrap();
        // (the message, whether it goes compressed, whether the answer does)
        let table = [
            ("aaaa", true, true),
            ("bbbb", false, true),
            ("secret", true, false),
            ("", true, true),
        ];
        for (message, packed, answer_packed) in table {
            let bytes = Bytes::from_static(message.as_bytes());
            if packed {
                sender.send(bytes).await.unwrap();
            } else {
                sender.send_uncompressed(bytes).await.unwrap();
            }
            let reply = replies.next().await.unwrap().unwrap();
            // An empty message has nothing to gain.
            let packed = packed && !message.is_empty();
            assert_eq!(reply, super::service::told(packed, message.as_bytes()));
            assert_eq!(replies.was_compressed(), answer_packed, "{message:?}");
        }
        let mut call = channel
            .client_streaming::<Plain, Bytes, u64>("/test.Calls/Sum", Request::new(()))
            .await
            .unwrap();
        call.send(Bytes::from_static(b"aa")).await.unwrap();
        call.send_uncompressed(Bytes::from_static(b"aa"))
            .await
            .unwrap();
        assert_eq!(call.finish().await.unwrap().into_message(), 1004);
    });
}

#[test]
fn the_limit_is_that_of_the_inflated_message() {
    const MAX: usize = 1000;
    virtual_time::run(async {
        let network = Network::new();
        let server = Server::new().codings(codings()).compress("runs");
        network.serve(server.max_message_len(MAX).add(mirror()));
        let builder = network.builder().codings(codings()).compress("runs");
        let channel = builder.clone().lazy().unwrap();
        for path in SINGLE {
            for (len, want) in [(MAX, Code::Ok), (MAX + 1, Code::ResourceExhausted)] {
                let request = Request::new(Bytes::from(vec![7; len]));
                let got = mirrored(&channel, path, request).await;
                let code = got.map_or_else(|status| status.code(), |_| Code::Ok);
                assert_eq!(code, want, "{path}: {len} bytes");
            }
        }
        // The answer to 100 bytes has 107.
        for (max, want) in [(107, Code::Ok), (106, Code::ResourceExhausted)] {
            let channel = builder.clone().max_message_len(max).lazy().unwrap();
            for path in SINGLE {
                let request = Request::new(Bytes::from(vec![7; 100]));
                let got = mirrored(&channel, path, request).await;
                let code = got.map_or_else(|status| status.code(), |_| Code::Ok);
                assert_eq!(code, want, "{path}: limit {max}");
            }
        }
    });
}

#[test]
fn codings_that_cannot_be_used_are_told_before_anything_happens() {
    virtual_time::run(async {
        let bad_name = |name: &str| BadCoding::Name {
            name: name.to_owned(),
        };
        let names = ["", "identity", "Gzip", "a b", "a,b", "gz\u{ef}p"];
        for name in names {
            let bad = codings().with(Runs(name));
            let error = Channel::builder("http://x:1")
                .codings(bad.clone())
                .lazy()
                .unwrap_err();
            assert!(
                matches!(error, ConnectError::Coding(bad) if bad == bad_name(name)),
                "{name:?}"
            );
            let error = Server::new()
                .codings(bad)
                .serve("127.0.0.1:0")
                .await
                .unwrap_err();
            assert!(
                matches!(error, ServeError::Coding(bad) if bad == bad_name(name)),
                "{name:?}"
            );
        }
        let error = Channel::builder("http://x:1")
            .codings(codings())
            .compress("lzw")
            .lazy();
        let want = "unknown coding \"lzw\"; known: identity, runs, walks";
        assert_eq!(error.unwrap_err().to_string(), want);
        let server = Server::new().codings(Codings::none()).compress("lzw");
        let listener = Network::new().listen();
        let error = server.serve_listener(listener).await.unwrap_err();
        assert_eq!(error.to_string(), "unknown coding \"lzw\"; known: identity");
    });
}
