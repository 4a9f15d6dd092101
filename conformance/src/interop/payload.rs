//! Payloads: so many zeros.

use super::proto::Payload;
use super::verdict::{Outcome, Why, equal};

/// So many zeros.
pub(super) fn zeros(len: usize) -> Payload {
    Payload {
        body: vec![0; len],
        ..Default::default()
    }
}

/// Fails the case unless the payload is so many zeros.
pub(super) fn check(payload: &Payload, len: usize) -> Outcome {
    equal("the payload's length", payload.body.len(), len)?;
    match payload.body.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(index) => Err(Why::new(format!(
            "the payload: wanted zeros, got another byte at {index}"
        ))),
    }
}
