//! interop.Interop, served.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use hikyaku::server::{Replies, Requests};
use hikyaku::{Code, Metadata, Request, Response, Status, Value};
use tokio::sync::{Notify, watch};

use crate::proto::interop::{Blob, Count, Failure, Interop, Name, Nap, Number, Total};

/// The service of `interop.proto`, with what it knows of the calls that hang.
#[derive(Default)]
pub(crate) struct Suite {
    started: Names,
    cancelled: Names,
    shutdown: Arc<Notify>,
}

impl Interop for Suite {
    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        let (initial, trailing) = echoed(request.metadata())?;
        let is_compressed = request.metadata().get("compressed").is_some();
        if is_compressed && !request.was_compressed() {
            return Err(Status::invalid_argument("the request is not compressed"));
        }
        let mut response = Response::new(request.into_message());
        if is_compressed {
            response = response.with_compression("gzip");
        }
        *response.metadata_mut() = initial;
        *response.trailers_mut() = trailing;
        Ok(response)
    }

    async fn exchange(
        &self,
        mut requests: Requests<Blob>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        let (initial, trailing) = echoed(requests.metadata())?;
        replies.set_metadata(initial);
        replies.set_trailers(trailing);
        while let Some(request) = requests.next().await? {
            replies.send(request).await?;
        }
        Ok(())
    }

    async fn produce(
        &self,
        request: Request<Count>,
        mut replies: Replies<Number>,
    ) -> Result<(), Status> {
        let Count {
            numbers,
            padding_len,
            ..
        } = request.into_message();
        let padding = vec![0; padding_len as usize];
        for value in 0..numbers {
            replies
                .send(Number {
                    value,
                    padding: padding.clone(),
                    ..Default::default()
                })
                .await?;
        }
        Ok(())
    }

    async fn consume(&self, mut requests: Requests<Number>) -> Result<Response<Total>, Status> {
        let mut total = Total::default();
        while let Some(number) = requests.next().await? {
            total.numbers += 1;
            total.sum += u64::from(number.value);
        }
        Ok(total.into())
    }

    async fn fail(&self, request: Request<Failure>) -> Result<Response<Blob>, Status> {
        Err(status_of(request.into_message()))
    }

    async fn fail_exchange(
        &self,
        mut requests: Requests<Failure>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        let failure = first(&mut requests).await?;
        for _ in 0..failure.replies {
            replies.send(Blob::default()).await?;
        }
        Err(status_of(failure))
    }

    async fn time_left(&self, request: Request<Blob>) -> Result<Response<Nap>, Status> {
        let left = request
            .deadline()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let millis = left.map_or(0, |left| left.as_millis().try_into().unwrap_or(u64::MAX));
        Ok(Nap {
            millis,
            ..Default::default()
        }
        .into())
    }

    async fn hang(&self, request: Request<Name>) -> Result<Response<Blob>, Status> {
        let _call = self.hanging(request.into_message());
        std::future::pending().await
    }

    async fn hang_replies(
        &self,
        request: Request<Name>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        let _call = self.hanging(request.into_message());
        replies.send(Blob::default()).await?;
        std::future::pending().await
    }

    async fn hang_requests(&self, mut requests: Requests<Name>) -> Result<Response<Blob>, Status> {
        let _call = self.hanging(first(&mut requests).await?);
        std::future::pending().await
    }

    async fn hang_exchange(
        &self,
        mut requests: Requests<Name>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        let _call = self.hanging(first(&mut requests).await?);
        replies.send(Blob::default()).await?;
        std::future::pending().await
    }

    async fn await_started(&self, request: Request<Name>) -> Result<Response<Blob>, Status> {
        self.started.wait_for(&request.message().name).await;
        Ok(Blob::default().into())
    }

    async fn await_cancelled(&self, request: Request<Name>) -> Result<Response<Blob>, Status> {
        self.cancelled.wait_for(&request.message().name).await;
        Ok(Blob::default().into())
    }

    async fn shut_down(&self, _: Request<Blob>) -> Result<Response<Blob>, Status> {
        self.shutdown.notify_one();
        Ok(Blob::default().into())
    }
}

impl Suite {
    /// A service, and what to wait for: its being told to shut the server down.
    pub(crate) fn new() -> (Self, impl Future<Output = ()>) {
        let suite = Self::default();
        let shutdown = suite.shutdown.clone();
        (suite, async move { shutdown.notified().await })
    }

    /// Reports a call as started, and as cancelled when what this returns is dropped.
    fn hanging(&self, name: Name) -> Hanging {
        self.started.add(&name.name);
        Hanging {
            name: name.name,
            cancelled: self.cancelled.clone(),
        }
    }
}

/// A call that hangs. Its handler never returns, so that only cancelling drops it.
struct Hanging {
    name: String,
    cancelled: Names,
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.cancelled.add(&self.name);
    }
}

/// A set of names that others can wait for.
#[derive(Clone)]
struct Names(Arc<watch::Sender<HashSet<String>>>);

impl Default for Names {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(HashSet::new())))
    }
}

impl Names {
    fn add(&self, name: &str) {
        self.0.send_modify(|names| {
            names.insert(name.to_owned());
        });
    }

    async fn wait_for(&self, name: &str) {
        // The sender is ours, so the wait ends only with the name.
        let _ = self
            .0
            .subscribe()
            .wait_for(|names| names.contains(name))
            .await;
    }
}

async fn first<T>(requests: &mut Requests<T>) -> Result<T, Status> {
    requests
        .next()
        .await?
        .ok_or_else(|| Status::invalid_argument("no request"))
}

/// What comes back before the reply and what comes back after it.
fn echoed(metadata: &Metadata) -> Result<(Metadata, Metadata), Status> {
    let (mut initial, mut trailing) = (Metadata::new(), Metadata::new());
    for (key, value) in metadata.iter() {
        let echo = match key {
            key if key.starts_with("echo-initial-") => &mut initial,
            key if key.starts_with("echo-trailing-") => &mut trailing,
            _ => continue,
        };
        match value {
            Value::Ascii(text) => echo.append(key, text)?,
            Value::Binary(bytes) => echo.append_bin(key, &bytes)?,
        }
    }
    Ok((initial, trailing))
}

fn status_of(failure: Failure) -> Status {
    Status::new(Code::from_number(failure.code), failure.message).with_details(failure.details)
}
