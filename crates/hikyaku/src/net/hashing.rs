//! Hashing of stream ids, which are small numbers in sequence.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map keyed by a stream id or another number of ours.
///
/// A peer chooses its stream ids, but not how many are in the map at once: that is bounded by the
/// stream limit, and so is what a chosen collision could cost.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Spreads one number over the bits by a multiplication.
#[derive(Clone, Copy, Default)]
pub(crate) struct NumberHasher(u64);

/// 2^64 divided by the golden ratio, odd: neighbouring numbers land far apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(SPREAD);
        self.0 = mixed ^ (mixed >> 32);
    }
}
