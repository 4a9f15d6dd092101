//! Calls with a single reply, through their interceptors: the same at both ends.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Call, Chain};
use crate::{Response, Status};

/// Runs a call whose answer is a single reply. `rest` makes that answer: a handler, or a connection.
///
/// # Errors
/// What the outermost interceptor says; INTERNAL if it says that all is well and there is no reply.
pub(crate) async fn single<Resp, R, F>(chain: &Chain, call: Call, rest: R) -> Answer<Resp>
where
    Resp: Send + 'static,
    R: FnOnce(Call) -> F + Send + 'static,
    F: Future<Output = Answer<Resp>> + Send + 'static,
{
    // The reply waits here while its trailers pass the interceptors.
    let place = Arc::new(Mutex::new(None));
    let reply = Arc::clone(&place);
    let end = chain.run(call, async move |call: Call| {
        let hooks = Arc::clone(call.hooks());
        let answer = rest(call).await;
        hooks.check()?;
        let mut response = answer?;
        hooks.head(response.metadata_mut());
        hooks.reply(response.message_mut())?;
        let trailers = mem::take(response.trailers_mut());
        *reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
        Ok(trailers)
    });
    let trailers = end.await?;
    let response = place.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut response = response.ok_or_else(no_reply)?;
    *response.trailers_mut() = trailers;
    Ok(response)
}

type Answer<T> = Result<Response<T>, Status>;

/// The status of a call that an interceptor ended well, but without its reply.
pub(crate) fn no_reply() -> Status {
    Status::internal("an interceptor has ended the call well, but there is no reply")
}
