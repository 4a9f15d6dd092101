//! Calls of numbers, in fewer words.

use hikyaku::client::{ClientStreaming, Sender, Streaming};
use hikyaku::{Channel, Request, Response, Status};

use super::Plain;

pub(crate) trait Calling {
    /// One request, one reply.
    async fn ask(
        &self,
        path: &'static str,
        n: impl Into<Request<u64>>,
    ) -> Result<Response<u64>, Status>;
    /// One request, many replies.
    async fn list(&self, path: &'static str, n: impl Into<Request<u64>>) -> Streaming<u64>;
    /// Many requests, one reply.
    async fn tell(
        &self,
        path: &'static str,
        head: impl Into<Request<()>>,
    ) -> ClientStreaming<u64, u64>;
    /// Many requests, many replies.
    async fn talk(
        &self,
        path: &'static str,
        head: impl Into<Request<()>>,
    ) -> (Sender<u64>, Streaming<u64>);
}

impl Calling for Channel {
    async fn ask(
        &self,
        path: &'static str,
        n: impl Into<Request<u64>>,
    ) -> Result<Response<u64>, Status> {
        self.unary::<Plain, u64, u64>(path, n.into()).await
    }

    async fn list(&self, path: &'static str, n: impl Into<Request<u64>>) -> Streaming<u64> {
        self.server_streaming::<Plain, u64, u64>(path, n.into())
            .await
            .unwrap()
    }

    async fn tell(
        &self,
        path: &'static str,
        head: impl Into<Request<()>>,
    ) -> ClientStreaming<u64, u64> {
        self.client_streaming::<Plain, u64, u64>(path, head.into())
            .await
            .unwrap()
    }

    async fn talk(
        &self,
        path: &'static str,
        head: impl Into<Request<()>>,
    ) -> (Sender<u64>, Streaming<u64>) {
        self.bidi_streaming::<Plain, u64, u64>(path, head.into())
            .await
            .unwrap()
    }
}

/// All that comes, and how it ends.
pub(crate) async fn collect(mut replies: Streaming<u64>) -> (Vec<u64>, Result<(), Status>) {
    let mut all = Vec::new();
    loop {
        match replies.next().await {
            Ok(Some(reply)) => all.push(reply),
            Ok(None) => return (all, Ok(())),
            Err(status) => return (all, Err(status)),
        }
    }
}
