//! The open streams of one end, found by number without hashing.

use std::collections::VecDeque;

/// What is known of each open stream that a client began.
///
/// Numbers are handed out in rising order, so a stream's place is its distance from the oldest.
#[derive(Debug)]
pub struct Streams<T> {
    slots: VecDeque<Option<T>>,
    /// Number of the stream in the first slot.
    first: u32,
    count: usize,
}

impl<T> Default for Streams<T> {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            first: 1,
            count: 0,
        }
    }
}

impl<T> Streams<T> {
    /// Adds a stream that is not there; it costs least in the order of the numbers.
    #[inline]
    pub fn insert(&mut self, id: u32, stream: T) {
        if self.slots.is_empty() {
            self.first = id;
        }
        while id < self.first {
            self.slots.push_front(None);
            self.first -= 2;
        }
        let place = (id - self.first) as usize / 2;
        while self.slots.len() <= place {
            self.slots.push_back(None);
        }
        self.slots[place] = Some(stream);
        self.count += 1;
    }

    /// The stream of this number, if it is open.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        let place = self.place(id)?;
        self.slots.get_mut(place)?.as_mut()
    }

    /// Takes it out.
    #[inline]
    pub fn remove(&mut self, id: u32) -> Option<T> {
        let place = self.place(id)?;
        let stream = self.slots.get_mut(place)?.take()?;
        self.count -= 1;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 2;
        }
        Some(stream)
    }

    fn place(&self, id: u32) -> Option<usize> {
        let distance = id.checked_sub(self.first)?;
        distance.is_multiple_of(2).then_some(distance as usize / 2)
    }

    /// Open streams.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// All of them, with their numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let ids = (self.first..).step_by(2);
        ids.zip(&mut self.slots)
            .filter_map(|(id, slot)| Some((id, slot.as_mut()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_found_by_number_in_whatever_order_they_end() {
        let mut streams = Streams::default();
        for id in [3, 11, 1, 5, 13] {
            streams.insert(id, id * 10);
        }
        assert_eq!(streams.remove(3), Some(30));
        assert_eq!(streams.remove(3), None);
        assert_eq!(streams.get_mut(7), None);
        assert_eq!(streams.get_mut(12), None);
        assert_eq!(streams.get_mut(11), Some(&mut 110));
        assert_eq!(streams.remove(1), Some(10));
        assert_eq!(streams.remove(1), None);
        assert_eq!(
            streams.iter_mut().map(|(id, _)| id).collect::<Vec<_>>(),
            [5, 11, 13]
        );
        for id in [13, 5, 11] {
            assert_eq!(streams.remove(id), Some(id * 10));
        }
        assert_eq!((streams.count(), streams.get_mut(13)), (0, None));
        streams.insert(101, 1);
        assert_eq!((streams.count(), streams.get_mut(101)), (1, Some(&mut 1)));
    }
}
