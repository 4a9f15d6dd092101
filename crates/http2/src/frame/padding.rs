//! Padding of DATA and HEADERS (RFC 9113 §6.1).
//!
//! ```text
//! | pad length (8) | what it pads | padding (pad length) |
//! ```

use super::{Flags, Head};
use crate::error::Violation;

/// Removes padding: returns the payload without it.
///
/// # Errors
/// - [`Violation::BadFrameLen`] if not even the pad length is there.
/// - [`Violation::PaddingTooLong`] if the padding reaches over what is there.
#[inline]
pub fn strip<'a>(head: &Head, payload: &'a [u8]) -> Result<&'a [u8], Violation> {
    if !head.flags.has(Flags::PADDED) {
        return Ok(payload);
    }
    let Some((&padding, rest)) = payload.split_first() else {
        return Err(Violation::BadFrameLen {
            kind: head.kind,
            len: 0,
        });
    };
    let padding = usize::from(padding);
    rest.len()
        .checked_sub(padding)
        .and_then(|len| rest.get(..len))
        .ok_or(Violation::PaddingTooLong {
            padding,
            len: rest.len(),
        })
}
