//! A thread that reads, on a connection that cannot write.

use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::mpsc;

use super::Answer;
use crate::limits::{PAGE_BYTES, PAGE_USERS};
use crate::store::{Cursor, Of, Page, StoreError};
use crate::user::{User, UserId, UserType};

/// What a reader can be asked.
#[derive(Debug)]
pub(super) enum Read {
    /// The user of an id.
    User(UserId, Answer<Option<User>>),
    /// Whether an id is taken.
    Contains(UserId, Answer<bool>),
    /// The next users after a place.
    Page(Of, Cursor, Answer<Page>),
    /// Ends the thread.
    Close(Answer<()>),
}

/// Reads until it is told to close or nobody is left to ask.
pub(super) fn run(connection: Connection, mut commands: mpsc::Receiver<Read>) {
    while let Some(command) = commands.blocking_recv() {
        match command {
            Read::User(id, answer) => reply(answer, || user(&connection, id)),
            Read::Contains(id, answer) => reply(answer, || contains(&connection, id)),
            Read::Page(of, after, answer) => reply(answer, || page(&connection, of, after)),
            Read::Close(answer) => {
                drop(commands);
                let closed = connection
                    .close()
                    .map_err(|(_connection, error)| error.into());
                let _gone = answer.send(closed);
                return;
            }
        }
    }
}

/// Answers, unless the call that asked is gone.
fn reply<T>(answer: Answer<T>, read: impl FnOnce() -> Result<T, StoreError>) {
    if answer.is_closed() {
        return;
    }
    let found = read();
    if let Err(error) = &found {
        tracing::error!(%error, "users could not be read");
    }
    let _gone = answer.send(found);
}

fn user(connection: &Connection, id: UserId) -> Result<Option<User>, StoreError> {
    let mut select = connection.prepare_cached(SELECT_USER)?;
    let found = select
        .query_row([id.number()], |row| Ok(user_of(row)))
        .optional()?;
    found.transpose()
}

fn contains(connection: &Connection, id: UserId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(SELECT_ID)?
        .exists([id.number()])?)
}

fn page(connection: &Connection, of: Of, after: Cursor) -> Result<Page, StoreError> {
    let mut page = Page {
        users: Vec::new(),
        next: after,
    };
    let mut bytes = 0;
    let mut select;
    let mut rows = match of {
        Of::All => {
            select = connection.prepare_cached(SELECT_ALL)?;
            select.query((after.0, PAGE_USERS))?
        }
        Of::Type(user_type) => {
            select = connection.prepare_cached(SELECT_TYPE)?;
            select.query((after.0, PAGE_USERS, user_type.number()))?
        }
    };
    while let Some(row) = rows.next()? {
        let user = user_of(row)?;
        page.next = Cursor(row.get("seq")?);
        bytes += user.text_len();
        page.users.push(user);
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(page)
}

/// The constraints of the table keep nonsense out, unless somebody takes them away.
fn user_of(row: &Row<'_>) -> Result<User, StoreError> {
    let nonsense = |what: String| StoreError::Failed(format!("in the database, {what}"));
    Ok(User {
        id: UserId::new(row.get("id")?).map_err(|error| nonsense(error.to_string()))?,
        nickname: row.get("nickname")?,
        mail_address: row.get("mail_address")?,
        user_type: UserType::from_number(row.get("user_type")?)
            .map_err(|error| nonsense(error.to_string()))?,
    })
}

pub(super) const SELECT_USER: &str =
    "SELECT id, nickname, mail_address, user_type FROM users WHERE id = ?1";

pub(super) const SELECT_ID: &str = "SELECT 1 FROM users WHERE id = ?1";

pub(super) const SELECT_ALL: &str = "SELECT seq, id, nickname, mail_address, user_type \
                                     FROM users WHERE seq > ?1 ORDER BY seq LIMIT ?2";

pub(super) const SELECT_TYPE: &str = "SELECT seq, id, nickname, mail_address, user_type \
     FROM users WHERE user_type = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2";
