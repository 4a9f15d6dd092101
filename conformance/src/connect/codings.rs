//! The codings of the suite, by the names they have in gRPC.

use hikyaku::Metadata;
use hikyaku::buffa::Enumeration;

use super::suite::Compression;

/// The name in `grpc-encoding`; none for messages as they are.
pub(super) fn name(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::Unspecified | Compression::Identity => None,
        Compression::Gzip => Some("gzip"),
        Compression::Br => Some("br"),
        Compression::Zstd => Some("zstd"),
        Compression::Deflate => Some("deflate"),
        Compression::Snappy => Some("snappy"),
    }
}

/// The coding that a case is about. Nobody asks a server to compress its answers, but the name of the
/// case tells, and a client that was not made for the coding does not take it.
pub(super) fn of_case(metadata: &Metadata) -> Option<&'static str> {
    let case = metadata.get("x-test-case-name")?;
    let named = case
        .split('/')
        .find_map(|part| part.strip_prefix("Compression:"))?;
    name(Compression::from_proto_name(named)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_case_tells_its_coding() {
        let table = [
            (
                "Basic/HTTPVersion:2/Compression:COMPRESSION_BR/TLS:true/unary",
                Some("br"),
            ),
            ("Basic/Compression:COMPRESSION_IDENTITY/unary", None),
            ("Basic/Compression:COMPRESSION_LZW/unary", None),
            ("Basic/unary", None),
        ];
        for (case, want) in table {
            let mut metadata = Metadata::new();
            metadata.insert("x-test-case-name", case).unwrap();
            assert_eq!(of_case(&metadata), want, "{case}");
        }
        assert_eq!(of_case(&Metadata::new()), None);
    }
}
