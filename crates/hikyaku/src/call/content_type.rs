//! What a `content-type` says of the messages of a call.
//!
//! ```text
//! application/grpc [ "+" ( "proto" | "json" | other ) ] [ ";" parameters ]
//! ```
//!
//! Spec: PROTOCOL-HTTP2.md, Content-Type.

use crate::codec::Format;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Messages in a format that a codec may have.
    Grpc(Format),
    /// Messages in a format that we do not know.
    OtherGrpc,
    /// No messages at all.
    Other,
}

/// Reads a `content-type`.
pub(crate) fn read(value: &[u8]) -> Content {
    let essence = value.split(|&byte| byte == b';').next().unwrap_or_default();
    match essence.trim_ascii_end().strip_prefix(GRPC.as_bytes()) {
        Some(b"" | b"+proto") => Content::Grpc(Format::Protobuf),
        Some(b"+json") => Content::Grpc(Format::Json),
        Some([b'+', ..]) => Content::OtherGrpc,
        Some(_) | None => Content::Other,
    }
}

/// The `content-type` of messages in this format.
pub(crate) fn of(format: Format) -> &'static str {
    match format {
        Format::Protobuf => GRPC,
        Format::Json => "application/grpc+json",
    }
}

const GRPC: &str = "application/grpc";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_tells_the_format_of_the_messages() {
        let table: [(&str, Content); 13] = [
            ("application/grpc", Content::Grpc(Format::Protobuf)),
            ("application/grpc+proto", Content::Grpc(Format::Protobuf)),
            (
                "application/grpc;charset=utf-8",
                Content::Grpc(Format::Protobuf),
            ),
            (
                "application/grpc+proto ; x=y",
                Content::Grpc(Format::Protobuf),
            ),
            ("application/grpc+json", Content::Grpc(Format::Json)),
            (
                "application/grpc+json;charset=utf-8",
                Content::Grpc(Format::Json),
            ),
            ("application/grpc+thrift", Content::OtherGrpc),
            ("application/grpc+", Content::OtherGrpc),
            ("application/grpc-web", Content::Other),
            ("application/grpc-web+json", Content::Other),
            ("application/grpcx", Content::Other),
            ("application/json", Content::Other),
            ("", Content::Other),
        ];
        for (value, want) in table {
            assert_eq!(read(value.as_bytes()), want, "{value:?}");
        }
        for format in [Format::Protobuf, Format::Json] {
            assert_eq!(read(of(format).as_bytes()), Content::Grpc(format));
        }
    }
}
