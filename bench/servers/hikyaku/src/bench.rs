//! The scenarios beside the greeting.

use bytes::Bytes;
use hikyaku::server::{Replies, Requests};
use hikyaku::{Request, Response, Status, View};

use crate::proto::bench::{Bench, Blob, Logs, Plan, Sum};

pub struct Scenarios;

impl Bench for Scenarios {
    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        Ok(request.into_message().into())
    }

    async fn down(&self, request: Request<Plan>, mut replies: Replies<Blob>) -> Result<(), Status> {
        let plan = request.into_message();
        let body = Bytes::from(vec![0; plan.size as usize]);
        for _ in 0..plan.count {
            let body = body.clone();
            replies
                .send(Blob {
                    body,
                    ..Default::default()
                })
                .await?;
        }
        Ok(())
    }

    async fn up(&self, mut requests: Requests<Blob>) -> Result<Response<Sum>, Status> {
        let mut sum = Sum::default();
        while let Some(blob) = requests.next().await? {
            sum.count += 1;
            sum.bytes += blob.body.len() as u64;
        }
        Ok(sum.into())
    }

    async fn both(
        &self,
        mut requests: Requests<Blob>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        while let Some(blob) = requests.next().await? {
            replies.send(blob).await?;
        }
        Ok(())
    }

    async fn wait(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        tokio::time::sleep(harness::WAIT).await;
        Ok(request.into_message().into())
    }

    async fn burn(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        harness::burn();
        Ok(request.into_message().into())
    }

    async fn record(&self, request: Request<View<Logs>>) -> Result<Response<Sum>, Status> {
        let logs = request.message().logs();
        let sum = Sum {
            count: logs.len() as u64,
            bytes: logs.iter().map(|log| log.body.len() as u64).sum(),
            ..Default::default()
        };
        Ok(sum.into())
    }
}
