//! `usermanager import` and `export`: between a users.json and a database that nobody serves.
//!
//! A server may be running all the same; SQLite then lets one write at a time.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use crate::cli::{Export, Import};
use crate::failure::Failure;
use crate::store::{Cursor, Missing, Of, Store, StoreError, StoreUrl};
use crate::user::User;
use crate::users_json::{self, Writer};

/// Adds the users of a file that are not there yet, all of them or none.
///
/// # Errors
/// [`Failure`] if the file or the database is not usable.
pub fn import(import: &Import) -> Result<(), Failure> {
    let users = read(&import.file)?;
    let failed = |error: StoreError| Failure::of(&import.db, error);
    let store = open(&import.db, Missing::Create)?;
    let imported = runtime()?.block_on(async {
        let imported = store.import(users).await.map_err(failed)?;
        store.close().await.map_err(failed)?;
        Ok::<_, Failure>(imported)
    })?;
    let (added, taken) = (imported.added_count, imported.taken_count);
    writeln!(io::stdout().lock(), "added {added}, already there {taken}")?;
    Ok(())
}

/// Writes all users, in the order they were added.
///
/// # Errors
/// [`Failure`] if the database or the output is not usable.
pub fn export(export: &Export) -> Result<(), Failure> {
    let store = open(&export.db, Missing::Refuse)?;
    runtime()?.block_on(async {
        match &export.file {
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                write_users(&store, &mut out).await?;
                out.flush()?;
            }
            Some(file) => {
                let user_count = write_file(&store, file).await?;
                tracing::info!(user_count, file = %file.display(), "exported");
            }
        }
        store
            .close()
            .await
            .map_err(|error| Failure::of(&export.db, error))
    })
}

/// Reads a users.json.
///
/// # Errors
/// [`Failure`] with the name of the file, the place in it and what is allowed there.
pub fn read(file: &Path) -> Result<Vec<User>, Failure> {
    let json = fs::read_to_string(file).map_err(|error| Failure::of(file.display(), error))?;
    users_json::parse(&json).map_err(|error| Failure::of(file.display(), error))
}

fn open(url: &StoreUrl, missing: Missing) -> Result<Store, Failure> {
    Store::open(url, missing).map_err(|error| Failure::Failed(error.to_string()))
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| Failure::of("runtime", error))
}

async fn write_users(store: &Store, out: impl Write) -> Result<u64, Failure> {
    let mut writer = Writer::new(out);
    let mut after = Cursor::START;
    loop {
        let page = store.page(Of::All, after).await;
        let page = page.map_err(|error| Failure::of("reading users", error))?;
        if page.users.is_empty() {
            let (_out, user_count) = writer.finish()?;
            return Ok(user_count);
        }
        for user in &page.users {
            writer.write(user)?;
        }
        after = page.next;
    }
}

/// The file appears whole, under its name, or stays what it was.
async fn write_file(store: &Store, file: &Path) -> Result<u64, Failure> {
    let unfinished =
        Unfinished::create(file).map_err(|error| Failure::of(file.display(), error))?;
    let user_count = match write_users(store, BufWriter::new(&unfinished.file)).await {
        Ok(user_count) => user_count,
        Err(Failure::Failed(why) | Failure::Usage(why)) => {
            return Err(Failure::of(file.display(), why));
        }
    };
    unfinished
        .finish(file)
        .map_err(|error| Failure::of(file.display(), error))?;
    Ok(user_count)
}

/// A file under a name of its own, beside the one it is to become; removed unless finished.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn create(target: &Path) -> io::Result<Self> {
        let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file");
        let mut name = target.file_name().ok_or_else(no_name)?.to_owned();
        name.push(format!(".{}.unfinished", std::process::id()));
        let path = target.with_file_name(name);
        let file = File::create_new(&path)?;
        Ok(Self { path, file })
    }

    /// Synced before it gets its name, so that a power cut leaves the old file or the new one.
    fn finish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        #[cfg(unix)]
        File::open(
            target
                .parent()
                .filter(|path| !path.as_os_str().is_empty())
                .unwrap_or(Path::new(".")),
        )?
        .sync_all()?;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename there is nothing under this name any more.
        let _gone = fs::remove_file(&self.path);
    }
}
