//! An engine against frames of a server, by hand.

use super::*;
use crate::scenario::Scenario;

const HEAD: &[u8] = b"\x88\x0f\x10\x10application/grpc";
const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";
const FAILED: &[u8] = b"\x00\x0bgrpc-status\x0213\x00\x0cgrpc-message\x04oops";
const HELLO: &[u8] = b"\0\0\0\0\x0e\x0a\x0cHello world!";
const END_HEADERS: u8 = flag::END_HEADERS;
const LAST_HEADERS: u8 = flag::END_HEADERS | flag::END_STREAM;

/// Kind, flags, stream, payload.
type Frame<'a> = (u8, u8, u32, &'a [u8]);

struct Test {
    engine: Engine,
    tally: Tally,
    now: Instant,
}

impl Test {
    /// An engine whose first frames were taken.
    fn new(call: Call, streams: usize) -> Self {
        let mut engine = Engine::new(Rc::new(call), streams, "localhost:1", Scheme::Http);
        let start = take(&mut engine);
        assert!(start.starts_with(frame::PREFACE));
        Self {
            engine,
            tally: Tally::default(),
            now: Instant::now(),
        }
    }

    fn hello() -> Self {
        Self::new(Call::new(Scenario::Hello, 0, 1), 1)
    }

    fn start(&mut self) {
        self.engine.start(self.now).unwrap();
    }

    fn handle(&mut self, frames: &[Frame<'_>]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        for &(kind, flags, stream, payload) in frames {
            frame::write(&mut bytes, kind, flags, stream, payload);
        }
        // A frame that is cut off is left for later.
        let len = bytes.len();
        bytes.extend_from_slice(b"\0\0\x05\0\0\0\0\0\x01cut");
        let used = self
            .engine
            .handle_bytes(&bytes, self.now, &mut self.tally)?;
        assert_eq!(used, len);
        Ok(())
    }

    /// What the engine has written: kind, flags, stream, length.
    fn sent(&mut self) -> Vec<(u8, u8, u32, usize)> {
        self.engine.send();
        let bytes = take(&mut self.engine);
        let (mut rest, mut frames) = (&bytes[..], Vec::new());
        while let Some((head, _, behind)) = frame::split(rest) {
            frames.push((head.kind, head.flags, head.stream, head.len));
            rest = behind;
        }
        assert_eq!(rest, b"");
        frames
    }
}

fn take(engine: &mut Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    while engine.unsent_len() > 0 {
        assert!(engine.poll_write(&mut bytes, &mut cx).is_ready());
    }
    bytes
}

#[test]
fn a_call_succeeds_only_with_the_whole_reply_and_status_0() {
    let head: Frame<'_> = (kind::HEADERS, END_HEADERS, 1, HEAD);
    let reply: Frame<'_> = (kind::DATA, 0, 1, HELLO);
    let trailers: Frame<'_> = (kind::HEADERS, LAST_HEADERS, 1, TRAILERS);
    let failed: Frame<'_> = (kind::HEADERS, LAST_HEADERS, 1, FAILED);
    let reset: Frame<'_> = (kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let status = |code: &str, message: &str| {
        Some(Fault::Status {
            code: code.to_owned(),
            message: message.to_owned(),
        })
    };
    let short = |received| {
        Some(Fault::ShortReply {
            received,
            expected: 19,
        })
    };
    let wrong = |at| Some(Fault::WrongReply { at });
    let rows: &[(&[Frame<'_>], Option<Fault>)] = &[
        (&[head, reply, trailers], None),
        (
            &[
                head,
                (kind::DATA, 0, 1, &HELLO[..7]),
                (kind::DATA, 0, 1, &HELLO[7..]),
                trailers,
            ],
            None,
        ),
        (&[head, reply, failed], status("13", "oops")),
        (&[failed], status("13", "oops")),
        (
            &[(kind::HEADERS, LAST_HEADERS, 1, HEAD)],
            status("missing", ""),
        ),
        (&[trailers], short(0)),
        (&[head, trailers], short(0)),
        (
            &[head, (kind::DATA, 0, 1, &HELLO[..18]), trailers],
            short(18),
        ),
        (
            &[head, reply, (kind::DATA, 0, 1, b"\0"), trailers],
            wrong(19),
        ),
        (&[head, (kind::DATA, 0, 1, &[0; 19]), trailers], wrong(0)),
        (
            &[head, (kind::DATA, flag::END_STREAM, 1, HELLO)],
            Some(Fault::NoTrailers),
        ),
        (&[reply, trailers], Some(Fault::NoHead)),
        (&[head, reply, reset], Some(Fault::Reset { code: 8 })),
        // What comes for a stream that is over is for nobody.
        (&[head, reply, trailers, reset], None),
    ];
    for (frames, want) in rows {
        let mut test = Test::hello();
        test.start();
        test.handle(frames).unwrap();
        assert_eq!(test.tally.first_fault, *want, "{frames:?}");
        let want = if want.is_none() { (1, 0) } else { (0, 1) };
        assert_eq!(
            (test.tally.succeeded, test.tally.failed),
            want,
            "{frames:?}"
        );
        assert_eq!(test.engine.open_count(), 0);
    }
}

#[test]
fn what_ends_a_connection_fails_its_open_calls() {
    let rows: &[(Frame<'_>, &str)] = &[
        (
            (kind::GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\x0bcalm"),
            "GOAWAY with code 11 and \"calm\"",
        ),
        ((kind::HEADERS, 0, 1, HEAD), "a header block in parts"),
        (
            (kind::CONTINUATION, END_HEADERS, 1, HEAD),
            "CONTINUATION by itself",
        ),
        (
            (kind::HEADERS, END_HEADERS, 1, b"\xff"),
            "a header block that is none",
        ),
        (
            (kind::DATA, flag::PADDED, 1, b"\x09abc"),
            "more padding than payload",
        ),
        (
            (kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            "window of stream 0 too far",
        ),
    ];
    for (frame, want) in rows {
        let mut test = Test::hello();
        test.start();
        test.start();
        let fault = test.handle(&[*frame]).unwrap_err();
        assert!(fault.to_string().contains(want), "{fault}");
        test.engine.fail_open(&fault, &mut test.tally);
        assert_eq!((test.tally.failed, test.engine.open_count()), (2, 0));
    }
}

#[test]
fn settings_and_pings_are_answered() {
    let mut test = Test::hello();
    test.handle(&[
        (kind::SETTINGS, 0, 0, &[]),
        (kind::PING, 0, 0, b"12345678"),
        (kind::SETTINGS, flag::ACK, 0, &[]),
        (kind::PING, flag::ACK, 0, b"was read"),
        (kind::PING + 100, 0, 0, b"unknown"),
    ])
    .unwrap();
    let want = [
        (kind::SETTINGS, flag::ACK, 0, 0),
        (kind::PING, flag::ACK, 0, 8),
    ];
    assert_eq!(test.sent(), want);
    assert_eq!(
        (test.engine.has_settings(), test.engine.pong_count()),
        (true, 1)
    );
}

#[test]
fn no_more_streams_are_open_than_the_server_allows() {
    let mut test = Test::new(Call::new(Scenario::Hello, 0, 1), 5);
    let three = [0, setting::MAX_CONCURRENT_STREAMS as u8, 0, 0, 0, 3];
    test.handle(&[(kind::SETTINGS, 0, 0, &three)]).unwrap();
    for _ in 0..3 {
        assert!(test.engine.has_room());
        test.start();
    }
    assert!(!test.engine.has_room());
    let end: Frame<'_> = (kind::HEADERS, LAST_HEADERS, 3, FAILED);
    test.handle(&[end]).unwrap();
    assert!(test.engine.has_room());
}

#[test]
fn a_ping_pong_sends_the_next_message_when_the_last_one_is_back() {
    let mut test = Test::new(Call::new(Scenario::PingPong, 3, 2), 1);
    test.start();
    let message: &[u8] = b"\0\0\0\0\x05\x0a\x03xxx";
    let sent = test.sent();
    assert_eq!(sent[1..], [(kind::DATA, 0, 1, 10)]);
    let head: Frame<'_> = (kind::HEADERS, END_HEADERS, 1, HEAD);
    test.handle(&[head, (kind::DATA, 0, 1, &message[..9])])
        .unwrap();
    assert_eq!(test.sent(), []);
    test.handle(&[(kind::DATA, 0, 1, &message[9..])]).unwrap();
    assert_eq!(test.sent(), [(kind::DATA, flag::END_STREAM, 1, 10)]);
    let trailers: Frame<'_> = (kind::HEADERS, LAST_HEADERS, 1, TRAILERS);
    test.handle(&[(kind::DATA, 0, 1, message), trailers])
        .unwrap();
    assert_eq!(test.sent(), []);
    assert_eq!((test.tally.succeeded, test.tally.messages), (1, 2));
}

#[test]
fn a_server_that_answers_too_early_is_told_to_forget_the_rest() {
    let mut test = Test::new(Call::new(Scenario::Up, 100_000, 1), 1);
    test.start();
    test.sent();
    test.handle(&[(kind::HEADERS, LAST_HEADERS, 1, FAILED)])
        .unwrap();
    assert_eq!(test.sent(), [(kind::RST_STREAM, 0, 1, 4)]);
    assert_eq!(test.tally.failed, 1);
}

#[test]
fn windows_are_given_back_long_before_they_end() {
    let mut test = Test::new(Call::new(Scenario::Down, 1 << 20, 2000), 1);
    test.start();
    test.sent();
    let chunk = vec![0; 16_384];
    let mut granted = Vec::new();
    for _ in 0..70_000 {
        test.handle(&[(kind::DATA, 0, 1, &chunk)]).unwrap();
        granted.extend(test.sent());
    }
    let want = [
        (kind::WINDOW_UPDATE, 0, 1, 4),
        (kind::WINDOW_UPDATE, 0, 0, 4),
    ];
    assert_eq!(granted, want);
}

#[test]
fn a_connection_that_has_used_its_numbers_says_so() {
    let mut test = Test::hello();
    test.engine.next_id = LAST_ID - 2;
    test.start();
    assert_eq!(test.engine.start(test.now), Err(Fault::NumbersUsed));
}
