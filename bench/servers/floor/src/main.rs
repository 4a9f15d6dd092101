//! The least a gRPC server on tokio can do: read, walk over the frame heads, answer with canned
//! bytes, write once per read.
//!
//! It decodes no header block and no message, runs no handler and checks nothing; it has to be told
//! what it will be asked. What a real server costs above it is the server's own work. It keeps to
//! its peer's windows, so that any client can be measured with it.

mod answers;
mod options;
mod raw;
mod serve;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use generator::tls::{self, Alpn};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use crate::answers::Canned;
use crate::options::{Options, USAGE};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("{what}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Err(what) = run(&options);
    eprintln!("{what}");
    ExitCode::FAILURE
}

fn run(options: &Options) -> Result<std::convert::Infallible, String> {
    // Nothing is canned for a raw echo.
    let canned = Canned::new(options).map(Arc::new);
    let alpn = if canned.is_some() {
        Alpn::Http2
    } else {
        Alpn::Nothing
    };
    let tls = match &options.identity {
        Some((cert, key)) => Some(tls::acceptor(cert, key, alpn)?),
        None => None,
    };
    let runtime = runtime(options.threads).map_err(|error| error.to_string())?;
    // Spawned, so that with several threads it is a worker that accepts.
    let listen = options.listen.clone();
    let accepting = runtime.spawn(async move { accept(&listen, canned, tls).await });
    match runtime.block_on(accepting) {
        Ok(Err(error)) => Err(format!("{}: {error}", options.listen)),
        Ok(Ok(never)) => match never {},
        Err(error) => Err(error.to_string()),
    }
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
    }
}

async fn accept(
    listen: &str,
    canned: Option<Arc<Canned>>,
    tls: Option<TlsAcceptor>,
) -> io::Result<std::convert::Infallible> {
    let listener = TcpListener::bind(listen).await?;
    harness::announce(listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (canned, tls) = (canned.clone(), tls.clone());
        tokio::spawn(async move {
            let served = match tls {
                None => serve(socket, canned).await,
                Some(tls) => match tls.accept(socket).await {
                    Ok(socket) => serve(socket, canned).await,
                    Err(error) => Err(error),
                },
            };
            match served {
                Err(error) if !is_end(&error) => eprintln!("{error}"),
                _ => {}
            }
        });
    }
}

/// Whether a client has gone, which it may at any time.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    canned: Option<Arc<Canned>>,
) -> io::Result<()> {
    match canned {
        Some(canned) => serve::serve(socket, canned).await,
        None => raw::echo(socket).await,
    }
}
