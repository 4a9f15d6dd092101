//! What the clients under test have in common and no framework is measured by: their command line,
//! the tasks that make one call after the other, and the line they report.

mod options;
mod tally;

use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

pub use options::{Call, Options};
use tally::{Tally, cpu_time};

/// What goes wrong in a client.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A connection of the framework under test. Each call is one of the scenarios of `bench.proto`.
pub trait Connection: Clone + 'static {
    /// Greets the world, and checks that it is greeted back.
    fn hello(&self) -> impl Future<Output = Result<(), Fault>>;
    /// Sends a body and gets one back.
    fn echo(&self, body: Bytes) -> impl Future<Output = Result<(), Fault>>;
    /// Gets as many messages as asked for; returns how many came.
    fn down(&self, count: u32, size: u32) -> impl Future<Output = Result<u64, Fault>>;
    /// Sends messages; returns how many the server counted.
    fn up(&self, count: u32, body: Bytes) -> impl Future<Output = Result<u64, Fault>>;
    /// Sends and gets messages, neither waiting for the other; returns how many came back.
    fn both(&self, count: u32, body: Bytes) -> impl Future<Output = Result<u64, Fault>>;
    /// Sends a message when the last one has come back; returns how many came back.
    fn ping_pong(&self, count: u32, body: Bytes) -> impl Future<Output = Result<u64, Fault>>;
}

/// Connects, makes the calls of the command line on one thread, and prints the report.
///
/// # Errors
/// The command line is wrong, or no connection can be made. Calls that fail are counted.
pub fn run<C: Connection, F: Future<Output = Result<C, Fault>>>(
    connect: impl Fn(String) -> F,
) -> Result<(), Fault> {
    let options = Rc::new(Options::parse(std::env::args().skip(1))?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let body = Bytes::from(vec![0x5a; options.size as usize]);
        let mut connections = Vec::new();
        for _ in 0..options.connections {
            let connection = connect(options.address.clone()).await?;
            // The handshake is no part of what is measured.
            call(&connection, &options, &body).await?;
            connections.push(connection);
        }
        let tally = Rc::new(Tally::new(options.calls));
        let (started, cpu) = (Instant::now(), cpu_time());
        let mut tasks = Vec::new();
        for connection in &connections {
            for _ in 0..options.streams {
                let (connection, options) = (connection.clone(), Rc::clone(&options));
                let tally = Rc::clone(&tally);
                tasks.push(tokio::task::spawn_local(async move {
                    call_again_and_again(&connection, &options, &tally).await;
                }));
            }
        }
        for task in tasks {
            task.await?;
        }
        println!(
            "{}",
            tally.report(&options, started.elapsed(), cpu_time() - cpu)
        );
        Ok(())
    })
}

/// One stream of calls: the next one begins when the last one is answered.
async fn call_again_and_again<C: Connection>(connection: &C, options: &Options, tally: &Tally) {
    let body = Bytes::from(vec![0x5a; options.size as usize]);
    let mut begin = Instant::now();
    while tally.take() {
        let done = call(connection, options, &body).await;
        let end = Instant::now();
        let latency = match options.call {
            // Of a turn, not of all of them.
            Call::PingPong => (end - begin) / options.messages,
            _ => end - begin,
        };
        match done {
            Ok(count) => tally.note(count, latency),
            Err(what) => tally.fail(&what.to_string()),
        }
        begin = end;
    }
}

/// Makes a call and returns how many messages it was.
async fn call<C: Connection>(
    connection: &C,
    options: &Options,
    body: &Bytes,
) -> Result<u64, Fault> {
    let count = match options.call {
        Call::Hello => return connection.hello().await.map(|()| 1),
        Call::Echo => return connection.echo(body.clone()).await.map(|()| 1),
        Call::Down => connection.down(options.messages, options.size).await?,
        Call::Up => connection.up(options.messages, body.clone()).await?,
        Call::Both => connection.both(options.messages, body.clone()).await?,
        Call::PingPong => connection.ping_pong(options.messages, body.clone()).await?,
    };
    match u64::from(options.messages) {
        want if want == count => Ok(count),
        want => Err(format!("{count} messages came of {want}").into()),
    }
}
