//! Messages on the standard input and output: four bytes of length, the high ones first, and the
//! message in protobuf's binary format.

use std::io;

use bytes::{Bytes, BytesMut};
use hikyaku::codec::{Codec, Protobuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest message that is taken. The suite's longest, requests at the limit of a server among them,
/// have some hundred KiB.
const MAX_LEN: u32 = 64 * 1024 * 1024;

/// The next message; `None` at the end.
pub(super) async fn read<T>(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<T>>
where
    Protobuf: Codec<T>,
{
    let len = match input.read_u32().await {
        Ok(len) if len <= MAX_LEN => len,
        Ok(len) => return Err(broken(format!("a message of {len} bytes"))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = BytesMut::zeroed(usize::try_from(len).map_err(broken)?);
    input.read_exact(&mut bytes).await?;
    decode(bytes.freeze()).map(Some)
}

fn decode<T>(bytes: Bytes) -> io::Result<T>
where
    Protobuf: Codec<T>,
{
    Protobuf::decode(bytes).map_err(broken)
}

/// Writes one message.
pub(super) async fn write<T>(output: &mut (impl AsyncWrite + Unpin), message: &T) -> io::Result<()>
where
    Protobuf: Codec<T>,
{
    let mut bytes = BytesMut::zeroed(4);
    Protobuf::encode(message, &mut bytes).map_err(broken)?;
    let len = u32::try_from(bytes.len() - 4).map_err(broken)?;
    if let Some(prefix) = bytes.first_chunk_mut() {
        *prefix = len.to_be_bytes();
    }
    output.write_all(&bytes).await?;
    output.flush().await
}

fn broken(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::suite::Header;

    #[tokio::test]
    async fn messages_pass_through_a_pipe_one_after_another() {
        let sent = ["", "x-one", "x-two"].map(|name| Header {
            name: name.to_owned(),
            ..Default::default()
        });
        let mut bytes = Vec::new();
        for message in &sent {
            write(&mut bytes, message).await.unwrap();
        }
        assert_eq!(&bytes[..4], [0; 4], "an empty message");
        assert_eq!(&bytes[4..8], 7_u32.to_be_bytes());
        let mut input = &bytes[..];
        for message in sent {
            assert_eq!(read(&mut input).await.unwrap(), Some(message));
        }
        assert_eq!(read::<Header>(&mut input).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_cut_short_or_too_long_is_an_error() {
        let table: [&[u8]; 3] = [b"\0\0\0\x05abc", b"\xff\0\0\0", b"\0\0\0\x01\xff"];
        for mut bytes in table {
            assert!(read::<Header>(&mut bytes).await.is_err(), "{bytes:?}");
        }
    }
}
