//! Header blocks read the plain way: one table, one field at a time (RFC 7541 §6).

use std::collections::VecDeque;

use super::huffman;

/// The receiving end of one direction's header compression.
#[derive(Debug)]
pub struct BlockReader {
    /// The newest field first.
    table: VecDeque<(String, String)>,
    max_len: usize,
}

impl Default for BlockReader {
    fn default() -> Self {
        Self {
            table: VecDeque::new(),
            max_len: 4096,
        }
    }
}

impl BlockReader {
    /// The fields of a block. Bytes that are not UTF-8 are replaced.
    ///
    /// # Panics
    /// If the block is not well-formed.
    pub fn read(&mut self, mut block: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while let Some(&first) = block.first() {
            match first {
                0x80.. => {
                    let index = read_number(&mut block, 7);
                    fields.push(self.field(index));
                }
                0x40.. => {
                    let field = self.read_literal(&mut block, 6);
                    self.insert(field.clone());
                    fields.push(field);
                }
                0x20.. => {
                    self.max_len = read_number(&mut block, 5);
                    assert!(self.max_len <= 4096, "no more was ever allowed");
                    self.evict();
                }
                _ => fields.push(self.read_literal(&mut block, 4)),
            }
        }
        fields
    }

    fn read_literal(&self, block: &mut &[u8], prefix_bits: u32) -> (String, String) {
        let name = match read_number(block, prefix_bits) {
            0 => read_text(block),
            index => self.field(index).0,
        };
        (name, read_text(block))
    }

    fn field(&self, index: usize) -> (String, String) {
        assert!(index > 0, "index 0 is never used");
        match STATIC.get(index - 1) {
            Some((name, value)) => ((*name).to_owned(), (*value).to_owned()),
            None => self
                .table
                .get(index - 1 - STATIC.len())
                .expect("it was inserted")
                .clone(),
        }
    }

    fn insert(&mut self, field: (String, String)) {
        self.table.push_front(field);
        self.evict();
    }

    fn evict(&mut self) {
        let len = |(name, value): &(String, String)| name.len() + value.len() + 32;
        while self.table.iter().map(len).sum::<usize>() > self.max_len {
            self.table.pop_back();
        }
    }
}

fn read_number(block: &mut &[u8], prefix_bits: u32) -> usize {
    let mask = (1_usize << prefix_bits) - 1;
    let mut number = usize::from(take(block)) & mask;
    if number == mask {
        for position in 0.. {
            let octet = take(block);
            number += usize::from(octet & 127) << (7 * position);
            if octet < 128 {
                break;
            }
        }
    }
    number
}

fn read_text(block: &mut &[u8]) -> String {
    let is_huffman = block[0] & 0x80 != 0;
    let len = read_number(block, 7);
    let (text, rest) = block.split_at(len);
    *block = rest;
    let text = if is_huffman {
        huffman::decode(text)
    } else {
        text.to_vec()
    };
    String::from_utf8_lossy(&text).into_owned()
}

fn take(block: &mut &[u8]) -> u8 {
    let (&first, rest) = block.split_first().expect("the block goes on");
    *block = rest;
    first
}

/// RFC 7541 Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
