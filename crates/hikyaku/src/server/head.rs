//! What request heads mean, remembered.

use hikyaku_http2::Headers;

use super::router::Router;
use crate::call::server::{self as wire, Refusal, RequestHead};
use crate::compression::Registry;

/// What the header blocks of recent calls meant, so that a repeated block is not read again.
#[derive(Default)]
pub(crate) struct KnownHeads {
    recent: Vec<(Headers, KnownHead)>,
    oldest_index: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct KnownHead {
    pub(crate) method: usize,
    pub(crate) takes_stream: bool,
    pub(crate) answers_stream: bool,
    pub(crate) head: RequestHead,
}

/// Heads worth remembering on one connection: a client calls few methods at a time.
const MAX_KNOWN_COUNT: usize = 4;

impl KnownHeads {
    #[inline]
    pub(crate) fn read(
        &mut self,
        headers: &Headers,
        router: &Router,
        codings: &Registry,
    ) -> Result<KnownHead, Refusal> {
        if let Some((_, known)) = self.recent.iter().find(|(recent, _)| recent.same(headers)) {
            return Ok(*known);
        }
        self.read_new(headers, router, codings)
    }

    #[inline(never)]
    fn read_new(
        &mut self,
        headers: &Headers,
        router: &Router,
        codings: &Registry,
    ) -> Result<KnownHead, Refusal> {
        let head = wire::read_request(headers, codings)?;
        let format = head.terms.format;
        let method = router
            .find(headers.path().unwrap_or_default())
            .map_err(|status| Refusal::Grpc(format, status))?;
        let found = router.method(method);
        if !found.is_some_and(|method| method.speaks(format)) {
            return Err(Refusal::Http(415));
        }
        let kind = found.map(|method| method.kind());
        let takes_stream = kind.is_some_and(|kind| kind.takes_stream());
        let answers_stream = kind.is_some_and(|kind| kind.answers_stream());
        let known = KnownHead {
            method,
            takes_stream,
            answers_stream,
            head,
        };
        if !headers.is_shared() {
            // The connection does not know the block again, and so gives this list out once.
            return Ok(known);
        }
        if self.recent.len() < MAX_KNOWN_COUNT {
            self.recent.reserve_exact(1);
            self.recent.push((headers.clone(), known));
        } else if let Some(oldest) = self.recent.get_mut(self.oldest_index) {
            *oldest = (headers.clone(), known);
            self.oldest_index = (self.oldest_index + 1) % MAX_KNOWN_COUNT;
        }
        Ok(known)
    }
}
