//! How a handler is run: first inline, in the connection's task; only if it has to wait, in a task
//! of its own.
//!
//! A runner belongs to one method on one connection. It keeps one pinned box for the handler's
//! future and uses it again for each call that is ready at once, which then allocates nothing.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::replies::Replies;
use super::requests::Requests;
use crate::call::message::{decode_in, frame_spliced, framer};
use crate::codec::{Codec, Format};
use crate::compression::Wish;
use crate::net::mailbox::Mailbox;
use crate::request::Parts;
use crate::{Metadata, Request, Response, Status};

/// One method on one connection.
pub(crate) trait Runner: Send {
    /// Starts the handler of a call and polls it once.
    fn start(&mut self, parts: Parts, input: Input, sink: &mut dyn Sink) -> Started;

    /// What it is, for tests.
    #[cfg(test)]
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// What a handler is started with.
pub(crate) enum Input {
    /// One request, and for a stream of replies the place where they go.
    One(Bytes, Option<Arc<Mailbox>>),
    /// The place where requests come from and replies go to.
    Many(Arc<Mailbox>, usize),
}

/// Where the answer of a call goes that is a single message.
pub(crate) trait Sink {
    /// Sends the head, what `encode` appends or gives back in pieces (one framed message, compressed as
    /// is wished) and, if it can, the trailers.
    fn answer(&mut self, beside: &Beside, encode: Encode<'_>) -> Result<(), Status>;
}

/// Appends a framed message, or gives it back in pieces.
pub(crate) type Encode<'a> = &'a mut dyn FnMut(&mut BytesMut) -> Result<Option<Vec<Bytes>>, Status>;

/// What goes beside the single message of an answer.
pub(crate) struct Beside {
    pub(crate) metadata: Metadata,
    pub(crate) trailers: Metadata,
    pub(crate) compression: Wish,
}

/// How the first poll of a handler went.
pub(crate) enum Started {
    /// It is done: trailers of a success, or the status of a failure.
    Done(Result<Metadata, Status>),
    /// It waits; the future wants a task of its own.
    Waiting(Waiting),
}

/// What is left of a call after its first poll. Give it the sink it shall answer into.
pub(crate) type Waiting = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a handler that had to wait came to.
pub(crate) struct Answer {
    /// None for a stream of replies, which have been sent already.
    pub(crate) message: Option<Single>,
    pub(crate) end: Result<Metadata, Status>,
}

/// The single message of an answer.
pub(crate) struct Single {
    /// What goes before it.
    pub(crate) metadata: Metadata,
    /// With its envelope, uncompressed.
    pub(crate) framed: BytesMut,
    /// How it is to be sent.
    pub(crate) compression: Wish,
}

/// The reusable place of a handler's future.
struct Slot<F>(Pin<Box<Option<F>>>);

impl<F: Future> Slot<F> {
    fn new() -> Self {
        Self(Box::pin(None))
    }

    /// Makes the future and polls it once; a panic in either is the call's own end.
    fn start(&mut self, make: impl FnOnce() -> F) -> Result<Poll<F::Output>, Status> {
        let slot = &mut self.0;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            slot.set(Some(make()));
            // A future that waits is polled again as soon as it has its own task, whose waker it
            // keeps then: this first waker may be one that wakes nobody.
            match slot.as_mut().as_pin_mut() {
                Some(future) => future.poll(&mut Context::from_waker(Waker::noop())),
                None => Poll::Pending,
            }
        }));
        if !matches!(polled, Ok(Poll::Pending)) {
            // The future may hold what its handler was given: it must not outlive the call. If
            // dropping it panics, too, that must not reach the other calls either.
            let _ = catch_unwind(AssertUnwindSafe(|| slot.set(None)));
        }
        polled.map_err(|_| panicked())
    }

    /// Moves the waiting future out, and a new empty place in.
    fn take(&mut self) -> Running<F> {
        Running(std::mem::replace(&mut self.0, Box::pin(None)))
    }
}

/// A future that outlived its first poll. A panic in it becomes the call's status.
struct Running<F>(Pin<Box<Option<F>>>);

impl<F: Future> Future for Running<F> {
    type Output = Result<F::Output, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = self.0.as_mut();
        match slot.as_pin_mut() {
            Some(future) => match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
                Err(_) => Poll::Ready(Err(panicked())),
            },
            None => Poll::Ready(Err(panicked())),
        }
    }
}

/// Spec: statuscodes.md, an exception in the server's application.
fn panicked() -> Status {
    Status::unknown("the handler panicked")
}

/// Sends a ready answer of a single message into the sink.
fn answer_now<C: Codec<T>, T>(
    answer: Result<Response<T>, Status>,
    format: Format,
    sink: &mut dyn Sink,
) -> Result<Metadata, Status> {
    let mut answer = answer?;
    let compression = answer.take_compression();
    let (message, metadata, trailers) = answer.into_parts();
    let beside = Beside {
        metadata,
        trailers,
        compression,
    };
    sink.answer(&beside, &mut |out| match format {
        Format::Protobuf => frame_spliced::<C, T>(&message, out),
        Format::Json => framer::<C, T>(format)(&message, out).map(|()| None),
    })?;
    Ok(beside.trailers)
}

/// Words an answer of a single message that came later.
fn answer_later<C: Codec<T>, T>(answer: Result<Response<T>, Status>, format: Format) -> Answer {
    let framed = answer.and_then(|mut response| {
        let compression = response.take_compression();
        let (message, metadata, trailers) = response.into_parts();
        let mut framed = BytesMut::new();
        framer::<C, T>(format)(&message, &mut framed)?;
        let single = Single {
            metadata,
            framed,
            compression,
        };
        Ok((single, trailers))
    });
    match framed {
        Ok((single, trailers)) => Answer {
            message: Some(single),
            end: Ok(trailers),
        },
        Err(status) => Answer {
            message: None,
            end: Err(status),
        },
    }
}

macro_rules! runner {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(crate) struct $name<C, Req, Resp, H, F> {
            handler: Arc<H>,
            slot: Slot<F>,
            types: PhantomData<fn(C, Req) -> Resp>,
        }

        impl<C, Req, Resp, H, F: Future> $name<C, Req, Resp, H, F> {
            pub(crate) fn new(handler: Arc<H>) -> Self {
                Self { handler, slot: Slot::new(), types: PhantomData }
            }
        }
    };
}

/// Runs a method with one request and one response.
pub(crate) struct UnaryRunner<C, Req, Resp, T, H, F> {
    /// What the handler is given, and gives back if it is ready at once.
    service: Arc<T>,
    spare: Option<Arc<T>>,
    handler: Arc<H>,
    slot: Slot<F>,
    types: PhantomData<fn(C, Req) -> Resp>,
}

impl<C, Req, Resp, T, H, F: Future> UnaryRunner<C, Req, Resp, T, H, F> {
    pub(crate) fn new(service: Arc<T>, handler: Arc<H>) -> Self {
        Self {
            service,
            spare: None,
            handler,
            slot: Slot::new(),
            types: PhantomData,
        }
    }
}

runner! {
    /// Runs a method with one request and a stream of responses.
    ServerStreamRunner
}
runner! {
    /// Runs a method with a stream of requests and one response.
    ClientStreamRunner
}
runner! {
    /// Runs a method with a stream in each direction.
    BidiRunner
}

impl<C, Req, Resp, T, H, F> Runner for UnaryRunner<C, Req, Resp, T, H, F>
where
    C: Codec<Req> + Codec<Resp>,
    Req: 'static,
    Resp: Send + 'static,
    T: Send + Sync + 'static,
    H: Fn(Arc<T>, Request<Req>) -> F + Send + Sync,
    F: Future<Output = (Arc<T>, Result<Response<Resp>, Status>)> + Send + 'static,
{
    fn start(&mut self, parts: Parts, input: Input, sink: &mut dyn Sink) -> Started {
        let Input::One(bytes, _) = input else {
            return misrouted();
        };
        let format = parts.format;
        let request = match decode_in::<C, Req>(format, bytes) {
            Ok(message) => Request::from_parts(message, parts),
            Err(status) => return Started::Done(Err(status)),
        };
        let spare = self.spare.take();
        let service = spare.unwrap_or_else(|| Arc::clone(&self.service));
        match self.slot.start(|| (self.handler)(service, request)) {
            Ok(Poll::Ready((service, answer))) => {
                self.spare = Some(service);
                Started::Done(answer_now::<C, Resp>(answer, format, sink))
            }
            Err(status) => Started::Done(Err(status)),
            Ok(Poll::Pending) => {
                let running = self.slot.take();
                Started::Waiting(Box::pin(async move {
                    let answer = running.await.and_then(|(_, answer)| answer);
                    answer_later::<C, Resp>(answer, format)
                }))
            }
        }
    }
}

impl<C, Req, Resp, H, F> Runner for ServerStreamRunner<C, Req, Resp, H, F>
where
    C: Codec<Req> + Codec<Resp>,
    Req: 'static,
    Resp: 'static,
    H: Fn(Request<Req>, Replies<Resp>) -> F + Send + Sync,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn start(&mut self, parts: Parts, input: Input, _: &mut dyn Sink) -> Started {
        let Input::One(bytes, Some(mailbox)) = input else {
            return misrouted();
        };
        let format = parts.format;
        let request = match decode_in::<C, Req>(format, bytes) {
            Ok(message) => Request::from_parts(message, parts),
            Err(status) => return Started::Done(Err(status)),
        };
        let replies = Replies::new::<C>(mailbox, format);
        let polled = self.slot.start(|| (self.handler)(request, replies));
        stream_started(polled, &mut self.slot)
    }
}

impl<C, Req, Resp, H, F> Runner for ClientStreamRunner<C, Req, Resp, H, F>
where
    C: Codec<Req> + Codec<Resp>,
    Req: 'static,
    Resp: Send + 'static,
    H: Fn(Requests<Req>) -> F + Send + Sync,
    F: Future<Output = Result<Response<Resp>, Status>> + Send + 'static,
{
    fn start(&mut self, parts: Parts, input: Input, sink: &mut dyn Sink) -> Started {
        let Input::Many(mailbox, max_message_len) = input else {
            return misrouted();
        };
        let format = parts.format;
        let requests = Requests::new::<C>(mailbox, parts, max_message_len);
        let polled = self.slot.start(|| (self.handler)(requests));
        single_started::<C, Resp, F>(polled, format, &mut self.slot, sink)
    }
}

impl<C, Req, Resp, H, F> Runner for BidiRunner<C, Req, Resp, H, F>
where
    C: Codec<Req> + Codec<Resp>,
    Req: 'static,
    Resp: 'static,
    H: Fn(Requests<Req>, Replies<Resp>) -> F + Send + Sync,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn start(&mut self, parts: Parts, input: Input, _: &mut dyn Sink) -> Started {
        let Input::Many(mailbox, max_message_len) = input else {
            return misrouted();
        };
        let format = parts.format;
        let requests = Requests::new::<C>(Arc::clone(&mailbox), parts, max_message_len);
        let replies = Replies::new::<C>(mailbox, format);
        let polled = self.slot.start(|| (self.handler)(requests, replies));
        stream_started(polled, &mut self.slot)
    }
}

/// What the first poll of a handler with a single reply came to.
fn single_started<C, T, F>(
    polled: Result<Poll<F::Output>, Status>,
    format: Format,
    slot: &mut Slot<F>,
    sink: &mut dyn Sink,
) -> Started
where
    C: Codec<T>,
    T: Send + 'static,
    F: Future<Output = Result<Response<T>, Status>> + Send + 'static,
{
    match polled {
        Ok(Poll::Ready(answer)) => Started::Done(answer_now::<C, T>(answer, format, sink)),
        Err(status) => Started::Done(Err(status)),
        Ok(Poll::Pending) => {
            let running = slot.take();
            Started::Waiting(Box::pin(async move {
                answer_later::<C, T>(running.await.and_then(|answer| answer), format)
            }))
        }
    }
}

/// What the first poll of a handler with a stream of replies came to. Trailers were left in the
/// mailbox.
fn stream_started<F>(
    polled: Result<Poll<Result<(), Status>>, Status>,
    slot: &mut Slot<F>,
) -> Started
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    match polled {
        Ok(Poll::Ready(end)) => Started::Done(end.map(|()| Metadata::new())),
        Err(status) => Started::Done(Err(status)),
        Ok(Poll::Pending) => {
            let running = slot.take();
            Started::Waiting(Box::pin(async move {
                let end = running.await.and_then(|end| end).map(|()| Metadata::new());
                Answer { message: None, end }
            }))
        }
    }
}

/// The router gives each runner the input its shape asks for.
fn misrouted() -> Started {
    Started::Done(Err(Status::internal(
        "the call was started with the wrong kind of input",
    )))
}
