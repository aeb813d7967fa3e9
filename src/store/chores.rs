//! What the worker does when nobody wants anything: deleted sessions go for good, the index catches up.
//!
//! A chore takes a few hundredths of a second and never waits for a lock: the next job is served soon.
//! One that fails is no failure to be told; it is tried again after the next job, or a moment later where
//! another process held the store.

use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use super::index::{self, Fault};
use super::owner;
use super::worker::Worker;
use super::{sessions, trouble};
use crate::base::SessionId;
use crate::chat::jobs::StoreError;

/// How long a slice of indexing takes, and about how long the next job may have to wait for it.
pub(super) const SLICE: Duration = Duration::from_millis(15);
/// The same where somebody waits for all of it: fewer and longer slices cost less.
const AT_ONCE: Duration = Duration::from_millis(500);
/// How long closing may take for the index; what is left is done by the next who opens the store.
const AT_CLOSE: Duration = Duration::from_millis(50);
/// How long indexing waits where another process holds the store.
const AGAIN: Duration = Duration::from_millis(250);

/// What may be to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// To remove what dead processes deleted.
    Purge,
    /// To index.
    Index,
    /// To index from then on: another process held the store.
    IndexAt(Instant),
    /// Nothing, until something is written.
    None,
}

impl Chore {
    /// What may be to do once something was written.
    pub(super) fn after_write(self) -> Self {
        match self {
            Self::Purge => Self::Purge,
            Self::Index | Self::IndexAt(_) | Self::None => Self::Index,
        }
    }
}

impl Worker {
    /// Does a little of what is to be done.
    pub(super) fn do_chore(&mut self) {
        let chore = std::mem::replace(&mut self.chore, Chore::None);
        self.chore = match chore {
            Chore::Purge => {
                self.purge_dead();
                Chore::Index
            }
            Chore::Index | Chore::IndexAt(_) if !self.is_behind() => Chore::None,
            Chore::Index | Chore::IndexAt(_) => match self.index_slice(Duration::ZERO, SLICE) {
                Ok(Ok(Behind::Yes)) => Chore::Index,
                Ok(Err(fault)) if trouble::is_locked(fault.error()) => Chore::IndexAt(Instant::now() + AGAIN),
                Ok(Ok(Behind::No) | Err(_)) | Err(_) => Chore::None,
            },
            Chore::None => Chore::None,
        };
    }

    /// The index knows all there is: waits for it.
    pub(super) fn index_all(&mut self) -> Result<(), StoreError> {
        self.open_again();
        while self.catch_up(self.place.patience, AT_ONCE)? == Behind::Yes {}
        Ok(())
    }

    /// Indexes for a while. A store that can't be written stays behind.
    pub(super) fn catch_up(&mut self, patience: Duration, time: Duration) -> Result<Behind, StoreError> {
        let done = self.index_slice(patience, time)?;
        done.map_err(|fault| self.unreadable(&fault, patience))
    }

    fn index_slice(
        &mut self,
        patience: Duration,
        time: Duration,
    ) -> Result<Result<Behind, Fault>, StoreError> {
        let db = self.db.as_ref().map_err(|error| error.clone())?;
        if db.read_only.is_some() {
            return Ok(Ok(Behind::No));
        }
        self.try_on_index(TransactionBehavior::Immediate, patience, |db| {
            index::slice(db, time)?;
            Ok(if index::is_behind(db)? { Behind::Yes } else { Behind::No })
        })
    }

    /// Whether there is something to index.
    pub(super) fn is_behind(&self) -> bool {
        self.db.as_ref().is_ok_and(|db| index::is_behind(&db.connection).unwrap_or(false))
    }

    /// Whether what was saved just now is not indexed yet.
    pub(super) fn lacks_news(&self) -> bool {
        self.db.as_ref().is_ok_and(|db| index::lacks_news(&db.connection).unwrap_or(false))
    }

    /// Does `work` with the index in one transaction. Where the index is broken, it is begun anew and
    /// the work done again; damage of the rest is for the jobs to find.
    pub(super) fn on_index<T>(
        &mut self,
        behavior: TransactionBehavior,
        patience: Duration,
        work: impl Fn(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let done = self.try_on_index(behavior, patience, work)?;
        done.map_err(|fault| self.unreadable(&fault, patience))
    }

    fn unreadable(&self, fault: &Fault, patience: Duration) -> StoreError {
        let words = trouble::words(fault.error(), patience);
        let reason = match fault {
            Fault::Index(_) => format!("its search index is damaged: {words}"),
            Fault::Store(_) => words,
        };
        trouble::unreadable(&self.place.file, reason)
    }

    /// The same; what failed is given as it is.
    fn try_on_index<T>(
        &mut self,
        behavior: TransactionBehavior,
        patience: Duration,
        work: impl Fn(&Connection) -> Result<T, Fault>,
    ) -> Result<Result<T, Fault>, StoreError> {
        let usual = self.place.patience;
        let rebuilt = self.rebuilt;
        let db = self.db.as_mut().map_err(|error| error.clone())?;
        let _ = db.connection.busy_timeout(patience);
        let mut done = in_transaction(&mut db.connection, behavior, &work);
        if let Err(fault) = &done
            && fault.is_broken_index()
            && db.read_only.is_none()
            && !rebuilt
        {
            // Once: an index that breaks again at once is not to be had here.
            self.rebuilt = true;
            let anew = |db: &Connection| {
                index::begin_anew(db).map_err(Fault::Index)?;
                index::slice(db, SLICE)
            };
            done = in_transaction(&mut db.connection, TransactionBehavior::Immediate, &anew)
                .and_then(|()| in_transaction(&mut db.connection, behavior, &work));
        }
        let _ = db.connection.busy_timeout(usual);
        Ok(done)
    }

    /// Removes the sessions that were deleted by processes that are gone.
    fn purge_dead(&mut self) {
        let Ok(db) = &self.db else { return };
        let Ok(deleted) = sessions::deleted(&db.connection) else { return };
        let lives =
            |owner: &str| self.owners.is_own(owner) || self.owners.lives(owner) || owner::may_live(owner);
        let dead: Vec<_> = deleted
            .into_iter()
            .filter(|(id, owner)| !self.deleted.contains_key(id) && !owner.as_deref().is_some_and(lives))
            .collect();
        let patience = |worker: &Self, patience| {
            let _ = worker.db.as_ref().map(|db| db.connection.busy_timeout(patience));
        };
        patience(self, Duration::ZERO);
        self.purge(&dead);
        patience(self, self.place.patience);
    }

    /// Removes them, but for those that are not deleted by that owner any more.
    fn purge(&mut self, deleted: &[(SessionId, Option<String>)]) {
        if deleted.is_empty() {
            return;
        }
        // What fails is tried again when the store is opened next.
        let _ = self.write(|db| {
            deleted.iter().try_for_each(|(id, owner)| sessions::purge(db, *id, owner.as_deref()))
        });
    }

    /// What is left to do before the store is closed.
    pub(super) fn tidy_up(&mut self) {
        let deleted: Vec<_> = self.deleted.drain().map(|(id, owner)| (id, Some(owner))).collect();
        self.purge(&deleted);
        if self.is_behind() {
            let _ = self.catch_up(Duration::ZERO, AT_CLOSE);
        }
    }
}

/// Whether the index is behind the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Yes,
    No,
}

fn in_transaction<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: &impl Fn(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let done = work(&transaction)?;
    // The index writes what it holds back at the end; its tables alone hold what can be at odds then.
    transaction.commit().map_err(Fault::of_commit)?;
    Ok(done)
}
