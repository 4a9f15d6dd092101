//! Echo without HTTP: what the sockets, or TLS, can do.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;

use crate::connect::{Socket, Target};
use crate::drive::Shared;
use crate::fault::Fault;
use crate::load::{join, quota};
use crate::options::Options;
use crate::report::{Report, Stopwatch};

/// Bytes of one read at most.
const READ_LEN: usize = 256 * 1024;

/// Sends blobs and takes them back, one at a time on each connection.
///
/// # Errors
/// Why there is no connection.
pub(crate) async fn echo(
    options: &Options,
    target: &Rc<Target>,
    shared: &Rc<Shared>,
) -> Result<Report, String> {
    let mut sockets = Vec::new();
    for _ in 0..options.connections {
        let socket = target.socket().await;
        let what = |error| format!("{} could not be connected to: {error}", options.address);
        sockets.push(socket.map_err(what)?);
    }
    let watch = Stopwatch::start();
    let quota = quota(options, &watch);
    let mut tasks = JoinSet::new();
    for mut socket in sockets {
        let (target, shared, quota) = (Rc::clone(target), Rc::clone(shared), Rc::clone(&quota));
        let blob = vec![b'x'; options.size.max(1)];
        tasks.spawn_local(async move {
            let mut buffer = vec![0; READ_LEN];
            while let asked = Instant::now()
                && quota.take(asked)
            {
                let mut trip = RoundTrip {
                    sent: 0,
                    received: 0,
                    blob: &blob,
                };
                let echoed = poll_fn(|cx| trip.poll(&mut socket, &mut buffer, cx)).await;
                let mut tally = shared.tally.borrow_mut();
                if let Err(error) = echoed {
                    tally.on_failure(error.into(), 1);
                    return Err(Fault::Closed);
                }
                tally.on_success(&target.call);
                tally.on_answer(asked, Instant::now());
            }
            Ok(())
        });
    }
    let lost = join(options, shared, tasks).await;
    let mut tally = shared.tally.take();
    if let Some(fault) = lost {
        tally.on_failure(fault, 0);
    }
    Ok(watch.report(options.scenario, tally))
}

/// One blob on its way there and back.
struct RoundTrip<'a> {
    sent: usize,
    received: usize,
    blob: &'a [u8],
}

impl RoundTrip<'_> {
    fn poll(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut has_moved = false;
            if self.sent < self.blob.len() {
                if let Poll::Ready(len) =
                    Pin::new(&mut *socket).poll_write(cx, &self.blob[self.sent..])
                {
                    self.sent += len?;
                    has_moved = true;
                }
            } else if let Poll::Ready(Err(error)) = Pin::new(&mut *socket).poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            let mut buffer = ReadBuf::new(buffer);
            if let Poll::Ready(read) = Pin::new(&mut *socket).poll_read(cx, &mut buffer) {
                read?;
                let len = buffer.filled().len();
                if len == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                self.received += len;
                has_moved = true;
            }
            if self.received >= self.blob.len() {
                return Poll::Ready(Ok(()));
            }
            if !has_moved {
                return Poll::Pending;
            }
        }
    }
}
