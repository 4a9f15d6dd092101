//! Tests of [`super`]: prefixes, splits and limits.

use proptest::prelude::*;

use super::*;
use crate::call::code::Code;

const MAX: usize = 1 << 20;

fn envelope(compressed: bool, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_prefix(&mut out, compressed, message.len()).unwrap();
    out.extend_from_slice(message);
    out
}

/// Pushes the chunks, all at once or each after draining, and collects every message.
fn deframe(chunks: &[&[u8]], drain_between: bool) -> Vec<Message> {
    let mut deframer = Deframer::default();
    let mut messages = Vec::new();
    for chunk in chunks {
        deframer.push(Bytes::copy_from_slice(chunk));
        while drain_between && let Some(message) = deframer.next(MAX).unwrap() {
            messages.push(message);
        }
    }
    while let Some(message) = deframer.next(MAX).unwrap() {
        messages.push(message);
    }
    assert_eq!(deframer.finish(), Ok(()));
    assert!(deframer.is_empty());
    messages
}

#[test]
fn a_prefix_is_a_flag_and_four_bytes_of_length() {
    let table = [
        (false, 0, [0, 0, 0, 0, 0]),
        (true, 1, [1, 0, 0, 0, 1]),
        (false, 0x0102_0304, [0, 1, 2, 3, 4]),
        (true, MAX_LEN, [1, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (compressed, len, want) in table {
        let mut out = BytesMut::new();
        write_prefix(&mut out, compressed, len).unwrap();
        assert_eq!(out[..], want, "{compressed} {len}");
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_length_beyond_32_bits_is_refused() {
    let mut out = BytesMut::new();
    let refused = write_prefix(&mut out, false, MAX_LEN + 1);
    assert_eq!(
        refused,
        Err(BadEnvelope::TooLong {
            len: MAX_LEN + 1,
            max: MAX_LEN
        })
    );
    assert!(out.is_empty());
}

#[test]
fn messages_in_one_chunk_are_slices_of_it() {
    let body = [
        envelope(false, b"one"),
        envelope(true, b""),
        envelope(false, b"three"),
    ]
    .concat();
    let chunk = Bytes::from(body);
    let range = chunk.as_ptr_range();
    let mut deframer = Deframer::default();
    deframer.push(chunk.clone());
    for (compressed, want) in [(false, "one"), (true, ""), (false, "three")] {
        let message = deframer.next(MAX).unwrap().unwrap();
        assert_eq!(
            (message.compressed, &message.bytes[..]),
            (compressed, want.as_bytes())
        );
        assert!(
            message.bytes.is_empty() || range.contains(&message.bytes.as_ptr()),
            "{want}"
        );
    }
    assert_eq!(deframer.next(MAX), Ok(None));
    assert_eq!(deframer.finish(), Ok(()));
}

#[test]
fn a_message_behind_a_split_prefix_is_still_a_slice() {
    let body = Bytes::from(envelope(false, b"payload"));
    let mut deframer = Deframer::default();
    deframer.push(body.slice(..3));
    assert_eq!(deframer.next(MAX), Ok(None));
    deframer.push(body.slice(3..));
    let message = deframer.next(MAX).unwrap().unwrap();
    assert_eq!(message.bytes.as_ptr(), body[PREFIX_LEN..].as_ptr());
}

#[test]
fn a_bad_prefix_is_refused_whole_or_split_and_again() {
    let table: [(&[u8], BadEnvelope); 5] = [
        (&[2, 0, 0, 0, 0], BadEnvelope::Flag { flag: 2 }),
        (&[0x80, 0, 0, 0, 0], BadEnvelope::Flag { flag: 0x80 }),
        (
            &[0xff, 0xff, 0xff, 0xff, 0xff],
            BadEnvelope::Flag { flag: 0xff },
        ),
        (&[0, 0, 0, 0, 11], BadEnvelope::TooLong { len: 11, max: 10 }),
        (
            &[1, 0xff, 0xff, 0xff, 0xff],
            BadEnvelope::TooLong {
                len: MAX_LEN,
                max: 10,
            },
        ),
    ];
    for (bytes, want) in table {
        for split in 0..bytes.len() {
            let mut deframer = Deframer::default();
            deframer.push(Bytes::copy_from_slice(&bytes[..split]));
            assert_eq!(deframer.next(10), Ok(None), "{bytes:?} at {split}");
            deframer.push(Bytes::copy_from_slice(&bytes[split..]));
            assert_eq!(deframer.next(10), Err(want), "{bytes:?} at {split}");
            assert_eq!(deframer.next(10), Err(want), "{bytes:?} at {split}, again");
            deframer.push(Bytes::from(envelope(false, b"good")));
            assert_eq!(
                deframer.next(10),
                Err(want),
                "{bytes:?} at {split}, with more"
            );
        }
    }
}

#[test]
fn a_message_of_just_the_limit_passes() {
    let mut deframer = Deframer::default();
    deframer.push(Bytes::from(envelope(false, &[7; 10])));
    assert_eq!(deframer.next(10).unwrap().unwrap().bytes, [7; 10][..]);
}

#[test]
fn a_body_must_not_end_inside_a_message() {
    let body = envelope(false, b"payload");
    for len in 1..body.len() {
        let expected = if len < PREFIX_LEN {
            PREFIX_LEN
        } else {
            body.len()
        };
        let mut deframer = Deframer::default();
        deframer.push(Bytes::copy_from_slice(&body[..len]));
        assert_eq!(deframer.next(MAX), Ok(None), "{len}");
        assert_eq!(deframer.buffered_len(), len);
        assert_eq!(
            deframer.finish(),
            Err(BadEnvelope::Truncated {
                arrived: len,
                expected
            })
        );
    }
}

#[test]
fn an_announced_length_allocates_nothing() {
    let mut deframer = Deframer::default();
    deframer.push(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]));
    assert_eq!(deframer.next(usize::MAX), Ok(None));
    deframer.push(Bytes::from(vec![0; 100]));
    assert_eq!(deframer.next(usize::MAX), Ok(None));
    let Partial::Body { bytes, .. } = &deframer.partial else {
        panic!("a message has begun")
    };
    assert_eq!((bytes.len(), bytes.capacity()), (100, 200));
}

#[test]
fn an_assembled_message_wastes_no_room() {
    let body = envelope(false, &[7; 100_003]);
    let mut deframer = Deframer::default();
    let mut chunks = body.chunks(1400).peekable();
    while let Some(chunk) = chunks.next() {
        deframer.push(Bytes::copy_from_slice(chunk));
        if chunks.peek().is_some() {
            assert_eq!(deframer.next(MAX), Ok(None));
        }
    }
    if let Partial::Body { bytes, .. } = &deframer.partial {
        assert!(bytes.capacity() <= 100_003);
    }
    assert_eq!(deframer.next(MAX).unwrap().unwrap().bytes.len(), 100_003);
}

#[test]
fn single_bytes_that_wait_are_kept_as_bytes() {
    let body = envelope(false, &[7; 60_000]);
    let mut deframer = Deframer::default();
    for byte in &body {
        deframer.push(Bytes::copy_from_slice(&[*byte]));
    }
    assert_eq!(deframer.queue.len(), 0);
    assert!(deframer.spill.capacity() <= 2 * body.len());
    assert_eq!(deframer.next(MAX).unwrap().unwrap().bytes.len(), 60_000);
}

#[test]
fn each_fault_has_its_code_and_numbers() {
    let table = [
        (
            BadEnvelope::Flag { flag: 9 },
            Code::Internal,
            "message begins with flag 9, not with 0 or 1",
        ),
        (
            BadEnvelope::TooLong { len: 11, max: 10 },
            Code::ResourceExhausted,
            "message of 11 bytes, limit 10",
        ),
        (
            BadEnvelope::Truncated {
                arrived: 3,
                expected: 5,
            },
            Code::Internal,
            "body ended inside a message prefix, 3 of 5 bytes came",
        ),
        (
            BadEnvelope::Truncated {
                arrived: 7,
                expected: 12,
            },
            Code::Internal,
            "body ended inside a message, 7 of 12 bytes came",
        ),
    ];
    for (bad, code, message) in table {
        let status = Status::from(bad);
        assert_eq!((status.code(), status.message()), (code, message));
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(
        sent in prop::collection::vec((any::<bool>(), 0usize..3000), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        drain_between: bool,
    ) {
        let messages: Vec<_> = sent.iter().enumerate().map(|(index, &(compressed, len))| {
            let fill = u8::try_from(index).unwrap();
            Message { compressed, bytes: Bytes::from(vec![fill; len]) }
        }).collect();
        let body: Vec<u8> =
            messages.iter().flat_map(|m| envelope(m.compressed, &m.bytes)).collect();
        let mut borders: Vec<_> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        borders.extend([0, body.len()]);
        borders.sort_unstable();
        let chunks: Vec<_> = borders.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        prop_assert_eq!(deframe(&chunks, drain_between), messages);
    }

    #[test]
    fn single_bytes_give_the_same_messages(
        sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        drain_between: bool,
    ) {
        let body: Vec<u8> = sent.iter().flat_map(|message| envelope(true, message)).collect();
        let chunks: Vec<_> = body.chunks(1).collect();
        let messages = deframe(&chunks, drain_between);
        let bytes: Vec<_> = messages.iter().map(|message| message.bytes.to_vec()).collect();
        prop_assert_eq!(bytes, sent);
    }

    #[test]
    fn no_bytes_panic(chunks: Vec<Vec<u8>>, max_len in 0usize..1000) {
        let mut deframer = Deframer::default();
        for chunk in chunks {
            deframer.push(Bytes::from(chunk));
            while let Ok(Some(message)) = deframer.next(max_len) {
                prop_assert!(message.bytes.len() <= max_len);
            }
        }
        let _ = deframer.finish();
    }
}
