//! Huffman-coded text read the plain way, bit by bit (RFC 7541 §5.2).

use std::collections::HashMap;
use std::sync::LazyLock;

/// The text of these bits.
///
/// # Panics
/// If they are none.
pub(super) fn decode(bits: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let (mut code, mut len) = (0_u32, 0_u8);
    for position in 0..bits.len() * 8 {
        let bit = bits[position / 8] >> (7 - position % 8) & 1;
        code = code << 1 | u32::from(bit);
        len += 1;
        if let Some(&symbol) = SYMBOLS.get(&(code, len)) {
            text.push(u8::try_from(symbol).expect("the end-of-string symbol is never sent"));
            (code, len) = (0, 0);
        }
    }
    assert!(
        len < 8 && code == (1 << len) - 1,
        "the rest is filled with ones"
    );
    text
}

/// Every symbol by its code and the code's length. Codes count up, the shorter ones first, and
/// those of one length in the order of the symbols (RFC 7541 Appendix B).
static SYMBOLS: LazyLock<HashMap<(u32, u8), usize>> = LazyLock::new(|| {
    let mut symbols = HashMap::new();
    let mut code = 0;
    for len in 1..=30 {
        code <<= 1;
        for symbol in (0..LENGTHS.len()).filter(|&symbol| LENGTHS[symbol] == len) {
            symbols.insert((code, len), symbol);
            code += 1;
        }
    }
    symbols
});

/// Bits of the code of each byte, and of the end-of-string symbol.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541 Appendix C.4.
    #[test]
    fn the_examples_of_the_specification_are_read() {
        let table: [(&[u8], &[u8]); 3] = [
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
                b"www.example.com",
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], b"no-cache"),
            (
                &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf],
                b"custom-value",
            ),
        ];
        for (bits, text) in table {
            assert_eq!(decode(bits), text);
        }
    }
}
