//! The process that is attacked: a server with default settings and a small service.

use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hikyaku::server::{Replies, Requests};
use hikyaku::{Metadata, Request, Response, Server, Status, Value};

use crate::attack::Trouble;
use crate::proto::attacks::{
    Amount, Blob, ForestServer, HandlerReport, Target, TargetServer, TravellerServer,
};
use crate::traveller::{Client, Trees};

/// Bytes of one message of `Produce`.
const CHUNK_LEN: usize = 64 * 1024;

/// Serves until standard input ends, which it does with the process that started this one.
pub(crate) async fn serve() -> Result<(), Trouble> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let listener = hikyaku::server::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Server::new()
        .add(TargetServer::new(Handlers::default()))
        .add(TravellerServer::new(Client))
        .add(ForestServer::new(Trees))
        .serve_listener(listener)
        .await?;
    Ok(())
}

/// The service, and what runs of it.
#[derive(Clone, Default)]
struct Handlers(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    running: u32,
    by_connection: HashMap<SocketAddr, u32>,
    peak: u32,
    connection_peak: u32,
    started: u64,
}

/// A handler that runs, until it is dropped.
struct Run {
    handlers: Handlers,
    addr: SocketAddr,
}

impl Handlers {
    fn run(&self, addr: Option<SocketAddr>) -> Run {
        let addr = addr.unwrap_or_else(|| SocketAddr::from(([0; 4], 0)));
        let mut counts = self.lock();
        counts.started += 1;
        counts.running += 1;
        counts.peak = counts.peak.max(counts.running);
        let here = counts.by_connection.entry(addr).or_default();
        *here += 1;
        counts.connection_peak = (*here).max(counts.connection_peak);
        Run {
            handlers: self.clone(),
            addr,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut counts = self.handlers.lock();
        counts.running -= 1;
        if let Some(here) = counts.by_connection.get_mut(&self.addr) {
            *here -= 1;
            if *here == 0 {
                counts.by_connection.remove(&self.addr);
            }
        }
    }
}

impl Target for Handlers {
    async fn probe(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        Ok(request.into_message().into())
    }

    async fn handlers(&self, _request: Request<Blob>) -> Result<Response<HandlerReport>, Status> {
        let counts = self.lock();
        Ok(HandlerReport {
            running: counts.running,
            connection_peak: counts.connection_peak,
            peak: counts.peak,
            started: counts.started,
            ..Default::default()
        }
        .into())
    }

    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        let _run = self.run(request.peer_addr());
        let metadata = echoed(request.metadata())?;
        let mut response = Response::new(request.into_message());
        *response.metadata_mut() = metadata;
        Ok(response)
    }

    async fn hang(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        let _run = self.run(request.peer_addr());
        std::future::pending().await
    }

    async fn produce(
        &self,
        request: Request<Amount>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        let _run = self.run(request.peer_addr());
        let mut left = request.message().bytes;
        while left > 0 {
            let len = left.min(CHUNK_LEN as u64);
            left -= len;
            replies.send(blob(vec![0; len as usize])).await?;
        }
        Ok(())
    }

    async fn ignore(&self, requests: Requests<Blob>) -> Result<Response<Blob>, Status> {
        let _run = self.run(requests.peer_addr());
        std::future::pending().await
    }

    async fn consume(&self, mut requests: Requests<Blob>) -> Result<Response<Amount>, Status> {
        let _run = self.run(requests.peer_addr());
        let mut bytes = 0;
        while let Some(request) = requests.next().await? {
            bytes += request.payload.len() as u64;
        }
        Ok(Amount {
            bytes,
            ..Default::default()
        }
        .into())
    }

    async fn chat(
        &self,
        mut requests: Requests<Blob>,
        mut replies: Replies<Blob>,
    ) -> Result<(), Status> {
        let _run = self.run(requests.peer_addr());
        while let Some(request) = requests.next().await? {
            replies.send(request).await?;
        }
        Ok(())
    }
}

fn blob(payload: Vec<u8>) -> Blob {
    Blob {
        payload,
        ..Default::default()
    }
}

/// What comes back of the metadata.
fn echoed(metadata: &Metadata) -> Result<Metadata, Status> {
    let mut back = Metadata::new();
    for (key, value) in metadata.iter() {
        match value {
            Value::Ascii(text) if key.starts_with("echo-") => back.append(key, text)?,
            Value::Binary(bytes) if key.starts_with("echo-") => back.append_bin(key, &bytes)?,
            _ => {}
        }
    }
    Ok(back)
}
