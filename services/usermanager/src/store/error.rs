//! What can go wrong with a store: when it is opened, and later.

use std::fmt;
use std::path::PathBuf;

/// A store that could not be opened. Nothing was changed on disk.
#[derive(Debug)]
pub struct OpenError {
    pub(super) path: PathBuf,
    pub(super) fault: OpenFault,
}

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum OpenFault {
    NoDirectory(PathBuf),
    NotThere,
    NotAFile,
    NotSqlite,
    ReadOnly,
    Foreign { application_id: i32 },
    OtherVersion { found: i32, supported: i32 },
    OtherTables,
    NoWal { mode: String },
    Io(std::io::Error),
    Sqlite(rusqlite::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database `{}`: ", self.path.display())?;
        match &self.fault {
            OpenFault::NoDirectory(directory) => {
                write!(
                    f,
                    "there is no directory `{}`; create it first",
                    directory.display()
                )
            }
            OpenFault::NotThere => f.write_str("there is no such file"),
            OpenFault::NotAFile => f.write_str("not a file"),
            OpenFault::NotSqlite => f.write_str("not an SQLite database; it was left as it is"),
            OpenFault::ReadOnly => f.write_str("not writable"),
            OpenFault::Foreign { application_id } => write!(
                f,
                "an SQLite database of another program (application_id {application_id}); \
                 it was left as it is"
            ),
            OpenFault::OtherVersion { found, supported } => write!(
                f,
                "its schema has version {found}, allowed: {supported}; it was left as it is"
            ),
            OpenFault::OtherTables => {
                f.write_str("the tables are not those of its schema version; it was left as it is")
            }
            OpenFault::NoWal { mode } => write!(
                f,
                "this file system allows no write-ahead log (journal mode {mode}); use a local disk"
            ),
            OpenFault::Io(error) => error.fmt(f),
            OpenFault::Sqlite(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            OpenFault::Io(error) => Some(error),
            OpenFault::Sqlite(error) => Some(error),
            OpenFault::NoDirectory(_)
            | OpenFault::NotThere
            | OpenFault::NotAFile
            | OpenFault::NotSqlite
            | OpenFault::ReadOnly
            | OpenFault::Foreign { .. }
            | OpenFault::OtherVersion { .. }
            | OpenFault::OtherTables
            | OpenFault::NoWal { .. } => None,
        }
    }
}

/// A question an open store could not answer. A write that failed left nothing behind.
///
/// Cheap to clone: writes that share a transaction share its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process kept the database locked for too long. Trying again may help.
    Busy,
    /// The disk is full.
    Full,
    /// The store was closed.
    Closed,
    /// Anything else, in SQLite's words.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another process keeps the database locked"),
            Self::Full => f.write_str("the disk is full"),
            Self::Closed => f.write_str("the store is closed"),
            Self::Failed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(_) | None => Self::Failed(error.to_string()),
        }
    }
}
