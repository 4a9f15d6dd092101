//! The value of `grpc-timeout`: at most eight digits and a unit.
//!
//! ```text
//! 5S   250m   99999999H        H hours, M minutes, S seconds, m milli-, u micro-, n nanoseconds
//! ```
//!
//! What is not in this form is refused, never taken for "no deadline". Eight digits bound every
//! value by 99,999,999 hours, so that no peer can make the arithmetic overflow.
//!
//! Spec: gRPC over HTTP/2, "Requests", Timeout.

use std::fmt;
use std::time::Duration;

/// Reads a timeout.
///
/// Zero is accepted, in any unit, although the grammar asks for a positive number: it is what some
/// clients send when their deadline has just passed, and it means just that, "already expired".
///
/// # Errors
/// One variant of [`BadTimeout`] per broken rule. The call is then refused with INTERNAL.
pub(crate) fn decode(value: &[u8]) -> Result<Duration, BadTimeout> {
    let Some((&unit, digits)) = value.split_last() else {
        return Err(BadTimeout::Empty);
    };
    if digits.is_empty() {
        return Err(BadTimeout::NoDigits);
    }
    if digits.len() > MAX_DIGITS {
        return Err(BadTimeout::TooManyDigits {
            count: digits.len(),
        });
    }
    let mut count = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return Err(BadTimeout::NotADigit { byte });
        }
        count = count * 10 + u64::from(byte - b'0');
    }
    match unit {
        b'H' => Ok(Duration::from_secs(count * 3600)),
        b'M' => Ok(Duration::from_secs(count * 60)),
        b'S' => Ok(Duration::from_secs(count)),
        b'm' => Ok(Duration::from_millis(count)),
        b'u' => Ok(Duration::from_micros(count)),
        b'n' => Ok(Duration::from_nanos(count)),
        byte => Err(BadTimeout::NoUnit { byte }),
    }
}

/// Writes a timeout into `buffer` and returns what was written.
///
/// The finest unit whose eight digits suffice is taken and the rest rounded up, so that a peer never
/// gives up before we do: 5 s and 1 ns become `5000001u`. Without a rest the unit grows as far as it
/// can, for the sake of the header table: 5 s are `5S`. Zero becomes `1n`, the least the grammar
/// knows, and what passes 99,999,999 hours becomes just that.
pub(crate) fn encode(timeout: Duration, buffer: &mut TimeoutBuf) -> &[u8] {
    let Ok(nanos) = u64::try_from(timeout.as_nanos()) else {
        // Centuries: no other unit is as long.
        let rest = u64::from(timeout.subsec_nanos() > 0);
        let hours = timeout.as_secs().saturating_add(rest).div_ceil(3600);
        return buffer.write(hours.min(MAX_COUNT), b'H');
    };
    let nanos = nanos.max(1);
    let finest = UNITS
        .iter()
        .position(|unit| nanos.div_ceil(unit.nanos) <= MAX_COUNT);
    let (unit, count) = match finest.and_then(|first| UNITS.get(first..)) {
        Some([finest, coarser @ ..]) => {
            let count = nanos.div_ceil(finest.nanos);
            let rounded = count.saturating_mul(finest.nanos);
            let exact = coarser
                .iter()
                .rev()
                .find(|unit| rounded.is_multiple_of(unit.nanos));
            exact.map_or((finest.letter, count), |unit| {
                (unit.letter, rounded / unit.nanos)
            })
        }
        _ => (b'H', MAX_COUNT),
    };
    buffer.write(count, unit)
}

/// Room for the longest timeout, on the stack.
#[derive(Default)]
pub(crate) struct TimeoutBuf([u8; MAX_DIGITS + 1]);

impl TimeoutBuf {
    fn write(&mut self, count: u64, unit: u8) -> &[u8] {
        let mut rest = count;
        let mut start = self.0.len();
        for (position, byte) in self.0.iter_mut().enumerate().rev() {
            if position == MAX_DIGITS {
                *byte = unit;
            } else {
                let digit = (rest % 10) as u8;
                *byte = b'0' + digit;
                rest /= 10;
            }
            start = position;
            if rest == 0 && position < MAX_DIGITS {
                break;
            }
        }
        self.0.get(start..).unwrap_or_default()
    }
}

/// A `grpc-timeout` that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadTimeout {
    /// The value is empty.
    Empty,
    /// There is a unit, or something in its place, and nothing before it.
    NoDigits,
    /// More digits than eight.
    TooManyDigits {
        /// How many there are.
        count: usize,
    },
    /// A byte before the last is no digit.
    NotADigit {
        /// The byte.
        byte: u8,
    },
    /// The last byte is no unit.
    NoUnit {
        /// The byte.
        byte: u8,
    },
}

impl fmt::Display for BadTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::NoDigits => f.write_str("it has no digits before its unit"),
            Self::TooManyDigits { count } => {
                write!(f, "it has {count} digits, limit {MAX_DIGITS}")
            }
            Self::NotADigit { byte } => {
                write!(f, "it has '{}' among its digits", byte.escape_ascii())
            }
            Self::NoUnit { byte } => {
                write!(
                    f,
                    "its unit is '{}', not H, M, S, m, u or n",
                    byte.escape_ascii()
                )
            }
        }
    }
}

impl std::error::Error for BadTimeout {}

/// One unit of the grammar.
struct Unit {
    letter: u8,
    nanos: u64,
}

/// From the finest to the coarsest.
const UNITS: [Unit; 6] = [
    Unit {
        letter: b'n',
        nanos: 1,
    },
    Unit {
        letter: b'u',
        nanos: 1_000,
    },
    Unit {
        letter: b'm',
        nanos: 1_000_000,
    },
    Unit {
        letter: b'S',
        nanos: 1_000_000_000,
    },
    Unit {
        letter: b'M',
        nanos: 60_000_000_000,
    },
    Unit {
        letter: b'H',
        nanos: 3_600_000_000_000,
    },
];

/// Digits the grammar allows.
const MAX_DIGITS: usize = 8;

/// The largest number of so many digits.
const MAX_COUNT: u64 = 99_999_999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timeouts_of_every_unit() {
        let table: [(&[u8], Duration); 11] = [
            (b"2H", Duration::from_secs(7200)),
            (b"3M", Duration::from_secs(180)),
            (b"5S", Duration::from_secs(5)),
            (b"250m", Duration::from_millis(250)),
            (b"7u", Duration::from_micros(7)),
            (b"9n", Duration::from_nanos(9)),
            (b"0n", Duration::ZERO),
            (b"0H", Duration::ZERO),
            (b"00000001S", Duration::from_secs(1)),
            (b"99999999n", Duration::from_nanos(99_999_999)),
            (b"99999999H", Duration::from_secs(99_999_999 * 3600)),
        ];
        for (value, want) in table {
            assert_eq!(decode(value), Ok(want), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_timeout_is_refused() {
        let table: [(&[u8], BadTimeout); 14] = [
            (b"", BadTimeout::Empty),
            (b"S", BadTimeout::NoDigits),
            (b"5", BadTimeout::NoDigits),
            (b"55", BadTimeout::NoUnit { byte: b'5' }),
            (b"5s", BadTimeout::NoUnit { byte: b's' }),
            (b"5h", BadTimeout::NoUnit { byte: b'h' }),
            (b"5S ", BadTimeout::NotADigit { byte: b'S' }),
            (b" 5S", BadTimeout::NotADigit { byte: b' ' }),
            (b"-5S", BadTimeout::NotADigit { byte: b'-' }),
            (b"+5S", BadTimeout::NotADigit { byte: b'+' }),
            (b"1.5S", BadTimeout::NotADigit { byte: b'.' }),
            (b"\xff5S", BadTimeout::NotADigit { byte: 0xff }),
            (b"100000000n", BadTimeout::TooManyDigits { count: 9 }),
            (b"000000001S", BadTimeout::TooManyDigits { count: 9 }),
        ];
        for (value, want) in table {
            assert_eq!(decode(value), Err(want), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_timeout_is_written_short_and_rounded_up() {
        let table: [(Duration, &[u8]); 14] = [
            (Duration::ZERO, b"1n"),
            (Duration::from_nanos(1), b"1n"),
            (Duration::from_nanos(99_999_999), b"99999999n"),
            (Duration::from_nanos(100_000_001), b"100001u"),
            (Duration::from_micros(100), b"100u"),
            (Duration::from_millis(100), b"100m"),
            (Duration::from_secs(5), b"5S"),
            (Duration::new(5, 1), b"5000001u"),
            (Duration::from_secs(90), b"90S"),
            (Duration::from_secs(120), b"2M"),
            (Duration::from_secs(7200), b"2H"),
            (Duration::from_secs(99_999_999 * 3600), b"99999999H"),
            (Duration::from_secs(99_999_999 * 3600 + 1), b"99999999H"),
            (Duration::MAX, b"99999999H"),
        ];
        for (timeout, want) in table {
            let mut buffer = TimeoutBuf::default();
            assert_eq!(encode(timeout, &mut buffer), want, "{timeout:?}");
        }
    }

    #[test]
    fn every_fault_says_what_is_wrong() {
        let table = [
            (BadTimeout::Empty, "it is empty"),
            (BadTimeout::NoDigits, "it has no digits before its unit"),
            (
                BadTimeout::TooManyDigits { count: 9 },
                "it has 9 digits, limit 8",
            ),
            (
                BadTimeout::NotADigit { byte: 0xff },
                r"it has '\xff' among its digits",
            ),
            (
                BadTimeout::NoUnit { byte: b'h' },
                "its unit is 'h', not H, M, S, m, u or n",
            ),
        ];
        for (bad, want) in table {
            assert_eq!(bad.to_string(), want);
        }
    }

    /// The length of the unit a value is written in.
    fn unit_of(value: &[u8]) -> Duration {
        decode(&[b'1', value[value.len() - 1]]).unwrap()
    }

    proptest! {
        #[test]
        fn a_written_timeout_is_never_less_and_within_one_unit(
            exponent in 0u32..18, factor in 1u64..=100, nanos in 0u32..1_000_000_000
        ) {
            let secs = (factor * 10u64.pow(exponent) / 10_000_000).min(99_999_999 * 3600 - 1);
            let timeout = Duration::new(secs, nanos);
            let mut buffer = TimeoutBuf::default();
            let value = encode(timeout, &mut buffer);
            let read = decode(value).unwrap();
            prop_assert!(read >= timeout, "{timeout:?} became {read:?}");
            prop_assert!(read - timeout < unit_of(value), "{timeout:?} became {read:?}");
        }

        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            let _ = decode(&value);
        }
    }
}
