//! Header blocks of replies: decoded with care once, then known by their bytes.

use hikyaku_http2::hpack::{DEFAULT_TABLE_LEN, Decoder, Entry, Limits};

use crate::fault::Fault;

/// Reads the header blocks of one connection, in order.
pub struct ReplyReader {
    decoder: Decoder,
    fields: Vec<Entry>,
    /// The last good head and the last good trailers.
    known: [Known; 2],
}

/// A good block that left the table as it was: while the table stays so it is good again.
#[derive(Default)]
struct Known {
    block: Vec<u8>,
    generation: u64,
}

/// Which block of a reply it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Head,
    Trailers,
}

/// No server of a bench has more to say.
const LIMITS: Limits = Limits {
    max_list_bytes: 64 * 1024,
    max_fields: 256,
};

impl Default for ReplyReader {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(DEFAULT_TABLE_LEN),
            fields: Vec::new(),
            known: Default::default(),
        }
    }
}

impl ReplyReader {
    /// Reads one block; `None` if it says what that of a good reply says: status 200 and gRPC's
    /// content type, or status 0 of gRPC.
    ///
    /// # Errors
    /// [`Fault::Protocol`] if the block cannot be decoded. The connection is of no use afterwards.
    #[inline]
    pub fn read(&mut self, part: Part, block: &[u8]) -> Result<Option<Fault>, Fault> {
        let known = &self.known[part as usize];
        if known.block == block
            && known.generation == self.decoder.generation()
            && !block.is_empty()
        {
            return Ok(None);
        }
        self.decode(part, block)
    }

    #[cold]
    fn decode(&mut self, part: Part, block: &[u8]) -> Result<Option<Fault>, Fault> {
        let before = self.decoder.generation();
        self.fields.clear();
        let decoded = self.decoder.decode(block, LIMITS, &mut self.fields);
        let _ = decoded.map_err(|error| {
            Fault::Protocol(format!(
                "the server sent a header block that is none: {error}"
            ))
        })?;
        let fault = match part {
            Part::Head => self.head_fault(),
            Part::Trailers => self.trailers_fault(),
        };
        let generation = self.decoder.generation();
        if fault.is_none() && generation == before {
            self.known[part as usize] = Known {
                block: block.to_vec(),
                generation,
            };
        }
        Ok(fault)
    }

    fn head_fault(&self) -> Option<Fault> {
        let status = self.value(":status").unwrap_or_default();
        let content_type = self.value("content-type").unwrap_or_default();
        let good = status == "200" && content_type.starts_with("application/grpc");
        (!good).then_some(Fault::Head {
            status,
            content_type,
        })
    }

    fn trailers_fault(&self) -> Option<Fault> {
        let code = self
            .value("grpc-status")
            .unwrap_or_else(|| "missing".to_owned());
        let message = self.value("grpc-message").unwrap_or_default();
        (code != "0").then_some(Fault::Status { code, message })
    }

    fn value(&self, name: &str) -> Option<String> {
        let field = self
            .fields
            .iter()
            .find(|field| field.name() == name.as_bytes())?;
        Some(String::from_utf8_lossy(field.value()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: &str, message: &str) -> Option<Fault> {
        Some(Fault::Status {
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    #[test]
    fn a_block_is_good_or_says_what_is_wrong() {
        let html = Some(Fault::Head {
            status: "200".to_owned(),
            content_type: "text/html".into(),
        });
        let not_found = Some(Fault::Head {
            status: "404".to_owned(),
            content_type: String::new(),
        });
        // In this order on one connection: later rows use what earlier ones put into the table.
        let rows: &[(Part, &[u8], Option<Fault>)] = &[
            (Part::Head, b"\x88\x5f\x10application/grpc", None),
            (Part::Trailers, b"\x40\x0bgrpc-status\x010", None),
            (Part::Head, b"\x88\xbf", None),
            (Part::Head, b"\x88\xbf", None),
            (Part::Trailers, b"\xbe", None),
            (Part::Trailers, b"\xbe", None),
            (Part::Head, b"\x88\x5f\x09text/html", html),
            // The entries have moved by one: what the same block meant before does not count.
            (Part::Trailers, b"\xbe", status("missing", "")),
            (Part::Trailers, b"\xbf", None),
            (Part::Head, b"\x8d", not_found),
            (
                Part::Trailers,
                b"\0\x0bgrpc-status\x0212\0\x0cgrpc-message\x02no",
                status("12", "no"),
            ),
            (Part::Trailers, b"", status("missing", "")),
        ];
        let mut reader = ReplyReader::default();
        for (index, (part, block, want)) in rows.iter().enumerate() {
            assert_eq!(reader.read(*part, block), Ok(want.clone()), "row {index}");
        }
        assert!(matches!(
            reader.read(Part::Head, b"\xff"),
            Err(Fault::Protocol(_))
        ));
    }
}
