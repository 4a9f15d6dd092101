//! Frames: where they end, and that what is read can be written and read again.

use bytes::BytesMut;
use hikyaku_http2::frame::headers::Block;
use hikyaku_http2::frame::ping::Ping;
use hikyaku_http2::frame::reader::{Frame, measure};
use hikyaku_http2::frame::settings::Settings;
use hikyaku_http2::frame::{Flags, Head, Kind, writer};

/// Reads all frames of `data`.
pub fn frame_reader(data: &[u8]) {
    let extent = measure(data, MAX_FRAME_LEN);
    assert!(extent.complete_len <= data.len());
    check_prefixes(data, extent.complete_len);
    let mut rest = &data[..extent.complete_len];
    while let Some(head) = Head::peek(rest) {
        assert!(head.len <= MAX_FRAME_LEN);
        let (frame, behind) = rest.split_at(Head::LEN + head.len);
        rest = behind;
        let payload = &frame[Head::LEN..];
        if let Ok(value) = Frame::decode(&head, payload, MAX_SETTINGS_COUNT) {
            check_frame(&head, payload, &value);
        }
    }
    assert!(rest.is_empty(), "complete frames end inside of one");
}

/// Fewer bytes never reach further, and complete frames stay complete.
fn check_prefixes(data: &[u8], complete_len: usize) {
    for len in [complete_len, data.len() / 2, data.len().saturating_sub(1)] {
        let part = measure(&data[..len], MAX_FRAME_LEN).complete_len;
        assert!(part <= complete_len.min(len));
        let behind = measure(&data[part..], MAX_FRAME_LEN).complete_len;
        assert_eq!(part + behind, complete_len, "{len} bytes end elsewhere");
    }
}

/// What was read is written and read again.
fn check_frame(head: &Head, payload: &[u8], value: &Frame<'_>) {
    let mut out = BytesMut::new();
    match value {
        Frame::Data(data) => {
            assert_eq!(data.flow_len, payload.len());
            assert!(data.range.start <= data.range.end && data.range.end <= payload.len());
            return;
        }
        Frame::Headers(headers) => {
            assert!(headers.fragment.len() <= payload.len());
            let (id, body) = (headers.id, headers.body);
            writer::headers(&mut out, id, headers.fragment, body, MAX_FRAME_LEN);
            let (again, _) = decode(&out);
            let Frame::Headers(again) = again else {
                panic!("HEADERS became something else");
            };
            assert_eq!((again.id, again.body), (id, body));
            assert_eq!(again.fragment, headers.fragment);
            assert_eq!(again.block, Block::Complete);
            return;
        }
        Frame::Reset(reset) => writer::reset(&mut out, reset.id, reset.code),
        Frame::Settings(Settings::Ack) => writer::settings_ack(&mut out),
        Frame::Settings(Settings::Entries(entries)) => {
            let Ok(entries) = entries.iter().collect::<Result<Vec<_>, _>>() else {
                return;
            };
            assert!(entries.len() <= MAX_SETTINGS_COUNT);
            writer::settings(&mut out, &entries);
        }
        Frame::Ping(Ping::Ask(payload)) => writer::ping(&mut out, *payload, Flags::NONE),
        Frame::Ping(Ping::Ack(payload)) => writer::ping(&mut out, *payload, Flags::ACK),
        Frame::GoAway(farewell) => {
            let (last_stream, code) = (farewell.last_stream, farewell.code);
            writer::go_away(&mut out, last_stream, code, farewell.debug);
        }
        Frame::WindowUpdate(update) => {
            writer::window_update(&mut out, update.id, update.increment.get());
        }
        Frame::Continuation(part) => {
            assert_eq!(part.fragment, payload);
            return;
        }
        Frame::Priority(_) => return,
        Frame::Unknown => {
            assert!(matches!(head.kind, Kind::Unknown(_)));
            return;
        }
    }
    let (again, again_head) = decode(&out);
    assert_eq!((&again, again_head.kind), (value, head.kind));
}

fn decode(bytes: &[u8]) -> (Frame<'_>, Head) {
    assert_eq!(measure(bytes, MAX_FRAME_LEN).complete_len, bytes.len());
    let head = Head::peek(bytes).expect("a whole frame was written");
    let value = Frame::decode(&head, &bytes[Head::LEN..], MAX_SETTINGS_COUNT);
    (value.expect("our own frame is a good one"), head)
}

/// Small, so that frames that are too long are found.
const MAX_FRAME_LEN: usize = 1024;
const MAX_SETTINGS_COUNT: usize = 8;
