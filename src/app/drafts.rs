//! Drafts: what is written and not sent is kept in the store, with its session.
//!
//! A change is saved a moment later, so that a crash costs no more than that moment; leaving a
//! conversation or the program saves at once. What did not change is not written again. What the store
//! could not keep is tried again, each time after a longer wait, and is told.

use std::time::{Duration, Instant};

use super::chat::{Chat, ChatKey};
use super::cmd::{Cmd, Ticket};
use super::state::{App, Saves};
use crate::chat::Draft;
use crate::chat::jobs::{StoreError, StoreJob, StoreReply};
use crate::chat::session::title_of;

/// How long a change waits.
const WAIT: Duration = Duration::from_millis(300);
/// For so many bytes of the draft it waits a millisecond more: writing it takes time too.
const BYTES_A_MS: usize = 10_000;
/// How long a draft waits that the store could not keep; twice as long each time, up to the longest.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST_AGAIN: Duration = Duration::from_secs(60);

/// Characters of a draft in which its first line is looked for.
const LINE: usize = 4_000;

/// What is known of a saved draft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// When a change is to be saved.
    pub due: Option<Instant>,
    /// The revision of what was written that was looked at last.
    seen: u64,
    /// What the store holds once it has done what it was asked.
    saved: Saved,
    /// The revision that the store was asked to keep, and has not answered.
    asked: Option<u64>,
    /// How often in a row it could not.
    failures: u32,
}

/// What the store holds of a draft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Saved {
    #[default]
    Nothing,
    /// It as it was at this revision.
    At(u64),
    /// Nobody knows: the last save failed.
    Unknown,
}

/// What tells whether something was said or written since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    revision: u64,
    messages: usize,
    /// What the store held.
    saved: Saved,
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

    /// The first line of that; no big paste is copied for it.
    pub(super) fn draft_line(&self) -> String {
        let begun = self.composer.draft_beginning(LINE);
        match (begun.trim().is_empty(), self.queue.iter().next()) {
            (true, Some(queued)) => title_of(&queued.plain()),
            _ => title_of(&begun),
        }
    }

    /// The store holds what is written now, if anything is.
    pub(super) fn is_kept(&mut self) {
        let revision = self.revision();
        let saved = if self.draft().is_empty() { Saved::Nothing } else { Saved::At(revision) };
        self.kept = Kept { seen: revision, saved, ..Kept::default() };
    }

    /// Whether the store has said that it holds what it was given to keep.
    pub(super) fn is_draft_kept(&self) -> bool {
        self.kept.asked.is_none() && self.kept.saved != Saved::Unknown
    }

    /// Whether something was said or written since it was so.
    pub(super) fn went_on_since(&self, then: Shape) -> bool {
        let now = self.shape();
        self.live.is_some() || (now.revision, now.messages) != (then.revision, then.messages)
    }

    /// The store holds another draft than what is written as soon as that changes.
    pub(super) fn is_kept_otherwise(&mut self) {
        self.kept.saved = Saved::At(self.revision());
    }

    /// The store holds the draft as it was then.
    pub(super) fn is_kept_as(&mut self, then: Shape) {
        self.kept = Kept { saved: then.saved, ..Kept::default() };
    }

    /// Another number after every change of the draft.
    fn revision(&self) -> u64 {
        self.composer.revision() + self.queue.revision()
    }
}

impl App {
    /// Notes whether something was written, and saves what it is time for. While nothing is written, nothing
    /// is due: an idle program sleeps.
    pub(super) fn keep_due_drafts(&mut self) -> Vec<Cmd> {
        let revision = self.chat.revision();
        if revision != self.chat.kept.seen {
            self.chat.kept.seen = revision;
            let wait = WAIT + Duration::from_millis((self.chat.composer.size() / BYTES_A_MS) as u64);
            self.chat.kept.due.get_or_insert(self.now.instant + wait);
        }
        let now = self.now.instant;
        let is_due = |chat: &Chat| chat.kept.due.is_some_and(|due| due <= now);
        let mut cmds = Vec::new();
        if is_due(&self.chat) {
            cmds.extend(self.keep_draft());
        }
        for index in 0..self.others.len() {
            if is_due(&self.others[index]) {
                cmds.extend(self.on_other(index, App::keep_draft));
            }
        }
        cmds
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
        if self.settings.saves == Saves::No || self.chat.kept.saved == Saved::At(revision) {
            return None;
        }
        let draft = self.chat.draft();
        let saved = if draft.is_empty() { Saved::Nothing } else { Saved::At(revision) };
        if self.chat.kept.saved == saved {
            return None;
        }
        self.chat.kept.saved = saved;
        self.chat.kept.asked = Some(revision);
        let session = Box::new(self.chat.session.clone());
        Some(Cmd::Ask(Ticket::Draft(self.chat.key, revision), StoreJob::SaveDraft { session, draft }))
    }

    /// The store kept a draft, or could not.
    pub(super) fn draft_answered(&mut self, key: ChatKey, revision: u64, reply: StoreReply) {
        let now = self.now.instant;
        let mut chats = std::iter::once(&mut self.chat).chain(&mut self.others);
        // What was written since is on its way, and decides.
        let Some(chat) = chats.find(|chat| chat.key == key && chat.kept.asked == Some(revision)) else {
            return;
        };
        let kept = &mut chat.kept;
        kept.asked = None;
        match reply {
            StoreReply::Failed(error) => {
                kept.saved = Saved::Unknown;
                let wait = AGAIN * 2_u32.saturating_pow(kept.failures.min(6));
                kept.due = Some(now + wait.min(LONGEST_AGAIN));
                kept.failures += 1;
                if kept.failures == 1 {
                    self.draft_failed(&error);
                }
            }
            StoreReply::Saved
            | StoreReply::Loaded(_)
            | StoreReply::Listed(_)
            | StoreReply::Prompts(_)
            | StoreReply::NotFound(_)
            | StoreReply::Ambiguous(_)
            | StoreReply::Refused(_) => {
                kept.failures = 0;
                if self.all_chats().all(|chat| chat.kept.failures == 0) {
                    self.notices.draft = None;
                }
                self.drop_kept();
            }
        }
    }

    fn draft_failed(&mut self, error: &StoreError) {
        // Where nothing is saved at all, that stands there already.
        if self.notices.unsaved.is_none() {
            self.notices.draft = Some(format!("the draft is not saved yet, it is tried again: {error}"));
        }
    }

    fn all_chats(&self) -> impl Iterator<Item = &Chat> {
        std::iter::once(&self.chat).chain(&self.others)
    }

    /// What is to be saved before the program ends, whatever ends it. What the store has not answered is
    /// among it: nobody would hear that it failed.
    pub fn last_words(&mut self) -> Vec<Cmd> {
        if self.chat.first_prompt.is_some() {
            self.give_back_first();
        }
        let mut cmds: Vec<Cmd> = self.keep_surely().into_iter().collect();
        for index in 0..self.others.len() {
            cmds.extend(self.on_other(index, App::keep_surely));
        }
        cmds
    }

    fn keep_surely(&mut self) -> Option<Cmd> {
        if !self.chat.is_draft_kept() {
            self.chat.kept.saved = Saved::Unknown;
        }
        self.keep_draft()
    }
}
