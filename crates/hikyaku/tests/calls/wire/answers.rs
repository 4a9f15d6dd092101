//! What an answer is made of, and what a client makes of one that is not.

use std::time::Duration;

use hikyaku::{Code, Origin, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};

use super::{KINDS, SEVEN, Wired, answer_with, client_of, exchange, status_of};
use crate::in_memory::Calls;

#[test]
fn every_answer_is_a_head_then_messages_then_trailers_with_a_status() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let calls = [(KINDS[0], 1), ("/test.Calls/Later", 1), (KINDS[1], 7)];
        let streams = [(KINDS[2], 1), (KINDS[3], 1)];
        for (stream, (path, count)) in (1..).step_by(2).zip(calls.into_iter().chain(streams)) {
            let body = Frame::message(stream, &SEVEN, true);
            let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &[body]).await;
            let [head, data @ .., trailers] = &frames[..] else {
                panic!("{path}: {frames:?}");
            };
            let Frame::Headers { fields, end, .. } = head else {
                panic!("{path}: {head:?}");
            };
            let fields: Vec<_> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
            let want = [(":status", "200"), ("content-type", "application/grpc")];
            assert_eq!((&fields[..2], *end), (&want[..], false), "{path}");
            assert_eq!(head.field("grpc-status"), None, "{path}");
            let len_of = |frame: &Frame| match frame {
                Frame::Data {
                    data, end: false, ..
                } => data.len(),
                other => panic!("{path}: {other:?}"),
            };
            let body_len: usize = data.iter().map(len_of).sum();
            assert_eq!(body_len, count * 13, "{path}");
            let Frame::Headers { fields, end, .. } = trailers else {
                panic!("{path}: {trailers:?}");
            };
            let status = ("grpc-status".to_owned(), "0".to_owned());
            assert_eq!((&fields[..], *end), (&[status][..], true), "{path}");
        }
    });
}

/// Fails at once, and after a while, with the code that was asked for.
fn failing() -> Calls {
    let fail = |number: u64| Status::new(Code::from_number(number as u32), "why %\u{263a}");
    Calls::new()
        .unary("/test.Calls/Now", move |request| async move {
            Err(fail(*request.message()))
        })
        .unary("/test.Calls/Late", move |request| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Err(fail(*request.message()))
        })
        .server_streaming("/test.Calls/Stream", move |request, _| async move {
            Err(fail(*request.message()))
        })
}

#[test]
fn a_failure_without_a_message_is_one_block_and_http_200_whatever_its_code() {
    virtual_time::run(async {
        let mut peer = client_of(failing()).await;
        let paths = ["/test.Calls/Now", "/test.Calls/Late", "/test.Calls/Stream"];
        let table = (1..=16_u64).flat_map(|code| paths.map(|path| (code, path)));
        for (stream, (code, path)) in (1..).step_by(2).zip(table) {
            let body = Frame::message(stream, &code.to_be_bytes(), true);
            let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &[body]).await;
            assert_eq!(frames.len(), 1, "{path}: {frames:?}");
            let Frame::Headers { fields, end, .. } = &frames[0] else {
                panic!("{path}: {frames:?}");
            };
            let fields = fields.iter().map(|(name, value)| (&**name, &**value));
            // The codings that the server takes are in every answer.
            let fields: Vec<_> = fields
                .filter(|(name, _)| *name != "grpc-accept-encoding")
                .collect();
            let number = code.to_string();
            let want = [
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-status", &number),
                ("grpc-message", "why %25%E2%98%BA"),
            ];
            assert_eq!((&fields[..], *end), (&want[..], true), "{path}");
        }
    });
}

#[test]
fn a_failure_of_the_library_is_http_200_too() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let slow = [("grpc-timeout", "soon")];
        let table = [
            ("/no.Such/Method", &[][..], "12"),
            (KINDS[0], &[], "12"),
            (KINDS[0], &slow, "13"),
        ];
        for (stream, (path, more, want)) in (1..).step_by(2).zip(table) {
            let frames = exchange(&mut peer, stream, &raw::request(path, more), &[]).await;
            assert_eq!(frames[0].field(":status"), Some("200"), "{path}");
            assert_eq!(status_of(&frames), want, "{path}");
        }
    });
}

#[test]
fn a_status_in_the_head_is_ignored_if_anything_follows() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let early = [("grpc-status", "5"), ("grpc-message", "early")];
        let good = wired.ask(|stream| answer_with(stream, &early, &[])).await;
        assert_eq!(good.unwrap().into_message(), 7);

        // Neither is it the status where trailers have another one, or none.
        let opening = [(":status", "200"), ("content-type", "application/grpc")];
        let head = raw::block(&[&opening[..], &early].concat());
        let table = [
            (vec![("grpc-status", "9")], Code::FailedPrecondition),
            (vec![("x-end", "1")], Code::Unknown),
        ];
        for (trailers, want) in table {
            let trailers = raw::block(&trailers);
            let answer = |stream| {
                let head = Frame::headers(stream, &head, false);
                [head, Frame::headers(stream, &trailers, true)].concat()
            };
            let status = wired.ask(answer).await.unwrap_err();
            assert_eq!(
                (status.code(), status.message().contains("early")),
                (want, false)
            );
        }
        let empty = |stream| {
            let head = Frame::headers(stream, &head, false);
            [head, Frame::data(stream, &[], true)].concat()
        };
        let status = wired.ask(empty).await.unwrap_err();
        assert_eq!(status.code(), Code::Unknown, "{status}");
    });
}

#[test]
fn an_answer_in_a_coding_that_is_not_known_is_internal_and_names_those_that_are() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let head = [("grpc-encoding", "rot13")];
        let answer = |stream| answer_with(stream, &head, &[]);
        let status = wired.ask(answer).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        for coding in ["rot13", "identity"] {
            assert!(status.message().contains(coding), "{status}");
        }
    });
}

/// The end of a call by these fields, alone or behind a message.
async fn ended(wired: &mut Wired, fields: &[(&str, &str)]) -> [Status; 2] {
    let opening = [(":status", "200"), ("content-type", "application/grpc")];
    let alone = raw::block(&[&opening[..], fields].concat());
    let alone = wired.ask(|stream| Frame::headers(stream, &alone, true));
    let alone = alone.await.unwrap_err();
    let behind = |stream| {
        [
            Frame::headers(stream, &raw::block(&opening), false),
            Frame::message(stream, &SEVEN, false),
            Frame::headers(stream, &raw::block(fields), true),
        ]
        .concat()
    };
    [alone, wired.ask(behind).await.unwrap_err()]
}

#[test]
fn details_that_are_no_base64_lose_nothing_but_themselves() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        for details in ["!!! no base64", "A", "====", "q80,q80", "caf\u{e9}", ""] {
            let fields = [
                ("grpc-status", "5"),
                ("grpc-message", "gone"),
                ("grpc-status-details-bin", details),
                ("x-id", "42"),
            ];
            for status in ended(&mut wired, &fields).await {
                assert_eq!(status.to_string(), "NOT_FOUND: gone", "{details:?}");
                assert_eq!(status.origin(), Origin::Peer);
                assert!(status.details().is_empty(), "{details:?}");
                assert_eq!(status.error_details().len(), 0);
                assert_eq!(status.metadata().get("x-id"), Some("42"));
            }
        }
    });
}

#[test]
fn a_message_of_any_bytes_keeps_the_code_and_what_can_be_read() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let table = [
            ("%E2%98%BA", "\u{263a}"),
            ("%e2%98%ba", "\u{263a}"),
            ("%FF", "\u{fffd}"),
            ("a%C3(b", "a\u{fffd}(b"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("raw \u{263a}", "raw \u{263a}"),
            ("", ""),
        ];
        for (sent, want) in table {
            let fields = [("grpc-status", "8"), ("grpc-message", sent)];
            for status in ended(&mut wired, &fields).await {
                assert_eq!(status.code(), Code::ResourceExhausted, "{sent:?}");
                assert_eq!(status.message(), want, "{sent:?}");
            }
        }
    });
}

#[test]
fn a_number_that_is_no_code_is_unknown_and_kept() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        for (sent, number) in [("17", 17), ("4294967295", u32::MAX), ("05", 2), ("x", 2)] {
            let fields = [("grpc-status", sent), ("grpc-message", "why")];
            for status in ended(&mut wired, &fields).await {
                assert_eq!((status.code(), status.number()), (Code::Unknown, number));
                assert!(status.message().ends_with("why"), "{status}");
            }
        }
    });
}
