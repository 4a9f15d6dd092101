//! Calls with interceptors around them.
//!
//! One request, one reply: the interceptors run in the caller's own future. A stream's handles are
//! the caller's at once, and its interceptors run in a task:
//!
//! ```text
//! caller: Sender, Streaming <--- mailbox (held until the call is opened) ---> connection
//!              |     ^
//!      end of the    | the end as the
//!      call, as read | outermost says
//!              v     |
//! task:    interceptors
//! ```

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::channel::Channel;
use super::guard::CallGuard;
use super::shared::runtime_ended;
use super::waiting::call_dropped;
use super::watch::Watch;
use crate::codec::Codec;
use crate::context;
use crate::intercept::{Call, End, Hooks, Kind, Side, single};
use crate::net::mailbox::{self, Closed, Mailbox, Patience};
use crate::request::Parts;
use crate::{Request, Response, Status};

/// [`Channel::unary`] through the channel's interceptors.
pub(super) async fn unary<C, Req, Resp>(
    channel: &Channel,
    path: &'static str,
    request: Request<Req>,
) -> Result<Response<Resp>, Status>
where
    C: Codec<Req> + Codec<Resp>,
    Req: Send + 'static,
    Resp: Send + 'static,
{
    let (mut message, parts) = request.into_parts();
    let call = new_call(Kind::Unary, path, parts);
    let deadline = call.deadline();
    let begun = Arc::new(AtomicBool::new(false));
    let rest = {
        let (channel, begun) = (channel.clone(), Arc::clone(&begun));
        async move |call: Call| {
            begun.store(true, Ordering::Relaxed);
            let (parts, hooks) = call.into_parts();
            hooks.request(&mut message)?;
            let request = Request::from_parts(message, parts);
            let start = channel.start_unary::<C, Req, Resp>(path, request)?;
            channel.answer::<C, Resp>(start).await
        }
    };
    let answer = single(channel.chain(), call, rest);
    let answer = pin!(to_deadline(deadline, &begun, answer));
    match Handle::try_current() {
        Ok(_) => answer.await,
        Err(_) => Inside(channel.runtime().clone(), answer).await,
    }
}

/// A call for the interceptors, who see the deadline that it inherits.
pub(super) fn new_call(kind: Kind, path: &'static str, mut parts: Parts) -> Call {
    (parts.deadline, _) = context::inherit(parts.deadline, parts.reach);
    Call::new(Side::Client, kind, path, parts)
}

/// Starts a call with a stream in either direction through the channel's interceptors. `open` gives
/// it to a connection.
pub(super) fn start<T: 'static>(
    channel: &Channel,
    call: Call,
    open: impl FnOnce(&Channel, &Arc<Mailbox>, Parts, &Hooks) -> Result<(), Status> + Send + 'static,
) -> (Arc<Mailbox>, Box<Watch<T>>) {
    let patience = match call.kind().answers_stream() {
        true => Patience::Eager,
        false => Patience::Whole,
    };
    let shared = channel.lease().shared();
    let mut mailbox = shared.mailbox_at(shared.current_outbox(), patience);
    mailbox.outbound_mut().hold();
    let mailbox = Arc::new(mailbox);
    let (hooks, deadline) = (Arc::clone(call.hooks()), call.deadline());
    let (ended, end) = oneshot::channel();
    let (told, outcome) = oneshot::channel();
    let begun = Arc::new(AtomicBool::new(false));
    let chain = {
        let (channel, mailbox, begun) = (channel.clone(), Arc::clone(&mailbox), Arc::clone(&begun));
        channel.clone().chain().run(call, async move |call: Call| {
            begun.store(true, Ordering::Relaxed);
            let (parts, hooks) = call.into_parts();
            // An interceptor that drops this future cancels the call.
            let _call = CallGuard::new(Arc::clone(channel.lease()), Arc::clone(&mailbox));
            open(&channel, &mailbox, parts, &hooks)?;
            end.await.unwrap_or_else(|_| Err(call_dropped()))
        })
    };
    let outcome_of = Outcome {
        mailbox: Arc::clone(&mailbox),
        told: Some(told),
    };
    let task = async move {
        outcome_of.tell(to_deadline(deadline, &begun, chain).await);
    };
    // The task belongs to the handler that makes the call, as the call itself does.
    let task = context::Context::current().scope(task);
    let runtime = Handle::try_current().unwrap_or_else(|_| channel.runtime().clone());
    let task = runtime.spawn(task.instrument(Span::current()));
    let watch = Watch::new(hooks, ended, outcome, task.abort_handle());
    (mailbox, Box::new(watch))
}

/// Gives the end of a call to its caller.
struct Outcome {
    mailbox: Arc<Mailbox>,
    told: Option<oneshot::Sender<End>>,
}

impl Outcome {
    fn tell(mut self, end: End) {
        match &end {
            Err(status) => self.mailbox.fail(status),
            Ok(trailers) => {
                self.mailbox.close_outbound(Closed::Answered);
                let trailers = trailers.clone();
                self.mailbox.deliver_end(mailbox::End::Complete(trailers));
            }
        }
        if let Some(told) = self.told.take() {
            let _ = told.send(end);
        }
    }
}

impl Drop for Outcome {
    /// No interceptor says how the call ended: they have gone.
    fn drop(&mut self) {
        let Some(told) = self.told.take() else {
            return;
        };
        let status = if thread::panicking() {
            Status::internal("an interceptor panicked")
        } else if self.mailbox.outbound().cancelled {
            call_dropped()
        } else {
            runtime_ended()
        };
        self.mailbox.fail(&status);
        let _ = told.send(Err(status));
    }
}

/// Lets the deadline end what interceptors do before the call is opened. From there on the call sees
/// to it itself, and its interceptors see it end.
async fn to_deadline<T>(
    deadline: Option<Instant>,
    begun: &AtomicBool,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(deadline) = deadline else {
        return call.await;
    };
    let mut call = pin!(call);
    tokio::select! {
        biased;
        end = &mut call => return end,
        () = tokio::time::sleep_until(deadline.into()) => {}
    }
    if begun.load(Ordering::Relaxed) {
        return call.await;
    }
    let what = "deadline exceeded before the call could be sent";
    Err(Status::deadline_exceeded(what).of_unprocessed())
}

/// Polls a future inside a runtime, for callers that are in none: the blocking ones.
struct Inside<'a, F>(Handle, Pin<&'a mut F>);

impl<F: Future> Future for Inside<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self(runtime, future) = &mut *self;
        let _inside = runtime.enter();
        future.as_mut().poll(cx)
    }
}
