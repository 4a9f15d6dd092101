//! What a figure means beside the one in the record.

use std::fmt;

/// How far a figure may be from the record, in percent: runs are within a tenth of one.
const MAX_CHANGE: f64 = 3.0;

/// What a figure means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is about what it was. Percent, as in the others.
    Kept(f64),
    /// More work than before.
    Grown(f64),
    /// Less work than before: the record should say so, lest it grow again unseen.
    Shrunk(f64),
    /// The record does not know it.
    Unknown,
}

impl Verdict {
    pub(crate) fn of(recorded: Option<f64>, measured: f64) -> Self {
        let Some(recorded) = recorded else {
            return Self::Unknown;
        };
        let change = (measured / recorded - 1.0) * 100.0;
        match change {
            change if change > MAX_CHANGE => Self::Grown(change),
            change if change < -MAX_CHANGE => Self::Shrunk(change),
            change => Self::Kept(change),
        }
    }

    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Grown(_) | Self::Unknown)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(change) => write!(f, "{change:>+8.1}%"),
            Self::Grown(change) => write!(f, "{change:>+8.1}%  FAILED: grown"),
            Self::Shrunk(change) => {
                write!(f, "{change:>+8.1}%  well done: record it with --update")
            }
            Self::Unknown => write!(f, "{:>9}  FAILED: not in the record", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_over_three_percent_fails_and_shrinking_does_not() {
        let table = [
            (Some(1000.0), 1000.0, "    +0.0%", false),
            (Some(1000.0), 1029.0, "    +2.9%", false),
            (Some(1000.0), 1031.0, "    +3.1%  FAILED: grown", true),
            (Some(1000.0), 971.0, "    -2.9%", false),
            (
                Some(1000.0),
                500.0,
                "   -50.0%  well done: record it with --update",
                false,
            ),
            (None, 1000.0, "           FAILED: not in the record", true),
        ];
        for (recorded, measured, want, is_failure) in table {
            let verdict = Verdict::of(recorded, measured);
            let got = (verdict.to_string(), verdict.is_failure());
            assert_eq!(
                got,
                (want.to_owned(), is_failure),
                "{recorded:?} {measured}"
            );
        }
    }
}
