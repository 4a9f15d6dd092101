//! A service made of closures.

use std::time::Duration;

use bytes::Bytes;
use hikyaku::server::{Methods, Replies, Requests, Service};
use hikyaku::{Request, Response, Status};
use hikyaku_testkit::Live;

use super::Plain;

/// The methods of the service `test.Calls`, each added by a test. Messages are numbers, but for those
/// in bytes.
pub(crate) struct Calls {
    name: &'static str,
    add: Vec<Add>,
}

type Add = Box<dyn FnOnce(&mut Methods) + Send>;

impl Calls {
    pub(crate) fn new() -> Self {
        Self::named("test.Calls")
    }

    pub(crate) fn named(name: &'static str) -> Self {
        Self {
            name,
            add: Vec::new(),
        }
    }

    /// `Square`, `Later` (a square that takes a while), `Count`, `Sum` and `Sums` (running sums);
    /// each handler is counted while it lives.
    pub(crate) fn four_kinds(live: &Live) -> Self {
        let live = [(); 5].map(|()| live.clone());
        let [square, later, count, sum, sums] = live;
        Self::new()
            .unary("/test.Calls/Square", move |request| {
                let guard = square.guard();
                async move {
                    let _guard = guard;
                    Ok((request.message() * request.message()).into())
                }
            })
            .unary("/test.Calls/Later", move |request| {
                let guard = later.guard();
                async move {
                    let _guard = guard;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Ok((request.message() * request.message()).into())
                }
            })
            .server_streaming("/test.Calls/Count", move |request, mut replies| {
                let guard = count.guard();
                async move {
                    let _guard = guard;
                    for number in 1..=*request.message() {
                        replies.send(number).await?;
                    }
                    Ok(())
                }
            })
            .client_streaming("/test.Calls/Sum", move |mut requests| {
                let guard = sum.guard();
                async move {
                    let _guard = guard;
                    let mut sum = 0;
                    while let Some(number) = requests.next().await? {
                        sum += number;
                    }
                    Ok(sum.into())
                }
            })
            .bidi("/test.Calls/Sums", move |mut requests, mut replies| {
                let guard = sums.guard();
                async move {
                    let _guard = guard;
                    let mut sum = 0;
                    while let Some(number) = requests.next().await? {
                        sum += number;
                        replies.send(sum).await?;
                    }
                    Ok(())
                }
            })
    }

    fn with(mut self, add: impl FnOnce(&mut Methods) + Send + 'static) -> Self {
        self.add.push(Box::new(add));
        self
    }

    pub(crate) fn unary<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Request<u64>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<u64>, Status>> + Send + 'static,
    {
        self.with(move |methods| methods.unary::<Plain, _, _, _, _>(path, handler))
    }

    pub(crate) fn unary_bytes<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Bytes>, Status>> + Send + 'static,
    {
        self.with(move |methods| methods.unary::<Plain, _, _, _, _>(path, handler))
    }

    pub(crate) fn bidi_bytes<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Requests<Bytes>, Replies<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.with(move |methods| methods.bidi_streaming::<Plain, Bytes, Bytes, _, _>(path, handler))
    }

    pub(crate) fn server_streaming<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Request<u64>, Replies<u64>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.with(move |methods| methods.server_streaming::<Plain, _, _, _, _>(path, handler))
    }

    pub(crate) fn client_streaming<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Requests<u64>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<u64>, Status>> + Send + 'static,
    {
        self.with(move |methods| methods.client_streaming::<Plain, _, _, _, _>(path, handler))
    }

    /// Numbers in, bytes out.
    pub(crate) fn server_streaming_bytes<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Request<u64>, Replies<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.with(move |methods| methods.server_streaming::<Plain, _, _, _, _>(path, handler))
    }

    /// Bytes in, a number out.
    pub(crate) fn client_streaming_bytes<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Requests<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<u64>, Status>> + Send + 'static,
    {
        self.with(move |methods| methods.client_streaming::<Plain, _, _, _, _>(path, handler))
    }

    pub(crate) fn bidi<H, F>(self, path: &'static str, handler: H) -> Self
    where
        H: Fn(Requests<u64>, Replies<u64>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.with(move |methods| methods.bidi_streaming::<Plain, _, _, _, _>(path, handler))
    }
}

impl Service for Calls {
    fn name(&self) -> &'static str {
        self.name
    }

    fn register(self, methods: &mut Methods) {
        for add in self.add {
            add(methods);
        }
    }
}
