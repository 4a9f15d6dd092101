//! One call, as the runner describes it.

use std::error::Error;
use std::time::Duration;

use hikyaku::buffa::{Message, MessageName};
use hikyaku::buffa_types::google::protobuf::Any;
use hikyaku::client::{ClientStreaming, Sender, Streaming};
use hikyaku::{Metadata, Request, Response, Status};

use super::suite::client_compat_request::Cancel;
use super::suite::client_compat_request::cancel::CancelTiming;
use super::suite::{
    BidiStreamRequest, BidiStreamResponse, ClientCompatRequest, ClientResponseResult,
    ClientStreamResponse, ConformancePayload, ConformanceServiceClient, IdempotentUnaryResponse,
    ServerStreamResponse, StreamType, UnaryResponse, UnimplementedResponse,
};
use super::{failure, headers, pause};

type AnyError = Box<dyn Error + Send + Sync>;

/// Makes the call.
///
/// # Errors
/// It cannot be made. How a call ended, the result tells.
pub(super) async fn invoke(
    client: &ConformanceServiceClient,
    asked: ClientCompatRequest,
) -> Result<ClientResponseResult, AnyError> {
    let plan = Plan::of(&asked)?;
    Ok(match asked.method.as_deref() {
        Some("Unary") => plan.single(client.unary(plan.only()?)).await,
        Some("IdempotentUnary") => plan.single(client.idempotent_unary(plan.only()?)).await,
        Some("Unimplemented") => plan.single(client.unimplemented(plan.only()?)).await,
        Some("ClientStream") => {
            let messages = plan.all()?;
            match client.client_stream(plan.request(())).await {
                Ok(call) => plan.upload(call, messages).await,
                Err(status) => failed(&status),
            }
        }
        Some("ServerStream") => match client.server_stream(plan.only()?).await {
            Ok(replies) => plan.download(replies).await,
            Err(status) => failed(&status),
        },
        Some("BidiStream") => {
            let messages = plan.all()?;
            match client.bidi_stream(plan.request(())).await {
                Ok((requests, replies)) => plan.converse(requests, replies, messages).await,
                Err(status) => failed(&status),
            }
        }
        other => return Err(format!("there is no method {other:?}").into()),
    })
}

/// What a call is to be like.
struct Plan<'a> {
    metadata: Metadata,
    timeout: Option<Duration>,
    messages: &'a [Any],
    delay_ms: u32,
    is_full_duplex: bool,
    giving_up: GivingUp,
}

/// When a call is given up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GivingUp {
    Never,
    /// Instead of saying that there are no more requests.
    BeforeEnd,
    /// So many milliseconds after the last request.
    AfterEnd(u32),
    /// With so many replies.
    AfterReplies(u32),
}

impl GivingUp {
    fn of(cancel: Option<&Cancel>) -> Self {
        match cancel.map(|cancel| &cancel.cancel_timing) {
            None => Self::Never,
            Some(None) => Self::AfterEnd(0),
            Some(Some(CancelTiming::BeforeCloseSend(_))) => Self::BeforeEnd,
            Some(Some(CancelTiming::AfterCloseSendMs(millis))) => Self::AfterEnd(*millis),
            Some(Some(CancelTiming::AfterNumResponses(count))) => Self::AfterReplies(*count),
        }
    }
}

impl<'a> Plan<'a> {
    fn of(asked: &'a ClientCompatRequest) -> Result<Self, AnyError> {
        let timeout = asked.timeout_ms;
        Ok(Self {
            metadata: headers::read(&asked.request_headers)?,
            timeout: timeout.map(|millis| Duration::from_millis(millis.into())),
            messages: &asked.request_messages,
            delay_ms: asked.request_delay_ms,
            is_full_duplex: asked.stream_type == StreamType::FullDuplexBidiStream,
            giving_up: GivingUp::of(asked.cancel.as_option()),
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        match self.timeout {
            Some(timeout) => request.with_timeout(timeout),
            None => request,
        }
    }

    /// The request of a call that has one.
    fn only<T: Message + MessageName>(&self) -> Result<Request<T>, AnyError> {
        match self.messages {
            [message] => Ok(self.request(unpacked(message)?)),
            other => Err(format!("one request was expected, not {}", other.len()).into()),
        }
    }

    fn all<T: Message + MessageName>(&self) -> Result<Vec<T>, AnyError> {
        self.messages.iter().map(unpacked).collect()
    }

    /// A call with one request and one reply.
    async fn single<T: Reply>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> ClientResponseResult {
        match self.until_given_up(call).await {
            Ok(response) => answered(response),
            Err(status) => failed(&status),
        }
    }

    /// A call whose requests have been sent, and that has one reply.
    async fn until_given_up<T>(
        &self,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let GivingUp::AfterEnd(millis) = self.giving_up else {
            return call.await;
        };
        tokio::select! {
            biased;
            answer = call => answer,
            () = tokio::time::sleep(Duration::from_millis(millis.into())) => Err(given_up()),
        }
    }

    /// A call with a stream of requests and one reply.
    async fn upload<T, U: Reply>(
        &self,
        mut call: ClientStreaming<T, U>,
        messages: Vec<T>,
    ) -> ClientResponseResult {
        let mut unsent = messages.len();
        for message in messages {
            pause(self.delay_ms).await;
            if call.send(message).await.is_err() {
                // Why, the answer says.
                break;
            }
            unsent -= 1;
        }
        let result = if self.giving_up == GivingUp::BeforeEnd {
            drop(call);
            failed(&given_up())
        } else {
            self.single(call.finish()).await
        };
        with_unsent(unsent, result)
    }

    /// The replies to the one request of a call.
    async fn download<T: Reply>(&self, replies: Streaming<T>) -> ClientResponseResult {
        let mut replies = Replies::new(replies, self.giving_up);
        replies.give_up_after_end().await;
        replies.read_all().await
    }

    /// A call with a stream in each direction.
    async fn converse(
        &self,
        mut requests: Sender<BidiStreamRequest>,
        replies: Streaming<BidiStreamResponse>,
        messages: Vec<BidiStreamRequest>,
    ) -> ClientResponseResult {
        let mut replies = Replies::new(replies, self.giving_up);
        let mut unsent = messages.len();
        for message in messages {
            pause(self.delay_ms).await;
            if requests.send(message).await.is_err() {
                break;
            }
            unsent -= 1;
            if self.is_full_duplex && !replies.read().await {
                break;
            }
        }
        if self.giving_up == GivingUp::BeforeEnd {
            replies.stream.cancel();
        }
        requests.finish();
        replies.give_up_after_end().await;
        with_unsent(unsent, replies.read_all().await)
    }
}

/// The replies of a call, as far as they have been read.
struct Replies<T> {
    stream: Streaming<T>,
    payloads: Vec<ConformancePayload>,
    giving_up: GivingUp,
    end: Option<Result<(), Status>>,
}

impl<T: Reply> Replies<T> {
    fn new(stream: Streaming<T>, giving_up: GivingUp) -> Self {
        Self {
            stream,
            payloads: Vec::new(),
            giving_up,
            end: None,
        }
    }

    /// Reads the next reply; whether there was one.
    async fn read(&mut self) -> bool {
        match self.stream.next().await {
            Ok(Some(reply)) => self.payloads.push(reply.into_payload()),
            Ok(None) => self.end = Some(Ok(())),
            Err(status) => self.end = Some(Err(status)),
        }
        if let GivingUp::AfterReplies(count) = self.giving_up
            && usize::try_from(count) == Ok(self.payloads.len())
        {
            self.stream.cancel();
        }
        self.end.is_none()
    }

    async fn give_up_after_end(&mut self) {
        if let GivingUp::AfterEnd(millis) = self.giving_up {
            pause(millis).await;
            self.stream.cancel();
        }
    }

    /// Reads the rest, and tells how it was.
    async fn read_all(mut self) -> ClientResponseResult {
        while self.end.is_none() {
            self.read().await;
        }
        let error = self.end.and_then(Result::err);
        let trailers = match &error {
            Some(status) => Some(status.metadata()),
            None => self.stream.trailers(),
        };
        ClientResponseResult {
            response_headers: headers::write(&self.stream.metadata().await),
            payloads: self.payloads,
            response_trailers: trailers.map(headers::write).unwrap_or_default(),
            error: error.as_ref().map(failure::write).into(),
            ..Default::default()
        }
    }
}

/// A message that carries a payload.
trait Reply {
    fn into_payload(self) -> ConformancePayload;
}

macro_rules! reply {
    ($($name:ident)*) => {
        $(impl Reply for $name {
            fn into_payload(self) -> ConformancePayload {
                self.payload.into_option().unwrap_or_default()
            }
        })*
    };
}

reply! {
    UnaryResponse IdempotentUnaryResponse ServerStreamResponse ClientStreamResponse
    BidiStreamResponse
}

impl Reply for UnimplementedResponse {
    fn into_payload(self) -> ConformancePayload {
        ConformancePayload::default()
    }
}

fn unpacked<T: Message + MessageName>(any: &Any) -> Result<T, AnyError> {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    if name != T::FULL_NAME {
        return Err(format!("the request is a {name}, not a {}", T::FULL_NAME).into());
    }
    Ok(any.unpack_unchecked()?)
}

fn answered<T: Reply>(response: Response<T>) -> ClientResponseResult {
    ClientResponseResult {
        response_headers: headers::write(response.metadata()),
        response_trailers: headers::write(response.trailers()),
        payloads: vec![response.into_message().into_payload()],
        ..Default::default()
    }
}

fn failed(status: &Status) -> ClientResponseResult {
    ClientResponseResult {
        response_headers: headers::write(status.initial_metadata()),
        response_trailers: headers::write(status.metadata()),
        error: failure::write(status).into(),
        ..Default::default()
    }
}

fn with_unsent(unsent: usize, result: ClientResponseResult) -> ClientResponseResult {
    ClientResponseResult {
        num_unsent_requests: unsent.try_into().unwrap_or(i32::MAX),
        ..result
    }
}

/// Dropping a call is how it is given up, and then nobody is left to be told; so we say it.
fn given_up() -> Status {
    Status::cancelled("the call was given up")
}
