//! Both ends keep a call's deadline: whichever acts first, both say DEADLINE_EXCEEDED.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use hikyaku::{Code, Origin, Request, Status};
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::in_memory::{Calls, Kind, Network, answer_head};

/// Less than the millisecond that timers count in: time can pass between the deadline and its timer.
const MICROS: Duration = Duration::from_micros(500);

/// What a server says that has kept the deadline, too.
#[derive(Clone, Copy, Debug)]
enum Word {
    Reset,
    Cancelled,
    DeadlineExceeded,
    Other,
}

impl Word {
    const ALL: [Self; 4] = [
        Self::Reset,
        Self::Cancelled,
        Self::DeadlineExceeded,
        Self::Other,
    ];

    fn frame(self) -> Vec<u8> {
        let trailers = |code| raw::block(&[("grpc-status", code)]);
        match self {
            Self::Reset => Frame::reset(1, 8),
            Self::Cancelled => Frame::headers(1, &trailers("1"), true),
            Self::DeadlineExceeded => Frame::headers(1, &trailers("4"), true),
            Self::Other => Frame::headers(1, &trailers("9"), true),
        }
    }

    /// What it means before the deadline.
    fn code(self) -> Code {
        match self {
            Self::Reset | Self::Cancelled => Code::Cancelled,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Other => Code::FailedPrecondition,
        }
    }
}

/// The status of a call that the server ends with a word behind its headers and a reply, so long
/// after it was made.
async fn ended_with(kind: Kind, word: Word, after: Duration) -> Status {
    let network = Network::new();
    let mut door = network.listen();
    let channel = network.channel();
    let call = tokio::spawn(async move {
        let request = Request::new(1).with_timeout(MICROS);
        kind.call(&channel, request).await
    });
    let mut server = door.raw_server(&[]).await;
    read_head(&mut server).await;
    server.send(&answer_head(1)).await;
    server.send(&Frame::message(1, &[0; 8], false)).await;
    tokio::time::advance(after).await;
    server.send(&word.frame()).await;
    call.await.unwrap().unwrap_err()
}

async fn read_head<S: AsyncRead + AsyncWrite + Unpin>(server: &mut RawPeer<S>) {
    let head = server.read_on(1).await;
    assert_eq!(head.field("grpc-timeout"), Some("500u"), "{head:?}");
}

#[test]
fn a_client_that_sees_cancelled_behind_its_deadline_says_deadline_exceeded() {
    for kind in Kind::ALL {
        for word in Word::ALL {
            virtual_time::run(async move {
                let status = ended_with(kind, word, MICROS + MICROS / 4).await;
                let (want, origin) = match word {
                    Word::Reset | Word::Cancelled => (Code::DeadlineExceeded, Origin::Local),
                    Word::DeadlineExceeded | Word::Other => (word.code(), Origin::Peer),
                };
                let got = (status.code(), status.origin());
                assert_eq!(got, (want, origin), "{kind:?} {word:?}");
            });
        }
    }
}

#[test]
fn a_client_that_sees_cancelled_before_its_deadline_says_that() {
    for kind in Kind::ALL {
        for word in Word::ALL {
            virtual_time::run(async move {
                let status = ended_with(kind, word, MICROS / 4).await;
                let got = (status.code(), status.origin());
                assert_eq!(got, (word.code(), Origin::Peer), "{kind:?} {word:?}");
            });
        }
    }
}

#[test]
fn a_handler_learns_of_the_deadline_also_from_the_clients_reset() {
    let ms = Duration::from_millis;
    // (when the client resets a call of a second, what the handler's streams say)
    let table = [
        (ms(10), Code::Cancelled),
        (ms(900), Code::Cancelled),
        (ms(999), Code::DeadlineExceeded),
        (ms(1002), Code::DeadlineExceeded),
    ];
    for (after, want) in table {
        virtual_time::run(async move {
            let (told, mut tell) = mpsc::unbounded_channel();
            let told = Arc::new(told);
            let calls = Calls::new().bidi("/test.Calls/Lend", move |mut requests, mut replies| {
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let _ = told.send(requests.next().await.unwrap_err());
                    let _ = told.send(replies.send(1).await.unwrap_err());
                });
                pending()
            });
            let mut peer = Network::serving(calls).raw_client().await;
            let block = raw::request("/test.Calls/Lend", &[("grpc-timeout", "1S")]);
            peer.send(&Frame::headers(1, &block, false)).await;
            tokio::time::sleep(after).await;
            peer.send(&Frame::reset(1, 8)).await;
            for _ in 0..2 {
                let status = tell.recv().await.unwrap();
                assert_eq!(status.code(), want, "{after:?}");
            }
        });
    }
}

#[test]
fn a_reset_for_another_reason_is_not_taken_for_the_deadline() {
    virtual_time::run(async {
        let (told, mut tell) = mpsc::unbounded_channel();
        let calls = Calls::new().bidi("/test.Calls/Lend", move |mut requests, _| {
            let told = told.clone();
            tokio::spawn(async move { told.send(requests.next().await.unwrap_err()) });
            pending()
        });
        let mut peer = Network::serving(calls).raw_client().await;
        let block = raw::request("/test.Calls/Lend", &[("grpc-timeout", "1S")]);
        peer.send(&Frame::headers(1, &block, false)).await;
        tokio::time::sleep(Duration::from_millis(999)).await;
        peer.send(&Frame::reset(1, 2)).await;
        assert_eq!(tell.recv().await.unwrap().code(), Code::Cancelled);
    });
}
