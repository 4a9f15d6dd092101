//! The interceptors of a server, a service or a channel, in their order.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::call::Call;
use crate::{Metadata, Status};

/// Code around calls. See [`intercept`](crate::intercept) for an example.
///
/// Closures `|call: Call, next: Next| async move { .. }` are interceptors, too, and so is an [`Arc`]
/// of one that several servers or channels share.
pub trait Interceptor: Send + Sync + 'static {
    /// Goes around one call: gives it, changed or not, to [`Next::run`] and gives back its end,
    /// changed or not. Without `run` nothing of the call happens: no handler runs, nothing is sent.
    ///
    /// # Errors
    /// The status that the call ends with. At a server it is sent, with its metadata as trailers.
    ///
    /// An `Ok` for a call that has no reply although it must have one (its kind has a single reply,
    /// and it failed or was not run) becomes INTERNAL: nobody can make that reply up here.
    fn intercept(
        &self,
        call: Call,
        next: Next,
    ) -> impl Future<Output = Result<Metadata, Status>> + Send;
}

impl<H, F> Interceptor for H
where
    H: Fn(Call, Next) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Metadata, Status>> + Send,
{
    fn intercept(
        &self,
        call: Call,
        next: Next,
    ) -> impl Future<Output = Result<Metadata, Status>> + Send {
        self(call, next)
    }
}

impl<I: Interceptor + ?Sized> Interceptor for Arc<I> {
    fn intercept(
        &self,
        call: Call,
        next: Next,
    ) -> impl Future<Output = Result<Metadata, Status>> + Send {
        (**self).intercept(call, next)
    }
}

/// How a call ended: the trailers of a success, or the status of a failure.
pub(crate) type End = Result<Metadata, Status>;

/// A future on the heap.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The rest of a call: the interceptors further in, and the handler or the connection behind them.
pub struct Next {
    interceptors: Arc<[Arc<dyn Erased>]>,
    index: usize,
    innermost: Innermost,
}

type Innermost = Box<dyn FnOnce(Call) -> Boxed<'static, End> + Send>;

impl Next {
    /// Runs the rest of the call. Dropping the future cancels that rest: the handler is dropped, the
    /// stream is reset.
    ///
    /// # Errors
    /// The status of a call that failed: the trailers sent with it are
    /// [its metadata](Status::metadata).
    pub async fn run(self, call: Call) -> Result<Metadata, Status> {
        let Self {
            interceptors,
            index,
            innermost,
        } = self;
        match interceptors.get(index) {
            Some(interceptor) => {
                let next = Self {
                    interceptors: Arc::clone(&interceptors),
                    index: index + 1,
                    innermost,
                };
                interceptor.intercept(call, next).await
            }
            None => innermost(call).await,
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.interceptors.len().saturating_sub(self.index);
        f.debug_struct("Next").field("interceptors", &left).finish()
    }
}

/// An interceptor, whatever its type.
trait Erased: Send + Sync {
    fn intercept(&self, call: Call, next: Next) -> Boxed<'_, End>;
}

impl<I: Interceptor> Erased for I {
    fn intercept(&self, call: Call, next: Next) -> Boxed<'_, End> {
        Box::pin(Interceptor::intercept(self, call, next))
    }
}

/// Interceptors, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Chain {
    /// None if there are none, so that cloning touches no counter.
    interceptors: Option<Arc<[Arc<dyn Erased>]>>,
}

impl Chain {
    pub(crate) fn is_empty(&self) -> bool {
        self.interceptors.is_none()
    }

    /// The same with another one further in.
    pub(crate) fn with(&self, interceptor: impl Interceptor) -> Self {
        let interceptor: Arc<dyn Erased> = Arc::new(interceptor);
        self.then(&Self {
            interceptors: Some(Arc::new([interceptor])),
        })
    }

    /// The same with others further in.
    pub(crate) fn then(&self, inner: &Self) -> Self {
        match (&self.interceptors, &inner.interceptors) {
            (_, None) => self.clone(),
            (None, Some(_)) => inner.clone(),
            (Some(outer), Some(inner)) => Self {
                interceptors: Some(outer.iter().chain(&**inner).cloned().collect()),
            },
        }
    }

    /// Runs a call through all of them; `innermost` is what they are around.
    pub(crate) fn run<R, F>(
        &self,
        call: Call,
        innermost: R,
    ) -> impl Future<Output = End> + Send + 'static + use<R, F>
    where
        R: FnOnce(Call) -> F + Send + 'static,
        F: Future<Output = End> + Send + 'static,
    {
        let next = Next {
            interceptors: self.interceptors.clone().unwrap_or_default(),
            index: 0,
            innermost: Box::new(move |call| Box::pin(innermost(call))),
        };
        next.run(call)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.interceptors.as_ref().map_or(0, |all| all.len());
        f.debug_struct("Chain").field("count", &count).finish()
    }
}
