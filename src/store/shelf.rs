//! The jobs about whole sessions: loading, listing and searching, renaming, deleting, drafts.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::chores::{Chore, SLICE};
use super::db::Db;
use super::drafts::{self, StoredDraft};
use super::index::Fault;
use super::list::{self, Row};
use super::messages::{self, StoredMessage};
use super::owner;
use super::search;
use super::sessions::{self, Found};
use super::words::Query;
use super::worker::Worker;
use crate::base::{MessageId, SessionId};
use crate::chat::MessageState;
use crate::chat::jobs::{StoreError, StoreReply, StoredSession, WhichSession};
use crate::chat::session::{Draft, Session, SessionQuery};

/// How long a search waits for another process that indexes just now.
const FOR_SEARCH: Duration = Duration::from_millis(200);

impl Worker {
    pub(super) fn load(&mut self, which: &WhichSession) -> Result<StoreReply, StoreError> {
        self.open_again();
        if *which == WhichSession::Unsent {
            return self.load_unsent();
        }
        let id = match self.read(|db| sessions::find(db, which))? {
            Found::One(id) => id,
            Found::Several(ids) => return Ok(StoreReply::Ambiguous(ids)),
            Found::None(what) => return Ok(StoreReply::NotFound(what)),
        };
        let Some((stored, owner)) = self.load_whole(id)? else {
            return Ok(StoreReply::NotFound(format!("there is no session {id}")));
        };
        if stored.messages.is_empty() && !stored.draft.is_empty() && !self.lives(owner.as_deref()) {
            // Whoever opens a bare draft has it; if that can't be noted, it is shown all the same.
            let _ = self.take_over(id, owner.as_deref());
        }
        Ok(StoreReply::Loaded(Box::new(stored)))
    }

    /// The newest bare draft that nobody has open, which is ours from then on.
    fn load_unsent(&mut self) -> Result<StoreReply, StoreError> {
        for (id, owner) in self.read(drafts::unsent)? {
            let is_free = !self.lives(owner.as_deref());
            // `false`: another process that starts just now took it.
            if is_free
                && self.take_over(id, owner.as_deref()).unwrap_or(true)
                && let Some((stored, _)) = self.load_whole(id)?
            {
                return Ok(StoreReply::Loaded(Box::new(stored)));
            }
        }
        Ok(StoreReply::NotFound("there is no draft".to_owned()))
    }

    fn take_over(&mut self, id: SessionId, before: Option<&str>) -> Result<bool, StoreError> {
        let owner = self.claim();
        self.write(|db| drafts::take_over(db, id, before, owner.as_deref()))
    }

    /// Whether a process of that name lives: this one, or another.
    fn lives(&self, owner: Option<&str>) -> bool {
        owner.is_some_and(|owner| self.owners.is_own(owner) || self.owners.lives(owner))
    }

    /// A session with all that belongs to it, and who has its draft open.
    fn load_whole(&mut self, id: SessionId) -> Result<Option<(StoredSession, Option<String>)>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (session, mut stored, chosen, StoredDraft { draft, owner }) = self.read(|db| {
                Ok((
                    sessions::get(db, id)?,
                    messages::of_session(db, id)?,
                    sessions::chosen(db, id)?,
                    drafts::get(db, id)?,
                ))
            })?;
            let Some(session) = session else { return Ok(None) };
            let mut cut: Vec<_> = Vec::new();
            for (index, stored) in stored.iter_mut().enumerate() {
                if stored.message.state == MessageState::Streaming && !self.is_streaming(stored) {
                    stored.message.state = MessageState::Truncated;
                    cut.push(index);
                }
            }
            let recover = |db: &Connection| -> rusqlite::Result<bool> {
                cut.iter().try_fold(true, |all, index| Ok(messages::recover(db, &stored[*index])? && all))
            };
            // What can't be written back is shown all the same. What its owner ended just now, after it
            // was read, is read again.
            if !cut.is_empty() && tries == 1 && self.write(recover).is_ok_and(|all| !all) {
                continue;
            }
            let messages = messages::parents_first(stored.into_iter().map(|stored| stored.message).collect());
            return Ok(Some((StoredSession { session, messages, chosen, draft }, owner)));
        }
    }

    fn is_streaming(&self, stored: &StoredMessage) -> bool {
        self.streams(stored.message.id, stored.owner.as_deref())
    }

    /// Whether somebody still streams into a message of that owner.
    fn streams(&self, id: MessageId, owner: Option<&str>) -> bool {
        match owner {
            Some(owner) if self.owners.is_own(owner) => {
                self.streaming.contains_key(&id) || self.late.iter().any(|ended| ended.message.id == id)
            }
            Some(owner) => self.owners.lives(owner),
            None => self.streaming.contains_key(&id),
        }
    }

    pub(super) fn list(&mut self, asked: &SessionQuery) -> Result<StoreReply, StoreError> {
        self.open_again();
        let rows = if asked.words.trim().is_empty() {
            self.read(|db| list::page(db, asked))?
        } else {
            match Query::parse(&asked.words) {
                Some(query) => self.search(&query, asked)?,
                None => Vec::new(),
            }
        };
        let summaries = rows.into_iter().map(|row| {
            let Row { mut summary, newest } = row;
            if let (Some(MessageState::Streaming), Some((id, owner))) = (summary.state, newest)
                && !self.streams(id, owner.as_deref())
            {
                summary.state = Some(MessageState::Truncated);
            }
            summary
        });
        Ok(StoreReply::Listed(summaries.collect()))
    }

    fn search(&mut self, query: &Query, asked: &SessionQuery) -> Result<Vec<Row>, StoreError> {
        if let Ok(Db { unsearched: Some(error), .. }) = &self.db {
            return Err(error.clone());
        }
        if self.lacks_news() {
            // What was said just now is found. If that can't be, what is known is searched.
            let behind = self.catch_up(FOR_SEARCH, SLICE);
            self.chore = if behind.is_ok() { Chore::Index } else { self.chore };
        }
        let patience = self.place.patience;
        self.on_index(TransactionBehavior::Deferred, patience, |db| {
            let found = search::search(db, query, asked)?;
            let mut rows = Vec::with_capacity(found.len());
            for found in found {
                rows.extend(list::row(db, found.session, found.hit).map_err(Fault::Store)?);
            }
            Ok(rows)
        })
    }

    pub(super) fn prompts(&mut self, limit: usize) -> Result<StoreReply, StoreError> {
        self.open_again();
        Ok(StoreReply::Prompts(self.read(|db| list::prompts(db, limit))?))
    }

    pub(super) fn rename(&mut self, id: SessionId, title: &str) -> Result<StoreReply, StoreError> {
        self.open_again();
        let renamed = self.write(|db| sessions::rename(db, id, title))?;
        Ok(if renamed { StoreReply::Saved } else { unknown(id) })
    }

    pub(super) fn delete(&mut self, id: SessionId) -> Result<StoreReply, StoreError> {
        self.open_again();
        // What began to stream after it was looked at is seen the second time.
        for _ in 0..2 {
            let (session, streaming) =
                self.read(|db| Ok((sessions::get(db, id)?, messages::streaming(db, id)?)))?;
            if session.is_none() {
                return Ok(unknown(id));
            }
            if streaming.iter().any(|(message, owner)| self.streams(*message, owner.as_deref())) {
                break;
            }
            let owner = self.claim().unwrap_or_else(owner::nameless);
            if self.write(|db| sessions::hide(db, id, streaming.len(), &owner))? {
                self.deleted.insert(id, owner);
                return Ok(StoreReply::Saved);
            }
        }
        Ok(StoreReply::Refused(format!("an answer streams into session {id}: stop it first, then delete")))
    }

    pub(super) fn restore(&mut self, id: SessionId) -> Result<StoreReply, StoreError> {
        self.open_again();
        self.write(|db| sessions::restore(db, id))?;
        self.deleted.remove(&id);
        let there = self.read(|db| sessions::get(db, id))?.is_some();
        Ok(if there { StoreReply::Saved } else { unknown(id) })
    }

    pub(super) fn save_draft(&mut self, session: &Session, draft: &Draft) -> Result<(), StoreError> {
        self.open_again();
        let owner = if draft.is_empty() { None } else { self.claim() };
        self.write(|db| drafts::save(db, session, draft, owner.as_deref()))
    }

    /// The name of this process in the store; `None` where it can't have one.
    pub(super) fn claim(&mut self) -> Option<String> {
        let writable = self.db.as_ref().is_ok_and(|db| db.read_only.is_none());
        if writable { self.owners.claim().map(str::to_owned) } else { None }
    }
}

fn unknown(id: SessionId) -> StoreReply {
    StoreReply::NotFound(format!("there is no session {id}"))
}
