//! The handlers of one connection whose calls are over, and that run to their end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::task::JoinHandle;

/// Handlers that outlive their calls, and perhaps their connection. They end with the server.
#[derive(Debug, Default)]
pub(crate) struct Lasting {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    handlers: Vec<JoinHandle<()>>,
    is_cut_off: bool,
}

impl Lasting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a handler whose call is over.
    pub(super) fn add(&self, handler: JoinHandle<()>) {
        let mut state = self.state();
        if state.is_cut_off {
            handler.abort();
            return;
        }
        if state.handlers.len() == state.handlers.capacity() {
            state.handlers.retain(|handler| !handler.is_finished());
        }
        state.handlers.push(handler);
    }

    /// Waits until all have ended.
    pub(super) async fn ended(&self) {
        poll_fn(|cx| {
            let handlers = &mut self.state().handlers;
            handlers.retain_mut(|handler| Pin::new(handler).poll(cx).is_pending());
            if handlers.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Drops all of them, and those that come.
    pub(super) fn cut_off(&self) {
        let mut state = self.state();
        state.is_cut_off = true;
        for handler in state.handlers.drain(..) {
            handler.abort();
        }
    }
}
