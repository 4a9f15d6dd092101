//! One hostile connection: frames out as fast as the victim takes them, and all that comes back
//! noticed meanwhile.

mod seen;

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hikyaku_testkit::raw::{Frame, PREFACE};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) use seen::{GoAway, Seen, code_name};

/// A write that makes no progress for this long means that the victim has stopped reading.
const STUCK: Duration = Duration::from_secs(5);

/// How long a victim may take to answer a PING behind all that was sent before.
const SETTLING: Duration = Duration::from_secs(60);

/// How long the last words of a victim may be on their way.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes of one write of a flood.
const WRITE_LEN: usize = 16 * 1024;

/// A connection of a hostile client.
pub(crate) struct Attacker {
    writer: OwnedWriteHalf,
    /// Kept, and never read from, by an attacker that does not read; with it what would tell.
    _unread: Option<(OwnedReadHalf, watch::Sender<Seen>)>,
    seen: watch::Receiver<Seen>,
    began: Instant,
    frame_count: u64,
}

/// How an attacker behaves from the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    /// Its SETTINGS: names and values.
    pub(crate) settings: &'a [(u16, u32)],
    pub(crate) reading: Reading,
    pub(crate) greeting: Greeting,
}

/// Whether an attacker reads what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All, at once.
    All,
    /// Nothing, once the greeting is over.
    Nothing,
}

/// How far an attacker goes before it attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// Nothing is sent.
    None,
    /// The preface and SETTINGS; the victim's are not awaited.
    Preface,
    /// The victim's SETTINGS have come and were acknowledged.
    Whole,
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Self {
            settings: &[],
            reading: Reading::All,
            greeting: Greeting::Whole,
        }
    }
}

/// What became of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All was taken, and the connection stands.
    Served,
    /// The victim said goodbye.
    GoAway(GoAway),
    /// The victim closed without a word that arrived.
    Closed,
    /// The victim reads no more.
    Unread,
}

impl Attacker {
    /// Connects and greets in the plain way.
    pub(crate) async fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::connect_with(addr, Manner::default()).await
    }

    /// Connects in this manner.
    pub(crate) async fn connect_with(addr: SocketAddr, manner: Manner<'_>) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut first = Vec::new();
        if manner.greeting != Greeting::None {
            first.extend(PREFACE);
            first.extend(Frame::settings(manner.settings));
            writer.write_all(&first).await?;
        }
        let (sender, mut seen) = watch::channel(Seen::default());
        let kept = match (manner.reading, manner.greeting) {
            (Reading::All, _) => {
                tokio::spawn(seen::watch(reader, sender));
                None
            }
            (Reading::Nothing, Greeting::Whole) => {
                seen::read_until_greeted(&mut reader, &sender).await?;
                Some((reader, sender))
            }
            (Reading::Nothing, _) => Some((reader, sender)),
        };
        if manner.greeting == Greeting::Whole {
            let greeted = seen.wait_for(|seen| seen.settings_count > 0 || seen.is_over());
            let is_greeted = matches!(timeout(SETTLING, greeted).await, Ok(Ok(_)));
            if !is_greeted {
                return Err(io::Error::other("the victim does not greet"));
            }
            writer.write_all(&Frame::settings_ack()).await?;
        }
        Ok(Self {
            writer,
            _unread: kept,
            seen,
            began: Instant::now(),
            frame_count: 0,
        })
    }

    /// What has come back so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Since the connection was greeted.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until what came back is such, or the connection is over, or the time is up.
    pub(crate) async fn wait_for(
        &mut self,
        patience: Duration,
        mut is_such: impl FnMut(&Seen) -> bool,
    ) -> bool {
        let such = self.seen.wait_for(|seen| seen.is_over() || is_such(seen));
        let _ = timeout(patience, such).await;
        is_such(&self.seen.borrow())
    }

    /// Waits for the victim to end the connection.
    pub(crate) async fn wait_for_end(&mut self, patience: Duration) -> Ending {
        self.wait_for(patience, |_| false).await;
        if self.seen.borrow().go_away.is_some() {
            self.wait_for_close(LAST_WORDS).await;
        }
        self.ending().unwrap_or(Ending::Served)
    }

    /// Waits for the end of the stream of bytes, which comes behind a GOAWAY.
    pub(crate) async fn wait_for_close(&mut self, patience: Duration) -> bool {
        let closed = self.seen.wait_for(|seen| seen.is_closed);
        matches!(timeout(patience, closed).await, Ok(Ok(_)))
    }

    fn ending(&self) -> Option<Ending> {
        self.seen.borrow().ending()
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// How the connection ended before they were all taken.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Ending> {
        self.frame_count += count_frames(bytes);
        let written = tokio::select! {
            biased;
            _ = self.seen.wait_for(Seen::is_over) => None,
            written = timeout(STUCK, self.writer.write_all(bytes)) => Some(written),
        };
        match written {
            Some(Ok(Ok(()))) => Ok(()),
            Some(Err(_)) => Err(Ending::Unread),
            Some(Ok(Err(_))) | None => {
                self.wait_for(LAST_WORDS, |_| false).await;
                Err(self.ending().unwrap_or(Ending::Closed))
            }
        }
    }

    /// Sends what `make` appends for 0, 1, 2 up to `count`, as fast as it is taken.
    pub(crate) async fn flood(
        &mut self,
        count: u64,
        mut make: impl FnMut(u64, &mut Vec<u8>),
    ) -> Ending {
        let mut bytes = Vec::with_capacity(2 * WRITE_LEN);
        for index in 0..count {
            make(index, &mut bytes);
            if bytes.len() >= WRITE_LEN || index + 1 == count {
                if let Err(ending) = self.send(&bytes).await {
                    return ending;
                }
                bytes.clear();
            }
        }
        Ending::Served
    }

    /// Sends what `make` appends for 0, 1, 2 up to `count`, at this rate.
    pub(crate) async fn drip(
        &mut self,
        count: u64,
        per_second: u64,
        mut make: impl FnMut(u64, &mut Vec<u8>),
    ) -> Ending {
        let began = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let (mut index, mut bytes) = (0, Vec::new());
        while index < count {
            tick.tick().await;
            let due = began.elapsed().as_millis() as u64 * per_second / 1000;
            while index <= due && index < count {
                make(index, &mut bytes);
                index += 1;
            }
            if !bytes.is_empty()
                && let Err(ending) = self.send(&bytes).await
            {
                return ending;
            }
            bytes.clear();
            if let Some(ending) = self.ending() {
                return ending;
            }
        }
        Ending::Served
    }

    /// Waits until the victim has dealt with all that was sent: until it answers a PING.
    pub(crate) async fn settle(&mut self) -> Ending {
        const PAYLOAD: [u8; 8] = *b"settled?";
        if let Err(ending) = self.send(&Frame::ping(false, PAYLOAD)).await {
            return ending;
        }
        let is_settled = self
            .wait_for(SETTLING, |seen| seen.last_pong == Some(PAYLOAD))
            .await;
        match self.ending() {
            Some(ending) => ending,
            None if is_settled => Ending::Served,
            None => Ending::Unread,
        }
    }

    /// [`Attacker::flood`], and [`Attacker::settle`] if that was not the end.
    pub(crate) async fn flood_and_settle(
        &mut self,
        count: u64,
        make: impl FnMut(u64, &mut Vec<u8>),
    ) -> Ending {
        match self.flood(count, make).await {
            Ending::Served => self.settle().await,
            ending => ending,
        }
    }

    /// What the victim did, in words.
    pub(crate) fn describe(&self, ending: &Ending) -> String {
        let frames = format!("{} frames", grouped(self.frame_count));
        let mut words = match ending {
            Ending::Served => format!("served {frames}"),
            Ending::GoAway(go_away) => format!("{go_away} after {frames}"),
            Ending::Closed => format!("closed after {frames}"),
            Ending::Unread => format!("reads no more after {frames}"),
        };
        for (code, count) in &self.seen().resets {
            let _ = write!(words, ", {} x {}", grouped(*count), code_name(*code));
        }
        words
    }
}

/// How many frames these bytes are, by the lengths they declare.
fn count_frames(mut bytes: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(&[a, b, c]) = bytes.first_chunk() {
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        bytes = bytes.get(9 + len..).unwrap_or_default();
        count += 1;
    }
    count
}

/// 1,203 for 1203.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
