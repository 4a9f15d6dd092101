//! The file: recognised before it is touched, created if it is not there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, TransactionBehavior};

use super::{reader, writer};
use crate::limits::BUSY_SECONDS;
use crate::store::Missing;
use crate::store::error::OpenFault;

/// Marks the file as one of ours: "hkyu" in ASCII.
const APPLICATION_ID: i32 = 0x686b_7975;

/// Counts changes of [`TABLES`]. A file of another version is left alone.
const VERSION: i32 = 1;

/// `seq` is the order of adding. It never goes back, not even after the newest row was deleted.
const TABLES: &str = "
    CREATE TABLE users (
        seq          INTEGER PRIMARY KEY AUTOINCREMENT,
        id           INTEGER NOT NULL UNIQUE CHECK (id BETWEEN 1 AND 4294967295),
        nickname     TEXT NOT NULL,
        mail_address TEXT NOT NULL,
        user_type    INTEGER NOT NULL CHECK (user_type BETWEEN 0 AND 4)
    ) STRICT;
    CREATE INDEX users_by_type ON users (user_type, seq);
";

/// Opens the connection that writes; creates the tables of a new file.
pub(super) fn open_writer(path: &Path, missing: Missing) -> Result<Connection, OpenFault> {
    check_place(path, missing)?;
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if missing == Missing::Create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut connection = open(path, flags)?;
    // Looking comes first: the journal mode is a change to the file.
    look(&connection)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(OpenFault::ReadOnly);
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenFault::NoWal { mode });
    }
    connection.pragma_update(None, "synchronous", "full")?;
    // On macOS a plain sync stops at the drive's cache. Elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    create_tables(&mut connection)?;
    for sql in [
        writer::INSERT,
        reader::SELECT_USER,
        reader::SELECT_ID,
        reader::SELECT_ALL,
        reader::SELECT_TYPE,
    ] {
        connection
            .prepare(sql)
            .map_err(|_missing| OpenFault::OtherTables)?;
    }
    Ok(connection)
}

/// Opens a connection that reads. The writer's must be open already.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenFault> {
    open(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, OpenFault> {
    // A path that begins with `file:` would be read as a URI; an absolute one stays what it is.
    let connection = Connection::open_with_flags(Path::new(".").join(path), flags)?;
    connection.busy_timeout(Duration::from_secs(BUSY_SECONDS))?;
    Ok(connection)
}

/// SQLite's own words for all of these are "unable to open database file".
fn check_place(path: &Path, missing: Missing) -> Result<(), OpenFault> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(_) => return Err(OpenFault::NotAFile),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(OpenFault::Io(error)),
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    if !directory.is_dir() {
        return Err(OpenFault::NoDirectory(directory.to_owned()));
    }
    match missing {
        Missing::Create => Ok(()),
        Missing::Refuse => Err(OpenFault::NotThere),
    }
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Ours,
    Empty,
}

fn look(connection: &Connection) -> Result<Found, OpenFault> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let application_id = number("application_id")?;
    let found = number("user_version")?;
    let table_count: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    match (application_id, found, table_count) {
        (APPLICATION_ID, VERSION, _) => Ok(Found::Ours),
        (APPLICATION_ID, found, _) => Err(OpenFault::OtherVersion {
            found,
            supported: VERSION,
        }),
        (0, 0, 0) => Ok(Found::Empty),
        (application_id, _, _) => Err(OpenFault::Foreign { application_id }),
    }
}

/// Looks again inside the transaction: another process may have been faster.
fn create_tables(connection: &mut Connection) -> Result<(), OpenFault> {
    if look(connection)? == Found::Ours {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if look(&transaction)? == Found::Empty {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

impl From<rusqlite::Error> for OpenFault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotSqlite,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(_) | None => Self::Sqlite(error),
        }
    }
}
