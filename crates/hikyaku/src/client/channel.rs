//! A channel: a server's address, and the connection to it that comes and goes behind it.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::runtime::Handle;

use super::answer::AnswerReceiver;
use super::builder::ChannelBuilder;
use super::connectivity::ConnectivityState;
use super::error::ConnectError;
use super::guard::CallGuard;
use super::intercepted;
use super::sender::{ClientStreaming, Sender};
use super::shared::{Lease, Shared};
use super::start::Start;
use super::streaming::Streaming;
use super::watch::Watch;
use crate::call::message::{decode_in, decoder, frame, frame_compressed, framer, no_json};
use crate::codec::{Codec, Format};
use crate::compression::{Accepted, Chosen, Wish};
use crate::intercept::{Chain, Interceptor, Kind, Tapped};
use crate::net::mailbox::{Mailbox, Patience};
use crate::request::Parts;
use crate::{Request, Response, Status};

/// A way to a server, shared by all calls to it. Cheap to clone.
///
/// It connects when it is made ([`Channel::connect`]) or when the first call wants it
/// ([`Channel::lazy`]), and again when the connection is lost, with a growing wait between failed
/// attempts. Calls made meanwhile wait for the connection, and fail with UNAVAILABLE if it does not
/// come about. A call that the server certainly has not looked at (it refused the call, or was going
/// away) is made once more without a word, unless it has sent more than 256 KiB; see
/// [`Status::is_safe_to_retry`]. The connection ends when the last clone and the last streaming call are dropped.
///
/// # Example
/// ```no_run
/// # async fn run() -> Result<(), hikyaku::Status> {
/// let channel = hikyaku::Channel::connect("http://localhost:1234").await?;
/// // let users = UserManagerClient::new(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Channel {
    lease: Arc<Lease>,
    chain: Chain,
}

impl Channel {
    /// Connects to a server: `http://HOST:PORT`, or `HOST:PORT`; with the cargo feature `tls` also
    /// `https://HOST:PORT`.
    ///
    /// # Errors
    /// [`ConnectError`], which `?` turns into a [`Status`].
    pub async fn connect(target: &str) -> Result<Self, ConnectError> {
        Self::builder(target).connect().await
    }

    /// A channel that connects when the first call wants it.
    ///
    /// # Errors
    /// [`ConnectError`], but for those of connecting.
    pub fn lazy(target: &str) -> Result<Self, ConnectError> {
        Self::builder(target).lazy()
    }

    /// A channel with other than the default options.
    pub fn builder(target: &str) -> ChannelBuilder {
        ChannelBuilder::new(target)
    }

    pub(super) fn new(shared: Arc<Shared>, chain: Chain) -> Self {
        let lease = Lease::new(shared);
        Self { lease, chain }
    }

    /// What the connection is doing.
    pub fn state(&self) -> ConnectivityState {
        self.lease.shared().connectivity.state()
    }

    /// Waits until the state is not `known` any more, and gives the new one. Cancel-safe; states that
    /// pass quickly can be missed.
    ///
    /// # Example
    /// ```no_run
    /// use hikyaku::client::{Channel, ConnectivityState};
    ///
    /// async fn until_ready(channel: &Channel) {
    ///     channel.connect_now();
    ///     let mut state = channel.state();
    ///     while state != ConnectivityState::Ready {
    ///         state = channel.state_changed(state).await;
    ///     }
    /// }
    /// ```
    pub async fn state_changed(&self, known: ConnectivityState) -> ConnectivityState {
        self.lease.shared().connectivity.other_than(known).await
    }

    /// Connects an idle channel without waiting for a call.
    pub fn connect_now(&self) {
        self.lease.shared().connectivity.want_connection();
    }

    /// Ends the wait after a failed attempt to connect: the network has come back.
    pub fn reset_backoff(&self) {
        self.lease.shared().connectivity.want_hurry();
    }

    /// Another handle to the same connections, with an interceptor around its calls, inside those it
    /// has. See [`intercept`](crate::intercept) for an example.
    #[must_use]
    pub fn intercept(&self, interceptor: impl Interceptor) -> Self {
        Self {
            lease: Arc::clone(&self.lease),
            chain: self.chain.with(interceptor),
        }
    }

    /// Calls a method with one request and one response. Dropping the future cancels the call.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn unary<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<Req>,
    ) -> Result<Response<Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        if !self.chain.is_empty() {
            // On the heap, so that calls without interceptors stay small.
            return Box::pin(intercepted::unary::<C, Req, Resp>(self, path, request)).await;
        }
        let start = self.start_unary::<C, Req, Resp>(path, request)?;
        self.answer::<C, Resp>(start).await
    }

    /// A call with one request and one response, without interceptors.
    pub(super) fn start_unary<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<Req>,
    ) -> Result<Start, Status>
    where
        C: Codec<Req> + Codec<Resp>,
    {
        let (message, parts) = request.into_parts();
        let chosen = self.compression::<C, Req, Resp>(&parts.compression)?;
        self.start_with::<C, Req>(path, parts, chosen, &message)
    }

    /// The response of a call that is to start.
    pub(super) async fn answer<C: Codec<Resp>, Resp>(
        &self,
        start: Start,
    ) -> Result<Response<Resp>, Status> {
        let answer = start.answer(self.lease.shared()).await?;
        answer.decode(|bytes| decode_in::<C, Resp>(self.format(), bytes))
    }

    /// Calls a method with one request and a stream of responses.
    ///
    /// # Errors
    /// INTERNAL if the request cannot be encoded or compressed as it is wished. What becomes of the
    /// call, the stream says.
    pub async fn server_streaming<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<Req>,
    ) -> Result<Streaming<Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        let (mut message, parts) = request.into_parts();
        let chosen = self.compression::<C, Req, Resp>(&parts.compression)?;
        if self.chain.is_empty() {
            let start = self.start_with::<C, Req>(path, parts, chosen, &message)?;
            let mailbox = start.send_off(self.lease.shared(), Patience::Eager, None);
            return Ok(self.streaming::<C, Resp>(mailbox, None));
        }
        let call = intercepted::new_call(Kind::ServerStreaming, path, parts);
        let (mailbox, watch) =
            intercepted::start(self, call, move |channel, mailbox, parts, hooks| {
                hooks.request(&mut message)?;
                let start = channel.start_with::<C, Req>(path, parts, chosen, &message)?;
                start.release(mailbox, channel.lease.shared());
                Ok(())
            });
        Ok(self.streaming::<C, Resp>(mailbox, Some(watch)))
    }

    /// Calls a method with a stream of requests and one response.
    ///
    /// # Errors
    /// INTERNAL if requests cannot be compressed as it is wished, or the codec lacks the channel's
    /// format. What becomes of the call, its sender says.
    pub async fn client_streaming<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<()>,
    ) -> Result<ClientStreaming<Req, Resp>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        let ((), parts) = request.into_parts();
        let chosen = self.compression::<C, Req, Resp>(&parts.compression)?;
        let (mailbox, watch) = self.start_open(Kind::ClientStreaming, path, parts, chosen.as_ref());
        let call = CallGuard::new(Arc::clone(&self.lease), Arc::clone(&mailbox));
        let sender = self.sender::<C, Req, Resp>(&mailbox, chosen, watch.as_deref());
        let receiver = AnswerReceiver::new(self.lease.shared().max_message_len);
        let codec = decoder::<C, Resp>(self.format());
        Ok(ClientStreaming::new(sender, receiver, codec, call, watch))
    }

    /// Calls a method with a stream in each direction.
    ///
    /// # Errors
    /// INTERNAL if requests cannot be compressed as it is wished, or the codec lacks the channel's
    /// format. What becomes of the call, its streams say.
    pub async fn bidi_streaming<C, Req, Resp>(
        &self,
        path: &'static str,
        request: Request<()>,
    ) -> Result<(Sender<Req>, Streaming<Resp>), Status>
    where
        C: Codec<Req> + Codec<Resp>,
        Req: Send + 'static,
        Resp: Send + 'static,
    {
        let ((), parts) = request.into_parts();
        let chosen = self.compression::<C, Req, Resp>(&parts.compression)?;
        let (mailbox, watch) = self.start_open(Kind::BidiStreaming, path, parts, chosen.as_ref());
        let sender = self.sender::<C, Req, Resp>(&mailbox, chosen, watch.as_deref());
        Ok((sender, self.streaming::<C, Resp>(mailbox, watch)))
    }

    fn streaming<C: Codec<Resp>, Resp>(
        &self,
        mailbox: Arc<Mailbox>,
        watch: Option<Box<Watch<Resp>>>,
    ) -> Streaming<Resp> {
        let call = CallGuard::new(Arc::clone(&self.lease), Arc::clone(&mailbox));
        let max_message_len = self.lease.shared().max_message_len;
        Streaming::new::<C>(mailbox, call, self.format(), max_message_len, watch)
    }

    /// Where a call's requests are sent, past its interceptors if there are any.
    fn sender<C: Codec<Req>, Req: 'static, Resp>(
        &self,
        mailbox: &Arc<Mailbox>,
        chosen: Option<Chosen>,
        watch: Option<&Watch<Resp>>,
    ) -> Sender<Req> {
        let mut sender = Sender::new::<C>(Arc::clone(mailbox), self.format(), chosen);
        if let Some(watch) = watch {
            sender.tap(Tapped::requests(Arc::clone(watch.hooks())));
        }
        sender
    }

    fn format(&self) -> Format {
        self.lease.shared().format
    }

    /// What the requests of a call are compressed with.
    ///
    /// # Errors
    /// INTERNAL for a coding that the channel does not have, and for a codec that lacks its format.
    fn compression<C, Req, Resp>(&self, wish: &Wish) -> Result<Option<Chosen>, Status>
    where
        C: Codec<Req> + Codec<Resp>,
    {
        let has_json = <C as Codec<Req>>::JSON.is_some() && <C as Codec<Resp>>::JSON.is_some();
        if self.format() == Format::Json && !has_json {
            return Err(Status::internal(no_json().to_string()).with_source(no_json()));
        }
        let policy = &self.lease.shared().compression;
        // What the server takes is only known when it has refused.
        policy.resolve(wish, Accepted::ALL)
    }

    /// Starts a call whose requests come one after another.
    fn start_open<Resp: 'static>(
        &self,
        kind: Kind,
        path: &'static str,
        parts: Parts,
        chosen: Option<&Chosen>,
    ) -> (Arc<Mailbox>, Option<Box<Watch<Resp>>>) {
        let coding = chosen.map(|chosen| chosen.index);
        if !self.chain.is_empty() {
            let call = intercepted::new_call(kind, path, parts);
            let (mailbox, watch) =
                intercepted::start(self, call, move |channel, mailbox, parts, _| {
                    let start = Start::new(path, parts, coding);
                    start.release(mailbox, channel.lease.shared());
                    Ok(())
                });
            return (mailbox, Some(watch));
        }
        let patience = match kind.answers_stream() {
            true => Patience::Eager,
            false => Patience::Whole,
        };
        let start = Start::new(path, parts, coding);
        let mailbox = start.send_off(self.lease.shared(), patience, None);
        (mailbox, None)
    }

    /// A call whose one request is known.
    fn start_with<C: Codec<Req>, Req>(
        &self,
        path: &'static str,
        parts: Parts,
        chosen: Option<Chosen>,
        message: &Req,
    ) -> Result<Start, Status> {
        let encode = |out: &mut BytesMut| match self.format() {
            Format::Protobuf => frame::<C, Req>(message, out),
            Format::Json => framer::<C, Req>(Format::Json)(message, out),
        };
        let mut bytes = BytesMut::with_capacity(USUAL_REQUEST_LEN);
        match &chosen {
            None => encode(&mut bytes)?,
            Some(chosen) => frame_compressed(encode, &*chosen.coding, &mut bytes)?,
        }
        let coding = chosen.map(|chosen| chosen.index);
        Ok(Start::new(path, parts, coding).with_request(bytes))
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Where the channel was made.
    pub(super) fn runtime(&self) -> &Handle {
        &self.lease.shared().runtime
    }
}

/// Room that a request has from the beginning, with its envelope: most are no longer. Bytes.
const USUAL_REQUEST_LEN: usize = 128;

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("target", &self.lease.shared().target.authority)
            .finish()
    }
}
