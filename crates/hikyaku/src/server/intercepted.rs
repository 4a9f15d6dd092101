//! Handlers with interceptors around them, in the shape of plain handlers: what runs a plain one
//! runs them.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::method::Methods;
use super::replies::Replies;
use super::requests::Requests;
use super::router::Service;
use crate::context::Context;
use crate::intercept::{Boxed, Call, Chain, Interceptor, Kind, Side, Tapped, single};
use crate::net::mailbox::Mailbox;
use crate::{Request, Response, Status};

/// A service with interceptors around its methods alone; the server's own are around those.
///
/// # Example
/// ```
/// use hikyaku::intercept::{Call, Intercepted, Next};
/// use hikyaku::{Server, reflection};
///
/// let logged = |call: Call, next: Next| {
///     tracing::info!(path = call.path());
///     next.run(call)
/// };
/// let server = Server::new().add(Intercepted::new(reflection::service()).intercept(logged));
/// ```
#[derive(Debug)]
pub struct Intercepted<S> {
    service: S,
    chain: Chain,
}

impl<S: Service> Intercepted<S> {
    /// The service, without interceptors yet.
    pub fn new(service: S) -> Self {
        Self {
            service,
            chain: Chain::default(),
        }
    }

    /// Adds an interceptor; the first one added is the outermost.
    #[must_use]
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.chain = self.chain.with(interceptor);
        self
    }
}

impl<S: Service> Service for Intercepted<S> {
    fn name(&self) -> &'static str {
        self.service.name()
    }

    fn descriptor_set(&self) -> &'static [u8] {
        self.service.descriptor_set()
    }

    fn register(self, methods: &mut Methods) {
        methods.intercepted(&self.chain, |methods| self.service.register(methods));
    }
}

/// What a handler of single messages comes to, with its service: none, as it has its own.
type Answered<Resp> = (Arc<()>, Result<Response<Resp>, Status>);

pub(super) fn unary<T, Req, Resp, H, F>(
    path: &'static str,
    chain: Chain,
    service: Arc<T>,
    handler: Arc<H>,
) -> impl Fn(Arc<()>, Request<Req>) -> Boxed<'static, Answered<Resp>>
where
    T: Send + Sync + 'static,
    Req: Send + 'static,
    Resp: Send + 'static,
    H: Fn(Arc<T>, Request<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<T>, Result<Response<Resp>, Status>)> + Send + 'static,
{
    move |nothing, request| {
        let (mut message, parts) = request.into_parts();
        let call = Call::new(Side::Server, Kind::Unary, path, parts);
        let (chain, service, handler) = (chain.clone(), Arc::clone(&service), Arc::clone(&handler));
        let rest = async move |call: Call| {
            let deadline = call.shortened();
            let (parts, hooks) = call.into_parts();
            hooks.request(&mut message)?;
            let answer = handler(service, Request::from_parts(message, parts));
            within(deadline, async move { answer.await.1 }).await
        };
        Box::pin(async move { (nothing, single(&chain, call, rest).await) })
    }
}

pub(super) fn client_streaming<Req, Resp, H, F>(
    path: &'static str,
    chain: Chain,
    handler: Arc<H>,
) -> impl Fn(Requests<Req>) -> Boxed<'static, Result<Response<Resp>, Status>>
where
    Req: Send + 'static,
    Resp: Send + 'static,
    H: Fn(Requests<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<Resp>, Status>> + Send + 'static,
{
    move |mut requests| {
        let parts = mem::take(requests.parts_mut());
        let call = Call::new(Side::Server, Kind::ClientStreaming, path, parts);
        let (chain, handler) = (chain.clone(), Arc::clone(&handler));
        let rest = async move |call: Call| {
            let deadline = call.shortened();
            tap_requests(&mut requests, call);
            within(deadline, handler(requests)).await
        };
        Box::pin(async move { single(&chain, call, rest).await })
    }
}

pub(super) fn server_streaming<Req, Resp, H, F>(
    path: &'static str,
    chain: Chain,
    handler: Arc<H>,
) -> impl Fn(Request<Req>, Replies<Resp>) -> Boxed<'static, Result<(), Status>>
where
    Req: Send + 'static,
    Resp: Send + 'static,
    H: Fn(Request<Req>, Replies<Resp>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    move |request, mut replies| {
        let (mut message, parts) = request.into_parts();
        let call = Call::new(Side::Server, Kind::ServerStreaming, path, parts);
        let handler = Arc::clone(&handler);
        let mailbox = Arc::clone(replies.mailbox());
        let rest = async move |call: Call| {
            let deadline = call.shortened();
            let (parts, hooks) = call.into_parts();
            hooks.request(&mut message)?;
            replies.tap(Tapped::replies(hooks));
            let request = Request::from_parts(message, parts);
            within(deadline, handler(request, replies)).await
        };
        streamed(&chain, call, mailbox, rest)
    }
}

pub(super) fn bidi_streaming<Req, Resp, H, F>(
    path: &'static str,
    chain: Chain,
    handler: Arc<H>,
) -> impl Fn(Requests<Req>, Replies<Resp>) -> Boxed<'static, Result<(), Status>>
where
    Req: Send + 'static,
    Resp: Send + 'static,
    H: Fn(Requests<Req>, Replies<Resp>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    move |mut requests, mut replies| {
        let parts = mem::take(requests.parts_mut());
        let call = Call::new(Side::Server, Kind::BidiStreaming, path, parts);
        let handler = Arc::clone(&handler);
        let mailbox = Arc::clone(replies.mailbox());
        let rest = async move |call: Call| {
            let deadline = call.shortened();
            replies.tap(Tapped::replies(Arc::clone(call.hooks())));
            tap_requests(&mut requests, call);
            within(deadline, handler(requests, replies)).await
        };
        streamed(&chain, call, mailbox, rest)
    }
}

/// Gives a stream of requests what interceptors have made of its call.
fn tap_requests<T: 'static>(requests: &mut Requests<T>, call: Call) {
    let (parts, hooks) = call.into_parts();
    *requests.parts_mut() = parts;
    requests.tap(Tapped::requests(hooks));
}

/// Runs a call whose answer is a stream of replies. Its trailers are in the mailbox, and pass the
/// interceptors from there to there.
fn streamed<R, F>(
    chain: &Chain,
    call: Call,
    mailbox: Arc<Mailbox>,
    rest: R,
) -> Boxed<'static, Result<(), Status>>
where
    R: FnOnce(Call) -> F + Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let answered = Arc::clone(&mailbox);
    let end = chain.run(call, async move |call: Call| {
        let hooks = Arc::clone(call.hooks());
        let end = rest(call).await;
        hooks.check()?;
        end?;
        hooks.head_of(&answered);
        Ok(mem::take(&mut answered.outbound().trailers))
    });
    Box::pin(async move {
        let trailers = end.await?;
        mailbox.outbound().trailers = trailers;
        Ok(())
    })
}

/// Runs a handler to a deadline that an interceptor has set; the call's own is its connection's to
/// enforce.
async fn within<T>(
    deadline: Option<Instant>,
    handler: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(deadline) = deadline else {
        return handler.await;
    };
    // Calls that the handler makes inherit this deadline.
    let handler = Context::current().shortened(deadline).scope(handler);
    tokio::time::timeout_at(deadline.into(), handler)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("deadline exceeded")))
}
