//! The greeter on hikyaku: one thread, mimalloc, fat LTO.
//!
//! Prints `listening on HOST:PORT` once it accepts.

use hikyaku::{Request, Response, Server, Status};

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
    let address = std::env::args()
        .nth(1)
        .ok_or("usage: hikyaku-greeter ADDR")?;
    hikyaku::server::runtime(1)?.block_on(async {
        let listener = hikyaku::server::bind(&address).await?;
        println!("listening on {}", listener.local_addr()?);
        let greeter = GreeterServer::new(Greetings);
        Server::new().add(greeter).serve_listener(listener).await?;
        Ok(())
    })
}
