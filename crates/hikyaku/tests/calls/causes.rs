//! What a user reads when a call fails for reasons that no handler has given.

use std::error::Error;
use std::io;

use hikyaku::{Channel, Code, Origin, Server, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::virtual_time;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::in_memory::{Calling, Calls, Network, answer_head, collect, read_request};

/// The status and everything under it, each cause once.
fn chain(status: &Status) -> Vec<String> {
    let mut causes = vec![status.to_string()];
    let mut next = status.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

async fn ask(channel: &Channel) -> Status {
    channel.ask("/test.Calls/Square", 3).await.unwrap_err()
}

#[test]
fn a_connection_that_never_came_names_the_address_and_the_reason() {
    virtual_time::run(async {
        let refusals = [
            (
                io::Error::from_raw_os_error(111),
                "Connection refused (os error 111) while connecting to server.test:1",
            ),
            (
                io::Error::other("the tunnel is shut"),
                "the tunnel is shut while connecting to server.test:1",
            ),
        ];
        for (error, want) in refusals {
            let (number, text) = (error.raw_os_error(), error.to_string());
            let connect = move || {
                let error = match number {
                    Some(number) => io::Error::from_raw_os_error(number),
                    None => io::Error::other(text.clone()),
                };
                async move { Err::<tokio::io::DuplexStream, _>(error) }
            };
            let channel = Channel::builder("http://server.test:1").transport(connect);
            let status = ask(&channel.lazy().unwrap()).await;
            assert_eq!(status.origin(), Origin::Transport);
            let cause = error.to_string();
            let want = [&format!("UNAVAILABLE: {want}"), want, &cause];
            assert_eq!(chain(&status), want);
        }
    });
}

#[test]
fn an_attempt_that_takes_too_long_says_how_long() {
    virtual_time::run(async {
        let network = Network::new();
        network.delay_connecting(std::time::Duration::from_secs(60));
        let status = ask(&network.channel()).await;
        let want = "UNAVAILABLE: no answer within 20s while connecting to server.test:1";
        assert_eq!(status.to_string(), want);
    });
}

#[test]
fn a_peer_that_does_not_speak_http2_is_told_with_what_it_did() {
    let greetings: [(&[u8], &str); 3] = [
        (
            b"",
            "the connection ended before the server's SETTINGS came while",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "the connection ended before the server's SETTINGS came: FRAME_SIZE_ERROR: ",
        ),
        (
            b"\0\0\x10\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo busy",
            "the connection ended before the server's SETTINGS came: PROTOCOL_ERROR: ",
        ),
    ];
    for (greeting, cause) in greetings {
        virtual_time::run(async {
            let network = Network::new();
            let mut door = network.listen();
            tokio::spawn(async move {
                let mut end = door.next().await;
                let _ = end.write_all(greeting).await;
                let _ = end.shutdown().await;
                // It does not hang up, for then writing could be the first to fail.
                std::future::pending::<()>().await;
                drop(end);
            });
            let error = network.builder().connect().await.unwrap_err().to_string();
            assert!(error.starts_with(cause), "{error}");
            let addr = " while connecting to server.test:1";
            assert!(error.ends_with(addr), "{error}");
        });
    }
}

/// What becomes of a call whose server does this after it has read the request.
async fn after(frames: &[u8]) -> Status {
    let network = Network::new();
    let mut door = network.listen();
    let replies = network.builder().max_metadata_len(1000);
    let replies = replies.lazy().unwrap().list("/any/Call", 1).await;
    let mut server = door.raw_server(&[]).await;
    read_request(&mut server, 1).await;
    server.send(frames).await;
    drop(server);
    collect(replies).await.1.unwrap_err()
}

#[test]
fn a_connection_that_breaks_under_a_call_says_how() {
    let head = answer_head(1);
    let broken = "UNAVAILABLE: the connection to server.test:1 was ended: PROTOCOL_ERROR: ";
    let table = [
        (
            head.clone(),
            "UNAVAILABLE: server.test:1 closed the connection",
        ),
        (
            [head.clone(), Frame::go_away(1, 11, "too_many_pings")].concat(),
            "UNAVAILABLE: server.test:1 closed the connection; it had said GOAWAY \
             ENHANCE_YOUR_CALM \"too_many_pings\"",
        ),
        ([head, Frame::data(99, b"?", false)].concat(), broken),
    ];
    for (frames, want) in table {
        virtual_time::run(async {
            let status = after(&frames).await;
            assert_eq!(status.origin(), Origin::Transport);
            assert!(status.to_string().starts_with(want), "{status}");
            assert!(status.source().is_some());
        });
    }
}

#[test]
fn a_stream_that_is_reset_has_the_code_of_the_reset() {
    for number in 0..=15 {
        let code = hikyaku_http2::ErrorCode::from_number(number);
        virtual_time::run(async {
            let head = answer_head(1);
            let status = after(&[head, Frame::reset(1, number)].concat()).await;
            assert_eq!(status.code(), Code::from_http2(code), "{status}");
            assert_eq!(status.origin(), Origin::Peer, "{status}");
        });
    }
}

#[test]
fn trailers_that_break_http2_or_are_too_long_say_so() {
    let long = "x".repeat(1500);
    let table = [
        (
            raw::block(&[("grpc-status", "0"), (":path", "/")]),
            "INTERNAL: the server broke the protocol on this call: PROTOCOL_ERROR: malformed",
        ),
        (
            raw::block(&[("grpc-status", "5"), ("grpc-message", &long)]),
            "RESOURCE_EXHAUSTED: the server's answer has too much metadata: header list of 1",
        ),
    ];
    for (trailers, want) in table {
        virtual_time::run(async {
            let head = answer_head(1);
            let status = after(&[head, Frame::headers(1, &trailers, true)].concat()).await;
            assert_eq!(status.origin(), Origin::Transport);
            assert!(status.to_string().starts_with(want), "{status}");
            assert!(status.source().is_some());
        });
    }
}

#[test]
fn a_handler_learns_how_its_client_went() {
    let table: [(Vec<u8>, &str, Origin); 3] = [
        (
            Vec::new(),
            "CANCELLED: the client closed the connection",
            Origin::Transport,
        ),
        (
            Frame::reset(1, 8),
            "CANCELLED: the client reset the call with CANCEL",
            Origin::Peer,
        ),
        (
            Frame::window_update(1, 0),
            "CANCELLED: the client broke the protocol on this call: PROTOCOL_ERROR: \
             WINDOW_UPDATE of 0 bytes",
            Origin::Transport,
        ),
    ];
    for (frames, want, origin) in table {
        virtual_time::run(async {
            let (given, mut taken) = mpsc::unbounded_channel();
            let calls = Calls::new().bidi("/test.Calls/Lend", move |requests, _replies| {
                let _ = given.send(requests);
                std::future::pending()
            });
            let network = Network::new();
            network.serve(Server::new().add(calls));
            let mut peer = network.raw_client().await;
            let request = raw::request("/test.Calls/Lend", &[]);
            peer.send(&Frame::headers(1, &request, false)).await;
            let mut requests = taken.recv().await.unwrap();
            peer.send(&frames).await;
            drop(peer);
            let status = requests.next().await.unwrap_err();
            assert_eq!((&*status.to_string(), status.origin()), (want, origin));
        });
    }
}

#[test]
fn a_message_that_cannot_be_read_or_made_names_the_codecs_reason() {
    use bytes::{Bytes, BytesMut};
    use hikyaku::codec::{Codec, CodecError};

    struct Broken;
    impl Codec<u64> for Broken {
        fn encode(message: &u64, out: &mut BytesMut) -> Result<(), CodecError> {
            match message {
                0 => Err(CodecError::new("zero has no bytes")),
                number => {
                    out.extend_from_slice(&number.to_be_bytes());
                    Ok(())
                }
            }
        }
        fn decode(_: Bytes) -> Result<u64, CodecError> {
            Err(CodecError::new("field 3 is cut short"))
        }
    }
    let table = [
        (0, "cannot encode the message", "zero has no bytes"),
        (1, "cannot decode the message", "field 3 is cut short"),
    ];
    for (number, what, cause) in table {
        virtual_time::run(async {
            let calls = Calls::new().unary("/test.Calls/Any", |_| async { Ok(7.into()) });
            let channel = Network::serving(calls).channel();
            let asked = channel.unary::<Broken, u64, u64>("/test.Calls/Any", number.into());
            let status = asked.await.unwrap_err();
            let want = [format!("INTERNAL: {what}: {cause}"), cause.to_owned()];
            assert_eq!(chain(&status), want);
        });
    }
}
