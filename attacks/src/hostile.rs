//! A hostile server: a script for each connection that the victim's client makes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hikyaku_testkit::raw::{Frame, PREFACE, block, kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::arena::Arena;
use crate::attack::Trouble;
use crate::proto::attacks::{Findings, Journey, TravellerClient};

/// A write that makes no progress for this long means that the client has stopped reading.
const STUCK: Duration = Duration::from_secs(5);

/// A journey that takes longer is lost.
const JOURNEY: Duration = Duration::from_secs(150);

/// A server that does what its script says; ends when this is dropped.
pub(crate) struct Hostile {
    addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// A connection of the victim's client to a hostile server.
pub(crate) struct Guest {
    writer: OwnedWriteHalf,
    /// Streams that the client opened, in their order.
    opened: mpsc::UnboundedReceiver<u32>,
    /// Which connection this is, from 0.
    pub(crate) number: usize,
}

impl Hostile {
    /// Listens, and runs `script` for each connection, behind these SETTINGS.
    pub(crate) async fn start<F>(
        settings: &'static [(u16, u32)],
        script: impl Fn(Guest) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = Option<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                let (reader, mut writer) = stream.into_split();
                let (sender, opened) = mpsc::unbounded_channel();
                tokio::spawn(notice(reader, sender));
                if writer.write_all(&Frame::settings(settings)).await.is_ok() {
                    let guest = Guest {
                        writer,
                        opened,
                        number,
                    };
                    tokio::spawn(script(guest));
                }
            }
        });
        Ok(Self {
            addr,
            accepted,
            task,
        })
    }

    /// Connections so far.
    pub(crate) fn accepted_count(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// A journey to this server, of `calls` calls, one at a time.
    pub(crate) fn journey(&self, method: &str, calls: u32) -> Journey {
        Journey {
            addr: self.addr.to_string(),
            method: method.to_owned(),
            calls,
            at_once: 1,
            timeout_millis: 5000,
            bytes: 10,
            ..Default::default()
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Guest {
    /// The next stream that the client opens; `None` once it has gone.
    pub(crate) async fn opened(&mut self) -> Option<u32> {
        self.opened.recv().await
    }

    /// Writes bytes; `None` once the client takes no more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        let written = timeout(STUCK, self.writer.write_all(bytes)).await;
        written.ok()?.ok()
    }

    /// Writes these bytes so often, or until the client takes no more.
    pub(crate) async fn flood(&mut self, count: usize, bytes: &[u8]) -> Option<()> {
        let times = (16 * 1024 / bytes.len().max(1)).max(1);
        let batch = bytes.repeat(times);
        for _ in 0..count / times {
            self.send(&batch).await?;
        }
        Some(())
    }

    /// Answers as a good server does, with an empty message.
    pub(crate) async fn answer(&mut self, stream: u32) -> Option<()> {
        self.send(&answer(stream)).await
    }

    /// Answers all calls from here on as a good server does.
    pub(crate) async fn answer_all(mut self) -> Option<()> {
        loop {
            let stream = self.opened().await?;
            self.answer(stream).await?;
        }
    }

    /// Waits for the client to hang up.
    pub(crate) async fn linger(mut self) -> Option<()> {
        while self.opened().await.is_some() {}
        None
    }
}

/// The response headers of a good server.
pub(crate) fn response(stream: u32) -> Vec<u8> {
    let fields = [(":status", "200"), ("content-type", "application/grpc")];
    Frame::headers(stream, &block(&fields), false)
}

/// A good answer with an empty message.
pub(crate) fn answer(stream: u32) -> Vec<u8> {
    let mut bytes = response(stream);
    bytes.extend(Frame::message(stream, &[], false));
    bytes.extend(trailers(stream, &[("grpc-status", "0")]));
    bytes
}

/// The end of a call.
pub(crate) fn trailers(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    Frame::headers(stream, &block(fields), true)
}

/// Sends the victim's client on a journey.
pub(crate) async fn send_out(arena: &Arena, journey: Journey) -> Result<Findings, Trouble> {
    let channel = hikyaku::Channel::connect(&format!("http://{}", arena.addr())).await?;
    let request = hikyaku::Request::new(journey).with_timeout(JOURNEY);
    Ok(TravellerClient::new(channel)
        .travel(request)
        .await?
        .into_message())
}

/// What a journey came to, in words.
pub(crate) fn describe(findings: &Findings) -> String {
    let ending = |ending: &crate::proto::attacks::Ending| match ending.message.as_str() {
        "" => format!("{} x {}", ending.calls, ending.code),
        message => {
            let short: String = message.chars().take(80).collect();
            format!("{} x {} \"{short}\"", ending.calls, ending.code)
        }
    };
    let endings: Vec<_> = findings.endings.iter().map(ending).collect();
    endings.join(", ")
}

/// Calls of a journey that ended with this code.
pub(crate) fn count(findings: &Findings, code: &str) -> u32 {
    let mut endings = findings.endings.iter();
    endings
        .find(|ending| ending.code == code)
        .map_or(0, |ending| ending.calls)
}

/// Reads to the end, and tells which streams are opened.
async fn notice(mut reader: OwnedReadHalf, opened: mpsc::UnboundedSender<u32>) {
    let (mut input, mut bytes) = (Vec::new(), vec![0; 64 * 1024]);
    let mut is_greeted = false;
    while let Ok(len @ 1..) = reader.read(&mut bytes).await {
        input.extend_from_slice(&bytes[..len]);
        if !is_greeted && input.len() >= PREFACE.len() {
            input.drain(..PREFACE.len());
            is_greeted = true;
        }
        let mut rest = input.as_slice();
        while let Some((&[a, b, c, frame_kind, _, stream @ ..], behind)) =
            rest.split_first_chunk::<9>()
            && is_greeted
        {
            let Some(next) = behind.get(u32::from_be_bytes([0, a, b, c]) as usize..) else {
                break;
            };
            if frame_kind == kind::HEADERS {
                let _ = opened.send(u32::from_be_bytes(stream));
            }
            rest = next;
        }
        let used = input.len() - rest.len();
        input.drain(..used);
    }
}

/// Connects and closes with a TCP reset as soon as `bytes` are written.
pub(crate) async fn reset_after(addr: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    stream.set_zero_linger()?;
    stream.write_all(bytes).await
}
