//! What a request says of itself, and where it ends.

use std::time::Duration;

use hikyaku::Request;
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};

use super::{KINDS, SEVEN, Wired, client_of, exchange, status_of};
use crate::in_memory::{Calling, Calls, Network, read_request};

/// Where a field stands among those of a request: reserved names, then the timeout, then the other
/// fields of the call, then metadata.
fn place(name: &str) -> u8 {
    match name {
        "grpc-timeout" => 1,
        "te" | "content-type" | "user-agent" | "grpc-encoding" | "grpc-accept-encoding" => 2,
        _ if name.starts_with(':') => 0,
        _ => 3,
    }
}

#[test]
fn the_fields_of_a_request_come_in_the_order_of_the_specification() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        for (stream, timeout) in [(1, None), (3, Some(Duration::from_secs(5)))] {
            let mut request = Request::new(1);
            request.metadata_mut().insert("a-first", "1").unwrap();
            let bytes = request.metadata_mut().insert_bin("b-bin", b"2");
            bytes.unwrap();
            if let Some(timeout) = timeout {
                request = request.with_timeout(timeout);
            }
            let channel = wired.channel.clone();
            let call = tokio::spawn(async move { channel.ask("/any/Call", request).await });
            let seen = read_request(&mut wired.server, stream).await;
            call.abort();
            let names: Vec<_> = seen.fields.iter().map(|(name, _)| &**name).collect();
            assert!(names.is_sorted_by_key(|name| place(name)), "{names:?}");
            let is_one = |name: &str| names.iter().filter(|of| **of == name).count() == 1;
            for name in [":method", ":scheme", ":path", ":authority", "te"] {
                assert!(is_one(name), "{name}: {names:?}");
            }
            assert_eq!(seen.field("te"), Some("trailers"));
            assert_eq!(seen.field("content-type"), Some("application/grpc"));
            assert_eq!(seen.field("grpc-timeout").is_some(), timeout.is_some());
            assert_eq!(names[names.len() - 2..], ["a-first", "b-bin"]);
        }
    });
}

#[test]
fn the_user_agent_is_that_of_a_grpc_library_and_its_version() {
    virtual_time::run(async {
        let own = concat!("grpc-rust-hikyaku/", env!("CARGO_PKG_VERSION"));
        let table = [
            (None, own.to_owned()),
            (
                Some("shop/1.2 (till 3)"),
                format!("shop/1.2 (till 3) {own}"),
            ),
        ];
        for (product, want) in table {
            let network = Network::new();
            let mut door = network.listen();
            let mut builder = network.builder();
            if let Some(product) = product {
                builder = builder.user_agent(product);
            }
            let channel = builder.lazy().unwrap();
            let call = tokio::spawn(async move { channel.ask("/any/Call", 1).await });
            let seen = read_request(&mut door.raw_server(&[]).await, 1).await;
            call.abort();
            assert_eq!(seen.field("user-agent"), Some(&*want));
        }
    });
}

#[test]
fn a_path_is_case_sensitive_and_means_nothing_but_itself() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let table = [
            ("/test.Calls/Square", "0"),
            ("/test.Calls/square", "12"),
            ("/Test.Calls/Square", "12"),
            ("/test.Calls/Square/", "12"),
            ("//test.Calls/Square", "12"),
            ("/test.Calls//Square", "12"),
            ("/test.Calls/./Square", "12"),
            ("/test.Calls/%53quare", "12"),
            ("/test.Calls/Square?", "12"),
            ("/test.Calls/Square?x=1", "12"),
            ("/test.Calls", "12"),
            ("/Square", "12"),
            ("/", "12"),
        ];
        for (stream, (path, want)) in (1..).step_by(2).zip(table) {
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &[body]).await;
            assert_eq!(status_of(&frames), want, "{path}");
        }
    });
}

#[test]
fn a_path_without_a_slash_reaches_no_handler() {
    virtual_time::run(async {
        let live = Live::new();
        let mut peer = client_of(Calls::four_kinds(&live)).await;
        let paths = ["test.Calls/Square", "", "*", "http://raw/test.Calls/Square"];
        for (stream, path) in (1..).step_by(2).zip(paths) {
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &[body]).await;
            let last = frames.last().unwrap();
            let is_reset = *last == Frame::Reset { stream, code: 1 };
            assert!(is_reset || status_of(&frames) == "12", "{path}: {frames:?}");
        }
        assert_eq!(live.made_count(), 0);
    });
}

#[test]
fn neither_authority_nor_te_nor_user_agent_is_asked_for() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            let block = raw::block(&[
                (":method", "POST"),
                (":scheme", "http"),
                (":path", path),
                ("content-type", "application/grpc"),
            ]);
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &block, &[body]).await;
            assert_eq!(status_of(&frames), "0", "{path}");
        }
    });
}

#[test]
fn a_message_type_and_fields_of_the_future_change_nothing() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let more = [
            ("grpc-message-type", "test.Number"),
            ("grpc-previous-rpc-attempts", "2"),
            ("grpc-of-the-future", "x"),
        ];
        for (stream, path) in (1..).step_by(2).zip(KINDS) {
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &raw::request(path, &more), &[body]).await;
            assert_eq!(status_of(&frames), "0", "{path}");
        }
    });
}

#[test]
fn what_is_not_grpc_is_415_whatever_its_grpc_fields_say() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let table = [
            [("grpc-timeout", "soon"), ("content-type", "text/plain")],
            [("grpc-encoding", "rot13"), ("content-type", "text/plain")],
            [("content-type", "text/plain"), ("grpc-timeout", "soon")],
            [("content-type", "text/plain"), ("grpc-encoding", "rot13")],
        ];
        for (stream, more) in (1..).step_by(2).zip(table) {
            let fields = [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", KINDS[0]),
            ];
            let block = raw::block(&[&fields[..], &more].concat());
            let frames = exchange(&mut peer, stream, &block, &[]).await;
            assert_eq!(frames[0].field(":status"), Some("415"), "{more:?}");
            assert_eq!(frames[0].field("grpc-status"), None, "{more:?}");
        }
    });
}

#[test]
fn a_good_timeout_does_not_hide_a_malformed_one() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let table = [
            (["9S", "8S"], "0"),
            (["9S", "soon"], "13"),
            (["soon", "9S"], "13"),
        ];
        for (stream, (timeouts, want)) in (1..).step_by(2).zip(table) {
            let more = timeouts.map(|timeout| ("grpc-timeout", timeout));
            let body = Frame::message(stream, &SEVEN, true);
            let block = raw::request(KINDS[0], &more);
            let frames = exchange(&mut peer, stream, &block, &[body]).await;
            assert_eq!(status_of(&frames), want, "{timeouts:?}");
        }
    });
}

#[test]
fn the_last_data_and_an_empty_one_both_end_the_requests() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let mut stream = 1;
        for path in KINDS {
            let last = |stream| vec![Frame::message(stream, &SEVEN, true)];
            let empty = |stream| {
                vec![
                    Frame::message(stream, &SEVEN, false),
                    Frame::data(stream, &[], true),
                ]
            };
            for bodies in [last(stream), empty(stream + 2)] {
                let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &bodies).await;
                assert_eq!(status_of(&frames), "0", "{path}");
                stream += 2;
            }
        }
    });
}

#[test]
fn headers_that_end_the_stream_are_a_call_without_a_message() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let table = [
            (KINDS[0], "12", 0),
            (KINDS[1], "12", 0),
            // The sum of nothing, and no sums at all.
            (KINDS[2], "0", 1),
            (KINDS[3], "0", 0),
        ];
        for (stream, (path, want, message_count)) in (1..).step_by(2).zip(table) {
            let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &[]).await;
            assert_eq!(status_of(&frames), want, "{path}");
            let is_data = |frame: &&Frame| matches!(frame, Frame::Data { .. });
            assert_eq!(
                frames.iter().filter(is_data).count(),
                message_count,
                "{path}"
            );
        }
    });
}

/// The frames of a request, as far as they say where it ends: the length of DATA, and END_STREAM.
async fn request_ends(wired: &mut Wired, stream: u32) -> Vec<(&'static str, usize, bool)> {
    let mut ends = Vec::new();
    loop {
        let (what, len, end) = match wired.server.read_on(stream).await {
            Frame::Headers { end, .. } => ("HEADERS", 0, end),
            Frame::Data { data, end, .. } => ("DATA", data.len(), end),
            _ => continue,
        };
        ends.push((what, len, end));
        if end {
            return ends;
        }
    }
}

#[test]
fn a_client_ends_its_requests_once_with_what_it_has_left_to_say() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let head = ("HEADERS", 0, false);

        let channel = wired.channel.clone();
        let call = tokio::spawn(async move { channel.ask("/any/Call", 1).await });
        let unary = request_ends(&mut wired, 1).await;
        assert_eq!(unary, [head, ("DATA", 13, true)]);
        call.abort();

        let call = wired.channel.tell("/any/Call", ()).await;
        let call = tokio::spawn(call.finish());
        let nothing = request_ends(&mut wired, 3).await;
        let (what, len, is_end) = *nothing.last().unwrap();
        assert_eq!((len, is_end), (0, true), "{what}");
        call.abort();

        let (mut sender, _replies) = wired.channel.talk("/any/Call", ()).await;
        sender.send(1).await.unwrap();
        virtual_time::settle().await;
        sender.send(2).await.unwrap();
        virtual_time::settle().await;
        sender.finish();
        let late = request_ends(&mut wired, 5).await;
        let want = [
            head,
            ("DATA", 13, false),
            ("DATA", 13, false),
            ("DATA", 0, true),
        ];
        assert_eq!(late, want);
    });
}
