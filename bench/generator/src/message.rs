//! The messages of `bench/proto`, encoded by hand, and what a stream of equal ones looks like.
//!
//! Spec: the encoding guide of Protocol Buffers; the length-prefixed messages of gRPC over HTTP/2.

/// Bytes in front of a message: a flag and a length.
pub const PREFIX_LEN: usize = 5;
/// Logs in the message of [`records`].
pub const RECORD_COUNT: usize = 50;

/// Attributes of each of them.
const ATTRIBUTES: [(&str, Value); 6] = [
    ("service.name", Value::Text("checkout")),
    ("http.request.method", Value::Text("POST")),
    ("http.response.status_code", Value::Number(200)),
    ("url.path", Value::Text("/v1/orders/7f3a9c/payments")),
    ("duration_ms", Value::Real(12.75)),
    ("retried", Value::Flag(true)),
];

enum Value {
    Text(&'static str),
    Number(u64),
    Real(f64),
    Flag(bool),
}

/// `HelloRequest { name }` or `HelloReply { message }`.
pub fn hello(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    bytes_field(&mut out, 1, text.as_bytes());
    out
}

/// `Blob` with so many bytes of body.
pub fn blob(len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    bytes_field(&mut out, 1, &vec![b'x'; len]);
    out
}

/// `Plan`.
pub fn plan(count: u64, size: u64) -> Vec<u8> {
    numbers(count, size)
}

/// `Sum`.
pub fn sum(count: u64, bytes: u64) -> Vec<u8> {
    numbers(count, bytes)
}

/// `Logs` as a service writes them, and the bytes of all their bodies.
pub fn records() -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    let mut body_bytes = 0;
    for index in 0..RECORD_COUNT as u64 {
        let body = format!(
            "order {} of customer {} was paid",
            40_000 + index * 7,
            index * 131
        );
        body_bytes += body.len() as u64;
        bytes_field(&mut out, 1, &log(index, &body));
    }
    (out, body_bytes)
}

fn log(index: u64, body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    number_field(&mut out, 1, 1_790_000_000_000_000_000 + index * 1_234_567);
    number_field(&mut out, 2, 9);
    bytes_field(&mut out, 3, body.as_bytes());
    bytes_field(&mut out, 4, &[0x5a ^ index as u8; 16]);
    bytes_field(&mut out, 5, &[0xa5 ^ index as u8; 8]);
    for (key, value) in ATTRIBUTES {
        let mut attribute = Vec::new();
        bytes_field(&mut attribute, 1, key.as_bytes());
        match value {
            Value::Text(text) => bytes_field(&mut attribute, 2, text.as_bytes()),
            Value::Number(number) => number_field(&mut attribute, 3, number),
            Value::Real(real) => {
                attribute.push(4 << 3 | 1);
                attribute.extend_from_slice(&real.to_le_bytes());
            }
            Value::Flag(flag) => number_field(&mut attribute, 5, u64::from(flag)),
        }
        bytes_field(&mut out, 6, &attribute);
    }
    out
}

/// Fields 1 and 2; a zero is not written.
fn numbers(first: u64, second: u64) -> Vec<u8> {
    let mut out = Vec::new();
    number_field(&mut out, 1, first);
    number_field(&mut out, 2, second);
    out
}

fn number_field(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        out.push(field << 3);
        varint(out, number);
    }
}

fn bytes_field(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.push(field << 3 | 2);
        varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The same message again and again, each behind its prefix: what one direction of a call carries.
///
/// Units: positions and lengths are bytes of the stream, prefixes included.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The stream's beginning, long enough to cut any chunk out of it.
    image: Vec<u8>,
    /// Bytes of one message and its prefix.
    message_len: usize,
    count: u64,
    /// Bytes at the start of each message that [`Flow::matches`] compares.
    checked_len: usize,
}

/// A message up to this long is compared as a whole, of a longer one only so much.
const MAX_CHECKED_LEN: usize = 256;
/// The longest chunk that can be cut out of a flow, in bytes.
pub const MAX_CHUNK_LEN: usize = 64 * 1024;

impl Flow {
    /// `count` times `message`.
    pub fn new(message: &[u8], count: u64) -> Self {
        let mut one = vec![0];
        one.extend_from_slice(&(message.len() as u32).to_be_bytes());
        one.extend_from_slice(message);
        let message_len = one.len();
        let mut image = Vec::with_capacity(2 * message_len + MAX_CHUNK_LEN);
        while image.len()
            < message_len + MAX_CHUNK_LEN.min(message_len * (count.min(1 << 20) as usize))
        {
            image.extend_from_slice(&one);
        }
        Self {
            image,
            message_len,
            count,
            checked_len: message_len.min(MAX_CHECKED_LEN),
        }
    }

    /// Compares no more than the prefix and the head of a `Blob`, as its bytes may be any.
    pub fn of_any_blobs(len: usize, count: u64) -> Self {
        let mut flow = Self::new(&blob(len), count);
        flow.checked_len = flow.message_len - len;
        flow
    }

    /// Messages.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of one message and its prefix.
    pub fn message_len(&self) -> u64 {
        self.message_len as u64
    }

    /// Bytes of all.
    pub fn len(&self) -> u64 {
        self.message_len as u64 * self.count
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes that positions of [`Flow::position`] are in.
    #[inline]
    pub fn image(&self) -> &[u8] {
        &self.image
    }

    /// Where in the image a chunk of up to [`MAX_CHUNK_LEN`] bytes that begins at `at` is.
    #[inline]
    pub fn position(&self, at: u64) -> usize {
        if at < self.message_len as u64 {
            at as usize
        } else {
            (at % self.message_len as u64) as usize
        }
    }

    /// Whether `bytes`, which came at position `at`, are what is expected there.
    #[inline]
    pub fn matches(&self, at: u64, bytes: &[u8]) -> bool {
        if at + bytes.len() as u64 > self.len() {
            return false;
        }
        let (mut bytes, mut offset) = (bytes, self.position(at));
        loop {
            if offset < self.checked_len {
                let len = bytes.len().min(self.checked_len - offset);
                if bytes[..len] != self.image[offset..offset + len] {
                    return false;
                }
            }
            match bytes.get(self.message_len - offset..) {
                Some(rest) if !rest.is_empty() => (bytes, offset) = (rest, 0),
                _ => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_encoded_as_protobuf_has_it() {
        let rows: &[(Vec<u8>, &[u8])] = &[
            (hello("world"), b"\x0a\x05world"),
            (blob(0), b""),
            (blob(3), b"\x0a\x03xxx"),
            (plan(1000, 16), b"\x08\xe8\x07\x10\x10"),
            (sum(0, 5), b"\x10\x05"),
        ];
        for (message, want) in rows {
            assert_eq!(message, want);
        }
        assert_eq!(blob(300)[..3], *b"\x0a\xac\x02");
    }

    #[test]
    fn records_tell_how_long_their_bodies_are() {
        let (message, bytes) = records();
        assert!(
            (10_000..20_000).contains(&message.len()),
            "{}",
            message.len()
        );
        assert_eq!(bytes / RECORD_COUNT as u64, 36);
    }

    #[test]
    fn every_chunk_of_a_flow_is_in_its_image_and_matches_it() {
        for (len, count) in [
            (0, 3),
            (1, 1),
            (3, 1000),
            (100, 7),
            (20_000, 3),
            (200_000, 2),
        ] {
            let flow = Flow::new(&blob(len), count);
            let mut one = vec![0];
            one.extend_from_slice(&(blob(len).len() as u32).to_be_bytes());
            one.extend_from_slice(&blob(len));
            let want = one.repeat(count as usize);
            assert_eq!(flow.len(), want.len() as u64);
            for chunk_len in [1, 7, 16_384, MAX_CHUNK_LEN] {
                for at in (0..want.len()).step_by(chunk_len) {
                    let end = want.len().min(at + chunk_len);
                    let from = flow.position(at as u64);
                    assert!(
                        flow.image()[from..from + end - at] == want[at..end],
                        "{len} {at}"
                    );
                    assert!(flow.matches(at as u64, &want[at..end]), "{len} {at}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_the_flow_does_not_match() {
        let flow = Flow::new(&hello("world"), 2);
        let good = [&b"\0\0\0\0\x07\x0a\x05world"[..]; 2].concat();
        let mut bad = good.clone();
        bad[20] ^= 1;
        let rows: &[(u64, &[u8], bool)] = &[
            (0, &good, true),
            (3, &good[3..], true),
            (12, &good[12..], true),
            (0, &bad, false),
            (0, &bad[..20], true),
            (20, &bad[20..], false),
            (1, &good, false),
            (12, &good, false),
            (24, b"\0", false),
        ];
        for &(at, bytes, want) in rows {
            assert_eq!(flow.matches(at, bytes), want, "{at} {bytes:?}");
        }
    }

    #[test]
    fn blobs_may_have_any_bytes_but_not_any_length() {
        let flow = Flow::of_any_blobs(4, 2);
        assert!(flow.matches(0, b"\0\0\0\0\x06\x0a\x04abcd\0\0\0\0\x06\x0a\x04\0\0\0\0"));
        assert!(!flow.matches(0, b"\0\0\0\0\x06\x0a\x04abcd\0\0\0\0\x05\x0a\x03\0\0\0"));
    }
}
