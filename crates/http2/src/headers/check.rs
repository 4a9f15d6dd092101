//! The rules about a whole header list (RFC 9113 §8.2, §8.3).

use super::kind::{Fault, Kind};
use crate::error::Malformed;
use crate::hpack::Entry;

/// What a header list belongs to; each has its own pseudo-headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The first list of a client's stream.
    Request,
    /// A list of a server's stream, until one has a final status.
    Response,
    /// The list that ends a stream.
    Trailers,
}

/// What was learned on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Pseudo-headers; they stand first.
    pub pseudo_count: usize,
    /// `:status`.
    pub status: Option<u16>,
    /// `content-length`.
    pub content_length: Option<u64>,
    /// `cookie` fields, each a crumb of one.
    pub crumb_count: usize,
}

/// Checks a decoded list.
///
/// # Errors
/// [`Malformed`], one variant per broken rule.
pub fn check(entries: &[Entry], message: Message) -> Result<Summary, Malformed> {
    let mut summary = Summary::default();
    let mut seen = Seen::default();
    for (index, entry) in entries.iter().enumerate() {
        match entry.kind() {
            Kind::Method => seen.add(METHOD, index)?,
            Kind::Scheme => seen.add(SCHEME, index)?,
            Kind::Authority => seen.add(AUTHORITY, index)?,
            Kind::Path => seen.add(PATH, index)?,
            Kind::Status => {
                seen.add(STATUS, index)?;
                summary.status = number(entry.value()).and_then(|number| number.try_into().ok());
            }
            Kind::UnknownPseudo => return Err(Malformed::ForbiddenPseudo),
            Kind::ConnectionSpecific => return Err(Malformed::ConnectionSpecific),
            Kind::Malformed(fault) => return Err(fault.into()),
            Kind::ContentLength => {
                let len = number(entry.value()).ok_or(Malformed::ContentLength)?;
                if summary
                    .content_length
                    .replace(len)
                    .is_some_and(|before| before != len)
                {
                    return Err(Malformed::ContentLength);
                }
            }
            Kind::Host => seen.has_host = true,
            Kind::Cookie => summary.crumb_count += 1,
            Kind::Te | Kind::Regular => {}
        }
    }
    summary.pseudo_count = seen.count;
    match message {
        Message::Request => check_request(entries, seen)?,
        Message::Response => check_response(seen, summary.status)?,
        Message::Trailers if seen.bits == 0 => {}
        Message::Trailers => return Err(Malformed::ForbiddenPseudo),
    }
    Ok(summary)
}

/// RFC 9113 §8.3.1, §8.5.
fn check_request(entries: &[Entry], seen: Seen) -> Result<(), Malformed> {
    if seen.bits & STATUS != 0 {
        return Err(Malformed::ForbiddenPseudo);
    }
    if seen.bits & METHOD == 0 {
        return Err(Malformed::MissingPseudo);
    }
    let value = |kind| {
        entries
            .iter()
            .find(|entry| entry.kind() == kind)
            .map(Entry::value)
    };
    if value(Kind::Method) == Some(b"CONNECT") {
        return match seen.bits & !METHOD {
            AUTHORITY => check_host(entries, seen),
            bits if bits & AUTHORITY == 0 => Err(Malformed::MissingPseudo),
            _ => Err(Malformed::ForbiddenPseudo),
        };
    }
    if seen.bits & (SCHEME | PATH) != SCHEME | PATH {
        return Err(Malformed::MissingPseudo);
    }
    if value(Kind::Path) == Some(b"*") && value(Kind::Method) != Some(b"OPTIONS") {
        return Err(Malformed::PseudoValue);
    }
    check_host(entries, seen)
}

/// All of `:authority` and `host` must name the same (RFC 9113 §8.3.1).
fn check_host(entries: &[Entry], seen: Seen) -> Result<(), Malformed> {
    if !seen.has_host {
        return Ok(());
    }
    let mut names = entries
        .iter()
        .filter(|entry| matches!(entry.kind(), Kind::Authority | Kind::Host));
    let first = names.next().map(Entry::value).unwrap_or_default();
    if names.all(|entry| entry.value().eq_ignore_ascii_case(first)) {
        Ok(())
    } else {
        Err(Malformed::HostMismatch)
    }
}

/// RFC 9113 §8.3.2; 101 has no meaning here (§8.6).
fn check_response(seen: Seen, status: Option<u16>) -> Result<(), Malformed> {
    match (seen.bits, status) {
        (STATUS, Some(101) | None) => Err(Malformed::PseudoValue),
        (STATUS, Some(_)) => Ok(()),
        (bits, _) if bits & STATUS == 0 => Err(Malformed::MissingPseudo),
        _ => Err(Malformed::ForbiddenPseudo),
    }
}

/// The pseudo-headers seen so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    bits: u8,
    count: usize,
    has_host: bool,
}

impl Seen {
    fn add(&mut self, bit: u8, index: usize) -> Result<(), Malformed> {
        if self.bits & bit != 0 {
            return Err(Malformed::DuplicatePseudo);
        }
        if self.count != index {
            return Err(Malformed::LatePseudo);
        }
        self.bits |= bit;
        self.count += 1;
        Ok(())
    }
}

const METHOD: u8 = 1;
const SCHEME: u8 = 2;
const AUTHORITY: u8 = 4;
const PATH: u8 = 8;
const STATUS: u8 = 16;

/// The number these digits are; `kind` has checked that they are digits and few enough.
fn number(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::EmptyName | Fault::UpperCaseName | Fault::NameByte => Self::FieldName,
            Fault::ValueByte | Fault::ValueSpace => Self::FieldValue,
            Fault::Te => Self::Te,
            Fault::ContentLength => Self::ContentLength,
            Fault::Method
            | Fault::Scheme
            | Fault::Authority
            | Fault::Path
            | Fault::Status
            | Fault::Host => Self::PseudoValue,
        }
    }
}
