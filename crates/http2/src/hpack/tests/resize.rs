//! Table lengths that change during the life of a connection, and generations.

use super::*;

const A: Field<'static> = Field::indexed(b"a", b"1");
const B: Field<'static> = Field::indexed(b"b", b"2");

#[test]
fn size_updates_of_the_encoder() {
    #[rustfmt::skip]
    let table: &[(&str, u32, &[u32], &str)] = &[
        ("nothing changed", 4096, &[], ""),
        ("the peer allows what it did", 4096, &[4096], ""),
        ("the peer allows more than we want", 4096, &[65_536], ""),
        ("our own limit is lower from the start", 256, &[], "3fe101"),
        ("our own limit, and the peer's higher one", 256, &[65_536], "3fe101"),
        ("the peer allows more and we want it", 8192, &[8192], "3fe13f"),
        ("the peer allows less", 4096, &[100], "3f45"),
        ("the peer allows nothing", 4096, &[0], "20"),
        ("down and up again", 4096, &[0, 4096], "20 3fe11f"),
        ("down, down and halfway up", 4096, &[1000, 30, 100], "3e 3f45"),
        ("up and down", 8192, &[8192, 100], "3f45"),
        ("lower, but not below our own limit", 256, &[1000], "3fe101"),
    ];
    for &(what, max_table_len, peer_lens, want) in table {
        let mut encoder = Encoder::new(max_table_len);
        peer_lens
            .iter()
            .for_each(|&len| encoder.set_peer_table_len(len));
        assert_eq!(encode(&mut encoder, &[]), hex(want), "{what}");
        assert_eq!(encode(&mut encoder, &[]), [], "{what}, once");
    }
}

#[test]
fn a_table_goes_to_nothing_and_back() {
    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    let want = Ok(vec![("a".to_owned(), "1".to_owned())]);
    for (len, count, block_len) in [
        (4096, 1, 5),
        (4096, 1, 1),
        (0, 0, 6),
        (0, 0, 5),
        (4096, 1, 8),
    ] {
        encoder.set_peer_table_len(len);
        decoder.set_max_table_len(len);
        let block = encode(&mut encoder, &[A]);
        assert_eq!(block.len(), block_len);
        assert_eq!(decode(&mut decoder, &block), want);
        assert_eq!(
            (encoder.table().count(), decoder.table().count()),
            (count, count)
        );
    }
}

#[test]
fn the_decoder_insists_on_the_update_it_is_owed() {
    use DecodeError::{SizeUpdateMissing, SizeUpdateTooLong};
    #[rustfmt::skip]
    let table: &[(&[u32], &str, Result<(), DecodeError>)] = &[
        (&[4096], "82", Ok(())),
        (&[8192], "82", Ok(())),
        (&[8192], "3fe13f 82", Ok(())),
        (&[100], "82", Err(SizeUpdateMissing { max: 100 })),
        (&[100], "", Err(SizeUpdateMissing { max: 100 })),
        (&[100], "3f45 82", Ok(())),
        (&[100], "3f46 82", Err(SizeUpdateTooLong { len: 101, max: 100 })),
        (&[100, 4096], "82", Err(SizeUpdateMissing { max: 100 })),
        (&[100, 4096], "3fe11f 82", Err(SizeUpdateMissing { max: 100 })),
        (&[100, 4096], "3f45 82", Ok(())),
        (&[100, 4096], "3f45 3fe11f 82", Ok(())),
        (&[100, 4096], "20 3fe11f 82", Ok(())),
        (&[100, 0], "20 82", Ok(())),
        (&[100, 0], "3f45 20 82", Err(SizeUpdateTooLong { len: 100, max: 0 })),
    ];
    for &(lens, block, want) in table {
        let mut decoder = Decoder::new(4096);
        lens.iter().for_each(|&len| decoder.set_max_table_len(len));
        let result = decode(&mut decoder, &hex(block)).map(|_| ());
        assert_eq!(result, want, "{lens:?} {block}");
    }
}

#[test]
fn shrinking_lets_the_oldest_go_first() {
    let mut decoder = Decoder::new(4096);
    // Three entries of 34 bytes, then room for two.
    assert!(decode(&mut decoder, &hex("40016101 31 40016201 32 40016301 33")).is_ok());
    assert!(decode(&mut decoder, &hex("3f26")).is_ok());
    assert_eq!(decoder.table().len(), 68);
    let names: Vec<String> = entries(decoder.table())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["c", "b"]);
}

#[test]
fn a_generation_changes_with_the_table_and_only_then() {
    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    let mut both = |fields: &[Field<'_>]| {
        let before = (encoder.generation(), decoder.generation());
        let block = encode(&mut encoder, fields);
        decode(&mut decoder, &block).unwrap();
        (
            encoder.generation() != before.0,
            decoder.generation() != before.1,
        )
    };
    assert_eq!(both(&[A]), (true, true), "an insertion");
    assert_eq!(both(&[A]), (false, false), "a reference");
    assert_eq!(both(&[B]), (true, true), "another insertion");
    assert_eq!(
        both(&[A, B, Field::literal(b"c", b"3")]),
        (false, false),
        "a literal"
    );
    assert_eq!(
        both(&[Field::sensitive(b"a", b"1")]),
        (false, false),
        "a secret"
    );

    let before = (encoder.generation(), decoder.generation());
    encoder.set_peer_table_len(4096);
    assert_eq!(encoder.generation(), before.0, "no change");
    encoder.set_peer_table_len(100);
    decoder.set_max_table_len(100);
    assert_ne!(encoder.generation(), before.0, "an update is due");
    assert_ne!(decoder.generation(), before.1, "an update is due");
    let before = (encoder.generation(), decoder.generation());
    decode(&mut decoder, &encode(&mut encoder, &[])).unwrap();
    assert_ne!(encoder.generation(), before.0, "the update");
    assert_ne!(decoder.generation(), before.1, "the update");
}

#[test]
fn how_a_field_is_sent() {
    let long = [b'x'; 3000];
    #[rustfmt::skip]
    let table: &[(&str, Field<'_>, &str, &str)] = &[
        // What, the field, the start of its first and of its second block.
        ("static", Field::indexed(b":status", b"200"), "88", "88"),
        ("static, not to be indexed", Field::literal(b":status", b"200"), "88", "88"),
        ("static, but secret", Field::sensitive(b":status", b"200"), "18 82 1001", "18 82 1001"),
        ("static, empty", Field::indexed(b"accept", b""), "93", "93"),
        ("indexed", A, "40 01 61 01 31", "be"),
        ("literal", Field::literal(b"a", b"1"), "00 01 61 01 31", "00 01 61 01 31"),
        ("secret", Field::sensitive(b"a", b"1"), "10 01 61 01 31", "10 01 61 01 31"),
        ("indexed, static name", Field::indexed(b"te", b"trailers"), "40", "be"),
        ("too long to be indexed", Field::indexed(b"a", &long), "00 01 61", "00 01 61"),
    ];
    for &(what, field, first, second) in table {
        let mut encoder = Encoder::new(4096);
        for want in [first, second] {
            let block = encode(&mut encoder, &[field]);
            assert!(block.starts_with(&hex(want)), "{what}: {block:x?}");
        }
    }
}

#[test]
fn names_and_literals_profit_from_the_table() {
    let mut encoder = Encoder::new(4096);
    encode(&mut encoder, &[A, B]);
    assert_eq!(
        encode(&mut encoder, &[Field::literal(b"a", b"1")]),
        hex("bf")
    );
    assert_eq!(
        encode(&mut encoder, &[Field::literal(b"a", b"3")]),
        hex("0f30 01 33")
    );
    assert_eq!(
        encode(&mut encoder, &[Field::sensitive(b"a", b"1")]),
        hex("1f30 01 31")
    );
    assert_eq!(
        encode(&mut encoder, &[Field::indexed(b"a", b"3")]),
        hex("7f00 01 33")
    );
    assert_eq!(
        encode(&mut encoder, &[Field::literal(b"a", b"4")]),
        hex("0f2f 01 34")
    );
}
