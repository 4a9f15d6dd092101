//! Integers that start in the low bits of a byte and go on, seven bits at a time.
//!
//! ```text
//!   0   1   2   3   4   5   6   7
//! +---+---+---+---+---+---+---+---+
//! | pattern   | prefix: 2^N-1 or  |  value < 2^N-1: that is all
//! +---+---+---+-------------------+
//! | 1 | value - (2^N-1), low bits |  more follow
//! +---+---------------------------+
//! | 0 | high bits                 |  the last
//! +---+---------------------------+
//! ```
//!
//! Spec: RFC 7541 §5.1.

use bytes::{BufMut, BytesMut};

use super::DecodeError;

/// Octets that may follow the prefix: enough for any 32-bit value, and an end to those who send
/// zeros for ever.
const MAX_CONTINUATION_COUNT: u32 = 5;

/// Reads an integer whose prefix is the low `prefix_bits` of `first`, which the caller took from
/// the front of `input` already.
///
/// # Errors
/// - [`DecodeError::IntegerTruncated`] if `input` ends before the integer does.
/// - [`DecodeError::IntegerTooLong`] if more than five octets follow the prefix.
/// - [`DecodeError::IntegerOverflow`] if the value does not fit in 32 bits.
pub(super) fn read(input: &mut &[u8], first: u8, prefix_bits: u32) -> Result<u32, DecodeError> {
    let mask = prefix_mask(prefix_bits);
    let prefix = first & mask;
    if prefix < mask {
        return Ok(u32::from(prefix));
    }
    let mut value = u64::from(mask);
    for position in 0..MAX_CONTINUATION_COUNT {
        let (&octet, rest) = input.split_first().ok_or(DecodeError::IntegerTruncated)?;
        *input = rest;
        value += u64::from(octet & 0x7f) << (7 * position);
        if octet < 0x80 {
            return u32::try_from(value).map_err(|_| DecodeError::IntegerOverflow);
        }
    }
    Err(DecodeError::IntegerTooLong)
}

/// Appends `value` with a prefix of `prefix_bits`, behind the bits of `pattern`.
#[inline]
pub(super) fn write(out: &mut BytesMut, pattern: u8, prefix_bits: u32, value: usize) {
    let mask = prefix_mask(prefix_bits);
    match u8::try_from(value) {
        Ok(small) if small < mask => out.put_u8(pattern | small),
        _ => write_long(out, pattern | mask, value - usize::from(mask)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low seven bits are meant"
)]
fn write_long(out: &mut BytesMut, first: u8, mut value: usize) {
    out.put_u8(first);
    while value >= 0x80 {
        out.put_u8(0x80 | (value & 0x7f) as u8);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// `prefix_bits` ones; 1 to 8 of them.
fn prefix_mask(prefix_bits: u32) -> u8 {
    u8::MAX >> (8 - prefix_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541 C.1, and the edges.
    #[test]
    fn values_and_their_octets() {
        #[rustfmt::skip]
        let table: &[(u32, u32, &[u8])] = &[
            (5, 10, &[0x0a]),
            (5, 1337, &[0x1f, 0x9a, 0x0a]),
            (8, 42, &[0x2a]),
            (1, 0, &[0x00]),
            (1, 1, &[0x01, 0x00]),
            (7, 126, &[0x7e]),
            (7, 127, &[0x7f, 0x00]),
            (7, 128, &[0x7f, 0x01]),
            (7, 127 + 127, &[0x7f, 0x7f]),
            (7, 127 + 128, &[0x7f, 0x80, 0x01]),
            (4, u32::MAX, &[0x0f, 0xf0, 0xff, 0xff, 0xff, 0x0f]),
        ];
        for &(prefix_bits, value, octets) in table {
            let mut out = BytesMut::new();
            write(&mut out, 0, prefix_bits, value as usize);
            assert_eq!(out, octets, "{value} in {prefix_bits} bits");
            let mut input = &octets[1..];
            assert_eq!(read(&mut input, octets[0], prefix_bits), Ok(value));
            assert!(input.is_empty());
        }
    }

    #[test]
    fn the_pattern_in_front_of_the_prefix_is_left_alone() {
        let mut out = BytesMut::new();
        write(&mut out, 0xa0, 5, 1337);
        assert_eq!(out, [0xbf, 0x9a, 0x0a].as_slice());
        let mut input = [0x9a, 0x0a, 0x55].as_slice();
        assert_eq!(read(&mut input, 0xbf, 5), Ok(1337));
        assert_eq!(input, [0x55]);
    }

    #[test]
    fn octets_that_are_no_integer() {
        use DecodeError::{IntegerOverflow, IntegerTooLong, IntegerTruncated};
        #[rustfmt::skip]
        let table: &[(&[u8], Result<u32, DecodeError>)] = &[
            (&[], Err(IntegerTruncated)),
            (&[0x80], Err(IntegerTruncated)),
            (&[0x80, 0x80, 0x80, 0x80], Err(IntegerTruncated)),
            (&[0x80, 0x80, 0x80, 0x80, 0x00], Ok(31)),
            (&[0x80, 0x80, 0x80, 0x80, 0x80], Err(IntegerTooLong)),
            (&[0x80; 1000], Err(IntegerTooLong)),
            (&[0xe0, 0xff, 0xff, 0xff, 0x0f], Ok(u32::MAX)),
            (&[0xe1, 0xff, 0xff, 0xff, 0x0f], Err(IntegerOverflow)),
            (&[0xff, 0xff, 0xff, 0xff, 0x7f], Err(IntegerOverflow)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Err(IntegerTooLong)),
        ];
        for &(octets, want) in table {
            assert_eq!(read(&mut &*octets, 0x1f, 5), want, "{octets:x?}");
        }
    }
}
