//! The greeter on tonic: one thread, mimalloc, fat LTO, `TCP_NODELAY`.
//!
//! Prints `listening on HOST:PORT` once it accepts.

use std::net::SocketAddr;

use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use pb::greeter_server::{Greeter, GreeterServer};
use pb::{HelloReply, HelloRequest};

mod pb {
    tonic::include_proto!("helloworld");
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Greetings;

#[tonic::async_trait]
impl Greeter for Greetings {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.into_inner().name);
        Ok(Response::new(HelloReply { message }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address: SocketAddr = std::env::args()
        .nth(1)
        .ok_or("usage: tonic-greeter ADDR")?
        .parse()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let incoming = TcpIncoming::bind(address)?.with_nodelay(Some(true));
            println!("listening on {}", incoming.local_addr()?);
            Server::builder()
                .add_service(GreeterServer::new(Greetings))
                .serve_with_incoming(incoming)
                .await?;
            Ok(())
        })
}
