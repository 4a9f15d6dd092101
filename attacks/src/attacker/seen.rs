//! What comes back to an attacker, counted.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use hikyaku_testkit::raw::{BlockReader, kind};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;

/// All that came back so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) settings_count: u64,
    pub(crate) settings_ack_count: u64,
    pub(crate) pong_count: u64,
    /// The payload of the last acknowledged PING.
    pub(crate) last_pong: Option<[u8; 8]>,
    /// Octets of DATA.
    pub(crate) data_len: u64,
    pub(crate) data_frame_count: u64,
    /// Streams that the victim ended: with trailers, or with its last DATA.
    pub(crate) end_count: u64,
    /// Values of `grpc-status`, and how often each came.
    pub(crate) statuses: BTreeMap<String, u64>,
    /// Values of `:status`, and how often each came.
    pub(crate) http_statuses: BTreeMap<String, u64>,
    /// The fields of the last response headers, trailers apart.
    last_response: Vec<(String, String)>,
    /// Codes of RST_STREAM, and how often each came.
    pub(crate) resets: BTreeMap<u32, u64>,
    pub(crate) go_away: Option<GoAway>,
    /// The stream of bytes is over, or broken.
    pub(crate) is_closed: bool,
}

/// The last GOAWAY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GoAway {
    pub(crate) last_stream: u32,
    pub(crate) code: u32,
    pub(crate) debug: String,
}

impl fmt::Display for GoAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GOAWAY {}", code_name(self.code))?;
        if !self.debug.is_empty() {
            write!(f, " \"{}\"", self.debug)?;
        }
        Ok(())
    }
}

impl Seen {
    /// Whether the victim has ended the connection, or said that it will.
    pub(crate) fn is_over(&self) -> bool {
        self.go_away.is_some() || self.is_closed
    }

    /// How it ended, if it did.
    pub(super) fn ending(&self) -> Option<super::Ending> {
        match &self.go_away {
            Some(go_away) => Some(super::Ending::GoAway(go_away.clone())),
            None if self.is_closed => Some(super::Ending::Closed),
            None => None,
        }
    }

    /// All RST_STREAM.
    pub(crate) fn reset_count(&self) -> u64 {
        self.resets.values().sum()
    }

    /// Calls that ended with this `grpc-status`.
    pub(crate) fn status_count(&self, status: &str) -> u64 {
        self.statuses.get(status).copied().unwrap_or_default()
    }

    /// The value of a field of the last response headers, trailers apart.
    pub(crate) fn echoed(&self, name: &str) -> Option<&str> {
        let mut fields = self.last_response.iter();
        let (_, value) = fields.find(|(key, _)| key == name)?;
        Some(value)
    }

    fn take_frame(&mut self, kind: u8, flags: u8, payload: &[u8], blocks: &mut BlockReader) {
        const END_STREAM_OR_ACK: u8 = 1;
        let is_last_or_ack = flags & END_STREAM_OR_ACK != 0;
        match kind {
            kind::DATA => {
                self.data_len += payload.len() as u64;
                self.data_frame_count += 1;
                self.end_count += u64::from(is_last_or_ack);
            }
            kind::HEADERS => {
                self.take_fields(blocks.read(payload));
                self.end_count += u64::from(is_last_or_ack);
            }
            kind::RST_STREAM => *self.resets.entry(number(payload)).or_default() += 1,
            kind::SETTINGS if is_last_or_ack => self.settings_ack_count += 1,
            kind::SETTINGS => self.settings_count += 1,
            kind::PING if is_last_or_ack => {
                self.pong_count += 1;
                self.last_pong = payload.try_into().ok();
            }
            kind::GOAWAY => {
                let debug = payload.get(8..).unwrap_or_default();
                self.go_away = Some(GoAway {
                    last_stream: number(payload),
                    code: number(payload.get(4..).unwrap_or_default()),
                    debug: String::from_utf8_lossy(debug).into_owned(),
                });
            }
            _ => {}
        }
    }

    fn take_fields(&mut self, fields: Vec<(String, String)>) {
        for (name, value) in &fields {
            let counts = match name.as_str() {
                "grpc-status" => &mut self.statuses,
                ":status" => &mut self.http_statuses,
                _ => continue,
            };
            *counts.entry(value.clone()).or_default() += 1;
        }
        if fields.iter().any(|(name, _)| name == ":status") {
            self.last_response = fields;
        }
    }
}

/// Cuts bytes into frames.
#[derive(Default)]
struct Frames {
    input: Vec<u8>,
    blocks: BlockReader,
}

impl Frames {
    fn take(&mut self, bytes: &[u8], seen: &mut Seen) {
        self.input.extend_from_slice(bytes);
        let mut rest = self.input.as_slice();
        while let Some((&[a, b, c, kind, flags, ..], behind)) = rest.split_first_chunk::<9>() {
            let len = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some((payload, next)) = behind.split_at_checked(len) else {
                break;
            };
            seen.take_frame(kind, flags, payload, &mut self.blocks);
            rest = next;
        }
        let used = self.input.len() - rest.len();
        self.input.drain(..used);
    }
}

/// Reads to the end and counts.
pub(super) async fn watch(mut reader: impl AsyncRead + Unpin, seen: watch::Sender<Seen>) {
    let mut frames = Frames::default();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(len) => {
                let bytes = bytes.get(..len).unwrap_or_default();
                seen.send_modify(|seen| frames.take(bytes, seen));
            }
        }
    }
    seen.send_modify(|seen| seen.is_closed = true);
}

/// Reads until SETTINGS have come.
pub(super) async fn read_until_greeted(
    reader: &mut (impl AsyncRead + Unpin),
    seen: &watch::Sender<Seen>,
) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut bytes = [0; 1024];
    while seen.borrow().settings_count == 0 {
        match reader.read(&mut bytes).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => {
                let bytes = bytes.get(..len).unwrap_or_default();
                seen.send_modify(|seen| frames.take(bytes, seen));
            }
        }
    }
    Ok(())
}

/// RFC 9113 §7.
pub(crate) fn code_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES
        .get(code as usize)
        .copied()
        .unwrap_or("an unknown code")
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |&four| u32::from_be_bytes(four))
}
