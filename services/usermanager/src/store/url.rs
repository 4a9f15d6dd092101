//! The URL that says where users are kept: `sqlite:PATH` or `memory:`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where users are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: in this file.
    Sqlite(PathBuf),
    /// `memory:`: in the process, gone at its end.
    Memory,
}

impl FromStr for StoreUrl {
    type Err = BadStoreUrl;

    fn from_str(url: &str) -> Result<Self, BadStoreUrl> {
        let bad = |fault| BadStoreUrl {
            url: url.to_owned(),
            fault,
        };
        let (scheme, rest) = url.split_once(':').ok_or_else(|| bad(Fault::NoScheme))?;
        match (scheme, rest) {
            ("memory", "") => Ok(Self::Memory),
            ("memory", _) => Err(bad(Fault::MemoryHasNoPath)),
            ("sqlite", path) => {
                // `sqlite:///a/b` and `sqlite://b` are the spellings of other tools.
                let path = path.strip_prefix("//").unwrap_or(path);
                match path {
                    "" => Err(bad(Fault::NoPath)),
                    // SQLite would give every connection an empty database of its own.
                    ":memory:" => Err(bad(Fault::SqliteMemory)),
                    path if path.contains('?') => Err(bad(Fault::Parameters)),
                    path if path.contains('\0') => Err(bad(Fault::Nul)),
                    path => Ok(Self::Sqlite(path.into())),
                }
            }
            _ => Err(bad(Fault::UnknownScheme(scheme.to_owned()))),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

/// A database URL that names no store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadStoreUrl {
    url: String,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    NoScheme,
    UnknownScheme(String),
    NoPath,
    MemoryHasNoPath,
    SqliteMemory,
    Parameters,
    Nul,
}

impl fmt::Display for BadStoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database URL `{}` ", self.url.escape_debug())?;
        match &self.fault {
            Fault::NoScheme => f.write_str("has no scheme"),
            Fault::UnknownScheme(scheme) => {
                write!(f, "has the unknown scheme `{}`", scheme.escape_debug())
            }
            Fault::NoPath => f.write_str("has no path"),
            Fault::MemoryHasNoPath => f.write_str("has something after `memory:`"),
            Fault::SqliteMemory => f.write_str("is written `memory:` here"),
            Fault::Parameters => f.write_str("has a `?`, but no parameters are allowed"),
            Fault::Nul => f.write_str("has a NUL byte in its path"),
        }?;
        f.write_str("; allowed: sqlite:PATH, memory:")
    }
}

impl std::error::Error for BadStoreUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_store() {
        let table = [
            ("memory:", StoreUrl::Memory),
            ("sqlite:users.db", StoreUrl::Sqlite("users.db".into())),
            (
                "sqlite:/var/lib/users.db",
                StoreUrl::Sqlite("/var/lib/users.db".into()),
            ),
            ("sqlite://users.db", StoreUrl::Sqlite("users.db".into())),
            (
                "sqlite:///var/lib/users.db",
                StoreUrl::Sqlite("/var/lib/users.db".into()),
            ),
            (
                "sqlite:dir/利用者.db",
                StoreUrl::Sqlite("dir/利用者.db".into()),
            ),
        ];
        for (url, want) in table {
            assert_eq!(url.parse(), Ok(want), "{url}");
        }
    }

    #[test]
    fn a_bad_url_is_told_what_is_allowed() {
        let table = [
            ("users.db", "has no scheme"),
            ("", "has no scheme"),
            (
                "postgres://localhost/users",
                "has the unknown scheme `postgres`",
            ),
            ("SQLITE:users.db", "has the unknown scheme `SQLITE`"),
            ("C:\\users.db", "has the unknown scheme `C`"),
            ("sqlite:", "has no path"),
            ("sqlite://", "has no path"),
            ("sqlite::memory:", "is written `memory:` here"),
            (
                "sqlite:users.db?mode=ro",
                "has a `?`, but no parameters are allowed",
            ),
            ("memory:users", "has something after `memory:`"),
        ];
        for (url, want) in table {
            let error = url.parse::<StoreUrl>().unwrap_err().to_string();
            let url = url.escape_debug();
            let want = format!("database URL `{url}` {want}; allowed: sqlite:PATH, memory:");
            assert_eq!(error, want);
        }
    }
}
