//! Interceptors: a token that the client sends and the server checks, and a log of all calls.
//!
//! ```text
//! RUST_LOG=info cargo run --example interceptors
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it got")]

mod proto;

use std::collections::HashMap;
use std::time::Instant;

use hikyaku::intercept::{Call, Interceptor, Next};
use hikyaku::{Channel, Metadata, Request, Response, Server, Status, server};
use proto::helloworld::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use tracing_subscriber::EnvFilter;

/// At a client: sends a token with each call.
struct SignIn {
    token: String,
}

impl Interceptor for SignIn {
    async fn intercept(&self, mut call: Call, next: Next) -> Result<Metadata, Status> {
        let bearer = format!("Bearer {}", self.token);
        call.metadata_mut().insert("authorization", &bearer)?;
        next.run(call).await
    }
}

/// At a server: finds out whose token it is, and lets nobody else in.
struct CheckToken {
    users: HashMap<String, User>,
}

/// What handlers learn of who is calling.
#[derive(Clone)]
struct User {
    name: &'static str,
}

impl Interceptor for CheckToken {
    async fn intercept(&self, mut call: Call, next: Next) -> Result<Metadata, Status> {
        let token = call.metadata().get("authorization");
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        // This may as well await a database, or another server.
        let Some(user) = token.and_then(|token| self.users.get(token)) else {
            return Err(Status::unauthenticated("the token is missing or not valid"));
        };
        call.extensions_mut().insert(user.clone());
        next.run(call).await
    }
}

/// At either end: a line for each call, whatever its kind, with how it ended.
async fn log(call: Call, next: Next) -> Result<Metadata, Status> {
    let (side, path, start) = (call.side(), call.path(), Instant::now());
    let end = next.run(call).await;
    let (took, code) = (
        start.elapsed(),
        end.as_ref()
            .map_or_else(Status::code, |_| hikyaku::Code::Ok),
    );
    tracing::info!(?side, path, %code, ?took, "called");
    end
}

struct Hello;

impl Greeter for Hello {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let user = request.extensions().get::<User>();
        let user = user.ok_or_else(|| Status::internal("CheckToken is not around this service"))?;
        let message = format!(
            "Hello {}, signed in as {}!",
            request.message().name,
            user.name
        );
        Ok(HelloReply {
            message,
            ..Default::default()
        }
        .into())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let filter = EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let listener = server::bind("127.0.0.1:0").await?;
    let target = format!("http://{}", listener.local_addr()?);
    let users = HashMap::from([("tea".to_owned(), User { name: "ayumi" })]);
    let server = Server::new()
        .intercept(log) // the first is the outermost: it sees refused calls, too
        .intercept(CheckToken { users })
        .add(GreeterServer::new(Hello));
    tokio::spawn(server.serve_listener(listener));

    let channel = Channel::connect(&target).await?;
    let stranger = GreeterClient::new(channel.clone());
    let token = "tea".to_owned();
    let greeter = GreeterClient::new(channel.intercept(log).intercept(SignIn { token }));

    let request = HelloRequest {
        name: "you".into(),
        ..Default::default()
    };
    if let Err(status) = stranger.say_hello(request.clone()).await {
        println!("without a token: {status}");
    }
    let reply = greeter.say_hello(request).await?;
    println!("with a token: {}", reply.message().message);
    Ok(())
}
