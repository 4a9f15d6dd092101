//! From a path to the method that answers it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::catalog::Catalog;
use super::method::{Method, Methods};
use crate::Status;
use crate::call::server::unknown_method;
use crate::intercept::{Chain, Interceptor};

/// A set of methods under one name, as generated code provides it.
///
/// # Example
/// ```
/// use bytes::{Bytes, BytesMut};
/// use hikyaku::codec::{Codec, CodecError};
/// use hikyaku::server::{Methods, Service};
/// use hikyaku::{Request, Response};
///
/// struct Raw; // a codec for bytes, for services without a .proto
/// impl Codec<Bytes> for Raw {
///     fn encode(message: &Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
///         out.extend_from_slice(message);
///         Ok(())
///     }
///     fn decode(bytes: Bytes) -> Result<Bytes, CodecError> { Ok(bytes) }
/// }
///
/// struct Echo;
/// impl Service for Echo {
///     fn name(&self) -> &'static str { "Echo" }
///     fn register(self, methods: &mut Methods) {
///         methods.unary::<Raw, Bytes, Bytes, _, _>("/Echo/Same", |request: Request<Bytes>| async {
///             Ok(Response::new(request.into_message()))
///         });
///     }
/// }
/// let server = hikyaku::Server::new().add(Echo);
/// ```
pub trait Service {
    /// The service's full name, package included: `helloworld.Greeter`.
    fn name(&self) -> &'static str;

    /// The service's `FileDescriptorSet`, encoded, imports included: what reflection shows. Empty
    /// for a service that has none.
    fn descriptor_set(&self) -> &'static [u8] {
        &[]
    }

    /// Adds the methods.
    fn register(self, methods: &mut Methods);
}

/// Every method of a server, by path.
#[derive(Default)]
pub(crate) struct Router {
    by_path: HashMap<&'static str, usize>,
    methods: Vec<Arc<dyn Method>>,
    /// Around every method.
    chain: Chain,
    services: BTreeMap<&'static str, &'static [u8]>,
    duplicate: Option<&'static str>,
    catalog: Arc<Catalog>,
}

impl Router {
    pub(crate) fn add(&mut self, service: impl Service) {
        let name = service.name();
        if self
            .services
            .insert(name, service.descriptor_set())
            .is_some()
        {
            self.duplicate.get_or_insert(name);
        }
        let mut methods = Methods::new(Arc::clone(&self.catalog));
        service.register(&mut methods);
        for (path, method) in methods.into_entries() {
            // A service may answer under further names, as reflection does under its old one.
            self.services.entry(service_name(path)).or_default();
            self.by_path.insert(path, self.methods.len());
            self.methods.push(method);
        }
    }

    /// Adds an interceptor, inside the others.
    pub(crate) fn intercept(&mut self, interceptor: impl Interceptor) {
        self.chain = self.chain.with(interceptor);
    }

    /// The interceptors of every method.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// A service that was added twice.
    pub(crate) fn duplicate(&self) -> Option<&'static str> {
        self.duplicate
    }

    /// The index of the method at a path.
    ///
    /// # Errors
    /// UNIMPLEMENTED, naming the service or the method that is not here.
    pub(crate) fn find(&self, path: &str) -> Result<usize, Status> {
        self.by_path
            .get(path)
            .copied()
            .ok_or_else(|| unknown_method(path, self.services.contains_key(service_name(path))))
    }

    pub(crate) fn method(&self, index: usize) -> Option<&dyn Method> {
        self.methods.get(index).map(|method| &**method)
    }

    pub(crate) fn method_count(&self) -> usize {
        self.methods.len()
    }

    pub(crate) fn services(&self) -> &BTreeMap<&'static str, &'static [u8]> {
        &self.services
    }

    /// The server takes no new calls any more.
    pub(crate) fn drain(&self) {
        self.catalog.drain();
    }

    /// All services are there: tells those that describe the others.
    pub(crate) fn complete(&self) {
        self.catalog.fill(self.services.clone());
    }
}

/// The service in `/service/method`.
fn service_name(path: &str) -> &str {
    path.trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default()
}
