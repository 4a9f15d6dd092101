//! From a path to a handler, or to none.

use hikyaku::server::ServeError;
use hikyaku::{Code, Origin, Server};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};

use crate::in_memory::{Calling, Calls, Network};

#[test]
fn several_services_share_a_server() {
    virtual_time::run(async {
        let network = Network::new();
        let one = Calls::named("a.One").unary("/a.One/Get", |_| async { Ok(1.into()) });
        let two = Calls::named("a.Two").unary("/a.Two/Get", |_| async { Ok(2.into()) });
        network.serve(
            Server::new()
                .add(one)
                .add(two)
                .add(hikyaku::reflection::service()),
        );
        let channel = network.channel();
        assert_eq!(
            channel.ask("/a.One/Get", 0).await.unwrap().into_message(),
            1
        );
        assert_eq!(
            channel.ask("/a.Two/Get", 0).await.unwrap().into_message(),
            2
        );
    });
}

#[test]
fn what_is_unknown_is_named() {
    virtual_time::run(async {
        let channel = Network::serving(Calls::four_kinds(&Live::new())).channel();
        for (path, message) in [
            ("/test.Calls/Nothing", "unknown method test.Calls/Nothing"),
            ("/test.calls/Square", "unknown service test.calls"),
            ("/Calls/Square", "unknown service Calls"),
            ("/test.Calls/Square/", "unknown method test.Calls/Square/"),
            ("/", "unknown service "),
        ] {
            for _ in 0..2 {
                let status = channel.ask(path, 1).await.unwrap_err();
                assert_eq!(status.code(), Code::Unimplemented, "{path}");
                assert_eq!(status.message(), message);
                assert_eq!(status.origin(), Origin::Peer);
            }
        }
        assert_eq!(
            channel
                .ask("/test.Calls/Square", 2)
                .await
                .unwrap()
                .into_message(),
            4
        );
    });
}

#[test]
fn an_unknown_stream_of_requests_is_refused_at_once() {
    virtual_time::run(async {
        let channel = Network::serving(Calls::new()).channel();
        let mut call = channel.tell("/test.Calls/Nothing", ()).await;
        let status = loop {
            if let Err(status) = call.send(1).await {
                break status;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(status.code(), Code::Unimplemented);
        assert_eq!(call.finish().await.unwrap_err().code(), Code::Unimplemented);
    });
}

#[test]
fn a_service_added_twice_is_an_error() {
    virtual_time::run(async {
        let network = Network::new();
        let running = network.serve(Server::new().add(Calls::new()).add(Calls::new()));
        let error = running.task.await.unwrap().unwrap_err();
        assert!(matches!(error, ServeError::DuplicateService("test.Calls")));
    });
}

#[test]
fn what_is_not_grpc_is_refused_in_the_words_of_http() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        let table = [
            ("GET", "application/grpc", "405"),
            ("GET", "", "405"),
            ("PUT", "application/grpc", "405"),
            ("POST", "", "415"),
            ("POST", "text/plain", "415"),
            ("POST", "application/json", "415"),
            ("POST", "application/grpc+thrift", "415"),
            ("POST", "application/grpc-web", "415"),
        ];
        let mut stream = 1;
        for (method, content_type, status) in table {
            for end in [true, false] {
                let mut fields = vec![
                    (":method", method),
                    (":scheme", "http"),
                    (":path", "/test.Calls/Square"),
                ];
                if !content_type.is_empty() {
                    fields.push(("content-type", content_type));
                }
                peer.send(&Frame::headers(stream, &raw::block(&fields), end))
                    .await;
                let answer = peer.read_on(stream).await;
                assert_eq!(
                    answer.field(":status"),
                    Some(status),
                    "{method} {content_type}"
                );
                assert_eq!(answer.field("grpc-status"), None);
                assert!(answer.ends_stream());
                if !end {
                    assert_eq!(peer.read_on(stream).await, Frame::Reset { stream, code: 0 });
                }
                stream += 2;
            }
        }
    });
}

#[test]
fn content_types_of_grpc_are_taken() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let mut peer = network.raw_client().await;
        for (stream, content_type) in [
            (1, "application/grpc"),
            (3, "application/grpc+proto"),
            (5, "application/grpc+proto; charset=utf-8"),
        ] {
            let block = raw::block(&[
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/test.Calls/Square"),
                ("content-type", content_type),
            ]);
            peer.send(&Frame::headers(stream, &block, false)).await;
            peer.send(&Frame::message(stream, &3_u64.to_be_bytes(), true))
                .await;
            let frames = peer.read_stream(stream).await;
            assert_eq!(frames[0].field(":status"), Some("200"));
            assert_eq!(frames[0].field("content-type"), Some("application/grpc"));
            let nine = [0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9];
            assert_eq!(
                frames[1],
                Frame::Data {
                    stream,
                    data: nine.into(),
                    end: false
                }
            );
            assert_eq!(frames[2].field("grpc-status"), Some("0"));
            assert_eq!(frames.len(), 3);
        }
    });
}
