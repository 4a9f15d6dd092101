//! Calls that the server did not look at are made once more, and nobody notices.
//!
//! Spec: gRFC A6, "Transparent Retries"; RFC 9113 §6.8, §8.7.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hikyaku::{Channel, Code, Origin, Request, Server, Status};
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{Frame, RawPeer};
use hikyaku_testkit::virtual_time::settle;
use hikyaku_testkit::{Live, virtual_time};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::in_memory::{
    Calling, Calls, Door, Network, Seen, answer, answer_head, collect, read_numbers, read_request,
};

/// How a server leaves a call out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// RST_STREAM(REFUSED_STREAM).
    Reset,
    /// A GOAWAY that names an earlier stream.
    GoAway,
}

const REFUSALS: [Refusal; 2] = [Refusal::Reset, Refusal::GoAway];
const REFUSED_STREAM: u32 = 7;

/// A client and the server it talks to, frame by frame.
struct Ends {
    network: Network,
    door: Door,
    channel: Channel,
    server: RawPeer<End>,
    stream: u32,
}

impl Ends {
    /// Connected, with one call answered.
    async fn new(settings: &[(u16, u32)]) -> Self {
        let network = Network::new();
        let mut door = network.listen();
        let channel = network.channel();
        let first = channel.clone();
        let first = tokio::spawn(async move { first.ask("/first/Call", 1).await });
        let mut server = door.raw_server(settings).await;
        read_request(&mut server, 1).await;
        server.send(&answer(1, 1)).await;
        first.await.unwrap().unwrap();
        Self {
            network,
            door,
            channel,
            server,
            stream: 3,
        }
    }

    /// Leaves out the call on the stream of the moment, and goes to where it comes next.
    async fn refuse(&mut self, refusal: Refusal, settings: &[(u16, u32)]) {
        match refusal {
            Refusal::Reset => {
                let frame = Frame::reset(self.stream, REFUSED_STREAM);
                self.server.send(&frame).await;
                self.stream += 2;
            }
            Refusal::GoAway => {
                let last = self.stream - 2;
                self.server.send(&Frame::go_away(last, 0, "moving")).await;
                self.server = self.door.raw_server(settings).await;
                self.stream = 1;
            }
        }
    }

    async fn read_request(&mut self) -> Seen {
        read_request(&mut self.server, self.stream).await
    }

    async fn read_numbers(&mut self, count: usize) -> Seen {
        read_numbers(&mut self.server, self.stream, count).await
    }

    async fn answer(&mut self, number: u64) {
        self.server.send(&answer(self.stream, number)).await;
    }
}

fn request<T>(message: T) -> Request<T> {
    let request = Request::new(message);
    request.with_metadata("x-word", "kept").unwrap()
}

/// The same request, on whatever stream.
fn assert_same(first: &Seen, second: &Seen) {
    assert_eq!(first.fields, second.fields);
    assert_eq!(first.data, second.data);
    assert_eq!(second.field("x-word"), Some("kept"));
    assert_eq!(second.field("grpc-previous-rpc-attempts"), None);
}

#[test]
fn a_call_that_was_left_out_is_made_once_more() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            let mut ends = Ends::new(&[]).await;
            // One request.
            let channel = ends.channel.clone();
            let call = tokio::spawn(async move { channel.ask("/any/Call", request(5)).await });
            let first = ends.read_request().await;
            ends.refuse(refusal, &[]).await;
            assert_same(&first, &ends.read_request().await);
            ends.answer(25).await;
            assert_eq!(call.await.unwrap().unwrap().into_message(), 25);
            ends.stream += 2;

            let replies = ends.channel.list("/any/Call", request(6)).await;
            let first = ends.read_request().await;
            ends.refuse(refusal, &[]).await;
            assert_same(&first, &ends.read_request().await);
            ends.answer(36).await;
            assert_eq!(collect(replies).await.0, [36]);
            ends.stream += 2;

            // Many requests, all of them sent.
            let mut call = ends.channel.tell("/any/Call", request(())).await;
            for number in 1..=3 {
                call.send(number).await.unwrap();
                settle().await;
            }
            let call = tokio::spawn(call.finish());
            let first = ends.read_request().await;
            assert_eq!(first.numbers(), [1, 2, 3]);
            ends.refuse(refusal, &[]).await;
            assert_same(&first, &ends.read_request().await);
            ends.answer(6).await;
            assert_eq!(call.await.unwrap().unwrap().into_message(), 6);
            let attempts = if refusal == Refusal::GoAway { 4 } else { 1 };
            assert_eq!(ends.network.attempt_count(), attempts);
        });
    }
}

#[test]
fn a_stream_goes_on_where_it_was() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            let mut ends = Ends::new(&[]).await;
            let (mut sender, mut replies) = ends.channel.talk("/any/Call", request(())).await;
            for number in [1, 2] {
                sender.send(number).await.unwrap();
                settle().await;
            }
            assert_eq!(ends.read_numbers(2).await.numbers(), [1, 2]);
            ends.refuse(refusal, &[]).await;
            assert_eq!(ends.read_numbers(2).await.numbers(), [1, 2]);
            sender.send(3).await.unwrap();
            drop(sender);
            let rest = ends.read_request().await;
            assert_eq!((rest.numbers(), rest.fields.len()), (vec![3], 0));
            ends.answer(6).await;
            assert_eq!(replies.next().await.unwrap(), Some(6));
            assert_eq!(replies.next().await.unwrap(), None);
        });
    }
}

#[test]
fn a_call_without_a_message_yet_is_made_once_more() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            let mut ends = Ends::new(&[]).await;
            let call = ends.channel.tell("/any/Call", request(())).await;
            ends.read_numbers(0).await;
            ends.refuse(refusal, &[]).await;
            ends.read_numbers(0).await;
            let call = tokio::spawn(call.finish());
            assert!(ends.read_request().await.data.is_empty());
            ends.answer(0).await;
            assert_eq!(call.await.unwrap().unwrap().into_message(), 0);
        });
    }
}

#[test]
fn the_second_time_the_status_says_that_a_retry_is_safe() {
    for refusals in [
        [Refusal::Reset, Refusal::Reset],
        [Refusal::GoAway, Refusal::Reset],
        [Refusal::Reset, Refusal::GoAway],
        [Refusal::GoAway, Refusal::GoAway],
    ] {
        virtual_time::run(async {
            let mut ends = Ends::new(&[]).await;
            let channel = ends.channel.clone();
            let call = tokio::spawn(async move { channel.ask("/any/Call", 5).await });
            ends.read_request().await;
            ends.refuse(refusals[0], &[]).await;
            ends.read_request().await;
            match refusals[1] {
                Refusal::Reset => ends.refuse(Refusal::Reset, &[]).await,
                Refusal::GoAway => {
                    let last = ends.stream.saturating_sub(2);
                    ends.server.send(&Frame::go_away(last, 0, "")).await;
                }
            }
            let status = call.await.unwrap().unwrap_err();
            let origin = match refusals[1] {
                Refusal::Reset => Origin::Peer,
                Refusal::GoAway => Origin::Transport,
            };
            assert_eq!(
                (status.code(), status.origin()),
                (Code::Unavailable, origin)
            );
            assert!(status.is_safe_to_retry(), "{status:?}");
        });
    }
}

#[test]
fn once_the_server_answers_there_is_no_again() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            let mut ends = Ends::new(&[]).await;
            let replies = ends.channel.list("/any/Call", 5).await;
            ends.read_request().await;
            ends.server.send(&answer_head(ends.stream)).await;
            match refusal {
                Refusal::Reset => ends.refuse(refusal, &[]).await,
                Refusal::GoAway => ends.server.send(&Frame::go_away(1, 0, "")).await,
            }
            let status = collect(replies).await.1.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            assert!(!status.is_safe_to_retry(), "{status:?}");
        });
    }
}

/// Settings with a stream window that takes any call here.
const WIDE: [(u16, u32); 1] = [(4, 10_000_000)];

#[test]
fn what_has_sent_too_much_is_not_kept() {
    // Messages of 13 bytes; 256 KiB is 20,164 of them.
    for (count, is_kept) in [(15_000_u64, true), (20_160, false), (40_000, false)] {
        virtual_time::run(async {
            let mut ends = Ends::new(&WIDE).await;
            ends.server.send(&Frame::window_update(0, 10_000_000)).await;
            let mut call = ends.channel.tell("/any/Call", ()).await;
            let sending = async {
                for number in 0..count {
                    call.send(number).await.unwrap();
                }
            };
            let (seen, ()) = tokio::join!(ends.read_numbers(count as usize), sending);
            let all: Vec<_> = (0..count).collect();
            assert!(seen.numbers() == all);
            ends.refuse(Refusal::Reset, &[]).await;
            if is_kept {
                assert!(ends.read_numbers(count as usize).await.numbers() == all);
                let call = tokio::spawn(call.finish());
                assert!(ends.read_request().await.data.is_empty());
                ends.answer(7).await;
                assert_eq!(call.await.unwrap().unwrap().into_message(), 7);
            } else {
                let status = call.finish().await.unwrap_err();
                assert_eq!(status.code(), Code::Unavailable);
                assert!(status.is_safe_to_retry());
            }
        });
    }
}

#[test]
fn a_send_that_waits_for_room_goes_on_at_the_next_server() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            // The window is closed: messages pile up until `send` waits.
            let mut ends = Ends::new(&[]).await;
            ends.server.send(&Frame::settings(&[(4, 0)])).await;
            settle().await;
            let mut call = ends.channel.tell("/any/Call", ()).await;
            let count = 20_000_u64;
            let sending = tokio::spawn(async move {
                for number in 0..count {
                    call.send(number).await?;
                }
                call.finish().await
            });
            ends.read_numbers(0).await;
            settle().await;
            assert!(!sending.is_finished());
            ends.refuse(refusal, &WIDE).await;
            ends.server.send(&Frame::settings(&WIDE)).await;
            ends.server.send(&Frame::window_update(0, 10_000_000)).await;
            let seen = ends.read_request().await;
            assert!(seen.numbers() == (0..count).collect::<Vec<_>>());
            ends.answer(9).await;
            assert_eq!(sending.await.unwrap().unwrap().into_message(), 9);
        });
    }
}

#[test]
fn the_deadline_goes_on() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            let mut ends = Ends::new(&[]).await;
            let start = Instant::now();
            let channel = ends.channel.clone();
            let call = tokio::spawn(async move {
                let timeout = Duration::from_secs(10);
                channel
                    .ask("/any/Call", Request::new(5).with_timeout(timeout))
                    .await
            });
            let first = ends.read_request().await;
            tokio::time::sleep(Duration::from_secs(4)).await;
            ends.refuse(refusal, &[]).await;
            let second = ends.read_request().await;
            let timeout = |seen: &Seen| seen.field("grpc-timeout").unwrap().to_owned();
            assert_ne!(timeout(&first), timeout(&second));
            assert!(
                ["6S", "6000m", "6000000u"].contains(&&*timeout(&second)),
                "{second:?}"
            );
            let status = call.await.unwrap().unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert_eq!(start.elapsed().as_secs(), 10);
        });
    }
}

#[test]
fn a_call_that_expires_while_it_waits_again_is_not_sent() {
    virtual_time::run(async {
        let mut ends = Ends::new(&[]).await;
        let channel = ends.channel.clone();
        let call = tokio::spawn(async move {
            let request = Request::new(5).with_timeout(Duration::from_secs(10));
            channel.ask("/any/Call", request).await
        });
        ends.read_request().await;
        ends.server.send(&Frame::settings(&[(3, 0)])).await;
        ends.refuse(Refusal::Reset, &[]).await;
        let status = call.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        ends.server.send(&Frame::settings(&[(3, 100)])).await;
        settle().await;
        drop(ends.channel);
        let frames = ends.server.read_to_end().await;
        assert!(frames.iter().all(|frame| frame.stream() == 0), "{frames:?}");
    });
}

#[test]
fn a_call_that_is_dropped_is_not_made_again() {
    for refusal in REFUSALS {
        for is_dropped_first in [true, false] {
            virtual_time::run(async {
                let mut ends = Ends::new(&[]).await;
                let (mut sender, replies) = ends.channel.talk("/any/Call", ()).await;
                sender.send(1).await.unwrap();
                ends.read_numbers(1).await;
                let frame = match refusal {
                    Refusal::Reset => Frame::reset(ends.stream, REFUSED_STREAM),
                    Refusal::GoAway => Frame::go_away(1, 0, ""),
                };
                // Neither waits for the other: the client's task sees both at once.
                if is_dropped_first {
                    drop(replies);
                    ends.server.send(&frame).await;
                } else {
                    ends.server.send(&frame).await;
                    drop(replies);
                }
                settle().await;
                assert_eq!(sender.send(2).await.unwrap_err().code(), Code::Cancelled);
                assert_eq!(ends.network.attempt_count(), 1);
                drop(ends.channel);
                let frames = ends.server.read_to_end().await;
                let is_new = |frame: &Frame| frame.stream() > ends.stream;
                assert!(!frames.iter().any(is_new), "{frames:?}");
            });
        }
    }
}

#[test]
fn half_of_a_call_that_waits_hears_that_the_other_half_was_dropped() {
    virtual_time::run(async {
        let network = Network::serving(Calls::four_kinds(&Live::new()));
        network.delay_connecting(Duration::from_secs(5));
        let channel = network.channel();
        let (mut sender, replies) = channel.talk("/test.Calls/Sums", ()).await;
        // More than may wait for the connection.
        let sending = tokio::spawn(async move {
            loop {
                sender.send(1).await?;
            }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!sending.is_finished());
        drop(replies);
        let sent: Result<(), Status> = sending.await.unwrap();
        assert_eq!(sent.unwrap_err().code(), Code::Cancelled);
    });
}

#[test]
fn a_call_outlives_its_channel_and_is_still_made_again() {
    for refusal in REFUSALS {
        virtual_time::run(async {
            let Ends {
                network,
                door,
                channel,
                server,
                stream,
            } = Ends::new(&[]).await;
            let replies = channel.list("/any/Call", 5).await;
            // The call alone holds on to the channel.
            let mut ends = Ends {
                channel: network.channel(),
                network,
                door,
                server,
                stream,
            };
            drop(channel);
            ends.read_request().await;
            ends.refuse(refusal, &[]).await;
            ends.read_request().await;
            ends.answer(25).await;
            assert_eq!(collect(replies).await.0, [25]);
            let frames = ends.server.read_to_end().await;
            assert!(
                matches!(frames.last(), Some(Frame::GoAway { .. })),
                "{frames:?}"
            );
        });
    }
}

/// A connection whose way out can be broken while the way in still works, as TCP's is for a moment
/// when the peer has closed.
struct OneWay {
    inner: End,
    is_broken: bool,
    /// Breaks the next connection that is written to.
    breaks: Arc<AtomicBool>,
}

impl AsyncRead for OneWay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for OneWay {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_broken |= self.breaks.swap(false, Ordering::SeqCst);
        if self.is_broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[test]
fn answers_before_a_failed_write_are_heard_and_what_never_left_is_made_again() {
    virtual_time::run(async {
        let network = Network::new();
        let mut door = network.listen();
        let breaks = Arc::new(AtomicBool::new(false));
        let (connecting, breaking) = (network.clone(), Arc::clone(&breaks));
        let transport = move || {
            let (connecting, breaks) = (connecting.clone(), Arc::clone(&breaking));
            async move {
                let inner = connecting.connect().await?;
                Ok::<_, io::Error>(OneWay {
                    inner,
                    is_broken: false,
                    breaks,
                })
            }
        };
        let builder = Channel::builder("http://server.test:1");
        let channel = builder.transport(transport).lazy().unwrap();
        let answered = channel.list("/any/Call", 1).await;
        let lost = channel.list("/any/Call", 2).await;
        let mut server = door.raw_server(&[]).await;
        read_request(&mut server, 1).await;
        read_request(&mut server, 3).await;

        // In one moment: the answer arrives, the way out breaks, and a third call is made.
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())));
        server.send(&answer(1, 5)).await;
        breaks.store(true, Ordering::SeqCst);
        let unsent = channel.list("/test.Calls/Count", 3).await;
        let (numbers, end) = collect(answered).await;
        assert_eq!((numbers, end.is_ok()), (vec![5], true));
        let status = collect(lost).await.1.unwrap_err();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Unavailable, Origin::Transport)
        );
        assert!(!status.is_safe_to_retry());
        let (numbers, end) = collect(unsent).await;
        assert_eq!(numbers, [1, 2, 3], "{end:?}");
    });
}
