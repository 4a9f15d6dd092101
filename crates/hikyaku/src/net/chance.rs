//! Chance, good enough to spread peers over time; nobody's secret hangs on it.

use std::hash::{BuildHasher, RandomState};

/// A random number from 0 to 1: the standard library seeds each `RandomState` anew.
pub(crate) fn unit() -> f64 {
    let number = RandomState::new().hash_one(0_u8);
    #[expect(clippy::cast_precision_loss, reason = "53 bits of chance are plenty")]
    let unit = number as f64 / u64::MAX as f64;
    unit
}
