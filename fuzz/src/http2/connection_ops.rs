//! Both ends, driven by any sequence of commands: two good ends never find fault with each other,
//! bodies arrive as they were sent, and nothing is left over.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hikyaku_http2::{
    Body, Config, Connection, ConnectionError, ErrorCode, Event, Field, FieldList, StreamId,
    UserError, Violation,
};

use super::Choices;
use super::watch::{End, Watch, take_output};

/// Carries out `data` as commands, then lets everything come to rest.
pub fn connection_ops(data: &[u8]) {
    let mut choices = Choices(data);
    let (client, server) = (choices.byte(), choices.byte());
    let mut pair = Pair::new(client, server);
    while let Some(choice) = choices.next() {
        pair.act(choice, &mut choices);
        pair.check();
    }
    pair.come_to_rest();
    pair.check_windows();
}

struct Pair {
    client: Half,
    server: Half,
    now: Instant,
}

struct Half {
    connection: Connection,
    watch: Watch,
    input: BytesMut,
    /// The streams the owner knows, open or not.
    streams: Vec<StreamId>,
    sent: HashMap<StreamId, usize>,
    received: HashMap<StreamId, usize>,
    /// Streams of which bytes came since they were last compared with what was sent.
    touched: Vec<StreamId>,
    /// Received bytes that were not given back yet.
    unreleased: Vec<(StreamId, usize)>,
    max_streams: usize,
    is_server: bool,
    has_left: bool,
}

impl Pair {
    fn new(client: u8, server: u8) -> Self {
        Self {
            client: Half::new(End::Client, client),
            server: Half::new(End::Server, server),
            now: Instant::now(),
        }
    }

    fn act(&mut self, choice: u8, choices: &mut Choices<'_>) {
        let (here, there) = if choice & 0x80 == 0 {
            (&mut self.client, &mut self.server)
        } else {
            (&mut self.server, &mut self.client)
        };
        match choice & 0x0f {
            0..=1 => here.open(body(choices.byte())),
            2..=3 => here.send(choices),
            4 => here.write(choices),
            5 => here.answer(choices),
            6 => here.send_trailers(choices),
            7 => here.reset(choices),
            8 => here.release(choices),
            9 => {
                let id = here.pick(choices.byte());
                here.connection
                    .reserve_window(id, usize::from(choices.number()) * 4);
            }
            10 => here.connection.ping([choices.byte(); 8]),
            11 => here.connection.trim(),
            12 if choice & 0x70 == 0x70 => here.connection.start_shutdown(),
            13 if choice & 0x70 == 0x70 => here.connection.close(ErrorCode::NO_ERROR, "enough"),
            // With half a frame under way, as often as not.
            13 if choice & 0x70 == 0x60 => self.cut(),
            14 => self.settle(),
            _ => {
                let max_len = usize::from(choices.number()) + 1;
                here.carry_to(there, max_len, self.now);
            }
        }
    }

    /// The network breaks: both ends see the end of the stream, and what was under way is lost.
    fn cut(&mut self) {
        for half in [&mut self.client, &mut self.server] {
            half.connection.handle_eof();
            half.take_events();
            assert!(
                half.watch.closed.is_some(),
                "an end without a network goes on"
            );
            assert_eq!(
                half.connection.open_streams(),
                0,
                "streams outlive the network"
            );
            half.input.clear();
            half.has_left = true;
        }
    }

    fn check(&mut self) {
        for half in [&self.client, &self.server] {
            let open = half.connection.open_streams();
            assert!(
                open <= half.max_streams,
                "{open} streams, limit {}",
                half.max_streams
            );
            half.check_end();
        }
        self.client.check_bodies(&self.server);
        self.server.check_bodies(&self.client);
    }

    /// Carries bytes until nothing moves.
    fn settle(&mut self) {
        for _ in 0..MAX_ROUND_COUNT {
            let there = self.client.carry_to(&mut self.server, usize::MAX, self.now);
            let back = self.server.carry_to(&mut self.client, usize::MAX, self.now);
            if there + back == 0 {
                return;
            }
        }
        panic!("the two ends never come to rest");
    }

    fn come_to_rest(&mut self) {
        for _ in 0..MAX_ROUND_COUNT {
            self.settle();
            let released = self.client.release_all() + self.server.release_all();
            if released == 0 {
                break;
            }
        }
        self.settle();
        for id in std::mem::take(&mut self.client.streams) {
            self.client.reset_one(id, ErrorCode::CANCEL);
        }
        self.settle();
        self.check();
        for half in [&self.client, &self.server] {
            assert_eq!(half.connection.open_streams(), 0, "streams are left");
            assert_eq!(half.connection.output_len(), 0, "output is left");
            let is_over = half.watch.closed.is_some();
            assert!(half.input.is_empty() || is_over, "half a frame is left");
        }
    }

    /// If bytes of the connection's windows had leaked, a long body would get stuck.
    fn check_windows(&mut self) {
        if self.client.watch.closed.is_some() || !self.client.connection.can_open_stream() {
            return;
        }
        self.client.open(Body::More);
        let id = *self.client.streams.last().expect("it was just opened");
        self.client.send_len(id, LONG_BODY_LEN, Body::Last);
        self.settle();
        self.server.head(id, Body::More);
        self.server.send_len(id, LONG_BODY_LEN, Body::Last);
        for _ in 0..MAX_ROUND_COUNT {
            self.settle();
            if self.client.release_all() + self.server.release_all() == 0 {
                break;
            }
        }
        for half in [&self.client, &self.server] {
            assert_eq!(
                half.received.get(&id),
                Some(&LONG_BODY_LEN),
                "a window is stuck"
            );
            assert_eq!(half.connection.open_streams(), 0, "streams are left");
        }
    }
}

impl Half {
    fn new(end: End, choice: u8) -> Self {
        let mut config = Config::default();
        config.max_concurrent_streams = 1 + u32::from(choice % 4);
        config.max_local_streams = 1 + u32::from(choice / 4 % 4);
        config.stream_window_len = [1000, 5000, 20_000, 100_000][usize::from(choice / 16 % 4)];
        config.header_table_len = [0, 100, 4096, 9000][usize::from(choice / 64)];
        config.max_encoder_table_len = [4096, 200, 0, 9000][usize::from(choice / 16 % 4)];
        config.connection_window_len = 70_000;
        config.output_high_water = 3000;
        config.min_stream_queue_len = 1000;
        // Header blocks are not held back by windows: room for those of one input.
        config.max_output_len = 20_000;
        config.max_control_burst = u32::MAX;
        config.max_reset_burst = u32::MAX;
        let max_streams = match end {
            End::Client => config.max_local_streams,
            End::Server => config.max_concurrent_streams,
        };
        Self {
            connection: match end {
                End::Client => Connection::client(config),
                End::Server => Connection::server(config),
            },
            watch: Watch::new(end),
            input: BytesMut::new(),
            streams: Vec::new(),
            sent: HashMap::new(),
            received: HashMap::new(),
            touched: Vec::new(),
            unreleased: Vec::new(),
            max_streams: max_streams as usize,
            is_server: end == End::Server,
            has_left: false,
        }
    }

    fn pick(&self, choice: u8) -> StreamId {
        match self.streams.len() {
            0 => StreamId::new(u32::from(choice)),
            // Mostly the last few; now and then any number at all.
            _ if choice >= 0xf0 => StreamId::new(u32::from(choice & 0x0f)),
            count => self.streams[count - 1 - usize::from(choice) % count.min(6)],
        }
    }

    fn open(&mut self, body: Body) {
        let request = [
            Field::indexed(b":method", b"POST"),
            Field::indexed(b":scheme", b"http"),
            Field::indexed(b":path", b"/a/b"),
            Field::literal(b"x", b"y"),
        ];
        let had_room = self.connection.can_open_stream();
        match self.connection.open_stream(request, body) {
            Ok(id) => {
                assert!(had_room);
                self.watch.opened(id);
                self.streams.push(id);
            }
            Err(UserError::NotAClient | UserError::NoStreamRoom) => assert!(!had_room),
            Err(error) => panic!("{error}"),
        }
    }

    fn send(&mut self, choices: &mut Choices<'_>) {
        let id = self.pick(choices.byte());
        let len = usize::from(choices.number() % MAX_PIECE_LEN);
        self.send_len(id, len, body(choices.byte()));
    }

    fn send_len(&mut self, id: StreamId, len: usize, body: Body) {
        let start = self.sent.get(&id).copied().unwrap_or_default();
        let data = piece(id, start, len);
        if self.connection.send_data(id, data, body).is_ok() {
            *self.sent.entry(id).or_default() += len;
        }
    }

    fn write(&mut self, choices: &mut Choices<'_>) {
        let id = self.pick(choices.byte());
        let len = usize::from(choices.number() % MAX_PIECE_LEN);
        let body = body(choices.byte());
        let start = self.sent.get(&id).copied().unwrap_or_default();
        let fails = len % 16 == 15;
        let before = self.connection.output_len();
        let result = self.connection.write_data(id, body, |out| {
            out.extend_from_slice(&piece(id, start, len));
            if fails {
                Err(UserError::NoStreamRoom)
            } else {
                Ok(())
            }
        });
        match result {
            Ok(()) => *self.sent.entry(id).or_default() += len,
            Err(_) => assert_eq!(self.connection.output_len(), before, "half a frame is sent"),
        }
    }

    fn answer(&mut self, choices: &mut Choices<'_>) {
        let id = self.pick(choices.byte());
        let choice = choices.byte();
        if choice % 8 == 7 {
            let early = [Field::indexed(b":status", b"103")];
            let _ = self.connection.send_headers(id, early, Body::More);
        } else {
            self.head(id, body(choice));
        }
    }

    fn head(&mut self, id: StreamId, body: Body) {
        let head = [
            Field::indexed(b":status", b"200"),
            Field::indexed(b"content-type", b"t"),
        ];
        let _ = self.connection.send_headers(id, head, body);
    }

    fn send_trailers(&mut self, choices: &mut Choices<'_>) {
        let id = self.pick(choices.byte());
        let value = choices.piece().escape_ascii().to_string();
        let fields = [Field::indexed(b"grpc-status", value.trim().as_bytes())];
        if value.len() % 2 == 1 {
            let list: FieldList = fields.into_iter().collect();
            let _ = self.connection.send_trailer_list(id, &list);
        } else {
            let _ = self.connection.send_trailers(id, fields);
        }
    }

    fn reset(&mut self, choices: &mut Choices<'_>) {
        let id = self.pick(choices.byte());
        let code = u32::from(choices.byte() % 16);
        self.reset_one(id, ErrorCode::from_number(code));
    }

    fn reset_one(&mut self, id: StreamId, code: ErrorCode) {
        if self.streams.contains(&id) || self.watch.closed.is_none() {
            self.connection.reset_stream(id, code);
            if self.streams.contains(&id) {
                self.watch.forgot(id);
            }
        }
    }

    fn release(&mut self, choices: &mut Choices<'_>) {
        let count = usize::from(choices.byte()).min(self.unreleased.len());
        for (id, len) in self.unreleased.drain(..count) {
            self.connection.release_data(id, len);
        }
    }

    fn release_all(&mut self) -> usize {
        let all = std::mem::take(&mut self.unreleased);
        for (id, len) in &all {
            self.connection.release_data(*id, *len);
        }
        all.len()
    }

    /// Carries up to `max_len` bytes to the other end; says how many it were.
    fn carry_to(&mut self, other: &mut Self, max_len: usize, now: Instant) -> usize {
        self.connection.poll_transmit();
        self.take_events();
        if other.has_left {
            let len = self.connection.output_len();
            self.connection.advance_output(len);
            return 0;
        }
        if !other.connection.wants_bytes() && other.watch.closed.is_none() {
            return 0;
        }
        let bytes = take_output(&mut self.connection, max_len);
        other.input.extend_from_slice(&bytes);
        other.connection.handle_bytes(&mut other.input, now);
        other.take_events();
        if self.connection.is_drained() && !self.has_left {
            self.has_left = true;
            other.connection.handle_eof();
            other.take_events();
        }
        bytes.len()
    }

    fn take_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.watch.see(&event);
            match event {
                Event::Headers { id, .. } if self.is_server => self.streams.push(id),
                Event::Data { id, data, .. } => {
                    let received = self.received.entry(id).or_default();
                    let want = piece(id, *received, data.len());
                    assert!(data == want, "a body is damaged behind {received} bytes");
                    *received += data.len();
                    self.touched.push(id);
                    self.unreleased.push((id, data.len()));
                }
                Event::Reset { code, by, .. } => {
                    let is_fault = by == hikyaku_http2::Side::Local;
                    assert!(
                        !is_fault || code == ErrorCode::REFUSED_STREAM,
                        "{code} of our own"
                    );
                }
                _ => {}
            }
        }
    }

    /// No end has broken a rule.
    fn check_end(&self) {
        let Some(Some(ConnectionError { what, .. })) = &self.watch.closed else {
            return;
        };
        assert!(matches!(what, Violation::ConnectionLost { .. }), "{what}");
    }

    /// What came is no more than what the other end sent.
    fn check_bodies(&mut self, other: &Self) {
        for id in self.touched.drain(..) {
            assert!(self.received.get(&id) <= other.sent.get(&id));
        }
    }
}

fn body(choice: u8) -> Body {
    if choice % 4 == 3 {
        Body::Last
    } else {
        Body::More
    }
}

/// A piece of the body of a stream: a window on [`PATTERN`] that moves with it.
fn piece(id: StreamId, start: usize, len: usize) -> Bytes {
    let start = (start + id.number() as usize * 31) % PERIOD_LEN;
    PATTERN.slice(start..start + len)
}

/// Bytes that differ from those near them: a piece that is lost, doubled or moved shows.
static PATTERN: LazyLock<Bytes> = LazyLock::new(|| {
    let at = |position: usize| (position / 251 + position) as u8;
    (0..PERIOD_LEN + LONG_BODY_LEN)
        .map(|position| at(position % PERIOD_LEN))
        .collect()
});

/// A prime number, so that no length of a frame divides it.
const PERIOD_LEN: usize = 65_521;
const MAX_ROUND_COUNT: usize = 10_000;
/// Longest piece of a body sent at once: more than most windows of a stream.
const MAX_PIECE_LEN: u16 = 20_001;
/// More than the window of a connection.
const LONG_BODY_LEN: usize = 80_000;
