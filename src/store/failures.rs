//! What went wrong with jobs that nobody waited for, so that it can be told once.

use std::sync::{Mutex, PoisonError};

use crate::chat::jobs::StoreError;

/// The first failure that nobody was told of.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    untold: Option<StoreError>,
    /// What was told last: the jobs that fail for the same reason after it are no news.
    told: Option<StoreError>,
}

impl Failures {
    /// A job failed that nobody waits for.
    pub(super) fn remember(&self, error: StoreError) {
        self.with(|kept| {
            if kept.told.as_ref() != Some(&error) {
                kept.untold.get_or_insert(error);
            }
        });
    }

    /// Somebody was told of this.
    pub(super) fn told(&self, error: &StoreError) {
        self.with(|kept| {
            if kept.untold.as_ref() == Some(error) {
                kept.untold = None;
            }
            kept.told = Some(error.clone());
        });
    }

    /// The first that nobody was told of; the caller tells it.
    pub(super) fn take(&self) -> Option<StoreError> {
        self.with(|kept| {
            let error = kept.untold.take()?;
            kept.told = Some(error.clone());
            Some(error)
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
