//! What a header field is, decided once when it is decoded.
//!
//! HPACK entries keep the answer beside the field, so a field that repeats from block to block is
//! looked at once. Rules about a whole list (order, duplicates, what must be there) belong to the
//! list; the rules about one field alone are here.
//!
//! Spec: RFC 9113 §8.2, §8.3; RFC 9110 §5.

/// What a header field means to HTTP/2, or the rule that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `:method`, a token.
    Method,
    /// `:scheme`.
    Scheme,
    /// `:authority`, neither empty nor with user information.
    Authority,
    /// `:path`, which starts with `/` or is `*`.
    Path,
    /// `:status`, three digits from 100 to 999.
    Status,
    /// A name that starts with a colon and is none of the above.
    UnknownPseudo,
    /// `content-length`, a decimal number that fits in 64 bits.
    ContentLength,
    /// `te: trailers`.
    Te,
    /// `host`, possibly empty.
    Host,
    /// `cookie`, or a crumb of one (RFC 9113 §8.2.3).
    Cookie,
    /// A field about an HTTP/1.1 connection, which makes the message malformed (RFC 9113 §8.2.2).
    ConnectionSpecific,
    /// Any other field.
    Regular,
    /// A field that makes the message malformed (RFC 9113 §8.1.1).
    Malformed(Fault),
}

/// The rule that a single field breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The name is empty.
    EmptyName,
    /// The name has an upper-case letter (RFC 9113 §8.2.1).
    UpperCaseName,
    /// The name has a byte that is not of a token: a space, a control, a colon (RFC 9113 §8.2.1).
    NameByte,
    /// The value has a NUL, CR or LF (RFC 9113 §8.2.1).
    ValueByte,
    /// The value starts or ends with a space or tab (RFC 9113 §8.2.1).
    ValueSpace,
    /// `:method` is not a token (RFC 9110 §9.1).
    Method,
    /// `:scheme` is not a URI scheme (RFC 3986 §3.1).
    Scheme,
    /// `:authority` is empty, has user information, or bytes no authority has (RFC 9113 §8.3.1).
    Authority,
    /// `:path` does not start with `/` and is not `*`, or has a space, control or non-ASCII byte.
    Path,
    /// `:status` is not three digits from 100 to 999.
    Status,
    /// `te` is something else than `trailers` (RFC 9113 §8.2.2).
    Te,
    /// `host` has user information or bytes no authority has.
    Host,
    /// `content-length` is not one decimal number of at most 64 bits.
    ContentLength,
}

/// Says what the field is, or which rule it breaks on its own.
#[must_use]
pub fn classify(name: &[u8], value: &[u8]) -> Kind {
    match name.first() {
        None => Kind::Malformed(Fault::EmptyName),
        Some(b':') => classify_pseudo(name, value),
        Some(_) => classify_regular(name, value),
    }
}

impl Kind {
    /// What the field `name: value` is when another one of this name is of this kind: the same as
    /// [`classify`], but the name is not looked through again.
    #[must_use]
    pub fn with_value(self, name: &[u8], value: &[u8]) -> Kind {
        use Fault::{EmptyName, NameByte, UpperCaseName};
        if matches!(self, Self::Malformed(EmptyName | UpperCaseName | NameByte)) {
            self
        } else if name.first() == Some(&b':') {
            classify_pseudo(name, value)
        } else {
            classify_value(name, value)
        }
    }
}

fn classify_pseudo(name: &[u8], value: &[u8]) -> Kind {
    let (holds, kind, fault) = match name {
        b":method" => (is_token(value), Kind::Method, Fault::Method),
        b":scheme" => (is_scheme(value), Kind::Scheme, Fault::Scheme),
        b":authority" => (
            !value.is_empty() && is_authority(value),
            Kind::Authority,
            Fault::Authority,
        ),
        b":path" => (is_path(value), Kind::Path, Fault::Path),
        b":status" => (is_status(value), Kind::Status, Fault::Status),
        _ => return Kind::UnknownPseudo,
    };
    if holds { kind } else { Kind::Malformed(fault) }
}

fn classify_regular(name: &[u8], value: &[u8]) -> Kind {
    if !all(name, NAME) {
        let upper = name.iter().any(u8::is_ascii_uppercase);
        return Kind::Malformed(if upper {
            Fault::UpperCaseName
        } else {
            Fault::NameByte
        });
    }
    classify_value(name, value)
}

/// Of a field whose name is a token in lower case.
fn classify_value(name: &[u8], value: &[u8]) -> Kind {
    // No early exit: the loop is then a vector operation.
    if value
        .iter()
        .fold(false, |bad, &byte| bad | matches!(byte, 0 | b'\n' | b'\r'))
    {
        return Kind::Malformed(Fault::ValueByte);
    }
    if matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']) {
        return Kind::Malformed(Fault::ValueSpace);
    }
    let (holds, kind, fault) = match name {
        b"te" => (value.eq_ignore_ascii_case(b"trailers"), Kind::Te, Fault::Te),
        b"host" => (is_authority(value), Kind::Host, Fault::Host),
        b"content-length" => (is_length(value), Kind::ContentLength, Fault::ContentLength),
        b"cookie" => return Kind::Cookie,
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => {
            return Kind::ConnectionSpecific;
        }
        _ => return Kind::Regular,
    };
    if holds { kind } else { Kind::Malformed(fault) }
}

/// RFC 9110 §5.6.2.
fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && all(value, TOKEN)
}

/// RFC 3986 §3.1.
fn is_scheme(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_alphabetic) && all(value, SCHEME)
}

/// RFC 3986 §3.2 without user information; the parts of it are not told apart.
fn is_authority(value: &[u8]) -> bool {
    all(value, AUTHORITY)
}

fn is_path(value: &[u8]) -> bool {
    value == b"*" || (value.first() == Some(&b'/') && value.iter().all(u8::is_ascii_graphic))
}

fn is_status(value: &[u8]) -> bool {
    matches!(value, [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'])
}

/// RFC 9110 §8.6; a list of equal numbers is not taken.
fn is_length(value: &[u8]) -> bool {
    let digit = |sum: u64, &byte: &u8| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    };
    !value.is_empty() && value.iter().try_fold(0, digit).is_some()
}

fn all(bytes: &[u8], class: u8) -> bool {
    #[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
    bytes
        .iter()
        .all(|&byte| CLASSES[usize::from(byte)] & class != 0)
}

/// A byte of a field name: a token without upper case.
const NAME: u8 = 1;
/// A byte of a token.
const TOKEN: u8 = 2;
/// A byte of a URI scheme.
const SCHEME: u8 = 4;
/// A byte of an authority: unreserved, percent, sub-delimiter, colon or bracket (RFC 3986 §3.2).
const AUTHORITY: u8 = 8;

/// The classes each byte is in.
#[expect(clippy::indexing_slicing, reason = "checked at compile time")]
#[expect(clippy::cast_possible_truncation, reason = "checked at compile time")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = classes_of(byte as u8);
        byte += 1;
    }
    classes
};

const fn classes_of(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' => NAME | TOKEN | SCHEME | AUTHORITY,
        b'A'..=b'Z' => TOKEN | SCHEME | AUTHORITY,
        b'+' | b'-' | b'.' => NAME | TOKEN | SCHEME | AUTHORITY,
        b'!' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'_' | b'~' => NAME | TOKEN | AUTHORITY,
        b'#' | b'^' | b'`' | b'|' => NAME | TOKEN,
        b'(' | b')' | b',' | b';' | b'=' | b':' | b'[' | b']' => AUTHORITY,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_byte() {
        assert_eq!(size_of::<Kind>(), 1);
    }

    use Kind::Malformed as Bad;

    #[rustfmt::skip]
    const PSEUDO: &[(&[u8], &[u8], Kind)] = &[
        (b":method", b"POST", Kind::Method),
        (b":method", b"M-SEARCH", Kind::Method),
        (b":method", b"", Bad(Fault::Method)),
        (b":method", b"PO ST", Bad(Fault::Method)),
        (b":method", b"P\xc3\xb6ST", Bad(Fault::Method)),
        (b":scheme", b"https", Kind::Scheme),
        (b":scheme", b"coap+tcp", Kind::Scheme),
        (b":scheme", b"", Bad(Fault::Scheme)),
        (b":scheme", b"1http", Bad(Fault::Scheme)),
        (b":scheme", b"http:", Bad(Fault::Scheme)),
        (b":authority", b"example.com:443", Kind::Authority),
        (b":authority", b"[::1]:50051", Kind::Authority),
        (b":authority", b"%2Frun%2Fa.sock", Kind::Authority),
        (b":authority", b"", Bad(Fault::Authority)),
        (b":authority", b"me@example.com", Bad(Fault::Authority)),
        (b":authority", b"a/b", Bad(Fault::Authority)),
        (b":authority", b"a b", Bad(Fault::Authority)),
        (b":path", b"/", Kind::Path),
        (b":path", b"/a.B/C?d=e", Kind::Path),
        (b":path", b"*", Kind::Path),
        (b":path", b"", Bad(Fault::Path)),
        (b":path", b"*a", Bad(Fault::Path)),
        (b":path", b"a/b", Bad(Fault::Path)),
        (b":path", b"/a b", Bad(Fault::Path)),
        (b":path", b"/a\x7f", Bad(Fault::Path)),
        (b":path", b"/\xc3\xa4", Bad(Fault::Path)),
        (b":path", b"/a\r\nb", Bad(Fault::Path)),
        (b":status", b"200", Kind::Status),
        (b":status", b"100", Kind::Status),
        (b":status", b"999", Kind::Status),
        (b":status", b"099", Bad(Fault::Status)),
        (b":status", b"20", Bad(Fault::Status)),
        (b":status", b"2000", Bad(Fault::Status)),
        (b":status", b"2 0", Bad(Fault::Status)),
        (b":protocol", b"websocket", Kind::UnknownPseudo),
        (b":", b"", Kind::UnknownPseudo),
        (b":Method", b"GET", Kind::UnknownPseudo),
    ];

    #[rustfmt::skip]
    const REGULAR: &[(&[u8], &[u8], Kind)] = &[
        (b"content-length", b"0", Kind::ContentLength),
        (b"content-length", b"18446744073709551615", Kind::ContentLength),
        (b"content-length", b"18446744073709551616", Bad(Fault::ContentLength)),
        (b"content-length", b"", Bad(Fault::ContentLength)),
        (b"content-length", b"+1", Bad(Fault::ContentLength)),
        (b"content-length", b"1, 1", Bad(Fault::ContentLength)),
        (b"te", b"trailers", Kind::Te),
        (b"te", b"Trailers", Kind::Te),
        (b"te", b"gzip", Bad(Fault::Te)),
        (b"te", b"trailers, gzip", Bad(Fault::Te)),
        (b"host", b"example.com", Kind::Host),
        (b"host", b"", Kind::Host),
        (b"host", b"me@example.com", Bad(Fault::Host)),
        (b"cookie", b"a=b; c=d", Kind::Cookie),
        (b"connection", b"close", Kind::ConnectionSpecific),
        (b"proxy-connection", b"", Kind::ConnectionSpecific),
        (b"keep-alive", b"1", Kind::ConnectionSpecific),
        (b"transfer-encoding", b"chunked", Kind::ConnectionSpecific),
        (b"upgrade", b"h2c", Kind::ConnectionSpecific),
        (b"grpc-timeout", b"1S", Kind::Regular),
        (b"x_!#$%&'*+-.^`|~9", b"", Kind::Regular),
        (b"x-utf8", b"a \xc3\xa4\t\x01z", Kind::Regular),
        (b"", b"a", Bad(Fault::EmptyName)),
        (b"X-a", b"", Bad(Fault::UpperCaseName)),
        (b"x-A", b"", Bad(Fault::UpperCaseName)),
        (b"x y", b"", Bad(Fault::NameByte)),
        (b"x:y", b"", Bad(Fault::NameByte)),
        (b"x\0", b"", Bad(Fault::NameByte)),
        (b"x\x7f", b"", Bad(Fault::NameByte)),
        (b"x\xff", b"", Bad(Fault::NameByte)),
        (b"x(", b"", Bad(Fault::NameByte)),
        (b"x", b"a\0b", Bad(Fault::ValueByte)),
        (b"x", b"a\r\nevil: b", Bad(Fault::ValueByte)),
        (b"x", b"a\n", Bad(Fault::ValueByte)),
        (b"x", b" a", Bad(Fault::ValueSpace)),
        (b"x", b"a\t", Bad(Fault::ValueSpace)),
        (b"x", b" ", Bad(Fault::ValueSpace)),
    ];

    #[test]
    fn every_kind_and_every_fault() {
        for &(name, value, want) in PSEUDO.iter().chain(REGULAR) {
            let text = format!("{}: {}", name.escape_ascii(), value.escape_ascii());
            assert_eq!(classify(name, value), want, "{text}");
            for other_value in [b"".as_slice(), b"x", b"trailers", b"\0"] {
                let other = classify(name, other_value);
                assert_eq!(
                    other.with_value(name, value),
                    want,
                    "{text}, from {other:?}"
                );
            }
        }
    }

    #[test]
    fn no_byte_that_rfc_9113_forbids_is_part_of_a_name() {
        for byte in (0..=0x20).chain(0x41..=0x5a).chain(0x7f..=0xff) {
            let kind = classify(&[b'x', byte], b"");
            assert!(matches!(kind, Kind::Malformed(_)), "{byte:#x} is {kind:?}");
        }
    }
}
