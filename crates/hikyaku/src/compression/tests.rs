//! What every built-in coding keeps to, as tables.

use std::io;

use bytes::BytesMut;

use super::{Coding, Codings, Inflated, Registry};
use crate::call::message::inflate;
use crate::{Code, Status};

/// Every coding that this build has.
fn all() -> Vec<std::sync::Arc<dyn Coding>> {
    Codings::default().list
}

fn compressed(coding: &dyn Coding, message: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::from("before");
    coding.compress(message, &mut out).unwrap();
    assert!(out.starts_with(b"before"), "{} only appends", coding.name());
    out[6..].to_vec()
}

fn decompressed(coding: &dyn Coding, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Inflated::new(1 << 20);
    coding.decompress(bytes, &mut out)?;
    Ok(out.into_bytes())
}

/// Bytes that repeat, and bytes that do not.
fn messages() -> Vec<Vec<u8>> {
    let noise = |len: usize| {
        let mut state = 1_u32;
        let next = std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        next.take(len).collect::<Vec<u8>>()
    };
    let mut messages = Vec::new();
    for len in [1, 2, 100, 16_384, 16_385, 65_536, 65_537, 300_000] {
        messages.push(vec![0; len]);
        messages.push(noise(len));
        messages.push(b"All that is gold does not glitter. ".repeat(len / 35 + 1));
    }
    messages
}

#[test]
fn what_is_compressed_comes_back() {
    for coding in all() {
        for message in messages() {
            let bytes = compressed(&*coding, &message);
            let back = decompressed(&*coding, &bytes).unwrap();
            assert!(
                back == message,
                "{}: {} bytes",
                coding.name(),
                message.len()
            );
            if message.len() >= 300_000 && message[0] == message[1] {
                assert!(bytes.len() < 30_000, "{}: {}", coding.name(), bytes.len());
            }
        }
    }
}

#[test]
fn wire_rule_32_the_limit_holds_while_a_message_is_inflated() {
    for coding in all() {
        for len in [1, 1000, 16_384, 16_385, 100_000] {
            let bytes = compressed(&*coding, &vec![7; len]);
            for (max_len, want) in [
                (len, Ok(len)),
                (len + 1, Ok(len)),
                (len - 1, Err(Code::ResourceExhausted)),
                (len / 2, Err(Code::ResourceExhausted)),
                (0, Err(Code::ResourceExhausted)),
            ] {
                let got = inflate(&bytes, Some(&*coding), max_len);
                let got = got.map(|bytes| bytes.len()).map_err(|status| status.code());
                assert_eq!(got, want, "{}: {len} of {max_len}", coding.name());
            }
        }
    }
}

#[test]
fn a_message_that_is_cut_off_is_none() {
    for coding in all() {
        let message = b"one two three four five six seven ".repeat(100);
        let bytes = compressed(&*coding, &message);
        for len in 1..bytes.len() {
            let got = decompressed(&*coding, &bytes[..len]);
            // Snappy has no end: its first chunk is only a name.
            let is_whole = coding.name() == "snappy" && len == 10;
            assert_eq!(got.is_ok(), is_whole, "{}: {len} bytes", coding.name());
        }
    }
}

#[test]
fn bytes_behind_a_message_are_an_error() {
    for coding in all() {
        let bytes = compressed(&*coding, b"one two three");
        let again = [&*bytes, &*bytes].concat();
        let one_more = [&*bytes, b"\0"].concat();
        assert!(
            decompressed(&*coding, &one_more).is_err(),
            "{}",
            coding.name()
        );
        // Snappy's chunks may follow one another for ever.
        let is_snappy = coding.name() == "snappy";
        assert_eq!(
            decompressed(&*coding, &again).is_ok(),
            is_snappy,
            "{}",
            coding.name()
        );
    }
}

#[test]
fn other_bytes_are_an_error_or_a_message_and_never_a_panic() {
    for coding in all() {
        let bytes = compressed(&*coding, &b"one two three ".repeat(20));
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[position] ^= 1 << bit;
                let _ = decompressed(&*coding, &bytes);
            }
        }
        for other in [
            &b"\0"[..],
            b"not at all",
            &[0xff; 100],
            &[0; 100],
            &[0x1f, 0x8b],
        ] {
            let status = inflate(other, Some(&*coding), 1000).unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{}", coding.name());
            let want = format!(
                "cannot decode the message: {} cannot decompress it: ",
                coding.name()
            );
            assert!(status.message().starts_with(&want), "{status}");
        }
    }
}

#[test]
fn wire_rule_11_no_coding_is_internal_and_no_bytes_are_an_empty_message() {
    let code = |status: Status| status.code();
    assert_eq!(inflate(b"", None, 10).map_err(code), Err(Code::Internal));
    assert_eq!(inflate(b"a", None, 10).map_err(code), Err(Code::Internal));
    for coding in all() {
        let empty = inflate(b"", Some(&*coding), 0).unwrap();
        assert!(empty.is_empty(), "{}", coding.name());
    }
}

#[test]
fn the_names_are_those_of_the_features() {
    let mut want: Vec<&str> = Vec::new();
    want.extend(cfg!(feature = "zstd").then_some("zstd"));
    want.extend(
        cfg!(feature = "gzip")
            .then_some(["gzip", "deflate"])
            .into_iter()
            .flatten(),
    );
    want.extend(cfg!(feature = "brotli").then_some("br"));
    want.extend(cfg!(feature = "snappy").then_some("snappy"));
    assert_eq!(Codings::default().names().collect::<Vec<_>>(), want);
    let registry = Registry::new(Codings::default()).unwrap();
    assert_eq!(registry.names(), want.join(","));
    assert_eq!(Registry::new(Codings::none()).unwrap().known(), "identity");
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_and_deflate_are_those_of_zlib() {
    // Made with Python's gzip and zlib.
    let body = b"\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\x00";
    let head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03";
    let gzip = [&head[..], body, b"\x9f\xa1\xca\x09\x13\x00\x00\x00"].concat();
    let deflate = [b"\x78\x9c", &body[..], b"\x44\x28\x06\xd5"].concat();
    let text = b"hello, hello, hello";
    let (is_gzip, is_deflate) = (super::Gzip::default(), super::Deflate::default());
    assert_eq!(decompressed(&is_gzip, &gzip).unwrap(), text);
    assert_eq!(decompressed(&is_deflate, &deflate).unwrap(), text);
    assert!(decompressed(&is_deflate, &gzip).is_err());
    assert!(
        decompressed(&is_deflate, &deflate[2..]).is_err(),
        "without zlib's header"
    );
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_takes_any_window_for_it_keeps_none() {
    // Magic number, no content size, the window's exponent and mantissa, one raw block of a byte.
    let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 9, 0, 0, b'a'];
    for window in [0, 0x68, 0x69, 0x70, 0x88, 0xa0] {
        let got = decompressed(&super::Zstd::default(), &frame(window));
        assert_eq!(got.unwrap(), b"a", "{window:#x}");
    }
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_that_declares_more_than_is_allowed_is_not_even_begun() {
    // One segment; the length in 8 bytes; a block that would be an error.
    let declared = |len: u64| {
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        let block = [7, 0, 0];
        [&head[..], &len.to_le_bytes(), &block].concat()
    };
    for (len, want) in [
        (1000, Code::Internal),
        (1001, Code::ResourceExhausted),
        (u64::MAX - 2, Code::ResourceExhausted),
    ] {
        let bytes = [&declared(len)[..13], &[1, 0, 0]].concat();
        let status = inflate(&bytes, Some(&super::Zstd::default()), 1000).unwrap_err();
        assert_eq!(status.code(), want, "{len}: {status}");
        let status = inflate(&declared(len), Some(&super::Zstd::default()), 1000).unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{len}: {status}");
    }
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_that_stands_for_a_gibibyte_stops_at_the_limit() {
    // 8,192 blocks of one byte 131,072 times, and an empty one as the last.
    let block = (131_072_u32 << 3 | 1 << 1).to_le_bytes();
    let block = [block[0], block[1], block[2], b'a'];
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x68];
    bomb.extend(block.repeat(8192));
    bomb.extend([1, 0, 0]);
    assert!(bomb.len() < 33 * 1024);
    let status = inflate(&bomb, Some(&super::Zstd::default()), 1 << 20).unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[cfg(feature = "brotli")]
#[test]
fn brotli_takes_no_large_window() {
    let compressed = |large_window, lgwin| {
        let params = brotli::enc::BrotliEncoderParams {
            quality: 4,
            lgwin,
            large_window,
            ..Default::default()
        };
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut &b"one two three"[..], &mut out, &params).unwrap();
        out
    };
    // (whether it is large, the window as a power of two, whether it is taken)
    for (large_window, lgwin, want) in [(false, 24, true), (true, 24, false), (true, 30, false)] {
        let message = compressed(large_window, lgwin);
        let got = decompressed(&super::Brotli::default(), &message);
        assert_eq!(got.is_ok(), want, "{large_window} {lgwin}: {message:x?}");
    }
    assert_eq!(
        compressed(true, 30)[0],
        0x11,
        "the pattern of a large window"
    );
}

#[test]
fn levels_out_of_range_mean_the_nearest() {
    #[cfg(feature = "gzip")]
    let _ = compressed(&super::Gzip::with_level(u32::MAX), b"abc");
    #[cfg(feature = "gzip")]
    let _ = compressed(&super::Deflate::with_level(0), b"abc");
    #[cfg(feature = "zstd")]
    for level in [0, u32::MAX] {
        let _ = compressed(&super::Zstd::with_level(level), b"abc");
    }
    #[cfg(feature = "brotli")]
    for quality in [0, 11, 255] {
        let _ = compressed(&super::Brotli::with_quality(quality), b"abc");
    }
}
