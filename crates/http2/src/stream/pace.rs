//! How much comes on a stream, for the estimate of what its path holds.

/// What came on one stream, by the epochs of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    epoch: u32,
    len: u32,
    last_len: u32,
}

impl Pace {
    /// Counts DATA.
    #[inline]
    pub(crate) fn count(&mut self, len: usize, epoch: u32) {
        if self.epoch != epoch {
            let is_next = self.epoch.wrapping_add(1) == epoch;
            self.last_len = if is_next { self.len } else { 0 };
            self.len = 0;
            self.epoch = epoch;
        }
        self.len = self
            .len
            .saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
    }

    /// Bytes of this epoch or the last, whichever were more.
    pub(crate) fn best_len(&self) -> u32 {
        self.len.max(self.last_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_of_the_latest_two_epochs() {
        let mut pace = Pace::default();
        // (epoch, bytes, the best of this and the last epoch)
        let table = [
            (0, 5, 5),
            (0, 6, 11),
            (1, 7, 11),
            (2, 1, 7),
            (4, 2, 2),
            (5, 3, 3),
        ];
        for (epoch, len, want) in table {
            pace.count(len, epoch);
            assert_eq!(pace.best_len(), want, "{len} in epoch {epoch}");
        }
    }
}
