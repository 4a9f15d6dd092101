//! A coding of the tests' own, so that they need no cargo feature, and a service that uses it.

use std::io::{self, Write};

use bytes::{BufMut, Bytes, BytesMut};
use hikyaku::compression::{Coding, Codings, Inflated};

use crate::in_memory::Calls;

/// Runs of a byte become their length and the byte.
pub(crate) struct Runs(pub(crate) &'static str);

impl Coding for Runs {
    fn name(&self) -> &str {
        self.0
    }

    fn compress(&self, message: &[u8], out: &mut BytesMut) -> io::Result<()> {
        for run in message
            .chunk_by(|a, b| a == b)
            .flat_map(|run| run.chunks(255))
        {
            out.put_slice(&[run.len() as u8, run[0]]);
        }
        Ok(())
    }

    fn decompress(&self, compressed: &[u8], out: &mut Inflated<'_>) -> io::Result<()> {
        for pair in compressed.chunks(2) {
            let &[len, byte] = pair else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            out.write_all(&vec![byte; usize::from(len)])?;
        }
        Ok(())
    }
}

/// `runs`, and the same under the name `walks`.
pub(crate) fn codings() -> Codings {
    Codings::none().with(Runs("runs")).with(Runs("walks"))
}

/// What a method answers: how its last request came, and the request itself.
pub(crate) fn told(was_compressed: bool, message: &[u8]) -> Bytes {
    let how: &[u8] = if was_compressed {
        b"packed "
    } else {
        b"plain "
    };
    [how, message].concat().into()
}

/// Methods that answer what came, and how it came. A request may wish how the answer is to be
/// compressed, by metadata: `off`, or a name.
pub(crate) fn mirror() -> Calls {
    Calls::new()
        .unary_bytes("/test.Calls/Now", |request| async move {
            let answer = told(request.was_compressed(), request.message());
            Ok(wished(answer.into(), request.metadata()))
        })
        .unary_bytes("/test.Calls/Later", |request| async move {
            tokio::task::yield_now().await;
            let answer = told(request.was_compressed(), request.message());
            Ok(wished(answer.into(), request.metadata()))
        })
        .bidi_bytes("/test.Calls/All", |mut requests, mut replies| async move {
            if let Some(wish) = requests.metadata().get("wish") {
                replies.set_compression(named(wish))?;
            }
            while let Some(message) = requests.next().await? {
                let answer = told(requests.was_compressed(), &message);
                if message.starts_with(b"secret") {
                    replies.send_uncompressed(answer).await?;
                } else {
                    replies.send(answer).await?;
                }
            }
            Ok(())
        })
        .client_streaming_bytes("/test.Calls/Sum", |mut requests| async move {
            let (mut compressed, mut all) = (0, 0);
            while let Some(message) = requests.next().await? {
                compressed += u64::from(requests.was_compressed());
                all += message.len() as u64;
            }
            Ok((compressed * 1000 + all).into())
        })
}

fn wished(
    answer: hikyaku::Response<Bytes>,
    metadata: &hikyaku::Metadata,
) -> hikyaku::Response<Bytes> {
    match metadata.get("wish").map(named) {
        None => answer,
        Some(None) => answer.without_compression(),
        Some(Some(name)) => answer.with_compression(name),
    }
}

/// The wish in words that live for ever.
fn named(wish: &str) -> Option<&'static str> {
    match wish {
        "off" => None,
        "runs" => Some("runs"),
        "walks" => Some("walks"),
        "identity" => Some("identity"),
        _ => Some("no-such-coding"),
    }
}
