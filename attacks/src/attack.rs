//! What an attack is, and what comes of one.

use std::error::Error;
use std::fmt::Write as _;
use std::pin::Pin;
use std::time::Duration;

use crate::arena::Arena;
use crate::attacker::{Attacker, Ending};

/// Why an attack could not be made: a failure of its own, whatever the victim did.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// An attack that runs.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Outcome, Trouble>> + Send>>;

/// One attack of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attack {
    /// The class in the catalogue. Several attacks may be of one class.
    pub(crate) number: u8,
    pub(crate) name: &'static str,
    pub(crate) pace: Pace,
    pub(crate) scale: Scale,
    pub(crate) run: fn(Arena) -> Running,
}

/// Whether an attack keeps the machine busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It sends as fast as it can: it runs alone.
    Fast,
    /// It waits most of the time, mostly for a timer of the victim: all of these run side by side.
    Waits,
}

/// How many connections an attack has, which is what it may cost in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// One, or few.
    One,
    /// A hundred and more.
    Hundred,
}

impl Attack {
    /// An attack that sends as fast as it can, on one connection.
    pub(crate) const fn new(number: u8, name: &'static str, run: fn(Arena) -> Running) -> Self {
        Self {
            number,
            name,
            pace: Pace::Fast,
            scale: Scale::One,
            run,
        }
    }

    /// The same, side by side with others.
    pub(crate) const fn waiting(mut self) -> Self {
        self.pace = Pace::Waits;
        self
    }

    /// The same, with what a hundred connections may cost.
    pub(crate) const fn with_many_connections(mut self) -> Self {
        self.scale = Scale::Hundred;
        self
    }
}

/// What an attacker saw of its victim.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the victim did.
    pub(crate) words: String,
    /// Whether it ended the connection, or stopped reading from it.
    pub(crate) is_cut_off: bool,
    /// Whether it was honest work, of which a victim may do as much as it can.
    pub(crate) is_work: bool,
    /// What it should have done and did not.
    pub(crate) faults: Vec<String>,
}

impl Outcome {
    /// The victim went on serving.
    pub(crate) fn served(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            is_cut_off: false,
            is_work: false,
            faults: Vec::new(),
        }
    }

    /// The victim went on serving, as it should: all of it was work that an honest client may ask
    /// for.
    pub(crate) fn worked(words: impl Into<String>) -> Self {
        Self {
            is_work: true,
            ..Self::served(words)
        }
    }

    /// The victim would have no more of it.
    pub(crate) fn cut_off(words: impl Into<String>) -> Self {
        Self {
            is_cut_off: true,
            ..Self::served(words)
        }
    }

    /// How an attacker fared.
    pub(crate) fn of(attacker: &Attacker, ending: &Ending) -> Self {
        Self {
            is_cut_off: *ending != Ending::Served,
            ..Self::served(attacker.describe(ending))
        }
    }

    /// Says more.
    #[must_use]
    pub(crate) fn and(mut self, words: impl AsRef<str>) -> Self {
        self.words.push_str(", ");
        self.words.push_str(words.as_ref());
        self
    }

    /// Says how long it took.
    #[must_use]
    pub(crate) fn and_time(mut self, took: Duration) -> Self {
        let _ = write!(self.words, ", {:.1} s", took.as_secs_f64());
        self
    }

    /// Adds an expectation of this attack alone.
    #[must_use]
    pub(crate) fn must(mut self, holds: bool, expectation: impl Into<String>) -> Self {
        if !holds {
            self.faults.push(expectation.into());
        }
        self
    }

    /// The attacker must have been cut off.
    #[must_use]
    pub(crate) fn must_be_cut_off(self) -> Self {
        let is_cut_off = self.is_cut_off;
        self.must(is_cut_off, "the attacker should have been cut off")
    }
}
