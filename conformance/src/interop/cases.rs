//! The cases by name, and what each of them gets to call.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use hikyaku::client::ChannelBuilder;
use hikyaku::tls::{ClientTls, Roots};
use hikyaku::{Channel, Request};

use super::compressed::{self, Probe};
use super::flags;
use super::proto::{TestServiceClient, UnimplementedServiceClient};
use super::verdict::Outcome;
use super::{endings, metadata, soak, streams, unary};

/// A case, by its official name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Case {
    EmptyUnary,
    LargeUnary,
    VeryLargeRequest,
    ConcurrentLargeUnary,
    PickFirstUnary,
    ClientCompressedUnary,
    ClientCompressedUnaryNoprobe,
    ServerCompressedUnary,
    ClientStreaming,
    ClientCompressedStreaming,
    ClientCompressedStreamingNoprobe,
    ServerStreaming,
    ServerCompressedStreaming,
    PingPong,
    EmptyStream,
    CustomMetadata,
    StatusCodeAndMessage,
    SpecialStatusMessage,
    UnimplementedMethod,
    UnimplementedService,
    CancelAfterBegin,
    CancelAfterFirstResponse,
    TimeoutOnSleepingServer,
    RpcSoak,
    ChannelSoak,
    LongLivedChannel,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_possible_value() {
            Some(value) => f.write_str(value.get_name()),
            None => fmt::Debug::fmt(self, f),
        }
    }
}

/// Plays one case.
///
/// # Errors
/// What was wanted, and what came.
pub(super) async fn play(case: Case, flags: &flags::Client) -> Outcome {
    let builder = builder(flags);
    let channel = builder.clone().connect().await?;
    let calls = TestServiceClient::new(channel.clone());
    match case {
        Case::EmptyUnary => unary::empty(&calls).await,
        Case::LargeUnary => unary::large(&calls).await,
        Case::VeryLargeRequest => unary::very_large(&calls).await,
        Case::ConcurrentLargeUnary => unary::concurrent(&calls).await,
        Case::PickFirstUnary => unary::pick_first(&calls).await,
        Case::ClientCompressedUnary => compressed::client_unary(&calls, Probe::First).await,
        Case::ClientCompressedUnaryNoprobe => compressed::client_unary(&calls, Probe::No).await,
        Case::ServerCompressedUnary => compressed::server_unary(&calls).await,
        Case::ClientStreaming => streams::client_streaming(&calls).await,
        Case::ClientCompressedStreaming => compressed::client_streaming(&calls, Probe::First).await,
        Case::ClientCompressedStreamingNoprobe => {
            compressed::client_streaming(&calls, Probe::No).await
        }
        Case::ServerCompressedStreaming => compressed::server_streaming(&calls).await,
        Case::ServerStreaming => streams::server_streaming(&calls).await,
        Case::PingPong => streams::ping_pong(&calls).await,
        Case::EmptyStream => streams::empty(&calls).await,
        Case::CustomMetadata => metadata::custom(&calls).await,
        Case::StatusCodeAndMessage => endings::status_code_and_message(&calls).await,
        Case::SpecialStatusMessage => endings::special_status_message(&calls).await,
        Case::UnimplementedMethod => endings::unimplemented_method(&calls).await,
        Case::UnimplementedService => {
            endings::unimplemented_service(&UnimplementedServiceClient::new(channel)).await
        }
        Case::CancelAfterBegin => endings::cancel_after_begin(&channel, &calls).await,
        Case::CancelAfterFirstResponse => endings::cancel_after_first_response(&calls).await,
        Case::TimeoutOnSleepingServer => endings::timeout_on_sleeping_server(&calls).await,
        Case::RpcSoak => soak::of_calls(&channel, &flags.soak).await,
        Case::ChannelSoak => soak::of_channels(&builder, &flags.soak).await,
        Case::LongLivedChannel => soak::with_pauses(&calls, &flags.soak).await,
    }
}

fn builder(flags: &flags::Client) -> ChannelBuilder {
    let host = match flags.server_host.contains(':') {
        true => format!("[{}]", flags.server_host),
        false => flags.server_host.clone(),
    };
    let scheme = if flags.tls.use_tls { "https" } else { "http" };
    let mut builder = Channel::builder(&format!("{scheme}://{host}:{}", flags.server_port));
    if flags.tls.use_tls
        && let Some(file) = &flags.ca_file
    {
        builder = builder.tls(ClientTls::new().roots(Roots::from_file(file)));
    }
    match &flags.server_host_override {
        Some(name) => builder.authority(name),
        None => builder,
    }
}

/// No call takes as long, on any machine; a server that forgets one fails the case.
const CALL_TIME: Duration = Duration::from_secs(60);

/// A request that waits for its answer for [`CALL_TIME`] and no longer.
pub(super) fn in_time<T>(message: T) -> Request<T> {
    Request::new(message).with_timeout(CALL_TIME)
}
