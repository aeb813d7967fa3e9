//! The session store: SQLite behind one worker thread.
//!
//! A [`Store`] is a handle to a queue; the worker owns the connection and does one job after the other,
//! so nobody waits for a disk but who asks to. A prompt is on disk when its [`StoreJob::BeginTurn`] is
//! answered; what streams is appended in small rows (10,000 of them: well under a second) and folded
//! into its message at the end, or at the next load where the process died before.
//!
//! `db` opens, migrates and sets aside; `worker` takes the jobs of a turn, `shelf` those about whole
//! sessions; `sessions`, `messages`, `drafts` and `list` hold their SQL; `codec` is the stored form of
//! what is JSON in a row; `owner` tells which processes live. `search` finds sessions by the index of
//! words, which is kept behind the messages, never before them (`index`): `chores` says when, and `words`
//! how a text is cut. Several processes may use one store.
//!
//! Secrets are taken out before a job is made (`base::secret`), never here.

mod checkup;
mod chores;
mod codec;
mod db;
mod drafts;
mod failures;
mod index;
mod list;
mod messages;
mod owner;
mod search;
mod sessions;
mod shelf;
#[cfg(test)]
mod tests;
mod trouble;
mod words;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::chat::jobs::{StoreError, StoreJob, StoreReply};
pub use checkup::{Checkup, Read, look};
use db::Place;
use failures::Failures;
use worker::{Work, Worker};

/// A handle to the store's worker. Clones share it; dropping the last one waits until the worker has done
/// what is still queued and has closed the store.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    queue: Sender<Work>,
    failures: Arc<Failures>,
    /// Until it was waited for.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Starts the worker for the store in `data_dir`; returns at once, opening happens on the worker.
    pub fn open(data_dir: &Path) -> Self {
        Self::open_at(Place::new(data_dir))
    }

    fn open_at(place: Place) -> Self {
        let (queue, jobs) = mpsc::channel();
        let failures = Arc::new(Failures::default());
        let path = place.file.clone();
        let of_worker = Arc::clone(&failures);
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || Worker::run(place, of_worker, &jobs))
            .inspect_err(|error| failures.remember(trouble::unwritable(&path, trouble::io_words(error))))
            .ok();
        Self { shared: Arc::new(Shared { path, queue, failures, thread: Mutex::new(thread) }) }
    }

    /// Waits until the store is open (or is known not to open). The text, told once, says that a damaged
    /// store was set aside, and where it is now.
    ///
    /// # Errors
    /// Why nothing can be saved. From a store that is only read-only, sessions can still be loaded.
    pub async fn opened(&self) -> Result<Option<String>, StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.shared.queue.send(Work::Opened(reply)).is_err() {
            return Err(self.closed());
        }
        answer.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Waits until a search finds all that was saved before: it takes a while in a store that was made
    /// before there was a search.
    ///
    /// # Errors
    /// The store, or the index of its words, cannot be read or written.
    pub async fn indexed(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.shared.queue.send(Work::Indexed(reply)).is_err() {
            return Err(self.closed());
        }
        answer.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Queues a job nobody waits for. Its failure is told by [`Store::take_failure`] or
    /// [`Store::drain`].
    pub fn post(&self, job: StoreJob) {
        if self.shared.queue.send(Work::Post(job)).is_err() {
            self.shared.failures.remember(self.closed());
        }
    }

    /// Queues a job, at once: what is queued after this call is done after it. What it gives waits for
    /// the answer. Dropping that stops no job, but for a list that is not begun: nobody would see it.
    pub fn call(&self, job: StoreJob) -> impl Future<Output = StoreReply> + use<> {
        let (reply, answer) = oneshot::channel();
        let queued = self.shared.queue.send(Work::Call(job, reply)).is_ok();
        let store = self.clone();
        async move {
            let answered = if queued { answer.await.ok() } else { None };
            answered.unwrap_or_else(|| StoreReply::Failed(store.closed()))
        }
    }

    /// The first failure of a posted job that nobody was told of. The same reason is told once, not
    /// once a job.
    pub fn take_failure(&self) -> Option<StoreError> {
        self.shared.failures.take()
    }

    /// From now on nobody listens to what is answered: [`Store::drain`] tells what fails after this, also
    /// of jobs that were called and not posted.
    pub fn unheard(&self) {
        self.shared.failures.unheard();
    }

    /// Waits (blocking) until all queued jobs are done and the store is closed.
    ///
    /// # Errors
    /// The first failure that nobody was told of.
    pub fn drain(&self) -> Result<(), StoreError> {
        self.shared.close();
        self.shared.failures.take_last().map_or(Ok(()), Err)
    }

    fn closed(&self) -> StoreError {
        trouble::unwritable(&self.shared.path, "it is closed")
    }
}

impl Shared {
    /// Waits until all that is queued is done and the store is closed.
    fn close(&self) {
        // It fails where the worker is gone already.
        let _ = self.queue.send(Work::Close);
        // Held while waiting: who closes at the same time waits as long.
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            self.failures.remember(trouble::unwritable(&self.path, "its thread failed"));
        }
    }
}

/// A panic unwinds past every call of [`Store::drain`], and what is queued is saved all the same.
impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}
