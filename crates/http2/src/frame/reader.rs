//! From bytes to frames: where a frame ends, and which file reads it.

use super::continuation::Continuation;
use super::data::Data;
use super::go_away::GoAway;
use super::headers::HeadersFrame;
use super::ping::Ping;
use super::priority::Priority;
use super::reset::Reset;
use super::settings::Settings;
use super::window_update::WindowUpdate;
use super::{Head, Kind};
use crate::error::{Fault, Violation};

/// One frame that obeys all rules that can be told from it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// DATA.
    Data(Data),
    /// HEADERS.
    Headers(HeadersFrame<'a>),
    /// PRIORITY.
    Priority(Priority),
    /// RST_STREAM.
    Reset(Reset),
    /// SETTINGS.
    Settings(Settings<'a>),
    /// PING.
    Ping(Ping),
    /// GOAWAY.
    GoAway(GoAway<'a>),
    /// WINDOW_UPDATE.
    WindowUpdate(WindowUpdate),
    /// CONTINUATION.
    Continuation(Continuation<'a>),
    /// A kind to be ignored.
    Unknown,
}

impl<'a> Frame<'a> {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// Those of the kind's own `decode`; [`Violation::PushPromised`] for PUSH_PROMISE.
    #[inline]
    pub fn decode(
        head: &Head,
        payload: &'a [u8],
        max_settings_count: usize,
    ) -> Result<Self, Fault> {
        Ok(match head.kind {
            Kind::Data => Self::Data(Data::decode(head, payload)?),
            Kind::Headers => Self::Headers(HeadersFrame::decode(head, payload)?),
            Kind::Priority => Self::Priority(Priority::decode(head, payload)?),
            Kind::RstStream => Self::Reset(Reset::decode(head, payload)?),
            Kind::Settings => Self::Settings(Settings::decode(head, payload, max_settings_count)?),
            Kind::PushPromise => return Err(Violation::PushPromised.into()),
            Kind::Ping => Self::Ping(Ping::decode(head, payload)?),
            Kind::GoAway => Self::GoAway(GoAway::decode(head, payload)?),
            Kind::WindowUpdate => Self::WindowUpdate(WindowUpdate::decode(head, payload)?),
            Kind::Continuation => Self::Continuation(Continuation::decode(head, payload)?),
            Kind::Unknown(_) => Self::Unknown,
        })
    }
}

/// How far the complete frames at the front of some bytes reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of complete frames.
    pub complete_len: usize,
    /// The frame behind them is too long; nothing after it can be read.
    pub error: Option<Violation>,
}

/// Finds the end of the last complete frame. A frame too long is found by its head, before any of
/// its payload is waited for.
#[inline]
#[must_use]
pub fn measure(bytes: &[u8], max_frame_len: usize) -> Extent {
    let mut rest = bytes;
    let mut complete_len = 0;
    while let Some(head) = Head::peek(rest) {
        if head.len > max_frame_len {
            let error = Some(Violation::FrameTooLong {
                len: head.len,
                max: max_frame_len,
            });
            return Extent {
                complete_len,
                error,
            };
        }
        let frame_len = Head::LEN + head.len;
        let Some(next) = rest.get(frame_len..) else {
            break;
        };
        complete_len += frame_len;
        rest = next;
    }
    Extent {
        complete_len,
        error: None,
    }
}
