//! Users in an SQLite file.
//!
//! ```text
//! handler -- add ----> writer: all that wait -> one transaction -> one sync -> all answers
//! handler -- user ---> reader 1 ..= 4, in turns
//! ```
//!
//! Each thread owns a connection of its own. In WAL mode readers never wait for the writer, and
//! a reader sees a write as soon as it was answered.

mod reader;
mod schema;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use self::reader::Read;
use self::writer::Write;
use super::error::OpenFault;
use super::{Added, Cursor, Imported, Missing, Of, OpenError, Page, StoreError};
use crate::limits::{MAX_READERS, WAITING_COMMANDS};
use crate::user::{User, UserId};

/// Keeps users in a file. An answer to a write comes after the sync to disk.
#[derive(Debug)]
pub struct SqliteStore {
    writer: mpsc::Sender<Write>,
    readers: Vec<mpsc::Sender<Read>>,
    next_reader: AtomicUsize,
}

/// Where a thread of the store sends what it found.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

impl SqliteStore {
    pub(super) fn open(path: &Path, missing: Missing) -> Result<Self, OpenError> {
        Self::start(path, missing).map_err(|fault| OpenError {
            path: path.to_owned(),
            fault,
        })
    }

    fn start(path: &Path, missing: Missing) -> Result<Self, OpenFault> {
        let connection = schema::open_writer(path, missing)?;
        let (writer, commands) = mpsc::channel(WAITING_COMMANDS);
        spawn("users-writer", move || writer::run(connection, commands))?;
        let reader_count = thread::available_parallelism().map_or(1, |cores| cores.get());
        let readers = (0..reader_count.min(MAX_READERS))
            .map(|_| {
                let connection = schema::open_reader(path)?;
                let (reader, commands) = mpsc::channel(WAITING_COMMANDS);
                spawn("users-reader", move || reader::run(connection, commands))?;
                Ok(reader)
            })
            .collect::<Result<_, OpenFault>>()?;
        Ok(Self {
            writer,
            readers,
            next_reader: AtomicUsize::new(0),
        })
    }

    pub(super) async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        ask(self.reader()?, |answer| Read::User(id, answer)).await
    }

    pub(super) async fn contains(&self, id: UserId) -> Result<bool, StoreError> {
        ask(self.reader()?, |answer| Read::Contains(id, answer)).await
    }

    pub(super) async fn page(&self, of: Of, after: Cursor) -> Result<Page, StoreError> {
        ask(self.reader()?, |answer| Read::Page(of, after, answer)).await
    }

    pub(super) async fn add(&self, user: User) -> Result<Added, StoreError> {
        let imported = self.import(vec![user]).await?;
        Ok(if imported.added_count == 0 {
            Added::Taken
        } else {
            Added::New
        })
    }

    pub(super) async fn import(&self, users: Vec<User>) -> Result<Imported, StoreError> {
        ask(&self.writer, |answer| Write::Add(users, answer)).await
    }

    /// The writer closes last: SQLite removes the log with the last connection.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        for reader in &self.readers {
            ask(reader, Read::Close).await?;
        }
        ask(&self.writer, Write::Close).await
    }

    /// The reader whose turn it is.
    fn reader(&self) -> Result<&mpsc::Sender<Read>, StoreError> {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed);
        let position = turn.checked_rem(self.readers.len()).unwrap_or(0);
        self.readers.get(position).ok_or(StoreError::Closed)
    }
}

/// Sends a command to a thread and waits for its answer, never blocking the task.
async fn ask<C, T>(
    thread: &mpsc::Sender<C>,
    command: impl FnOnce(Answer<T>) -> C,
) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    thread
        .send(command(answer))
        .await
        .map_err(|_closed| StoreError::Closed)?;
    answered.await.map_err(|_closed| StoreError::Closed)?
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenFault> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(OpenFault::Io)
}
