//! Header blocks written by hand: literals that touch no table (RFC 7541 §6.2.2).

/// A block of these fields.
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            write_len(text.len(), &mut block);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// The block of a gRPC request, with further fields.
#[must_use]
pub fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "raw"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    fields.extend(more);
    block(&fields)
}

/// A length with a prefix of seven bits (RFC 7541 §5.1).
fn write_len(len: usize, block: &mut Vec<u8>) {
    let Some(mut rest) = len.checked_sub(127) else {
        return block.push(len as u8);
    };
    block.push(127);
    while rest >= 128 {
        block.push(128 | (rest % 128) as u8);
        rest /= 128;
    }
    block.push(rest as u8);
}
