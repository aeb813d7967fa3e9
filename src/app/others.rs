//! Several conversations: the one on the screen, and those behind it.
//!
//! A conversation is kept behind while a reply streams into it, until that reply was looked at, until its
//! draft is saved, and for good where nothing saves it, or only its settings were changed, which no store
//! keeps. Any other is read from the store again when it is opened. What happens behind is done by
//! `App::on_other` with the same code as on the screen.

use std::mem;

use super::chat::{Chat, Loading};
use super::cmd::{Cmd, Ticket};
use super::sessions::short;
use super::state::App;
use crate::base::{MessageId, SessionId};
use crate::chat::jobs::{StoreJob, WhichSession};
use crate::chat::{Outcome, Part, Piece};
use crate::keys::Action;

/// How the conversations behind the screen are, for the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Behind {
    /// Into so many a reply streams.
    pub live: usize,
    /// In so many a reply is whole that nobody looked at.
    pub unseen: usize,
    /// In so many one did not end well, and nobody looked at it.
    pub failed: usize,
}

impl App {
    /// Has `act` work on a conversation behind the one on the screen as if it were there. What is told
    /// over the input is about the one on the screen: it stays as it is, but for a line that the next
    /// key takes away.
    pub(super) fn on_other<T>(&mut self, index: usize, act: impl FnOnce(&mut App) -> T) -> T {
        let streamed = self.others[index].live.is_some();
        let notices = mem::take(&mut self.notices);
        self.notices.unsaved.clone_from(&notices.unsaved);
        let untold = mem::take(&mut self.untold);
        mem::swap(&mut self.chat, &mut self.others[index]);
        let done = act(self);
        mem::swap(&mut self.chat, &mut self.others[index]);
        self.untold = untold;
        let told = mem::replace(&mut self.notices, notices);
        let other = &self.others[index];
        let title = short(&other.session.title);
        let said = told.standing.first().or(told.passing.as_ref()).map(|text| format!("{title}: {text}"));
        let line = said.or_else(|| (streamed && other.live.is_none()).then(|| self.ended_behind(other)));
        // What was told last is to be read first; what a key waits for stands.
        if self.notices.passing.is_none() && self.pending.is_none() && self.quit_armed.is_none() {
            self.notices.passing = line;
        }
        done
    }

    /// The line about a reply that ended behind the screen.
    fn ended_behind(&self, chat: &Chat) -> String {
        let (mark, word) = match chat.ended.as_ref().map(|ended| ended.outcome) {
            Some(Outcome::Complete) | None => ("✓", "is complete"),
            Some(Outcome::Truncated) => ("■", "was cut"),
            Some(Outcome::Failed) => ("✗", "failed"),
            Some(Outcome::Cancelled) => ("■", "was stopped"),
        };
        let key = self.settings.keymap.key_for(Action::NextLive).unwrap_or_default();
        format!("{mark} {} {word} · {key}", short(&chat.session.title))
    }

    /// How the conversations behind the screen are.
    pub fn behind(&self) -> Behind {
        let count = |is: fn(&&Chat) -> bool| self.others.iter().filter(is).count();
        let ended = |chat: &Chat, is: fn(Outcome) -> bool| {
            chat.live.is_none() && !chat.seen && chat.ended.as_ref().is_some_and(|ended| is(ended.outcome))
        };
        let unseen = self.others.iter().filter(|chat| ended(chat, |outcome| outcome == Outcome::Complete));
        let failed = self.others.iter().filter(|chat| ended(chat, |outcome| outcome != Outcome::Complete));
        Behind { live: count(|chat| chat.live.is_some()), unseen: unseen.count(), failed: failed.count() }
    }

    /// Ctrl-N: another conversation. The one at hand goes on behind it.
    pub(super) fn begin_another(&mut self) -> Vec<Cmd> {
        if self.chat.is_untouched() {
            self.tell("this is a new chat");
            return Vec::new();
        }
        let chat = self.new_chat();
        self.show(chat)
    }

    /// Ctrl-PageDown and Ctrl-PageUp: through the conversations in the order in which they were begun.
    pub(super) fn turn_to_live(&mut self, by: isize) -> Vec<Cmd> {
        let mut keys: Vec<u64> = self.others.iter().map(|chat| chat.key.0).collect();
        if keys.is_empty() {
            self.tell("no other conversation streams or waits to be read");
            return Vec::new();
        }
        let here = self.chat.key.0;
        keys.push(here);
        keys.sort_unstable();
        let at = keys.iter().position(|key| *key == here).unwrap_or(0);
        let next = (at as isize + by).rem_euclid(keys.len() as isize) as usize;
        match self.others.iter().position(|chat| chat.key.0 == keys[next]) {
            Some(index) => {
                let chat = self.others.remove(index);
                self.show(chat)
            }
            None => Vec::new(),
        }
    }

    /// Shows a saved session, at a message of it if one is named.
    pub(super) fn open_session(&mut self, id: SessionId, at: Option<MessageId>) -> Vec<Cmd> {
        if self.chat.session.id == id && !self.chat.is_untouched() {
            return self.go_to(at);
        }
        if let Some(index) = self.others.iter().position(|chat| chat.session.id == id) {
            let chat = self.others.remove(index);
            let mut cmds = self.show(chat);
            cmds.extend(self.go_to(at));
            return cmds;
        }
        let mut chat = self.new_chat();
        chat.session.id = id;
        chat.loading = Some(Loading::Picked);
        chat.goal = at;
        let load = StoreJob::Load(WhichSession::Prefix(id.to_string()));
        let ask = Cmd::Ask(Ticket::Open(chat.key), load);
        let mut cmds = self.show(chat);
        cmds.push(ask);
        cmds
    }

    /// Goes to a message of the conversation on the screen, on whichever branch it stands. It is not
    /// selected: what is typed next goes into the input.
    pub(super) fn go_to(&mut self, message: Option<MessageId>) -> Vec<Cmd> {
        let Some(id) = message else { return Vec::new() };
        let Some(changed) = self.chat.tree.show(id) else { return Vec::new() };
        self.chat.transcript.select(None);
        self.chat.transcript.seek(id, self.sought.clone());
        // What is said next goes on from that branch: it is to be shown when the session comes again.
        changed.into_iter().flat_map(|chosen| self.save_choice(chosen)).collect()
    }

    /// Puts a conversation on the screen. The one that was there stays behind it, if that is needed.
    pub(super) fn show(&mut self, chat: Chat) -> Vec<Cmd> {
        self.give_back_first();
        let cmds: Vec<Cmd> = self.keep_draft().into_iter().collect();
        let old = mem::replace(&mut self.chat, chat);
        // A draft that was begun before its session came is saved once that is there; a prompt of the
        // command line is sent then, whatever is looked at.
        let is_early = old.loading.is_some()
            && (!old.composer.is_empty() || old.first_prompt.is_some() || !old.files.is_empty());
        // No store keeps the settings of a chat in which nothing stands.
        let is_only_set = old.is_set && old.is_untouched();
        if is_only_set {
            let key = self.settings.keymap.key_for(Action::NextLive).unwrap_or_default();
            self.tell(format!("the new chat is kept with its settings · {key} goes back to it"));
        }
        // The store saves nothing in what it is deleting.
        let is_doomed = old.doomed.is_some_and(|then| old.went_on_since(then));
        let is_lost = is_early || is_only_set || is_doomed || !self.is_saved() && !old.is_untouched();
        if old.live.is_some() || is_lost || !old.is_draft_kept() {
            self.others.push(old);
        }
        self.quit_armed = None;
        cmds
    }

    /// Drops the conversations behind the screen that waited for nothing but their drafts to be saved.
    pub(super) fn drop_kept(&mut self) {
        if !self.is_saved() {
            return;
        }
        self.others.retain(|chat| {
            chat.live.is_some()
                || chat.loading.is_some()
                || !chat.is_draft_kept()
                || chat.is_set && chat.is_untouched()
                || chat.doomed.is_some()
                || !chat.seen && chat.ended.is_some()
        });
    }

    /// What the command line had to send and what waits for a model's name is a draft now.
    pub(super) fn give_back_first(&mut self) {
        if self.chat.loading.is_some() {
            return;
        }
        let files = mem::take(&mut self.chat.files);
        let mut pieces = Vec::new();
        for file in files {
            if let Part::File { name, text } = file {
                pieces.push(Piece::File { name, text });
            }
        }
        let prompt = self.chat.first_prompt.take();
        self.chat.composer.give_back(pieces, prompt.as_deref());
    }

    /// Whether what is said can be read again later.
    pub(super) fn is_saved(&self) -> bool {
        self.settings.saves == super::state::Saves::Yes && self.notices.unsaved.is_none()
    }
}
