//! The victim's other half: a client with default settings that calls the servers it is sent to,
//! and the service that takes messages of any depth.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hikyaku::client::Streaming;
use hikyaku::{Channel, Request, Response, Status};
use tokio::task::JoinSet;

use crate::proto::attacks::{
    Amount, Blob, Ending, Findings, Forest, Journey, TargetClient, Traveller, Tree,
};

/// Bytes of one message of a request.
const CHUNK_LEN: u64 = 16 * 1024;

/// Calls whom it is told to call.
pub(crate) struct Client;

/// Counts the trees.
pub(crate) struct Trees;

impl Forest for Trees {
    async fn plant(&self, request: Request<Tree>) -> Result<Response<Amount>, Status> {
        let bytes = u64::from(request.message().number);
        Ok(amount(bytes).into())
    }
}

impl Traveller for Client {
    async fn travel(&self, request: Request<Journey>) -> Result<Response<Findings>, Status> {
        let journey = request.into_message();
        let channel = Channel::lazy(&format!("http://{}", journey.addr))
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let mut calls = JoinSet::new();
        let mut found = Found::default();
        for _ in 0..journey.calls {
            if calls.len() >= journey.at_once.max(1) as usize
                && let Some(Ok(call)) = calls.join_next().await
            {
                found.add(call);
            }
            let (client, journey) = (TargetClient::new(channel.clone()), journey.clone());
            calls.spawn(async move {
                let began = Instant::now();
                let outcome = call(&client, &journey).await;
                (outcome, began.elapsed())
            });
        }
        while let Some(Ok(call)) = calls.join_next().await {
            found.add(call);
        }
        Ok(found.told().into())
    }
}

/// Makes one call; the bytes of its replies.
async fn call(client: &TargetClient, journey: &Journey) -> Result<u64, Status> {
    match journey.method.as_str() {
        "Echo" => {
            let request = due(blob(journey.bytes), journey);
            let reply = client.echo(request).await?;
            Ok(reply.message().payload.len() as u64)
        }
        "Produce" => collect(client.produce(due(amount(1), journey)).await?).await,
        "Consume" => {
            let mut call = client.consume(due((), journey)).await?;
            let mut left = journey.bytes;
            while left > 0 {
                let len = left.min(CHUNK_LEN);
                call.send(blob(len)).await?;
                left -= len;
            }
            Ok(call.finish().await?.message().bytes)
        }
        "Chat" => {
            let (mut sender, replies) = client.chat(due((), journey)).await?;
            let mut left = journey.bytes;
            let sending = async move {
                while left > 0 {
                    let len = left.min(CHUNK_LEN);
                    if sender.send(blob(len)).await.is_err() {
                        return;
                    }
                    left -= len;
                }
            };
            tokio::join!(sending, collect(replies)).1
        }
        other => Err(Status::invalid_argument(format!("no method {other}"))),
    }
}

async fn collect(mut replies: Streaming<Blob>) -> Result<u64, Status> {
    let mut bytes = 0;
    while let Some(reply) = replies.next().await? {
        bytes += reply.payload.len() as u64;
    }
    Ok(bytes)
}

/// What the calls of a journey came to.
#[derive(Default)]
struct Found {
    endings: BTreeMap<String, (String, u32)>,
    bytes: u64,
    slowest: Duration,
}

impl Found {
    fn add(&mut self, (outcome, took): (Result<u64, Status>, Duration)) {
        self.slowest = self.slowest.max(took);
        let (code, message) = match outcome {
            Ok(bytes) => {
                self.bytes += bytes;
                ("Ok".to_owned(), String::new())
            }
            Err(status) => (format!("{:?}", status.code()), status.message().to_owned()),
        };
        let ending = self.endings.entry(code).or_insert((message, 0));
        ending.1 += 1;
    }

    fn told(self) -> Findings {
        let ending = |(code, (message, calls)): (String, (String, u32))| Ending {
            code,
            // As much as a header of the answer may have.
            message: message.chars().take(300).collect(),
            calls,
            ..Default::default()
        };
        Findings {
            endings: self.endings.into_iter().map(ending).collect(),
            bytes: self.bytes,
            slowest_millis: self.slowest.as_millis() as u64,
            ..Default::default()
        }
    }
}

fn due<T>(message: T, journey: &Journey) -> Request<T> {
    let request = Request::new(message);
    match journey.timeout_millis {
        0 => request,
        millis => request.with_timeout(Duration::from_millis(u64::from(millis))),
    }
}

fn blob(len: u64) -> Blob {
    Blob {
        payload: vec![0; len as usize],
        ..Default::default()
    }
}

fn amount(bytes: u64) -> Amount {
    Amount {
        bytes,
        ..Default::default()
    }
}
