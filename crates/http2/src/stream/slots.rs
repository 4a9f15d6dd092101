//! A table from stream numbers to what belongs to them, made for streams that come and go.
//!
//! ```text
//! number --hash--> index: (number, place) --> places: what belongs to it, or nobody's
//! ```
//!
//! Each call puts one in, looks it up a few times and takes it out. The values never move while the
//! table does not grow, a place is used again at once (its memory is in the cache still) with what is
//! in it, and the index is a few bytes a stream.

/// A table from numbers other than 0 to values.
#[derive(Debug)]
pub struct Slots<T> {
    /// Open addressing: a number is at its hash or behind it, before the next gap. At most half of it
    /// is used. A power of two long, or empty.
    index: Vec<Entry>,
    /// Values, each with its number; 0 for one that nobody has any more.
    places: Vec<(u32, T)>,
    /// Places of nobody, the one to be used next last.
    free: Vec<u32>,
}

/// An entry of the index; number 0 for a gap.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    number: u32,
    place: u32,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            index: Vec::new(),
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// How many values there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a number.
    #[must_use]
    #[inline]
    pub fn get(&self, number: u32) -> Option<&T> {
        let at = self.find(number)?;
        let place = self.index.get(at)?.place;
        self.places.get(place as usize).map(|(_, value)| value)
    }

    /// The value of a number.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let at = self.find(number)?;
        let place = self.index.get(at)?.place;
        self.places.get_mut(place as usize).map(|(_, value)| value)
    }

    /// All numbers and their values, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let taken = self.places.iter_mut().filter(|(number, _)| *number != 0);
        taken.map(|(number, value)| (*number, value))
    }

    /// A value for a number that has none: one that was left behind, or else a new one.
    #[inline]
    pub fn insert(&mut self, number: u32, new: impl FnOnce() -> T) -> &mut T {
        if self.len() * 2 >= self.index.len() {
            self.grow();
        }
        let place = match self.free.pop() {
            Some(place) => place as usize,
            None => self.add(new()),
        };
        self.enter(Entry {
            number,
            place: u32::try_from(place).unwrap_or(u32::MAX),
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "it is a place that was there or was added"
        )]
        let (owner, value) = &mut self.places[place];
        *owner = number;
        value
    }

    #[cold]
    fn add(&mut self, value: T) -> usize {
        if self.places.len() == self.places.capacity() {
            // Many connections have one stream at a time, and need room for no more.
            self.places.reserve_exact(self.places.len() / 2 + 1);
        }
        self.places.push((0, value));
        self.places.len() - 1
    }

    /// Takes a number out. What belonged to it stays behind, for the next one.
    #[inline]
    pub fn remove(&mut self, number: u32) -> Option<&mut T> {
        let at = self.find(number)?;
        let place = self.index.get(at)?.place;
        self.close_gap(at);
        self.free.push(place);
        let (owner, value) = self.places.get_mut(place as usize)?;
        *owner = 0;
        Some(value)
    }

    /// Gives unused memory back.
    pub fn trim(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        } else {
            self.places.shrink_to_fit();
            self.free.shrink_to_fit();
        }
    }

    /// Where in the index a number is.
    #[inline]
    fn find(&self, number: u32) -> Option<usize> {
        let mask = self.index.len().wrapping_sub(1);
        let mut at = self.home(number);
        // Half of the index are gaps: this ends.
        loop {
            match self.index.get(at)?.number {
                0 => return None,
                found if found == number => return Some(at),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Where in the index a number should be.
    #[inline]
    fn home(&self, number: u32) -> usize {
        // 2^64 divided by the golden ratio: numbers that follow each other are far apart.
        let hash = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let hash = hash as usize;
        hash & self.index.len().wrapping_sub(1)
    }

    /// Puts an entry into the first gap at its home or behind it. There is one.
    #[inline]
    fn enter(&mut self, entry: Entry) {
        let mask = self.index.len().wrapping_sub(1);
        let mut at = self.home(entry.number);
        while let Some(slot) = self.index.get_mut(at) {
            if slot.number == 0 {
                *slot = entry;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Empties an entry, and moves up those behind it that would not be found any more.
    #[inline]
    fn close_gap(&mut self, gap: usize) {
        let mask = self.index.len().wrapping_sub(1);
        let (mut gap, mut at) = (gap, gap);
        loop {
            at = (at + 1) & mask;
            let next = self.index.get(at).copied().unwrap_or_default();
            if next.number == 0 {
                break;
            }
            // Whether its home is not between the gap and where it is.
            let from_home = at.wrapping_sub(self.home(next.number)) & mask;
            if from_home >= at.wrapping_sub(gap) & mask {
                if let Some(slot) = self.index.get_mut(gap) {
                    *slot = next;
                }
                gap = at;
            }
        }
        if let Some(slot) = self.index.get_mut(gap) {
            *slot = Entry::default();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.index.len() * 2).max(MIN_INDEX_LEN);
        let old = std::mem::replace(&mut self.index, vec![Entry::default(); len]);
        for entry in old.into_iter().filter(|entry| entry.number != 0) {
            self.enter(entry);
        }
    }
}

/// Entries of the smallest index.
const MIN_INDEX_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_does_what_a_map_does() {
        // Numbers that follow each other, that share their lower bits, and of no order at all.
        let orders: [fn(u32) -> u32; 3] = [
            |step| 2 * step + 1,
            |step| (step << 12) + 1,
            |step| step.wrapping_mul(0x9e37_79b1) | 1,
        ];
        for (order, number_of) in orders.into_iter().enumerate() {
            let mut slots = Slots::default();
            let mut map = HashMap::new();
            let mut chance = 12_345_u32;
            for step in 0..5000 {
                chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let new = number_of(step);
                if map.insert(new, step).is_none() {
                    *slots.insert(new, || 0) = step;
                }
                // Up to some hundred at a time, and sometimes none.
                let mut wanted = (chance >> 24) as usize;
                if step % 500 == 0 {
                    wanted = 0;
                }
                while map.len() > wanted {
                    let &old = map.keys().next().unwrap();
                    map.remove(&old);
                    assert!(slots.remove(old).is_some());
                    assert!(slots.remove(old).is_none());
                }
                if step % 97 == 0 {
                    slots.trim();
                }
                assert_eq!(slots.len(), map.len());
                for (&number, value) in &map {
                    assert_eq!(slots.get(number), Some(value), "order {order}: {number}");
                    assert_eq!(slots.get_mut(number).as_deref(), Some(value));
                }
                assert_eq!(slots.get(new.wrapping_add(2)), None);
            }
            let mut all: Vec<_> = slots
                .iter_mut()
                .map(|(number, &mut it)| (number, it))
                .collect();
            let mut want: Vec<_> = map.into_iter().collect();
            all.sort_unstable();
            want.sort_unstable();
            assert_eq!(all, want);
        }
    }

    #[test]
    fn a_place_is_used_again_at_once() {
        let mut slots = Slots::default();
        for step in 0..1000 {
            *slots.insert(2 * step + 1, || 0) = step;
            assert!(slots.remove(2 * step + 1).is_some());
        }
        assert_eq!(slots.places.len(), 1);
        assert_eq!(slots.index.len(), MIN_INDEX_LEN);
    }
}
