//! The asynchronous client of a service.

use crate::service::{Kind, Method, Service};

/// `…Client` as Rust source.
pub(crate) fn generate(service: &Service) -> String {
    let Service {
        name,
        full_name,
        deprecated,
        codec,
        methods,
        ..
    } = service;
    let methods: String = methods.iter().map(|one| method(one, codec)).collect();
    format!(
        r#"
/// Calls `{full_name}` asynchronously.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
{deprecated}pub struct {name}Client {{
    channel: ::hikyaku::Channel,
}}

impl {name}Client {{
    /// Calls over `channel`; a clone of a channel shares its connections.
    pub fn new(channel: ::hikyaku::Channel) -> Self {{
        Self {{ channel }}
    }}

    {methods}
}}
"#
    )
}

fn method(method: &Method, codec: &str) -> String {
    let Method {
        name,
        path,
        docs,
        request,
        reply,
        kind,
        ..
    } = method;
    let call = kind.call();
    let sent = match kind {
        Kind::Unary | Kind::ServerStreaming => request.as_str(),
        // The messages follow one by one; the request carries metadata and deadline.
        Kind::ClientStreaming | Kind::BidiStreaming => "()",
    };
    let output = match kind {
        Kind::Unary => format!("::hikyaku::Response<{reply}>"),
        Kind::ServerStreaming => format!("::hikyaku::client::Streaming<{reply}>"),
        Kind::ClientStreaming => format!("::hikyaku::client::ClientStreaming<{request}, {reply}>"),
        Kind::BidiStreaming => {
            format!("(::hikyaku::client::Sender<{request}>, ::hikyaku::client::Streaming<{reply}>)")
        }
    };
    format!(
        r#"
{docs}pub async fn {name}(
    &self,
    request: impl ::core::convert::Into<::hikyaku::Request<{sent}>>,
) -> ::core::result::Result<{output}, ::hikyaku::Status> {{
    let request = ::core::convert::Into::into(request);
    self.channel.{call}::<{codec}, _, _>({path:?}, request).await
}}
"#
    )
}
