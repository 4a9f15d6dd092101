//! The greeter of gRPC's own examples.
//!
//! ```text
//! cargo run --release --example greeter -- --listen 127.0.0.1:50051 --threads 1
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;

use hikyaku::{Request, Response, Server, Status, reflection};
use proto::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};

struct Hello;

impl Greeter for Hello {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.message().name);
        Ok(HelloReply {
            message,
            ..Default::default()
        }
        .into())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { listen, threads } = Options::parse(std::env::args().skip(1))?;
    hikyaku::server::runtime(threads)?.block_on(async {
        let listener = hikyaku::server::bind(&listen).await?;
        println!("listening on {}", listener.local_addr()?);
        let ctrl_c = async { _ = tokio::signal::ctrl_c().await };
        Server::new()
            .add(GreeterServer::new(Hello))
            .add(reflection::service())
            .serve_listener_with_shutdown(listener, ctrl_c)
            .await?;
        Ok(())
    })
}

struct Options {
    listen: String,
    threads: usize,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            listen: "[::]:50051".to_owned(),
            threads: 0,
        };
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("{flag} wants a value"))?;
            match flag.as_str() {
                "--listen" => options.listen = value,
                "--threads" => {
                    options.threads = value
                        .parse()
                        .map_err(|_| format!("--threads wants a number, not {value:?}"))?;
                }
                _ => return Err(format!("unknown flag {flag}; allowed: --listen, --threads")),
            }
        }
        Ok(options)
    }
}
