//! What the owner has not been told yet.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use crate::{Body, Event, Headers, StreamId};

/// A queue of events.
///
/// A request whose whole body comes in one frame, before its headers have been told, becomes one
/// event: most short calls come in one read, though not always one behind the other.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    /// How many have left the queue at its front: the number of the front one.
    first: u64,
}

/// The number of an event that no body can be put to.
pub(super) const NO_PLACE: u64 = u64::MAX;

impl Events {
    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    /// Adds the headers of a request; returns the place where its body can be put.
    #[inline]
    pub(super) fn push_headers(&mut self, id: StreamId, headers: Headers, body: Body) -> u64 {
        let place = self.first + self.queue.len() as u64;
        self.push(Event::Headers { id, headers, body });
        place
    }

    /// Whether the headers of a stream are still to be told, at the place they had.
    #[inline]
    pub(super) fn has_headers(&self, place: u64, stream: StreamId) -> bool {
        let event = self.queue.get(self.index(place));
        matches!(event, Some(Event::Headers { id, .. }) if *id == stream)
    }

    /// Puts the whole body to the headers at this place.
    #[inline]
    pub(super) fn put_body(&mut self, place: u64, data: Bytes) {
        let index = self.index(place);
        if let Some(event) = self.queue.get_mut(index)
            && let Event::Headers { id, headers, .. } = event
        {
            let (id, headers) = (*id, headers.clone());
            *event = Event::Request { id, headers, data };
        }
    }

    #[inline]
    fn index(&self, place: u64) -> usize {
        usize::try_from(place.wrapping_sub(self.first)).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front();
        self.first += u64::from(event.is_some());
        event
    }

    /// Takes the body of the front request out again, as an event of its own behind the headers'.
    /// Returns what it was.
    pub(super) fn split_front(&mut self) -> Option<(Event, StreamId, usize)> {
        let front = self.queue.front_mut()?;
        let Event::Request { id, headers, data } = front else {
            return None;
        };
        let (id, body) = (*id, Body::Last);
        let (data, headers) = (mem::take(data), headers.clone());
        let len = data.len();
        *front = Event::Data { id, data, body };
        let body = Body::More;
        Some((Event::Headers { id, headers, body }, id, len))
    }

    /// Drops the events of a stream.
    pub(super) fn forget(&mut self, id: StreamId) {
        // The others move up: their numbers do not fit any more, or fit those of the same stream.
        self.queue.retain(|event| stream_of(event) != Some(id));
    }

    /// Whether there is nothing to tell.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
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
        | Event::Request { id, .. }
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
