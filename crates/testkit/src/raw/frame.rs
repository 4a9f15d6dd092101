//! Frames as values, and as bytes (RFC 9113 §4.1, §6).

use super::hpack::BlockReader;

/// The numbers of the frame types.
pub mod kind {
    /// DATA.
    pub const DATA: u8 = 0;
    /// HEADERS.
    pub const HEADERS: u8 = 1;
    /// PRIORITY.
    pub const PRIORITY: u8 = 2;
    /// RST_STREAM.
    pub const RST_STREAM: u8 = 3;
    /// SETTINGS.
    pub const SETTINGS: u8 = 4;
    /// PING.
    pub const PING: u8 = 6;
    /// GOAWAY.
    pub const GOAWAY: u8 = 7;
    /// WINDOW_UPDATE.
    pub const WINDOW_UPDATE: u8 = 8;
    /// CONTINUATION.
    pub const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const HEAD_LEN: usize = 9;

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of RFC 9113")]
pub enum Frame {
    Data {
        stream: u32,
        data: Vec<u8>,
        end: bool,
    },
    Headers {
        stream: u32,
        fields: Vec<(String, String)>,
        end: bool,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    Settings {
        ack: bool,
        entries: Vec<(u16, u32)>,
    },
    Ping {
        ack: bool,
        payload: [u8; 8],
    },
    GoAway {
        last_stream: u32,
        code: u32,
        debug: String,
    },
    WindowUpdate {
        stream: u32,
        increment: u32,
    },
}

/// The bytes of any frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u32;
    let mut bytes = len.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

impl Frame {
    /// SETTINGS.
    #[must_use]
    pub fn settings(entries: &[(u16, u32)]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (name, value) in entries {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        frame(kind::SETTINGS, 0, 0, &payload)
    }

    /// The acknowledgement of SETTINGS.
    #[must_use]
    pub fn settings_ack() -> Vec<u8> {
        frame(kind::SETTINGS, ACK, 0, &[])
    }

    /// HEADERS with a whole block.
    #[must_use]
    pub fn headers(stream: u32, block: &[u8], end: bool) -> Vec<u8> {
        frame(kind::HEADERS, END_HEADERS | u8::from(end), stream, block)
    }

    /// DATA.
    #[must_use]
    pub fn data(stream: u32, data: &[u8], end: bool) -> Vec<u8> {
        frame(kind::DATA, u8::from(end), stream, data)
    }

    /// DATA with one gRPC message.
    #[must_use]
    pub fn message(stream: u32, message: &[u8], end: bool) -> Vec<u8> {
        let mut data = vec![0];
        data.extend((message.len() as u32).to_be_bytes());
        data.extend(message);
        Self::data(stream, &data, end)
    }

    /// RST_STREAM.
    #[must_use]
    pub fn reset(stream: u32, code: u32) -> Vec<u8> {
        frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
    }

    /// GOAWAY.
    #[must_use]
    pub fn go_away(last_stream: u32, code: u32, debug: &str) -> Vec<u8> {
        let mut payload = last_stream.to_be_bytes().to_vec();
        payload.extend(code.to_be_bytes());
        payload.extend(debug.as_bytes());
        frame(kind::GOAWAY, 0, 0, &payload)
    }

    /// WINDOW_UPDATE.
    #[must_use]
    pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
        frame(kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
    }

    /// PING, or its acknowledgement.
    #[must_use]
    pub fn ping(ack: bool, payload: [u8; 8]) -> Vec<u8> {
        frame(kind::PING, u8::from(ack), 0, &payload)
    }

    /// The stream; 0 for the connection.
    #[must_use]
    pub const fn stream(&self) -> u32 {
        match self {
            Self::Data { stream, .. }
            | Self::Headers { stream, .. }
            | Self::Reset { stream, .. }
            | Self::WindowUpdate { stream, .. } => *stream,
            Self::Settings { .. } | Self::Ping { .. } | Self::GoAway { .. } => 0,
        }
    }

    /// Whether nothing follows on the stream.
    #[must_use]
    pub const fn ends_stream(&self) -> bool {
        match self {
            Self::Data { end, .. } | Self::Headers { end, .. } => *end,
            Self::Reset { .. } => true,
            _ => false,
        }
    }

    /// The value of a header field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        match self {
            Self::Headers { fields, .. } => fields
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str()),
            _ => None,
        }
    }

    /// The first frame in `bytes` and its length; `None` while it is not complete.
    ///
    /// # Panics
    /// If it is not well-formed, or of a kind that hikyaku never sends.
    pub(super) fn decode(bytes: &[u8], blocks: &mut BlockReader) -> Option<(Self, usize)> {
        let head = bytes.get(..HEAD_LEN)?;
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (frame_kind, flags) = (head[3], head[4]);
        let stream = number(&head[5..]);
        let payload = bytes.get(HEAD_LEN..HEAD_LEN + len)?;
        let end = flags & END_STREAM != 0;
        let frame = match frame_kind {
            kind::DATA => Self::Data {
                stream,
                data: payload.to_vec(),
                end,
            },
            kind::HEADERS => {
                assert!(
                    flags & END_HEADERS != 0,
                    "a block in pieces is not read here"
                );
                Self::Headers {
                    stream,
                    fields: blocks.read(payload),
                    end,
                }
            }
            kind::RST_STREAM => Self::Reset {
                stream,
                code: number(payload),
            },
            kind::SETTINGS => {
                let entry = |e: &[u8]| (u16::from_be_bytes([e[0], e[1]]), number(&e[2..]));
                let entries = payload.chunks_exact(6).map(entry).collect();
                Self::Settings {
                    ack: flags & ACK != 0,
                    entries,
                }
            }
            kind::PING => {
                let payload = payload.try_into().expect("a PING has eight bytes");
                Self::Ping {
                    ack: flags & ACK != 0,
                    payload,
                }
            }
            kind::GOAWAY => {
                let debug = String::from_utf8_lossy(&payload[8..]).into_owned();
                let code = number(&payload[4..]);
                Self::GoAway {
                    last_stream: number(payload),
                    code,
                    debug,
                }
            }
            kind::WINDOW_UPDATE => Self::WindowUpdate {
                stream,
                increment: number(payload),
            },
            other => panic!("a frame of type {other} is never sent"),
        };
        Some((frame, HEAD_LEN + len))
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
