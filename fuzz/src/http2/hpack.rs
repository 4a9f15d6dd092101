//! HPACK: blocks of a stranger, our own blocks, and the Huffman code.

use bytes::BytesMut;
use hikyaku_http2::hpack::{DecodeError, Decoder, Encoder, Entry, Limits, Outcome};
use hikyaku_http2::{Field, Indexing};

use super::Choices;

/// Decodes blocks with tight and with wide limits: both see the same fields, as far as they may.
pub fn hpack_decode(data: &[u8]) {
    let mut choices = Choices(data);
    let table_len = u32::from(choices.number());
    let mut tight = Decoder::new(table_len);
    let mut wide = Decoder::new(table_len);
    while let Some(choice) = choices.next() {
        if choice == 0xff {
            let len = u32::from(choices.number());
            tight.set_max_table_len(len);
            wide.set_max_table_len(len);
            continue;
        }
        let block = choices.piece();
        let (mut few, mut all) = (Vec::new(), Vec::new());
        let limits = Limits {
            max_list_bytes: 64 * usize::from(choice),
            max_fields: usize::from(choice % 16),
        };
        let outcome = tight.decode(block, limits, &mut few);
        let generation = wide.generation();
        let whole = wide.decode(block, WIDE, &mut all);
        match (outcome, whole) {
            (Ok(outcome), Ok(Outcome::Complete)) => check_list(outcome, limits, &few, &all),
            (Err(error), Err(same)) if error == same => {
                check_failed(&mut tight, error);
                return;
            }
            other => panic!("limits change the outcome: {other:?}"),
        }
        if generation == wide.generation() {
            let mut again = Vec::new();
            assert!(wide.decode(block, WIDE, &mut again).is_ok());
            assert_eq!(pairs(&again), pairs(&all), "the table has changed unseen");
            assert!(tight.decode(block, WIDE, &mut Vec::new()).is_ok());
        }
    }
}

fn check_list(outcome: Outcome, limits: Limits, few: &[Entry], all: &[Entry]) {
    let len = |entries: &[Entry]| entries.iter().map(Entry::table_len).sum::<usize>();
    assert!(few.len() <= limits.max_fields && len(few) <= limits.max_list_bytes);
    assert_eq!(pairs(few), pairs(&all[..few.len()]));
    match outcome {
        Outcome::Complete => assert_eq!(few.len(), all.len()),
        Outcome::TooLong { bytes, fields } => {
            assert_eq!((bytes, fields), (len(all), all.len()));
            assert!(bytes > limits.max_list_bytes || fields > limits.max_fields);
        }
    }
}

/// A failed decoder stays failed.
fn check_failed(decoder: &mut Decoder, error: DecodeError) {
    let again = decoder.decode(&[0x82], WIDE, &mut Vec::new());
    assert_eq!(again.err(), Some(error));
}

/// Encodes lists and decodes them, while the table's limits change.
pub fn hpack_roundtrip(data: &[u8]) {
    let mut choices = Choices(data);
    let own_len = u32::from(choices.number());
    let mut encoder = Encoder::new(own_len);
    let mut decoder = Decoder::new(4096);
    while let Some(choice) = choices.next() {
        if choice % 16 == 15 {
            // As often as the peer likes between two blocks.
            let len = u32::from(choices.number() % 8192);
            encoder.set_peer_table_len(len);
            decoder.set_max_table_len(len);
            continue;
        }
        let fields: Vec<Field<'_>> = (0..choice % 8).map(|_| field(&mut choices)).collect();
        let mut block = BytesMut::new();
        let before = encoder.generation();
        encoder.encode(fields.iter().copied(), &mut block);
        check_block(&mut decoder, &block, &fields);
        if encoder.generation() == before {
            let mut again = BytesMut::new();
            encoder.encode(fields.iter().copied(), &mut again);
            assert_eq!(again, block, "the same list, the same table, another block");
            check_block(&mut decoder, &again, &fields);
        }
    }
}

fn field<'a>(choices: &mut Choices<'a>) -> Field<'a> {
    let choice = choices.byte();
    let name = match choice >> 4 {
        0 => &b":path"[..],
        1 => &b"content-type"[..],
        2 => &b"grpc-timeout"[..],
        _ => choices.piece(),
    };
    let value = choices.piece();
    let indexing = match choice % 4 {
        0 => Indexing::Literal,
        1 => Indexing::NeverIndexed,
        _ => Indexing::Indexed,
    };
    Field {
        name,
        value,
        indexing,
    }
}

fn check_block(decoder: &mut Decoder, block: &[u8], fields: &[Field<'_>]) {
    let mut got = Vec::new();
    let outcome = decoder.decode(block, WIDE, &mut got);
    assert_eq!(outcome, Ok(Outcome::Complete), "our own block");
    let want: Vec<_> = fields
        .iter()
        .map(|field| (field.name, field.value))
        .collect();
    assert_eq!(pairs(&got), want);
}

/// What is a Huffman string is the only one of its text, and the encoder finds it.
pub fn huffman(data: &[u8]) {
    let mut decoder = Decoder::new(4096);
    let mut fields = Vec::new();
    let mut block = vec![0x00, 0x01, b'a'];
    write_len(&mut block, 0x80, data.len());
    block.extend_from_slice(data);
    if decoder.decode(&block, WIDE, &mut fields).is_err() {
        return;
    }
    let text = fields[0].value();
    assert!(text.len() <= data.len() * 8 / 5);
    let mut out = BytesMut::new();
    Encoder::new(4096).encode([Field::sensitive(b"a", text)], &mut out);
    let mut want = vec![0x10, 0x01, b'a'];
    if data.len() < text.len() {
        write_len(&mut want, 0x80, data.len());
        want.extend_from_slice(data);
    } else {
        write_len(&mut want, 0x00, text.len());
        want.extend_from_slice(text);
    }
    assert_eq!(&out[..], want);
}

/// A string's length (RFC 7541 §5.1).
fn write_len(out: &mut Vec<u8>, flag: u8, len: usize) {
    if len < 127 {
        out.push(flag | len as u8);
        return;
    }
    out.push(flag | 127);
    let mut rest = len - 127;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn pairs(entries: &[Entry]) -> Vec<(&[u8], &[u8])> {
    entries
        .iter()
        .map(|entry| (entry.name(), entry.value()))
        .collect()
}

const WIDE: Limits = Limits {
    max_list_bytes: usize::MAX,
    max_fields: usize::MAX,
};
