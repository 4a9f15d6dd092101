//! Messages, seen, changed and refused.

use hikyaku::intercept::{Call, Kind, Next, Side};
use hikyaku::{Code, Metadata, Origin, Status};
use hikyaku_testkit::{Live, virtual_time};

use super::{Ends, KINDS, Log, SIDES, call};
use crate::compression::codings;
use crate::in_memory::{Calling, Calls};

/// Adds ten to each request and a thousand to each reply.
async fn generous(mut call: Call, next: Next) -> Result<Metadata, Status> {
    call.on_request(|request| {
        assert!(request.is::<u64>() && !request.is::<i64>() && request.get::<i64>().is_none());
        assert_eq!(request.type_name(), "u64");
        *request.get_mut::<u64>().unwrap() += 10;
        Ok(())
    });
    call.on_reply(|reply| {
        *reply.get_mut::<u64>().unwrap() += 1000;
        Ok(())
    });
    next.run(call).await
}

#[test]
fn requests_and_replies_are_changed_and_then_compressed() {
    virtual_time::run(async {
        for (side, compresses) in SIDES
            .into_iter()
            .flat_map(|side| [(side, false), (side, true)])
        {
            let mut ends = Ends::new(Calls::four_kinds(&Live::new()));
            if compresses {
                ends.server = ends.server.codings(codings()).compress("runs");
                ends.builder = ends.builder.codings(codings()).compress("runs");
            }
            let ends = ends.with(side, generous);
            let channel = ends.with(side, generous).channel();
            for (kind, path) in KINDS {
                let want: Vec<u64> = match kind {
                    Kind::Unary => vec![2000 + 22 * 22],
                    Kind::ServerStreaming => (2001..=2022).collect(),
                    Kind::ClientStreaming => vec![2000 + 21 + 22],
                    Kind::BidiStreaming => vec![2000 + 21, 2000 + 21 + 22],
                };
                let got = call(&channel, kind, path, 2).await;
                assert_eq!(got.replies, want, "{side:?} {kind:?} {compresses}");
                got.end.unwrap();
            }
        }
    });
}

#[test]
fn messages_sent_uncompressed_are_seen_too() {
    virtual_time::run(async {
        let calls = Calls::new().bidi("/test.Calls/Same", |mut requests, mut replies| async move {
            while let Some(request) = requests.next().await? {
                replies.send_uncompressed(request).await?;
            }
            Ok(())
        });
        let mut ends = Ends::new(calls);
        for side in SIDES {
            ends = ends.with(side, generous);
        }
        let (mut sender, mut replies) = ends.channel().talk("/test.Calls/Same", ()).await;
        sender.send_uncompressed(1).await.unwrap();
        assert_eq!(replies.next().await.unwrap(), Some(2021));
    });
}

#[test]
fn each_message_of_a_long_stream_is_seen_once() {
    virtual_time::run(async {
        let log = Log::default();
        let ends = Ends::new(Calls::four_kinds(&Live::new()));
        let ends = ends.with(Side::Client, log.spy("client"));
        let channel = ends.with(Side::Server, log.spy("server")).channel();
        // Far more than the windows and the mailboxes hold.
        let count = 20_000;
        for (kind, path) in KINDS.into_iter().skip(1) {
            call(&channel, kind, path, count).await.end.unwrap();
            let noted = log.take();
            for name in ["client", "server"] {
                let seen = |what: &str| {
                    let is_it = |noted: &&String| noted.starts_with(what) && noted.ends_with(name);
                    noted.iter().filter(is_it).count() as u64
                };
                let want = match kind {
                    Kind::ServerStreaming => (1, count),
                    Kind::ClientStreaming => (count, 1),
                    Kind::BidiStreaming | Kind::Unary => (count, count),
                };
                assert_eq!((seen("request"), seen("reply")), want, "{name} {kind:?}");
            }
        }
    });
}

#[test]
fn a_refused_request_ends_the_call() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let (live, log) = (Live::new(), Log::default());
                let ends = Ends::new(Calls::four_kinds(&live)).with(side, log.spy("outer"));
                let channel = ends.with(side, refuse_above(3, Call::on_request)).channel();
                let status = call(&channel, kind, path, 5).await.status();
                assert_eq!(status.code(), Code::OutOfRange, "{side:?} {kind:?}");
                assert_eq!(log.take().last().unwrap(), "OUT_OF_RANGE outer");
                virtual_time::settle().await;
                assert_eq!(live.count(), 0, "{side:?} {kind:?}");
                if !kind.takes_stream() {
                    assert_eq!(
                        live.made_count(),
                        0,
                        "the handler has run: {side:?} {kind:?}"
                    );
                }
                call(&channel, kind, path, 1).await.end.unwrap();
            }
        }
    });
}

#[test]
fn a_refused_reply_ends_the_call() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let (live, log) = (Live::new(), Log::default());
                let ends = Ends::new(Calls::four_kinds(&live)).with(side, log.spy("outer"));
                let channel = ends.with(side, refuse_above(3, Call::on_reply)).channel();
                let got = call(&channel, kind, path, 50).await;
                let want: &[u64] = match kind {
                    Kind::ServerStreaming => &[1, 2, 3],
                    Kind::BidiStreaming => &[1, 3],
                    Kind::Unary | Kind::ClientStreaming => &[],
                };
                assert_eq!(got.replies, want, "{side:?} {kind:?}");
                assert_eq!(got.status().code(), Code::OutOfRange, "{side:?} {kind:?}");
                assert_eq!(log.take().last().unwrap(), "OUT_OF_RANGE outer");
                virtual_time::settle().await;
                assert_eq!(live.count(), 0, "{side:?} {kind:?}");
                call(&channel, kind, path, 1).await.end.unwrap();
            }
        }
    });
}

#[test]
fn a_handler_cannot_hide_a_refusal() {
    virtual_time::run(async {
        let calls = Calls::new()
            .client_streaming("/test.Calls/Sum", |mut requests| async move {
                while let Ok(Some(_)) = requests.next().await {}
                assert!(requests.next().await.is_err(), "it is repeated");
                Ok(1.into())
            })
            .bidi("/test.Calls/Sums", |_, mut replies| async move {
                for number in 1..=9 {
                    let _ = replies.send(number).await;
                }
                Ok(())
            });
        let ends = Ends::new(calls).with(Side::Server, refuse_above(3, Call::on_request));
        let channel = ends
            .with(Side::Server, refuse_above(3, Call::on_reply))
            .channel();
        for (kind, path, want) in [
            (Kind::ClientStreaming, "/test.Calls/Sum", &[][..]),
            (Kind::BidiStreaming, "/test.Calls/Sums", &[1, 2, 3]),
        ] {
            let got = call(&channel, kind, path, 9).await;
            assert_eq!(got.replies, want);
            let status = got.status();
            assert_eq!(
                (status.code(), status.origin()),
                (Code::OutOfRange, Origin::Peer)
            );
        }
    });
}

#[test]
fn a_sender_learns_of_a_refusal() {
    virtual_time::run(async {
        let live = Live::new();
        let ends = Ends::new(Calls::four_kinds(&live));
        let channel = ends
            .with(Side::Client, refuse_above(1, Call::on_request))
            .channel();
        let (mut sender, mut replies) = channel.talk("/test.Calls/Sums", ()).await;
        sender.send(1).await.unwrap();
        assert_eq!(replies.next().await.unwrap(), Some(1));
        for number in [2, 1] {
            let status = sender.send(number).await.unwrap_err();
            assert_eq!(status.code(), Code::OutOfRange);
        }
        assert_eq!(replies.next().await.unwrap_err().code(), Code::OutOfRange);
        virtual_time::settle().await;
        assert_eq!(live.count(), 0, "the server was told");
    });
}

type Hook = Box<dyn FnMut(&mut hikyaku::intercept::Message<'_>) -> Result<(), Status> + Send>;

/// Refuses numbers above `max`, by the hook given.
fn refuse_above(max: u64, add: fn(&mut Call, Hook)) -> impl hikyaku::intercept::Interceptor {
    move |mut call: Call, next: Next| {
        let check: Hook = Box::new(move |message| match message.get::<u64>() {
            Some(number) if *number > max => Err(Status::out_of_range("that is too much")),
            _ => Ok(()),
        });
        add(&mut call, check);
        next.run(call)
    }
}
