//! The blocking client of a service.

use crate::service::{Kind, Method, Service};

/// `…BlockingClient` as Rust source.
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
/// Calls `{full_name}` from code that is not async; a stream of replies is an iterator.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
{deprecated}pub struct {name}BlockingClient {{
    channel: ::hikyaku::blocking::Channel,
}}

impl {name}BlockingClient {{
    /// Calls over `channel`; a clone of a channel shares its connections.
    pub fn new(channel: ::hikyaku::blocking::Channel) -> Self {{
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
    let output = match kind {
        Kind::Unary | Kind::ClientStreaming => format!("::hikyaku::Response<{reply}>"),
        Kind::ServerStreaming | Kind::BidiStreaming => {
            format!("::hikyaku::blocking::Replies<{reply}>")
        }
    };
    let (argument, bound, value) = match kind {
        Kind::Unary | Kind::ServerStreaming => (
            "request",
            format!("::core::convert::Into<::hikyaku::Request<{request}>>"),
            "::core::convert::Into::into(request)",
        ),
        Kind::ClientStreaming => (
            "requests",
            format!("::hikyaku::blocking::IntoRequests<{request}>"),
            "requests",
        ),
        // These are taken from the iterator on another thread.
        Kind::BidiStreaming => (
            "requests",
            format!(
                "::hikyaku::blocking::IntoRequests<{request}, \
                 Requests: ::core::marker::Send + 'static>"
            ),
            "requests",
        ),
    };
    format!(
        r#"
{docs}pub fn {name}(
    &self,
    {argument}: impl {bound},
) -> ::core::result::Result<{output}, ::hikyaku::Status> {{
    self.channel.{call}::<{codec}, _, _>({path:?}, {value})
}}
"#
    )
}
