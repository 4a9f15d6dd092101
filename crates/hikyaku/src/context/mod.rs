//! What the running code belongs to: which call, how long that may take, whether it is over.
//!
//! A call that a handler makes inherits the deadline of the call it answers, and is cancelled with
//! it, through as many servers as there are:
//!
//! ```text
//! client --5 s--> A: handler --4.9 s--> B: handler --4.8 s--> C: handler
//!        --cancel--> A       --cancel--> B         --cancel--> C
//! ```
//!
//! That needs no code. What leaves the handler does: a task of its own, a thread.
//!
//! ```
//! # use hikyaku::{Request, Response, Status};
//! use hikyaku::context::Context;
//!
//! async fn order(request: Request<u64>) -> Result<Response<u64>, Status> {
//!     let context = Context::current();
//!     let stock = tokio::spawn(context.scope(async move { reserve(*request.message()).await }));
//!     stock.await.map_err(|_| Status::internal("the task panicked"))?
//! }
//! # async fn reserve(_: u64) -> Result<Response<u64>, Status> { Ok(1.into()) }
//! ```
//!
//! A call that shall not inherit says so: [`Request::detached`](crate::Request::detached). A handler
//! that shall not be dropped in the middle runs that part [to its end](run_to_end).

mod current;
mod life;

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use current::{Current, Inside};
pub(crate) use current::{Reach, Scope, inherit};
pub(crate) use life::{Fate, Life, Link, Over, Watcher};

use crate::net::clock;

/// The call that code runs for, to be taken along into tasks and threads.
///
/// Code that runs for no call has a context, too, in which nothing is inherited and nothing is ever
/// cancelled: what is written with it works in handlers and outside.
#[derive(Clone, Default)]
pub struct Context {
    current: Current,
}

impl Context {
    /// The context of the running code: in a handler, or inside [`Context::scope`].
    #[must_use]
    pub fn current() -> Self {
        Self {
            current: current::with(Current::capture),
        }
    }

    /// The context of code that runs for no call: in its scope calls inherit nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The moment at which the call ends with DEADLINE_EXCEEDED, if there is one.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.current.deadline
    }

    /// The time until then; zero once it has come.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.deadline())
    }

    /// Whether the call has been cancelled, has passed its deadline or is over.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let life = self.current.life.as_ref();
        life.is_some_and(|life| life.over().is_some())
    }

    /// Waits until the call is cancelled, has passed its deadline or is over. Cancel-safe.
    ///
    /// # Example
    /// ```
    /// use hikyaku::context::Context;
    ///
    /// /// Looks at a queue for as long as somebody waits for what is in it.
    /// fn watch(context: Context, mut queue: tokio::sync::mpsc::Receiver<u64>) {
    ///     tokio::spawn(async move {
    ///         tokio::select! {
    ///             () = context.cancelled() => {}
    ///             item = queue.recv() => println!("{item:?}"),
    ///         }
    ///     });
    /// }
    /// ```
    pub async fn cancelled(&self) {
        let Some(life) = &self.current.life else {
            return pending().await;
        };
        let mut link = None;
        poll_fn(|cx| {
            link = None;
            match life.watch(Watcher::Task(cx.waker().clone())) {
                Ok(watching) => {
                    link = Some(watching);
                    Poll::Pending
                }
                Err(_) => Poll::Ready(()),
            }
        })
        .await;
    }

    /// The same, with an earlier deadline.
    pub(crate) fn shortened(mut self, deadline: Instant) -> Self {
        self.current.deadline = Some(deadline);
        self
    }

    /// Runs a future as a part of the call: calls made in it inherit the deadline, and are cancelled
    /// when the call is cancelled or its handler has returned. The future itself goes on.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let mut current = self.current.clone();
        async move {
            let mut future = pin!(future);
            poll_fn(move |cx| current.enter_again(|| future.as_mut().poll(cx))).await
        }
    }

    /// The same for a function that is not async, on a thread for such.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::Status;
    /// use hikyaku::context::Context;
    ///
    /// async fn report() -> Result<u64, Status> {
    ///     let context = Context::current();
    ///     let counting = move || context.sync_scope(|| count_with_a_blocking_client());
    ///     let count = tokio::task::spawn_blocking(counting).await;
    ///     count.map_err(|_| Status::internal("counting panicked"))
    /// }
    /// # fn count_with_a_blocking_client() -> u64 { 1 }
    /// ```
    pub fn sync_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        self.current.clone().enter_again(run)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("deadline", &self.deadline())
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Runs a part of a handler, or all of it, to its end even if the call is cancelled, passes its
/// deadline or loses its connection meanwhile. The handler is dropped behind it then.
///
/// Calls made in it inherit neither deadline nor cancellation: they are part of what shall come to
/// its end. [`Context::current`] still tells of both, and the call's own streams fail. The handler
/// counts as one of its connection's, and the connection as one of the server's, until the work is
/// done; a graceful shutdown waits for it, and cuts it off after the grace. What a hostile client can
/// start and walk away from should not take long: put a timeout of your own around what might.
///
/// It is the handler itself that goes on: dropping the future drops the work. Outside a handler, and
/// in tasks that a handler has spawned, which nobody cancels, only calls feel the difference.
///
/// # Example
/// ```
/// # use hikyaku::{Request, Response, Status};
/// use hikyaku::context::run_to_end;
///
/// async fn pay(request: Request<u64>) -> Result<Response<u64>, Status> {
///     check(*request.message()).await?; // dropped with the call
///     run_to_end(async {
///         charge(*request.message()).await?; // never without ...
///         Ok(write_receipt().await.into()) // ... this
///     })
///     .await
/// }
/// # async fn check(_: u64) -> Result<(), Status> { Ok(()) }
/// # async fn charge(_: u64) -> Result<(), Status> { Ok(()) }
/// # async fn write_receipt() -> u64 { 1 }
/// ```
pub async fn run_to_end<F: Future>(work: F) -> F::Output {
    let (own, is_handler) = current::with(|current| {
        let is_handler = current.inside == Inside::Handler;
        (current.capture(), is_handler)
    });
    let life = own.life.clone().filter(|_| is_handler);
    let shield = match life.as_ref().map(Life::shield) {
        // The call is over already: the handler is about to be dropped.
        Some(None) => return pending().await,
        Some(Some(shield)) => Some(shield),
        None => None,
    };
    let inside = Inside::Lasting;
    let context = Context {
        current: Current { inside, ..own },
    };
    let output = context.scope(work).await;
    drop(shield);
    if life.is_some_and(|life| life.over().is_some()) {
        // Whoever lifts the last shield has the handler dropped.
        return pending().await;
    }
    output
}

/// The time until a deadline; zero once it has come.
pub(crate) fn time_left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(clock::now()))
}
