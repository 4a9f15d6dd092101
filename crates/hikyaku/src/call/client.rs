//! A client's wording of a request and its reading of a response head, as pure functions.

use std::time::Duration;

use hikyaku_http2::{Body, Field, Headers};

use super::server::is_grpc;
use super::timeout::{self, TimeoutBuf};
use crate::{Code, Metadata, Origin, Status};

/// What a request says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
    pub(crate) path: &'static str,
    pub(crate) user_agent: &'a str,
    pub(crate) timeout: Option<Duration>,
    pub(crate) metadata: &'a Metadata,
}

impl<'a> RequestHead<'a> {
    /// The fields that are the same in every call of a method.
    pub(crate) fn opening(&self) -> impl Iterator<Item = Field<'a>> {
        self.reserved().into_iter().chain(self.definition())
    }

    /// The fields of the request in the order the specification wants: reserved names, then the
    /// timeout, then the other fields of the call, then custom metadata.
    pub(crate) fn fields(&self, buf: &'a mut TimeoutBuf) -> impl Iterator<Item = Field<'a>> {
        let timeout = self
            .timeout
            .map(|timeout| Field::literal(b"grpc-timeout", timeout::encode(timeout, buf)));
        self.reserved()
            .into_iter()
            .chain(timeout)
            .chain(self.definition())
            .chain(self.metadata.fields())
    }

    fn reserved(&self) -> [Field<'a>; 4] {
        [
            Field::indexed(b":method", b"POST"),
            Field::indexed(b":scheme", self.scheme.as_bytes()),
            Field::indexed(b":path", self.path.as_bytes()),
            Field::indexed(b":authority", self.authority.as_bytes()),
        ]
    }

    fn definition(&self) -> [Field<'a>; 3] {
        [
            Field::indexed(b"te", b"trailers"),
            Field::indexed(b"content-type", b"application/grpc"),
            Field::indexed(b"user-agent", self.user_agent.as_bytes()),
        ]
    }
}

/// How a call ended: with these trailers, or with this failure.
pub(crate) type Outcome = Result<Metadata, Status>;

/// What a block of response headers means.
#[derive(Clone, Debug)]
pub(crate) enum ResponseHead {
    /// A 1xx: something else follows.
    Informational,
    /// Messages follow.
    Messages,
    /// The call is over (Trailers-Only, or no gRPC answer at all).
    Ended(Outcome),
}

/// Reads the head of a response.
///
/// Spec: PROTOCOL-HTTP2.md, Responses; http-grpc-status-mapping.md.
pub(crate) fn read_response(headers: &Headers, body: Body) -> ResponseHead {
    let http_status = headers.status().unwrap_or(0);
    if (100..200).contains(&http_status) {
        return ResponseHead::Informational;
    }
    let content_type = headers.get("content-type");
    let is_ours = http_status == 200 && content_type.is_some_and(is_grpc);
    match body {
        Body::More if is_ours => match unsupported_encoding(headers) {
            Some(status) => ResponseHead::Ended(Err(status)),
            None => ResponseHead::Messages,
        },
        Body::Last => ResponseHead::Ended(
            outcome(headers).unwrap_or_else(|| Err(not_grpc(http_status, content_type))),
        ),
        Body::More => ResponseHead::Ended(Err(not_grpc(http_status, content_type))),
    }
}

/// Reads the trailers that end a response. Trailers without `grpc-status` are an answer that is
/// not gRPC's.
pub(crate) fn read_trailers(headers: &Headers) -> Outcome {
    outcome(headers).unwrap_or_else(|| Err(missing_status()))
}

fn outcome(headers: &Headers) -> Option<Outcome> {
    // The usual case, without making a status of it.
    if headers.get("grpc-status") == Some(b"0") {
        return Some(Ok(Metadata::received(headers.clone())));
    }
    Status::from_trailers(headers).map(Err)
}

/// The status of a response that ended without trailers.
pub(crate) fn missing_status() -> Status {
    Status::unknown("the server ended the call without a grpc-status").with_origin(Origin::Peer)
}

fn not_grpc(http_status: u16, content_type: Option<&[u8]>) -> Status {
    let code = Code::from_http_status(http_status);
    let content_type = content_type
        .map(String::from_utf8_lossy)
        .unwrap_or("none".into());
    Status::new(
        code,
        format!("the answer is not gRPC: HTTP status {http_status}, content-type {content_type}"),
    )
    .with_origin(Origin::Peer)
}

fn unsupported_encoding(headers: &Headers) -> Option<Status> {
    let coding = headers
        .get("grpc-encoding")
        .filter(|coding| *coding != b"identity")?;
    let coding = String::from_utf8_lossy(coding);
    Some(Status::internal(format!(
        "the server's message encoding {coding:?} is not supported; supported: identity"
    )))
}
