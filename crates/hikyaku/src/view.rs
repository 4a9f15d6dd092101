//! [`View`]: a message that is read where it arrived.

use std::fmt;
use std::ops::Deref;

use buffa::view::{HasMessageView, OwnedView};
use bytes::{Bytes, BytesMut};

use crate::codec::{Codec, CodecError, Protobuf, broken};
#[cfg(feature = "json")]
use crate::codec::{Json, ProtobufJson, read_json, write_json};

/// A received message `M` that has not been copied: its strings and bytes lie in the buffer that the
/// socket was read into.
///
/// The request type of the methods that `hikyaku_build::Config::view_requests` names. Fields are
/// methods here, `request.message().name()` instead of `request.message().name`, and a string is a
/// `&str` that lives as long as the request:
///
/// ```ignore
/// async fn say_hello(
///     &self,
///     request: Request<View<HelloRequest>>,
/// ) -> Result<Response<HelloReply>, Status> {
///     let name: &str = request.message().name();
///     Ok(HelloReply { message: format!("Hello {name}!"), ..Default::default() }.into())
/// }
/// ```
///
/// It dereferences to the view that was generated for `M`, `HelloRequestOwnedView`, which also has
/// `view()`, with fields to match on, and `to_owned_message()`, the message as others have it.
///
/// # What is copied, and when
///
/// - A message that came in one DATA frame of at most 16 KiB, gRPC's prefix of 5 bytes included, is
///   not copied between the socket and the handler, nor is memory allocated for its strings and
///   bytes. Longer frames do not come unless [`Config::max_frame_len`](crate::http2::Config) allows
///   them.
/// - A longer message lies in several frames, whose heads are between its bytes: it is gathered into
///   a buffer of its own as it arrives, and is read there. Still, nothing is copied per field.
/// - In a stream of requests, those shorter than 16 KiB that have to wait behind others, because the
///   handler is not there yet, are gathered, too: so a slow reader holds no more memory than they are
///   long.
/// - A compressed message is inflated and TLS is decrypted, each into a buffer of its own. A message
///   in JSON is read into an `M`, and the view is one of its protobuf bytes.
///
/// # What it holds
///
/// A view keeps the block of the read buffer alive that it lies in, 80 to 160 KiB, however short it is,
/// and `Limits::memory_budget_len` does not count that: a client may make each view that a handler
/// keeps hold a block of its own. What is stored for longer than its call, or collected from a stream,
/// should be `to_owned_message()`.
///
/// # Example
/// ```
/// use bytes::{Bytes, BytesMut};
/// use hikyaku::View;
/// use hikyaku::buffa_types::google::protobuf::StringValue;
/// use hikyaku::codec::{Codec, Protobuf};
///
/// let received = Bytes::from_static(b"\x0a\x05hello");
/// let message: View<StringValue> = Protobuf::decode(received.clone())?;
/// assert_eq!(message.value(), "hello");
/// assert_eq!(message.value().as_ptr(), received[2..].as_ptr());
/// # Ok::<(), hikyaku::codec::CodecError>(())
/// ```
pub struct View<M: HasMessageView>(M::ViewHandle);

impl<M: HasMessageView> View<M> {
    fn as_owned_view(&self) -> &OwnedView<M::View<'static>> {
        self.0.as_ref()
    }
}

impl<M: HasMessageView> Deref for View<M> {
    type Target = M::ViewHandle;

    fn deref(&self) -> &M::ViewHandle {
        &self.0
    }
}

impl<M: HasMessageView<ViewHandle: fmt::Debug>> fmt::Debug for View<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: HasMessageView<ViewHandle: Clone>> Clone for View<M> {
    /// Another view of the same bytes.
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: HasMessageView> Codec<View<M>> for Protobuf {
    /// Appends the bytes that the view was read from, as they are.
    fn encode(message: &View<M>, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(message.as_owned_view().bytes());
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<View<M>, CodecError> {
        M::decode_view_handle(bytes).map(View).map_err(broken)
    }
}

/// JSON has nothing that a view could point to: it is read into an `M`, which is encoded.
#[cfg(feature = "json")]
impl<M> Codec<View<M>> for ProtobufJson
where
    M: HasMessageView + serde::Serialize + serde::de::DeserializeOwned,
{
    fn encode(message: &View<M>, out: &mut BytesMut) -> Result<(), CodecError> {
        Protobuf::encode(message, out)
    }

    fn decode(bytes: Bytes) -> Result<View<M>, CodecError> {
        Protobuf::decode(bytes)
    }

    const JSON: Option<Json<View<M>>> = Some(Json {
        encode: |message, out| write_json(&message.as_owned_view().to_owned_message(), out),
        decode: |bytes| {
            let message: M = read_json(&bytes)?;
            let bytes = message.try_encode_to_vec().map_err(broken)?;
            Protobuf::decode(bytes.into())
        },
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa_types::google::protobuf::{StringValue, Value};

    fn decode<T>(bytes: &Bytes) -> Result<T, CodecError>
    where
        Protobuf: Codec<T>,
    {
        Protobuf::decode(bytes.clone())
    }

    #[test]
    fn a_view_reads_where_the_bytes_are() {
        let bytes = Bytes::from_static(b"\x0a\x05hello");
        let view: View<StringValue> = decode(&bytes).unwrap();
        assert_eq!(view.value(), "hello");
        assert_eq!(view.value().as_ptr(), bytes[2..].as_ptr());
        assert_eq!(view.clone().value().as_ptr(), view.value().as_ptr());
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_view_of_json_is_one_of_its_message() {
        let json = <ProtobufJson as Codec<View<StringValue>>>::JSON.unwrap();
        let view = (json.decode)(Bytes::from_static(b"\"hello\"")).unwrap();
        assert_eq!(view.value(), "hello");
        let mut out = BytesMut::new();
        (json.encode)(&view, &mut out).unwrap();
        assert_eq!(out, &b"\"hello\""[..]);
        assert!((json.decode)(Bytes::from_static(b"5")).is_err());
    }

    #[test]
    fn a_view_is_sent_on_as_it_came() {
        // A field that the message does not know is part of it.
        let bytes = Bytes::from_static(b"\x0a\x05hello\x50\x01");
        let view: View<StringValue> = decode(&bytes).unwrap();
        let mut out = BytesMut::from("before ");
        Protobuf::encode(&view, &mut out).unwrap();
        assert_eq!(out, [b"before ", &bytes[..]].concat());
    }

    #[test]
    fn a_view_is_refused_where_its_message_is() {
        // A `Value` in a `ListValue` in a `Value`, and so on.
        let deep = |count: usize| {
            let mut bytes = Vec::new();
            for _ in 0..count {
                for tag in [0x0a, 0x32] {
                    let mut outer = vec![tag];
                    buffa::encoding::encode_varint(bytes.len() as u64, &mut outer);
                    outer.append(&mut bytes);
                    bytes = outer;
                }
            }
            bytes
        };
        let table: [(&str, Vec<u8>); 5] = [
            ("nothing", vec![]),
            ("cut short", b"\x1a\x05hel".to_vec()),
            ("no UTF-8", b"\x1a\x02\xff\xff".to_vec()),
            ("nested a little", deep(10)),
            ("nested without end", deep(10_000)),
        ];
        for (what, bytes) in table {
            let bytes = Bytes::from(bytes);
            let owned = decode::<Value>(&bytes).map_err(|error| error.to_string());
            let view = decode::<View<Value>>(&bytes).map_err(|error| error.to_string());
            let view = view.map(|view| view.to_owned_message());
            assert_eq!(view, owned, "{what}");
        }
    }
}
