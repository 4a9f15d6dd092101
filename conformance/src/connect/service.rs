//! The suite's service: each request says how to answer it.

use std::time::Instant;

use hikyaku::buffa::{Message, MessageName};
use hikyaku::buffa_types::google::protobuf::Any;
use hikyaku::server::{Replies, Requests};
use hikyaku::{Metadata, Request, Response, Status};

use super::suite::conformance_payload::RequestInfo;
use super::suite::unary_response_definition::Response as Reply;
use super::suite::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformancePayload, ConformanceService, Error, IdempotentUnaryRequest, IdempotentUnaryResponse,
    ServerStreamRequest, ServerStreamResponse, StreamResponseDefinition, UnaryRequest,
    UnaryResponse, UnaryResponseDefinition, UnimplementedRequest, UnimplementedResponse,
};
use super::{codings, failure, headers, pause};

/// The service, which knows nothing from one call to the next.
pub(super) struct Conformance;

impl ConformanceService for Conformance {
    async fn unary(
        &self,
        request: Request<UnaryRequest>,
    ) -> Result<Response<UnaryResponse>, Status> {
        let (seen, coding) = (seen_with(&request), codings::of_case(request.metadata()));
        let definition = request.into_message().response_definition.into_option();
        let answer = answer(definition, seen, coding).await?;
        Ok(answer.map(|payload| UnaryResponse {
            payload: payload.into(),
            ..Default::default()
        }))
    }

    async fn idempotent_unary(
        &self,
        request: Request<IdempotentUnaryRequest>,
    ) -> Result<Response<IdempotentUnaryResponse>, Status> {
        let (seen, coding) = (seen_with(&request), codings::of_case(request.metadata()));
        let definition = request.into_message().response_definition.into_option();
        let answer = answer(definition, seen, coding).await?;
        Ok(answer.map(|payload| IdempotentUnaryResponse {
            payload: payload.into(),
            ..Default::default()
        }))
    }

    async fn client_stream(
        &self,
        mut requests: Requests<ClientStreamRequest>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        let mut seen = seen(requests.metadata(), requests.deadline());
        let mut definition = None;
        while let Some(request) = requests.next().await? {
            seen.requests.push(packed(&request));
            if seen.requests.len() == 1 {
                definition = request.response_definition.into_option();
            }
        }
        let coding = codings::of_case(requests.metadata());
        let answer = answer(definition, seen, coding).await?;
        Ok(answer.map(|payload| ClientStreamResponse {
            payload: payload.into(),
            ..Default::default()
        }))
    }

    async fn server_stream(
        &self,
        request: Request<ServerStreamRequest>,
        mut replies: Replies<ServerStreamResponse>,
    ) -> Result<(), Status> {
        let seen = seen_with(&request);
        replies.set_compression(codings::of_case(request.metadata()))?;
        let Some(definition) = request.into_message().response_definition.into_option() else {
            return Ok(());
        };
        let mut script = Script::new(definition, seen)?;
        script.open(&mut replies);
        while let Some(payload) = script.next().await {
            let reply = ServerStreamResponse {
                payload: payload.into(),
                ..Default::default()
            };
            replies.send(reply).await?;
        }
        script.end()
    }

    async fn bidi_stream(
        &self,
        mut requests: Requests<BidiStreamRequest>,
        mut replies: Replies<BidiStreamResponse>,
    ) -> Result<(), Status> {
        let mut seen = seen(requests.metadata(), requests.deadline());
        replies.set_compression(codings::of_case(requests.metadata()))?;
        let Some(request) = requests.next().await? else {
            return Ok(());
        };
        seen.requests.push(packed(&request));
        let is_full_duplex = request.full_duplex;
        // Without a definition there is nothing to send, but what comes is read.
        let definition = request.response_definition.into_option();
        let has_definition = definition.is_some();
        let mut script = Script::new(definition.unwrap_or_default(), seen)?;
        if has_definition {
            script.open(&mut replies);
        }
        if is_full_duplex {
            while let Some(payload) = script.next().await {
                replies.send(reply(payload)).await?;
                match requests.next().await? {
                    Some(request) => script.go_on_with(packed(&request)),
                    None => break,
                }
            }
        } else {
            while let Some(request) = requests.next().await? {
                script.seen.requests.push(packed(&request));
            }
        }
        while let Some(payload) = script.next().await {
            replies.send(reply(payload)).await?;
        }
        script.end()
    }

    async fn unimplemented(
        &self,
        _: Request<UnimplementedRequest>,
    ) -> Result<Response<UnimplementedResponse>, Status> {
        Err(Status::unimplemented("as its name says"))
    }
}

fn reply(payload: ConformancePayload) -> BidiStreamResponse {
    BidiStreamResponse {
        payload: payload.into(),
        ..Default::default()
    }
}

/// What is known of a call when it begins.
fn seen(metadata: &Metadata, deadline: Option<Instant>) -> RequestInfo {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    RequestInfo {
        request_headers: headers::write(metadata),
        timeout_ms: left.map(|left| left.as_millis().try_into().unwrap_or(i64::MAX)),
        ..Default::default()
    }
}

/// What is known of a call with one request.
fn seen_with<T: Message + MessageName>(request: &Request<T>) -> RequestInfo {
    RequestInfo {
        requests: vec![packed(request.message())],
        ..seen(request.metadata(), request.deadline())
    }
}

fn packed<T: Message + MessageName>(message: &T) -> Any {
    Any::pack(message, T::TYPE_URL)
}

/// The one answer of a call, as a definition says.
async fn answer(
    definition: Option<UnaryResponseDefinition>,
    seen: RequestInfo,
    coding: Option<&'static str>,
) -> Result<Response<ConformancePayload>, Status> {
    let definition = definition.unwrap_or_default();
    pause(definition.response_delay_ms).await;
    let mut payload = ConformancePayload {
        request_info: seen.into(),
        ..Default::default()
    };
    match definition.response {
        Some(Reply::Error(error)) => {
            // An error has no metadata but what comes with it.
            let mut metadata = headers::read(&definition.response_headers)?;
            headers::append(&definition.response_trailers, &mut metadata)?;
            let seen = payload.request_info.take();
            return Err(failure(*error, seen).with_metadata(metadata));
        }
        Some(Reply::ResponseData(data)) => payload.data = data,
        None => {}
    }
    let mut response = match coding {
        Some(coding) => Response::new(payload).with_compression(coding),
        None => Response::new(payload),
    };
    *response.metadata_mut() = headers::read(&definition.response_headers)?;
    *response.trailers_mut() = headers::read(&definition.response_trailers)?;
    Ok(response)
}

/// The status of an error, with what was seen of the call among its details unless a reply has told.
fn failure(mut error: Error, seen: Option<RequestInfo>) -> Status {
    error.details.extend(seen.as_ref().map(packed));
    failure::read(error)
}

/// A stream of replies, as a definition says.
struct Script {
    metadata: Metadata,
    trailers: Metadata,
    replies: std::vec::IntoIter<Vec<u8>>,
    delay_ms: u32,
    error: Option<Error>,
    /// What the next reply is to tell of the call.
    seen: RequestInfo,
    has_replied: bool,
}

impl Script {
    fn new(definition: StreamResponseDefinition, seen: RequestInfo) -> Result<Self, Status> {
        Ok(Self {
            metadata: headers::read(&definition.response_headers)?,
            trailers: headers::read(&definition.response_trailers)?,
            replies: definition.response_data.into_iter(),
            delay_ms: definition.response_delay_ms,
            error: definition.error.into_option(),
            seen,
            has_replied: false,
        })
    }

    /// Sends what goes before the first reply, now: that may take its time.
    fn open<T>(&mut self, replies: &mut Replies<T>) {
        replies.set_metadata(std::mem::take(&mut self.metadata));
        replies.set_trailers(self.trailers.clone());
        replies.send_metadata();
    }

    /// The next reply, when it is time for it.
    async fn next(&mut self) -> Option<ConformancePayload> {
        let data = self.replies.next()?;
        pause(self.delay_ms).await;
        let seen = std::mem::take(&mut self.seen);
        self.has_replied = true;
        Some(ConformancePayload {
            data,
            // Only news is told.
            request_info: (seen != RequestInfo::default()).then_some(seen).into(),
            ..Default::default()
        })
    }

    /// Another request has come since the last reply.
    fn go_on_with(&mut self, request: Any) {
        self.seen.requests.push(request);
    }

    fn end(self) -> Result<(), Status> {
        let Some(error) = self.error else {
            return Ok(());
        };
        let seen = (!self.has_replied).then_some(self.seen);
        Err(failure(error, seen).with_metadata(self.trailers))
    }
}
