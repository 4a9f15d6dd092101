//! tonic's client under test.
//!
//! Its best settings: mimalloc, fat LTO, `TCP_NODELAY`, bodies as `Bytes`, streams without boxes; a
//! runtime of one thread.

use bytes::Bytes;
use caller::{Connection, Fault};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use pb::bench::bench_client::BenchClient;
use pb::bench::{Blob, Plan};
use pb::hello::HelloRequest;
use pb::hello::greeter_client::GreeterClient;

mod pb {
    pub mod hello {
        tonic::include_proto!("helloworld");
    }
    pub mod bench {
        tonic::include_proto!("bench");
    }
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MAX_MESSAGE_LEN: usize = 16 * 1024 * 1024;

#[derive(Clone)]
struct Tonic {
    greeter: GreeterClient<Channel>,
    bench: BenchClient<Channel>,
}

impl Tonic {
    async fn connect(address: String) -> Result<Self, Fault> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        let channel = endpoint.connect().await?;
        Ok(Self {
            greeter: GreeterClient::new(channel.clone()),
            bench: BenchClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE_LEN)
                .max_encoding_message_size(MAX_MESSAGE_LEN),
        })
    }
}

impl Connection for Tonic {
    async fn hello(&self) -> Result<(), Fault> {
        let name = "world".to_owned();
        let reply = self
            .greeter
            .clone()
            .say_hello(HelloRequest { name })
            .await?;
        match reply.get_ref().message.as_str() {
            "Hello world!" => Ok(()),
            other => Err(format!("greeted with {other:?}").into()),
        }
    }

    async fn echo(&self, body: Bytes) -> Result<(), Fault> {
        let len = body.len();
        let reply = self.bench.clone().echo(Blob { body }).await?;
        match reply.get_ref().body.len() {
            same if same == len => Ok(()),
            other => Err(format!("{other} bytes came back of {len}").into()),
        }
    }

    async fn down(&self, count: u32, size: u32) -> Result<u64, Fault> {
        let replies = self.bench.clone().down(Plan { count, size }).await?;
        counted(replies.into_inner()).await
    }

    async fn up(&self, count: u32, body: Bytes) -> Result<u64, Fault> {
        let sum = self.bench.clone().up(repeated(count, body)).await?;
        Ok(sum.get_ref().count)
    }

    async fn both(&self, count: u32, body: Bytes) -> Result<u64, Fault> {
        let replies = self.bench.clone().both(repeated(count, body)).await?;
        counted(replies.into_inner()).await
    }

    async fn ping_pong(&self, count: u32, body: Bytes) -> Result<u64, Fault> {
        let (sender, requests) = mpsc::channel(1);
        let requests = ReceiverStream::new(requests);
        // Its answer may come with the first message only.
        sender.send(Blob { body: body.clone() }).await?;
        let mut replies = self.bench.clone().both(requests).await?.into_inner();
        let mut came = u64::from(replies.message().await?.is_some());
        for _ in 1..count {
            sender.send(Blob { body: body.clone() }).await?;
            came += u64::from(replies.message().await?.is_some());
        }
        drop(sender);
        match replies.message().await? {
            None => Ok(came),
            Some(_) => Err("a message came that nobody sent".into()),
        }
    }
}

fn repeated(count: u32, body: Bytes) -> impl tokio_stream::Stream<Item = Blob> {
    tokio_stream::iter((0..count).map(move |_| Blob { body: body.clone() }))
}

async fn counted(mut replies: Streaming<Blob>) -> Result<u64, Fault> {
    let mut came = 0;
    while replies.message().await?.is_some() {
        came += 1;
    }
    Ok(came)
}

fn main() -> Result<(), Fault> {
    caller::run(Tonic::connect)
}
