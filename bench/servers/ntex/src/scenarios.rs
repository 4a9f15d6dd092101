//! The handlers.

use std::convert::Infallible;

use ntex::ServiceFactory;
use ntex::time::sleep;
use ntex_grpc::server::{ServerError, ServerRequest, ServerResponse};
use ntex_grpc::{Bytes, RecvStream, SendStream, server};

use crate::bench::{Blob, Logs, Plan, Sum};
use crate::helloworld::{HelloReply, HelloRequest};

#[derive(Clone)]
pub struct Greetings;

#[server(crate::helloworld::Greeter)]
impl Greetings {
    #[method(SayHello)]
    async fn say_hello(&self, request: HelloRequest) -> HelloReply {
        HelloReply {
            message: format!("Hello {}!", request.name).into(),
        }
    }
}

#[derive(Clone)]
pub struct Scenarios;

#[server(crate::bench::Bench)]
impl Scenarios {
    #[method(Echo)]
    async fn echo(&self, request: Blob) -> Blob {
        request
    }

    #[method(Down)]
    async fn down(&self, plan: Plan, replies: SendStream<Blob>) -> Result<(), ServerError> {
        let blob = Blob {
            body: Bytes::from(vec![0; plan.size as usize]),
        };
        for _ in 0..plan.count {
            replies.send(&blob).await?;
        }
        Ok(())
    }

    #[method(Up)]
    async fn up(&self, mut requests: RecvStream<Blob>) -> Sum {
        let mut sum = Sum { count: 0, bytes: 0 };
        while let Some(Ok(blob)) = requests.recv().await {
            sum.count += 1;
            sum.bytes += blob.body.len() as u64;
        }
        sum
    }

    #[method(Both)]
    async fn both(
        &self,
        mut requests: RecvStream<Blob>,
        replies: SendStream<Blob>,
    ) -> Result<(), ServerError> {
        while let Some(blob) = requests.recv().await {
            replies.send(&blob?).await?;
        }
        Ok(())
    }

    #[method(Wait)]
    async fn wait(&self, request: Blob) -> Blob {
        sleep(harness::WAIT).await;
        request
    }

    #[method(Burn)]
    async fn burn(&self, request: Blob) -> Blob {
        harness::burn();
        request
    }

    #[method(Record)]
    async fn record(&self, request: Logs) -> Sum {
        Sum {
            count: request.logs.len() as u64,
            bytes: request.logs.iter().map(|log| log.body.len() as u64).sum(),
        }
    }
}

// Each connection has services of its own.

impl ServiceFactory<(), ServerRequest> for Greetings {
    type Res = ServerResponse;
    type Error = ServerError;
    type Service = Self;
    type InitError = Infallible;

    async fn create(&self, (): &()) -> Result<Self, Infallible> {
        Ok(self.clone())
    }
}

impl ServiceFactory<(), ServerRequest> for Scenarios {
    type Res = ServerResponse;
    type Error = ServerError;
    type Service = Self;
    type InitError = Infallible;

    async fn create(&self, (): &()) -> Result<Self, Infallible> {
        Ok(self.clone())
    }
}
