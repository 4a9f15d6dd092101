//! The last steps of an answer, onto the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hikyaku_http2::{Body, Connection, ErrorCode, Field, StreamId, UserError};

use super::handlers::Place;
use super::runner::{Answer, Beside, Encode, Single, Sink, Waiting};
use crate::call::message::{compress_framed, frame_compressed};
use crate::call::server::{self as wire, Phrasebook, Phrases, Refusal, Terms};
use crate::compression::{Chosen, Policy};
use crate::context::Scope;
use crate::net::mailbox::Mailbox;
use crate::net::turn;
use crate::{Metadata, Status};

/// How much of the answer is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Nothing.
    Due,
    /// The response headers.
    Sent,
    /// All of it.
    SentWithAll,
}

/// Runs a handler that had to wait, and leaves its answer in the mailbox. Its place is free again
/// when all of it has been dropped, in this order.
///
/// Not an `async fn`, which would keep all of this twice: there is one for each call that waits.
pub(crate) struct Completing {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) waiting: Waiting,
    pub(crate) scope: Scope,
    pub(crate) _place: Place,
}

impl Future for Completing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waiting = this.waiting.as_mut();
        let mailbox = &this.mailbox;
        let answer = ready!(turn::enter(mailbox, || this
            .scope
            .enter(|| waiting.poll(cx))));
        leave(answer, &this.mailbox);
        Poll::Ready(())
    }
}

fn leave(answer: Answer, mailbox: &Arc<Mailbox>) {
    let Answer { message, mut end } = answer;
    let message = message
        .map(|single| compressed(single, mailbox))
        .transpose();
    let message = message.unwrap_or_else(|status| {
        end = Err(status);
        None
    });
    mailbox.update(|outbound| {
        if let Some((metadata, bytes)) = message {
            outbound.head = Some(metadata);
            outbound.bytes.unsplit(bytes);
        }
        outbound.set_end(end);
    });
}

/// A message as it is wished to be sent, and as the client takes it.
fn compressed(single: Single, mailbox: &Mailbox) -> Result<(Metadata, BytesMut), Status> {
    let chosen = mailbox.outbound().compress(&single.compression)?;
    let bytes = match chosen {
        None => single.framed,
        Some(chosen) => {
            let mut bytes = BytesMut::new();
            compress_framed(&single.framed, &*chosen.coding, &mut bytes)?;
            bytes
        }
    };
    Ok((single.metadata, bytes))
}

/// The place of a ready answer: straight into the connection's output.
pub(crate) struct Direct<'a> {
    pub(crate) id: StreamId,
    pub(crate) out: &'a mut Connection,
    pub(crate) phrases: &'a Phrases,
    pub(crate) policy: &'a Policy,
    pub(crate) terms: Terms,
    pub(crate) head: Head,
}

impl Sink for Direct<'_> {
    fn answer(&mut self, beside: &Beside, encode: Encode<'_>) -> Result<(), Status> {
        if self.policy.may_compress(&beside.compression)
            && let Some(chosen) = self
                .policy
                .resolve(&beside.compression, self.terms.accepted)?
        {
            return self.compressed(&beside.metadata, &chosen, encode);
        }
        let encode = |buf: &mut BytesMut| match encode(buf) {
            Ok(None) => Ok(()),
            Ok(Some(pieces)) => Err(Unwritten::InPieces(pieces)),
            Err(status) => Err(Unwritten::Failed(status)),
        };
        let sent = if beside.metadata.is_empty() && beside.trailers.is_empty() {
            self.head = Head::Sent;
            let Phrases { head, ok, .. } = self.phrases;
            let sent = self.out.send_response(self.id, head, ok, encode);
            if sent.is_ok() {
                self.head = Head::SentWithAll;
            }
            sent
        } else {
            self.in_parts(&beside.metadata, encode)
        };
        match sent {
            Err(Unwritten::Failed(status)) => Err(status),
            Err(Unwritten::InPieces(pieces)) => {
                for piece in pieces {
                    let _ = self.out.send_data(self.id, piece, Body::More);
                }
                Ok(())
            }
            // The stream went away meanwhile: there is nobody to answer.
            Err(Unwritten::Gone) | Ok(()) => Ok(()),
        }
    }
}

impl Direct<'_> {
    /// The same without the trailers, which carry something.
    #[inline(never)]
    fn in_parts(
        &mut self,
        metadata: &Metadata,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), Unwritten>,
    ) -> Result<(), Unwritten> {
        let fields = metadata.fields();
        self.out
            .send_headers_with(self.id, &self.phrases.head, fields, Body::More)?;
        self.head = Head::Sent;
        self.out.write_data(self.id, Body::More, encode)
    }

    /// The same with a message that is compressed, which may well be long: it takes no short cut.
    #[inline(never)]
    fn compressed(
        &mut self,
        metadata: &Metadata,
        chosen: &Chosen,
        encode: Encode<'_>,
    ) -> Result<(), Status> {
        let mut framed = BytesMut::new();
        let encode = |plain: &mut BytesMut| {
            for piece in encode(plain)?.into_iter().flatten() {
                plain.extend_from_slice(&piece);
            }
            Ok(())
        };
        frame_compressed(encode, &*chosen.coding, &mut framed)?;
        let opening = self.phrases.head_in(Some(chosen.index));
        let fields: Vec<_> = metadata.fields().collect();
        let sent = self
            .out
            .send_headers_with(self.id, opening, fields, Body::More);
        if sent.is_ok() {
            self.head = Head::Sent;
            // An error means that the stream went away: there is nobody to answer.
            let _ = self.out.send_data(self.id, framed.freeze(), Body::More);
        }
        Ok(())
    }
}

/// Why a message was not written.
enum Unwritten {
    Failed(Status),
    /// It is to be sent in pieces, behind the head.
    InPieces(Vec<Bytes>),
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
        (_, Head::SentWithAll) => Ok(()),
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
    phrases: &Phrasebook,
    id: StreamId,
    refusal: Refusal,
    request: Body,
) {
    match refusal {
        Refusal::Grpc(format, status) => {
            finish(
                out,
                phrases.of(format),
                id,
                &Err(status),
                Head::Due,
                request,
            );
        }
        Refusal::Http(http_status) => {
            let value = wire::http_refusal(http_status);
            let _ = out.send_headers(id, [Field::literal(b":status", &value)], Body::Last);
            if request == Body::More {
                out.reset_stream(id, ErrorCode::NO_ERROR);
            }
        }
    }
}
