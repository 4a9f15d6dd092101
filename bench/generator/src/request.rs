//! The header block of a request: spelled out once, then a byte a field.
//!
//! The peer's table holds our four fields after the first block, which takes about 250 of the 4,096
//! bytes that every peer grants; to one that grants less, every block is spelled out.
//!
//! Spec: RFC 7541 §2.3, §4.2, §6.

/// Makes the blocks of one connection, all for the same method.
pub struct RequestBlocks {
    /// Into the table.
    first: Vec<u8>,
    /// From the table.
    next: Vec<u8>,
    /// Past the table.
    spelled: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is in the table.
    Empty,
    /// Our fields are.
    Primed,
    /// The table was taken away and the peer has to be told that we know.
    OwesUpdate,
    /// We use no table.
    Without,
}

/// Bytes of table that are needed, with room for a long address.
const MIN_TABLE_LEN: u32 = 1024;

/// `:method POST`, `:scheme http` or `https`.
const METHOD: u8 = 0x83;
const SCHEME: [u8; 2] = [0x86, 0x87];
/// Static names: `:path`, `:authority`, `content-type`.
const PATH: u8 = 4;
const AUTHORITY: u8 = 1;
const CONTENT_TYPE: u8 = 31;
/// The last four that went into the table.
const LAST_FOUR: [u8; 4] = [0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62];
/// A size update to nothing.
const NO_TABLE: u8 = 0x20;

impl RequestBlocks {
    /// For calls of `path` at `authority`.
    pub fn new(path: &str, authority: &str, scheme: Scheme) -> Self {
        let start = [METHOD, SCHEME[scheme as usize]];
        let (mut first, mut spelled) = (start.to_vec(), start.to_vec());
        for (name, value) in [
            (PATH, path),
            (AUTHORITY, authority),
            (CONTENT_TYPE, "application/grpc"),
        ] {
            first.push(0x40 | name);
            string(&mut first, value);
            // Four bits hold a name up to 14; one more byte has the rest.
            match name {
                0..15 => spelled.push(name),
                _ => spelled.extend_from_slice(&[0x0f, name - 15]),
            }
            string(&mut spelled, value);
        }
        for (block, literal) in [(&mut first, 0x40), (&mut spelled, 0x00)] {
            block.push(literal);
            string(block, "te");
            string(block, "trailers");
        }
        let next = [&start[..], &LAST_FOUR].concat();
        Self {
            first,
            next,
            spelled,
            state: State::Empty,
        }
    }

    /// Hears of the peer's `SETTINGS_HEADER_TABLE_SIZE`, in bytes.
    pub fn on_table_len(&mut self, len: u32) {
        if len < MIN_TABLE_LEN && self.state != State::Without {
            self.state = State::OwesUpdate;
        }
    }

    /// Appends the block of the next request.
    #[inline]
    pub fn write(&mut self, out: &mut Vec<u8>) {
        match self.state {
            State::Primed => out.extend_from_slice(&self.next),
            State::Empty => {
                out.extend_from_slice(&self.first);
                self.state = State::Primed;
            }
            State::OwesUpdate => {
                out.push(NO_TABLE);
                out.extend_from_slice(&self.spelled);
                self.state = State::Without;
            }
            State::Without => out.extend_from_slice(&self.spelled),
        }
    }
}

/// What `:scheme` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// A string shorter than 127 bytes, without Huffman's code; longer ones with their length behind.
fn string(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        len @ 0..127 => out.push(len as u8),
        len => {
            out.push(127);
            let mut left = len - 127;
            while left >= 128 {
                out.push(left as u8 | 0x80);
                left >>= 7;
            }
            out.push(left as u8);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use hikyaku_http2::hpack::{Decoder, Limits};

    use super::*;

    const LIMITS: Limits = Limits {
        max_list_bytes: 16 * 1024,
        max_fields: 100,
    };

    fn decoded(decoder: &mut Decoder, block: &[u8]) -> Vec<String> {
        let mut fields = Vec::new();
        let _ = decoder.decode(block, LIMITS, &mut fields).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields
            .iter()
            .map(|field| format!("{} {}", text(field.name()), text(field.value())))
            .collect()
    }

    #[test]
    fn every_block_says_the_same_with_and_without_a_table() {
        let long = format!("{}:80", "a".repeat(300));
        for (scheme, authority) in [(Scheme::Http, "127.0.0.1:1234"), (Scheme::Https, &long)] {
            let want = [
                ":method POST".to_owned(),
                format!(
                    ":scheme {}",
                    if scheme == Scheme::Http {
                        "http"
                    } else {
                        "https"
                    }
                ),
                ":path /bench.Bench/Echo".to_owned(),
                format!(":authority {authority}"),
                "content-type application/grpc".to_owned(),
                "te trailers".to_owned(),
            ];
            // The table's length that the peer announces, and before which block we hear of it.
            for (table_len, heard) in [(4096, 0), (65_536, 1), (0, 0), (0, 2), (512, 3)] {
                let mut blocks = RequestBlocks::new("/bench.Bench/Echo", authority, scheme);
                let mut decoder = Decoder::new(table_len);
                for index in 0..6 {
                    if index == heard {
                        blocks.on_table_len(table_len);
                        decoder.set_max_table_len(table_len);
                    }
                    let mut block = Vec::new();
                    blocks.write(&mut block);
                    assert_eq!(decoded(&mut decoder, &block), want, "{table_len} {index}");
                    if table_len >= 4096 && index > 0 {
                        assert_eq!(block.len(), 6);
                    }
                }
            }
        }
    }
}
