//! A service made of closures.

use bytes::Bytes;
use hikyaku::server::{Methods, Replies, Requests, Service};
use hikyaku::{Request, Response, Status};

use super::Plain;

/// The methods of the service `test.Calls`, each added by a test. Messages are numbers, but for
/// [`Calls::unary_bytes`].
pub(crate) struct Calls {
    name: &'static str,
    add: Vec<Box<dyn FnOnce(&mut Methods) + Send>>,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self::named("test.Calls")
    }

    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, add: Vec::new() }
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
