//! grpc.testing.TestService, served.

use std::time::Duration;

use hikyaku::server::{Replies, Requests};
use hikyaku::{Code, Metadata, Request, Response, Status};

use super::compressed::CODING;
use super::payload::zeros;
use super::proto::{
    BoolValue, EchoStatus, Empty, Payload, PayloadType, ResponseParameters, SimpleRequest,
    SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse, TestService,
};

/// The metadata that comes back before the response, and the one that comes back after it.
pub(super) const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
pub(super) const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// No case asks for as much; a request must not be able to exhaust the memory.
const MAX_RESPONSE_LEN: usize = 64 * 1024 * 1024;

/// The service.
pub(super) struct Tester {
    server_id: String,
}

impl Tester {
    pub(super) fn new(server_id: String) -> Self {
        Self { server_id }
    }
}

impl TestService for Tester {
    async fn empty_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Empty::default().into())
    }

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        let message = request.message();
        check_compression(
            message.expect_compressed.as_option(),
            request.was_compressed(),
        )?;
        check_status(message.response_status.as_option())?;
        let mut response = Response::new(SimpleResponse {
            payload: payload(message.response_type.as_known(), message.response_size)?.into(),
            ..Default::default()
        });
        match message.response_compressed.as_option() {
            Some(BoolValue { value: true, .. }) => response = response.with_compression(CODING),
            Some(_) => response = response.without_compression(),
            None => {}
        }
        if message.fill_server_id {
            response.message_mut().server_id.clone_from(&self.server_id);
        }
        let (initial, trailing) = echoed(request.metadata())?;
        *response.metadata_mut() = initial;
        *response.trailers_mut() = trailing;
        Ok(response)
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        mut replies: Replies<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo(request.metadata(), &mut replies)?;
        answer(request.message(), &mut replies).await
    }

    async fn streaming_input_call(
        &self,
        mut requests: Requests<StreamingInputCallRequest>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut sum = 0;
        while let Some(request) = requests.next().await? {
            check_compression(
                request.expect_compressed.as_option(),
                requests.was_compressed(),
            )?;
            sum += request.payload.body.len();
        }
        let aggregated_payload_size = i32::try_from(sum)
            .map_err(|_| Status::out_of_range(format!("{sum} bytes are too many to tell")))?;
        Ok(StreamingInputCallResponse {
            aggregated_payload_size,
            ..Default::default()
        }
        .into())
    }

    async fn full_duplex_call(
        &self,
        mut requests: Requests<StreamingOutputCallRequest>,
        mut replies: Replies<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo(requests.metadata(), &mut replies)?;
        while let Some(request) = requests.next().await? {
            answer(&request, &mut replies).await?;
        }
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        mut requests: Requests<StreamingOutputCallRequest>,
        mut replies: Replies<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo(requests.metadata(), &mut replies)?;
        let mut all = Vec::new();
        while let Some(mut request) = requests.next().await? {
            // Nobody reads it any more.
            request.payload.take();
            all.push(request);
        }
        for request in &all {
            answer(request, &mut replies).await?;
        }
        Ok(())
    }

    async fn unimplemented_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented(
            "UnimplementedCall is not implemented",
        ))
    }
}

/// Sends the responses that a request asks for.
async fn answer(
    request: &StreamingOutputCallRequest,
    replies: &mut Replies<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    check_status(request.response_status.as_option())?;
    let wants_compressed = |parameters: &ResponseParameters| parameters.compressed.value;
    if request.response_parameters.iter().any(wants_compressed) {
        replies.set_compression(Some(CODING))?;
    }
    for parameters in &request.response_parameters {
        if let Ok(micros @ 1..) = u64::try_from(parameters.interval_us) {
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
        let response = StreamingOutputCallResponse {
            payload: payload(request.response_type.as_known(), parameters.size)?.into(),
            ..Default::default()
        };
        match parameters.compressed.value {
            true => replies.send(response).await?,
            false => replies.send_uncompressed(response).await?,
        }
    }
    Ok(())
}

/// # Errors
/// INVALID_ARGUMENT for a type that is not known or a length that is none.
fn payload(kind: Option<PayloadType>, len: i32) -> Result<Payload, Status> {
    let Some(PayloadType::COMPRESSABLE) = kind else {
        return Err(Status::invalid_argument("that type of payload is unknown"));
    };
    match usize::try_from(len) {
        Ok(len) if len <= MAX_RESPONSE_LEN => Ok(zeros(len)),
        _ => Err(Status::invalid_argument(format!(
            "a payload has from 0 to {MAX_RESPONSE_LEN} bytes, not {len}"
        ))),
    }
}

/// # Errors
/// The status that the client wants, unless it is OK.
fn check_status(wanted: Option<&EchoStatus>) -> Result<(), Status> {
    match wanted {
        None => Ok(()),
        Some(wanted) if wanted.code == 0 => Ok(()),
        Some(wanted) => {
            // A negative number is no code, and means as much as one that is not known.
            let code = Code::from_number(u32::try_from(wanted.code).unwrap_or(u32::MAX));
            Err(Status::new(code, &*wanted.message))
        }
    }
}

/// # Errors
/// INVALID_ARGUMENT unless the message came as the client says it has sent it.
fn check_compression(expected: Option<&BoolValue>, was_compressed: bool) -> Result<(), Status> {
    match expected {
        Some(expected) if expected.value != was_compressed => {
            Err(Status::invalid_argument(match expected.value {
                true => "the message should have come compressed",
                false => "the message should not have come compressed",
            }))
        }
        Some(_) | None => Ok(()),
    }
}

/// What of the request's metadata comes back before the response, and after it.
fn echoed(metadata: &Metadata) -> Result<(Metadata, Metadata), Status> {
    let unfit = |error: hikyaku::BadMetadata| Status::internal(error.to_string());
    let (mut initial, mut trailing) = (Metadata::new(), Metadata::new());
    for value in metadata.get_all(ECHO_INITIAL) {
        initial.append(ECHO_INITIAL, value).map_err(unfit)?;
    }
    for value in metadata.get_all_bin(ECHO_TRAILING) {
        trailing.append_bin(ECHO_TRAILING, &value).map_err(unfit)?;
    }
    Ok((initial, trailing))
}

fn echo<T>(metadata: &Metadata, replies: &mut Replies<T>) -> Result<(), Status> {
    let (initial, trailing) = echoed(metadata)?;
    replies.set_metadata(initial);
    replies.set_trailers(trailing);
    Ok(())
}
