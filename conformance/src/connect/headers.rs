//! Metadata in the suite's words: values by name, those of a `-bin` name in base64.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hikyaku::{BadMetadata, Metadata, Value};

use super::suite::Header;

/// Writes without padding, reads with and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The metadata that these headers say.
///
/// # Errors
/// [`BadMetadata`] if one of them is none.
pub(super) fn read(headers: &[Header]) -> Result<Metadata, BadMetadata> {
    let mut metadata = Metadata::new();
    append(headers, &mut metadata)?;
    Ok(metadata)
}

/// Adds what these headers say.
///
/// # Errors
/// [`BadMetadata`] if one of them is none.
pub(super) fn append(headers: &[Header], metadata: &mut Metadata) -> Result<(), BadMetadata> {
    for header in headers {
        for value in &header.value {
            if header.name.to_ascii_lowercase().ends_with("-bin") {
                // What is no base64 stands for itself.
                let bytes = BASE64.decode(value);
                metadata.append_bin(
                    &header.name,
                    &bytes.unwrap_or_else(|_| value.clone().into()),
                )?;
            } else {
                metadata.append(&header.name, value)?;
            }
        }
    }
    Ok(())
}

/// The headers that say this metadata, each name once.
pub(super) fn write(metadata: &Metadata) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (name, value) in metadata.iter() {
        let value = match value {
            Value::Ascii(text) => text.to_owned(),
            Value::Binary(bytes) => BASE64.encode(bytes),
        };
        match headers.iter_mut().find(|header| header.name == name) {
            Some(header) => header.value.push(value),
            None => headers.push(Header {
                name: name.to_owned(),
                value: vec![value],
                ..Default::default()
            }),
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_metadata_and_come_back_by_name() {
        let header = |name: &str, value: &[&str]| Header {
            name: name.to_owned(),
            value: value.iter().map(|value| (*value).to_owned()).collect(),
            ..Default::default()
        };
        let given = [
            header("X-One", &["a", "b"]),
            header("x-bytes-bin", &["AAH/", "/w=="]),
            header("x-one", &["c"]),
        ];
        let metadata = read(&given).unwrap();
        assert_eq!(metadata.get_all_bin("x-bytes-bin").count(), 2);
        let want = [
            header("x-one", &["a", "b", "c"]),
            header("x-bytes-bin", &["AAH/", "/w"]),
        ];
        assert_eq!(write(&metadata), want);
    }
}
