//! The one thread that writes.
//!
//! While it waits for the disk, others queue up; it then takes all of them into one transaction.
//! So the cost of a sync is shared exactly when there is something to share it with.

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::mpsc;

use super::Answer;
use crate::limits::GROUP_WRITES;
use crate::store::{Added, Imported, StoreError};
use crate::user::User;

/// What the writer can be asked to do.
#[derive(Debug)]
pub(super) enum Write {
    /// Adds those users whose id is not taken: all or none.
    Add(Vec<User>, Answer<Imported>),
    /// Writes the log back into the file and ends the thread.
    Close(Answer<()>),
}

/// Writes until it is told to close or nobody is left to ask.
pub(super) fn run(mut connection: Connection, mut commands: mpsc::Receiver<Write>) {
    let mut group = Vec::new();
    while commands.blocking_recv_many(&mut group, GROUP_WRITES) > 0 {
        let mut closing = None;
        let mut writes = Vec::with_capacity(group.len());
        for command in group.drain(..) {
            match command {
                Write::Add(users, answer) => writes.push((users, answer)),
                Write::Close(answer) => closing = Some(answer),
            }
        }
        commit(&mut connection, writes);
        if let Some(answer) = closing {
            // Nobody who still waits in the queue is left without an answer: dropping the
            // receiver tells them that the store is closed.
            drop(commands);
            let _gone = answer.send(close(connection));
            return;
        }
    }
}

/// Makes one transaction of the whole group and answers everyone in it.
fn commit(connection: &mut Connection, writes: Vec<(Vec<User>, Answer<Imported>)>) {
    if writes.is_empty() {
        return;
    }
    let committed = transact(connection, &writes);
    if let Err(error) = &committed {
        tracing::error!(%error, write_count = writes.len(), "users were not written");
    }
    match committed {
        Ok(counts) => {
            for ((_users, answer), imported) in writes.into_iter().zip(counts) {
                let _gone = answer.send(Ok(imported));
            }
        }
        Err(error) => {
            for (_users, answer) in writes {
                let _gone = answer.send(Err(error.clone()));
            }
        }
    }
}

/// Durable when it returns: `synchronous = FULL` syncs the log before the commit is over.
fn transact(
    connection: &mut Connection,
    writes: &[(Vec<User>, Answer<Imported>)],
) -> Result<Vec<Imported>, StoreError> {
    // Dropping the transaction rolls it back, so every `?` leaves the file as it was.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut counts = Vec::with_capacity(writes.len());
    {
        let mut insert = transaction.prepare_cached(INSERT)?;
        for (users, _answer) in writes {
            let mut imported = Imported::default();
            for user in users {
                let row_count = insert.execute((
                    user.id.number(),
                    &user.nickname,
                    &user.mail_address,
                    user.user_type.number(),
                ))?;
                imported.count(if row_count == 0 {
                    Added::Taken
                } else {
                    Added::New
                });
            }
            counts.push(imported);
        }
    }
    transaction.commit()?;
    Ok(counts)
}

/// Another process may still be reading; then the log stays for the next one to write back.
fn close(connection: Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_row| Ok(()))?;
    connection
        .close()
        .map_err(|(_connection, error)| error.into())
}

pub(super) const INSERT: &str = "INSERT INTO users (id, nickname, mail_address, user_type) \
                                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING";
