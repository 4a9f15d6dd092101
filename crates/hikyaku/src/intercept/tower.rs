//! Layers of `tower` as interceptors: limits of concurrency and rate, load shedding, timeouts,
//! metrics, and what else there is. With the cargo feature `tower`.
//!
//! A layer is put around one service for all calls of a server or channel, so that layers that count
//! or limit do so over all of them. As usual with tower, each call gets a clone of the layered
//! service, waits until it is ready and calls it; a service that cannot be cloned goes behind tower's
//! `Buffer`. A layer sees the beginning of a call and its end, and [`Passing::call_mut`] lets those
//! written for it do all that an [`Interceptor`] can.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::{Boxed, Call, Interceptor, Next};
use crate::{Metadata, Status};

/// Makes an interceptor of a layer, or of a stack of them (tower's `ServiceBuilder`).
///
/// # Example
/// ```
/// use std::time::Duration;
/// use hikyaku::{Server, Status, intercept};
/// use tower::ServiceBuilder;
/// use tower::limit::ConcurrencyLimitLayer;
/// use tower::load_shed::LoadShedLayer;
/// use tower::timeout::{TimeoutLayer, error::Elapsed};
///
/// let layers = ServiceBuilder::new()
///     .layer(LoadShedLayer::new())
///     .layer(ConcurrencyLimitLayer::new(1000))
///     .layer(TimeoutLayer::new(Duration::from_secs(30)));
/// let limited = intercept::tower::layer(layers).map_error(|error| {
///     match error.is::<Elapsed>() {
///         true => Status::deadline_exceeded("30 seconds were not enough"),
///         false => Status::resource_exhausted(error.to_string()),
///     }
/// });
/// let server = Server::new().intercept(limited);
/// ```
pub fn layer<L: Layer<Rest>>(layer: L) -> Layered<L::Service> {
    Layered {
        service: Mutex::new(layer.layer(Rest(()))),
        map_error: Box::new(unavailable),
    }
}

/// What a layer fails with.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A layer, or a stack of them, as an [`Interceptor`]; made by [`layer`].
pub struct Layered<S> {
    /// Cloned for each call, under the lock: not every service can be shared.
    service: Mutex<S>,
    map_error: Box<dyn Fn(BoxError) -> Status + Send + Sync>,
}

impl<S> Layered<S> {
    /// Makes the status of a call from what a layer failed with. Without this it is UNAVAILABLE, with
    /// the error as its message and its cause. A [`Status`] passes as it is.
    #[must_use]
    pub fn map_error(mut self, map: impl Fn(BoxError) -> Status + Send + Sync + 'static) -> Self {
        self.map_error = Box::new(map);
        self
    }

    fn status(&self, error: BoxError) -> Status {
        match error.downcast::<Status>() {
            Ok(status) => *status,
            Err(error) => (self.map_error)(error),
        }
    }
}

impl<S> Interceptor for Layered<S>
where
    S: Service<Passing, Response = Metadata> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    async fn intercept(&self, call: Call, next: Next) -> Result<Metadata, Status> {
        let service = self.service.lock();
        let mut service = service.unwrap_or_else(PoisonError::into_inner).clone();
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(|error| self.status(error.into()))?;
        let ended = service.call(Passing { call, next }).await;
        ended.map_err(|error| self.status(error.into()))
    }
}

impl<S> fmt::Debug for Layered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layered")
    }
}

/// A call on its way through layers, with what is left of its way: the request of their services.
#[derive(Debug)]
pub struct Passing {
    call: Call,
    next: Next,
}

impl Passing {
    /// The call.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The call, to change it.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut Call {
        &mut self.call
    }
}

/// The service that layers are put around: it runs the rest of each call, and is always ready.
#[derive(Clone, Debug)]
pub struct Rest(());

impl Service<Passing> for Rest {
    type Response = Metadata;
    type Error = Status;
    type Future = Boxed<'static, Result<Metadata, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Passing { call, next }: Passing) -> Self::Future {
        Box::pin(next.run(call))
    }
}

fn unavailable(error: BoxError) -> Status {
    Status::unavailable(error.to_string()).with_source(error)
}
