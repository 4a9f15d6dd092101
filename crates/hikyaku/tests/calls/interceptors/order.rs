//! Who sees what when.

use hikyaku::intercept::{Call, Intercepted, Interceptor, Kind, Next, Side};
use hikyaku::{Metadata, Server, Status};
use hikyaku_testkit::{Live, virtual_time};

use super::{Ends, KINDS, Log, SIDES, call};
use crate::in_memory::{Calling, Calls, Network};

#[test]
fn requests_pass_the_outermost_first_and_answers_the_innermost() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let log = Log::default();
                let ends = Ends::new(Calls::four_kinds(&Live::new()));
                let ends = ends.with(side, log.spy("1"));
                let ends = ends.with(side, log.spy("2"));
                let channel = ends.with(side, log.spy("3")).channel();
                call(&channel, kind, path, 2).await.end.unwrap();
                let (requests, replies): (&[u64], &[u64]) = match kind {
                    Kind::Unary => (&[2], &[4]),
                    Kind::ServerStreaming => (&[2], &[1, 2]),
                    Kind::ClientStreaming => (&[1, 2], &[3]),
                    Kind::BidiStreaming => (&[1, 2], &[1, 3]),
                };
                let mut want = vec!["call 1".to_owned(), "call 2".into(), "call 3".into()];
                for request in requests {
                    want.extend(["1", "2", "3"].map(|name| format!("request {request} {name}")));
                }
                want.extend(["head 3", "head 2", "head 1"].map(str::to_owned));
                for reply in replies {
                    want.extend(["3", "2", "1"].map(|name| format!("reply {reply} {name}")));
                }
                want.extend(["ok 3", "ok 2", "ok 1"].map(str::to_owned));
                let mut got = log.take();
                if kind == Kind::BidiStreaming {
                    // The directions are independent: only the order within each is certain.
                    let place = |seen: &String| {
                        let words = ["call", "request", "head", "reply", "ok"];
                        words.iter().position(|word| seen.starts_with(word))
                    };
                    got.sort_by_key(place);
                }
                assert_eq!(got, want, "{side:?} {kind:?}");
            }
        }
    });
}

#[test]
fn those_of_a_server_are_around_those_of_a_service() {
    virtual_time::run(async {
        let log = Log::default();
        let service = Intercepted::new(Calls::four_kinds(&Live::new()));
        let service = service
            .intercept(log.spy("service"))
            .intercept(log.spy("inner"));
        let other = Calls::named("test.Other").unary("/test.Other/Same", |request| async {
            Ok(request.into_message().into())
        });
        let network = Network::new();
        let server = Server::new().intercept(log.spy("server")).add(service);
        network.serve(server.add(other).intercept(log.spy("second")));
        let channel = network.channel();
        let called = |log: &Log| {
            let mut noted = log.take();
            noted.retain(|what| what.starts_with("call"));
            noted
        };
        for (kind, path) in KINDS {
            call(&channel, kind, path, 1).await.end.unwrap();
            let want = ["call server", "call second", "call service", "call inner"];
            assert_eq!(called(&log), want, "{kind:?}");
        }
        channel.ask("/test.Other/Same", 1).await.unwrap();
        assert_eq!(called(&log), ["call server", "call second"]);
    });
}

#[test]
fn those_of_a_handle_are_inside_those_of_its_channel() {
    virtual_time::run(async {
        let log = Log::default();
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        let plain = network
            .builder()
            .intercept(log.spy("builder"))
            .lazy()
            .unwrap();
        let more = plain.intercept(log.spy("handle"));
        for (kind, path) in KINDS {
            for (channel, want) in [(&plain, 1), (&more, 2)] {
                call(channel, kind, path, 1).await.end.unwrap();
                let noted = log.take();
                let called: Vec<_> = noted
                    .iter()
                    .filter(|what| what.starts_with("call"))
                    .collect();
                assert_eq!(
                    called,
                    ["call builder", "call handle"][..want]
                        .iter()
                        .collect::<Vec<_>>()
                );
            }
        }
        assert_eq!(
            network.attempt_count(),
            1,
            "the handles share their connection"
        );
    });
}

#[test]
fn a_call_says_what_it_is() {
    virtual_time::run(async {
        struct Check(Side);

        impl Interceptor for Check {
            async fn intercept(&self, call: Call, next: Next) -> Result<Metadata, Status> {
                assert_eq!(call.side(), self.0);
                let kind = KINDS.iter().find(|(_, path)| *path == call.path());
                assert_eq!(call.kind(), kind.expect("the path is known").0);
                assert_eq!(call.service(), "test.Calls");
                assert_eq!(format!("/test.Calls/{}", call.method()), call.path());
                assert!(call.deadline().is_some() && call.peer_addr().is_none());
                assert_eq!(call.metadata().get("x-word"), Some("here"));
                let text = format!("{call:?} {next:?}");
                assert!(
                    text.contains(call.path()) && text.contains("interceptors: 0"),
                    "{text}"
                );
                next.run(call).await
            }
        }

        let ends = Ends::new(Calls::four_kinds(&Live::new()));
        let ends = ends.with(Side::Client, Check(Side::Client));
        let channel = ends.with(Side::Server, Check(Side::Server)).channel();
        for (kind, path) in KINDS {
            let request = hikyaku::Request::new(2)
                .with_metadata("x-word", "here")
                .unwrap();
            let request = request.with_timeout(std::time::Duration::from_secs(9));
            call(&channel, kind, path, request).await.end.unwrap();
        }
    });
}
