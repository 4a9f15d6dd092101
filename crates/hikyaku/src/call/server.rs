//! A server's reading of a request head and its wording of a response, as pure functions.

use std::time::Duration;

use hikyaku_http2::{ErrorCode, Field, FieldList, Headers, StreamError, StreamId, Violation};

use super::timeout;
use crate::{Code, Metadata, Origin, Status};

/// What the headers of a request say about the call, beside its route and its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    /// From `grpc-timeout`; `None` is infinite.
    pub(crate) timeout: Option<Duration>,
}

/// Why a request cannot become a call.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It is not gRPC at all: answered in HTTP's words, with this `:status`.
    Http(u16),
    /// It is gRPC, and ends with this status.
    Grpc(Status),
}

/// Reads the head of a request.
///
/// # Errors
/// - [`Refusal::Http`] 405 for a method other than POST, 415 for another content type.
/// - [`Refusal::Grpc`] INTERNAL for a malformed `grpc-timeout`, which is never taken for infinite;
///   UNIMPLEMENTED for a message encoding we do not have.
///
/// Spec: PROTOCOL-HTTP2.md, Requests.
pub(crate) fn read_request(headers: &Headers) -> Result<RequestHead, Refusal> {
    if headers.method() != Some("POST") {
        return Err(Refusal::Http(405));
    }
    let mut content_type = None;
    let mut timeout = None;
    for (name, value) in headers.fields() {
        match name {
            "content-type" => content_type = Some(value),
            "grpc-timeout" => timeout = Some(read_timeout(value)?),
            "grpc-encoding" if value != b"identity" => return Err(unknown_encoding(value)),
            _ => {}
        }
    }
    if !content_type.is_some_and(is_grpc) {
        return Err(Refusal::Http(415));
    }
    Ok(RequestHead { timeout })
}

/// The status of a call that is over because the client reset it, or broke a rule of HTTP/2.
pub(crate) fn reset(id: StreamId, code: ErrorCode, broken: Option<Violation>) -> Status {
    match broken {
        None => Status::cancelled(format!("the client reset the call with {code}"))
            .with_origin(Origin::Peer),
        Some(what) => Status::cancelled(format!(
            "the client broke the protocol on this call: {code}: {what}"
        ))
        .with_origin(Origin::Transport)
        .with_source(StreamError { id, code, what }),
    }
}

fn read_timeout(value: &[u8]) -> Result<Duration, Refusal> {
    timeout::decode(value)
        .map_err(|bad| Refusal::Grpc(Status::internal(format!("bad grpc-timeout: {bad}"))))
}

fn unknown_encoding(value: &[u8]) -> Refusal {
    let coding = String::from_utf8_lossy(value);
    let mut status = Status::unimplemented(format!(
        "message encoding {coding:?} is not supported; supported: identity"
    ));
    status.set_accept_encoding("identity");
    Refusal::Grpc(status)
}

/// Whether a content type is gRPC's with protobuf messages: `application/grpc`,
/// `application/grpc+proto`, either with parameters.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default();
    matches!(
        essence.trim_ascii_end(),
        b"application/grpc" | b"application/grpc+proto"
    )
}

const CONTENT_TYPE: Field<'static> = Field::indexed(b"content-type", b"application/grpc");
const GRPC_STATUS_OK: Field<'static> = Field::indexed(b"grpc-status", b"0");

/// The words that nearly every response begins and ends with, made once, so that a connection
/// encodes them once.
#[derive(Debug)]
pub(crate) struct Phrases {
    /// What opens every response; metadata may follow.
    pub(crate) head: FieldList,
    /// What ends a good response that has no trailing metadata.
    pub(crate) ok: FieldList,
}

impl Phrases {
    pub(crate) fn new() -> Self {
        let head = [Field::indexed(b":status", b"200"), CONTENT_TYPE];
        Self {
            head: head.into_iter().collect(),
            ok: std::iter::once(GRPC_STATUS_OK).collect(),
        }
    }
}

/// The fields that end a successful response.
pub(crate) fn ok_trailers(metadata: &Metadata) -> impl Iterator<Item = Field<'_>> {
    std::iter::once(GRPC_STATUS_OK).chain(metadata.fields())
}

/// The `:status` of an answer to something that is not gRPC.
pub(crate) fn http_refusal(status: u16) -> [u8; 3] {
    match status {
        405 => *b"405",
        _ => *b"415",
    }
}

/// The status of a call to a path no service has.
///
/// Spec: statuscodes.md; the path is quoted so that a wrong package is seen at once.
pub(crate) fn unknown_method(path: &str, knows_service: bool) -> Status {
    let what = if knows_service { "method" } else { "service" };
    let name = path.trim_start_matches('/');
    let name = if knows_service {
        name
    } else {
        name.split('/').next().unwrap_or(name)
    };
    Status::new(Code::Unimplemented, format!("unknown {what} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpc_with_protobuf_is_taken() {
        let table: [(&str, bool); 9] = [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc+proto ; x=y", true),
            ("application/grpc+json", false),
            ("application/grpc-web", false),
            ("application/grpcx", false),
            ("application/json", false),
            ("", false),
        ];
        for (content_type, want) in table {
            assert_eq!(is_grpc(content_type.as_bytes()), want, "{content_type:?}");
        }
    }

    #[test]
    fn an_unknown_path_says_whether_service_or_method_is_unknown() {
        let message = |path, known| unknown_method(path, known).message().to_owned();
        assert_eq!(message("/a.B/C", false), "unknown service a.B");
        assert_eq!(message("/a.B/C", true), "unknown method a.B/C");
        assert_eq!(message("nonsense", false), "unknown service nonsense");
    }
}
