//! The worker: one thread that owns the connection and carries out the jobs in their order.
//!
//! It sleeps on its queue. Posted [`StoreJob::Append`]s that wait one behind the other share one
//! transaction. An answer that streams is also held in memory: its end is written from there, and what
//! could not be appended (a lock held too long, a full disk) goes with the next append or with the end.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::chores::Chore;
use super::db::{self, Db, Place};
use super::failures::Failures;
use super::owner::Owners;
use super::{codec, messages, sessions, trouble};
use crate::base::{MessageId, SessionId};
use crate::chat::jobs::{AnswerEnd, StoreError, StoreJob, StoreReply};
use crate::chat::session::{Chosen, Session, Timestamp};
use crate::chat::{Message, StreamEvent};

/// The most appends that share a transaction: about what the WAL holds between two checkpoints.
const BATCH: usize = 1000;

/// What is queued for the worker.
#[derive(Debug)]
pub(super) enum Work {
    /// A job nobody waits for.
    Post(StoreJob),
    /// A job somebody waits for.
    Call(StoreJob, oneshot::Sender<StoreReply>),
    /// Somebody waits for the store to be open.
    Opened(oneshot::Sender<Result<Option<String>, StoreError>>),
    /// Somebody waits until all that is in the store can be found.
    Indexed(oneshot::Sender<Result<(), StoreError>>),
    /// Close it; nothing is taken after this.
    Close,
}

/// An answer that streams.
#[derive(Debug)]
pub(super) struct Streaming {
    session: SessionId,
    message: Message,
    /// What came and is not in the store yet.
    unsaved: Vec<StreamEvent>,
    /// The number of its next row.
    next: i64,
}

/// An answer whose end could not be written yet.
#[derive(Debug)]
pub(super) struct Ended {
    session: SessionId,
    pub(super) message: Message,
    at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) place: Place,
    pub(super) db: Result<Db, StoreError>,
    notice: Option<String>,
    pub(super) owners: Owners,
    pub(super) streaming: HashMap<MessageId, Streaming>,
    pub(super) late: Vec<Ended>,
    /// Answers that are not in the store, and why.
    lost: HashMap<MessageId, StoreError>,
    /// What this process deleted, and under which name; gone for good when it closes the store.
    pub(super) deleted: HashMap<SessionId, String>,
    pub(super) chore: Chore,
    /// The index was begun anew.
    pub(super) rebuilt: bool,
    failures: Arc<Failures>,
}

impl Worker {
    /// Carries out what is queued until told to close, or until nobody can queue anything any more.
    pub(super) fn run(place: Place, failures: Arc<Failures>, queue: &Receiver<Work>) {
        let mut worker = Self {
            db: Err(trouble::unwritable(&place.file, "it is not open")),
            notice: None,
            owners: Owners::new(&place.folder),
            streaming: HashMap::new(),
            late: Vec::new(),
            lost: HashMap::new(),
            deleted: HashMap::new(),
            chore: Chore::Purge,
            rebuilt: false,
            failures,
            place,
        };
        worker.open();
        let mut next = None;
        while let Some(work) = next.take().or_else(|| worker.wait(queue)) {
            match work {
                Work::Post(StoreJob::Append { message, events }) => {
                    let mut batch = vec![(message, events)];
                    while let Some(work) = next.take().or_else(|| queue.try_recv().ok()) {
                        match work {
                            Work::Post(StoreJob::Append { message, events }) if batch.len() < BATCH => {
                                batch.push((message, events));
                            }
                            other => {
                                next = Some(other);
                                break;
                            }
                        }
                    }
                    if let Err(error) = worker.append(batch) {
                        worker.failures.remember(error);
                    }
                }
                Work::Post(job) => {
                    if let StoreReply::Failed(error) = worker.carry_out(job) {
                        worker.failures.remember(error);
                    }
                }
                // Whoever asked has asked something else meanwhile.
                Work::Call(StoreJob::List(_), reply) if reply.is_closed() => {}
                Work::Call(job, reply) => {
                    let answer = worker.carry_out(job);
                    if let StoreReply::Failed(error) = &answer {
                        worker.failures.told(error);
                    }
                    // Whoever asked may be gone; the job is done all the same.
                    let _ = reply.send(answer);
                }
                Work::Opened(reply) => {
                    let _ = reply.send(worker.opened());
                }
                Work::Indexed(reply) => {
                    let _ = reply.send(worker.index_all());
                }
                Work::Close => break,
            }
        }
        worker.close();
    }

    /// The next of what is queued; while there is none, chores.
    fn wait(&mut self, queue: &Receiver<Work>) -> Option<Work> {
        loop {
            match self.chore {
                Chore::None => return queue.recv().ok(),
                Chore::IndexAt(at) => {
                    match queue.recv_timeout(at.saturating_duration_since(Instant::now())) {
                        Ok(work) => return Some(work),
                        Err(RecvTimeoutError::Timeout) => self.chore = Chore::Index,
                        Err(RecvTimeoutError::Disconnected) => return None,
                    }
                }
                Chore::Purge | Chore::Index => match queue.try_recv() {
                    Ok(work) => return Some(work),
                    Err(TryRecvError::Empty) => self.do_chore(),
                    Err(TryRecvError::Disconnected) => return None,
                },
            }
        }
    }

    fn open(&mut self) {
        match db::open(&self.place, None) {
            Ok((db, notice)) => {
                self.db = Ok(db);
                self.notice = notice;
            }
            Err(error) => self.db = Err(error),
        }
    }

    /// The notice is told once.
    fn opened(&mut self) -> Result<Option<String>, StoreError> {
        let error = match &self.db {
            Ok(db) => db.read_only.as_ref(),
            Err(error) => Some(error),
        };
        match error {
            Some(error) => {
                self.failures.told(error);
                Err(error.clone())
            }
            None => Ok(self.notice.take()),
        }
    }

    fn close(mut self) {
        if let Err(error) = self.write_late() {
            self.failures.remember(error);
        }
        self.tidy_up();
        self.db = Err(trouble::unwritable(&self.place.file, "it is closed"));
        self.owners.release();
    }

    fn carry_out(&mut self, job: StoreJob) -> StoreReply {
        let done = match job {
            StoreJob::SaveSession(session) => self.write(|db| sessions::save(db, &session)),
            StoreJob::BeginTurn { session, prompt, answers } => self.begin(&session, &prompt, answers),
            StoreJob::Append { message, events } => self.append(vec![(message, events)]),
            StoreJob::EndAnswer(end) => self.end(*end),
            StoreJob::Choose { session, chosen } => self.write(|db| sessions::choose(db, session, chosen)),
            StoreJob::SaveDraft { session, draft } => self.save_draft(&session, &draft),
            StoreJob::Load(which) => return self.load(&which).unwrap_or_else(StoreReply::Failed),
            StoreJob::List(asked) => return self.list(&asked).unwrap_or_else(StoreReply::Failed),
            StoreJob::Rename { session, title } => {
                return self.rename(session, &title).unwrap_or_else(StoreReply::Failed);
            }
            StoreJob::Delete(session) => return self.delete(session).unwrap_or_else(StoreReply::Failed),
            StoreJob::Restore(session) => return self.restore(session).unwrap_or_else(StoreReply::Failed),
            StoreJob::Prompts { limit } => return self.prompts(limit).unwrap_or_else(StoreReply::Failed),
        };
        match done {
            Ok(()) => StoreReply::Saved,
            Err(error) => StoreReply::Failed(error),
        }
    }

    /// Tries again to open a store that could not be opened: the disk may have room again, the other
    /// program may be gone. A newer version stays newer.
    pub(super) fn open_again(&mut self) {
        if let Err(error) = &self.db
            && !matches!(error, StoreError::Newer { .. })
        {
            self.open();
            if let Some(notice) = self.notice.take() {
                self.failures.remember(trouble::unreadable(&self.place.file, notice));
            }
        }
    }

    fn begin(
        &mut self,
        session: &Session,
        prompt: &[Message],
        answers: Vec<Message>,
    ) -> Result<(), StoreError> {
        self.open_again();
        // What fails again here is tried once more at the end.
        let _ = self.write_late();
        let owner = self.claim();
        let begun = self.write(|db| {
            sessions::save(db, session)?;
            // Another process deleted it; who goes on with it wants it.
            sessions::restore(db, session.id)?;
            for message in prompt {
                messages::insert(db, session.id, message, None)?;
                sessions::choose_newest(db, session.id, message.parent)?;
            }
            for answer in &answers {
                messages::insert(db, session.id, answer, owner.as_deref())?;
            }
            choose_first(db, session.id, &answers)?;
            match prompt.iter().chain(&answers).map(|message| message.created).max() {
                Some(at) => sessions::touch(db, session.id, at),
                None => Ok(()),
            }
        });
        for message in answers {
            let id = message.id;
            match &begun {
                Ok(()) => {
                    self.lost.remove(&id);
                    let streaming = Streaming { session: session.id, message, unsaved: Vec::new(), next: 0 };
                    self.streaming.insert(id, streaming);
                }
                Err(error) => {
                    self.lost.insert(id, error.clone());
                }
            }
        }
        begun
    }

    fn append(&mut self, batch: Vec<(MessageId, Vec<StreamEvent>)>) -> Result<(), StoreError> {
        let mut failed = None;
        let mut touched: Vec<MessageId> = Vec::new();
        for (id, events) in batch {
            let Some(streaming) = self.streaming.get_mut(&id) else {
                failed = Some(self.lost(id));
                continue;
            };
            if !touched.contains(&id) {
                touched.push(id);
            }
            for event in events {
                streaming.message.apply(&event);
                let left = match streaming.unsaved.last_mut() {
                    Some(last) => last.merge(event),
                    None => Some(event),
                };
                streaming.unsaved.extend(left);
            }
        }
        let rows: Vec<(MessageId, i64, String)> = touched
            .iter()
            .filter_map(|id| {
                let streaming = self.streaming.get(id)?;
                Some((*id, streaming.next, codec::write_events(&streaming.unsaved)))
            })
            .collect();
        if rows.is_empty() {
            return failed.map_or(Ok(()), Err);
        }
        let there = self.write(|db| {
            rows.iter()
                .map(|(id, next, events)| messages::append(db, *id, *next, events))
                .collect::<Result<Vec<_>, _>>()
        })?;
        for (id, there) in touched.iter().zip(there) {
            if let Some(streaming) = self.streaming.get_mut(id).filter(|_| there) {
                streaming.unsaved.clear();
                streaming.next += 1;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Why a message is not in the store; the same at each asking, so that it is told once.
    fn lost(&mut self, message: MessageId) -> StoreError {
        let unknown = || trouble::unwritable(&self.place.file, "the beginning of this answer was not saved");
        self.lost.entry(message).or_insert_with(unknown).clone()
    }

    fn end(&mut self, end: AnswerEnd) -> Result<(), StoreError> {
        let Some(Streaming { session, mut message, .. }) = self.streaming.remove(&end.message) else {
            let error = self.lost(end.message);
            self.lost.remove(&end.message);
            return Err(error);
        };
        message.state = end.state;
        message.finish = end.finish.or(message.finish);
        message.usage = end.usage.or(message.usage);
        message.metrics = end.metrics.or(message.metrics);
        message.error = end.error.or(message.error);
        let known = message.notices.len();
        for notice in end.notices {
            // Those of the stream came with it already.
            if !message.notices[..known].contains(&notice) {
                message.notices.push(notice);
            }
        }
        self.late.push(Ended { session, message, at: end.ended });
        self.write_late()
    }

    /// Writes the ends of answers that are still to be written.
    fn write_late(&mut self) -> Result<(), StoreError> {
        if self.late.is_empty() {
            return Ok(());
        }
        let late = mem::take(&mut self.late);
        let written = self.write(|db| {
            for ended in &late {
                messages::finish(db, &ended.message)?;
                sessions::touch(db, ended.session, ended.at)?;
            }
            Ok(())
        });
        if written.is_err() {
            self.late = late;
        }
        written
    }

    /// Does `work` in one transaction that is on disk when this returns. Where it meets damage, the
    /// store is set aside and the work done in the new one.
    pub(super) fn write<T>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        for last in [false, true] {
            let db = self.db.as_mut().map_err(|error| error.clone())?;
            if let Some(error) = &db.read_only {
                return Err(error.clone());
            }
            match in_transaction(&mut db.connection, TransactionBehavior::Immediate, &work) {
                Ok(done) => {
                    // There may be something new to index.
                    self.chore = self.chore.after_write();
                    return Ok(done);
                }
                Err(error) if trouble::is_damage(&error) && !last => self.replace(&error)?,
                Err(error) => {
                    let reason = trouble::words(&error, self.place.patience);
                    return Err(trouble::unwritable(&self.place.file, reason));
                }
            }
        }
        Err(trouble::damaged(&self.place.file, "the new one is damaged too"))
    }

    /// Does `work` on one state of the store.
    pub(super) fn read<T>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        for last in [false, true] {
            let db = self.db.as_mut().map_err(|error| error.clone())?;
            match in_transaction(&mut db.connection, TransactionBehavior::Deferred, &work) {
                Ok(done) => return Ok(done),
                Err(error) if trouble::is_damage(&error) && !last => self.replace(&error)?,
                Err(error) => {
                    let reason = trouble::words(&error, self.place.patience);
                    return Err(trouble::unreadable(&self.place.file, reason));
                }
            }
        }
        Err(trouble::damaged(&self.place.file, "the new one is damaged too"))
    }

    /// Sets the store aside, for a job met damage, and goes on with a new one. That this happened is a
    /// failure to be told, whatever comes of the job.
    fn replace(&mut self, error: &rusqlite::Error) -> Result<(), StoreError> {
        let reason = trouble::words(error, self.place.patience);
        let gone = Err(trouble::damaged(&self.place.file, reason.clone()));
        let Ok(damaged) = mem::replace(&mut self.db, gone) else { return Ok(()) };
        match db::open(&self.place, Some(damaged.into_damage(reason))) {
            Ok((db, notice)) => {
                self.db = Ok(db);
                if let Some(notice) = notice {
                    self.failures.remember(trouble::unreadable(&self.place.file, notice));
                }
                Ok(())
            }
            Err(error) => {
                self.db = Err(error.clone());
                Err(error)
            }
        }
    }
}

/// The first of several answers is the one that is gone on from; a single one is the newest anyway.
fn choose_first(db: &Connection, session: SessionId, answers: &[Message]) -> rusqlite::Result<()> {
    let Some(first) = answers.first() else { return Ok(()) };
    if answers.len() == 1 {
        return sessions::choose_newest(db, session, first.parent);
    }
    sessions::choose(db, session, Chosen { parent: first.parent, child: first.id })
}

fn in_transaction<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl Fn(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction: Transaction<'_> = connection.transaction_with_behavior(behavior)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
