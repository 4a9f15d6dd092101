//! The methods of a service, each with its kind and its handler.

use std::sync::Arc;

use super::catalog::Catalog;
use super::replies::Replies;
use super::requests::Requests;
use super::runner::{BidiRunner, ClientStreamRunner, Runner, ServerStreamRunner, UnaryRunner};
use crate::codec::{Codec, Format};
use crate::{Request, Response, Status};

/// Collects the methods of one [`Service`](super::Service).
///
/// Each method takes a closure from the request to the future of the answer; the closure is called
/// once a call, from many threads at once. See [`Service`](super::Service) for an example.
pub struct Methods {
    entries: Vec<(&'static str, Arc<dyn Method>)>,
    catalog: Arc<Catalog>,
}

/// One method, from which each connection makes a runner of its own.
pub(crate) trait Method: Send + Sync {
    fn runner(&self) -> Box<dyn Runner>;
    fn shape(&self) -> Shape;
    /// Whether its messages can be in this format.
    fn speaks(&self, format: Format) -> bool;
}

/// The four kinds of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Unary,
    ServerStreaming,
    ClientStreaming,
    BidiStreaming,
}

impl Shape {
    /// Whether the handler reads a stream of requests, and so starts before they are all there.
    pub(crate) fn takes_stream(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::BidiStreaming)
    }

    /// Whether the handler writes a stream of replies.
    pub(crate) fn answers_stream(self) -> bool {
        matches!(self, Self::ServerStreaming | Self::BidiStreaming)
    }
}

impl Methods {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self {
            entries: Vec::new(),
            catalog,
        }
    }

    /// What the server will serve, once it does.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    pub(crate) fn into_entries(self) -> Vec<(&'static str, Arc<dyn Method>)> {
        self.entries
    }

    /// Adds a method with one request and one response, at `path` (`/package.Service/Method`).
    pub fn unary<C, Req, Resp, H, F>(&mut self, path: &'static str, handler: H)
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
        H: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Resp>, Status>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.add::<C, Req, Resp, _>(path, Shape::Unary, move || {
            Box::new(UnaryRunner::<C, Req, Resp, H, F>::new(Arc::clone(&handler)))
        });
    }

    /// Adds a method with one request and a stream of responses.
    pub fn server_streaming<C, Req, Resp, H, F>(&mut self, path: &'static str, handler: H)
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
        H: Fn(Request<Req>, Replies<Resp>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.add::<C, Req, Resp, _>(path, Shape::ServerStreaming, move || {
            Box::new(ServerStreamRunner::<C, Req, Resp, H, F>::new(Arc::clone(
                &handler,
            )))
        });
    }

    /// Adds a method with a stream of requests and one response.
    pub fn client_streaming<C, Req, Resp, H, F>(&mut self, path: &'static str, handler: H)
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
        H: Fn(Requests<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Resp>, Status>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.add::<C, Req, Resp, _>(path, Shape::ClientStreaming, move || {
            Box::new(ClientStreamRunner::<C, Req, Resp, H, F>::new(Arc::clone(
                &handler,
            )))
        });
    }

    /// Adds a method with a stream in each direction.
    pub fn bidi_streaming<C, Req, Resp, H, F>(&mut self, path: &'static str, handler: H)
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
        H: Fn(Requests<Req>, Replies<Resp>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.add::<C, Req, Resp, _>(path, Shape::BidiStreaming, move || {
            Box::new(BidiRunner::<C, Req, Resp, H, F>::new(Arc::clone(&handler)))
        });
    }

    fn add<C, Req, Resp, M>(&mut self, path: &'static str, shape: Shape, make: M)
    where
        C: Codec<Req> + Codec<Resp>,
        M: Fn() -> Box<dyn Runner> + Send + Sync + 'static,
    {
        let has_json = <C as Codec<Req>>::JSON.is_some() && <C as Codec<Resp>>::JSON.is_some();
        let entry = Entry {
            shape,
            has_json,
            make,
        };
        self.entries.push((path, Arc::new(entry)));
    }
}

struct Entry<M> {
    shape: Shape,
    has_json: bool,
    make: M,
}

impl<M: Fn() -> Box<dyn Runner> + Send + Sync> Method for Entry<M> {
    fn runner(&self) -> Box<dyn Runner> {
        (self.make)()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn speaks(&self, format: Format) -> bool {
        match format {
            Format::Protobuf => true,
            Format::Json => self.has_json,
        }
    }
}
