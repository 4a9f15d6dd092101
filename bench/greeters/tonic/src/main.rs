use tonic::{Request, Response, Status, transport::Server};

mod pb {
    tonic::include_proto!("helloworld");
}
use pb::greeter_server::{Greeter, GreeterServer};
use pb::{HelloReply, HelloRequest};

struct Hello;

#[tonic::async_trait]
impl Greeter for Hello {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.into_inner().name);
        Ok(Response::new(HelloReply { message }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = "[::]:50051".parse()?;
    Server::builder().add_service(GreeterServer::new(Hello)).serve(address).await?;
    Ok(())
}
