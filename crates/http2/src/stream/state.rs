//! The life of a stream (RFC 9113 §5.1), without the reserved states: push is disabled.
//!
//! ```text
//!            Headers            End(Local)
//!   Idle ------------> Open -----------------> HalfClosedLocal
//!                        |                          |
//!            End(Remote) |                          | End(Remote)
//!                        v         End(Local)       v
//!               HalfClosedRemote -------------->  Closed
//!
//!   Reset leads from every state but Idle to Closed.
//! ```

use crate::Side;

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has used it.
    Idle,
    /// Both sides may send.
    Open,
    /// Only the peer may send.
    HalfClosedLocal,
    /// Only this end may send.
    HalfClosedRemote,
    /// Nobody may send.
    Closed,
}

/// What moves a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A header block from this side.
    Headers(Side),
    /// A piece of the body from this side.
    Data(Side),
    /// END_STREAM from this side, on a frame that was a step of its own.
    End(Side),
    /// RST_STREAM from either side.
    Reset,
}

/// A step the drawing does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalStep {
    /// Where the stream was, and stays.
    pub state: State,
    /// The step.
    pub step: Step,
}

impl State {
    /// The state after `step`.
    ///
    /// # Errors
    /// [`IllegalStep`] for every pair the drawing does not show. Whether that is the peer's fault
    /// (`STREAM_CLOSED`, `PROTOCOL_ERROR`) or ours (`UserError`) is the caller's to say.
    #[inline]
    pub const fn step(self, step: Step) -> Result<Self, IllegalStep> {
        use Side::{Local, Remote};
        Ok(match (self, step) {
            (Self::Idle, Step::Headers(_)) => Self::Open,
            (Self::Open | Self::HalfClosedRemote, Step::Headers(Local) | Step::Data(Local))
            | (Self::Open | Self::HalfClosedLocal, Step::Headers(Remote) | Step::Data(Remote)) => {
                self
            }
            (Self::Open, Step::End(Local)) => Self::HalfClosedLocal,
            (Self::Open, Step::End(Remote)) => Self::HalfClosedRemote,
            (Self::HalfClosedRemote, Step::End(Local))
            | (Self::HalfClosedLocal, Step::End(Remote))
            | (Self::Open | Self::HalfClosedLocal | Self::HalfClosedRemote, Step::Reset) => {
                Self::Closed
            }
            (state, step) => return Err(IllegalStep { state, step }),
        })
    }

    /// Whether this side may send a piece of the body: [`Step::Data`], for those who ask often.
    #[must_use]
    #[inline]
    pub const fn is_open_to(self, side: Side) -> bool {
        match side {
            Side::Local => matches!(self, Self::Open | Self::HalfClosedRemote),
            Side::Remote => matches!(self, Self::Open | Self::HalfClosedLocal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Closed, HalfClosedLocal, HalfClosedRemote, Idle, Open};
    use super::Step::{Data, End, Headers, Reset};
    use super::*;
    use crate::Side::{Local, Remote};

    /// Every state times every step. `None` is "illegal". Column order: `STEPS`.
    #[test]
    fn the_whole_table() {
        const STEPS: [Step; 7] = [
            Headers(Local),
            Headers(Remote),
            Data(Local),
            Data(Remote),
            End(Local),
            End(Remote),
            Reset,
        ];
        const OPEN: Option<State> = Some(Open);
        const LOCAL: Option<State> = Some(HalfClosedLocal);
        const REMOTE: Option<State> = Some(HalfClosedRemote);
        const CLOSED: Option<State> = Some(Closed);
        #[rustfmt::skip]
        let table: [(State, [Option<State>; 7]); 5] = [
            (Idle,             [OPEN,   OPEN,  None,   None,  None,   None,   None]),
            (Open,             [OPEN,   OPEN,  OPEN,   OPEN,  LOCAL,  REMOTE, CLOSED]),
            (HalfClosedLocal,  [None,   LOCAL, None,   LOCAL, None,   CLOSED, CLOSED]),
            (HalfClosedRemote, [REMOTE, None,  REMOTE, None,  CLOSED, None,   CLOSED]),
            (Closed,           [None,   None,  None,   None,  None,   None,   None]),
        ];
        for (from, row) in table {
            for (step, want) in STEPS.into_iter().zip(row) {
                assert_eq!(from.step(step).ok(), want, "{from:?} + {step:?}");
                if let Data(side) = step {
                    assert_eq!(
                        from.is_open_to(side),
                        want.is_some(),
                        "{from:?} to {side:?}"
                    );
                }
            }
        }
    }
}
