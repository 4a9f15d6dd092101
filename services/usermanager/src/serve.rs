//! `usermanager serve`: opens the store, says where it listens and serves until told to end.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::{io, thread};

use hikyaku::Server;
use hikyaku::health::Health;
use hikyaku::reflection;
use tokio::net::TcpListener;

use crate::cli::Serve;
use crate::failure::Failure;
use crate::greeter::Greeter;
use crate::proto::UserManagerServer;
use crate::proto::hellostreamingworld::MultiGreeterServer;
use crate::service::Users;
use crate::shutdown::Signals;
use crate::store::{Missing, Store};
use crate::tls;
use crate::transfer;

/// Serves until a signal comes. One thread is a runtime without the cost of several.
///
/// # Errors
/// [`Failure`] if the address, the store or the users to import are not usable.
pub fn run(serve: &Serve) -> Result<(), Failure> {
    let threads = match serve.threads {
        Some(threads) => threads.into(),
        None => thread::available_parallelism().map_or(1, |cores| cores.get()),
    };
    let runtime =
        hikyaku::server::runtime(threads).map_err(|error| Failure::of("runtime", error))?;
    runtime.block_on(until_signal(serve))
}

async fn until_signal(serve: &Serve) -> Result<(), Failure> {
    // What can be refused is refused before the database is created or changed.
    let users = serve.import.as_deref().map(transfer::read).transpose()?;
    let listen = |error: io::Error| Failure::Failed(error.to_string());
    let server = tls::server(serve)?;
    let signals = Signals::listen().map_err(|error| Failure::of("signals", error))?;
    let listener = hikyaku::server::bind(&serve.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let store = Arc::new(
        Store::open(&serve.db, Missing::Create)
            .map_err(|error| Failure::Failed(error.to_string()))?,
    );
    if let Some(users) = users {
        let imported = store.import(users).await;
        let imported = imported.map_err(|error| Failure::of("import", error))?;
        tracing::info!(
            added = imported.added_count,
            taken = imported.taken_count,
            "imported"
        );
    }
    announce(address)?;
    tracing::info!(%address, db = %serve.db, "serving");
    let served = serve_store(Arc::clone(&store), listener, server, signals.first()).await;
    let closed = store.close().await;
    served?;
    closed.map_err(|error| Failure::of(format_args!("closing {}", serve.db), error))?;
    tracing::info!("ended");
    Ok(())
}

/// Adds the services of a store to a server, which serves a listener until `shutdown` is ready and the calls in flight are answered.
///
/// # Errors
/// [`Failure`] if the server could not be put together or its listener failed.
pub async fn serve_store(
    store: Arc<Store>,
    listener: TcpListener,
    server: Server,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let users = UserManagerServer::new(Users::new(store));
    server
        .add(users)
        .add(MultiGreeterServer::new(Greeter))
        .add(Health::new().service())
        .add(reflection::service())
        .serve_listener_with_shutdown(listener, shutdown)
        .await
        .map_err(|error| Failure::of("serve", error))
}

/// One line for whoever started us: with port 0 there is no other way to know the address.
fn announce(address: SocketAddr) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()?;
    Ok(())
}
