//! hikyaku under test.
//!
//! Its best settings: mimalloc, fat LTO, `TCP_NODELAY` (which it always sets), bodies as `Bytes`,
//! the records read as views; one thread is a runtime without workers. Limits that other servers do
//! not have are out of the way.

mod bench;

use harness::{MAX_MESSAGE_LEN, MAX_STREAMS, Setup};
use hikyaku::tls::{Identity, ServerTls};
use hikyaku::{Request, Response, Server, Status};

use bench::Scenarios;
use proto::bench::BenchServer;
use proto::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};

mod proto {
    hikyaku::include_proto!();
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Greetings;

impl Greeter for Greetings {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.message().name);
        let reply = HelloReply {
            message,
            ..Default::default()
        };
        Ok(reply.into())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setup = Setup::from_args("hello echo down up both ping-pong wait burn record tls");
    let mut server = Server::new()
        .add(GreeterServer::new(Greetings))
        .add(BenchServer::new(Scenarios))
        .max_message_len(MAX_MESSAGE_LEN)
        .max_concurrent_calls(MAX_STREAMS)
        .limits(|limits| {
            limits.max_connections = 100_000;
            limits.memory_budget_len = 8 << 30;
        });
    if let Some(tls) = setup.tls {
        let identity = Identity::from_files(tls.cert, tls.key);
        server = server.tls(ServerTls::builder(identity).load()?);
    }
    hikyaku::server::runtime(setup.threads)?.block_on(async {
        let listener = hikyaku::server::bind(&setup.listen.to_string()).await?;
        harness::announce(listener.local_addr()?);
        server.serve_listener(listener).await?;
        Ok(())
    })
}
