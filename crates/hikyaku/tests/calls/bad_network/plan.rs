//! What shall happen in one run: the weather, the calls, and what comes in between. All by chance.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use hikyaku::server::Limits;
use hikyaku_testkit::Random;
use hikyaku_testkit::link::{Fate, Weather};

/// One run.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) weather: Weather,
    pub(super) channel_count: usize,
    pub(super) call_count: u64,
    /// The server's.
    pub(super) limits: Limits,
    /// How long connecting takes.
    pub(super) connect_delay: Duration,
    pub(super) incident: Incident,
    /// When the incident happens.
    pub(super) incident_at: Duration,
    /// Bytes of the longest message.
    pub(super) max_message_len: u64,
}

/// What befalls the server or the network while calls are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incident {
    None,
    /// Nothing gets through for so long.
    Hold(Duration),
    /// Every connection breaks.
    Cut,
    /// The server shuts down gracefully, and another takes its place.
    Drain,
    /// The server is dropped, and another takes its place.
    Kill,
}

/// One call.
#[derive(Debug)]
pub(super) struct Plan {
    /// Unlike that of every other call.
    pub(super) number: u64,
    pub(super) kind: Kind,
    /// Lengths of the messages.
    pub(super) requests: Vec<usize>,
    pub(super) replies: Vec<usize>,
    pub(super) order: Order,
    /// What becomes of the handler, and before which of its steps.
    pub(super) turn: Turn,
    pub(super) turn_at: usize,
    pub(super) handler_pace: Pace,
    pub(super) caller_pace: Pace,
    /// When it is made.
    pub(super) start: Duration,
    pub(super) timeout: Option<Duration>,
    /// The caller drops the call after so long.
    pub(super) patience: Option<Duration>,
    /// The caller reads no more than so many replies of a stream, and drops the rest.
    pub(super) max_read_count: usize,
    pub(super) metadata: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidi,
}

/// In which order a handler with two streams reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    ReadFirst,
    SendFirst,
    Alternately,
    AtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It does all it has to.
    None,
    /// It is done early, and well.
    Ends,
    Fails,
    Panics,
    /// It does nothing any more: somebody else has to end the call.
    Hangs,
}

/// How slowly somebody goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// One step in so many is preceded by a pause; 0 for none.
    once_in: u64,
    max_pause: Duration,
}

/// Whose messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Request,
    Reply,
}

impl Storm {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut weather = Weather::bad(random);
        if random.once_in(3) {
            weather.fates = [Fate::Lasts; 2];
        }
        if weather.capacity < 4096 {
            // The server waits ten seconds for a greeting: it must come through.
            weather.stall = weather.stall.min(Duration::from_millis(500));
        }
        let call_count = random.among(4..25);
        let limits = odd_limits(&weather, random);
        let total_len = total_len(&weather, &limits);
        let incident = match random.below(10) {
            0 => Incident::Hold(Duration::from_millis(random.below(4000))),
            1 => Incident::Cut,
            2 => Incident::Drain,
            3 => Incident::Kill,
            _ => Incident::None,
        };
        Self {
            channel_count: random.among(1..4) as usize,
            call_count,
            connect_delay: Duration::from_millis([0, random.below(3000)][random.below(2) as usize]),
            incident,
            incident_at: Duration::from_millis(random.below(8000)),
            max_message_len: (total_len / call_count / 2).min(100 * 1024),
            weather,
            limits,
        }
    }

    /// Whether nothing happens that may cost a call.
    pub(super) fn is_lossless(&self) -> bool {
        self.weather.fates == [Fate::Lasts; 2]
            && matches!(self.incident, Incident::None | Incident::Hold(_))
    }
}

/// Limits of a server that are as they usually are, or small.
fn odd_limits(weather: &Weather, random: &mut Random) -> Limits {
    let mut limits = Limits::default();
    let http2 = &mut limits.http2;
    http2.max_concurrent_streams = [1, 3, 100][random.below(3) as usize];
    if random.once_in(2) {
        http2.stream_window_len = [1, 100, 5000, 65_535][random.below(4) as usize];
        http2.connection_window_len = [65_535, 1024 * 1024][random.below(2) as usize];
        http2.max_output_len = [1000, 20_000, 1024 * 1024][random.below(3) as usize];
        http2.output_high_water = [1, 1000, 256 * 1024][random.below(3) as usize];
        http2.min_stream_queue_len = [2, 1000, 32 * 1024][random.below(3) as usize];
        http2.header_table_len = [0, 100, 4096][random.below(3) as usize];
        http2.max_encoder_table_len = [0, 100, 4096][random.below(3) as usize];
    }
    if bytes_per_second(weather, &limits) < 20_000 {
        limits.http2.stall_timeout = None;
    }
    limits
}

/// What may be expected to come through at least.
fn bytes_per_second(weather: &Weather, limits: &Limits) -> u64 {
    let round_trip = (2 * weather.latency + weather.stall).as_millis() as u64 + 1;
    let rate = weather.bytes_per_second.unwrap_or(u64::MAX);
    let window_len = u64::from(limits.http2.stream_window_len);
    (window_len.min(weather.capacity as u64) * 1000 / round_trip).min(rate)
}

/// Bytes of all messages together, so that a run takes some minutes on the stopped clock and some
/// milliseconds on the real one.
fn total_len(weather: &Weather, limits: &Limits) -> u64 {
    let chunk_len = weather
        .max_chunk_len
        .min(limits.http2.stream_window_len as usize);
    let affordable = match chunk_len {
        1 => 10_000,
        2..100 => 100_000,
        _ => 1_000_000,
    };
    (bytes_per_second(weather, limits) * 300).min(affordable)
}

impl Plan {
    pub(super) fn new(number: u64, storm: &Storm, random: &mut Random) -> Self {
        let kind = [
            Kind::Unary,
            Kind::ServerStreaming,
            Kind::ClientStreaming,
            Kind::Bidi,
        ][random.below(4) as usize];
        let streams_requests = matches!(kind, Kind::ClientStreaming | Kind::Bidi);
        let streams_replies = matches!(kind, Kind::ServerStreaming | Kind::Bidi);
        let requests = lens(streams_requests, storm.max_message_len, random);
        let replies = lens(streams_replies, storm.max_message_len, random);
        let turn = match random.below(16) {
            0 | 1 => Turn::Fails,
            2 => Turn::Panics,
            3 | 4 => Turn::Ends,
            5 => Turn::Hangs,
            _ => Turn::None,
        };
        let step_count = 1 + requests.len() + replies.len();
        let mut plan = Self {
            number,
            kind,
            requests,
            replies,
            order: [
                Order::ReadFirst,
                Order::SendFirst,
                Order::Alternately,
                Order::AtOnce,
            ][random.below(4) as usize],
            turn,
            turn_at: random.below(step_count as u64) as usize,
            handler_pace: Pace::new(random),
            caller_pace: Pace::new(random),
            start: Duration::from_millis(random.below(6000)),
            timeout: random.once_in(4).then(|| some_time(random)),
            patience: random.once_in(8).then(|| some_time(random)),
            max_read_count: usize::MAX,
            metadata: random
                .once_in(3)
                .then(|| "m".repeat(random.below(300) as usize)),
        };
        if random.once_in(8) {
            plan.max_read_count = random.below(1 + plan.replies.len() as u64) as usize;
        }
        if turn == Turn::Hangs && plan.timeout.is_none() {
            plan.timeout = Some(some_time(random));
        }
        plan
    }

    /// Whether it is nobody's wish but the network's that it ends badly.
    pub(super) fn is_to_go_well(&self) -> bool {
        matches!(self.turn, Turn::None | Turn::Ends)
            && self.timeout.is_none()
            && self.patience.is_none()
            && self.max_read_count == usize::MAX
    }

    /// The message of this place.
    pub(super) fn message(&self, way: Way, index: usize) -> Bytes {
        let lens = match way {
            Way::Request => &self.requests,
            Way::Reply => &self.replies,
        };
        let place = self.number * 2 + u64::from(way == Way::Reply);
        let start = Random::new(place * 1_000_003 + index as u64).below(NOISE_LEN as u64 / 2);
        let start = start as usize;
        NOISE.slice(start..start + lens[index])
    }
}

/// The lengths of the messages of one direction.
fn lens(is_stream: bool, max_len: u64, random: &mut Random) -> Vec<usize> {
    let count = match (is_stream, random.below(4)) {
        (false, _) => 1,
        (true, 0) => random.below(3),
        (true, _) => random.below(20),
    };
    let max_len = max_len * 2 / (count + 1);
    let len = |random: &mut Random| match random.below(6) {
        0 => 0,
        1 => random.below(10),
        2 => random.below(1000).min(max_len),
        _ => random.below(max_len + 1),
    };
    (0..count).map(|_| len(random) as usize).collect()
}

/// From next to nothing to more than anything takes.
fn some_time(random: &mut Random) -> Duration {
    let max = [50, 2000, 60_000][random.below(3) as usize];
    Duration::from_millis(random.below(max))
}

impl Pace {
    fn new(random: &mut Random) -> Self {
        Self {
            once_in: [0, 0, 2, 10][random.below(4) as usize],
            max_pause: Duration::from_millis([1, 100, 5000][random.below(3) as usize]),
        }
    }

    /// Waits before this step, perhaps.
    pub(super) async fn keep(self, seed: u64) {
        let mut random = Random::new(seed);
        if self.once_in > 0 && random.once_in(self.once_in) {
            let pause = random.below(self.max_pause.as_millis() as u64 + 1);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

const NOISE_LEN: usize = 400 * 1024;

/// Bytes of which every message is a slice.
static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut random = Random::new(1);
    (0..NOISE_LEN / 8)
        .flat_map(|_| random.number().to_le_bytes())
        .collect()
});
