//! The Huffman code itself, and the tables made from it.
//!
//! The code is canonical: among codes of one length, a greater byte has a greater code, and a
//! longer code is greater than every shorter one. So the lengths at the end of this file say
//! everything, and the rest is made from them.
//!
//! Spec: RFC 7541 Appendix B.

#![expect(clippy::indexing_slicing, reason = "all of it happens at compile time")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "all of it happens at compile time"
)]

/// The codes of one length.
#[derive(Clone, Copy)]
pub(super) struct Class {
    /// Bits of each code.
    pub(super) len: u32,
    /// The first code, moved to the top of 32 bits.
    pub(super) start: u64,
    /// What follows the last code, moved likewise.
    pub(super) end: u64,
    /// Where the symbol of the first code is in [`SORTED`].
    pub(super) first_position: usize,
}

/// The symbol that stands for the end of a string and must not be sent.
pub(super) const EOS: u16 = 256;

pub(super) const MAX_CODE_BITS: u32 = 30;

/// Lengths of more than eight bits that codes have.
const LONG_COUNT: usize = 17;

/// Every symbol in the order of its code.
pub(super) static SORTED: [u16; 257] = {
    let mut sorted = [0; 257];
    let (mut position, mut len) = (0, 1);
    while len <= MAX_CODE_BITS as u8 {
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] == len {
                sorted[position] = symbol as u16;
                position += 1;
            }
            symbol += 1;
        }
        len += 1;
    }
    sorted
};

/// The code of every symbol, in its low bits.
pub(super) static CODES: [u32; 257] = {
    let mut codes = [0; 257];
    let (mut position, mut code, mut len) = (0, 0, LENGTHS[SORTED[0] as usize]);
    while position < SORTED.len() {
        let symbol = SORTED[position] as usize;
        code <<= LENGTHS[symbol] - len;
        len = LENGTHS[symbol];
        codes[symbol] = code;
        code += 1;
        position += 1;
    }
    codes
};

/// By the next eight bits: the byte and the length of its code; a length of 0 if that is longer.
pub(super) static SHORT: [(u8, u8); 256] = {
    let mut table = [(0, 0); 256];
    let mut symbol = 0;
    while symbol < EOS as usize {
        let len = LENGTHS[symbol];
        if len <= 8 {
            let start = (CODES[symbol] << (8 - len)) as usize;
            let mut tail = 0;
            while tail < 1 << (8 - len) {
                table[start + tail] = (symbol as u8, len);
                tail += 1;
            }
        }
        symbol += 1;
    }
    table
};

/// The lengths above eight bits, shortest first.
pub(super) static LONG: [Class; LONG_COUNT] = {
    let mut classes = [Class {
        len: 0,
        start: 0,
        end: 0,
        first_position: 0,
    }; LONG_COUNT];
    let (mut position, mut count) = (0, 0);
    while position < SORTED.len() {
        let symbol = SORTED[position] as usize;
        let len = LENGTHS[symbol] as u32;
        if len > 8 {
            let start = (CODES[symbol] as u64) << (32 - len);
            if count == 0 || classes[count - 1].len != len {
                classes[count] = Class {
                    len,
                    start,
                    end: start,
                    first_position: position,
                };
                count += 1;
            }
            classes[count - 1].end = start + (1 << (32 - len));
        }
        position += 1;
    }
    assert!(count == LONG_COUNT, "every class is used");
    classes
};

/// Bits of the code of each byte, and of the end-of-string symbol behind them.
#[rustfmt::skip]
pub(super) static LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
