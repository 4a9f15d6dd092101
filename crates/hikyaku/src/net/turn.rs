//! What a handler sends while it is polled.
//!
//! ```text
//! a poll begins -- send: into the mailbox, rings -- send, send, send: gathered here -- the poll ends
//!                                                                                     |
//!                      mailbox <---- together, with one lock ---------------------------'
//! ```
//!
//! To lock a mailbox costs more than to encode a small message. So the replies that a handler sends in
//! one poll, behind the first, are gathered in a variable of its thread. They leave it when the poll
//! ends, when the driver has come for the first and could take more, and when they fill what room there
//! is. Who sends elsewhere meanwhile waits for them: the order stays.

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;

use bytes::BytesMut;

use super::mailbox::Mailbox;

thread_local! {
    static TURN: RefCell<Turn> = RefCell::default();
}

/// The messages of the handler that this thread polls at the moment.
#[derive(Default)]
struct Turn {
    mailbox: Option<Arc<Mailbox>>,
    /// Framed messages.
    bytes: BytesMut,
    /// What may be gathered: 0 unless the mailbox waits for it. Bytes.
    room_len: usize,
}

impl Turn {
    fn is_of(&self, mailbox: &Arc<Mailbox>) -> bool {
        let ours = self.mailbox.as_ref();
        ours.is_some_and(|ours| Arc::ptr_eq(ours, mailbox))
    }

    /// Gives the mailbox what was gathered for it.
    fn settle(&mut self) {
        if mem::take(&mut self.room_len) > 0
            && let Some(mailbox) = &self.mailbox
        {
            mailbox.end_turn(&mut self.bytes);
        }
    }
}

/// Polls the handler of a call, which may gather messages for its mailbox.
pub(crate) fn enter<T>(mailbox: &Arc<Mailbox>, poll: impl FnOnce() -> T) -> T {
    let mut before = Turn {
        mailbox: Some(Arc::clone(mailbox)),
        ..Turn::default()
    };
    swap(&mut before);
    let _entered = Entered { before };
    poll()
}

/// Puts back what was there before, panics included.
struct Entered {
    before: Turn,
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(&mut self.before);
        self.before.settle();
    }
}

/// Exchanges the turn of the thread for another, but for memory that is not in use.
fn swap(turn: &mut Turn) {
    let _ = TURN.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            mem::swap(&mut *current, turn);
            if turn.bytes.is_empty() && current.bytes.is_empty() {
                mem::swap(&mut current.bytes, &mut turn.bytes);
            }
        }
    });
}

/// Adds a message to those that are gathered for a mailbox. `None` if there are none at the moment, or
/// no more shall be.
#[inline]
pub(crate) fn gather<T>(
    mailbox: &Arc<Mailbox>,
    write: impl FnOnce(&mut BytesMut) -> T,
) -> Option<T> {
    let gathered = TURN.try_with(|turn| {
        let mut turn = turn.try_borrow_mut().ok()?;
        let before = turn.bytes.len();
        if before >= turn.room_len || !turn.is_of(mailbox) || !mailbox.is_rung() {
            return None;
        }
        let written = write(&mut turn.bytes);
        if turn.bytes.len() - before > MAX_GATHERED_LEN {
            // The next goes into the mailbox, behind those that are here.
            turn.room_len = turn.room_len.min(turn.bytes.len());
        }
        Some(written)
    });
    gathered.ok().flatten()
}

/// Gives a mailbox what has been gathered for it.
pub(crate) fn settle(mailbox: &Arc<Mailbox>) {
    let _ = TURN.try_with(|turn| {
        if let Ok(mut turn) = turn.try_borrow_mut()
            && turn.is_of(mailbox)
        {
            turn.settle();
        }
    });
}

/// Begins to gather, if this thread polls the handler of this mailbox. Says whether it has begun: the
/// mailbox then waits for [`Mailbox::end_turn`].
pub(super) fn begin(mailbox: &Arc<Mailbox>, message_len: usize, room_len: usize) -> bool {
    if message_len > MAX_GATHERED_LEN {
        return false;
    }
    let begun = TURN.try_with(|turn| {
        let Ok(mut turn) = turn.try_borrow_mut() else {
            return false;
        };
        let may_begin = room_len > 0 && turn.is_of(mailbox);
        if may_begin {
            turn.room_len = room_len;
        }
        may_begin
    });
    begun.unwrap_or(false)
}

/// Messages behind a longer one are not gathered: a lock is cheap beside it, and what is gathered may
/// have to be copied. Bytes.
const MAX_GATHERED_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::net::mailbox::{MAX_OUTBOUND_LEN, Patience};
    use crate::net::outbox::Outbox;

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(Outbox::new(), Patience::Eager, 1))
    }

    /// Sends as a stream does. Says whether there was room.
    fn send(mailbox: &Arc<Mailbox>, message: &[u8]) -> bool {
        let write = |bytes: &mut BytesMut| {
            bytes.extend_from_slice(message);
            Ok(())
        };
        let sent = gather(mailbox, write).or_else(|| mailbox.try_send(write));
        sent.is_some()
    }

    fn found(mailbox: &Mailbox) -> Vec<u8> {
        mailbox.outbound().bytes.to_vec()
    }

    #[test]
    fn what_is_sent_behind_the_first_is_there_when_the_poll_ends() {
        let mailbox = mailbox();
        enter(&mailbox, || {
            for message in [b"a", b"b", b"c"] {
                assert!(send(&mailbox, message));
            }
            assert_eq!(found(&mailbox), b"a");
        });
        assert_eq!(found(&mailbox), b"abc");
        assert!(send(&mailbox, b"d"), "outside of a poll");
        assert_eq!(found(&mailbox), b"abcd");
    }

    #[test]
    fn a_driver_that_has_come_is_rung_again_at_once() {
        let mailbox = mailbox();
        enter(&mailbox, || {
            send(&mailbox, b"a");
            send(&mailbox, b"b");
            mailbox.collect().bytes.clear();
            assert!(!mailbox.is_rung());
            send(&mailbox, b"c");
            assert!(mailbox.is_rung());
            assert_eq!(found(&mailbox), b"bc");
        });
    }

    #[test]
    fn no_more_is_gathered_than_there_is_room_for() {
        let mailbox = mailbox();
        let mut len = 0;
        enter(&mailbox, || {
            while send(&mailbox, &[7; 100]) {
                len += 100;
                assert!(len < MAX_OUTBOUND_LEN + 100);
            }
        });
        assert_eq!(found(&mailbox).len(), len);
        assert!(len >= MAX_OUTBOUND_LEN);
    }

    #[test]
    fn a_long_message_is_not_gathered_behind_others_for_long() {
        let mailbox = mailbox();
        enter(&mailbox, || {
            let long = [7; MAX_GATHERED_LEN + 1];
            send(&mailbox, &long);
            send(&mailbox, b"a");
            assert_eq!(found(&mailbox).len(), long.len() + 1);
            send(&mailbox, &long);
            assert_eq!(found(&mailbox).len(), long.len() + 1, "gathered");
            send(&mailbox, b"b");
            assert_eq!(found(&mailbox).len(), 2 * long.len() + 2);
        });
    }

    #[test]
    fn who_sends_elsewhere_waits_for_what_is_gathered() {
        let mailbox = mailbox();
        let mut sending = pin!(poll_fn(|cx| mailbox.poll_send(cx, |outbound| {
            outbound.bytes.extend_from_slice(b"c");
            Ok(())
        })));
        let mut cx = Context::from_waker(Waker::noop());
        enter(&mailbox, || {
            send(&mailbox, b"a");
            send(&mailbox, b"b");
            std::thread::scope(|scope| {
                let elsewhere = scope.spawn(|| {
                    let mut cx = Context::from_waker(Waker::noop());
                    assert!(sending.as_mut().poll(&mut cx).is_pending());
                    assert!(!send(&mailbox, b"c"));
                });
                elsewhere.join().unwrap();
            });
        });
        assert!(matches!(
            sending.as_mut().poll(&mut cx),
            Poll::Ready(Ok(()))
        ));
        assert_eq!(found(&mailbox), b"abc");
    }

    #[test]
    fn polls_inside_of_others_and_panics_lose_nothing() {
        let (outer, inner) = (mailbox(), mailbox());
        enter(&outer, || {
            send(&outer, b"a");
            send(&outer, b"b");
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                enter(&inner, || {
                    send(&inner, b"x");
                    send(&inner, b"y");
                    assert_eq!(found(&inner), b"x");
                    std::panic::resume_unwind(Box::new(()));
                })
            }));
            assert!(panicked.is_err());
            assert_eq!(found(&inner), b"xy");
            send(&outer, b"c");
            assert_eq!(found(&outer), b"a");
        });
        assert_eq!(found(&outer), b"abc");
    }
}
