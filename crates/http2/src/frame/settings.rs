//! SETTINGS (RFC 9113 §6.5).

use super::{Flags, Head};
use crate::StreamId;
use crate::error::Violation;

/// The peer's parameters, or its word that ours are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings<'a> {
    /// Entries to apply, first to last.
    Entries(Entries<'a>),
    /// Our last SETTINGS are in force at the peer.
    Ack,
}

/// The entries of one SETTINGS frame; each is six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entries<'a> {
    bytes: &'a [u8],
}

/// One parameter with a value that is legal for it (RFC 9113 §6.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Largest dynamic table our encoder may use. Bytes.
    HeaderTableLen(u32),
    /// Whether the sender takes pushes.
    EnablePush(Push),
    /// Streams the receiver may have open.
    MaxConcurrentStreams(u32),
    /// Window of every new stream, and the change for all open ones. Bytes, up to 2^31-1.
    InitialWindow(u32),
    /// Longest payload the sender takes. Bytes, 2^14 to 2^24-1.
    MaxFrameLen(u32),
    /// Advice: longest header list the sender takes. Bytes.
    MaxHeaderListBytes(u32),
    /// A parameter of an extension, to be ignored.
    Unknown(u16, u32),
}

/// The value of `SETTINGS_ENABLE_PUSH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// 0.
    Disabled,
    /// 1.
    Enabled,
}

impl<'a> Settings<'a> {
    /// Reads the payload under `head`.
    ///
    /// # Errors
    /// - [`Violation::StreamForbidden`] off stream 0.
    /// - [`Violation::BadFrameLen`] if an ACK has a payload, or it is no multiple of six.
    /// - [`Violation::TooManySettings`] over `max_count` entries.
    pub fn decode(head: &Head, payload: &'a [u8], max_count: usize) -> Result<Self, Violation> {
        let len = payload.len();
        if head.id != StreamId::CONNECTION {
            return Err(Violation::StreamForbidden(head.kind, head.id));
        }
        let is_ack = head.flags.has(Flags::ACK);
        if !len.is_multiple_of(ENTRY_LEN) || (is_ack && len != 0) {
            return Err(Violation::BadFrameLen {
                kind: head.kind,
                len,
            });
        }
        if is_ack {
            return Ok(Self::Ack);
        }
        let count = len / ENTRY_LEN;
        if count > max_count {
            return Err(Violation::TooManySettings {
                count,
                max: max_count,
            });
        }
        Ok(Self::Entries(Entries { bytes: payload }))
    }
}

impl Entries<'_> {
    /// The entries in order; an illegal value is an error in its place.
    pub fn iter(&self) -> impl Iterator<Item = Result<Setting, Violation>> {
        self.bytes.chunks_exact(ENTRY_LEN).filter_map(|entry| {
            let &[a, b, c, d, e, f] = entry.first_chunk()?;
            Some(Setting::new(
                u16::from_be_bytes([a, b]),
                u32::from_be_bytes([c, d, e, f]),
            ))
        })
    }
}

impl Setting {
    /// Checks one entry.
    ///
    /// # Errors
    /// [`Violation::BadEnablePush`], [`Violation::BadInitialWindow`],
    /// [`Violation::BadMaxFrameLen`] for a value outside its range.
    pub const fn new(id: u16, value: u32) -> Result<Self, Violation> {
        Ok(match (id, value) {
            (0x1, _) => Self::HeaderTableLen(value),
            (0x2, 0) => Self::EnablePush(Push::Disabled),
            (0x2, 1) => Self::EnablePush(Push::Enabled),
            (0x2, _) => return Err(Violation::BadEnablePush(value)),
            (0x3, _) => Self::MaxConcurrentStreams(value),
            (0x4, 0..=0x7fff_ffff) => Self::InitialWindow(value),
            (0x4, _) => return Err(Violation::BadInitialWindow(value)),
            (0x5, 0x4000..=0xff_ffff) => Self::MaxFrameLen(value),
            (0x5, _) => return Err(Violation::BadMaxFrameLen(value)),
            (0x6, _) => Self::MaxHeaderListBytes(value),
            (other, _) => Self::Unknown(other, value),
        })
    }

    /// The six bytes on the wire.
    #[must_use]
    pub const fn encode(self) -> [u8; ENTRY_LEN] {
        let (id, value) = match self {
            Self::HeaderTableLen(value) => (0x1, value),
            Self::EnablePush(Push::Disabled) => (0x2, 0),
            Self::EnablePush(Push::Enabled) => (0x2, 1),
            Self::MaxConcurrentStreams(value) => (0x3, value),
            Self::InitialWindow(value) => (0x4, value),
            Self::MaxFrameLen(value) => (0x5, value),
            Self::MaxHeaderListBytes(value) => (0x6, value),
            Self::Unknown(id, value) => (id, value),
        };
        let ([a, b], [c, d, e, f]) = (u16::to_be_bytes(id), value.to_be_bytes());
        [a, b, c, d, e, f]
    }
}

/// Bytes of one entry.
pub const ENTRY_LEN: usize = 6;
