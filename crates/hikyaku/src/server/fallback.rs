//! Answers to plain HTTP/2 requests, which are no gRPC calls: a page for a load balancer, a redirect.
//!
//! ```text
//! HEADERS -> a gRPC call? --no, and its path is no method's--> pending --last DATA--> handler -> answer
//! ```

use std::fmt;
use std::iter;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hikyaku_http2::headers::kind::{Kind, classify};
use hikyaku_http2::{Body, Connection, ErrorCode, Field, Headers, StreamId};

use super::connection::Shared;
use crate::net::driver::make_room;
use crate::net::hashing::NumberMap;
use crate::request::Peer;

/// A plain HTTP/2 request, all of it.
///
/// See [`Server::fallback`](crate::Server::fallback) for an example.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    headers: Headers,
    body: Bytes,
    peer: Peer,
}

impl HttpRequest {
    /// `GET`, `HEAD`, `POST` or another method, as it was sent.
    #[must_use]
    pub fn method(&self) -> &str {
        self.headers.method().unwrap_or_default()
    }

    /// The host that was asked, with its port if the client named one; `None` if it named no host.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.headers.authority()
    }

    /// The path up to the question mark, still percent-encoded: `/health`. An `OPTIONS` request may
    /// have `*`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target().0
    }

    /// What follows the question mark, still percent-encoded; `None` if there is none.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target().1
    }

    fn target(&self) -> (&str, Option<&str>) {
        let path = self.headers.path().unwrap_or_default();
        match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        }
    }

    /// The first value of a field, by its name in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// All fields in the order received, names in lower case.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.fields()
    }

    /// The body, at most [`Server::max_message_len`](crate::Server::max_message_len) bytes.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Where the client's connection comes from, if that is known.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.addr()
    }

    /// The certificates that the client has shown, its own first; see
    /// [`Request::peer_certificates`](crate::Request::peer_certificates).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> &[crate::tls::Certificate] {
        self.peer.certificates()
    }
}

/// The answer to an [`HttpRequest`].
///
/// Its `content-length` is added when it is sent, and to `HEAD` the body is not sent. An answer that
/// HTTP does not allow (a status outside 200 to 599, a field name that is not a token in lower case,
/// a field value with a line break in it, a `content-length` of its own) is logged, and the client
/// gets a 500.
///
/// # Example
/// ```
/// use hikyaku::server::HttpResponse;
///
/// let moved = HttpResponse::new(301).with_field("location", "https://example.com/");
/// let page = HttpResponse::new(200).with_field("content-type", "text/plain").with_body("hello\n");
/// ```
#[derive(Clone, Debug)]
#[must_use = "an answer does nothing until it is returned"]
pub struct HttpResponse {
    status: u16,
    fields: Vec<(&'static str, Bytes)>,
    body: Bytes,
}

impl HttpResponse {
    /// An answer without fields and without a body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a field; names are in lower case and may repeat.
    pub fn with_field(mut self, name: &'static str, value: impl Into<Bytes>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Sets the body. With a status that has none (204, 304) it is not sent.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// # Errors
    /// The part that HTTP does not allow.
    fn check(&self) -> Result<(), Illegal> {
        if !(200..=599).contains(&self.status) {
            return Err(Illegal::Status(self.status));
        }
        let is_bad = |(name, value): &&(&'static str, Bytes)| {
            classify(name.as_bytes(), value) != Kind::Regular
        };
        match self.fields.iter().find(is_bad) {
            Some((name, _)) => Err(Illegal::Field(name)),
            None => Ok(()),
        }
    }

    /// Whether its status lets it have a body and say how long that is (RFC 9110 §8.6).
    fn may_have_body(&self) -> bool {
        !matches!(self.status, 204 | 304)
    }
}

/// The part of an answer that HTTP does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Illegal {
    Status(u16),
    Field(&'static str),
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}, range 200 to 599"),
            Self::Field(name) => write!(f, "field {name:?}"),
        }
    }
}

/// What answers plain requests.
pub(crate) type Fallback = Box<dyn Fn(HttpRequest) -> HttpResponse + Send + Sync>;

/// The plain requests of one connection that are not there in full.
pub(crate) struct PlainRequests {
    shared: Arc<Shared>,
    peer: Peer,
    /// There once there is one: most connections carry calls alone.
    waiting: Option<Box<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    pending: NumberMap<u32, Pending>,
}

struct Pending {
    headers: Headers,
    body: BytesMut,
}

impl PlainRequests {
    pub(crate) fn new(shared: Arc<Shared>, peer: Peer) -> Self {
        Self {
            shared,
            peer,
            waiting: None,
        }
    }

    /// Whether a request that is not gRPC is the fallback's to answer: not a tunnel, and not to the
    /// path of a method, which has something of its own to say about it.
    pub(crate) fn takes(&self, headers: &Headers) -> bool {
        self.shared.fallback.is_some()
            && headers
                .path()
                .is_some_and(|path| self.shared.router.find(path).is_err())
    }

    pub(crate) fn on_headers(
        &mut self,
        id: StreamId,
        headers: Headers,
        body: Body,
        out: &mut Connection,
    ) {
        let max_len = self.shared.limits.max_message_len as u64;
        if headers.content_length().is_some_and(|len| len > max_len) {
            return refuse_body(id, out);
        }
        if body == Body::Last {
            return self.answer(id, headers, Bytes::new(), out);
        }
        // Errors of the connection mean that the stream has gone, here and below.
        if headers.get("expect") == Some(b"100-continue") {
            let _ = out.send_headers(id, [Field::indexed(b":status", b"100")], Body::More);
        }
        out.expect_end(id);
        let pending = Pending {
            headers,
            body: BytesMut::new(),
        };
        let waiting = self.waiting.get_or_insert_default();
        waiting.pending.insert(id.number(), pending);
    }

    pub(crate) fn on_data(&mut self, id: StreamId, data: &Bytes, body: Body, out: &mut Connection) {
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        let Some(pending) = waiting.pending.get_mut(&id.number()) else {
            return;
        };
        let max_len = self.shared.limits.max_message_len;
        if pending.body.len() + data.len() > max_len {
            self.forget(id);
            return refuse_body(id, out);
        }
        pending.body.extend_from_slice(data);
        // As the messages of calls: nothing is given back before all is there.
        match (body, pending.headers.content_length()) {
            (Body::Last, _) => out.release_data(id, pending.body.len()),
            (Body::More, Some(len)) => {
                make_room(id, usize::try_from(len).unwrap_or(max_len), out);
            }
            (Body::More, None) if pending.body.len() < MAX_QUIET_BODY_LEN => {}
            (Body::More, None) => make_room(id, max_len, out),
        }
        if body == Body::Last
            && let Some(Pending { headers, body }) = waiting.pending.remove(&id.number())
        {
            self.answer(id, headers, body.freeze(), out);
        }
    }

    /// The stream is gone.
    pub(crate) fn forget(&mut self, id: StreamId) {
        if let Some(waiting) = &mut self.waiting {
            waiting.pending.remove(&id.number());
        }
    }

    fn answer(&self, id: StreamId, headers: Headers, body: Bytes, out: &mut Connection) {
        let Some(fallback) = &self.shared.fallback else {
            return;
        };
        let is_head = headers.method() == Some("HEAD");
        let request = HttpRequest {
            headers,
            body,
            peer: self.peer.clone(),
        };
        let answer = catch_unwind(AssertUnwindSafe(|| fallback(request)));
        let response = match answer.map(|response| (response.check(), response)) {
            Ok((Ok(()), response)) => response,
            Ok((Err(illegal), _)) => {
                tracing::error!(%illegal, "the fallback's answer cannot be sent");
                HttpResponse::new(500)
            }
            Err(_panic) => HttpResponse::new(500),
        };
        send(id, response, is_head, out);
    }
}

/// The request is longer than we take (RFC 9110 §15.5.14).
fn refuse_body(id: StreamId, out: &mut Connection) {
    send(id, HttpResponse::new(413), false, out);
    out.reset_stream(id, ErrorCode::NO_ERROR);
}

fn send(id: StreamId, response: HttpResponse, is_head: bool, out: &mut Connection) {
    let status = response.status.to_string();
    let len = response.body.len().to_string();
    let has_len = response.may_have_body();
    let body = if has_len && !is_head && !response.body.is_empty() {
        Body::More
    } else {
        Body::Last
    };
    let fields = iter::once(Field::indexed(b":status", status.as_bytes()))
        .chain(has_len.then(|| Field::literal(b"content-length", len.as_bytes())))
        .chain(
            (response.fields.iter()).map(|(name, value)| Field::literal(name.as_bytes(), value)),
        );
    let _ = out.send_headers(id, fields, body);
    if body == Body::More {
        let _ = out.send_data(id, response.body, Body::Last);
    }
}

/// A body whose length is not announced may be as long as any once it is longer than this. Bytes,
/// well under the window a stream begins with.
const MAX_QUIET_BODY_LEN: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_http_allows_is_sent() {
        let ok = || HttpResponse::new(200);
        let bad_field = |name, value| (ok().with_field(name, value), Err(Illegal::Field(name)));
        let table = [
            (ok(), Ok(())),
            (HttpResponse::new(599), Ok(())),
            (HttpResponse::new(199), Err(Illegal::Status(199))),
            (HttpResponse::new(600), Err(Illegal::Status(600))),
            (ok().with_field("location", "/a?b"), Ok(())),
            (ok().with_field("set-cookie", "a=b"), Ok(())),
            bad_field("", ""),
            bad_field("Location", "/"),
            bad_field("location", "/\r\n"),
            bad_field(":status", "200"),
            bad_field("connection", "close"),
            bad_field("content-length", "3"),
        ];
        for (response, want) in table {
            assert_eq!(response.check(), want, "{response:?}");
        }
    }
}
