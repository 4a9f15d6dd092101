//! Callers that do what the plan of their call says, and write down what comes of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hikyaku::client::{Sender, Streaming};
use hikyaku::{Channel, Metadata, Request, Response, Status};
use tokio::time::Instant;

use super::handler::{BIDI, CLIENT_STREAMING, SERVER_STREAMING, UNARY};
use super::ledger::{CallEnd, Record};
use super::plan::{Kind, Way};
use crate::in_memory::Plain;

/// The steps of the runtime's timers, up to which a deadline may be late.
const TIMER_STEP: Duration = Duration::from_millis(2);

/// Makes a call and writes down how it ended.
pub(super) async fn call(channel: Channel, record: Arc<Record>) {
    let plan = &record.plan;
    tokio::time::sleep(plan.start).await;
    let caller = Caller {
        channel,
        record: Arc::clone(&record),
        deadline: plan.timeout.map(|timeout| Instant::now() + timeout),
    };
    record.seen().started_at = Some(Instant::now());
    let patience = plan.patience.unwrap_or(Duration::MAX);
    let end = match tokio::time::timeout(patience, caller.call()).await {
        Ok(Ok(Left::No)) => CallEnd::Well,
        Ok(Ok(Left::Yes)) | Err(_) => CallEnd::Left,
        Ok(Err(status)) => CallEnd::Badly(status),
    };
    record.seen().ends.push((Instant::now(), end));
}

/// Whether the caller has left the call before its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Yes,
    No,
}

struct Caller {
    channel: Channel,
    record: Arc<Record>,
    deadline: Option<Instant>,
}

impl Caller {
    async fn call(self) -> Result<Left, Status> {
        match self.record.plan.kind {
            Kind::Unary => self.unary().await,
            Kind::ServerStreaming => self.server_streaming().await,
            Kind::ClientStreaming => self.client_streaming().await,
            Kind::Bidi => self.bidi().await,
        }
    }

    async fn unary(&self) -> Result<Left, Status> {
        let request = self.request(self.message(0));
        let call = self.channel.unary::<Plain, Bytes, Bytes>(UNARY, request);
        let response = self.timely(call).await?;
        self.see_response(&response);
        Ok(Left::No)
    }

    async fn server_streaming(&self) -> Result<Left, Status> {
        let request = self.request(self.message(0));
        let call = self
            .channel
            .server_streaming::<Plain, Bytes, Bytes>(SERVER_STREAMING, request);
        let replies = self.timely(call).await?;
        self.read_all(replies).await
    }

    async fn client_streaming(&self) -> Result<Left, Status> {
        let call = self
            .channel
            .client_streaming::<Plain, Bytes, Bytes>(CLIENT_STREAMING, self.request(()));
        let mut call = self.timely(call).await?;
        for index in 0..self.record.plan.requests.len() {
            self.pause(Way::Request, index).await;
            if self.timely(call.send(self.message(index))).await.is_err() {
                break;
            }
        }
        let response = self.timely(call.finish()).await?;
        self.see_response(&response);
        Ok(Left::No)
    }

    async fn bidi(&self) -> Result<Left, Status> {
        let call = self
            .channel
            .bidi_streaming::<Plain, Bytes, Bytes>(BIDI, self.request(()));
        let (sender, replies) = self.timely(call).await?;
        let (read, ()) = tokio::join!(self.read_all(replies), self.send_all(sender));
        read
    }

    async fn send_all(&self, mut sender: Sender<Bytes>) {
        for index in 0..self.record.plan.requests.len() {
            self.pause(Way::Request, index).await;
            if self.timely(sender.send(self.message(index))).await.is_err() {
                break;
            }
        }
        sender.finish();
        self.record.stir();
    }

    async fn read_all(&self, mut replies: Streaming<Bytes>) -> Result<Left, Status> {
        for index in 0.. {
            self.pause(Way::Reply, index).await;
            if index >= self.record.plan.max_read_count {
                return Ok(Left::Yes);
            }
            match self.timely(replies.next()).await {
                Ok(Some(message)) => self.see(index, &message),
                Ok(None) => break,
                Err(status) => {
                    self.check_repeated(&mut replies, &status).await;
                    return Err(status);
                }
            }
        }
        self.check_metadata(&replies.metadata().await, "metadata");
        self.check_metadata(replies.trailers().unwrap(), "trailers");
        if !matches!(replies.next().await, Ok(None)) {
            self.record.fault("it went on after its end");
        }
        Ok(Left::No)
    }

    /// Who asks again hears the same again.
    async fn check_repeated(&self, replies: &mut Streaming<Bytes>, status: &Status) {
        let again = replies.next().await;
        if again.as_ref().map_err(Status::code) != Err(status.code()) {
            self.record.fault(format!("{status:?}, and then {again:?}"));
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.record.metadata();
        match self.deadline {
            Some(deadline) => request.with_deadline(deadline.into_std()),
            None => request,
        }
    }

    fn message(&self, index: usize) -> Bytes {
        self.record.plan.message(Way::Request, index)
    }

    async fn pause(&self, way: Way, index: usize) {
        let plan = &self.record.plan;
        let place = plan.number * 1000 + index as u64 + 500 * u64::from(way == Way::Reply);
        plan.caller_pace.keep(!place).await;
    }

    /// Waits for something that must not outlast the deadline.
    async fn timely<T>(&self, wait: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        self.record.stir();
        let output = wait.await;
        self.record.stir();
        if let Some(deadline) = self.deadline {
            let late = Instant::now().saturating_duration_since(deadline.max(begun));
            if late > TIMER_STEP {
                self.record
                    .fault(format!("{late:?} after its deadline it goes on"));
            }
        }
        output
    }

    fn see_response(&self, response: &Response<Bytes>) {
        self.see(0, response.message());
        self.check_metadata(response.metadata(), "metadata");
        self.check_metadata(response.trailers(), "trailers");
    }

    fn check_metadata(&self, metadata: &Metadata, what: &str) {
        self.record.check_metadata(metadata, what);
    }

    fn see(&self, index: usize, message: &Bytes) {
        let record = &self.record;
        record.seen().reply_count += 1;
        let is_planned = index < record.plan.replies.len();
        if !is_planned || *message != record.plan.message(Way::Reply, index) {
            record.fault(format!("reply {index} is damaged"));
        }
    }
}
