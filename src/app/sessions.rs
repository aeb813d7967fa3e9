//! What the sessions screen has done: opening, renaming, deleting and its undo, exporting.
//!
//! The pane in [`super::panes::sessions`] shows and says what is wished; here it is done, to the
//! conversations of this run and by orders to the store. A deletion can be taken back until the program
//! ends: the store keeps what was deleted so long, and what no store holds is kept here.

use super::chat::Chat;
use super::cmd::{Cmd, Ticket};
use super::layers::Layer;
use super::panes::sessions::{Held, Sessions, Wish, World, rows};
use super::state::App;
use crate::base::{MessageId, SessionId, sanitize, width};
use crate::chat::jobs::{StoreJob, StoreReply, StoredSession, WhichSession};
use crate::chat::session::title_of;
use crate::chat::{Draft, Part};
use crate::keys::Action;

/// Columns of a title in a line that tells something.
const TOLD_COLUMNS: usize = 40;

/// A session that was deleted and can come back.
#[derive(Debug)]
pub struct Deleted {
    session: SessionId,
    title: String,
    /// What no store holds.
    chat: Option<Chat>,
}

impl App {
    /// Ctrl-S: the saved sessions over the conversation.
    pub(super) fn open_sessions(&mut self) -> Vec<Cmd> {
        self.openings += 1;
        let mut pane = Sessions::new(self.openings);
        // What is written here is in the list too.
        let mut cmds: Vec<Cmd> = self.keep_draft().into_iter().collect();
        cmds.push(pane.ask_anew());
        self.open(Layer::Sessions(Box::new(pane)));
        cmds
    }

    /// The sessions, if they are open, with what they need to know.
    fn on_sessions<T>(&mut self, act: impl FnOnce(&mut Sessions, &World<'_>) -> T) -> Option<T> {
        let world = World {
            chat: &self.chat,
            others: &self.others,
            zone: &self.settings.zone,
            keymap: &self.settings.keymap,
            held: self.held(),
            now: self.now,
        };
        // Help may lie over them.
        let pane = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Sessions(pane) => Some(pane),
            _ => None,
        })?;
        Some(act(pane, &world))
    }

    /// Where what is said in this run is found again.
    pub(super) fn held(&self) -> Held {
        if self.is_saved() { Held::InStore } else { Held::Here }
    }

    /// An action on the sessions.
    pub(super) fn sessions_act(&mut self, action: Action) -> Vec<Cmd> {
        let wish = self.on_sessions(|pane, world| pane.act(action, world));
        self.fulfil(wish.unwrap_or(Wish::Nothing))
    }

    /// Text that is typed or pasted over the sessions.
    pub(super) fn sessions_insert(&mut self, text: &str) -> Vec<Cmd> {
        let wish = self.on_sessions(|pane, _| pane.insert(text));
        self.fulfil(wish.unwrap_or(Wish::Nothing))
    }

    /// The wheel over the preview.
    pub(super) fn sessions_wheel(&mut self, rows: isize) -> Vec<Cmd> {
        self.on_sessions(|pane, world| pane.scroll_preview(rows, world));
        Vec::new()
    }

    /// A click over the sessions.
    pub(super) fn sessions_click(&mut self, at: (u16, u16)) -> Vec<Cmd> {
        let wish = self.on_sessions(|pane, _| pane.click(at));
        self.fulfil(wish.unwrap_or(Wish::Nothing))
    }

    fn fulfil(&mut self, wish: Wish) -> Vec<Cmd> {
        let mut cmds = match wish {
            Wish::Nothing => Vec::new(),
            Wish::Close => {
                let prompt = self.close_sessions();
                // What waits for a model's name still does.
                let waits = self.chat.first_prompt.is_some() || self.chat.model.is_none() && prompt.is_none();
                if !waits {
                    self.chat.first_prompt = prompt;
                    self.give_back_first();
                }
                Vec::new()
            }
            Wish::Open(session, at) => {
                self.sought = self.on_sessions(|pane, _| pane.needles().clone()).unwrap_or_default();
                let prompt = self.close_sessions();
                self.open_for(session, at, prompt)
            }
            Wish::Search => self.on_sessions(|pane, _| pane.ask_anew()).into_iter().collect(),
            Wish::Rename(session, title) => self.rename_session(session, &title),
            Wish::MayDelete(session) => {
                self.may_delete(session);
                Vec::new()
            }
            Wish::Delete(session) => self.delete_session(session),
            Wish::Restore => self.restore_session(),
            Wish::Export(session) => self.export_session(session),
            Wish::Tell(text) => {
                self.tell(text);
                Vec::new()
            }
        };
        cmds.extend(self.on_sessions(Sessions::due).unwrap_or_default());
        cmds
    }

    /// Takes the sessions off; gives the prompt that waited for one of them.
    fn close_sessions(&mut self) -> Option<String> {
        match self.layers.pop() {
            Some(Layer::Sessions(mut pane)) => pane.prompt.take(),
            other => {
                self.layers.extend(other);
                None
            }
        }
    }

    /// Files of the command line come into the input, if they wait for no prompt.
    fn attach_all(&mut self, files: Vec<Part>) {
        for file in files {
            if let Part::File { name, text } = file {
                self.chat.composer.attach(name, text);
            }
        }
    }

    /// Opens a session; what the command line had for it is sent once it is there.
    fn open_for(&mut self, session: SessionId, at: Option<MessageId>, prompt: Option<String>) -> Vec<Cmd> {
        // Those of a prompt that waits for a model's name stay with it.
        let files = match self.chat.first_prompt {
            None => std::mem::take(&mut self.chat.files),
            Some(_) => Vec::new(),
        };
        let mut cmds = self.open_session(session, at);
        let Some(prompt) = prompt else {
            self.attach_all(files);
            return cmds;
        };
        self.chat.files.extend(files);
        if self.chat.loading.is_some() {
            self.chat.first_prompt = Some(prompt);
        } else {
            cmds.extend(self.send_text(prompt));
        }
        cmds
    }

    /// The conversation of that session, where this run has it.
    fn chat_of(&self, session: SessionId) -> Option<&Chat> {
        std::iter::once(&self.chat).chain(&self.others).find(|chat| chat.session.id == session)
    }

    /// Gives a session another title, in the store and wherever it stands.
    pub(super) fn rename_session(&mut self, session: SessionId, title: &str) -> Vec<Cmd> {
        let chats = std::iter::once(&mut self.chat).chain(&mut self.others);
        for chat in chats.filter(|chat| chat.session.id == session) {
            title.clone_into(&mut chat.session.title);
        }
        self.on_sessions(|pane, world| {
            pane.renamed(session, title);
            pane.changed(world);
        });
        vec![Cmd::Store(StoreJob::Rename { session, title: title.to_owned() })]
    }

    fn may_delete(&mut self, session: SessionId) {
        if self.chat_of(session).is_some_and(|chat| chat.live.is_some()) {
            self.tell("a reply streams into this session · open it and stop that first");
            return;
        }
        self.on_sessions(|pane, _| pane.ask_to_delete(session));
    }

    fn delete_session(&mut self, session: SessionId) -> Vec<Cmd> {
        // It may have begun since the question.
        if self.chat_of(session).is_some_and(|chat| chat.live.is_some()) {
            self.may_delete(session);
            return Vec::new();
        }
        if self.settings.saves == super::state::Saves::No {
            self.deleted(session);
            return Vec::new();
        }
        let mut cmds = Vec::new();
        if self.chat.session.id == session {
            cmds.extend(self.keep_draft());
        }
        let chats = std::iter::once(&mut self.chat).chain(&mut self.others);
        for chat in chats.filter(|chat| chat.session.id == session) {
            chat.doomed = Some(chat.shape());
        }
        cmds.push(Cmd::Ask(Ticket::Delete(session), StoreJob::Delete(session)));
        cmds
    }

    /// A session is deleted: it leaves the screen, and stays where undo finds it.
    fn deleted(&mut self, session: SessionId) {
        let title = self.on_sessions(|pane, _| pane.listed(session).map(rows::title));
        // One that is on its way learns it from the answer it waits for.
        let is_gone = |chat: &Chat| chat.session.id == session && chat.loading.is_none();
        let behind = self.others.iter().position(is_gone);
        let chat = if is_gone(&self.chat) {
            let fresh = self.new_chat();
            Some(std::mem::replace(&mut self.chat, fresh))
        } else {
            behind.map(|index| self.others.remove(index))
        };
        let title = match (&chat, title.flatten()) {
            (Some(chat), _) if !chat.session.title.is_empty() => chat.session.title.clone(),
            (Some(chat), _) if !chat.composer.is_blank() => title_of(&chat.composer.text()),
            (_, title) => title.unwrap_or_default(),
        };
        let title = short(&title);
        self.on_sessions(|pane, world| {
            pane.deleted(session);
            pane.changed(world);
        });
        let key = self.settings.keymap.key_for(Action::RestoreSession).unwrap_or_default();
        self.tell(format!("deleted {title} · {key} brings it back"));
        let chat = chat.filter(|_| !self.is_saved());
        self.deleted.push(Deleted { session, title, chat });
    }

    /// Whether something was said or written in a conversation since its deletion was ordered.
    fn went_on(&self, session: SessionId) -> bool {
        self.chat_of(session).is_some_and(|chat| {
            chat.loading.is_none() && chat.doomed.is_some_and(|then| chat.went_on_since(then))
        })
    }

    /// A session was deleted while a person went on with it: that is taken back.
    fn kept_all_the_same(&mut self, session: SessionId) -> Vec<Cmd> {
        let mut cmds = vec![Cmd::Store(StoreJob::Restore(session))];
        let title = self.chat_of(session).map(|chat| short(&chat.session.title)).unwrap_or_default();
        // No draft was saved while it was deleted.
        let save = |app: &mut App| {
            if let Some(then) = app.chat.doomed.take() {
                app.chat.is_kept_as(then);
            }
            app.keep_draft()
        };
        match self.others.iter().position(|chat| chat.session.id == session) {
            Some(index) => cmds.extend(self.on_other(index, save)),
            None => cmds.extend(save(self)),
        }
        self.tell(format!("{title} is not deleted: you went on with it"));
        cmds
    }

    fn not_deleted(&mut self, session: SessionId) {
        let chats = std::iter::once(&mut self.chat).chain(&mut self.others);
        chats.filter(|chat| chat.session.id == session).for_each(|chat| chat.doomed = None);
    }

    fn restore_session(&mut self) -> Vec<Cmd> {
        let Some(deleted) = self.deleted.last() else {
            self.tell("nothing was deleted since chatui was started");
            return Vec::new();
        };
        if deleted.chat.is_some() {
            return self.restored();
        }
        let session = deleted.session;
        vec![Cmd::Ask(Ticket::Restore(session), StoreJob::Restore(session))]
    }

    /// The last deletion is taken back.
    fn restored(&mut self) -> Vec<Cmd> {
        let Some(deleted) = self.deleted.pop() else { return Vec::new() };
        self.others.extend(deleted.chat);
        self.tell(format!("{} is back", deleted.title));
        self.on_sessions(|pane, world| {
            pane.changed(world);
            pane.ask_again()
        })
        .into_iter()
        .collect()
    }

    fn export_session(&mut self, session: SessionId) -> Vec<Cmd> {
        // What the store lacks, or has a moment later.
        let is_ahead = |chat: &&Chat| chat.loading.is_none() && (chat.live.is_some() || !self.is_saved());
        if let Some(chat) = self.chat_of(session).filter(is_ahead) {
            let (messages, chosen) = chat.tree.to_stored();
            let session = chat.session.clone();
            return self.export_stored(StoredSession { session, messages, chosen, draft: Draft::default() });
        }
        let load = StoreJob::Load(WhichSession::Prefix(session.to_string()));
        vec![Cmd::Ask(Ticket::Export(session), load)]
    }

    fn export_stored(&mut self, stored: StoredSession) -> Vec<Cmd> {
        if stored.messages.is_empty() {
            self.tell("nothing was said in this session yet: there is nothing to export");
            return Vec::new();
        }
        vec![Cmd::Export { stored: Box::new(stored), file: String::new() }]
    }

    /// What the store says to a question of the sessions screen.
    pub(super) fn sessions_answer(&mut self, ticket: Ticket, reply: StoreReply) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        match (ticket, reply) {
            (Ticket::Sessions(number), reply) => {
                self.on_sessions(|pane, world| pane.answer(number, reply, world));
            }
            (Ticket::Preview(session), reply) => {
                self.on_sessions(|pane, _| pane.previewed(session, reply));
            }
            (Ticket::Delete(session), StoreReply::Saved) if self.went_on(session) => {
                cmds.extend(self.kept_all_the_same(session));
            }
            (Ticket::Delete(session), StoreReply::Saved) => self.deleted(session),
            (Ticket::Delete(session), StoreReply::NotFound(why) | StoreReply::Refused(why)) => {
                self.not_deleted(session);
                self.tell(why);
            }
            (Ticket::Delete(session), StoreReply::Failed(error)) => {
                self.not_deleted(session);
                self.tell(error.to_string());
            }
            (Ticket::Restore(session), StoreReply::Saved) => {
                if self.deleted.last().is_some_and(|deleted| deleted.session == session) {
                    cmds.extend(self.restored());
                }
            }
            (Ticket::Export(_), StoreReply::Loaded(stored)) => {
                cmds.extend(self.export_stored(*stored));
            }
            (_, StoreReply::Failed(error)) => self.tell(error.to_string()),
            (_, StoreReply::NotFound(why) | StoreReply::Refused(why)) => self.tell(why),
            (_, _) => {}
        }
        cmds.extend(self.on_sessions(Sessions::due).unwrap_or_default());
        cmds
    }
}

/// A title as it stands in a line.
pub(super) fn short(title: &str) -> String {
    let title = sanitize::clean(title);
    let title = if title.trim().is_empty() { "no title" } else { title.trim() };
    format!("\"{}\"", width::truncate(title, TOLD_COLUMNS))
}
