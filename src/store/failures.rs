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
    /// Nobody reads answers any more: each failure is kept for the end.
    unheard: bool,
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

    /// From now on nobody reads answers: what fails is told at the end, if it was told before or not.
    pub(super) fn unheard(&self) {
        self.with(|kept| {
            kept.told = None;
            kept.unheard = true;
        });
    }

    /// Somebody was told of this.
    pub(super) fn told(&self, error: &StoreError) {
        self.with(|kept| {
            if kept.unheard {
                kept.untold.get_or_insert_with(|| error.clone());
                return;
            }
            if kept.untold.as_ref() == Some(error) {
                kept.untold = None;
            }
            kept.told = Some(error.clone());
        });
    }

    /// The first that nobody was told of; the caller tells it. What nobody would hear stays for the end.
    pub(super) fn take(&self) -> Option<StoreError> {
        self.with(|kept| {
            if kept.unheard {
                return None;
            }
            let error = kept.untold.take()?;
            kept.told = Some(error.clone());
            Some(error)
        })
    }

    /// The same at the end.
    pub(super) fn take_last(&self) -> Option<StoreError> {
        self.with(|kept| kept.untold.take())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
