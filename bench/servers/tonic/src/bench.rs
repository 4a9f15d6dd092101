//! The scenarios beside the greeting.

use std::iter::{RepeatN, repeat_n};

use bytes::Bytes;
use harness::MAX_MESSAGE_LEN;
use tokio_stream::Iter;
use tonic::{Request, Response, Status, Streaming};

use crate::pb::bench::bench_server::{Bench, BenchServer};
use crate::pb::bench::{Blob, Logs, Plan, Sum};

pub fn service() -> BenchServer<Scenarios> {
    BenchServer::new(Scenarios)
        .max_decoding_message_size(MAX_MESSAGE_LEN)
        .max_encoding_message_size(MAX_MESSAGE_LEN)
}

pub struct Scenarios;

#[tonic::async_trait]
impl Bench for Scenarios {
    type DownStream = Iter<RepeatN<Result<Blob, Status>>>;
    type BothStream = Streaming<Blob>;

    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn down(&self, request: Request<Plan>) -> Result<Response<Self::DownStream>, Status> {
        let plan = request.into_inner();
        let body = Bytes::from(vec![0; plan.size as usize]);
        let blobs = repeat_n(Ok(Blob { body }), plan.count as usize);
        Ok(Response::new(tokio_stream::iter(blobs)))
    }

    async fn up(&self, request: Request<Streaming<Blob>>) -> Result<Response<Sum>, Status> {
        let mut blobs = request.into_inner();
        let mut sum = Sum::default();
        while let Some(blob) = blobs.message().await? {
            sum.count += 1;
            sum.bytes += blob.body.len() as u64;
        }
        Ok(Response::new(sum))
    }

    async fn both(
        &self,
        request: Request<Streaming<Blob>>,
    ) -> Result<Response<Self::BothStream>, Status> {
        // What comes in is a stream of what goes out.
        Ok(Response::new(request.into_inner()))
    }

    async fn wait(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        tokio::time::sleep(harness::WAIT).await;
        Ok(Response::new(request.into_inner()))
    }

    async fn burn(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        harness::burn();
        Ok(Response::new(request.into_inner()))
    }

    async fn record(&self, request: Request<Logs>) -> Result<Response<Sum>, Status> {
        let logs = request.into_inner().logs;
        Ok(Response::new(Sum {
            count: logs.len() as u64,
            bytes: logs.iter().map(|log| log.body.len() as u64).sum(),
        }))
    }
}
