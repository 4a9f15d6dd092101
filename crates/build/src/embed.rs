//! Bytes as a Rust literal that a reviewer can scroll past.

/// A byte string over several short lines.
///
/// Only letters, digits and some punctuation stand for themselves: a line break after `\` swallows
/// the spaces that follow, so a space is always escaped.
pub(crate) fn literal(bytes: &[u8]) -> String {
    let mut out = String::from("b\"");
    let mut column = 0;
    for byte in bytes {
        if column >= LINE_LEN {
            out.push_str("\\\n");
            column = 0;
        }
        let before = out.len();
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'_' | b'/' | b'-' | b':' => {
                out.push(char::from(*byte));
            }
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
        column += out.len() - before;
    }
    out.push('"');
    out
}

/// Columns after which a line of the literal ends.
const LINE_LEN: usize = 88;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_is_the_bytes() {
        let all: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let table: [&[u8]; 4] = [b"", b"a b", b"\"\\\n  x", &all];
        for bytes in table {
            let parsed: syn::LitByteStr = syn::parse_str(&literal(bytes)).unwrap();
            assert_eq!(parsed.value(), bytes);
        }
    }

    #[test]
    fn lines_are_short() {
        assert!(
            literal(&[7; 500])
                .lines()
                .all(|line| line.len() <= LINE_LEN + 6)
        );
    }
}
