//! What the owner has not been told yet.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use crate::{Body, Event, Headers, StreamId};

/// A queue of events.
///
/// A request whose whole body comes in one frame, before its headers have been told, becomes one
/// event: most short calls come in one read, though not always one behind the other. A response
/// becomes one if its headers, its body in one frame and its trailers come one behind the other, as they
/// do from a server that has all of it.
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
        if self.queue.capacity() == 0 {
            // Many connections have one thing to tell at a time.
            self.queue.reserve_exact(1);
        }
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
            && matches!(event, Event::Headers { .. })
            // Moved, not cloned: to count a reference costs as much as all the rest of this.
            && let Event::Headers { id, headers, .. } = mem::replace(event, Event::StreamRoom)
        {
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

    /// Adds the trailers of a response, which becomes one event if its headers and its whole body are
    /// the last ones.
    pub(super) fn push_trailers(&mut self, id: StreamId, trailers: Headers) {
        let whole = self.queue.len().checked_sub(2);
        let begun = whole.and_then(|at| self.queue.get(at).zip(self.queue.get(at + 1)));
        if let Some((
            Event::Headers {
                id: of, headers, ..
            },
            Event::Data { id: and_of, .. },
        )) = begun
            && *of == id
            && *and_of == id
        {
            let headers = headers.clone();
            if let Some(Event::Data { data, .. }) = self.queue.pop_back()
                && let Some(event) = self.queue.back_mut()
            {
                *event = Event::Response {
                    id,
                    headers,
                    data,
                    trailers,
                };
                return;
            }
        }
        let headers = trailers;
        self.push(Event::Trailers { id, headers });
    }

    /// Takes the front message apart again, if it is a whole one: its headers come out, and what else
    /// it has is events of its own behind them. Returns also the request whose body is told by itself
    /// from here on, and how long that is.
    pub(super) fn split_front(&mut self) -> Option<(Event, Option<(StreamId, usize)>)> {
        let front = self.queue.front_mut()?;
        if let Event::Request { id, headers, data } = front {
            let (id, headers, data) = (*id, headers.clone(), mem::take(data));
            let own = Some((id, data.len()));
            let body = Body::Last;
            *front = Event::Data { id, data, body };
            let body = Body::More;
            return Some((Event::Headers { id, headers, body }, own));
        }
        let Event::Response {
            id,
            headers,
            data,
            trailers,
        } = front
        else {
            return None;
        };
        let (id, head, data) = (*id, headers.clone(), mem::take(data));
        let (headers, body) = (trailers.clone(), Body::More);
        *front = Event::Trailers { id, headers };
        self.queue.push_front(Event::Data { id, data, body });
        let headers = head;
        Some((Event::Headers { id, headers, body }, None))
    }

    /// Drops the events of a stream.
    pub(super) fn forget(&mut self, id: StreamId) {
        // The others move up: their numbers do not fit any more, or fit those of the same stream.
        self.queue.retain(|event| event.stream() != Some(id));
    }

    /// Whether there is nothing to tell.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many there is room for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Gives unused memory back.
    pub(super) fn trim(&mut self) {
        self.queue.shrink_to_fit();
    }
}
