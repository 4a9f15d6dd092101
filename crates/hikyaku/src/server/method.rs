//! The methods of a service, each with its kind and its handler.

use std::mem;
use std::sync::Arc;

use super::catalog::Catalog;
use super::intercepted;
use super::replies::Replies;
use super::requests::Requests;
use super::runner::{BidiRunner, ClientStreamRunner, Runner, ServerStreamRunner, UnaryRunner};
use crate::codec::{Codec, Format};
use crate::intercept::{Chain, Kind};
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
    /// A runner of the handler with these interceptors around it; without any it is the handler's
    /// own.
    fn runner(&self, chain: &Chain) -> Box<dyn Runner>;
    fn kind(&self) -> Kind;
    /// Whether its messages can be in this format.
    fn speaks(&self, format: Format) -> bool;
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
    ///
    /// What all calls share is best given to [`Methods::unary_of`].
    pub fn unary<C, Req, Resp, H, F>(&mut self, path: &'static str, handler: H)
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
        H: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Resp>, Status>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.unary_of::<C, _, _, _, _, _>(path, &handler, |handler, request| {
            let answer = handler(request);
            async move { (handler, answer.await) }
        });
    }

    /// The same for a handler that takes a reference to its service with each call, and returns it
    /// with the answer: a connection uses one of them for all its calls that are ready at once. To
    /// count references for each call would cost as much as much of the rest of it.
    ///
    /// # Example
    /// ```
    /// # use hikyaku::codec::Protobuf;
    /// # use hikyaku::server::{Methods, Service};
    /// use std::sync::Arc;
    /// use hikyaku::{Request, Response};
    /// # use buffa_types::google::protobuf::Empty;
    ///
    /// struct Counter { /* what its calls share */ }
    /// impl Service for Counter {
    ///     fn name(&self) -> &'static str { "Counter" }
    ///     fn register(self, methods: &mut Methods) {
    ///         let counter = Arc::new(self);
    ///         methods.unary_of::<Protobuf, _, _, _, _, _>(
    ///             "/Counter/Touch",
    ///             &counter,
    ///             |counter, _: Request<Empty>| async move {
    ///                 // What it does with the counter goes here.
    ///                 (counter, Ok(Response::new(Empty::default())))
    ///             },
    ///         );
    ///     }
    /// }
    /// ```
    pub fn unary_of<C, T, Req, Resp, H, F>(
        &mut self,
        path: &'static str,
        service: &Arc<T>,
        handler: H,
    ) where
        C: Codec<Req> + Codec<Resp>,
        T: Send + Sync + 'static,
        Req: Send + 'static,
        Resp: Send + 'static,
        H: Fn(Arc<T>, Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = (Arc<T>, Result<Response<Resp>, Status>)> + Send + 'static,
    {
        let (service, handler) = (Arc::clone(service), Arc::new(handler));
        self.add::<C, Req, Resp, _>(path, Kind::Unary, move |chain| {
            let (service, handler) = (Arc::clone(&service), Arc::clone(&handler));
            if chain.is_empty() {
                return Box::new(UnaryRunner::<C, Req, Resp, T, H, F>::new(service, handler));
            }
            let handler = intercepted::unary(path, chain.clone(), service, handler);
            let handler = Arc::new(handler);
            let runner = UnaryRunner::<C, Req, Resp, _, _, _>::new(Arc::new(()), handler);
            Box::new(runner)
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
        self.add::<C, Req, Resp, _>(path, Kind::ServerStreaming, move |chain| {
            let handler = Arc::clone(&handler);
            if chain.is_empty() {
                return Box::new(ServerStreamRunner::<C, Req, Resp, H, F>::new(handler));
            }
            let handler = intercepted::server_streaming(path, chain.clone(), handler);
            Box::new(ServerStreamRunner::<C, Req, Resp, _, _>::new(Arc::new(
                handler,
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
        self.add::<C, Req, Resp, _>(path, Kind::ClientStreaming, move |chain| {
            let handler = Arc::clone(&handler);
            if chain.is_empty() {
                return Box::new(ClientStreamRunner::<C, Req, Resp, H, F>::new(handler));
            }
            let handler = intercepted::client_streaming(path, chain.clone(), handler);
            Box::new(ClientStreamRunner::<C, Req, Resp, _, _>::new(Arc::new(
                handler,
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
        self.add::<C, Req, Resp, _>(path, Kind::BidiStreaming, move |chain| {
            let handler = Arc::clone(&handler);
            if chain.is_empty() {
                return Box::new(BidiRunner::<C, Req, Resp, H, F>::new(handler));
            }
            let handler = intercepted::bidi_streaming(path, chain.clone(), handler);
            Box::new(BidiRunner::<C, Req, Resp, _, _>::new(Arc::new(handler)))
        });
    }

    /// Puts interceptors around all methods that `register` adds.
    pub(super) fn intercepted(&mut self, chain: &Chain, register: impl FnOnce(&mut Self)) {
        let outside = mem::take(&mut self.entries);
        register(self);
        let inside = mem::replace(&mut self.entries, outside);
        self.entries
            .extend(inside.into_iter().map(|(path, method)| {
                let chain = chain.clone();
                (
                    path,
                    Arc::new(Surrounded { chain, method }) as Arc<dyn Method>,
                )
            }));
    }

    fn add<C, Req, Resp, M>(&mut self, path: &'static str, kind: Kind, make: M)
    where
        C: Codec<Req> + Codec<Resp>,
        M: Fn(&Chain) -> Box<dyn Runner> + Send + Sync + 'static,
    {
        let has_json = <C as Codec<Req>>::JSON.is_some() && <C as Codec<Resp>>::JSON.is_some();
        let entry = Entry {
            kind,
            has_json,
            make,
        };
        self.entries.push((path, Arc::new(entry)));
    }
}

struct Entry<M> {
    kind: Kind,
    has_json: bool,
    make: M,
}

impl<M: Fn(&Chain) -> Box<dyn Runner> + Send + Sync> Method for Entry<M> {
    fn runner(&self, chain: &Chain) -> Box<dyn Runner> {
        (self.make)(chain)
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn speaks(&self, format: Format) -> bool {
        match format {
            Format::Protobuf => true,
            Format::Json => self.has_json,
        }
    }
}

/// A method with interceptors of its service around it.
struct Surrounded {
    chain: Chain,
    method: Arc<dyn Method>,
}

impl Method for Surrounded {
    fn runner(&self, outer: &Chain) -> Box<dyn Runner> {
        self.method.runner(&outer.then(&self.chain))
    }

    fn kind(&self) -> Kind {
        self.method.kind()
    }

    fn speaks(&self, format: Format) -> bool {
        self.method.speaks(format)
    }
}

#[cfg(test)]
mod tests {
    use buffa_types::google::protobuf::Empty;

    use super::*;
    use crate::codec::Protobuf;
    use crate::intercept::{Call, Next};

    #[test]
    fn without_interceptors_a_handler_has_a_runner_of_its_own() {
        let mut methods = Methods::new(Arc::default());
        methods
            .unary::<Protobuf, Empty, Empty, _, _>("/S/U", async |_| Ok(Empty::default().into()));
        methods.server_streaming::<Protobuf, Empty, Empty, _, _>("/S/S", async |_, _| Ok(()));
        methods.client_streaming::<Protobuf, Empty, Empty, _, _>("/S/C", async |_| {
            Ok(Empty::default().into())
        });
        methods.bidi_streaming::<Protobuf, Empty, Empty, _, _>("/S/B", async |_, _| Ok(()));
        let some = Chain::default().with(|call: Call, next: Next| next.run(call));
        for (path, method) in methods.into_entries() {
            let is_intercepted = |chain: &Chain| {
                let name = method.runner(chain).type_name();
                name.contains("server::intercepted::")
            };
            assert!(!is_intercepted(&Chain::default()), "{path}");
            assert!(is_intercepted(&some), "{path}");
        }
    }
}
