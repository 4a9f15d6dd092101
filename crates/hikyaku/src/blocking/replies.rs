//! The replies of a blocking call, as an iterator.

use super::wait::wait;
use crate::client::Streaming;
use crate::{Metadata, Status};

/// The replies of a call, one after another; each step waits for the next.
///
/// A call that fails yields its status as the last item. Dropping it cancels the call.
///
/// # Example
/// ```
/// use hikyaku::Status;
/// use hikyaku::blocking::Replies;
///
/// fn longest(replies: Replies<String>) -> Result<Option<String>, Status> {
///     let all = replies.collect::<Result<Vec<_>, _>>()?;
///     Ok(all.into_iter().max_by_key(String::len))
/// }
/// ```
#[derive(Debug)]
pub struct Replies<T> {
    streaming: Streaming<T>,
    has_ended: bool,
}

impl<T> Replies<T> {
    pub(crate) fn new(streaming: Streaming<T>) -> Self {
        Self {
            streaming,
            has_ended: false,
        }
    }

    /// Whether the last reply came compressed.
    pub fn was_compressed(&self) -> bool {
        self.streaming.was_compressed()
    }

    /// What the server sent before its first reply. Waits for it.
    pub fn metadata(&self) -> Metadata {
        wait(self.streaming.metadata())
    }

    /// What the server sent after its last reply; `None` until the iterator has ended well.
    pub fn trailers(&self) -> Option<&Metadata> {
        self.streaming.trailers()
    }
}

impl<T> Iterator for Replies<T> {
    type Item = Result<T, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let next = wait(self.streaming.next()).transpose();
        self.has_ended = !matches!(next, Some(Ok(_)));
        next
    }
}
