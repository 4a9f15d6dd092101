//! hikyaku's client under test.
//!
//! Its best settings: mimalloc, fat LTO, `TCP_NODELAY` (which it always sets), bodies as `Bytes`, a
//! runtime of one thread.

use bytes::Bytes;
use caller::{Connection, Fault};
use hikyaku::Channel;

use proto::bench::{BenchClient, Blob, Plan};
use proto::helloworld::{GreeterClient, HelloRequest};

mod proto {
    hikyaku::include_proto!();
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls at a time on one connection.
const MAX_CALLS: u32 = 20_000;
const MAX_MESSAGE_LEN: usize = 16 * 1024 * 1024;

#[derive(Clone)]
struct Hikyaku {
    greeter: GreeterClient,
    bench: BenchClient,
}

impl Hikyaku {
    async fn connect(address: String) -> Result<Self, Fault> {
        let channel = Channel::builder(&format!("http://{address}"))
            .max_message_len(MAX_MESSAGE_LEN)
            .max_concurrent_calls(MAX_CALLS)
            .connect()
            .await?;
        Ok(Self {
            greeter: GreeterClient::new(channel.clone()),
            bench: BenchClient::new(channel),
        })
    }
}

impl Connection for Hikyaku {
    async fn hello(&self) -> Result<(), Fault> {
        let request = HelloRequest {
            name: "world".to_owned(),
            ..Default::default()
        };
        let reply = self.greeter.say_hello(request).await?;
        match reply.message().message.as_str() {
            "Hello world!" => Ok(()),
            other => Err(format!("greeted with {other:?}").into()),
        }
    }

    async fn echo(&self, body: Bytes) -> Result<(), Fault> {
        let len = body.len();
        let reply = self.bench.echo(blob(body)).await?;
        match reply.message().body.len() {
            same if same == len => Ok(()),
            other => Err(format!("{other} bytes came back of {len}").into()),
        }
    }

    async fn down(&self, count: u32, size: u32) -> Result<u64, Fault> {
        let plan = Plan {
            count,
            size,
            ..Default::default()
        };
        let mut replies = self.bench.down(plan).await?;
        let mut came = 0;
        while replies.next().await?.is_some() {
            came += 1;
        }
        Ok(came)
    }

    async fn up(&self, count: u32, body: Bytes) -> Result<u64, Fault> {
        let mut call = self.bench.up(()).await?;
        call.send_all((0..count).map(|_| blob(body.clone())))
            .await?;
        Ok(call.finish().await?.message().count)
    }

    async fn both(&self, count: u32, body: Bytes) -> Result<u64, Fault> {
        let (mut requests, mut replies) = self.bench.both(()).await?;
        let sending = async move {
            let messages = (0..count).map(|_| blob(body.clone()));
            requests.send_all(messages).await?;
            requests.finish();
            Ok::<(), Fault>(())
        };
        let receiving = async move {
            let mut came = 0;
            while replies.next().await?.is_some() {
                came += 1;
            }
            Ok::<u64, Fault>(came)
        };
        let ((), came) = tokio::try_join!(sending, receiving)?;
        Ok(came)
    }

    async fn ping_pong(&self, count: u32, body: Bytes) -> Result<u64, Fault> {
        let (mut requests, mut replies) = self.bench.both(()).await?;
        let mut came = 0;
        for _ in 0..count {
            requests.send(blob(body.clone())).await?;
            came += u64::from(replies.next().await?.is_some());
        }
        requests.finish();
        match replies.next().await? {
            None => Ok(came),
            Some(_) => Err("a message came that nobody sent".into()),
        }
    }
}

fn blob(body: Bytes) -> Blob {
    Blob {
        body,
        ..Default::default()
    }
}

fn main() -> Result<(), Fault> {
    caller::run(Hikyaku::connect)
}
