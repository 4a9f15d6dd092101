//! Users in this process: as fast as it gets, and gone at its end.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Added, Cursor, Imported, Of, Page};
use crate::limits::{PAGE_BYTES, PAGE_USERS};
use crate::user::{User, UserId, UserType};

/// Keeps users in memory. No lock is held for longer than one look or one insertion.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: RwLock<Kept>,
}

/// Users in the order they were added; both indexes hold positions in that order.
#[derive(Debug, Default)]
struct Kept {
    users: Vec<User>,
    by_id: HashMap<UserId, usize>,
    by_type: HashMap<UserType, Vec<usize>>,
}

impl MemoryStore {
    pub(super) fn user(&self, id: UserId) -> Option<User> {
        let kept = self.read();
        kept.by_id
            .get(&id)
            .and_then(|&position| kept.users.get(position))
            .cloned()
    }

    pub(super) fn contains(&self, id: UserId) -> bool {
        self.read().by_id.contains_key(&id)
    }

    pub(super) fn add(&self, user: User) -> Added {
        self.write().add(user)
    }

    pub(super) fn import(&self, users: Vec<User>) -> Imported {
        let mut kept = self.write();
        let mut imported = Imported::default();
        for user in users {
            imported.count(kept.add(user));
        }
        imported
    }

    /// The cursor counts the users before it, of those that `Of` is about.
    pub(super) fn page(&self, of: Of, after: Cursor) -> Page {
        let start = usize::try_from(after.0).unwrap_or(usize::MAX);
        let kept = self.read();
        let users = match of {
            Of::All => page_of(kept.users.iter().skip(start)),
            Of::Type(user_type) => {
                let positions = kept.by_type.get(&user_type).map_or(&[][..], Vec::as_slice);
                let positions = positions.get(start..).unwrap_or_default();
                page_of(
                    positions
                        .iter()
                        .filter_map(|&position| kept.users.get(position)),
                )
            }
        };
        let next = i64::try_from(start.saturating_add(users.len())).unwrap_or(i64::MAX);
        Page {
            users,
            next: Cursor(next),
        }
    }

    // A panic between two lines of `Kept::add` cannot happen short of running out of memory, so
    // a poisoned lock guards sound data.
    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, user: User) -> Added {
        if self.by_id.contains_key(&user.id) {
            return Added::Taken;
        }
        let position = self.users.len();
        self.by_id.insert(user.id, position);
        self.by_type
            .entry(user.user_type)
            .or_default()
            .push(position);
        self.users.push(user);
        Added::New
    }
}

/// As many users as fit on a page, and at least one if there is one.
fn page_of<'a>(users: impl Iterator<Item = &'a User>) -> Vec<User> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for user in users {
        bytes += user.text_len();
        page.push(user.clone());
        if page.len() == usize::from(PAGE_USERS) || bytes >= PAGE_BYTES {
            break;
        }
    }
    page
}
