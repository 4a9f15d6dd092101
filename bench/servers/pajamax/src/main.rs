//! pajamax under test.
//!
//! It is not all of gRPC: no streams, no metadata, no deadlines, no TLS. Its handlers block, so it
//! has nothing to wait with. A message must come in one DATA frame, and it closes the connection when
//! a read brings no whole frame, which happens with some KiB: so it neither echoes nor gets records.
//!
//! Its best settings: mimalloc, fat LTO, its mode without dispatching, `TCP_NODELAY`, which it has no
//! way to set: without it, 1% of the calls at 1 x 100 take 40 ms. It has a thread for each
//! connection, whatever `--threads` says.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use harness::{MAX_STREAMS, Setup};
use pajamax::Config;
use pajamax::status::{Code, Status};
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use pb::bench::{Bench, BenchServer, Blob, Logs, Sum};
use pb::hello::{Greeter, GreeterServer, HelloReply, HelloRequest};

mod pb {
    pub mod hello {
        include!(concat!(env!("OUT_DIR"), "/helloworld.rs"));
    }
    #[allow(dead_code, reason = "messages of the methods that stream")]
    pub mod bench {
        include!(concat!(env!("OUT_DIR"), "/bench.rs"));
    }
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Greetings;

impl Greeter for Greetings {
    fn say_hello(&self, request: HelloRequest) -> pajamax::Response<HelloReply> {
        let message = format!("Hello {}!", request.name);
        Ok(HelloReply { message })
    }
}

struct Scenarios;

impl Bench for Scenarios {
    fn echo(&self, request: Blob) -> pajamax::Response<Blob> {
        Ok(request)
    }

    fn wait(&self, _: Blob) -> pajamax::Response<Blob> {
        Err(Status {
            code: Code::Unimplemented,
            message: "handlers cannot wait".to_owned(),
        })
    }

    fn burn(&self, request: Blob) -> pajamax::Response<Blob> {
        harness::burn();
        Ok(request)
    }

    fn record(&self, request: Logs) -> pajamax::Response<Sum> {
        let logs = request.logs;
        Ok(Sum {
            count: logs.len() as u64,
            bytes: logs.iter().map(|log| log.body.len() as u64).sum(),
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setup = Setup::from_args("hello burn");
    let address = free(setup.listen)?;
    thread::spawn(move || {
        while TcpStream::connect(address).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
        if let Err(error) = send_at_once() {
            eprintln!("no TCP_NODELAY: {error}");
        }
        harness::announce(address);
    });
    Config::new()
        .max_concurrent_connections(100_000)
        .max_concurrent_streams(MAX_STREAMS as usize)
        .max_frame_size(64 * 1024)
        .idle_timeout(Duration::from_secs(24 * 60 * 60))
        .add_service(GreeterServer::new(Greetings))
        .add_service(BenchServer::new(Scenarios))
        .serve(address)?;
    Ok(())
}

/// Sets `TCP_NODELAY` on all sockets of the program: what is accepted by them inherits it.
fn send_at_once() -> std::io::Result<()> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Some are no sockets, and the folder itself is closed by then.
        if let Ok(socket) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) {
            let _ = set_tcp_nodelay(socket, true);
        }
    }
    Ok(())
}

/// The address with a port that was free a moment ago: pajamax does not tell which one it got.
fn free(address: SocketAddr) -> std::io::Result<SocketAddr> {
    TcpListener::bind(address)?.local_addr()
}
