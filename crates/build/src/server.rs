//! The server's half of a service: the trait to implement and the `…Server` that serves it.

use crate::service::{Kind, Method, Service};

/// The trait and its server as Rust source.
pub(crate) fn generate(service: &Service) -> String {
    let Service {
        name,
        full_name,
        docs,
        deprecated,
        generic,
        methods,
        ..
    } = service;
    let signatures: String = methods.iter().map(signature).collect();
    let registrations: String = methods
        .iter()
        .map(|method| registration(service, method))
        .collect();
    format!(
        r#"
{docs}pub trait {name}: ::core::marker::Send + ::core::marker::Sync + 'static {{
    {signatures}
}}

/// Serves a [`{name}`]: add it to a `hikyaku::Server`.
{deprecated}pub struct {name}Server<{generic}> {{
    service: ::std::sync::Arc<{generic}>,
}}

impl<{generic}: {name}> {name}Server<{generic}> {{
    /// The service's name on the wire.
    pub const NAME: &'static str = {full_name:?};

    /// Serves `service`.
    pub fn new(service: {generic}) -> Self {{
        Self::from_arc(::std::sync::Arc::new(service))
    }}

    /// Serves a `service` that is also used elsewhere.
    pub fn from_arc(service: ::std::sync::Arc<{generic}>) -> Self {{
        Self {{ service }}
    }}
}}

impl<{generic}> ::core::clone::Clone for {name}Server<{generic}> {{
    fn clone(&self) -> Self {{
        Self {{ service: ::std::sync::Arc::clone(&self.service) }}
    }}
}}

impl<{generic}> ::core::fmt::Debug for {name}Server<{generic}> {{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{
        f.debug_struct("{name}Server").finish_non_exhaustive()
    }}
}}

impl<{generic}: {name}> ::hikyaku::server::Service for {name}Server<{generic}> {{
    fn name(&self) -> &'static str {{
        Self::NAME
    }}

    fn descriptor_set(&self) -> &'static [u8] {{
        FILE_DESCRIPTOR_SET
    }}

    fn register(self, methods: &mut ::hikyaku::server::Methods) {{
        {registrations}
    }}
}}
"#
    )
}

fn signature(method: &Method) -> String {
    let Method {
        name,
        docs,
        received,
        reply,
        kind,
        ..
    } = method;
    let arguments = match kind {
        Kind::Unary => format!("request: ::hikyaku::Request<{received}>"),
        Kind::ServerStreaming => format!(
            "request: ::hikyaku::Request<{received}>, replies: ::hikyaku::server::Replies<{reply}>"
        ),
        Kind::ClientStreaming => format!("requests: ::hikyaku::server::Requests<{received}>"),
        Kind::BidiStreaming => format!(
            "requests: ::hikyaku::server::Requests<{received}>, \
             replies: ::hikyaku::server::Replies<{reply}>"
        ),
    };
    let output = match kind {
        Kind::Unary | Kind::ClientStreaming => format!("::hikyaku::Response<{reply}>"),
        // What a streaming method has to say goes into `replies`.
        Kind::ServerStreaming | Kind::BidiStreaming => "()".to_owned(),
    };
    format!(
        "{docs}fn {name}(&self, {arguments}) -> impl ::core::future::Future<\
         Output = ::core::result::Result<{output}, ::hikyaku::Status>> + ::core::marker::Send;\n"
    )
}

fn registration(service: &Service, method: &Method) -> String {
    let Service {
        name: service,
        generic,
        codec,
        ..
    } = service;
    let Method {
        name, path, kind, ..
    } = method;
    let call = kind.call();
    let arguments = match kind {
        Kind::Unary => "request",
        Kind::ServerStreaming => "request, replies",
        Kind::ClientStreaming => "requests",
        Kind::BidiStreaming => "requests, replies",
    };
    // The trait is named in the call: an rpc may be called like a method of `Arc`.
    if *kind == Kind::Unary {
        return format!(
            r#"
methods.unary_of::<{codec}, _, _, _, _, _>({path:?}, &self.service, |service, request| async move {{
    let answer = <{generic} as {service}>::{name}(&service, request).await;
    (service, answer)
}});
"#
        );
    }
    format!(
        r#"
let service = ::std::sync::Arc::clone(&self.service);
methods.{call}::<{codec}, _, _, _, _>({path:?}, move |{arguments}| {{
    let service = ::std::sync::Arc::clone(&service);
    async move {{ <{generic} as {service}>::{name}(&service, {arguments}).await }}
}});
"#
    )
}
