//! The frames that begin a call of the service that is attacked, written by hand.

use hikyaku_testkit::raw::{self, Frame};

/// The largest increment that the connection's window takes at its start.
pub(crate) const WIDEST: u32 = i32::MAX as u32 - 65_535;

/// Names of SETTINGS (RFC 9113 §6.5.2).
pub(crate) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// The header block of a call of this method, with further fields.
pub(crate) fn block(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    raw::request(&format!("/attacks.Target/{method}"), more)
}

/// HEADERS of a call whose requests are still to come.
pub(crate) fn open(stream: u32, block: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(Frame::headers(stream, block, false));
}

/// A whole call with one request, the empty one.
pub(crate) fn call(stream: u32, block: &[u8], bytes: &mut Vec<u8>) {
    open(stream, block, bytes);
    bytes.extend(Frame::message(stream, &[], true));
}

/// A whole call of `Produce`.
pub(crate) fn produce(stream: u32, block: &[u8], len: u64, bytes: &mut Vec<u8>) {
    // Field 1 as a varint.
    let mut message = vec![8];
    let mut rest = len;
    while rest >= 128 {
        message.push(128 | (rest % 128) as u8);
        rest /= 128;
    }
    message.push(rest as u8);
    open(stream, block, bytes);
    bytes.extend(Frame::message(stream, &message, true));
}

/// The stream of the call with this number, from 0.
pub(crate) const fn stream(index: u64) -> u32 {
    2 * index as u32 + 1
}
