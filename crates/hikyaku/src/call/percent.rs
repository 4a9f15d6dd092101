//! The percent-encoding of `grpc-message`.
//!
//! A message is UTF-8, a header field is printable ASCII: every byte outside 0x20 to 0x7e, and `%`
//! itself, travels as `%` and two hexadecimal digits. Reading never fails, for a status must not be
//! lost over its text: what is no escape stays as it is, what is no UTF-8 becomes U+FFFD.
//!
//! Spec: gRPC over HTTP/2, "Responses", Status-Message.

use std::borrow::Cow;

/// The message as a header value; borrowed if nothing needed an escape.
///
/// A blank at either end is escaped as well, although gRPC would let it pass: a field value must not
/// begin or end with one (RFC 9113 §8.2.1), and a strict peer refuses the whole stream.
pub(crate) fn encode(message: &str) -> Cow<'_, str> {
    let trimmed = message.trim_matches(' ');
    if trimmed.len() == message.len() && message.bytes().all(is_plain) {
        return Cow::Borrowed(message);
    }
    let lead_len = message.len() - message.trim_start_matches(' ').len();
    let inner = lead_len..lead_len + trimmed.len();
    let mut encoded = String::with_capacity(message.len() + message.len() / 2);
    for (position, byte) in message.bytes().enumerate() {
        if is_plain(byte) && inner.contains(&position) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(hex_digit(byte >> 4));
            encoded.push(hex_digit(byte & 0xf));
        }
    }
    Cow::Owned(encoded)
}

/// The message in a header value. Never fails.
pub(crate) fn decode(value: &[u8]) -> String {
    if !value.contains(&b'%') {
        return String::from_utf8_lossy(value).into_owned();
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some((byte, tail)) = escape(rest) {
            bytes.push(byte);
            rest = tail;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    match String::from_utf8(bytes) {
        Ok(message) => message,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// The byte that an escape at the front stands for, and what follows it.
fn escape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[b'%', high, low], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    Some(((hex_value(high)? << 4) | hex_value(low)?, rest))
}

/// Whether the byte stands for itself.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x24 | 0x26..=0x7e)
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_percent_encoded_and_comes_back() {
        let table = [
            ("", ""),
            ("no such user", "no such user"),
            ("100%", "100%25"),
            ("~}|!#$&", "~}|!#$&"),
            ("a\u{7f}", "a%7F"),
            (" both ends  ", "%20both ends%20%20"),
            ("   ", "%20%20%20"),
            ("\t\ntest\r\n", "%09%0Atest%0D%0A"),
            ("BMP ☺ and 😈", "BMP %E2%98%BA and %F0%9F%98%88"),
            ("\0", "%00"),
        ];
        for (message, value) in table {
            assert_eq!(encode(message), value, "{message:?}");
            assert_eq!(decode(value.as_bytes()), message, "{value:?}");
        }
    }

    #[test]
    fn a_value_of_any_shape_is_decoded_and_nothing_is_dropped() {
        let table: [(&[u8], &str); 10] = [
            (b"%e2%98%ba", "☺"),
            (b"%", "%"),
            (b"%4", "%4"),
            (b"%zz", "%zz"),
            (b"%4z%41", "%4zA"),
            (b"%%41", "%A"),
            (b"%+1", "%+1"),
            (b"%ff!", "\u{fffd}!"),
            (b"raw \xe2\x98\xba", "raw ☺"),
            (b"raw \xff", "raw \u{fffd}"),
        ];
        for (value, message) in table {
            assert_eq!(decode(value), message, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_plain_message_is_borrowed() {
        assert!(matches!(encode("no such user"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn every_message_survives(message in ".*") {
            let value = encode(&message);
            prop_assert!(value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
            prop_assert_eq!(value.trim(), &*value);
            prop_assert_eq!(decode(value.as_bytes()), message);
        }

        #[test]
        fn no_bytes_are_refused(value: Vec<u8>) {
            decode(&value);
        }
    }
}
