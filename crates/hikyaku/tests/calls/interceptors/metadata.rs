//! Metadata, trailers and extensions, read and changed.

use hikyaku::intercept::{Call, Next, Side};
use hikyaku::{Metadata, Request, Response, Status};
use hikyaku_testkit::virtual_time;

use super::{Ends, KINDS, SIDES, call};
use crate::in_memory::Calls;

fn word(word: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.insert("x-word", word).unwrap();
    metadata
}

/// The text of the key, for handlers to send back.
fn said(metadata: &Metadata) -> String {
    metadata.get("x-word").unwrap_or("nothing").to_owned()
}

/// The four kinds, each sending back what metadata it got, before and after a reply.
fn echoes() -> Calls {
    let response = |metadata: &Metadata| {
        let said = said(metadata);
        let mut response = Response::new(1);
        *response.metadata_mut() = word(&format!("{said}, before"));
        *response.trailers_mut() = word(&format!("{said}, after"));
        response
    };
    Calls::new()
        .unary("/test.Calls/Square", move |request| async move {
            Ok(response(request.metadata()))
        })
        .client_streaming("/test.Calls/Sum", move |mut requests| async move {
            while requests.next().await?.is_some() {}
            Ok(response(requests.metadata()))
        })
        .server_streaming("/test.Calls/Count", |request, mut replies| async move {
            let said = said(request.metadata());
            replies.set_metadata(word(&format!("{said}, before")));
            replies.set_trailers(word(&format!("{said}, after")));
            replies.send(1).await
        })
        .bidi("/test.Calls/Sums", |requests, mut replies| async move {
            let said = said(requests.metadata());
            replies.set_metadata(word(&format!("{said}, before")));
            replies.send_metadata();
            replies.set_trailers(word(&format!("{said}, after")));
            replies.send(1).await
        })
}

/// Says something of its own in every direction.
async fn talkative(mut call: Call, next: Next) -> Result<Metadata, Status> {
    let said_before = said(call.metadata());
    call.metadata_mut()
        .insert("x-word", &format!("{said_before}!"))?;
    call.on_head(|head| {
        let said = said(head);
        head.insert("x-word", &format!("{said}?")).unwrap();
    });
    let mut trailers = next.run(call).await?;
    let said = said(&trailers);
    trailers.insert("x-word", &format!("{said}."))?;
    Ok(trailers)
}

#[test]
fn metadata_is_changed_on_every_way() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let ends = Ends::new(echoes()).with(side, talkative);
                let channel = ends.with(side, talkative).channel();
                let request = Request::new(1).with_metadata("x-word", "hey").unwrap();
                let got = call(&channel, kind, path, request).await;
                let row = format!("{side:?} {kind:?}");
                assert_eq!(got.replies, [1], "{row}");
                assert_eq!(said(&got.head), "hey!!, before??", "{row}");
                assert_eq!(said(&got.end.unwrap()), "hey!!, after..", "{row}");
            }
        }
    });
}

#[test]
fn a_failure_has_its_metadata() {
    virtual_time::run(async {
        for side in SIDES {
            for (kind, path) in KINDS {
                let failed = || Status::aborted("no").with_metadata(word("why"));
                let calls = Calls::new()
                    .unary("/test.Calls/Square", move |_| async move { Err(failed()) })
                    .client_streaming("/test.Calls/Sum", move |_| async move { Err(failed()) })
                    .server_streaming(
                        "/test.Calls/Count",
                        move |_, _| async move { Err(failed()) },
                    )
                    .bidi("/test.Calls/Sums", move |_, _| async move { Err(failed()) });
                let ends = Ends::new(calls).with(side, |mut call: Call, next: Next| async move {
                    call.on_head(|_| panic!("there is none"));
                    let status = next.run(call).await.unwrap_err();
                    let said = said(status.metadata());
                    Err(status.with_metadata(word(&format!("{said} indeed"))))
                });
                let status = call(&ends.channel(), kind, path, 1).await.status();
                assert_eq!(status.message(), "no");
                assert_eq!(said(status.metadata()), "why indeed", "{side:?} {kind:?}");
            }
        }
    });
}

#[test]
fn a_stream_without_replies_has_metadata() {
    virtual_time::run(async {
        for side in SIDES {
            let calls = Calls::new()
                .server_streaming("/test.Calls/Count", |_, _| async { Ok(()) })
                .bidi("/test.Calls/Sums", |_, _| async { Ok(()) });
            let channel = Ends::new(calls).with(side, talkative).channel();
            for (kind, path) in KINDS.into_iter().filter(|(kind, _)| kind.answers_stream()) {
                let got = call(&channel, kind, path, 0).await;
                assert_eq!(said(&got.head), "nothing?", "{side:?} {kind:?}");
                assert_eq!(said(&got.end.unwrap()), "nothing.", "{side:?} {kind:?}");
            }
        }
    });
}

#[derive(Clone)]
struct User(&'static str);

#[test]
fn handlers_read_what_interceptors_left_for_them() {
    virtual_time::run(async {
        let name = |extensions: &hikyaku::intercept::Extensions| {
            extensions
                .get::<User>()
                .map_or(0, |user| user.0.len() as u64)
        };
        let calls = Calls::new()
            .unary("/test.Calls/Square", move |request| async move {
                Ok(name(request.extensions()).into())
            })
            .client_streaming("/test.Calls/Sum", move |requests| async move {
                Ok(name(requests.extensions()).into())
            })
            .server_streaming(
                "/test.Calls/Count",
                move |request, mut replies| async move {
                    replies.send(name(request.extensions())).await
                },
            )
            .bidi(
                "/test.Calls/Sums",
                move |requests, mut replies| async move {
                    replies.send(name(requests.extensions())).await
                },
            );
        let sign_in = |mut call: Call, next: Next| async move {
            assert!(
                call.extensions().get::<User>().is_none(),
                "that is not on the wire"
            );
            call.extensions_mut().insert(User("ayumi"));
            next.run(call).await
        };
        let channel = Ends::new(calls).with(Side::Server, sign_in).channel();
        for (kind, path) in KINDS {
            let mut request = Request::new(0);
            request.extensions_mut().insert(User("client"));
            let got = call(&channel, kind, path, request).await;
            assert_eq!(got.replies, [5], "{kind:?}");
        }
    });
}

#[test]
fn a_caller_tells_its_interceptors_about_one_call() {
    virtual_time::run(async {
        let sign = |mut call: Call, next: Next| async move {
            if let Some(User(name)) = call.extensions().get().cloned() {
                call.metadata_mut().insert("x-word", name)?;
            }
            next.run(call).await
        };
        let channel = Ends::new(echoes()).with(Side::Client, sign).channel();
        for (kind, path) in KINDS {
            let mut request = Request::new(1);
            request.extensions_mut().insert(User("mei"));
            let signed = call(&channel, kind, path, request).await;
            let plain = call(&channel, kind, path, 1).await;
            assert_eq!(said(&signed.head), "mei, before", "{kind:?}");
            assert_eq!(said(&plain.head), "nothing, before", "{kind:?}");
        }
    });
}
