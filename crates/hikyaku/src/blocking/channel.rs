//! A channel for code that is not async.

use std::io;
use std::sync::OnceLock;
use std::thread;

use tokio::runtime::{Builder, Runtime};

use super::replies::Replies;
use super::requests::IntoRequests;
use super::wait::wait;
use crate::client::{self, ChannelBuilder, ConnectError, Sender};
use crate::codec::Codec;
use crate::intercept::Interceptor;
use crate::net::loss::copy;
use crate::{Request, Response, Status};

/// A way to a server, shared by all calls to it. Cheap to clone, and usable from many threads.
///
/// It is a [`Channel`](crate::Channel) whose connections live on a background thread.
///
/// # Example
/// ```no_run
/// let channel = hikyaku::blocking::Channel::connect("http://localhost:1234")?;
/// // let users = UserManagerBlockingClient::new(channel);
/// # Ok::<(), hikyaku::Status>(())
/// ```
#[derive(Clone, Debug)]
pub struct Channel {
    channel: client::Channel,
}

impl Channel {
    /// Connects to a server: `http://HOST:PORT`, or `HOST:PORT`.
    ///
    /// # Errors
    /// [`ConnectError`], which `?` turns into a [`Status`].
    pub fn connect(target: &str) -> Result<Self, ConnectError> {
        Self::connect_with(client::Channel::builder(target))
    }

    /// Connects with other than the default options.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect_with(builder: ChannelBuilder) -> Result<Self, ConnectError> {
        let _inside = background()?.enter();
        Ok(Self {
            channel: wait(builder.connect())?,
        })
    }

    /// A channel that connects when the first call wants it.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn lazy(target: &str) -> Result<Self, ConnectError> {
        let _inside = background()?.enter();
        Ok(Self {
            channel: client::Channel::lazy(target)?,
        })
    }

    /// Another handle to the same connections, with an interceptor around its calls; see
    /// [`client::Channel::intercept`](crate::Channel::intercept).
    #[must_use]
    pub fn intercept(&self, interceptor: impl Interceptor) -> Self {
        Self {
            channel: self.channel.intercept(interceptor),
        }
    }

    /// Calls a method with one request and one response.
    ///
    /// # Errors
    /// The status of the call.
    pub fn unary<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<Req>,
    ) -> Result<Response<Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        wait(self.channel.unary::<C, Req, Resp>(path, request))
    }

    /// Calls a method with one request and a stream of responses.
    ///
    /// # Errors
    /// INTERNAL if the request cannot be encoded. What becomes of the call, the iterator says.
    pub fn server_streaming<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<Req>,
    ) -> Result<Replies<Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        wait(self.channel.server_streaming::<C, Req, Resp>(path, request)).map(Replies::new)
    }

    /// Calls a method with a stream of requests, which are taken from the iterator on this thread,
    /// and one response.
    ///
    /// # Errors
    /// The status of the call.
    pub fn client_streaming<C, Req, Resp>(
        &self,
        path: &'static str,
        requests: impl IntoRequests<Req>,
    ) -> Result<Response<Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        let (requests, parts) = requests.into_requests().into_parts();
        let call = Request::from_parts((), parts);
        wait(async {
            let mut call = self
                .channel
                .client_streaming::<C, Req, Resp>(path, call)
                .await?;
            for request in requests {
                // The server may answer before it has heard all: its answer says how it went.
                if call.send(request).await.is_err() {
                    break;
                }
            }
            call.finish().await
        })
    }

    /// Calls a method with a stream in each direction. The requests are taken from the iterator on
    /// a thread of their own, so that it may wait for replies, or for a person.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED if there is no thread to be had. What becomes of the call, the iterator
    /// of replies says.
    pub fn bidi_streaming<C, Req, Resp>(
        &self,
        path: &'static str,
        requests: impl IntoRequests<Req, Requests: Send + 'static>,
    ) -> Result<Replies<Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        let (requests, parts) = requests.into_requests().into_parts();
        let call = Request::from_parts((), parts);
        let (sender, streaming) = wait(self.channel.bidi_streaming::<C, Req, Resp>(path, call))?;
        thread::Builder::new()
            .name("hikyaku-requests".into())
            .spawn(move || send_all(sender, requests))
            .map_err(|error| {
                Status::resource_exhausted(format!("no thread: {error}")).with_source(error)
            })?;
        Ok(Replies::new(streaming))
    }
}

/// Sends until the iterator or the call ends.
fn send_all<T>(mut sender: Sender<T>, requests: impl IntoIterator<Item = T>) {
    for request in requests {
        if wait(sender.send(request)).is_err() {
            return;
        }
    }
}

/// The runtime of all blocking channels: one thread for their connections.
fn background() -> Result<&'static Runtime, ConnectError> {
    static BACKGROUND: OnceLock<io::Result<Runtime>> = OnceLock::new();
    BACKGROUND
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("hikyaku-blocking")
                .enable_all()
                .build()
        })
        .as_ref()
        .map_err(|error| ConnectError::BadRuntime { error: copy(error) })
}
