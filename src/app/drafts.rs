//! Drafts: what is written and not sent is kept in the store, with its session.
//!
//! A change is saved a moment later, so that a crash costs no more than that moment; leaving a
//! conversation or the program saves at once. What did not change is not written again.

use std::time::{Duration, Instant};

use super::chat::Chat;
use super::cmd::Cmd;
use super::state::App;
use crate::chat::Draft;
use crate::chat::jobs::StoreJob;

/// How long a change waits.
const WAIT: Duration = Duration::from_millis(300);
/// For so many bytes of the draft it waits a millisecond more: writing it takes time too.
const BYTES_A_MS: usize = 10_000;

/// What is known of a saved draft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// When a change is to be saved.
    pub due: Option<Instant>,
    /// The revision of what was written that was looked at last.
    seen: u64,
    /// The one that the store holds; `None` where it holds no draft.
    saved: Option<u64>,
}

/// What tells whether something was said or written since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    revision: u64,
    messages: usize,
    /// The revision that the store held.
    saved: Option<u64>,
}

impl Chat {
    /// How it is now.
    pub(super) fn shape(&self) -> Shape {
        Shape { revision: self.revision(), messages: self.tree.len(), saved: self.kept.saved }
    }

    /// What is written and not sent.
    pub fn draft(&self) -> Draft {
        Draft { input: self.composer.draft(), queued: self.queue.iter().cloned().collect() }
    }

    /// The store holds what is written now, if anything is.
    pub(super) fn is_kept(&mut self) {
        let revision = self.revision();
        let saved = (!self.draft().is_empty()).then_some(revision);
        self.kept = Kept { due: None, seen: revision, saved };
    }

    /// Whether something was said or written since it was so.
    pub(super) fn went_on_since(&self, then: Shape) -> bool {
        let now = self.shape();
        self.live.is_some() || (now.revision, now.messages) != (then.revision, then.messages)
    }

    /// The store holds another draft than what is written as soon as that changes.
    pub(super) fn is_kept_otherwise(&mut self) {
        self.kept.saved = Some(self.revision());
    }

    /// The store holds the draft as it was then.
    pub(super) fn is_kept_as(&mut self, then: Shape) {
        self.kept = Kept { due: None, seen: 0, saved: then.saved };
    }

    /// Another number after every change of the draft.
    fn revision(&self) -> u64 {
        self.composer.revision() + self.queue.revision()
    }
}

impl App {
    /// Notes whether something was written, and saves it if it is time. While nothing is written, nothing
    /// is due: an idle program sleeps.
    pub(super) fn keep_due_draft(&mut self) -> Option<Cmd> {
        let revision = self.chat.revision();
        if revision != self.chat.kept.seen {
            self.chat.kept.seen = revision;
            let wait = WAIT + Duration::from_millis((self.chat.composer.size() / BYTES_A_MS) as u64);
            self.chat.kept.due.get_or_insert(self.now.instant + wait);
        }
        self.chat.kept.due.filter(|due| *due <= self.now.instant)?;
        self.keep_draft()
    }

    /// Saves the draft at hand if it changed.
    pub(super) fn keep_draft(&mut self) -> Option<Cmd> {
        self.chat.kept.due = None;
        let revision = self.chat.revision();
        if self.chat.loading.is_some() {
            // What was saved for this session has not come yet; it must not be overwritten.
            self.chat.kept.seen = 0;
            return None;
        }
        self.chat.kept.seen = revision;
        if self.chat.kept.saved == Some(revision) {
            return None;
        }
        let draft = self.chat.draft();
        let saved = (!draft.is_empty()).then_some(revision);
        if saved.is_none() && self.chat.kept.saved.is_none() {
            return None;
        }
        self.chat.kept.saved = saved;
        let session = Box::new(self.chat.session.clone());
        Some(Cmd::Store(StoreJob::SaveDraft { session, draft }))
    }

    /// What is to be saved before the program ends, whatever ends it.
    pub fn last_words(&mut self) -> Vec<Cmd> {
        if self.chat.first_prompt.is_some() {
            self.give_back_first();
        }
        let mut cmds: Vec<Cmd> = self.keep_draft().into_iter().collect();
        for index in 0..self.others.len() {
            cmds.extend(self.on_other(index, App::keep_draft));
        }
        cmds
    }
}
