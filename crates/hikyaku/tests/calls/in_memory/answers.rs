//! Requests and answers as the frames of a hand-written server.

use hikyaku_testkit::raw::{self, Frame, RawPeer};
use tokio::io::{AsyncRead, AsyncWrite};

/// One request as the server saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) stream: u32,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) data: Vec<u8>,
}

impl Seen {
    /// A field of the head.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(of, _)| of == name)?;
        Some(value)
    }

    /// The messages, which are numbers.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let number = |message: &[u8]| u64::from_be_bytes(message[5..].try_into().unwrap());
        self.data.chunks(13).map(number).collect()
    }

    /// Takes a frame of this stream in; says whether it was the last.
    pub(crate) fn take(&mut self, frame: Frame) -> bool {
        let ends = frame.ends_stream();
        match frame {
            Frame::Headers { fields, .. } => self.fields = fields,
            Frame::Data { data, .. } => self.data.extend(data),
            _ => {}
        }
        ends
    }
}

/// Reads the frames of one stream until so many numbers have come.
pub(crate) async fn read_numbers<S>(server: &mut RawPeer<S>, stream: u32, count: usize) -> Seen
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut seen = Seen {
        stream,
        ..Seen::default()
    };
    while seen.fields.is_empty() || seen.data.len() < count * 13 {
        seen.take(server.read_on(stream).await);
    }
    seen
}

/// Reads one whole request.
pub(crate) async fn read_request<S>(server: &mut RawPeer<S>, stream: u32) -> Seen
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut seen = Seen {
        stream,
        ..Seen::default()
    };
    while !seen.take(server.read_on(stream).await) {}
    seen
}

/// The head of an answer.
pub(crate) fn answer_head(stream: u32) -> Vec<u8> {
    let fields = [(":status", "200"), ("content-type", "application/grpc")];
    Frame::headers(stream, &raw::block(&fields), false)
}

/// The trailers of a success.
pub(crate) fn answer_end(stream: u32) -> Vec<u8> {
    Frame::headers(stream, &raw::block(&[("grpc-status", "0")]), true)
}

/// A whole answer with one number.
pub(crate) fn answer(stream: u32, number: u64) -> Vec<u8> {
    let message = Frame::message(stream, &number.to_be_bytes(), false);
    [answer_head(stream), message, answer_end(stream)].concat()
}
