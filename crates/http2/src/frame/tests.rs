//! Per kind: what is legal, and what each illegal frame is called.

use bytes::BytesMut;

use super::reader::{Extent, Frame, measure};
use super::settings::{Push, Setting, Settings};
use super::*;
use crate::error::{ConnectionError, Fault, StreamError, Violation};
use crate::{Body, ErrorCode};

fn head(kind: Kind, flags: u8, id: u32, len: usize) -> Head {
    Head {
        len,
        kind,
        flags: Flags::from_bits(flags),
        id: StreamId::new(id),
    }
}

fn decode(kind: Kind, flags: u8, id: u32, payload: &[u8]) -> Result<Frame<'_>, Fault> {
    Frame::decode(&head(kind, flags, id, payload.len()), payload, 4)
}

fn connection(what: Violation) -> Option<Fault> {
    Some(Fault::Connection(ConnectionError::new(what)))
}

fn stream(id: u32, what: Violation) -> Option<Fault> {
    Some(Fault::Stream(StreamError::new(StreamId::new(id), what)))
}

#[test]
fn a_head_survives_the_wire() {
    for kind in 0..=255 {
        for (len, id) in [(0, 0), (1, 1), (16_384, 0x7fff_ffff), (0xff_ffff, 2)] {
            let head = head(Kind::from_number(kind), kind, id, len);
            assert_eq!(Head::decode(&head.encode()), head);
        }
    }
}

#[test]
fn the_reserved_bit_is_dropped() {
    let bytes = [0, 0, 8, 6, 0, 0x80, 0, 0, 1];
    assert_eq!(Head::decode(&bytes).id, StreamId::new(1));
}

/// Rows: kind, flags, stream, payload, and the fault or `None` if it is legal.
type Row<'a> = (Kind, u8, u32, &'a [u8], Option<Fault>);

#[test]
#[rustfmt::skip]
fn frames_with_fixed_rules() {
    use Kind::{Continuation, GoAway, Ping, Priority, PushPromise, RstStream, Settings, Unknown, WindowUpdate};
    let bad_len = |kind, len| Violation::BadFrameLen { kind, len };
    let table: &[Row<'_>] = &[
        (Priority, 0, 3, &[0, 0, 0, 1, 5], None),
        (Priority, 0, 3, &[0x80, 0, 0, 1, 5], None),
        (Priority, 0, 0, &[0, 0, 0, 1, 5], connection(Violation::StreamNeeded(Priority))),
        (Priority, 0, 3, &[0, 0, 0, 1], stream(3, bad_len(Priority, 4))),
        (Priority, 0, 3, &[0; 6], stream(3, bad_len(Priority, 6))),
        (Priority, 0, 3, &[0x80, 0, 0, 3, 5], stream(3, Violation::SelfDependency)),
        (RstStream, 0, 3, &[0, 0, 0, 8], None),
        (RstStream, 0, 3, &[0, 0, 1, 0], None),
        (RstStream, 0, 0, &[0, 0, 0, 8], connection(Violation::StreamNeeded(RstStream))),
        (RstStream, 0, 3, &[0; 3], connection(bad_len(RstStream, 3))),
        (RstStream, 0, 3, &[0; 5], connection(bad_len(RstStream, 5))),
        (Settings, 0, 0, &[], None),
        (Settings, 0, 0, &[0; 24], None),
        (Settings, 0, 0, &[0; 30], connection(Violation::TooManySettings { count: 5, max: 4 })),
        (Settings, 0, 0, &[0; 5], connection(bad_len(Settings, 5))),
        (Settings, 0, 1, &[], connection(Violation::StreamForbidden(Settings, StreamId::new(1)))),
        (Settings, 1, 0, &[], None),
        (Settings, 1, 0, &[0; 6], connection(bad_len(Settings, 6))),
        (PushPromise, 4, 1, &[0, 0, 0, 2], connection(Violation::PushPromised)),
        (Ping, 0, 0, &[7; 8], None),
        (Ping, 1, 0, &[7; 8], None),
        (Ping, 0xfe, 0, &[7; 8], None),
        (Ping, 0, 0, &[7; 7], connection(bad_len(Ping, 7))),
        (Ping, 0, 0, &[7; 9], connection(bad_len(Ping, 9))),
        (Ping, 0, 1, &[7; 8], connection(Violation::StreamForbidden(Ping, StreamId::new(1)))),
        (GoAway, 0, 0, &[0; 8], None),
        (GoAway, 0, 0, b"\0\0\0\x01\0\0\0\x02text", None),
        (GoAway, 0, 0, &[0; 7], connection(bad_len(GoAway, 7))),
        (GoAway, 0, 1, &[0; 8], connection(Violation::StreamForbidden(GoAway, StreamId::new(1)))),
        (WindowUpdate, 0, 0, &[0, 0, 0, 1], None),
        (WindowUpdate, 0, 1, &[0xff; 4], None),
        (WindowUpdate, 0, 1, &[0; 3], connection(bad_len(WindowUpdate, 3))),
        (WindowUpdate, 0, 1, &[0; 5], connection(bad_len(WindowUpdate, 5))),
        (WindowUpdate, 0, 0, &[0; 4], connection(Violation::ZeroIncrement)),
        (WindowUpdate, 0, 1, &[0x80, 0, 0, 0], stream(1, Violation::ZeroIncrement)),
        (Continuation, 4, 1, b"x", None),
        (Continuation, 0, 1, b"", None),
        (Continuation, 4, 0, b"x", connection(Violation::StreamNeeded(Continuation))),
        (Unknown(0x0c), 0xff, 0, b"ORIGIN", None),
        (Unknown(0xff), 0, 9, b"", None),
    ];
    for (kind, flags, id, payload, want) in table {
        let got = decode(*kind, *flags, *id, payload).err();
        assert_eq!(&got, want, "{kind} flags {flags:#x} on {id}: {payload:?}");
    }
}

#[test]
#[rustfmt::skip]
fn frames_with_padding() {
    use Kind::{Data, Headers};
    let bad_len = |kind, len| Violation::BadFrameLen { kind, len };
    let too_long = |padding, len| connection(Violation::PaddingTooLong { padding, len });
    let table: &[(Row<'_>, &[u8])] = &[
        ((Data, 0x0, 1, b"abc", None), b"abc"),
        ((Data, 0x1, 1, b"", None), b""),
        ((Data, 0x8, 1, b"\x02abc..", None), b"abc"),
        ((Data, 0x8, 1, b"\x05.....", None), b""),
        ((Data, 0x8, 1, b"\0", None), b""),
        ((Data, 0x8, 1, b"", connection(bad_len(Data, 0))), b""),
        ((Data, 0x8, 1, b"\x06.....", too_long(6, 5)), b""),
        ((Data, 0x8, 1, b"\xff", too_long(255, 0)), b""),
        ((Data, 0x0, 0, b"abc", connection(Violation::StreamNeeded(Data))), b""),
        ((Headers, 0x4, 1, b"abc", None), b"abc"),
        ((Headers, 0xc, 1, b"\x02abc..", None), b"abc"),
        ((Headers, 0x24, 1, b"\0\0\0\x03\x10abc", None), b"abc"),
        ((Headers, 0x2c, 1, b"\x01\0\0\0\x03\x10abc.", None), b"abc"),
        ((Headers, 0x2c, 1, b"\x04\0\0\0\x03\x10....", None), b""),
        ((Headers, 0x2c, 1, b"\x05\0\0\0\x03\x10....", connection(bad_len(Headers, 10))), b""),
        ((Headers, 0x24, 1, b"\0\0\0\x03", connection(bad_len(Headers, 4))), b""),
        ((Headers, 0x8, 1, b"\x04abc", too_long(4, 3)), b""),
        ((Headers, 0x4, 0, b"abc", connection(Violation::StreamNeeded(Headers))), b""),
    ];
    for ((kind, flags, id, payload, want), want_inner) in table {
        let what = format!("{kind} flags {flags:#x} on {id}: {payload:?}");
        match decode(*kind, *flags, *id, payload) {
            Ok(Frame::Data(data)) => {
                assert_eq!(&payload[data.range.clone()], *want_inner, "{what}");
                assert_eq!(data.flow_len, payload.len(), "{what}");
                assert_eq!(None, *want, "{what}");
            }
            Ok(Frame::Headers(headers)) => {
                assert_eq!(headers.fragment, *want_inner, "{what}");
                assert_eq!(None, *want, "{what}");
            }
            Ok(other) => panic!("{what}: {other:?}"),
            Err(fault) => assert_eq!(Some(fault), *want, "{what}"),
        }
    }
}

#[test]
#[rustfmt::skip]
fn settings_have_ranges() {
    let table = [
        (1, u32::MAX, Ok(Setting::HeaderTableLen(u32::MAX))),
        (2, 0, Ok(Setting::EnablePush(Push::Disabled))),
        (2, 1, Ok(Setting::EnablePush(Push::Enabled))),
        (2, 2, Err(Violation::BadEnablePush(2))),
        (3, 0, Ok(Setting::MaxConcurrentStreams(0))),
        (4, 0x7fff_ffff, Ok(Setting::InitialWindow(0x7fff_ffff))),
        (4, 0x8000_0000, Err(Violation::BadInitialWindow(0x8000_0000))),
        (5, 16_383, Err(Violation::BadMaxFrameLen(16_383))),
        (5, 16_384, Ok(Setting::MaxFrameLen(16_384))),
        (5, 16_777_215, Ok(Setting::MaxFrameLen(16_777_215))),
        (5, 16_777_216, Err(Violation::BadMaxFrameLen(16_777_216))),
        (6, 1, Ok(Setting::MaxHeaderListBytes(1))),
        (0, 9, Ok(Setting::Unknown(0, 9))),
        (0x99, 9, Ok(Setting::Unknown(0x99, 9))),
    ];
    for (id, value, want) in table {
        assert_eq!(Setting::new(id, value), want, "{id} = {value}");
        if let Ok(setting) = want {
            let bytes = setting.encode();
            let settings = Settings::decode(&head(Kind::Settings, 0, 0, 6), &bytes, 1).unwrap();
            let Settings::Entries(entries) = settings else { panic!("an ACK") };
            assert_eq!(entries.iter().collect::<Vec<_>>(), [Ok(setting)]);
        }
    }
}

#[test]
fn only_whole_frames_are_measured_and_long_ones_are_known_by_their_head() {
    let mut bytes = BytesMut::new();
    writer::ping(&mut bytes, [1; 8], Flags::NONE);
    writer::settings_ack(&mut bytes);
    let whole = bytes.len();
    bytes.extend_from_slice(&head(Kind::Data, 0, 1, 101).encode());
    for len in 0..whole + Head::LEN {
        let want = if len < 17 {
            0
        } else {
            if len < whole { 17 } else { whole }
        };
        let extent = Extent {
            complete_len: want,
            error: None,
        };
        assert_eq!(measure(&bytes[..len], 100), extent, "{len} bytes");
    }
    let error = Some(Violation::FrameTooLong { len: 101, max: 100 });
    assert_eq!(
        measure(&bytes, 100),
        Extent {
            complete_len: whole,
            error
        }
    );
    assert_eq!(
        measure(&bytes, 101),
        Extent {
            complete_len: whole,
            error: None
        }
    );
}

#[test]
fn a_long_block_goes_on_in_continuation() {
    // (block length, payload lengths wanted) at ten bytes a frame
    let table: [(usize, &[usize]); 5] = [
        (0, &[0]),
        (9, &[9]),
        (10, &[10]),
        (11, &[10, 1]),
        (30, &[10, 10, 10]),
    ];
    for (len, want) in table {
        let mut out = BytesMut::new();
        writer::headers(&mut out, StreamId::new(1), &vec![0; len], Body::Last, 10);
        let mut rest = &out[..];
        for (index, want_len) in want.iter().enumerate() {
            let got = Head::peek(rest).unwrap();
            let kind = if index == 0 {
                Kind::Headers
            } else {
                Kind::Continuation
            };
            let end_headers = if index + 1 == want.len() { 4 } else { 0 };
            let end_stream = u8::from(index == 0);
            assert_eq!(
                got,
                head(kind, end_headers | end_stream, 1, *want_len),
                "{len}: {index}"
            );
            rest = &rest[Head::LEN + got.len..];
        }
        assert!(rest.is_empty(), "{len}");
    }
}

#[test]
fn what_is_written_can_be_read() {
    let mut out = BytesMut::new();
    let id = StreamId::new(5);
    writer::reset(&mut out, id, ErrorCode::CANCEL);
    writer::window_update(&mut out, id, 77);
    writer::go_away(&mut out, id, ErrorCode::NO_ERROR, b"bye");
    writer::ping(&mut out, *b"12345678", Flags::ACK);
    let mut rest = &out[..];
    let mut got = Vec::new();
    while let Some(head) = Head::peek(rest) {
        let payload = &rest[Head::LEN..Head::LEN + head.len];
        got.push(format!("{:?}", Frame::decode(&head, payload, 4).unwrap()));
        rest = &rest[Head::LEN + head.len..];
    }
    let want = [
        "Reset(Reset { id: 5, code: CANCEL })",
        "WindowUpdate(WindowUpdate { id: 5, increment: 77 })",
        "GoAway(GoAway { last_stream: 5, code: NO_ERROR, debug: [98, 121, 101] })",
        "Ping(Ack([49, 50, 51, 52, 53, 54, 55, 56]))",
    ];
    assert_eq!(got, want);
}
