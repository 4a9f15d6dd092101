//! A server's reading of a request head and its wording of a response, as pure functions.

use std::time::Duration;

use hikyaku_http2::{ErrorCode, Field, FieldList, Headers, StreamError, StreamId, Violation};

use super::content_type::{self, Content};
use super::timeout;
use crate::codec::Format;
use crate::compression::{Accepted, CodingIndex, Registry};
use crate::{Code, Metadata, Origin, Status};

/// What the headers of a request say about the call, beside its route and its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    /// From `grpc-timeout`; `None` is infinite.
    pub(crate) timeout: Option<Duration>,
    pub(crate) terms: Terms,
}

/// What the messages of a call are like, by the words of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Of requests and answers.
    pub(crate) format: Format,
    /// What compressed requests are in.
    pub(crate) coding: Option<CodingIndex>,
    /// What compressed answers may be in.
    pub(crate) accepted: Accepted,
}

/// Why a request cannot become a call.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It is not gRPC at all: answered in HTTP's words, with this `:status`.
    Http(u16),
    /// It is gRPC in this format, and ends with this status.
    Grpc(Format, Status),
}

/// Reads the head of a request.
///
/// # Errors
/// - [`Refusal::Http`] 405 for a method other than POST, 415 for another content type.
/// - [`Refusal::Grpc`] INTERNAL for a malformed `grpc-timeout`, which is never taken for infinite;
///   UNIMPLEMENTED for a message encoding we do not have.
///
/// Spec: PROTOCOL-HTTP2.md, Requests; compression.md.
pub(crate) fn read_request(headers: &Headers, codings: &Registry) -> Result<RequestHead, Refusal> {
    if headers.method() != Some("POST") {
        return Err(Refusal::Http(405));
    }
    let Some(Content::Grpc(format)) = headers.get("content-type").map(content_type::read) else {
        return Err(Refusal::Http(415));
    };
    let mut terms = Terms {
        format,
        ..Terms::default()
    };
    let mut timeout = None;
    let refuse = |status| Refusal::Grpc(format, status);
    for (name, value) in headers.fields() {
        match name {
            "grpc-timeout" => timeout = Some(read_timeout(value).map_err(refuse)?),
            "grpc-encoding" => terms.coding = read_encoding(value, codings).map_err(refuse)?,
            "grpc-accept-encoding" => terms.accepted.add(codings.accepted(value)),
            _ => {}
        }
    }
    Ok(RequestHead { timeout, terms })
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

fn read_timeout(value: &[u8]) -> Result<Duration, Status> {
    timeout::decode(value).map_err(|bad| Status::internal(format!("bad grpc-timeout: {bad}")))
}

fn read_encoding(value: &[u8], codings: &Registry) -> Result<Option<CodingIndex>, Status> {
    if value == b"identity" {
        return Ok(None);
    }
    codings.find(value).map(Some).ok_or_else(|| {
        let coding = String::from_utf8_lossy(value);
        let known = codings.known();
        let mut status = Status::unimplemented(format!(
            "message encoding {coding:?} is not supported; supported: {known}"
        ));
        if codings.names().is_empty() {
            // Every other answer says what there is, or nothing.
            status.set_accept_encoding("identity");
        }
        status
    })
}

const GRPC_STATUS_OK: Field<'static> = Field::indexed(b"grpc-status", b"0");

/// The words that nearly every response in one format begins and ends with, made once, so that a
/// connection encodes them once.
#[derive(Debug)]
pub(crate) struct Phrases {
    /// What opens a response without compression; metadata may follow.
    pub(crate) head: FieldList,
    /// What opens a response in each of the server's codings.
    coded_heads: Vec<FieldList>,
    /// What ends a good response that has no trailing metadata.
    pub(crate) ok: FieldList,
}

impl Phrases {
    fn new(format: Format, codings: &Registry, ok: FieldList) -> Self {
        let head = |coding: Option<&str>| {
            let opening = [
                Field::indexed(b":status", b"200"),
                Field::indexed(b"content-type", content_type::of(format).as_bytes()),
            ];
            let coding = coding.map(|name| Field::indexed(b"grpc-encoding", name.as_bytes()));
            let accept = Some(codings.names()).filter(|names| !names.is_empty());
            let accept =
                accept.map(|names| Field::indexed(b"grpc-accept-encoding", names.as_bytes()));
            opening.into_iter().chain(coding).chain(accept).collect()
        };
        Self {
            head: head(None),
            coded_heads: codings.iter().map(|(_, name)| head(Some(name))).collect(),
            ok,
        }
    }

    /// What opens a response in this coding.
    pub(crate) fn head_in(&self, coding: Option<CodingIndex>) -> &FieldList {
        let coded = coding.and_then(|coding| self.coded_heads.get(coding.position()));
        coded.unwrap_or(&self.head)
    }
}

/// The phrases in each format.
#[derive(Debug)]
pub(crate) struct Phrasebook {
    protobuf: Phrases,
    json: Phrases,
}

impl Phrasebook {
    pub(crate) fn new(codings: &Registry) -> Self {
        let ok: FieldList = std::iter::once(GRPC_STATUS_OK).collect();
        Self {
            protobuf: Phrases::new(Format::Protobuf, codings, ok.clone()),
            json: Phrases::new(Format::Json, codings, ok),
        }
    }

    #[inline]
    pub(crate) fn of(&self, format: Format) -> &Phrases {
        match format {
            Format::Protobuf => &self.protobuf,
            Format::Json => &self.json,
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
    fn an_unknown_path_says_whether_service_or_method_is_unknown() {
        let message = |path, known| unknown_method(path, known).message().to_owned();
        assert_eq!(message("/a.B/C", false), "unknown service a.B");
        assert_eq!(message("/a.B/C", true), "unknown method a.B/C");
        assert_eq!(message("nonsense", false), "unknown service nonsense");
    }
}
