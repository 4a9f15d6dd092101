//! What the code that this thread runs at the moment belongs to.
//!
//! It changes hands around each poll of a handler: what is current moves into a variable of the
//! thread, and back behind the poll, panics included. That allocates nothing; what has to be shared
//! with others ([`Life`]) is made when somebody wants to.

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::life::{Life, Over};

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current::NOTHING) };
}

/// What code runs for.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) inside: Inside,
    pub(super) deadline: Option<Instant>,
    /// What tells of the end of the call; made when it is first needed.
    pub(super) life: Option<Arc<Life>>,
}

/// Where code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Not for a call.
    Nothing,
    /// In the handler's own future, which is dropped when the call is over.
    Handler,
    /// In a task or thread that was told which call it runs for.
    Scope,
    /// In what runs to its end.
    Lasting,
}

/// Whether a call inherits from the one it is made in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    #[default]
    Inherits,
    Detached,
}

impl Current {
    const NOTHING: Self = Self {
        inside: Inside::Nothing,
        deadline: None,
        life: None,
    };

    /// Runs something as what belongs to this.
    #[inline]
    fn enter<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(self);
        run()
    }

    /// Runs something that was given this along. In the handler it comes from it stays the handler.
    pub(super) fn enter_again<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let is_handler = with(|current| {
            let lives = current.life.as_ref().zip(self.life.as_ref());
            current.inside == Inside::Handler && lives.is_some_and(|(a, b)| Arc::ptr_eq(a, b))
        });
        let told = self.inside;
        if is_handler && told == Inside::Scope {
            self.inside = Inside::Handler;
        }
        let output = self.enter(run);
        self.inside = told;
        output
    }

    /// The same for code elsewhere.
    pub(super) fn capture(&mut self) -> Self {
        let inside = match self.inside {
            Inside::Nothing => return Self::NOTHING,
            Inside::Handler | Inside::Scope => Inside::Scope,
            Inside::Lasting => Inside::Lasting,
        };
        Self {
            inside,
            deadline: self.deadline,
            life: Some(Arc::clone(self.life())),
        }
    }

    fn life(&mut self) -> &Arc<Life> {
        self.life.get_or_insert_default()
    }
}

impl Default for Current {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// Looks at what the running code belongs to.
pub(super) fn with<T>(look: impl FnOnce(&mut Current) -> T) -> T {
    // A thread that ends has nothing left to belong to.
    let mut current = CURRENT.try_with(RefCell::take).unwrap_or_default();
    let output = look(&mut current);
    let _ = CURRENT.try_with(|cell| cell.replace(current));
    output
}

/// The deadline of a call that is about to be made, and what it has to end with.
pub(crate) fn inherit(own: Option<Instant>, reach: Reach) -> (Option<Instant>, Option<Arc<Life>>) {
    let inside = CURRENT.try_with(|current| current.borrow().inside);
    match inside.unwrap_or(Inside::Nothing) {
        Inside::Handler | Inside::Scope if reach == Reach::Inherits => with(|current| {
            let deadline = [own, current.deadline].into_iter().flatten().min();
            (deadline, Some(Arc::clone(current.life())))
        }),
        Inside::Nothing | Inside::Lasting | Inside::Handler | Inside::Scope => (own, None),
    }
}

/// While this is there, what it was made with is current, and what was current is there instead.
struct Entered<'a>(&'a mut Current);

impl<'a> Entered<'a> {
    fn new(inner: &'a mut Current) -> Self {
        CURRENT.with_borrow_mut(|current| mem::swap(current, inner));
        Self(inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| mem::swap(current, self.0));
    }
}

/// What belongs to one call at a server. Kept with its handler, and dropped behind it: the call is
/// over then.
pub(crate) struct Scope(Current);

impl Scope {
    /// What a call with this deadline is handled in.
    pub(crate) fn of_call(deadline: Option<Instant>) -> Self {
        Self(Current {
            inside: Inside::Handler,
            deadline,
            life: None,
        })
    }

    /// Polls the handler.
    #[inline]
    pub(crate) fn enter<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        self.0.enter(poll)
    }

    /// What tells of the end of the call.
    pub(crate) fn life(&mut self) -> Arc<Life> {
        Arc::clone(self.0.life())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Some(life) = mem::take(&mut self.0.life) {
            life.end(Over::Returned);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn inside() -> Inside {
        with(|current| current.inside)
    }

    #[test]
    fn what_is_current_comes_back_also_behind_a_panic() {
        let mut outer = Scope::of_call(None);
        outer.enter(|| {
            let captured = with(Current::capture);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let mut inner = Scope::of_call(Some(Instant::now()));
                inner.enter(|| panic!("as it may"))
            }));
            assert!(panicked.is_err());
            with(|current| {
                assert_eq!(current.inside, Inside::Handler);
                assert_eq!(current.deadline, None);
                assert!(Arc::ptr_eq(current.life(), &captured.life.unwrap()));
            });
        });
        assert_eq!(inside(), Inside::Nothing);
    }

    #[test]
    fn a_call_that_nobody_asks_about_shares_nothing() {
        let mut scope = Scope::of_call(None);
        scope.enter(|| assert_eq!(inside(), Inside::Handler));
        assert!(scope.0.life.is_none());
    }

    #[test]
    fn a_handler_that_scopes_itself_stays_the_handler_and_a_thread_does_not_become_it() {
        let mut scope = Scope::of_call(None);
        let mut captured = scope.enter(|| with(Current::capture));
        scope.enter(|| assert_eq!(captured.enter_again(inside), Inside::Handler));
        assert_eq!(captured.enter_again(inside), Inside::Scope);
        let mut other = Scope::of_call(None);
        other.enter(|| assert_eq!(captured.enter_again(inside), Inside::Scope));
        captured.inside = Inside::Lasting;
        scope.enter(|| assert_eq!(captured.enter_again(inside), Inside::Lasting));
    }

    #[test]
    fn the_earlier_deadline_counts_unless_the_call_is_detached_or_lasts() {
        let early = Instant::now();
        let late = early + std::time::Duration::from_secs(1);
        // (own, inherited, what counts)
        let table = [
            (None, None, None),
            (Some(late), None, Some(late)),
            (None, Some(late), Some(late)),
            (Some(early), Some(late), Some(early)),
            (Some(late), Some(early), Some(early)),
        ];
        for (own, inherited, want) in table {
            let mut scope = Scope::of_call(inherited);
            scope.enter(|| {
                assert_eq!(inherit(own, Reach::Inherits).0, want);
                let (deadline, life) = inherit(own, Reach::Detached);
                assert!(deadline == own && life.is_none());
                let mut lasting = with(Current::capture);
                lasting.inside = Inside::Lasting;
                let (deadline, life) = lasting.enter_again(|| inherit(own, Reach::Inherits));
                assert!(deadline == own && life.is_none());
            });
            assert_eq!(inherit(own, Reach::Inherits).0, own);
        }
    }
}
