//! RFC 7541 Appendix C.2 to C.6: every block, list and table of it.

use super::*;

/// One block of a conversation: what it is on the wire, the list, the table afterwards.
struct Step {
    block: &'static str,
    list: &'static [(&'static str, &'static str)],
    table: &'static [(&'static str, &'static str)],
    table_len: usize,
}

fn owned(pairs: &[(&str, &str)]) -> Vec<Pair> {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn check_decoder(decoder: &mut Decoder, steps: &[Step]) {
    for step in steps {
        assert_eq!(
            decode(decoder, &hex(step.block)),
            Ok(owned(step.list)),
            "{}",
            step.block
        );
        assert_eq!(
            entries(decoder.table()),
            owned(step.table),
            "{}",
            step.block
        );
        assert_eq!(decoder.table().len(), step.table_len, "{}", step.block);
    }
}

fn check_encoder(encoder: &mut Encoder, steps: &[Step]) {
    for step in steps {
        let fields: Vec<Field<'_>> = step
            .list
            .iter()
            .map(|(name, value)| Field::indexed(name.as_bytes(), value.as_bytes()))
            .collect();
        assert_eq!(encode(encoder, &fields), hex(step.block));
        assert_eq!(
            entries(encoder.table()),
            owned(step.table),
            "{}",
            step.block
        );
        assert_eq!(encoder.table().len(), step.table_len, "{}", step.block);
    }
}

#[test]
fn c_2_each_representation() {
    let custom = &[("custom-key", "custom-header")];
    let path = &[(":path", "/sample/path")];
    let secret = &[("password", "secret")];
    #[rustfmt::skip]
    let steps = [
        Step { block: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", list: custom, table: custom, table_len: 55 },
        Step { block: "040c 2f73 616d 706c 652f 7061 7468", list: path, table: &[], table_len: 0 },
        Step { block: "1008 7061 7373 776f 7264 0673 6563 7265 74", list: secret, table: &[], table_len: 0 },
        Step { block: "82", list: &[(":method", "GET")], table: &[], table_len: 0 },
    ];
    for step in steps {
        check_decoder(&mut Decoder::new(4096), &[step]);
    }
}

const FIRST: (&str, &str) = (":authority", "www.example.com");
const SECOND: (&str, &str) = ("cache-control", "no-cache");
const THIRD: (&str, &str) = ("custom-key", "custom-value");

#[rustfmt::skip]
fn requests(blocks: [&'static str; 3]) -> [Step; 3] {
    [
        Step {
            block: blocks[0],
            list: &[(":method", "GET"), (":scheme", "http"), (":path", "/"), FIRST],
            table: &[FIRST], table_len: 57,
        },
        Step {
            block: blocks[1],
            list: &[(":method", "GET"), (":scheme", "http"), (":path", "/"), FIRST, SECOND],
            table: &[SECOND, FIRST], table_len: 110,
        },
        Step {
            block: blocks[2],
            list: &[(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), FIRST, THIRD],
            table: &[THIRD, SECOND, FIRST], table_len: 164,
        },
    ]
}

#[test]
fn c_3_requests_in_plain_text() {
    let steps = requests([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]);
    check_decoder(&mut Decoder::new(4096), &steps);
}

#[test]
fn c_4_requests_in_huffman_code() {
    let steps = requests([
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]);
    check_decoder(&mut Decoder::new(4096), &steps);
    check_encoder(&mut Encoder::new(4096), &steps);
}

const DATE: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
const LATER: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
const LOCATION: (&str, &str) = ("location", "https://www.example.com");
const PRIVATE: (&str, &str) = ("cache-control", "private");
const ENCODING: (&str, &str) = ("content-encoding", "gzip");
const COOKIE: (&str, &str) = (
    "set-cookie",
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
);

#[rustfmt::skip]
fn responses(blocks: [&'static str; 3]) -> [Step; 3] {
    [
        Step {
            block: blocks[0],
            list: &[(":status", "302"), PRIVATE, DATE, LOCATION],
            table: &[LOCATION, DATE, PRIVATE, (":status", "302")], table_len: 222,
        },
        Step {
            block: blocks[1],
            list: &[(":status", "307"), PRIVATE, DATE, LOCATION],
            table: &[(":status", "307"), LOCATION, DATE, PRIVATE], table_len: 222,
        },
        Step {
            block: blocks[2],
            list: &[(":status", "200"), PRIVATE, LATER, LOCATION, ENCODING, COOKIE],
            table: &[COOKIE, ENCODING, LATER], table_len: 215,
        },
    ]
}

/// A decoder whose table has been shortened to the 256 bytes of the examples.
fn short_decoder() -> Decoder {
    let mut decoder = Decoder::new(256);
    decoder.set_max_table_len(256);
    assert_eq!(decode(&mut decoder, &hex("3fe101")), Ok(Vec::new()));
    decoder
}

#[test]
fn c_5_responses_in_plain_text_with_eviction() {
    let steps = responses([
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 \
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 \
         6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d \
         54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 \
         5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e \
         3d31",
    ]);
    check_decoder(&mut short_decoder(), &steps);
}

#[test]
fn c_6_responses_in_huffman_code_with_eviction() {
    let mut steps = responses([
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 \
         2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab \
         77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f \
         9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ]);
    check_decoder(&mut short_decoder(), &steps);
    let mut encoder = Encoder::new(256);
    assert_eq!(encode(&mut encoder, &[]), hex("3fe101"));
    // `307` has three bytes either way: we send it plain, the RFC in the code.
    steps[1].block = "4803 3330 37c1 c0bf";
    check_encoder(&mut encoder, &steps);
}
