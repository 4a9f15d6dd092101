//! How much may be sent: to the peer ([`Window`]) and by the peer ([`Credit`]) (RFC 9113 §5.2).

/// Bytes we may still send.
///
/// Negative after the peer lowers `SETTINGS_INITIAL_WINDOW_SIZE` below what we already spent;
/// nothing may be sent until grants lift it above zero.
///
/// Invariant: `self.0 <= Self::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(i64);

/// A window raised over [`Window::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOverflow {
    /// Bytes the window would hold.
    pub credit: i64,
}

impl Window {
    /// Largest legal credit, in bytes (RFC 9113 §6.9.1).
    pub const MAX: i64 = (1 << 31) - 1;
    /// The window of a connection, and of a stream without SETTINGS (RFC 9113 §6.9.2).
    pub const INITIAL: u32 = 65_535;

    /// A fresh window. Values over [`Window::MAX`] are cut; SETTINGS have been checked before.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        Self(i64::from(bytes).min(Self::MAX))
    }

    /// Adds the increment of a WINDOW_UPDATE frame, in bytes.
    ///
    /// # Errors
    /// [`WindowOverflow`] if the credit would pass [`Window::MAX`]. The window is unchanged.
    pub fn grant(&mut self, bytes: u32) -> Result<(), WindowOverflow> {
        self.shift(i64::from(bytes))
    }

    /// Follows a change of `SETTINGS_INITIAL_WINDOW_SIZE`, up or down (RFC 9113 §6.9.2).
    ///
    /// # Errors
    /// [`WindowOverflow`] as in [`Window::grant`].
    pub fn shift(&mut self, bytes: i64) -> Result<(), WindowOverflow> {
        let credit = self.0.saturating_add(bytes);
        if credit > Self::MAX {
            return Err(WindowOverflow { credit });
        }
        self.0 = credit;
        Ok(())
    }

    /// Bytes that may be sent now; 0 while the window is negative.
    #[must_use]
    pub fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// Takes `bytes` that are sent now; the caller has asked [`Window::available`] before.
    pub fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub_unsigned(bytes as u64);
    }
}

/// Bytes the peer may still send, and what it gets back.
///
/// Every byte of `target` is in one of three places: granted and not yet used (`left`), with our
/// owner or withheld (neither), or given back and not yet told to the peer (`released`).
///
/// ```text
/// target 100:  left 100 --DATA 60--> left 40 --release 60--> released 60 --grant--> left 100
/// ```
///
/// A window that was granted cannot be taken back: when the target falls, what is out above it is
/// the `surplus`, which what comes back is used up for first.
///
/// Invariant: `target + surplus == left + outstanding + released`, and one of `surplus` and
/// `released` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    target: i64,
    left: i64,
    released: i64,
    surplus: i64,
}

/// DATA beyond the credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// Bytes that were left.
    pub left: i64,
}

impl Credit {
    /// Credit of which the peer already knows all `bytes`.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        let target = i64::from(bytes).min(Window::MAX);
        Self {
            target,
            left: target,
            released: 0,
            surplus: 0,
        }
    }

    /// Takes a DATA frame of `len` bytes, padding included.
    ///
    /// # Errors
    /// [`Overrun`] if the peer was not granted as much. Nothing is taken.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<(), Overrun> {
        let left = self.left.saturating_sub_unsigned(len as u64);
        if left < 0 && len > 0 {
            return Err(Overrun { left: self.left });
        }
        self.left = left;
        Ok(())
    }

    /// Takes `len` bytes that were within the window when they came.
    pub fn charge(&mut self, len: usize) {
        self.left = self.left.saturating_sub_unsigned(len as u64);
    }

    /// Gives `len` bytes back; more than are out are not given. Returns how many were.
    #[inline]
    pub fn release(&mut self, len: usize) -> i64 {
        let out = self.outstanding();
        let len = i64::try_from(len).map_or(out, |len| len.min(out));
        self.released += len;
        self.settle();
        len
    }

    /// Keeps `len` bytes of what was taken back, and gives back all the others.
    #[inline]
    pub fn withhold(&mut self, len: i64) {
        self.released = (self.target + self.surplus - self.left - len).max(0);
        self.settle();
    }

    /// Bytes the peer may send now; negative after our own SETTINGS took away what it had used.
    #[must_use]
    pub fn left(&self) -> i64 {
        self.left
    }

    /// Bytes taken and not given back yet.
    #[must_use]
    #[inline]
    pub fn outstanding(&self) -> i64 {
        (self.target + self.surplus - self.left - self.released).max(0)
    }

    /// Bytes the peer may send before any come back, once all is granted.
    #[must_use]
    #[inline]
    pub fn target(&self) -> i64 {
        self.target
    }

    /// Sets the target: if it rises the difference goes to the peer with the next grant, if it falls
    /// the peer gets less of what comes back.
    pub fn aim(&mut self, bytes: i64) {
        let target = bytes.clamp(0, Window::MAX);
        self.surplus += self.target - target;
        self.target = target;
        self.settle();
    }

    /// Takes a surplus out of what came back; a negative one is a target that has risen.
    #[inline]
    fn settle(&mut self) {
        let cut = self.surplus.min(self.released);
        self.surplus -= cut;
        self.released -= cut;
    }

    /// Follows a change of our own SETTINGS that the peer has acknowledged.
    pub fn shift(&mut self, bytes: i64) {
        self.target += bytes;
        self.left += bytes;
    }

    /// Whether anything came back that the peer does not know of.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.released > 0
    }

    /// Whether enough came back to be worth a WINDOW_UPDATE of its own: half of the target, or so
    /// much that a frame for it costs nothing. A wide window is then granted nearly whole.
    #[must_use]
    #[inline]
    pub fn is_due(&self) -> bool {
        self.released > 0 && (self.released * 2 >= self.target || self.released >= MAX_LAZY_LEN)
    }

    /// Whether enough came back to be worth a WINDOW_UPDATE beside other output. So it is whenever one
    /// is due.
    #[must_use]
    #[inline]
    pub fn is_worth_a_ride(&self) -> bool {
        self.released > 0 && (self.released * 8 >= self.target || self.released >= MAX_LAZY_LEN / 4)
    }

    /// Whether as much came back as the peer has left, or more: due, too, when much is withheld and
    /// nothing else may come back.
    #[must_use]
    #[inline]
    pub fn is_needed(&self) -> bool {
        self.released > 0 && self.released >= self.left
    }

    /// Whether `len` bytes that only come back together cannot all come before there is a grant.
    #[must_use]
    #[inline]
    pub fn lacks(&self, len: i64) -> bool {
        self.released > 0 && self.left + self.outstanding() < len
    }

    /// The increment for a WINDOW_UPDATE with all that came back; 0 if nothing did.
    pub fn grant(&mut self) -> u32 {
        let bytes = u32::try_from(self.released).unwrap_or(0);
        self.left += i64::from(bytes);
        self.released -= i64::from(bytes);
        bytes
    }
}

/// What came back is granted at the latest when it is this much. Bytes; one WINDOW_UPDATE for as
/// many is a frame of 13 bytes for sixteen of DATA.
const MAX_LAZY_LEN: i64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_never_passes_its_maximum() {
        // (start, grant, credit afterwards; None is an overflow)
        let table = [
            (0, 1, Some(1)),
            (65_535, 0x7fff_ffff - 65_535, Some(0x7fff_ffff)),
            (65_535, 0x7fff_ffff - 65_534, None),
            (0x7fff_ffff, 0x7fff_ffff, None),
        ];
        for (start, grant, want) in table {
            let mut window = Window::new(start);
            let got = window.grant(grant).ok().map(|()| window.available());
            assert_eq!(got, want, "{start} + {grant}");
            if want.is_none() {
                assert_eq!(
                    window.available(),
                    start as usize,
                    "unchanged after {start} + {grant}"
                );
            }
        }
    }

    #[test]
    fn a_window_goes_negative_and_comes_back() {
        let mut window = Window::new(65_535);
        window.spend(60_000);
        window.shift(16_384 - 65_535).unwrap();
        assert_eq!(window, Window(-43_616));
        assert_eq!(window.available(), 0);
        window.grant(43_616).unwrap();
        assert_eq!(window.available(), 0);
        window.grant(1).unwrap();
        assert_eq!(window.available(), 1);
    }

    #[test]
    fn credit_is_neither_lost_nor_invented() {
        let mut credit = Credit::new(100);
        assert_eq!(credit.take(101), Err(Overrun { left: 100 }));
        credit.take(60).unwrap();
        credit.release(40);
        assert!(!credit.is_due());
        credit.release(1000);
        assert_eq!(credit.outstanding(), 0);
        assert!(credit.is_due());
        assert_eq!(credit.grant(), 60);
        assert_eq!(credit, Credit::new(100));
        assert_eq!(credit.grant(), 0);
    }

    #[test]
    fn a_raised_target_is_granted_once() {
        let mut credit = Credit::new(65_535);
        credit.aim(1 << 20);
        assert!(credit.is_due());
        assert_eq!(credit.grant(), (1 << 20) - 65_535);
        assert_eq!(credit, Credit::new(1 << 20));
        credit.aim(1 << 20);
        assert_eq!(credit.grant(), 0);
    }

    #[test]
    fn a_lowered_target_is_reached_by_what_comes_back() {
        let mut credit = Credit::new(100);
        credit.take(90).unwrap();
        credit.release(20);
        credit.aim(50);
        assert_eq!((credit.grant(), credit.outstanding()), (0, 70));
        credit.release(40);
        assert_eq!((credit.grant(), credit.outstanding()), (10, 30));
        credit.aim(60);
        credit.aim(55);
        credit.release(30);
        assert_eq!(credit.grant(), 35);
        assert_eq!(credit, Credit::new(55));
        // What was never told to the peer is taken back at once.
        credit.aim(1000);
        credit.aim(55);
        assert_eq!(credit, Credit::new(55));
    }

    #[test]
    fn what_is_withheld_is_neither_lost_nor_granted() {
        let mut credit = Credit::new(100);
        credit.take(60).unwrap();
        // (withheld, granted then)
        for (len, want) in [(60, 0), (45, 15), (45, 0), (50, 0), (0, 45)] {
            credit.withhold(len);
            assert_eq!(credit.grant(), want, "{len} withheld");
        }
        assert_eq!(credit, Credit::new(100));
        credit.aim(200);
        credit.withhold(30);
        assert_eq!((credit.grant(), credit.outstanding()), (70, 30));
    }

    #[test]
    fn a_wide_window_is_granted_early() {
        // (target, taken and given back, due, worth a ride)
        let table = [
            (65_535, 8_191, false, false),
            (65_535, 8_192, false, true),
            (65_535, 32_767, false, true),
            (65_535, 32_768, true, true),
            (16 << 20, (64 << 10) - 1, false, false),
            (16 << 20, 64 << 10, false, true),
            (16 << 20, (256 << 10) - 1, false, true),
            (16 << 20, 256 << 10, true, true),
            (0, 0, false, false),
        ];
        for (target, len, is_due, is_worth_a_ride) in table {
            let mut credit = Credit::new(target);
            credit.take(len).unwrap();
            credit.release(len);
            assert_eq!(credit.is_due(), is_due, "{len} of {target}");
            assert_eq!(
                credit.is_worth_a_ride(),
                is_worth_a_ride,
                "{len} of {target}"
            );
        }
    }

    #[test]
    fn credit_shrunk_under_what_was_used_takes_nothing_but_empty_frames() {
        let mut credit = Credit::new(100);
        credit.take(80).unwrap();
        credit.shift(-50);
        assert_eq!(credit.take(1), Err(Overrun { left: -30 }));
        assert_eq!(credit.take(0), Ok(()));
        credit.release(80);
        assert_eq!(credit.grant(), 80);
        assert_eq!(credit, Credit::new(50));
    }
}
