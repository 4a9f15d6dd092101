//! The scenarios beside the greeting.

use std::iter::repeat_n;

use bytes::Bytes;
use connectrpc::{
    Encodable, InboundStream, RequestContext, Response, ServiceRequest, ServiceResult,
    ServiceStream,
};
use futures::{StreamExt, stream};

use crate::pb::bench::{Bench, Blob, Logs, Plan, Sum};

pub struct Scenarios;

impl Bench for Scenarios {
    async fn echo<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, Blob>,
    ) -> ServiceResult<impl Encodable<Blob> + Send + use<'a>> {
        Response::ok(request.to_owned_message())
    }

    async fn down(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, Plan>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Blob> + Send + use<>>> {
        let blob = Blob {
            body: Bytes::from(vec![0; request.size as usize]),
            ..Default::default()
        };
        Response::stream_ok(stream::iter(repeat_n(Ok(blob), request.count as usize)))
    }

    async fn up<'a>(
        &'a self,
        _: RequestContext,
        mut requests: InboundStream<Blob>,
    ) -> ServiceResult<impl Encodable<Sum> + Send + use<'a>> {
        let mut sum = Sum::default();
        while let Some(blob) = requests.next().await.transpose()? {
            sum.count += 1;
            sum.bytes += blob.body().len() as u64;
        }
        Response::ok(sum)
    }

    async fn both(
        &self,
        _: RequestContext,
        requests: InboundStream<Blob>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Blob> + Send + use<>>> {
        // What comes in is a stream of what goes out.
        Ok(Response::new(requests))
    }

    async fn wait<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, Blob>,
    ) -> ServiceResult<impl Encodable<Blob> + Send + use<'a>> {
        tokio::time::sleep(harness::WAIT).await;
        Response::ok(request.to_owned_message())
    }

    async fn burn<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, Blob>,
    ) -> ServiceResult<impl Encodable<Blob> + Send + use<'a>> {
        harness::burn();
        Response::ok(request.to_owned_message())
    }

    async fn record<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, Logs>,
    ) -> ServiceResult<impl Encodable<Sum> + Send + use<'a>> {
        let logs = &request.logs;
        Response::ok(Sum {
            count: logs.len() as u64,
            bytes: logs.iter().map(|log| log.body.len() as u64).sum(),
            ..Default::default()
        })
    }
}
