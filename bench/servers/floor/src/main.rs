//! The least a gRPC server on tokio can do: read, walk over the frame heads, answer every request
//! that has ended with canned bytes, write once per read.
//!
//! It decodes no header block, runs no handler and checks nothing; its peer must be the load
//! generator. What a real server costs above it is the server's own work.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a frame's head (RFC 9113 §4.1).
const HEAD_LEN: usize = 9;
/// Bytes of the client's connection preface (RFC 9113 §3.4).
const PREFACE_LEN: usize = 24;
/// Bytes of DATA we let pass before we give them back to the connection's window.
const GRANT_BYTES: usize = 32 * 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// `:status 200` and the content type, which the peer keeps in its table.
const FIRST_HEADERS: &[u8] = b"\x88\x5f\x10application/grpc";
/// `grpc-status 0`, kept as well.
const FIRST_TRAILERS: &[u8] = b"\x40\x0bgrpc-status\x010";
/// The same two blocks once the peer knows them.
const NEXT_HEADERS: &[u8] = b"\x88\xbf";
const NEXT_TRAILERS: &[u8] = b"\xbe";
/// A `HelloReply` behind its prefix.
const REPLY: &[u8] = b"\0\0\0\0\x0e\x0a\x0cHello world!";

fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::bind(address).await?;
            println!("listening on {}", listener.local_addr()?);
            loop {
                let (socket, _) = listener.accept().await?;
                socket.set_nodelay(true)?;
                tokio::spawn(async move {
                    if let Err(error) = serve(socket).await {
                        eprintln!("{error}");
                    }
                });
            }
        })
}

/// Answers one connection until the peer closes it.
async fn serve(mut socket: TcpStream) -> io::Result<()> {
    let mut answers = Answers::default();
    let mut input = Vec::with_capacity(64 * 1024);
    let mut output = Vec::with_capacity(64 * 1024);
    frame(&mut output, SETTINGS, 0, 0, &[]);
    while input.len() < PREFACE_LEN {
        if socket.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
    input.drain(..PREFACE_LEN);
    loop {
        let used = answers.answer(&input, &mut output);
        input.drain(..used);
        socket.write_all(&output).await?;
        output.clear();
        if socket.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

/// What a connection must remember between two reads.
#[derive(Default)]
struct Answers {
    /// The peer's table holds our two blocks.
    primed: bool,
    /// Bytes of DATA received and not yet given back.
    owed_bytes: usize,
}

impl Answers {
    /// Answers all whole frames of `input` and says how many bytes they took.
    fn answer(&mut self, input: &[u8], output: &mut Vec<u8>) -> usize {
        let mut rest = input;
        while let Some((head, body)) = rest.split_at_checked(HEAD_LEN) {
            let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let Some((body, after)) = body.split_at_checked(len) else {
                break;
            };
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            self.on_frame(head[3], head[4], stream, body, output);
            rest = after;
        }
        if self.owed_bytes >= GRANT_BYTES {
            frame(
                output,
                WINDOW_UPDATE,
                0,
                0,
                &(self.owed_bytes as u32).to_be_bytes(),
            );
            self.owed_bytes = 0;
        }
        input.len() - rest.len()
    }

    fn on_frame(&mut self, kind: u8, flags: u8, stream: u32, body: &[u8], output: &mut Vec<u8>) {
        match kind {
            SETTINGS if flags & ACK == 0 => frame(output, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(output, PING, ACK, 0, body),
            DATA => self.owed_bytes += body.len(),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            let (headers, trailers) = match self.primed {
                true => (NEXT_HEADERS, NEXT_TRAILERS),
                false => (FIRST_HEADERS, FIRST_TRAILERS),
            };
            self.primed = true;
            frame(output, HEADERS, END_HEADERS, stream, headers);
            frame(output, DATA, 0, stream, REPLY);
            frame(output, HEADERS, END_HEADERS | END_STREAM, stream, trailers);
        }
    }
}

/// Appends one frame whose body is shorter than 256 bytes.
fn frame(output: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, body: &[u8]) {
    output.extend_from_slice(&[0, 0, body.len() as u8, kind, flags]);
    output.extend_from_slice(&stream.to_be_bytes());
    output.extend_from_slice(body);
}
