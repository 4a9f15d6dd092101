//! The Huffman code of header strings.
//!
//! Nearly all text is made of codes of five to eight bits: those are decoded by one look into a
//! table of 256. The others are found by comparing with the first code of each length.
//!
//! Spec: RFC 7541 §5.2.

use bytes::{BufMut, BytesMut};

use super::DecodeError;
use super::huffman_table::{CODES, EOS, LENGTHS, LONG, MAX_CODE_BITS, SHORT, SORTED};

/// Bytes that `text` takes when encoded.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    #[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 257")]
    let bits: usize = text
        .iter()
        .map(|&byte| usize::from(LENGTHS[usize::from(byte)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends `text` in the code, padded with ones.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper bits have been written before"
)]
pub(super) fn encode(text: &[u8], out: &mut BytesMut) {
    // The low `count` bits of `word` wait to be written. Fewer than 32 wait between two bytes of
    // the text, so one code of up to 30 more bits always fits.
    let (mut word, mut count) = (0_u64, 0_u32);
    for &byte in text {
        #[expect(clippy::indexing_slicing, reason = "a byte indexes tables of 257")]
        let (code, len) = (
            CODES[usize::from(byte)],
            u32::from(LENGTHS[usize::from(byte)]),
        );
        word = (word << len) | u64::from(code);
        count += len;
        if count >= 32 {
            count -= 32;
            out.put_u32((word >> count) as u32);
        }
    }
    while count >= 8 {
        count -= 8;
        out.put_u8((word >> count) as u8);
    }
    if count > 0 {
        out.put_u8((word << (8 - count)) as u8 | (0xff >> count));
    }
}

/// Appends what `input` stands for to `out`, but no more than `room` bytes of it: the rest is
/// checked and counted, not kept. Returns the whole length.
///
/// # Errors
/// - [`DecodeError::HuffmanEos`] if the code of the end-of-string symbol is in `input`.
/// - [`DecodeError::HuffmanPaddingTooLong`] if more than seven ones stand at the end.
/// - [`DecodeError::HuffmanPadding`] if it ends in what is neither a code nor ones.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<usize, DecodeError> {
    // The shortest code has five bits.
    out.reserve(room.min(input.len().saturating_mul(8) / 5));
    let mut bits = Bits {
        word: 0,
        count: 0,
        rest: input,
    };
    let mut len = 0;
    let mut keep = |byte| {
        if len < room {
            out.push(byte);
        }
        len += 1;
    };
    loop {
        bits.refill();
        if bits.count < MAX_CODE_BITS {
            break;
        }
        while bits.count >= MAX_CODE_BITS {
            let (symbol, code_len) = symbol(bits.word);
            keep(u8::try_from(symbol).map_err(|_| DecodeError::HuffmanEos)?);
            bits.skip(code_len);
        }
    }
    loop {
        // Ones behind the last bit: padding then looks like the start of the end-of-string code.
        let (symbol, code_len) = symbol(bits.word | bits.ones_behind());
        if code_len > bits.count {
            bits.check_padding()?;
            return Ok(len);
        }
        keep(u8::try_from(symbol).map_err(|_| DecodeError::HuffmanEos)?);
        bits.skip(code_len);
    }
}

/// Bits that wait to be decoded.
struct Bits<'a> {
    /// The next bits, from the top.
    word: u64,
    /// How many of `word` count; below them are either zeros or the bits that come next.
    count: u32,
    /// Bytes not yet in `word`.
    rest: &'a [u8],
}

impl Bits<'_> {
    /// Makes `count` at least 56, or all there are.
    #[inline]
    fn refill(&mut self) {
        if let Some(chunk) = self.rest.first_chunk() {
            // Bits that do not fit are put into `word` nevertheless, and again by the next refill:
            // they are the same bits.
            self.word |= u64::from_be_bytes(*chunk) >> self.count;
            let taken = (63 - self.count) / 8;
            self.count += taken * 8;
            self.rest = self.rest.get(taken as usize..).unwrap_or_default();
            return;
        }
        while self.count <= 56
            && let Some((&byte, rest)) = self.rest.split_first()
        {
            self.word |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.rest = rest;
        }
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.word <<= count;
        self.count -= count;
    }

    fn ones_behind(&self) -> u64 {
        u64::MAX.checked_shr(self.count).unwrap_or(0)
    }

    fn check_padding(&self) -> Result<(), DecodeError> {
        if self.word | self.ones_behind() != u64::MAX {
            return Err(DecodeError::HuffmanPadding);
        }
        if self.count > 7 {
            return Err(DecodeError::HuffmanPaddingTooLong);
        }
        Ok(())
    }
}

/// The symbol whose code is at the top of `word`, and the length of that code.
#[inline]
fn symbol(word: u64) -> (u16, u32) {
    #[expect(clippy::indexing_slicing, reason = "eight bits index a table of 256")]
    let (byte, len) = SHORT[usize::from((word >> 56) as u8)];
    if len > 0 {
        return (u16::from(byte), u32::from(len));
    }
    long_symbol(word >> 32)
}

/// The same for a code of more than eight bits at the top of the 32 bits of `top`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a class has fewer than 257 codes"
)]
fn long_symbol(top: u64) -> (u16, u32) {
    for class in &LONG {
        if top < class.end {
            let position = (top - class.start) >> (32 - class.len);
            let symbol = SORTED.get(class.first_position + position as usize);
            return (symbol.copied().unwrap_or(EOS), class.len);
        }
    }
    (EOS, MAX_CODE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8], room: usize) -> Result<(usize, Vec<u8>), DecodeError> {
        let mut out = b"<".to_vec();
        decode(input, &mut out, room).map(|len| (len, out.split_off(1)))
    }

    #[test]
    fn every_byte_survives_alone_and_in_every_position() {
        for byte in 0..=u8::MAX {
            for text in [
                vec![byte],
                vec![byte; 40],
                [b"abcdefg".as_slice(), &[byte], b"z"].concat(),
            ] {
                let mut block = BytesMut::new();
                encode(&text, &mut block);
                assert_eq!(block.len(), encoded_len(&text), "{byte:#x}");
                assert_eq!(decoded(&block, 100), Ok((text.len(), text)), "{byte:#x}");
            }
        }
    }

    #[test]
    fn the_end_of_a_string() {
        use DecodeError::{HuffmanEos, HuffmanPadding, HuffmanPaddingTooLong};
        // `0` is 00000, `a` is 00011, `&` is 11111000, a NUL is 11111111 11000.
        type Row = (&'static [u8], Result<&'static [u8], DecodeError>);
        #[rustfmt::skip]
        let table: &[Row] = &[
            (&[], Ok(b"")),
            (&[0b0000_0111], Ok(b"0")),
            (&[0b1111_1000], Ok(b"&")),
            (&[0b0000_0110], Err(HuffmanPadding)),
            (&[0b0000_0000], Err(HuffmanPadding)),
            (&[0b0001_1111, 0xff], Err(HuffmanPaddingTooLong)),
            (&[0xff], Err(HuffmanPaddingTooLong)),
            (&[0xff, 0xff, 0xff], Err(HuffmanPaddingTooLong)),
            (&[0xff, 0b1100_0111], Ok(b"\0")),
            (&[0xff, 0b1100_0110], Err(HuffmanPadding)),
            (&[0xff, 0b1100_0000], Err(HuffmanPadding)),
            (&[0xff, 0xff, 0xff, 0xfe], Err(HuffmanEos)),
            (&[0xff, 0xff, 0xff, 0xff], Err(HuffmanEos)),
            (&[0xff; 20], Err(HuffmanEos)),
            (&[0b0001_1111, 0xff, 0xff, 0xff, 0xff], Err(HuffmanEos)),
        ];
        for (input, want) in table {
            let want = want.map(|text| (text.len(), text.to_vec()));
            assert_eq!(decoded(input, 100), want, "{input:x?}");
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_checked_and_counted() {
        let mut block = BytesMut::new();
        encode(b"0123456789", &mut block);
        for room in 0..12 {
            let want = b"0123456789".get(..room).unwrap_or(b"0123456789");
            assert_eq!(decoded(&block, room), Ok((10, want.to_vec())), "{room}");
        }
        assert_eq!(decoded(&[0xff; 8], 0), Err(DecodeError::HuffmanEos));
    }
}
