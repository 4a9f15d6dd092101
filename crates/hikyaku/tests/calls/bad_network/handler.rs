//! Handlers that do what the plan of their call says.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hikyaku::server::{Methods, Replies, Requests, Service};
use hikyaku::{Metadata, Request, Response, Status};

use super::ledger::{Ledger, Run};
use super::plan::{Order, Turn, Way};
use crate::in_memory::Plain;

pub(super) const UNARY: &str = "/test.Trials/Unary";
pub(super) const SERVER_STREAMING: &str = "/test.Trials/ServerStreaming";
pub(super) const CLIENT_STREAMING: &str = "/test.Trials/ClientStreaming";
pub(super) const BIDI: &str = "/test.Trials/Bidi";
/// Answers with as much as fills a client's window, whatever the plan.
pub(super) const FULL: &str = "/test.Trials/Full";

/// The window of a client's stream.
pub(super) const WINDOW_LEN: usize = 256 * 1024;

/// The service `test.Trials`.
pub(super) struct Trials(pub(super) Ledger);

impl Service for Trials {
    fn name(&self) -> &'static str {
        "test.Trials"
    }

    fn register(self, methods: &mut Methods) {
        let actor = |ledger: &Ledger| {
            let ledger = ledger.clone();
            move |metadata: &Metadata| Actor::new(&ledger, metadata)
        };
        let act = actor(&self.0);
        methods.unary::<Plain, Bytes, Bytes, _, _>(UNARY, move |request: Request<Bytes>| {
            let actor = act(request.metadata());
            async move { actor.run.end(actor.unary(request.into_message()).await) }
        });
        let act = actor(&self.0);
        methods.server_streaming::<Plain, Bytes, Bytes, _, _>(
            SERVER_STREAMING,
            move |request: Request<Bytes>, replies| {
                let actor = act(request.metadata());
                async move {
                    actor.see(0, request.message());
                    let replies = actor.with_metadata(replies);
                    actor.run.end(actor.send_all(replies).await.map(|_| ()))
                }
            },
        );
        let act = actor(&self.0);
        methods.client_streaming::<Plain, Bytes, Bytes, _, _>(
            CLIENT_STREAMING,
            move |requests: Requests<Bytes>| {
                let actor = act(requests.metadata());
                async move { actor.run.end(actor.client_streaming(requests).await) }
            },
        );
        let act = actor(&self.0);
        methods.bidi_streaming::<Plain, Bytes, Bytes, _, _>(
            BIDI,
            move |requests: Requests<Bytes>, replies| {
                let actor = act(requests.metadata());
                async move {
                    let replies = actor.with_metadata(replies);
                    actor.run.end(actor.bidi(requests, replies).await)
                }
            },
        );
        methods.unary::<Plain, Bytes, Bytes, _, _>(FULL, |_: Request<Bytes>| async {
            Ok(Bytes::from(vec![7; WINDOW_LEN]).into())
        });
    }
}

/// A handler at work.
struct Actor {
    run: Run,
    step_count: AtomicUsize,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    /// The handler shall be done here.
    Home,
}

impl Actor {
    fn new(ledger: &Ledger, metadata: &Metadata) -> Arc<Self> {
        Arc::new(Self {
            run: ledger.run(metadata),
            step_count: AtomicUsize::new(0),
        })
    }

    /// Pauses, or comes to the end that the plan has for it.
    async fn step(&self) -> Result<Go, Status> {
        let record = self.run.record();
        let plan = &record.plan;
        let step = self.step_count.fetch_add(1, Ordering::SeqCst);
        plan.handler_pace
            .keep(plan.number * 1000 + step as u64)
            .await;
        record.stir();
        if step != plan.turn_at {
            return Ok(Go::On);
        }
        match plan.turn {
            Turn::None => Ok(Go::On),
            Turn::Ends => Ok(Go::Home),
            Turn::Fails => Err(record.own_status()),
            // A panic without its noise.
            Turn::Panics => resume_unwind(Box::new("the plan says so")),
            Turn::Hangs => pending().await,
        }
    }

    fn with_metadata(&self, mut replies: Replies<Bytes>) -> Replies<Bytes> {
        replies.set_metadata(self.run.record().metadata());
        replies.set_trailers(self.run.record().metadata());
        replies
    }

    /// A request has come.
    fn see(&self, index: usize, message: &Bytes) {
        let record = self.run.record();
        record.seen().read_count += 1;
        let is_planned = index < record.plan.requests.len();
        if !is_planned || *message != record.plan.message(Way::Request, index) {
            record.fault(format!("request {index} is damaged"));
        }
    }

    fn response(&self) -> Response<Bytes> {
        let record = self.run.record();
        record.seen().sent_count += 1;
        let mut response = Response::new(record.plan.message(Way::Reply, 0));
        *response.metadata_mut() = record.metadata();
        *response.trailers_mut() = record.metadata();
        response
    }

    async fn unary(&self, message: Bytes) -> Result<Response<Bytes>, Status> {
        self.see(0, &message);
        self.step().await?;
        Ok(self.response())
    }

    async fn client_streaming(&self, requests: Requests<Bytes>) -> Result<Response<Bytes>, Status> {
        self.read_all(requests).await?;
        Ok(self.response())
    }

    async fn bidi(
        &self,
        mut requests: Requests<Bytes>,
        replies: Replies<Bytes>,
    ) -> Result<(), Status> {
        match self.run.order() {
            Order::ReadFirst => {
                if self.read_all(requests).await? == Go::On {
                    self.send_all(replies).await?;
                }
            }
            Order::SendFirst => {
                if self.send_all(replies).await? == Go::On {
                    self.read_all(requests).await?;
                }
            }
            Order::AtOnce => {
                // The first to go home does not wait for the other.
                let either = async |result: Result<Go, Status>| match result {
                    Ok(Go::On) => Ok(()),
                    other => Err(other),
                };
                let reading = async { either(self.read_all(requests).await).await };
                let sending = async { either(self.send_all(replies).await).await };
                if let Err(result) = tokio::try_join!(reading, sending) {
                    result?;
                }
            }
            Order::Alternately => return self.alternate(&mut requests, replies).await,
        }
        Ok(())
    }

    async fn alternate(
        &self,
        requests: &mut Requests<Bytes>,
        mut replies: Replies<Bytes>,
    ) -> Result<(), Status> {
        let (mut index, mut has_ended) = (0, false);
        while !has_ended || index < self.run.record().plan.replies.len() {
            if !has_ended {
                if self.step().await? == Go::Home {
                    return Ok(());
                }
                has_ended = self.read(requests, index).await? == Go::Home;
            }
            if index < self.run.record().plan.replies.len() {
                if self.step().await? == Go::Home {
                    return Ok(());
                }
                self.send(&mut replies, index).await?;
            }
            index += 1;
        }
        Ok(())
    }

    async fn read_all(&self, mut requests: Requests<Bytes>) -> Result<Go, Status> {
        for index in 0.. {
            if self.step().await? == Go::Home {
                return Ok(Go::Home);
            }
            if self.read(&mut requests, index).await? == Go::Home {
                break;
            }
        }
        Ok(Go::On)
    }

    /// Reads one request; sends home at the end.
    async fn read(&self, requests: &mut Requests<Bytes>, index: usize) -> Result<Go, Status> {
        let next = requests.next().await;
        let Some(message) = next? else {
            self.run.record().seen().has_read_end = true;
            return Ok(Go::Home);
        };
        self.see(index, &message);
        Ok(Go::On)
    }

    async fn send_all(&self, mut replies: Replies<Bytes>) -> Result<Go, Status> {
        for index in 0..self.run.record().plan.replies.len() {
            if self.step().await? == Go::Home {
                return Ok(Go::Home);
            }
            self.send(&mut replies, index).await?;
        }
        Ok(Go::On)
    }

    async fn send(&self, replies: &mut Replies<Bytes>, index: usize) -> Result<(), Status> {
        let record = self.run.record();
        replies.send(record.plan.message(Way::Reply, index)).await?;
        record.seen().sent_count += 1;
        Ok(())
    }
}
