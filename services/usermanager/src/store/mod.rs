//! Where users are kept, and the questions that can be put to it.
//!
//! Two stores answer the same way: `sqlite` keeps users in a file, `memory` forgets them at
//! the end. Nothing here blocks an async task: SQLite runs on threads of its own, and memory
//! answers at once.

mod error;
mod memory;
mod sqlite;
mod url;

#[cfg(test)]
mod tests;

pub use error::{OpenError, StoreError};
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;
pub use url::{BadStoreUrl, StoreUrl};

use crate::user::{User, UserId, UserType};

/// Keeps users. Every method may run at the same time as every other.
///
/// Dropping the future of a write does not take the write back: it may still happen.
#[derive(Debug)]
pub enum Store {
    /// In a file, durably.
    Sqlite(SqliteStore),
    /// In this process.
    Memory(MemoryStore),
}

impl Store {
    /// Opens the store of a URL. Blocks on the disk: call it before serving.
    ///
    /// # Errors
    /// [`OpenError`], which names the file and what is wrong with it.
    pub fn open(url: &StoreUrl, missing: Missing) -> Result<Self, OpenError> {
        match url {
            StoreUrl::Sqlite(path) => SqliteStore::open(path, missing).map(Self::Sqlite),
            StoreUrl::Memory => Ok(Self::Memory(MemoryStore::default())),
        }
    }

    /// The user of an id.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        match self {
            Self::Sqlite(store) => store.user(id).await,
            Self::Memory(store) => Ok(store.user(id)),
        }
    }

    /// Whether an id is taken.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn contains(&self, id: UserId) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(store) => store.contains(id).await,
            Self::Memory(store) => Ok(store.contains(id)),
        }
    }

    /// Adds a user unless its id is taken. The answer comes when it would survive a power cut.
    ///
    /// # Errors
    /// [`StoreError`] if the user could not be written; it is not there then.
    pub async fn add(&self, user: User) -> Result<Added, StoreError> {
        match self {
            Self::Sqlite(store) => store.add(user).await,
            Self::Memory(store) => Ok(store.add(user)),
        }
    }

    /// Adds those users whose id is not taken: all of them or, after an error, none.
    ///
    /// # Errors
    /// [`StoreError`] if they could not be written.
    pub async fn import(&self, users: Vec<User>) -> Result<Imported, StoreError> {
        match self {
            Self::Sqlite(store) => store.import(users).await,
            Self::Memory(store) => Ok(store.import(users)),
        }
    }

    /// The next users in the order they were added. An empty page is the end.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn page(&self, of: Of, after: Cursor) -> Result<Page, StoreError> {
        match self {
            Self::Sqlite(store) => store.page(of, after).await,
            Self::Memory(store) => Ok(store.page(of, after)),
        }
    }

    /// Finishes what was begun and lets go of the file. Later calls fail.
    ///
    /// # Errors
    /// [`StoreError`] if the log could not be written back into the file. Nothing is lost by
    /// that: the next opening does it.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Memory(_) => Ok(()),
        }
    }
}

/// What to do about a file that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Begin a new one.
    Create,
    /// Say so.
    Refuse,
}

/// What became of a user that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is kept now.
    New,
    /// Its id was taken; whoever has it stays as it was.
    Taken,
}

/// What became of users that were to be imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Users that are new.
    pub added_count: usize,
    /// Users whose id was taken, and who stay as they were.
    pub taken_count: usize,
}

impl Imported {
    /// Counts one user.
    fn count(&mut self, added: Added) {
        match added {
            Added::New => self.added_count += 1,
            Added::Taken => self.taken_count += 1,
        }
    }
}

/// Which users a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Every user.
    All,
    /// Those of one type.
    Type(UserType),
}

/// A place in the order of adding. It belongs to the store and the [`Of`] it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(i64);

impl Cursor {
    /// Before the first user.
    pub const START: Self = Self(0);
}

/// Some users in the order they were added, and where the next ones begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most [`PAGE_USERS`](crate::limits::PAGE_USERS); none at the end.
    pub users: Vec<User>,
    /// Give it to the next call.
    pub next: Cursor,
}
