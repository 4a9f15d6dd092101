//! A codec for messages that are bytes, text or a number, so that tests need no `.proto`.

use bytes::{Bytes, BytesMut};
use hikyaku::codec::{Codec, CodecError, Json, Splice};

pub(crate) struct Plain;

impl Plain {
    /// Bytes from this length on go in pieces.
    pub(crate) const MIN_SPLICED_LEN: usize = 64;
}

impl Codec<Bytes> for Plain {
    fn encode(message: &Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(message);
        Ok(())
    }

    /// Two neighbours are spliced in: all but a few bytes before and behind them.
    fn encode_spliced(
        message: &Bytes,
        out: &mut BytesMut,
        spliced: &mut Vec<Splice>,
    ) -> Result<(), CodecError> {
        let len = message.len();
        if len < Self::MIN_SPLICED_LEN {
            return Self::encode(message, out);
        }
        out.extend_from_slice(&message[..3]);
        let at = out.len();
        let parts = [message.slice(3..len / 2), message.slice(len / 2..len - 2)];
        spliced.extend(parts.map(|bytes| Splice { at, bytes }));
        out.extend_from_slice(&message[len - 2..]);
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<Bytes, CodecError> {
        Ok(bytes)
    }
}

impl Codec<String> for Plain {
    fn encode(message: &String, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(message.as_bytes());
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<String, CodecError> {
        String::from_utf8(bytes.to_vec()).map_err(|error| CodecError::new(error.to_string()))
    }
}

impl Codec<u64> for Plain {
    fn encode(message: &u64, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(&message.to_be_bytes());
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<u64, CodecError> {
        let bytes = bytes
            .as_ref()
            .try_into()
            .map_err(|_| CodecError::new("that is no number"))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Digits.
    const JSON: Option<Json<u64>> = Some(Json {
        encode: |number, out| {
            out.extend_from_slice(number.to_string().as_bytes());
            Ok(())
        },
        decode: |bytes| {
            let text =
                str::from_utf8(&bytes).map_err(|error| CodecError::new(error.to_string()))?;
            text.parse()
                .map_err(|_| CodecError::new(format!("{text:?} is no number")))
        },
    });
}
