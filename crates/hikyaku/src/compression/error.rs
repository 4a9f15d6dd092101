//! What is wrong with a choice of codings.

use std::fmt;

/// The codings of a channel or a server cannot be used as they were given.
///
/// # Example
/// ```
/// # hikyaku::server::runtime(1)?.block_on(async {
/// let error = hikyaku::Channel::builder("http://localhost:1").compress("lzw").lazy().unwrap_err();
/// assert!(error.to_string().starts_with("unknown coding \"lzw\""));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCoding {
    /// Messages shall be compressed with a coding that is not there.
    Unknown {
        /// The name given.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
    /// A coding has a name that cannot be sent: it is not a token of HTTP in lower case, or it is
    /// `identity`, which means none.
    Name {
        /// The name.
        name: String,
    },
    /// There are too many.
    TooMany {
        /// Codings given.
        count: usize,
        /// Codings allowed.
        max: usize,
    },
}

impl fmt::Display for BadCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } => {
                write!(f, "unknown coding {name:?}; known: {known}")
            }
            Self::Name { name } => write!(
                f,
                "a coding cannot be named {name:?}: a token in lower case, not \"identity\""
            ),
            Self::TooMany { count, max } => write!(f, "{count} codings, limit {max}"),
        }
    }
}

impl std::error::Error for BadCoding {}
