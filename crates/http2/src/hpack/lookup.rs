//! Where the encoder finds an entry again: a small cache from a hash to an insertion number.
//!
//! It only ever hints. A number may be stale or its entry another one with the same hash: the
//! caller compares the bytes. Whatever values a peer manages to have echoed, a lookup looks at one
//! bucket of four, and the worst a collision does is to send a literal.

/// A hash of `bytes`, different for each `seed`. Fast and good enough for a cache; hostile input
/// can make it collide.
#[inline]
pub(super) const fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ FACTOR ^ bytes.len() as u64;
    let mut rest = bytes;
    while rest.len() > 16
        && let Some((head, tail)) = rest.split_first_chunk::<8>()
    {
        state = fold(state ^ u64::from_le_bytes(*head), FACTOR);
        rest = tail;
    }
    let (head, tail) = ends(rest);
    fold(state ^ head, tail ^ SECOND_FACTOR)
}

/// Whether both are the same bytes. Without a call for the short ones, that is, for most names.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        false
    } else if a.len() <= 16 {
        ends(a) == ends(b)
    } else {
        a == b
    }
}

/// The first and the last bytes as two words, which overlap or meet: for up to 16 bytes they are
/// all there is, the length excepted.
#[inline]
const fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (
            u32::from_le_bytes(*head) as u64,
            u32::from_le_bytes(*tail) as u64,
        )
    } else {
        match *bytes {
            [a, b, c] => (a as u64, u16::from_le_bytes([b, c]) as u64),
            [a, b] => (a as u64, b as u64),
            [a] => (a as u64, 0),
            _ => (0, 0),
        }
    }
}

/// Both halves of the product, folded into one.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Odd numbers with about as many ones as zeros.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND_FACTOR: u64 = 0xd1b5_4a32_d192_ed03;

/// The cache. Entries are known by the number of insertions before them, wrapping at 2^32.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// A power of two of buckets; none as long as the table has few entries.
    buckets: Box<[[Slot; WAYS]]>,
    /// Entries inserted so far.
    inserted: u32,
}

/// One hint.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    number: u32,
}

impl Lookup {
    /// How far back in the table (0 is the newest entry) an entry with this hash may be, for which
    /// `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let bucket = self.buckets.get(bucket_index(hash, self.buckets.len()))?;
        let tag = tag(hash);
        bucket
            .iter()
            .filter(|slot| slot.tag == tag)
            .map(|slot| self.depth(*slot) as usize)
            .find(|&depth| is_it(depth))
    }

    /// Whether a table with so many entries is looked through from end to end: nothing is remembered
    /// of it.
    #[inline]
    pub(super) fn is_needless(&self, entry_count: usize) -> bool {
        self.buckets.is_empty() && entry_count <= MAX_FEW_COUNT
    }

    /// Makes the buckets if there are none. Nothing is remembered in them yet, of no entry.
    pub(super) fn grow(&mut self, max_table_len: u32) -> Grown {
        if !self.buckets.is_empty() {
            return Grown::No;
        }
        // Older than every entry that a table can hold.
        let number = self.inserted.wrapping_sub(u32::MAX / 2);
        let unused = Slot { tag: 0, number };
        self.buckets = vec![[unused; WAYS]; bucket_count(max_table_len)].into();
        Grown::Forgetful
    }

    /// Remembers the entry that is so far back in the table (0 is the newest, [counted] before)
    /// under a hash.
    ///
    /// [counted]: Self::count_insertion
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no table has 2^32 entries, and a hint may be wrong"
    )]
    pub(super) fn remember(&mut self, hash: u64, depth: usize) {
        let tag = tag(hash);
        let number = self.inserted.wrapping_sub(1).wrapping_sub(depth as u32);
        let index = bucket_index(hash, self.buckets.len());
        let Some(bucket) = self.buckets.get_mut(index) else {
            return;
        };
        // The same hash, else the oldest.
        let age = |slot: &Slot| (slot.tag == tag, number.wrapping_sub(slot.number));
        if let Some(slot) = bucket.iter_mut().max_by_key(|slot| age(slot)) {
            *slot = Slot { tag, number };
        }
    }

    /// Counts an entry that has been put into the table.
    pub(super) fn count_insertion(&mut self) {
        self.inserted = self.inserted.wrapping_add(1);
    }

    fn depth(&self, slot: Slot) -> u32 {
        self.inserted.wrapping_sub(slot.number).wrapping_sub(1)
    }
}

/// What became of the hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grown {
    /// They are as before.
    No,
    /// There is more room, and nothing in it.
    Forgetful,
}

/// Hints in one bucket.
const WAYS: usize = 4;

/// Entries that are faster to look through than to have a memory of: as many as repeat in the answers
/// of most servers.
const MAX_FEW_COUNT: usize = 4;

/// Buckets for a table: about two hints for each field of usual length, and 32 KiB at most.
fn bucket_count(max_table_len: u32) -> usize {
    (max_table_len as usize / 64)
        .next_power_of_two()
        .clamp(4, 1024)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "only the low bits are wanted"
)]
fn bucket_index(hash: u64, bucket_count: usize) -> usize {
    hash as usize & bucket_count.wrapping_sub(1)
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_and_no_others() {
        for len in 0..40 {
            let bytes: Vec<u8> = (1..=len).collect();
            assert!(same(&bytes, &bytes.clone()));
            for position in 0..bytes.len() {
                let mut other = bytes.clone();
                other[position] ^= 0x80;
                assert!(!same(&bytes, &other), "{len} {position}");
                assert_ne!(hash(&bytes, 0), hash(&other, 0), "{len} {position}");
                assert!(!same(&bytes, &bytes[1..]));
            }
            assert_ne!(hash(&bytes, 0), hash(&bytes, 1));
        }
    }

    /// However many hints fall into one bucket, the newest are found and nothing else changes.
    #[test]
    fn a_full_bucket_forgets_the_oldest() {
        let mut lookup = Lookup::default();
        assert_eq!(lookup.find(0, |_| true), None);
        assert_eq!(lookup.grow(4096), Grown::Forgetful);
        for number in 1..=10_u64 {
            lookup.count_insertion();
            lookup.remember(number << 32, 0);
        }
        for number in 1..=10_u64 {
            let want = (number > 6).then_some(10 - usize::try_from(number).unwrap());
            assert_eq!(lookup.find(number << 32, |_| true), want, "{number}");
        }
        assert_eq!(lookup.find(10 << 32, |_| false), None);
    }
}
