//! Calls that end early, and what a ping is answered with.

use std::future::pending;
use std::time::Duration;

use hikyaku::{Code, Origin, Request, Server, Status};
use hikyaku_testkit::raw::{self, Frame};
use hikyaku_testkit::{Live, virtual_time};
use tokio::sync::mpsc;

use super::{KINDS, SEVEN, Wired, client_of, exchange, status_of};
use crate::in_memory::{Calling, Calls, Network, answer, read_request};

/// Answers, or fails, without having read its requests.
fn hasty() -> Calls {
    Calls::new()
        .client_streaming("/test.Calls/Answer", |_| async { Ok(7.into()) })
        .client_streaming("/test.Calls/Fail", |_| async {
            Err(Status::aborted("no more"))
        })
        .bidi("/test.Calls/AnswerMany", |_, mut replies| async move {
            replies.send(7).await
        })
        .bidi("/test.Calls/FailLate", |_, mut replies| async move {
            replies.send(7).await?;
            Err(Status::aborted("no more"))
        })
}

#[test]
fn a_server_that_ends_a_call_early_says_no_error_right_behind_the_trailers() {
    virtual_time::run(async {
        let mut peer = client_of(hasty()).await;
        let table = [
            ("/test.Calls/Answer", "0"),
            ("/test.Calls/Fail", "10"),
            ("/test.Calls/AnswerMany", "0"),
            ("/test.Calls/FailLate", "10"),
            ("/no.Such/Method", "12"),
        ];
        for (stream, (path, want)) in (1..).step_by(2).zip(table) {
            let first = Frame::message(stream, &SEVEN, false);
            let frames = exchange(&mut peer, stream, &raw::request(path, &[]), &[first]).await;
            assert_eq!(status_of(&frames), want, "{path}");
            let next = peer.read().await.unwrap();
            assert_eq!(next, Frame::Reset { stream, code: 0 }, "{path}");
        }
    });
}

#[test]
fn a_server_whose_client_has_ended_resets_nothing() {
    virtual_time::run(async {
        let mut peer = client_of(hasty()).await;
        let paths = ["/test.Calls/Answer", "/test.Calls/Fail", "/no.Such/Method"];
        for (stream, path) in (1..).step_by(2).zip(paths) {
            let last = Frame::message(stream, &SEVEN, true);
            exchange(&mut peer, stream, &raw::request(path, &[]), &[last]).await;
        }
        peer.send(&Frame::ping(false, *b"anything")).await;
        let payload = *b"anything";
        assert_eq!(peer.read().await, Some(Frame::Ping { ack: true, payload }));
    });
}

/// Gives the end of its requests away, and never returns.
fn lending(live: &Live, told: mpsc::UnboundedSender<Status>) -> Calls {
    let live = live.clone();
    Calls::new().client_streaming("/test.Calls/Lend", move |mut requests| {
        let told = told.clone();
        let guard = live.guard();
        tokio::spawn(async move { told.send(requests.next().await.unwrap_err()) });
        async move {
            let _guard = guard;
            pending().await
        }
    })
}

#[test]
fn a_reset_of_any_code_cancels_the_handler() {
    virtual_time::run(async {
        let (told, mut tell) = mpsc::unbounded_channel();
        let live = Live::new();
        let mut peer = client_of(lending(&live, told)).await;
        for (stream, code) in (1..).step_by(2).zip((0..=13).chain([99])) {
            let block = raw::request("/test.Calls/Lend", &[]);
            peer.send(&Frame::headers(stream, &block, false)).await;
            virtual_time::settle().await;
            assert_eq!(live.count(), 1);
            peer.send(&Frame::reset(stream, code)).await;
            let status = tell.recv().await.unwrap();
            let got = (status.code(), status.origin());
            assert_eq!(got, (Code::Cancelled, Origin::Peer), "{code}");
            virtual_time::settle().await;
            assert_eq!(live.count(), 0, "{code}");
        }
    });
}

#[test]
fn a_ping_comes_back_as_it_was_at_both_ends_in_the_middle_of_a_call() {
    virtual_time::run(async {
        let mut peer = client_of(Calls::four_kinds(&Live::new())).await;
        let block = raw::request(KINDS[3], &[]);
        peer.send(&Frame::headers(1, &block, false)).await;
        let mut wired = Wired::new().await;
        let (_sender, _replies) = wired.channel.talk("/any/Call", ()).await;
        for payload in [*b"a ping..", [0; 8], [0xff; 8]] {
            for end in [&mut peer, &mut wired.server] {
                end.send(&Frame::ping(false, payload)).await;
                let answer = loop {
                    let frame = end.read().await.unwrap();
                    if matches!(frame, Frame::Ping { ack: true, .. }) {
                        break frame;
                    }
                };
                assert_eq!(answer, Frame::Ping { ack: true, payload });
            }
        }
    });
}

#[test]
fn a_server_whose_ping_is_not_answered_cancels_its_handlers() {
    virtual_time::run(async {
        let (told, mut tell) = mpsc::unbounded_channel();
        let live = Live::new();
        let network = Network::new();
        let server = Server::new().add(lending(&live, told));
        network.serve(server.keepalive(Duration::from_secs(100), Duration::from_secs(10)));
        let _call = network.channel().tell("/test.Calls/Lend", ()).await;
        virtual_time::settle().await;
        assert_eq!(live.count(), 1);
        network.hold_all();
        let status = tell.recv().await.unwrap();
        let got = (status.code(), status.origin());
        assert_eq!(got, (Code::Cancelled, Origin::Transport), "{status}");
        virtual_time::settle().await;
        assert_eq!(live.count(), 0);
    });
}

#[test]
fn a_call_whose_time_is_up_is_reset_with_cancel_and_hears_no_more() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let channel = wired.channel.clone();
        let request = Request::new(1).with_timeout(Duration::from_secs(1));
        let call = tokio::spawn(async move { channel.ask("/any/Call", request).await });
        read_request(&mut wired.server, 1).await;
        let reset = wired.server.read_on(1).await;
        assert_eq!(reset, Frame::Reset { stream: 1, code: 8 });
        wired.server.send(&answer(1, 7)).await;
        let status = call.await.unwrap().unwrap_err();
        let got = (status.code(), status.origin());
        assert_eq!(got, (Code::DeadlineExceeded, Origin::Local));
        // What came too late does the connection no harm.
        wired.stream = 3;
        let next = wired.ask(|stream| answer(stream, 7)).await;
        assert_eq!(next.unwrap().into_message(), 7);
    });
}

#[test]
fn a_cancel_that_comes_when_the_time_is_up_is_the_deadlines() {
    virtual_time::run(async {
        let mut wired = Wired::new().await;
        let channel = wired.channel.clone();
        let request = Request::new(1).with_timeout(Duration::from_secs(1));
        let call = tokio::spawn(async move { channel.ask("/any/Call", request).await });
        read_request(&mut wired.server, 1).await;
        // The reset is there, and the time is up, before the client looks at either.
        wired.server.send(&Frame::reset(1, 8)).await;
        tokio::time::advance(Duration::from_secs(2)).await;
        let status = call.await.unwrap().unwrap_err();
        let got = (status.code(), status.origin());
        assert_eq!(got, (Code::DeadlineExceeded, Origin::Local));

        // In time it is a cancellation.
        let request = Request::new(1).with_timeout(Duration::from_secs(9));
        let channel = wired.channel.clone();
        let call = tokio::spawn(async move { channel.ask("/any/Call", request).await });
        read_request(&mut wired.server, 3).await;
        wired.server.send(&Frame::reset(3, 8)).await;
        let status = call.await.unwrap().unwrap_err();
        let got = (status.code(), status.origin());
        assert_eq!(got, (Code::Cancelled, Origin::Peer));
    });
}
