//! Messages of some KiB that stand for a gigabyte, in every coding: the limit must hold while they are
//! inflated, at the server and at the client.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hikyaku::codec::{Codec, CodecError};
use hikyaku::compression::{Coding, Codings, Inflated};
use hikyaku::server::{Methods, Service};
use hikyaku::{Channel, Code, Request, Response, Server, Status};
use tokio::task::JoinSet;

use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::hostile::{count, describe, send_out};
use crate::proto::attacks::{Blob, Journey, TargetClient};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(38, "bombs", |arena| Box::pin(bombs(arena))),
    Attack::new(38, "a-hundred-bombs-at-once", |arena| {
        Box::pin(at_once(arena))
    }),
    Attack::new(38, "endless-messages-at-the-limit", |arena| {
        Box::pin(at_the_limit(arena))
    }),
    Attack::new(38, "client-bombs", |arena| Box::pin(replies(arena))),
];

/// What a bomb stands for. Bytes.
const INFLATED_LEN: u64 = 1 << 30;

/// The longest message that is taken. Bytes.
const MAX_LEN: usize = 4 * 1024 * 1024;

/// Turns every message into the same bytes.
struct Bomb {
    name: &'static str,
    bytes: Bytes,
}

impl Coding for Bomb {
    fn name(&self) -> &str {
        self.name
    }

    fn compress(&self, _: &[u8], out: &mut BytesMut) -> io::Result<()> {
        out.extend_from_slice(&self.bytes);
        Ok(())
    }

    fn decompress(&self, _: &[u8], _: &mut Inflated<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A bomb in each coding, as long as a message may be on the wire at most.
fn all_bombs() -> io::Result<Vec<(&'static str, Bytes)>> {
    Ok(vec![
        ("gzip", gzip(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")?),
        ("deflate", gzip(b"\x78\x9c")?),
        ("zstd", zstd()),
        ("br", brotli()?),
        ("snappy", snappy()?),
    ])
}

/// A mebibyte of zeros in blocks of DEFLATE that know nothing of one another, as often as it takes.
fn gzip(head: &[u8]) -> io::Result<Bytes> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 1 << 20])?;
    encoder.flush()?;
    let block = encoder.get_ref().clone();
    Ok([head, &block.repeat((INFLATED_LEN >> 20) as usize)]
        .concat()
        .into())
}

/// 8,192 blocks of one byte 131,072 times, and an empty one as the last (RFC 8878 §3.1.1).
fn zstd() -> Bytes {
    let block = (131_072_u32 << 3 | 1 << 1).to_le_bytes();
    let block = [block[0], block[1], block[2], 0];
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x68];
    let end = [1, 0, 0];
    [&head[..], &block.repeat(8192), &end].concat().into()
}

fn brotli() -> io::Result<Bytes> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 2,
        ..Default::default()
    };
    let mut bytes = Vec::new();
    let mut zeros = io::repeat(0).take(INFLATED_LEN);
    brotli::BrotliCompress(&mut zeros, &mut bytes, &params)?;
    Ok(bytes.into())
}

/// As much as goes into a message: a chunk is no shorter than a twentieth of what it stands for.
fn snappy() -> io::Result<Bytes> {
    let mut bytes = BytesMut::new();
    let (coding, zeros) = (hikyaku::compression::Snappy::default(), [0; 65_536]);
    coding.compress(&zeros, &mut bytes)?;
    // Each chunk is a stream of its own, and they may follow one another.
    let times = (MAX_LEN - 1024) / bytes.len();
    Ok(bytes.repeat(times).into())
}

fn channel(arena: &Arena, name: &'static str, bytes: &Bytes) -> Result<TargetClient, Trouble> {
    let bytes = bytes.clone();
    let channel = Channel::builder(&format!("http://{}", arena.addr()))
        .codings(Codings::none().with(Bomb { name, bytes }))
        .compress(name)
        .lazy()?;
    Ok(TargetClient::new(channel))
}

fn blob() -> Blob {
    Blob {
        payload: vec![0; 10],
        ..Default::default()
    }
}

/// One bomb after another, on each kind of call.
async fn bombs(arena: Arena) -> Result<Outcome, Trouble> {
    let mut outcome = Outcome::served("");
    for (name, bytes) in tokio::task::spawn_blocking(all_bombs).await?? {
        let client = channel(&arena, name, &bytes)?;
        let mut codes = vec![code(&client.echo(blob()).await)];
        let mut call = client.consume(Request::new(())).await?;
        let _ = call.send(blob()).await;
        codes.push(code(&call.finish().await));
        let (mut sender, mut replies) = client.chat(Request::new(())).await?;
        let _ = sender.send(blob()).await;
        codes.push(code(&replies.next().await));
        let is_refused = codes == [Code::ResourceExhausted; 3];
        outcome = outcome
            .and(format!(
                "{name} of {} KiB: {:?}",
                bytes.len() / 1024,
                codes[0]
            ))
            .must(is_refused, format!("{name}: {codes:?}"));
    }
    outcome.words = outcome.words.trim_start_matches(", ").to_owned();
    Ok(outcome)
}

fn code<T>(result: &Result<T, Status>) -> Code {
    result.as_ref().err().map_or(Code::Ok, Status::code)
}

/// As many streams as a connection has, each with a bomb of 33 KiB, ten times over.
async fn at_once(arena: Arena) -> Result<Outcome, Trouble> {
    let client = Arc::new(channel(&arena, "zstd", &zstd())?);
    let mut calls = JoinSet::new();
    let (mut refused, mut wrong) = (0, Vec::new());
    for number in 0..1000 {
        while calls.len() >= 100
            && let Some(call) = calls.join_next().await
        {
            match call? {
                Code::ResourceExhausted => refused += 1,
                other => wrong.push(other),
            }
        }
        let client = Arc::clone(&client);
        calls.spawn(async move {
            if number % 2 == 0 {
                return code(&client.echo(blob()).await);
            }
            match client.consume(Request::new(())).await {
                Ok(mut call) => {
                    let _ = call.send(blob()).await;
                    code(&call.finish().await)
                }
                Err(status) => status.code(),
            }
        });
    }
    while let Some(call) = calls.join_next().await {
        match call? {
            Code::ResourceExhausted => refused += 1,
            other => wrong.push(other),
        }
    }
    let outcome = Outcome::worked(format!("{refused} bombs refused"));
    Ok(outcome.must(wrong.is_empty(), format!("others: {wrong:?}")))
}

/// Honest messages, of which each is as long as it may be, and a thousandth of that on the wire.
async fn at_the_limit(arena: Arena) -> Result<Outcome, Trouble> {
    let channel = Channel::builder(&format!("http://{}", arena.addr()))
        .compress("zstd")
        .lazy()?;
    let mut call = TargetClient::new(channel).consume(Request::new(())).await?;
    let len = MAX_LEN - 5;
    let payload = vec![0; len];
    for _ in 0..300 {
        let payload = payload.clone();
        call.send(Blob {
            payload,
            ..Default::default()
        })
        .await?;
    }
    let bytes = call.finish().await?.into_message().bytes;
    let outcome = Outcome::worked(format!("{} MiB inflated and taken", bytes >> 20));
    Ok(outcome.must(bytes == 300 * len as u64, "not all was taken"))
}

/// Servers that answer with bombs.
async fn replies(arena: Arena) -> Result<Outcome, Trouble> {
    let mut outcome = Outcome::served("");
    for (name, bytes) in tokio::task::spawn_blocking(all_bombs).await?? {
        let listener = hikyaku::server::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?.to_string();
        let server = Server::new()
            .codings(Codings::none().with(Bomb { name, bytes }))
            .compress(name)
            .add(Thrower);
        let serving = tokio::spawn(server.serve_listener(listener));
        for method in ["Echo", "Produce"] {
            let journey = Journey {
                addr: addr.clone(),
                method: method.to_owned(),
                calls: 3,
                at_once: 1,
                timeout_millis: 20_000,
                bytes: 10,
                ..Default::default()
            };
            let findings = send_out(&arena, journey).await?;
            let refused = count(&findings, "ResourceExhausted");
            let words = format!("{name}: {}", describe(&findings));
            outcome = outcome.must(refused == 3, format!("{method}, {words}"));
        }
        serving.abort();
        outcome = outcome.and(name);
    }
    outcome.words = format!("calls of two kinds, all refused{}", outcome.words);
    Ok(outcome)
}

/// Answers anything with a byte, which its coding makes a bomb of.
struct Thrower;

impl Service for Thrower {
    fn name(&self) -> &'static str {
        "attacks.Target"
    }

    fn register(self, methods: &mut Methods) {
        methods
            .unary::<Raw, Bytes, Bytes, _, _>("/attacks.Target/Echo", |_: Request<Bytes>| async {
                Ok(Response::new(Bytes::from_static(b"x")))
            });
        methods.server_streaming::<Raw, Bytes, Bytes, _, _>(
            "/attacks.Target/Produce",
            |_: Request<Bytes>, mut replies| async move {
                replies.send(Bytes::from_static(b"x")).await
            },
        );
    }
}

/// Bytes as they are.
struct Raw;

impl Codec<Bytes> for Raw {
    fn encode(message: &Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(message);
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<Bytes, CodecError> {
        Ok(bytes)
    }
}
