//! Random conversations: what goes into an encoder comes out of the decoder, and both tables are
//! the same after every block.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::field::Indexing;

/// One thing that happens on the connection.
#[derive(Clone, Debug)]
enum Step {
    /// A list goes over the wire.
    Block(Vec<(Vec<u8>, Vec<u8>, Indexing)>),
    /// The receiver changes its limit; both ends know when they get to the next block.
    Limit(u32),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec![":status", ":path", "content-type", "a", "grpc-status", "te"])
            .prop_map(|name| name.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec!["200", "/", "", "0", "1", "application/grpc", "trailers"])
            .prop_map(|value| value.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..200),
        1 => vec(b'a'..=b'z', 0..3000),
    ]
}

fn indexing() -> impl Strategy<Value = Indexing> {
    prop::sample::select(vec![
        Indexing::Indexed,
        Indexing::Literal,
        Indexing::NeverIndexed,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec((name(), value(), indexing()), 0..12).prop_map(Step::Block),
        1 => prop_oneof![0_u32..5000, Just(0), Just(4096)].prop_map(Step::Limit),
    ]
}

fn fields(list: &[(Vec<u8>, Vec<u8>, Indexing)]) -> Vec<Field<'_>> {
    list.iter()
        .map(|(name, value, indexing)| Field {
            name,
            value,
            indexing: *indexing,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_conversation_comes_out_as_it_went_in(max_len in 0_u32..6000, steps in vec(step(), 0..12)) {
        let (mut encoder, mut decoder) = (Encoder::new(max_len), Decoder::new(4096));
        for step in steps {
            match step {
                Step::Limit(len) => {
                    encoder.set_peer_table_len(len);
                    decoder.set_max_table_len(len);
                }
                Step::Block(list) => {
                    let block = encode(&mut encoder, &fields(&list));
                    let mut got = Vec::new();
                    let outcome = decoder.decode(&block, NO_LIMITS, &mut got);
                    prop_assert_eq!(outcome, Ok(Outcome::Complete));
                    let got: Vec<_> = got.iter().map(|entry| (entry.name(), entry.value())).collect();
                    let want: Vec<_> = list.iter().map(|(name, value, _)| (&**name, &**value)).collect();
                    prop_assert_eq!(got, want);
                    prop_assert_eq!(entries(encoder.table()), entries(decoder.table()));
                    prop_assert!(decoder.table().len() <= decoder.table().max_len());
                }
            }
        }
    }

    #[test]
    fn a_limit_changes_the_list_and_not_the_table(
        lists in vec(vec((name(), value(), indexing()), 0..12), 1..10),
        max_list_bytes in 0_usize..3000,
        max_fields in 0_usize..20,
    ) {
        let limits = Limits { max_list_bytes, max_fields };
        let mut encoder = Encoder::new(4096);
        let (mut free, mut limited) = (Decoder::new(4096), Decoder::new(4096));
        for list in lists {
            let block = encode(&mut encoder, &fields(&list));
            let (mut all, mut some) = (Vec::new(), Vec::new());
            prop_assert_eq!(free.decode(&block, NO_LIMITS, &mut all), Ok(Outcome::Complete));
            let outcome = limited.decode(&block, limits, &mut some).unwrap();
            prop_assert_eq!(entries(free.table()), entries(limited.table()));
            prop_assert_eq!(free.generation(), limited.generation());

            let bytes: usize = all.iter().map(Entry::table_len).sum();
            let kept: usize = some.iter().map(Entry::table_len).sum();
            prop_assert!(kept <= max_list_bytes && some.len() <= max_fields);
            let got: Vec<_> = some.iter().map(pair).collect();
            let start: Vec<_> = all.iter().take(some.len()).map(pair).collect();
            prop_assert_eq!(got, start);
            if bytes <= max_list_bytes && all.len() <= max_fields {
                prop_assert_eq!(outcome, Outcome::Complete);
                prop_assert_eq!(some.len(), all.len());
            } else {
                prop_assert_eq!(outcome, Outcome::TooLong { bytes, fields: all.len() });
            }
        }
    }

    #[test]
    fn any_bytes_are_a_list_or_an_error(blocks in vec(vec(any::<u8>(), 0..300), 1..10)) {
        let limits = Limits { max_list_bytes: 1000, max_fields: 10 };
        let mut decoder = Decoder::new(4096);
        for block in blocks {
            let mut fields = Vec::new();
            let _ = decoder.decode(&block, limits, &mut fields);
            prop_assert!(fields.iter().map(Entry::table_len).sum::<usize>() <= 1000);
            prop_assert!(fields.len() <= 10);
            for entry in &fields {
                prop_assert_eq!(
                    entry.kind(),
                    crate::headers::kind::classify(entry.name(), entry.value())
                );
            }
        }
    }
}

/// As entries come, the encoder needs more room to know them by.
#[test]
fn what_is_in_the_table_is_found_there_however_much_that_is() {
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    for count in 1..=60_usize {
        let value = count.to_string();
        let field = Field::indexed(b"number", value.as_bytes());
        let first = encode(&mut encoder, &[field]);
        let again = encode(&mut encoder, &[field]);
        assert!(again.len() == 1 && first.len() > 1, "field {count}");
        let newest_first = (1..=count).rev();
        let kept = newest_first.take(encoder.table().count());
        let found = kept.filter(|number| encoder.finds(b"number", number.to_string().as_bytes()));
        assert!(
            10 * found.count() >= 9 * encoder.table().count(),
            "of {count}"
        );
        for block in [first, again] {
            let want = vec![("number".to_owned(), value.clone())];
            assert_eq!(decode(&mut decoder, &block), Ok(want));
        }
    }
}
