//! Two ends joined in memory do random things, in random pieces, and must come out whole.
//!
//! After every run: no stream is left, every stream ended exactly once at each end, all bytes came
//! in order, and every byte of every window is back where it started.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What one end knows of one stream.
#[derive(Debug, Default)]
struct Known {
    sent_len: usize,
    received_len: usize,
    /// Response headers are out (always at a client).
    has_headers: bool,
    /// Our side has ended.
    is_said: bool,
    /// The peer's side has ended.
    is_heard: bool,
    /// It was reset, by either end.
    is_reset: bool,
}

/// One end and its owner.
struct End {
    role: Role,
    connection: Connection,
    input: BytesMut,
    streams: BTreeMap<StreamId, Known>,
    unreleased: Vec<(StreamId, usize)>,
    is_closed: bool,
}

/// Byte `index` of the body that `role` sends on a stream.
fn byte(role: Role, id: StreamId, index: usize) -> u8 {
    let [low, ..] = id.number().to_le_bytes();
    u8::try_from(index % 251).unwrap() ^ low ^ role as u8
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            role: connection.role,
            connection,
            input: BytesMut::new(),
            streams: BTreeMap::new(),
            unreleased: Vec::new(),
            is_closed: false,
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            assert!(!self.is_closed, "{event:?} after the end");
            match event {
                Event::Request { id, .. } | Event::Response { id, .. } => {
                    panic!("{id} is told as a whole")
                }
                Event::Headers { id, body, .. } => {
                    let known = match self.role {
                        Role::Client => self.streams.get_mut(&id).unwrap(),
                        Role::Server => self.streams.entry(id).or_default(),
                    };
                    assert!(
                        !known.is_heard && !known.is_reset,
                        "headers on {id}: {known:?}"
                    );
                    known.is_heard = body == Body::Last;
                }
                Event::Data { id, data, body } => self.take_data(id, &data, body),
                Event::Trailers { id, .. } => {
                    let known = self.streams.get_mut(&id).unwrap();
                    assert!(
                        !known.is_heard && !known.is_reset,
                        "trailers on {id}: {known:?}"
                    );
                    known.is_heard = true;
                }
                Event::Reset { id, by, .. } => {
                    let known = self.streams.get_mut(&id).unwrap();
                    assert_eq!(by, Side::Remote);
                    assert!(!known.is_reset, "reset on {id}: {known:?}");
                    known.is_reset = true;
                }
                Event::Closed { error } => {
                    assert_eq!(error, None);
                    self.is_closed = true;
                }
                Event::Unprocessed { id } => {
                    self.streams.get_mut(&id).unwrap().is_reset = true;
                }
                Event::SendRoom { .. }
                | Event::StreamRoom
                | Event::PingAck { .. }
                | Event::GoAway { .. } => {}
            }
        }
    }

    fn take_data(&mut self, id: StreamId, data: &[u8], body: Body) {
        let known = self.streams.get_mut(&id).unwrap();
        assert!(
            !known.is_heard && !known.is_reset,
            "data on {id}: {known:?}"
        );
        let sender = if self.role == Role::Client {
            Role::Server
        } else {
            Role::Client
        };
        for (offset, &got) in data.iter().enumerate() {
            assert_eq!(
                got,
                byte(sender, id, known.received_len + offset),
                "data on {id}"
            );
        }
        known.received_len += data.len();
        known.is_heard = body == Body::Last;
        self.unreleased.push((id, data.len()));
    }

    /// A stream that can still be sent on, by any number.
    fn pick(&mut self, number: u16) -> Option<(StreamId, &mut Known)> {
        let mut open: Vec<_> = self
            .streams
            .iter_mut()
            .filter(|(_, known)| !known.is_said && !known.is_reset)
            .map(|(id, known)| (*id, known))
            .collect();
        let index = usize::from(number) % open.len().max(1);
        (index < open.len()).then(|| open.swap_remove(index))
    }

    fn open(&mut self, body: Body) {
        if self.role == Role::Client && self.connection.can_open_stream() {
            let id = self.connection.open_stream(POST, body).unwrap();
            let known = Known {
                has_headers: true,
                is_said: body == Body::Last,
                ..Known::default()
            };
            self.streams.insert(id, known);
        }
    }

    fn say(&mut self, number: u16, len: usize, body: Body, in_place: bool) {
        let role = self.role;
        let Some((id, known)) = self.pick(number) else {
            return;
        };
        let bytes: Vec<u8> = (known.sent_len..known.sent_len + len)
            .map(|index| byte(role, id, index))
            .collect();
        known.sent_len += len;
        known.is_said = body == Body::Last;
        let needs_headers = !std::mem::replace(&mut known.has_headers, true);
        if needs_headers {
            self.connection.send_headers(id, OK, Body::More).unwrap();
        }
        if in_place {
            let append = |out: &mut BytesMut| {
                out.extend_from_slice(&bytes);
                Ok(())
            };
            self.connection
                .write_data::<UserError>(id, body, append)
                .unwrap();
        } else {
            self.connection.send_data(id, bytes.into(), body).unwrap();
        }
    }

    fn finish(&mut self, number: u16) {
        let Some((id, known)) = self.pick(number) else {
            return;
        };
        known.is_said = true;
        if known.has_headers {
            self.connection.send_trailers(id, TRAILERS).unwrap();
        } else {
            known.has_headers = true;
            self.connection.send_headers(id, OK, Body::Last).unwrap();
        }
    }

    fn reset(&mut self, number: u16, code: ErrorCode) {
        let count = self.streams.len();
        let Some((id, known)) = self
            .streams
            .iter_mut()
            .nth(usize::from(number) % count.max(1))
        else {
            return;
        };
        let is_over = known.is_said && known.is_heard;
        if !known.is_reset && !is_over {
            known.is_reset = true;
            self.connection.reset_stream(*id, code);
        }
    }

    /// Wants a message of `len` bytes whole.
    fn reserve(&mut self, number: u16, len: usize) {
        let index = usize::from(number) % self.streams.len().max(1);
        if let Some((id, _)) = self.streams.iter().nth(index) {
            self.connection.reserve_window(*id, len);
        }
    }

    fn release(&mut self) {
        for (id, len) in self.unreleased.drain(..) {
            self.connection.release_data(id, len);
        }
    }
}

/// Moves up to `len` bytes from one end to the other, in pieces of at most `piece_len`.
fn deliver(from: &mut End, to: &mut End, len: usize, piece_len: usize, now: Instant) {
    from.connection.poll_transmit();
    let mut left = len;
    while left > 0 && from.connection.output_len() > 0 {
        let mut slices = [IoSlice::new(&[]); 1];
        assert_eq!(from.connection.output(&mut slices), 1);
        let step = slices[0].len().min(left).min(piece_len);
        to.input.extend_from_slice(&slices[0][..step]);
        from.connection.advance_output(step);
        to.connection.handle_bytes(&mut to.input, now);
        left -= step;
    }
    from.take_events();
    to.take_events();
}

/// Ends everything and checks that nothing is left over.
fn settle(client: &mut End, server: &mut End, piece_len: usize, now: Instant) {
    for _ in 0..10_000 {
        for end in [&mut *client, &mut *server] {
            while end.pick(0).is_some() {
                end.finish(0);
            }
            end.release();
        }
        deliver(client, server, usize::MAX, piece_len, now);
        deliver(server, client, usize::MAX, piece_len, now);
        let is_quiet = [&mut *client, &mut *server].into_iter().all(|end| {
            end.release();
            end.connection.poll_transmit();
            end.connection.output_len() == 0 && end.pick(0).is_none()
        });
        if is_quiet {
            break;
        }
    }
    for (one, other) in [(&*client, &*server), (&*server, &*client)] {
        let role = one.role;
        assert_eq!(
            one.connection.open_streams(),
            0,
            "{role:?}: {:?}",
            one.streams
        );
        check_windows(&one.connection, &other.connection, role);
        for (id, known) in &one.streams {
            let is_over = known.is_reset || (known.is_said && known.is_heard);
            assert!(is_over, "{role:?} {id}: {known:?}");
            if !known.is_reset {
                let sent_len = other.streams[id].sent_len;
                assert_eq!(known.received_len, sent_len, "{role:?} {id}");
            }
        }
    }
}

/// What the connection counts is what its streams have.
fn check_sums(connection: &mut Connection) {
    let (mut unread_len, mut tuned_len, mut reserved_len, mut reserved_count) = (0, 0, 0, 0);
    for (_, stream) in connection.streams.iter_mut() {
        unread_len += stream.credit.outstanding();
        tuned_len += stream.tuned_len;
        reserved_len += stream.reserved_len;
        reserved_count += usize::from(stream.reserved_len > 0);
    }
    assert_eq!(connection.unread_len, unread_len);
    assert_eq!(connection.widened.tuned_len, tuned_len);
    assert_eq!(connection.widened.reserved_len, reserved_len);
    assert!(tuned_len <= connection.config.max_window_len.into());
    let is_within = reserved_len <= connection.config.max_reserved_len.into();
    assert!(is_within || reserved_count == 1, "{reserved_len} reserved");
}

/// Every byte of the connection's window is granted or about to be, nothing is unread, and the pools
/// are whole.
fn check_windows(one: &Connection, other: &Connection, role: Role) {
    assert_eq!(one.unread_len(), 0, "{role:?}");
    assert_eq!(one.credit.outstanding(), 0, "{role:?}");
    let widened = format!("{:?}", one.widened);
    assert_eq!(widened, format!("{:?}", Widened::default()), "{role:?}");
    let asked = u64::from(one.config.connection_window_len).max(one.bandwidth.target());
    assert_eq!(one.credit.target() as u64, asked, "{role:?}");
    let unknown = one.credit.clone().grant() as usize;
    let known = other.window.available();
    let surplus = (known + unknown) as i64 - one.credit.target();
    assert!(surplus >= 0, "{role:?}: {:?}", one.credit);
    // A reservation that is over may be out until the next bytes come back.
    assert!(surplus <= i64::from(u16::MAX), "{role:?}: {:?}", one.credit);
}

fn run(config: &Config, piece_len: usize, steps: &[(u8, u16, u16)]) {
    let now = Instant::now();
    let mut client = End::new(Connection::client(config.clone()));
    let mut server = End::new(Connection::server(config.clone()));
    for &(step, number, len) in steps {
        let end = if step & 1 == 0 {
            &mut client
        } else {
            &mut server
        };
        // Windows of a few bytes move few bytes a round.
        let len = usize::from(len).min(config.stream_window_len as usize * 20);
        let body = if number & 0x100 == 0 {
            Body::More
        } else {
            Body::Last
        };
        match step >> 1 {
            0..=20 => client.open(body),
            21..=45 => end.say(number, len, body, number & 0x200 == 0),
            46..=60 => end.say(number, len % 50, body, number & 0x200 == 0),
            61..=70 => end.finish(number),
            71..=75 => end.reset(number, ErrorCode::CANCEL),
            76..=78 => end.reset(number, ErrorCode::NO_ERROR),
            79..=88 => end.release(),
            89..=90 => end.reserve(number, len),
            91..=92 => end.connection.ping([7; 8]),
            93..=108 => deliver(&mut client, &mut server, number.into(), piece_len, now),
            _ => deliver(&mut server, &mut client, number.into(), piece_len, now),
        }
        check_sums(&mut client.connection);
        check_sums(&mut server.connection);
    }
    settle(&mut client, &mut server, piece_len, now);
    server.connection.start_shutdown();
    for _ in 0..3 {
        deliver(&mut server, &mut client, usize::MAX, piece_len, now);
        deliver(&mut client, &mut server, usize::MAX, piece_len, now);
    }
    // The client had no use for the connection any more and has closed its socket.
    assert!(client.is_closed && client.connection.is_drained());
    server.connection.handle_eof();
    server.take_events();
    assert!(server.is_closed);
    assert!(server.connection.is_drained());
}

/// Budgets are out of the way: two good ends, but random ones, do much nonsense.
fn generous() -> Config {
    Config {
        max_reset_burst: u32::MAX,
        max_control_burst: u32::MAX,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_ends_come_out_whole(
        stream_window_len in prop_oneof![1_u32..100, 60_000_u32..70_000, Just(1 << 20)],
        max_concurrent_streams in 1_u32..20,
        max_unread_len in prop_oneof![Just(0_u32), Just(100_000), Just(u32::MAX)],
        output_high_water in prop_oneof![Just(1_usize), Just(20_000), Just(1 << 20)],
        piece_len in prop_oneof![Just(1_usize), 2_usize..100, Just(usize::MAX)],
        steps in prop::collection::vec(any::<(u8, u16, u16)>(), 1..120),
    ) {
        let config = Config {
            stream_window_len,
            max_concurrent_streams,
            output_high_water,
            connection_window_len: 70_000,
            max_reserved_len: 50_000,
            max_unread_len,
            ..generous()
        };
        run(&config, piece_len, &steps);
    }

    /// A peer that sends anything at all after a good start.
    #[test]
    fn no_bytes_make_an_end_panic(
        frames in prop::collection::vec(
            (0_u8..12, any::<u8>(), 0_u32..8, prop::collection::vec(any::<u8>(), 0..40)),
            1..60,
        ),
        is_server in any::<bool>(),
    ) {
        let mut raw = if is_server { Raw::server(generous()) } else { Raw::client(generous()) };
        if !is_server {
            for _ in 0..3 {
                raw.connection.open_stream(POST, Body::More).unwrap();
            }
        } else {
            raw.send(&[request(1, Body::More), request(3, Body::Last)].concat());
        }
        for (kind, flags, id, payload) in frames {
            raw.send(&frame(Kind::from_number(kind), flags, id, &payload));
            raw.events();
            raw.connection.poll_transmit();
        }
        let closed = raw.connection.life == Life::Closed;
        prop_assert!(closed || raw.connection.wants_bytes());
    }
}
