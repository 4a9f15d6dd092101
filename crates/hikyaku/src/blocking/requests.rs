//! What a blocking call takes as its stream of requests.

use crate::Request;

/// Anything that can be iterated for requests, alone or in a [`Request`] with metadata and a
/// deadline.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use hikyaku::Request;
/// use hikyaku::blocking::IntoRequests;
///
/// fn count(requests: impl IntoRequests<u32>) -> usize {
///     requests.into_requests().into_message().into_iter().count()
/// }
/// assert_eq!(count([1, 2, 3]), 3);
/// assert_eq!(count(Request::new(vec![1]).with_timeout(Duration::from_secs(1))), 1);
/// ```
pub trait IntoRequests<T> {
    /// Where the requests come from.
    type Requests: IntoIterator<Item = T>;

    /// The requests with what travels beside them.
    fn into_requests(self) -> Request<Self::Requests>;
}

impl<T, I: IntoIterator<Item = T>> IntoRequests<T> for I {
    type Requests = I;

    fn into_requests(self) -> Request<I> {
        Request::new(self)
    }
}

impl<T, I: IntoIterator<Item = T>> IntoRequests<T> for Request<I> {
    type Requests = I;

    fn into_requests(self) -> Self {
        self
    }
}
