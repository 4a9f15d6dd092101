//! HPACK: lists to blocks and back, over tables that live as long as the driver wants.
//!
//! | step | answer |
//! |---|---|
//! | `n`, encoder's own limit, decoder's announced limit | none: both tables start anew |
//! | `p`, length | none: the peer of our encoder allows so much |
//! | `m`, length | none: the peer of our decoder has acknowledged so much |
//! | `e`, count, fields (indexing, name, value) | the block |
//! | `d`, most bytes, most fields, block | `c`, fields; `l`, bytes, fields, those kept; `e`, error |

use bytes::BytesMut;
use hikyaku_http2::hpack::{Decoder, Encoder, Entry, Limits, Outcome};
use hikyaku_http2::{Field, Indexing};

use super::{Answer, Steps, Truncated};

/// The tables of one peer's two directions.
pub(crate) struct Tables {
    encoder: Encoder,
    decoder: Decoder,
    block: BytesMut,
    entries: Vec<Entry>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            encoder: Encoder::new(4096),
            decoder: Decoder::new(4096),
            block: BytesMut::new(),
            entries: Vec::new(),
        }
    }
}

impl Tables {
    pub(crate) fn take_step(
        &mut self,
        steps: &mut Steps<'_>,
        answer: &mut Answer,
    ) -> Result<(), Truncated> {
        match steps.byte()? {
            b'n' => {
                self.encoder = Encoder::new(steps.number()?);
                self.decoder = Decoder::new(steps.number()?);
            }
            b'p' => self.encoder.set_peer_table_len(steps.number()?),
            b'm' => self.decoder.set_max_table_len(steps.number()?),
            b'e' => self.encode(steps, answer)?,
            b'd' => self.decode(steps, answer)?,
            _ => return Err(Truncated),
        }
        Ok(())
    }

    fn encode(&mut self, steps: &mut Steps<'_>, answer: &mut Answer) -> Result<(), Truncated> {
        let fields = read_fields(steps)?;
        self.block.clear();
        self.encoder.encode(fields, &mut self.block);
        answer.push(&self.block);
        Ok(())
    }

    fn decode(&mut self, steps: &mut Steps<'_>, answer: &mut Answer) -> Result<(), Truncated> {
        let limits = Limits {
            max_list_bytes: steps.number()? as usize,
            max_fields: steps.number()? as usize,
        };
        self.entries.clear();
        let outcome = self
            .decoder
            .decode(steps.bytes()?, limits, &mut self.entries);
        let mut what = Answer::default();
        match outcome {
            Ok(Outcome::Complete) => what.0.push(b'c'),
            Ok(Outcome::TooLong { bytes, fields }) => {
                what.0.push(b'l');
                what.number(bytes);
                what.number(fields);
            }
            Err(error) => {
                what.0.push(b'e');
                what.0.extend_from_slice(format!("{error:?}").as_bytes());
                self.entries.clear();
            }
        }
        for entry in &self.entries {
            what.push(entry.name());
            what.push(entry.value());
        }
        answer.push(&what.0);
        Ok(())
    }
}

/// Fields, their count in front of them.
pub(super) fn read_fields<'a>(steps: &mut Steps<'a>) -> Result<Vec<Field<'a>>, Truncated> {
    let count = steps.number()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let indexing = match steps.byte()? {
            b'i' => Indexing::Indexed,
            b'l' => Indexing::Literal,
            _ => Indexing::NeverIndexed,
        };
        fields.push(Field {
            name: steps.bytes()?,
            value: steps.bytes()?,
            indexing,
        });
    }
    Ok(fields)
}
