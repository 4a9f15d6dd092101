//! The last steps of an answer, onto the connection.

use std::sync::Arc;

use bytes::BytesMut;
use hikyaku_http2::{Body, Connection, ErrorCode, Field, StreamId, UserError};

use super::handlers::Place;
use super::runner::{Answer, Sink, Waiting};
use crate::call::server::{self as wire, Phrases, Refusal};
use crate::net::mailbox::Mailbox;
use crate::{Metadata, Status};

/// Whether the response headers are on their way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Due,
    Sent,
}

/// Runs a handler that had to wait, and leaves its answer in the mailbox. Its place is free again
/// when all of it has been dropped.
pub(crate) async fn complete(_place: Place, waiting: Waiting, mailbox: Arc<Mailbox>) {
    let Answer { message, end } = waiting.await;
    mailbox.update(|outbound| {
        if let Some((metadata, bytes)) = message {
            outbound.head = Some(metadata);
            outbound.bytes.unsplit(bytes);
        }
        outbound.set_end(end);
    });
}

/// The place of a ready answer: straight into the connection's output.
pub(crate) struct Direct<'a> {
    pub(crate) id: StreamId,
    pub(crate) out: &'a mut Connection,
    pub(crate) phrases: &'a Phrases,
    pub(crate) head: Head,
}

impl Sink for Direct<'_> {
    fn message(
        &mut self,
        metadata: &Metadata,
        encode: &mut dyn FnMut(&mut BytesMut) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let fields = metadata.fields();
        if self
            .out
            .send_headers_with(self.id, &self.phrases.head, fields, Body::More)
            .is_err()
        {
            return Ok(());
        }
        self.head = Head::Sent;
        match self.out.write_data(self.id, Body::More, |buf| {
            encode(buf).map_err(Unwritten::Failed)
        }) {
            Err(Unwritten::Failed(status)) => Err(status),
            // The stream went away meanwhile: there is nobody to answer.
            Err(Unwritten::Gone) | Ok(()) => Ok(()),
        }
    }
}

/// Why a message was not written.
enum Unwritten {
    Failed(Status),
    Gone,
}

impl From<UserError> for Unwritten {
    fn from(_: UserError) -> Self {
        Self::Gone
    }
}

/// Sends the last of an answer. Errors of the connection mean that the stream has gone, and then
/// nobody waits for it.
pub(crate) fn finish(
    out: &mut Connection,
    phrases: &Phrases,
    id: StreamId,
    end: &Result<Metadata, Status>,
    head: Head,
    request: Body,
) {
    let _ = match (end, head) {
        (Ok(trailers), Head::Sent) if trailers.is_empty() => out.send_trailer_list(id, &phrases.ok),
        (Ok(trailers), Head::Sent) => out.send_trailers(id, wire::ok_trailers(trailers)),
        (Ok(trailers), Head::Due) => {
            out.send_headers_with(id, &phrases.head, wire::ok_trailers(trailers), Body::Last)
        }
        (Err(status), Head::Sent) => out.send_trailers(id, status.encode_fields().fields()),
        (Err(status), Head::Due) => {
            let encoded = status.encode_fields();
            out.send_headers_with(id, &phrases.head, encoded.fields(), Body::Last)
        }
    };
    if request == Body::More {
        // The client may stop sending: nobody reads it (RFC 9113 §8.1).
        out.reset_stream(id, ErrorCode::NO_ERROR);
    }
}

pub(crate) fn refuse(
    out: &mut Connection,
    phrases: &Phrases,
    id: StreamId,
    refusal: Refusal,
    request: Body,
) {
    match refusal {
        Refusal::Grpc(status) => finish(out, phrases, id, &Err(status), Head::Due, request),
        Refusal::Http(http_status) => {
            let value = wire::http_refusal(http_status);
            let _ = out.send_headers(id, [Field::literal(b":status", &value)], Body::Last);
            if request == Body::More {
                out.reset_stream(id, ErrorCode::NO_ERROR);
            }
        }
    }
}
