//! What the owner has not been told yet.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{Body, Event, Headers, StreamId};

/// A queue of events.
///
/// A request whose whole body comes in one frame, before its headers have been told, has one place:
/// its owner can take both at once ([`Connection::take_body`](super::Connection::take_body)).
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Told>,
    /// How many have left the queue at its front: the number of the front one.
    first: u64,
    /// The body of the message whose headers were told last.
    body: Option<(StreamId, Bytes)>,
}

#[derive(Debug)]
struct Told {
    event: Event,
    /// The whole body of the message that the event is about.
    body: Option<Bytes>,
}

/// What comes out of the queue.
pub(super) enum Next {
    Event(Event),
    /// The body that nobody has taken.
    Body(StreamId, Bytes),
}

/// The number of an event that no body can be put to.
pub(super) const NO_PLACE: u64 = u64::MAX;

impl Events {
    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        self.queue.push_back(Told { event, body: None });
    }

    /// Adds headers; returns where the body can be put.
    #[inline]
    pub(super) fn push_headers(&mut self, id: StreamId, headers: Headers, body: Body) -> u64 {
        let place = self.first + self.queue.len() as u64;
        self.push(Event::Headers { id, headers, body });
        place
    }

    /// Whether the headers of a stream are still to be told, at the place they had.
    #[inline]
    pub(super) fn has_headers(&self, place: u64, stream: StreamId) -> bool {
        let told = self.queue.get(self.index(place));
        matches!(told, Some(Told { event: Event::Headers { id, .. }, .. }) if *id == stream)
    }

    /// Puts the whole body to the headers at this place.
    #[inline]
    pub(super) fn put_body(&mut self, place: u64, data: Bytes) {
        let index = self.index(place);
        if let Some(told) = self.queue.get_mut(index) {
            told.body = Some(data);
        }
    }

    #[inline]
    fn index(&self, place: u64) -> usize {
        usize::try_from(place.wrapping_sub(self.first)).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Next> {
        if let Some((id, data)) = self.body.take() {
            return Some(Next::Body(id, data));
        }
        let Told { event, body } = self.queue.pop_front()?;
        self.first += 1;
        if let (Some(data), &Event::Headers { id, .. }) = (body, &event) {
            self.body = Some((id, data));
        }
        Some(Next::Event(event))
    }

    /// The body of the message whose headers came out last.
    #[inline]
    pub(super) fn take_body(&mut self, id: StreamId) -> Option<Bytes> {
        match &self.body {
            Some((of, _)) if *of == id => self.body.take().map(|(_, data)| data),
            _ => None,
        }
    }

    /// Drops the events of a stream.
    pub(super) fn forget(&mut self, id: StreamId) {
        if self.body.as_ref().is_some_and(|(of, _)| *of == id) {
            self.body = None;
        }
        // The others move up: their numbers do not fit any more, or fit those of the same stream.
        self.queue.retain(|told| stream_of(&told.event) != Some(id));
    }

    /// Whether there is nothing to tell.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.body.is_none()
    }

    /// Gives unused memory back.
    pub(super) fn trim(&mut self) {
        self.queue.shrink_to_fit();
    }
}

/// The stream an event is about and that its owner may let go of.
fn stream_of(event: &Event) -> Option<StreamId> {
    match event {
        Event::Headers { id, .. }
        | Event::Data { id, .. }
        | Event::Trailers { id, .. }
        | Event::Reset { id, .. }
        | Event::Unprocessed { id }
        | Event::SendRoom { id } => Some(*id),
        Event::PingAck { .. } | Event::StreamRoom | Event::GoAway { .. } | Event::Closed { .. } => {
            None
        }
    }
}
