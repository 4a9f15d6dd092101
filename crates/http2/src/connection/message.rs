//! Header blocks in: put together, decoded, checked and given to the stream they are for.
//!
//! Whatever a block is for, even a stream that is refused or gone, it must be decoded: it changes
//! the header table (RFC 9113 §4.3).

use std::time::Instant;

use super::closing::Shutdown;
use super::receive::end_remote;
use super::{Connection, Role};
use crate::error::{Fault, Malformed, StreamError, Violation};
use crate::frame::Kind;
use crate::frame::continuation::Continuation;
use crate::frame::headers::{Block, HeadersFrame};
use crate::headers::check::Message;
use crate::stream::state::{State, Step};
use crate::stream::table::{Death, Progress, Stream, Streams, Voice};
use crate::stream::window::{Credit, Window};
use crate::{Body, Event, Headers, Side, StreamId};

/// A header block that is not complete.
#[derive(Debug)]
pub(super) struct Assembly {
    /// The only stream whose CONTINUATION may come now.
    pub(super) id: StreamId,
    body: Body,
    dependency: Dependency,
    block: Vec<u8>,
    continuation_count: usize,
    /// When its first byte came.
    pub(super) begun: Option<Instant>,
}

/// Whether a HEADERS frame made its stream depend on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dependency {
    Sane,
    Itself,
}

/// A complete header block, still compressed.
struct Complete<'a> {
    id: StreamId,
    body: Body,
    dependency: Dependency,
    block: &'a [u8],
}

impl Connection {
    pub(super) fn on_headers(&mut self, headers: &HeadersFrame<'_>) -> Result<(), Fault> {
        let HeadersFrame {
            id, fragment, body, ..
        } = *headers;
        self.check_block_len(fragment.len())?;
        let dependency = match headers.priority {
            Some(priority) if priority.dependency == id => Dependency::Itself,
            _ => Dependency::Sane,
        };
        match headers.block {
            Block::Complete => self.on_block(&Complete {
                id,
                body,
                dependency,
                block: fragment,
            }),
            Block::Open => {
                let block = fragment.to_vec();
                let assembly = Assembly {
                    id,
                    body,
                    dependency,
                    block,
                    continuation_count: 0,
                    begun: self.block_begun(),
                };
                self.assembly = Some(Box::new(assembly));
                Ok(())
            }
        }
    }

    pub(super) fn on_continuation(&mut self, next: &Continuation<'_>) -> Result<(), Fault> {
        let Some(mut assembly) = self.assembly.take() else {
            return Err(Violation::ContinuationUnexpected.into());
        };
        assembly.continuation_count += 1;
        if assembly.continuation_count > self.config.max_continuation_count {
            let max = self.config.max_continuation_count;
            return Err(Violation::TooManyContinuations { max }.into());
        }
        self.check_block_len(assembly.block.len() + next.fragment.len())?;
        assembly.block.extend_from_slice(next.fragment);
        match next.block {
            Block::Complete => {
                let Assembly {
                    id,
                    body,
                    dependency,
                    ref block,
                    ..
                } = *assembly;
                self.on_block(&Complete {
                    id,
                    body,
                    dependency,
                    block,
                })
            }
            Block::Open => {
                self.assembly = Some(assembly);
                Ok(())
            }
        }
    }

    /// A block may be longer than the list it holds, if its Huffman code is a bad one, but not
    /// much: the longest code has 30 bits for 8.
    fn check_block_len(&self, len: usize) -> Result<(), Violation> {
        let max = (self.config.max_header_list_bytes as usize).saturating_mul(4);
        if len > max {
            Err(Violation::HeaderBlockTooLong { len, max })
        } else {
            Ok(())
        }
    }

    fn on_block(&mut self, complete: &Complete<'_>) -> Result<(), Fault> {
        let id = complete.id;
        if self.role == Role::Server && id > self.last_remote && !id.number().is_multiple_of(2) {
            return self.on_request(complete);
        }
        if let Some(stream) = self.streams.get(id) {
            return match (self.role, stream.received) {
                (_, Progress::Body) => self.on_trailers(complete),
                (Role::Client, _) => self.on_response(complete),
                (Role::Server, _) => self.on_trailers(complete),
            };
        }
        match self.role {
            Role::Server if id.number().is_multiple_of(2) => Err(Violation::EvenStream(id).into()),
            Role::Client if self.is_idle(id) => {
                Err(Violation::IdleStream(Kind::Headers, id).into())
            }
            Role::Server | Role::Client => self.on_stray_block(complete),
        }
    }

    /// A client opens a stream (RFC 9113 §8.3.1).
    fn on_request(&mut self, complete: &Complete<'_>) -> Result<(), Fault> {
        let Complete { id, body, .. } = *complete;
        self.last_remote = id;
        let headers = self.read_block(complete, Message::Request)?;
        if let Shutdown::Final { last_stream } = self.shutdown
            && id > last_stream
        {
            // The GOAWAY has told the client already (RFC 9113 §6.8).
            let left_len = i64::from(self.initial_credit());
            self.streams.remember(id, Death::LocalReset, left_len);
            return self.take_control();
        }
        let max = self.config.max_concurrent_streams as usize;
        if self.streams.len() >= max {
            return Err(StreamError::new(id, Violation::TooManyStreams { max }).into());
        }
        let headers = headers.map_err(|what| StreamError::new(id, what))?;
        let promised = headers.content_length();
        check_body_len(id, promised, body)?;
        let window = Window::new(self.peer.initial_window);
        let credit = Credit::new(self.initial_credit());
        let stream = self.streams.insert(id, window, credit);
        stream.received = Progress::Body;
        stream.promised = promised;
        if body == Body::Last {
            stream.state = State::HalfClosedRemote;
        }
        stream.headers_place = self.events.push_headers(id, headers, body);
        self.controls.refund(WORK_REFUND_COUNT);
        if id.number() > self.config.max_stream_number {
            self.start_shutdown();
        }
        Ok(())
    }

    /// A server answers, or says that it will (RFC 9113 §8.1).
    fn on_response(&mut self, complete: &Complete<'_>) -> Result<(), Fault> {
        let Complete { id, body, .. } = *complete;
        let headers = self.read_block(complete, Message::Response)?;
        let stream = receiving(&mut self.streams, id)?;
        let headers = headers.map_err(|what| StreamError::new(id, what))?;
        let status = headers.status().unwrap_or_default();
        let voice = stream.voice;
        let mut is_complete = false;
        if status < 200 {
            if body == Body::Last {
                return Err(malformed(id, Malformed::InformationalEnd));
            }
            self.take_control()?;
        } else {
            // Whatever length these tell, they have no body (RFC 9110 §6.4.1).
            let has_no_body =
                stream.received == Progress::StartOfHead || matches!(status, 204 | 304);
            stream.received = Progress::Body;
            stream.promised = if has_no_body {
                Some(0)
            } else {
                headers.content_length()
            };
            check_body_len(id, stream.promised, body)?;
            is_complete = body == Body::Last && end_remote(stream);
            self.controls.refund(WORK_REFUND_COUNT);
        }
        if voice == Voice::Loud {
            self.events.push(Event::Headers { id, headers, body });
        }
        if is_complete {
            self.complete_stream(id);
        }
        Ok(())
    }

    fn on_trailers(&mut self, complete: &Complete<'_>) -> Result<(), Fault> {
        let Complete { id, body, .. } = *complete;
        let headers = self.read_block(complete, Message::Trailers)?;
        let stream = receiving(&mut self.streams, id)?;
        let headers = headers.map_err(|what| StreamError::new(id, what))?;
        if body == Body::More {
            return Err(malformed(id, Malformed::TrailersNotLast));
        }
        check_body_len(id, stream.promised, body)?;
        self.controls.refund(WORK_REFUND_COUNT);
        match (self.role, stream.voice) {
            (Role::Client, Voice::Loud) => self.events.push_trailers(id, headers),
            (Role::Server, Voice::Loud) => self.events.push(Event::Trailers { id, headers }),
            (_, Voice::Mute) => {}
        }
        if end_remote(stream) {
            self.complete_stream(id);
        }
        Ok(())
    }

    /// A block for a stream that is gone (RFC 9113 §5.1, §5.1.1).
    fn on_stray_block(&mut self, complete: &Complete<'_>) -> Result<(), Fault> {
        let id = complete.id;
        let death = self.streams.death(id);
        let what = Violation::ClosedStream(Kind::Headers, id);
        match (self.role, death) {
            (Role::Server, None) => {
                let last = self.last_remote;
                return Err(Violation::StreamNotIncreasing { id, last }.into());
            }
            (Role::Server, Some(Death::RemoteReset)) | (_, Some(Death::Ended)) => {
                return Err(what.into());
            }
            (_, Some(Death::LocalReset)) | (Role::Client, _) => {}
        }
        // Whether the list is a good one does not matter any more.
        let _ = self.read_block(complete, Message::Trailers)?;
        if death == Some(Death::LocalReset) {
            return self.take_control();
        }
        Err(StreamError::new(id, what).into())
    }

    /// Decodes a block. The outer error is the connection's, the inner one the stream's.
    fn read_block(
        &mut self,
        complete: &Complete<'_>,
        message: Message,
    ) -> Result<Result<Headers, Violation>, Fault> {
        let headers = self
            .headers
            .read(complete.block, message)
            .map_err(|error| Fault::from(Violation::BadHeaderBlock(error)))?;
        Ok(match complete.dependency {
            Dependency::Sane => headers,
            Dependency::Itself => Err(Violation::SelfDependency),
        })
    }
}

/// The stream, if the peer may send headers on it.
fn receiving(streams: &mut Streams, id: StreamId) -> Result<&mut Stream, StreamError> {
    streams
        .get_mut(id)
        .filter(|stream| stream.state.step(Step::Headers(Side::Remote)).is_ok())
        .ok_or_else(|| StreamError::new(id, Violation::ClosedStream(Kind::Headers, id)))
}

/// A message that ends here must have had all the bytes it promised (RFC 9113 §8.1.1).
fn check_body_len(id: StreamId, promised: Option<u64>, body: Body) -> Result<(), Fault> {
    match (body, promised) {
        (Body::Last, Some(1..)) => Err(malformed(id, Malformed::BodyLen)),
        _ => Ok(()),
    }
}

fn malformed(id: StreamId, what: Malformed) -> Fault {
    StreamError::new(id, Violation::Malformed(what)).into()
}

/// Control frames forgiven for a header block that does work: a good peer has a PING, a
/// WINDOW_UPDATE or two with each call.
const WORK_REFUND_COUNT: u32 = 4;
