//! A client's wording of a request and its reading of a response head, as pure functions.

use std::time::Duration;

use hikyaku_http2::{Body, ErrorCode, Field, Headers, StreamError, StreamId, Violation};

use super::content_type::{self, Content};
use super::timeout::{self, TimeoutBuf};
use crate::codec::Format;
use crate::compression::{CodingIndex, Registry};
use crate::{Code, Metadata, Origin, Status};

/// What a request says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
    pub(crate) path: &'static str,
    pub(crate) user_agent: &'a str,
    /// Of requests and answers.
    pub(crate) format: Format,
    /// What the requests are compressed with.
    pub(crate) coding: Option<CodingIndex>,
    /// What the answers may be compressed with.
    pub(crate) codings: &'a Registry,
}

/// The field that tells a call's timeout, which is another one in each call. The first is put into the
/// header table nevertheless: those behind it refer to its name there.
pub(crate) fn timeout_field(
    timeout: Duration,
    buf: &mut TimeoutBuf,
    place: TimeoutPlace,
) -> Field<'_> {
    let (name, value) = (b"grpc-timeout", timeout::encode(timeout, buf));
    match place {
        TimeoutPlace::First => Field::indexed(name, value),
        TimeoutPlace::Later => Field::literal(name, value),
    }
}

/// Whether a timeout is the first on its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeoutPlace {
    #[default]
    First,
    Later,
}

/// The fields of a request come in the order the specification wants: reserved names, then the
/// timeout, then the other fields of the call, then custom metadata.
impl<'a> RequestHead<'a> {
    /// The reserved names.
    pub(crate) fn reserved(&self) -> [Field<'a>; 4] {
        [
            Field::indexed(b":method", b"POST"),
            Field::indexed(b":scheme", self.scheme.as_bytes()),
            Field::indexed(b":path", self.path.as_bytes()),
            Field::indexed(b":authority", self.authority.as_bytes()),
        ]
    }

    /// The other fields of the call.
    pub(crate) fn definition(&self) -> impl Iterator<Item = Field<'a>> {
        let coding = self.coding.and_then(|coding| self.codings.get(coding));
        let coding = coding.map_or("", |coding| coding.name());
        let content_type = content_type::of(self.format);
        [
            ("te", "trailers"),
            ("content-type", content_type),
            ("grpc-encoding", coding),
            ("grpc-accept-encoding", self.codings.names()),
            ("user-agent", self.user_agent),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| Field::indexed(name.as_bytes(), value.as_bytes()))
    }
}

/// How a call ended: with these trailers, or with this failure.
pub(crate) type Outcome = Result<Metadata, Status>;

/// What a block of response headers means.
#[derive(Clone, Debug)]
pub(crate) enum ResponseHead {
    /// A 1xx: something else follows.
    Informational,
    /// Messages follow, the compressed ones in this coding.
    Messages(Option<CodingIndex>),
    /// The call is over (Trailers-Only, or no gRPC answer at all).
    Ended(Outcome),
}

/// Reads the blocks that answers begin and end with. Those of repeated calls are the same allocations
/// ([`Headers::same`]), and the last good ones are known again.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    head: Option<(Headers, Option<CodingIndex>)>,
    trailers: Option<Headers>,
}

impl AnswerReader {
    /// As [`read_response`].
    pub(crate) fn read_head(
        &mut self,
        headers: &Headers,
        body: Body,
        format: Format,
        codings: &Registry,
    ) -> ResponseHead {
        if let Some((known, coding)) = &self.head
            && known.same(headers)
            && body == Body::More
        {
            return ResponseHead::Messages(*coding);
        }
        let head = read_response(headers, body, format, codings);
        if let ResponseHead::Messages(coding) = head {
            self.head = Some((headers.clone(), coding));
        }
        head
    }

    /// As [`read_trailers`].
    pub(crate) fn read_trailers(&mut self, headers: Headers) -> Outcome {
        let is_known = |known: &Headers| known.same(&headers);
        if self.trailers.as_ref().is_some_and(is_known) {
            return Ok(Metadata::received(headers));
        }
        let outcome = read_trailers(&headers);
        if outcome.is_ok() {
            self.trailers = Some(headers);
        }
        outcome
    }
}

/// Reads the head of a response to a request in this format.
///
/// Spec: PROTOCOL-HTTP2.md, Responses; http-grpc-status-mapping.md; compression.md.
fn read_response(
    headers: &Headers,
    body: Body,
    format: Format,
    codings: &Registry,
) -> ResponseHead {
    let http_status = headers.status().unwrap_or(0);
    if (100..200).contains(&http_status) {
        return ResponseHead::Informational;
    }
    let content_type = headers.get("content-type");
    if body == Body::Last {
        return ResponseHead::Ended(
            outcome(headers).unwrap_or_else(|| Err(not_grpc(http_status, content_type))),
        );
    }
    let content = content_type.map_or(Content::Other, content_type::read);
    let coding = match content {
        Content::Grpc(found) if http_status == 200 && found == format => {
            read_encoding(headers, codings)
        }
        Content::Grpc(_) | Content::OtherGrpc if http_status == 200 => {
            Err(other_format(content_type, format))
        }
        Content::Grpc(_) | Content::OtherGrpc | Content::Other => {
            Err(not_grpc(http_status, content_type))
        }
    };
    match coding {
        Ok(coding) => ResponseHead::Messages(coding),
        Err(status) => ResponseHead::Ended(Err(status)),
    }
}

/// Reads the trailers that end a response. Trailers without `grpc-status` are an answer that is
/// not gRPC's.
fn read_trailers(headers: &Headers) -> Outcome {
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

/// The status of a call that the server reset.
pub(crate) fn reset(code: ErrorCode) -> Status {
    let what = format!("the server reset the call with {code}");
    Status::new(Code::from_http2(code), what).with_origin(Origin::Peer)
}

/// The status of a call on which the server broke a rule of HTTP/2.
pub(crate) fn broken(id: StreamId, code: ErrorCode, what: Violation) -> Status {
    // The limit is ours, as the one for messages is: statuscodes.md.
    let status = if let Violation::HeaderListTooLong { .. } = what {
        Status::resource_exhausted(format!("the server's answer has too much metadata: {what}"))
    } else {
        Status::internal(format!(
            "the server broke the protocol on this call: {code}: {what}"
        ))
    };
    status
        .with_origin(Origin::Transport)
        .with_source(StreamError { id, code, what })
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
    .of_http(http_status)
}

/// The status of an answer with messages in another format than those of the request.
fn other_format(content_type: Option<&[u8]>, format: Format) -> Status {
    let found = String::from_utf8_lossy(content_type.unwrap_or_default());
    let asked = content_type::of(format);
    Status::internal(format!("the answer is {found} to a request in {asked}"))
        .with_origin(Origin::Peer)
}

fn read_encoding(headers: &Headers, codings: &Registry) -> Result<Option<CodingIndex>, Status> {
    let Some(name) = headers
        .get("grpc-encoding")
        .filter(|name| *name != b"identity")
    else {
        return Ok(None);
    };
    codings.find(name).map(Some).ok_or_else(|| {
        let (name, known) = (String::from_utf8_lossy(name), codings.known());
        Status::internal(format!(
            "the server's message encoding {name:?} is not supported; supported: {known}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::metadata::tests::received_answer;

    const GRPC: (&str, &[u8]) = ("content-type", b"application/grpc");

    type ContentType = Option<&'static [u8]>;

    /// What a response with these fields means, in a word or by its status.
    fn read(fields: &[(&str, &[u8])], body: Body) -> String {
        let headers = received_answer(fields, body);
        match read_response(&headers, body, Format::Protobuf, &Registry::default()) {
            ResponseHead::Informational => "informational".to_owned(),
            ResponseHead::Messages(_) => "messages".to_owned(),
            ResponseHead::Ended(Ok(_)) => "ok".to_owned(),
            ResponseHead::Ended(Err(status)) => {
                assert_eq!(status.origin(), Origin::Peer);
                status.code().to_string()
            }
        }
    }

    #[test]
    fn a_status_in_the_first_block_counts_only_if_nothing_follows() {
        let fields: [(&str, &[u8]); 3] = [(":status", b"200"), GRPC, ("grpc-status", b"5")];
        assert_eq!(read(&fields, Body::Last), "NOT_FOUND");
        assert_eq!(read(&fields, Body::More), "messages");
    }

    #[test]
    fn an_answer_that_is_not_grpc_makes_a_status() {
        let table: [(&[u8], ContentType, &str); 7] = [
            (b"200", None, "UNKNOWN"),
            (b"200", Some(b""), "UNKNOWN"),
            (b"200", Some(b"text/html"), "UNKNOWN"),
            (b"200", Some(b"application/grpc-web"), "UNKNOWN"),
            (b"200", Some(b"\xff"), "UNKNOWN"),
            (b"503", Some(b"application/grpc"), "UNAVAILABLE"),
            (b"204", Some(b"application/grpc"), "UNKNOWN"),
        ];
        for (http_status, content_type, want) in table {
            let mut fields = vec![(":status", http_status)];
            fields.extend(content_type.map(|value| ("content-type", value)));
            for body in [Body::More, Body::Last] {
                assert_eq!(read(&fields, body), want, "{fields:?} {body:?}");
            }
            // A grpc-status comes before all of that.
            fields.push(("grpc-status", b"7"));
            assert_eq!(read(&fields, Body::Last), "PERMISSION_DENIED", "{fields:?}");
        }
        let none: [(&str, &[u8]); 2] = [(":status", b"200"), GRPC];
        assert_eq!(read(&none, Body::Last), "UNKNOWN", "no grpc-status at all");
    }

    #[test]
    fn informational_headers_are_passed_over() {
        for http_status in ["100", "103", "199"] {
            let fields = [(":status", http_status.as_bytes()), ("grpc-status", b"5")];
            assert_eq!(read(&fields, Body::More), "informational");
        }
    }

    #[test]
    fn http_statuses_mean_codes_if_there_is_no_grpc_status() {
        for number in 200..=999_u16 {
            let text = number.to_string();
            let fields = [(":status", text.as_bytes())];
            let want = Code::from_http_status(number);
            assert_eq!(read(&fields, Body::Last), want.name(), "{number}");
        }
    }

    #[test]
    fn a_reset_tells_its_code_and_who_sent_it() {
        for number in 0..=15 {
            let code = ErrorCode::from_number(number);
            let status = reset(code);
            assert_eq!(status.code(), Code::from_http2(code));
            assert_eq!(status.origin(), Origin::Peer);
            let want = format!("the server reset the call with {code}");
            assert_eq!(status.message(), want);
        }
    }

    #[test]
    fn what_a_server_breaks_is_internal_and_a_limit_is_resource_exhausted() {
        let window = Violation::WindowExceeded { len: 9, window: 3 };
        let list = Violation::HeaderListTooLong {
            bytes: 9,
            max_bytes: 8,
            fields: 1,
            max_fields: 2,
        };
        let table = [
            (
                window,
                "INTERNAL: the server broke the protocol on this call: FLOW_CONTROL_ERROR: \
                 DATA of 9 bytes in a window of 3",
            ),
            (
                list,
                "RESOURCE_EXHAUSTED: the server's answer has too much metadata: \
                 header list of 9 bytes in 1 fields, limits 8 and 2",
            ),
        ];
        for (what, want) in table {
            let error = StreamError::new(StreamId::new(1), what);
            let status = broken(error.id, error.code, what);
            assert_eq!(status.to_string(), want);
            assert_eq!(status.origin(), Origin::Transport);
            let source = std::error::Error::source(&status).unwrap();
            assert_eq!(source.downcast_ref(), Some(&error));
        }
    }
}
