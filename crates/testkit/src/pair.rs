//! Two connections joined in memory, without a runtime: bytes are carried by hand.

use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hikyaku_http2::{Body, Config, Connection, ConnectionError, Event, Field, Headers, StreamId};

use crate::Random;

/// A client's and a server's end of one HTTP/2 connection, and what has happened at each.
///
/// When it is dropped it checks that nothing was left over: no stream, no byte, no closed window.
///
/// # Example
/// ```
/// use hikyaku_http2::{Body, Config, Field};
/// use hikyaku_testkit::Pair;
///
/// let mut pair = Pair::new(Config::default());
/// let request = [
///     Field::indexed(b":method", b"POST"),
///     Field::indexed(b":scheme", b"http"),
///     Field::indexed(b":path", b"/"),
/// ];
/// let id = pair.client.connection.open_stream(request, Body::Last).unwrap();
/// pair.drive_bounded();
/// assert_eq!(pair.server.headers(id).unwrap().path(), Some("/"));
/// let ok = [Field::indexed(b":status", b"200")];
/// pair.server.connection.send_headers(id, ok, Body::Last).unwrap();
/// pair.drive_bounded();
/// ```
#[derive(Debug)]
pub struct Pair {
    /// The client's end.
    pub client: PairEnd,
    /// The server's end.
    pub server: PairEnd,
    /// What time it is at both ends.
    pub now: Instant,
    chunks: Option<Random>,
    stream_window_len: u32,
}

/// One end, and what has happened there.
#[derive(Debug)]
pub struct PairEnd {
    /// The connection under test.
    pub connection: Connection,
    /// What has happened, in order. DATA is released as it comes unless [`PairEnd::hoards`].
    pub events: Vec<Event>,
    /// Whether the owner keeps the windows closed: to be released by hand.
    pub hoards: bool,
    input: BytesMut,
    /// It has closed its socket, and the other end knows.
    has_left: bool,
}

/// Rounds within which everything must have come to rest.
const MAX_ROUND_COUNT: usize = 10_000;

impl Pair {
    /// Two ends that have greeted each other.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_configs(config.clone(), config)
    }

    /// Two ends of different limits that have greeted each other.
    #[must_use]
    pub fn with_configs(client: Config, server: Config) -> Self {
        let end = |connection| PairEnd {
            connection,
            events: Vec::new(),
            hoards: false,
            input: BytesMut::new(),
            has_left: false,
        };
        let stream_window_len = client.stream_window_len.min(server.stream_window_len);
        let mut pair = Self {
            client: end(Connection::client(client)),
            server: end(Connection::server(server)),
            now: Instant::now(),
            chunks: None,
            stream_window_len,
        };
        pair.drive_bounded();
        pair
    }

    /// From here on bytes are carried in pieces of random length.
    pub fn chunk_by(&mut self, seed: u64) {
        self.chunks = Some(Random::new(seed));
    }

    /// Turns the clock.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Carries bytes to and fro until nothing moves any more.
    ///
    /// # Panics
    /// If that never happens.
    pub fn drive_bounded(&mut self) {
        for _ in 0..MAX_ROUND_COUNT {
            let there = self
                .client
                .carry_to(&mut self.server, self.now, &mut self.chunks);
            let back = self
                .server
                .carry_to(&mut self.client, self.now, &mut self.chunks);
            if there + back == 0 {
                return;
            }
        }
        panic!("the two ends never come to rest");
    }

    /// Checks that nothing is left over: no stream, nothing queued, and windows as wide as at first
    /// (as far as a fresh stream can tell).
    ///
    /// # Panics
    /// If something is.
    pub fn check_rest(&mut self) {
        self.drive_bounded();
        for (name, end) in [("client", &self.client), ("server", &self.server)] {
            assert_eq!(
                end.connection.open_streams(),
                0,
                "streams are left at the {name}"
            );
            assert_eq!(
                end.connection.output_len(),
                0,
                "output is left at the {name}"
            );
            assert_eq!(end.input.len(), 0, "half a frame is left at the {name}");
            assert_eq!(
                end.connection.unread_len(),
                0,
                "unread bytes are left at the {name}"
            );
        }
        self.check_windows();
    }

    /// A body as long as a stream's window must pass in both directions, several times: if bytes of
    /// the connection's window had leaked, it would get stuck.
    fn check_windows(&mut self) {
        if !self.client.connection.can_open_stream() {
            return;
        }
        self.client.hoards = false;
        self.server.hoards = false;
        let request = [
            Field::indexed(b":method", b"POST"),
            Field::indexed(b":scheme", b"http"),
            Field::indexed(b":path", b"/rest"),
        ];
        let body = Bytes::from(vec![0; self.stream_window_len as usize]);
        let client = &mut self.client.connection;
        let Ok(id) = client.open_stream(request, Body::More) else {
            return;
        };
        client
            .send_data(id, body.clone(), Body::Last)
            .expect("the stream is open");
        self.drive_bounded();
        let server = &mut self.server.connection;
        let ok = [Field::indexed(b":status", b"200")];
        server
            .send_headers(id, ok, Body::More)
            .expect("the request has come");
        server
            .send_data(id, body.clone(), Body::Last)
            .expect("the stream is open");
        self.drive_bounded();
        assert_eq!(
            self.server.body(id).len(),
            body.len(),
            "the way to the server is stuck"
        );
        assert_eq!(
            self.client.body(id).len(),
            body.len(),
            "the way to the client is stuck"
        );
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check_rest();
        }
    }
}

impl PairEnd {
    /// The headers that came on a stream.
    #[must_use]
    pub fn headers(&self, stream: StreamId) -> Option<&Headers> {
        self.events.iter().find_map(|event| match event {
            Event::Headers { id, headers, .. } if *id == stream => Some(headers),
            _ => None,
        })
    }

    /// The trailers that came on a stream.
    #[must_use]
    pub fn trailers(&self, stream: StreamId) -> Option<&Headers> {
        self.events.iter().find_map(|event| match event {
            Event::Trailers { id, headers } if *id == stream => Some(headers),
            _ => None,
        })
    }

    /// The body that came on a stream so far.
    #[must_use]
    pub fn body(&self, stream: StreamId) -> Vec<u8> {
        let mut body = Vec::new();
        for event in &self.events {
            match event {
                Event::Data { id, data, .. } if *id == stream => body.extend_from_slice(data),
                _ => {}
            }
        }
        body
    }

    /// How the connection ended, if it did.
    #[must_use]
    pub fn closed(&self) -> Option<Option<&ConnectionError>> {
        self.events.iter().find_map(|event| match event {
            Event::Closed { error } => Some(error.as_ref()),
            _ => None,
        })
    }

    /// Takes in frames that the other end has not written: SETTINGS that change under way, or
    /// what a hostile peer sends.
    ///
    /// # Panics
    /// If it comes in the middle of a frame.
    pub fn hear(&mut self, frames: &[u8], now: Instant) {
        assert!(self.input.is_empty(), "there is half a frame before it");
        self.input.extend_from_slice(frames);
        self.connection.handle_bytes(&mut self.input, now);
        self.take_events();
    }

    /// Carries what waits here to the other end; says how much it was.
    fn carry_to(&mut self, other: &mut Self, now: Instant, chunks: &mut Option<Random>) -> usize {
        let mut carried_len = 0;
        loop {
            self.connection.poll_transmit();
            let mut slices = [IoSlice::new(&[]); 16];
            let count = self.connection.output(&mut slices);
            let mut len = slices[..count].iter().map(|slice| slice.len()).sum();
            if len == 0 || !other.connection.wants_bytes() {
                break;
            }
            if let Some(random) = chunks {
                len = random.among(1..1 + (len as u64).min(5000)) as usize;
            }
            let mut rest = len;
            for slice in &slices[..count] {
                let piece = &slice[..slice.len().min(rest)];
                other.input.extend_from_slice(piece);
                rest -= piece.len();
            }
            self.connection.advance_output(len);
            other.connection.handle_bytes(&mut other.input, now);
            other.take_events();
            carried_len += len;
        }
        if other.has_left {
            // Nobody is there to read it.
            let len = self.connection.output_len();
            self.connection.advance_output(len);
        }
        if self.connection.is_drained() && !self.has_left {
            self.has_left = true;
            other.connection.handle_eof();
            other.take_events();
        }
        carried_len
    }

    fn take_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            if let Event::Data { id, data, .. } = &event
                && !self.hoards
            {
                self.connection.release_data(*id, data.len());
            }
            self.events.push(event);
        }
    }
}
