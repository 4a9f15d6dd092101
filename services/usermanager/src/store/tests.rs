//! One table of behaviours for both stores, and what only a file can do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;

use super::*;
use crate::limits::{PAGE_BYTES, PAGE_USERS};

/// A directory of its own for one test, gone at its end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("usermanager-store-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn open(path: &Path) -> Result<Store, OpenError> {
    Store::open(&StoreUrl::Sqlite(path.to_owned()), Missing::Create)
}

fn id(number: u32) -> UserId {
    UserId::new(number).unwrap()
}

fn user(number: u32, user_type: UserType) -> User {
    User {
        id: id(number),
        nickname: format!("name {number} 飛脚\0"),
        mail_address: format!("{number}@example.com"),
        user_type,
    }
}

async fn all(store: &Store, of: Of) -> Vec<User> {
    let mut users = Vec::new();
    let mut cursor = Cursor::START;
    loop {
        let page = store.page(of, cursor).await.unwrap();
        if page.users.is_empty() {
            return users;
        }
        users.extend(page.users);
        cursor = page.next;
    }
}

/// Runs a behaviour against both stores.
fn both(behaviour: impl AsyncFn(&Store)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let directory = Directory::new();
    let sqlite = open(&directory.file("users.db")).unwrap();
    let memory = Store::open(&StoreUrl::Memory, Missing::Create).unwrap();
    runtime.block_on(async {
        for store in [memory, sqlite] {
            behaviour(&store).await;
            store.close().await.unwrap();
        }
    });
}

#[test]
fn what_was_added_is_found_and_nothing_else() {
    both(async |store| {
        for number in [1, 7, u32::MAX] {
            let user = user(number, UserType::Guest);
            assert_eq!(store.user(user.id).await, Ok(None));
            assert_eq!(store.contains(user.id).await, Ok(false));
            assert_eq!(store.add(user.clone()).await, Ok(Added::New));
            assert_eq!(store.contains(user.id).await, Ok(true));
            assert_eq!(store.user(user.id).await, Ok(Some(user)));
        }
    });
}

#[test]
fn a_taken_id_stays_with_its_first_user() {
    both(async |store| {
        let first = user(1, UserType::Guest);
        let second = User {
            nickname: "second".to_owned(),
            ..user(1, UserType::Normal)
        };
        assert_eq!(store.add(first.clone()).await, Ok(Added::New));
        assert_eq!(store.add(second).await, Ok(Added::Taken));
        assert_eq!(all(store, Of::All).await, [first]);
        assert_eq!(all(store, Of::Type(UserType::Normal)).await, []);
    });
}

#[test]
fn pages_come_in_the_order_of_adding() {
    both(async |store| {
        let count = u32::from(PAGE_USERS) * 2 + 3;
        // Ids go down, so that their order is not that of adding.
        let users: Vec<_> = (1..=count)
            .rev()
            .map(|number| user(number, UserType::ALL[number as usize % 2]))
            .collect();
        let imported = store.import(users.clone()).await.unwrap();
        assert_eq!(
            (imported.added_count, imported.taken_count),
            (users.len(), 0)
        );
        assert_eq!(all(store, Of::All).await, users);
        for user_type in UserType::ALL {
            let of_type: Vec<_> = users
                .iter()
                .filter(|user| user.user_type == user_type)
                .cloned()
                .collect();
            assert_eq!(
                all(store, Of::Type(user_type)).await,
                of_type,
                "{user_type}"
            );
        }
        let page = store.page(Of::All, Cursor::START).await.unwrap();
        assert_eq!(page.users.len(), usize::from(PAGE_USERS));
    });
}

#[test]
fn a_page_of_long_names_ends_early() {
    both(async |store| {
        let users: Vec<_> = (1..=5)
            .map(|number| User {
                nickname: "n".repeat(PAGE_BYTES / 2),
                ..user(number, UserType::Guest)
            })
            .collect();
        store.import(users.clone()).await.unwrap();
        let page = store
            .page(Of::Type(UserType::Guest), Cursor::START)
            .await
            .unwrap();
        assert_eq!(page.users.len(), 2);
        assert_eq!(all(store, Of::Type(UserType::Guest)).await, users);
    });
}

#[test]
fn an_import_adds_those_not_there_yet() {
    both(async |store| {
        let kept = user(2, UserType::Administrator);
        store.add(kept.clone()).await.unwrap();
        let users = vec![
            user(1, UserType::Guest),
            user(2, UserType::Guest),
            user(3, UserType::None),
        ];
        let imported = store.import(users.clone()).await;
        assert_eq!(
            imported,
            Ok(Imported {
                added_count: 2,
                taken_count: 1
            })
        );
        assert_eq!(
            all(store, Of::All).await,
            [kept, users[0].clone(), users[2].clone()]
        );
    });
}

#[test]
fn many_writers_at_once_each_get_their_own_answer() {
    both(async |store| {
        let adds = (0..64).map(|turn| store.add(user(turn / 2 + 1, UserType::Normal)));
        let mut new_count = 0;
        for added in join_all(adds).await {
            new_count += usize::from(added.unwrap() == Added::New);
        }
        assert_eq!(new_count, 32);
        assert_eq!(all(store, Of::All).await.len(), 32);
    });
}

/// Polls all of them at the same time.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<_> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    outputs.into_iter().map(Option::unwrap).collect()
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is_closed() {
    let directory = Directory::new();
    let store = open(&directory.file("users.db")).unwrap();
    store.close().await.unwrap();
    assert_eq!(
        store.add(user(1, UserType::None)).await,
        Err(StoreError::Closed)
    );
    assert_eq!(store.user(id(1)).await, Err(StoreError::Closed));
    assert_eq!(store.close().await, Err(StoreError::Closed));
}

#[tokio::test]
async fn closing_leaves_one_file_and_opening_finds_everything() {
    let directory = Directory::new();
    let path = directory.file("users.db");
    let users = [user(9, UserType::Guest), user(3, UserType::Normal)];
    let store = open(&path).unwrap();
    store.import(users.to_vec()).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 1);

    let store = open(&path).unwrap();
    assert_eq!(all(&store, Of::All).await, users);
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_was_answered_is_in_the_files_without_closing() {
    let directory = Directory::new();
    let store = open(&directory.file("users.db")).unwrap();
    let user = user(1, UserType::Guest);
    store.add(user.clone()).await.unwrap();
    // What a power cut right now would leave behind. The shared-memory index is rebuilt.
    for suffix in ["", "-wal"] {
        let from = directory.file(&format!("users.db{suffix}"));
        fs::copy(from, directory.file(&format!("after.db{suffix}"))).unwrap();
    }
    let after = open(&directory.file("after.db")).unwrap();
    assert_eq!(after.user(user.id).await, Ok(Some(user)));
    after.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_failed_write_takes_its_whole_group_back_and_the_store_goes_on() {
    let directory = Directory::new();
    let path = directory.file("users.db");
    let store = open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER no_thirteen BEFORE INSERT ON users WHEN new.id = 13 \
             BEGIN SELECT RAISE(ABORT, 'no thirteen'); END",
        )
        .unwrap();
    let users = [12, 13, 14].map(|number| user(number, UserType::Guest));
    let error = store.import(users.to_vec()).await.unwrap_err();
    assert!(error.to_string().contains("no thirteen"), "{error}");
    assert_eq!(all(&store, Of::All).await, []);
    assert_eq!(store.add(users[0].clone()).await, Ok(Added::New));
    store.close().await.unwrap();
}

/// Makes a file, and what opening it must say.
type BadFile = (&'static str, fn(&Path), &'static str);

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    let table: [BadFile; 6] = [
        (
            "text",
            |path| fs::write(path, "hello").unwrap(),
            "not an SQLite database",
        ),
        (
            "large",
            |path| fs::write(path, [7; 10_000]).unwrap(),
            "not an SQLite database",
        ),
        (
            "foreign",
            |path| sql(path, "CREATE TABLE t (x)"),
            "of another program (application_id 0)",
        ),
        (
            "marked",
            |path| sql(path, "PRAGMA application_id = 5; CREATE TABLE t (x)"),
            "of another program (application_id 5)",
        ),
        (
            "newer",
            |path| ours_but(path, "PRAGMA user_version = 2"),
            "has version 2, allowed: 1",
        ),
        (
            "emptied",
            |path| ours_but(path, "DROP TABLE users"),
            "not those of its schema version",
        ),
    ];
    for (name, make, want) in table {
        let directory = Directory::new();
        let path = directory.file(name);
        make(&path);
        let before = fs::read(&path).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("database `{}`: ", path.display())),
            "{error}"
        );
        assert!(error.contains(want), "{name}: {error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{name} was changed");
    }
}

fn sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// A file of ours that was then changed.
fn ours_but(path: &Path, change: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(open(path).unwrap().close()).unwrap();
    sql(path, change);
}

#[test]
fn a_place_where_no_file_can_be_is_named() {
    let directory = Directory::new();
    let place = |path: PathBuf, missing| {
        Store::open(&StoreUrl::Sqlite(path), missing)
            .unwrap_err()
            .to_string()
    };
    let error = place(directory.file("no/users.db"), Missing::Create);
    let want = format!(
        "there is no directory `{}`; create it first",
        directory.file("no").display()
    );
    assert!(error.ends_with(&want), "{error}");
    let error = place(directory.0.clone(), Missing::Create);
    assert!(error.ends_with("not a file"), "{error}");
    let error = place(directory.file("users.db"), Missing::Refuse);
    assert!(error.ends_with("there is no such file"), "{error}");
    assert!(!directory.file("users.db").exists());
}
