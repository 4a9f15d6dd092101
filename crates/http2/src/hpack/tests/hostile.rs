//! What a peer may send that no encoder sends.

use super::*;

#[test]
fn every_rule_has_its_error() {
    use DecodeError::*;
    #[rustfmt::skip]
    let table: &[(&str, DecodeError)] = &[
        ("80", IndexZero),
        ("be", IndexOutOfRange { index: 62, max: 61 }),
        ("ffffffffff0f", IntegerOverflow),
        ("ff8080808001", IndexOutOfRange { index: 127 + (1 << 28), max: 61 }),
        ("ff808080808000", IntegerTooLong),
        ("82 ff", IntegerTruncated),
        ("7e 00", IndexOutOfRange { index: 62, max: 61 }),
        ("0f 80", IntegerTruncated),
        ("40", IntegerTruncated),
        ("40 01", StringTruncated { len: 1, left: 0 }),
        ("40 0a 61", StringTruncated { len: 10, left: 1 }),
        ("40 01 61", IntegerTruncated),
        ("40 01 61 02 62", StringTruncated { len: 2, left: 1 }),
        ("40 7f ff ff ff ff 0e", StringTruncated { len: 0xf000_007e, left: 0 }),
        ("00 7f 80 80 80 80 80 00", IntegerTooLong),
        ("00 01 61 84 ff ff ff ff", HuffmanEos),
        ("00 01 61 81 00", HuffmanPadding),
        ("00 01 61 82 1f ff", HuffmanPaddingTooLong),
        ("3f e2 1f", SizeUpdateTooLong { len: 4097, max: 4096 }),
        ("20 20 20", SizeUpdateRepeated),
        ("82 20", SizeUpdateLate),
        ("40 01 61 01 62 3f e1 1f", SizeUpdateLate),
        ("20 40 01 61 01 62 be", IndexOutOfRange { index: 62, max: 61 }),
    ];
    for &(block, want) in table {
        let mut decoder = Decoder::new(4096);
        assert_eq!(decode(&mut decoder, &hex(block)), Err(want), "{block}");
        assert_eq!(
            decode(&mut decoder, &hex("82")),
            Err(want),
            "a failed decoder stays failed"
        );
        assert!(!want.to_string().is_empty());
    }
}

/// Every prefix of a valid block is a valid block or an error, never a panic.
#[test]
fn a_block_may_be_cut_anywhere() {
    let block =
        hex("3fe11f 8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff 1008 7061 7373 776f 7264 00");
    for len in 0..block.len() {
        let _ = decode(&mut Decoder::new(4096), &block[..len]);
    }
}

/// A field of 4,000 bytes, then one byte for each time it is repeated.
#[test]
fn references_to_a_long_entry_store_no_more_than_the_limit() {
    let mut block = hex("40 01 61 7f a01e");
    block.extend([b'x'; 127 + 0xf20]);
    let entry_len = 1 + 127 + 0xf20 + 32;
    block.extend([0xbe; 10_000]);
    let limits = Limits {
        max_list_bytes: 16 * 1024,
        max_fields: 128,
    };
    let mut fields = Vec::new();
    let mut decoder = Decoder::new(4096);
    let outcome = decoder.decode(&block, limits, &mut fields);
    assert_eq!(
        outcome,
        Ok(Outcome::TooLong {
            bytes: 10_001 * entry_len,
            fields: 10_001
        })
    );
    assert_eq!(fields.len(), 16 * 1024 / entry_len);
    assert_eq!(decode(&mut decoder, &[0xbe]).map(|list| list.len()), Ok(1));
}

#[test]
fn a_list_may_have_so_many_fields_and_no_more() {
    let limits = Limits {
        max_list_bytes: 16 * 1024,
        max_fields: 128,
    };
    for (count, want) in [
        (128, Outcome::Complete),
        (
            129,
            Outcome::TooLong {
                bytes: 129 * 42,
                fields: 129,
            },
        ),
        (
            16_000,
            Outcome::TooLong {
                bytes: 16_000 * 42,
                fields: 16_000,
            },
        ),
    ] {
        let mut fields = Vec::new();
        let outcome = Decoder::new(4096).decode(&vec![0x82; count], limits, &mut fields);
        assert_eq!((outcome, fields.len()), (Ok(want), 128));
    }
}

/// The table has to be kept in step, whatever becomes of the list.
#[test]
fn literals_past_the_limit_go_into_the_table_only() {
    let limits = Limits {
        max_list_bytes: 16 * 1024,
        max_fields: 1,
    };
    let mut decoder = Decoder::new(4096);
    let mut fields = Vec::new();
    // Two that are inserted, by name and by index, then one that is not.
    let block = hex("82 40 01 61 01 62 7e 01 63 00 01 64 01 65");
    let outcome = decoder.decode(&block, limits, &mut fields);
    assert_eq!(
        outcome,
        Ok(Outcome::TooLong {
            bytes: 42 + 34 * 3,
            fields: 4
        })
    );
    assert_eq!(fields.len(), 1);
    let want = [("a", "c"), ("a", "b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(entries(decoder.table()), want);
}

/// 1,152 bytes are too many for the list, but not for the table.
#[test]
fn a_literal_past_the_limit_is_stored_only_where_it_must_be() {
    let limits = Limits {
        max_list_bytes: 100,
        max_fields: 10,
    };
    for (pattern, inserted) in [("00", 0), ("10", 0), ("40", 1)] {
        let mut decoder = Decoder::new(4096);
        let mut block = hex(pattern);
        block.extend(hex("01 61 7f 8108"));
        block.extend([b'x'; 127 + 0x401]);
        let mut fields = Vec::new();
        let outcome = decoder.decode(&block, limits, &mut fields);
        assert_eq!(
            outcome,
            Ok(Outcome::TooLong {
                bytes: 33 + 127 + 0x401,
                fields: 1
            })
        );
        assert!(fields.is_empty());
        assert_eq!(decoder.table().count(), inserted, "{pattern}");
    }
}

/// RFC 7541 §4.4: it empties the table and is no error.
#[test]
fn an_entry_longer_than_the_table_empties_it() {
    let mut decoder = Decoder::new(4096);
    assert!(decode(&mut decoder, &hex("40 01 61 01 62")).is_ok());
    let before = decoder.generation();
    let mut block = hex("7e 7f e11e");
    block.extend([b'x'; 127 + 0xf61]);
    let list = decode(&mut decoder, &block).unwrap();
    assert_eq!((list[0].0.as_str(), list[0].1.len()), ("a", 127 + 0xf61));
    assert_eq!((decoder.table().count(), decoder.table().len()), (0, 0));
    assert_ne!(decoder.generation(), before);
}

/// The name of an entry that the insertion itself drives out (RFC 7541 §4.4).
#[test]
fn a_name_survives_the_eviction_of_its_entry() {
    let mut decoder = Decoder::new(4096);
    // Room for 46 bytes: one entry of 34.
    let list = decode(&mut decoder, &hex("3f0f 40 01 61 01 62 7e 01 63"));
    let [first, second] = [("a", "b"), ("a", "c")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(list, Ok(vec![first, second.clone()]));
    assert_eq!(entries(decoder.table()), [second]);
}

/// The same entry twice, and an index for each (RFC 7541 §2.3.2).
#[test]
fn an_entry_may_be_in_the_table_twice() {
    let mut decoder = Decoder::new(4096);
    let list = decode(
        &mut decoder,
        &hex("40 01 61 01 62 40 01 61 01 62 7e 01 62 be bf c0"),
    );
    let one = ("a".to_owned(), "b".to_owned());
    assert_eq!(list, Ok(vec![one.clone(); 6]));
    assert_eq!(entries(decoder.table()), vec![one; 3]);
}
