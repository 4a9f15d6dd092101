//! A peer that writes its frames by hand and reads frames into values, without any of
//! hikyaku_http2's code: a mistake there is not made here again.

mod block;
mod frame;
mod hpack;
mod huffman;

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub use block::{block, request};
pub use frame::{Frame, frame, kind};
pub use hpack::BlockReader;

/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long the peer waits for a frame it was promised.
const PATIENCE: Duration = Duration::from_secs(600);

/// A peer over a byte stream.
#[derive(Debug)]
pub struct RawPeer<S> {
    io: S,
    input: BytesMut,
    blocks: BlockReader,
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawPeer<S> {
    /// A peer that has said nothing yet.
    pub fn new(io: S) -> Self {
        Self {
            io,
            input: BytesMut::new(),
            blocks: BlockReader::default(),
        }
    }

    /// A client that has greeted its server, acknowledgements included.
    ///
    /// # Panics
    /// If the server does not greet back.
    pub async fn client(io: S) -> Self {
        let mut peer = Self::new(io);
        peer.send(PREFACE).await;
        peer.send(&Frame::settings(&[])).await;
        loop {
            match peer.read().await {
                Some(Frame::Settings { ack: true, .. }) => return peer,
                Some(Frame::Settings { ack: false, .. }) => {
                    peer.send(&Frame::settings_ack()).await;
                }
                Some(Frame::WindowUpdate { stream: 0, .. }) => {}
                other => panic!("that is no greeting: {other:?}"),
            }
        }
    }

    /// A server that has greeted its client and announced these settings.
    ///
    /// # Panics
    /// If the client does not greet it.
    pub async fn server(io: S, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::new(io);
        while peer.input.len() < PREFACE.len() {
            assert!(
                peer.fill().await.expect("the preface comes"),
                "the client has gone"
            );
        }
        assert_eq!(&peer.input[..PREFACE.len()], PREFACE);
        peer.input.advance(PREFACE.len());
        peer.send(&Frame::settings(settings)).await;
        match peer.read().await {
            Some(Frame::Settings { ack: false, .. }) => peer.send(&Frame::settings_ack()).await,
            other => panic!("that is no greeting: {other:?}"),
        }
        peer
    }

    /// Writes bytes, as far as the other end takes them.
    ///
    /// # Panics
    /// If the connection is broken.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.expect("the connection stands");
    }

    /// Writes bytes to a connection that may be broken.
    ///
    /// # Errors
    /// As the stream's.
    pub async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// The next frame; `None` at the end of the stream, or if it broke.
    ///
    /// # Panics
    /// If nothing comes, or if it is not well-formed.
    pub async fn read(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, len)) = Frame::decode(&self.input, &mut self.blocks) {
                self.input.advance(len);
                return Some(frame);
            }
            let filled = tokio::time::timeout(PATIENCE, self.fill()).await;
            match filled.expect("a frame was promised, and does not come") {
                Ok(true) => {}
                Ok(false) | Err(_) => return None,
            }
        }
    }

    /// The next frame of this stream; frames of others are passed over.
    ///
    /// # Panics
    /// If there is none.
    pub async fn read_on(&mut self, stream: u32) -> Frame {
        loop {
            match self.read().await {
                Some(frame) if frame.stream() == stream => return frame,
                Some(_) => {}
                None => panic!("the connection ended before a frame on stream {stream} came"),
            }
        }
    }

    /// All of a stream's frames up to its end. WINDOW_UPDATE is left out.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn read_stream(&mut self, stream: u32) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.read_on(stream).await;
            let is_last = frame.ends_stream();
            if !matches!(frame, Frame::WindowUpdate { .. }) {
                frames.push(frame);
            }
            if is_last {
                return frames;
            }
        }
    }

    /// Reads to the end of the connection.
    pub async fn read_to_end(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.read().await {
            frames.push(frame);
        }
        frames
    }

    /// Closes its half of the socket, and goes on reading.
    ///
    /// # Panics
    /// If the connection is broken.
    pub async fn half_close(&mut self) {
        self.io.shutdown().await.expect("the connection stands");
    }

    async fn fill(&mut self) -> io::Result<bool> {
        Ok(self.io.read_buf(&mut self.input).await? > 0)
    }
}
