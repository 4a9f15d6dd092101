mod proto {
    hikyaku::include_proto!();
}
use hikyaku::{Request, Response, Server, Status};
use proto::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};

struct Hello;

impl Greeter for Hello {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.message().name);
        Ok(HelloReply { message, ..Default::default() }.into())
    }
}

#[tokio::main]
async fn main() -> Result<(), hikyaku::server::ServeError> {
    Server::new().add(GreeterServer::new(Hello)).serve("[::]:50051").await
}
