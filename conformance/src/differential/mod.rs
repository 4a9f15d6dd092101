//! Our end of the differential tests: it does what another implementation's driver says, and tells
//! what came of it. The drivers are in `conformance/differential/`.
//!
//! ```text
//! stdin:   | length (32) | subject (8) | steps ...                |  one batch after the other
//! stdout:  | length (32) | length (32) what came of a step | ...  |  one answer for each batch
//! ```
//!
//! All numbers are big-endian. Each subject has steps of its own; what was begun in one batch goes
//! on in the next.

use std::error::Error;
use std::io::{self, Read, Write};

mod hpack;
mod session;

use hpack::Tables;
use session::Session;

/// Answers batches until the driver ends.
///
/// # Errors
/// A pipe breaks, or a batch cannot be read.
pub(crate) fn answer() -> Result<(), Box<dyn Error>> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut tables, mut session) = (Tables::default(), Session::default());
    let mut batch = Vec::new();
    while read_batch(&mut input, &mut batch)? {
        let mut steps = Steps(&batch);
        let mut answer = Answer::default();
        match steps.byte()? {
            b'h' => {
                while !steps.0.is_empty() {
                    tables.take_step(&mut steps, &mut answer)?;
                }
            }
            b's' => {
                while !steps.0.is_empty() {
                    session.take_step(&mut steps, &mut answer)?;
                }
            }
            subject => return Err(format!("there is no subject {subject}").into()),
        }
        output.write_all(&u32::try_from(answer.0.len())?.to_be_bytes())?;
        output.write_all(&answer.0)?;
        output.flush()?;
    }
    Ok(())
}

/// Reads the next batch; `false` at the end.
fn read_batch(input: &mut impl Read, batch: &mut Vec<u8>) -> io::Result<bool> {
    let mut head = [0; 4];
    match input.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        read => read?,
    }
    batch.clear();
    let len = u32::from_be_bytes(head);
    input.take(u64::from(len)).read_to_end(batch)?;
    Ok(batch.len() == len as usize)
}

/// The rest of a batch.
pub(crate) struct Steps<'a>(&'a [u8]);

/// The driver sent fewer bytes than it announced.
#[derive(Debug)]
pub(crate) struct Truncated;

impl<'a> Steps<'a> {
    fn byte(&mut self) -> Result<u8, Truncated> {
        let (&byte, rest) = self.0.split_first().ok_or(Truncated)?;
        self.0 = rest;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u32, Truncated> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Truncated)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// Bytes, their count in front of them.
    fn bytes(&mut self) -> Result<&'a [u8], Truncated> {
        let len = self.number()? as usize;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }
}

impl std::fmt::Display for Truncated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a batch ends in the middle of a step")
    }
}

impl Error for Truncated {}

/// What came of the steps of one batch.
#[derive(Default)]
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    /// What came of one step.
    fn push(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "nothing here is that long, and the driver would see it"
    )]
    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u32).to_be_bytes());
    }
}
