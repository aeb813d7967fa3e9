//! The sessions (Ctrl-S): a list that is searched as one types, and a preview of the chosen one.
//!
//! What the list shows is what the store answered to the last question that it answered, and the
//! conversations of this run that belong there though the store has nothing of them. Each question has
//! a number, and the answer to an older one is dropped; nothing blanks while one is waited for. Further
//! rows are asked for as the chosen one nears the end. What is to be done with a session (open, rename,
//! delete …) is said as a [`Wish`]; doing it is [`crate::app::App`]'s.

mod age;
mod preview;
pub mod rows;

use crate::app::picture::Picture;
use ratatui::layout::{Position, Rect};

use self::preview::Preview;
use self::rows::{Kinds, Shown, View};
use super::hits::Needles;
use super::list::{Edited, List};
use super::put;
use crate::app::chat::Chat;
use crate::app::cmd::{Cmd, Ticket};
use crate::app::msg::Now;
use crate::base::tone::{Line, Tone};
use crate::base::{MessageId, SessionId, sanitize, width};
use crate::chat::jobs::{StoreJob, StoreReply};
use crate::chat::session::{SearchHit, SessionQuery, SessionSummary};
use crate::chat::{Conversation, SessionKind};
use crate::keys::{Action, Keymap};
use crate::theme::Theme;

/// Sessions that are asked for at once.
const PAGE: usize = 100;
/// So near the end of what is there the next page is asked for.
const NEAR: usize = 40;
/// From so many columns on, list and preview stand side by side.
const SIDE_BY_SIDE: u16 = 90;
/// Characters of a title that a person gives.
const TITLE_CHARS: usize = 200;
/// Columns of a title in a question.
const ASKED_COLUMNS: usize = 40;
/// Bytes of a snippet before the first hit in it, and in all.
const SNIPPET: (usize, usize) = (60, 240);

/// The conversations of this run, and what times are counted from.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The one under the screen.
    pub chat: &'a Chat,
    /// Those behind it.
    pub others: &'a [Chat],
    /// For times.
    pub zone: &'a jiff::tz::TimeZone,
    /// The keys in force.
    pub keymap: &'a Keymap,
    /// Where what is said in it is found again.
    pub held: Held,
    /// The time.
    pub now: Now,
}

/// Where what is said in this run is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The store has it, and searches it.
    InStore,
    /// Nothing saves it.
    Here,
}

impl<'a> World<'a> {
    /// The conversations, the one under the screen first.
    fn chats(self) -> impl Iterator<Item = &'a Chat> {
        std::iter::once(self.chat).chain(self.others).filter(|chat| chat.loading.is_none())
    }

    /// The conversation of that session.
    pub fn chat(self, session: SessionId) -> Option<&'a Chat> {
        self.chats().find(|chat| chat.session.id == session)
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing beside what [`Sessions::due`] asks for.
    Nothing,
    /// Close the screen.
    Close,
    /// Show this session in its place, at this message.
    Open(SessionId, Option<MessageId>),
    /// Give it this title.
    Rename(SessionId, String),
    /// Delete it, if that can be: the question comes first.
    MayDelete(SessionId),
    /// The person said yes.
    Delete(SessionId),
    /// Take the last deletion back.
    Restore,
    /// Write it to a file.
    Export(SessionId),
    /// Ask the store for other words.
    Search,
    /// Say this.
    Tell(&'static str),
}

/// Which side has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Side {
    #[default]
    List,
    Preview,
}

/// What is going on.
#[derive(Debug, Default)]
enum Mode {
    #[default]
    Searching,
    /// The line holds the new title; what was searched for comes back after it.
    Renaming { session: SessionId, searched: String },
    /// `y` deletes it, any other key does not.
    Asking { session: SessionId, title: String },
}

/// What the store was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Other words: from the beginning, the first row chosen.
    Anew,
    /// The same again: what is chosen stays.
    Again,
    /// The next page.
    More,
}

/// The pane.
#[derive(Debug)]
pub struct Sessions {
    list: List,
    side: Side,
    mode: Mode,
    /// What the store listed so far, the newest first.
    listed: Vec<SessionSummary>,
    /// What is shown: that, and the conversations of this run.
    sessions: Vec<SessionSummary>,
    /// The rows of it.
    shown: Vec<Shown>,
    /// The words that `listed` answers.
    needles: Needles,
    /// Whether the store may have more.
    has_more: bool,
    /// Why there is no list, or not of all.
    trouble: Option<String>,
    /// The number of the last question, and what it was; `None` once it is answered.
    asked: u64,
    waits: Option<(Asked, SessionQuery)>,
    /// The answered query; `None` before the first answer.
    answered: Option<SessionQuery>,
    preview: Preview,
    /// A prompt of the command line, for the session that is opened.
    pub prompt: Option<String>,
    /// The columns it was drawn in last.
    columns: u16,
}

impl Sessions {
    /// The pane when it opens; `opening` tells this one from those before it.
    pub fn new(opening: u64) -> Self {
        Self {
            list: List::default(),
            side: Side::List,
            mode: Mode::Searching,
            listed: Vec::new(),
            sessions: Vec::new(),
            shown: Vec::new(),
            needles: Needles::default(),
            has_more: false,
            trouble: None,
            asked: opening << 32,
            waits: None,
            answered: None,
            preview: Preview::default(),
            prompt: None,
            columns: 0,
        }
    }

    /// Asks for the list from the beginning: at the opening, and for other words.
    pub fn ask_anew(&mut self) -> Cmd {
        self.ask(Asked::Anew)
    }

    /// Asks for what is shown once more: something of it changed.
    pub fn ask_again(&mut self) -> Cmd {
        self.ask(Asked::Again)
    }

    fn ask(&mut self, what: Asked) -> Cmd {
        let text = match &self.mode {
            Mode::Renaming { searched, .. } => searched.clone(),
            Mode::Searching | Mode::Asking { .. } => self.list.text(),
        };
        let mut query = SessionQuery::typed(&text, PAGE);
        match what {
            Asked::Anew => {}
            Asked::Again => query.limit = self.listed.len().max(PAGE),
            Asked::More => query.skip = self.listed.len(),
        }
        self.asked += 1;
        self.waits = Some((what, query.clone()));
        Cmd::Ask(Ticket::Sessions(self.asked), StoreJob::List(query))
    }

    /// What the store gave to the question of that number.
    pub fn answer(&mut self, number: u64, reply: StoreReply, world: &World<'_>) {
        if number != self.asked {
            return;
        }
        let Some((what, query)) = self.waits.take() else { return };
        let chosen = self.chosen().map(|summary| summary.session.id);
        match reply {
            StoreReply::Listed(page) => {
                self.trouble = None;
                self.has_more = page.len() >= query.limit;
                if what == Asked::More {
                    let fresh = |new: &SessionSummary| {
                        self.listed.iter().all(|known| known.session.id != new.session.id)
                    };
                    let page: Vec<SessionSummary> = page.into_iter().filter(fresh).collect();
                    self.listed.extend(page);
                } else {
                    self.listed = page;
                }
            }
            other => {
                self.has_more = false;
                self.trouble = Some(trouble(other));
                if what != Asked::More {
                    self.listed.clear();
                }
            }
        }
        self.needles = Needles::new(&query.words);
        self.answered = Some(query);
        self.rebuild(world, chosen.filter(|_| what != Asked::Anew));
    }

    /// A session's preview came.
    pub fn previewed(&mut self, session: SessionId, reply: StoreReply) {
        self.preview.answer(session, reply);
    }

    /// Puts the rows together anew; `chosen` stays chosen, else the first.
    fn rebuild(&mut self, world: &World<'_>, chosen: Option<SessionId>) {
        self.sessions.clone_from(&self.listed);
        let Some(query) = &self.answered else { return };
        for chat in world.chats().filter(|chat| !chat.is_untouched()) {
            if let Some(known) = self.sessions.iter_mut().find(|known| known.session.id == chat.session.id) {
                known.session.title.clone_from(&chat.session.title);
                continue;
            }
            let Some(summary) = self.summary(chat, query, world.held) else { continue };
            let updated = summary.session.updated;
            let at = self.sessions.iter().position(|other| other.session.updated < updated);
            match at {
                Some(at) => self.sessions.insert(at, summary),
                // It comes with a later page, unless there is none.
                None if self.has_more => {}
                None => self.sessions.push(summary),
            }
        }
        self.shown.clear();
        for (index, summary) in self.sessions.iter().enumerate() {
            self.shown.push(Shown::Session(index));
            if summary.hit.is_some() {
                self.shown.push(Shown::Snippet(index));
            }
        }
        let said = match (&self.trouble, self.sessions.is_empty(), query.words.as_str()) {
            (Some(trouble), ..) => Some((trouble.clone(), Tone::Warning)),
            (None, true, "") => Some((nothing(query.kind).to_owned(), Tone::Dim)),
            (None, true, words) => Some((format!("no session holds {words:?}"), Tone::Dim)),
            (None, false, _) => None,
        };
        if let Some((text, tone)) = said {
            for row in width::wrap_str(&sanitize::clean(&text), self.list_columns().saturating_sub(5).max(12))
            {
                self.shown.push(Shown::Said(row, tone));
            }
        }
        let is_chosen = |shown: &Shown| match shown {
            Shown::Session(at) => self.sessions.get(*at).map(|s| s.session.id) == chosen,
            Shown::Snippet(_) | Shown::Said(..) => false,
        };
        let at = chosen.and_then(|_| self.shown.iter().position(is_chosen));
        let at = at.unwrap_or_else(|| if chosen.is_some() { self.list.at() } else { 0 });
        self.list.choose(at, &Kinds(&self.shown));
    }

    /// A conversation of this run as a row, if it is what is asked for.
    fn summary(&self, chat: &Chat, query: &SessionQuery, held: Held) -> Option<SessionSummary> {
        if query.kind.is_some_and(|kind| kind != chat.session.kind) {
            return None;
        }
        // The store has searched what it holds; a running turn's prompt and answer it may lack.
        let unsearched = match (held, &self.trouble, &chat.live) {
            _ if self.needles.is_empty() => 0,
            (Held::InStore, None, None) => 0,
            (Held::InStore, None, Some(_)) => 2,
            (Held::Here, ..) | (Held::InStore, Some(_), _) => usize::MAX,
        };
        let hit = found(&chat.tree, &self.needles, unsearched);
        let draft = chat.draft_line();
        let in_title = self.needles.all_in(&chat.session.title) || self.needles.all_in(&draft);
        (self.needles.is_empty() || hit.is_some() || in_title).then(|| SessionSummary {
            session: chat.session.clone(),
            messages: chat.tree.len() as u64,
            state: chat.tree.last().map(|last| last.state),
            draft,
            hit,
        })
    }

    /// What is to be asked of the store now: the preview of the chosen session, the next page.
    pub fn due(&mut self, world: &World<'_>) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        if self.answered.is_some() {
            let at = self.chosen_index();
            let chosen = at.and_then(|at| self.sessions.get(at)).map(|summary| (summary, &self.needles));
            cmds.extend(self.preview.want(chosen, world));
        }
        let near = self.list.at() + NEAR >= self.shown.len();
        if self.has_more && self.waits.is_none() && near {
            cmds.push(self.ask(Asked::More));
        }
        cmds
    }

    /// Something of a conversation of this run changed, or a session went.
    pub fn changed(&mut self, world: &World<'_>) {
        let chosen = self.chosen().map(|summary| summary.session.id);
        self.rebuild(world, chosen);
    }

    /// Another title stands in the store.
    pub fn renamed(&mut self, session: SessionId, title: &str) {
        for known in self.listed.iter_mut().filter(|known| known.session.id == session) {
            title.clone_into(&mut known.session.title);
        }
    }

    /// A session was deleted.
    pub fn deleted(&mut self, session: SessionId) {
        self.listed.retain(|known| known.session.id != session);
        self.preview.forget(session);
    }

    fn chosen_index(&self) -> Option<usize> {
        match self.shown.get(self.list.at())? {
            Shown::Session(at) | Shown::Snippet(at) => Some(*at),
            Shown::Said(..) => None,
        }
    }

    /// The chosen session.
    pub fn chosen(&self) -> Option<&SessionSummary> {
        self.sessions.get(self.chosen_index()?)
    }

    /// The words of the list.
    pub fn needles(&self) -> &Needles {
        &self.needles
    }

    /// A session of the list.
    pub fn listed(&self, session: SessionId) -> Option<&SessionSummary> {
        self.sessions.iter().find(|known| known.session.id == session)
    }

    /// Whether the line holds a title, so that the keys of lines act on it.
    pub fn is_renaming(&self) -> bool {
        matches!(self.mode, Mode::Renaming { .. })
    }

    /// The question that waits for an answer.
    pub fn question(&self) -> Option<String> {
        match &self.mode {
            Mode::Asking { title, .. } => {
                let title = width::truncate(title, ASKED_COLUMNS).into_owned();
                Some(format!("delete \"{title}\"? y deletes · any other key keeps it"))
            }
            Mode::Searching | Mode::Renaming { .. } => None,
        }
    }

    /// Asks whether a session is to go.
    pub fn ask_to_delete(&mut self, session: SessionId) {
        if let Some(summary) = self.listed(session) {
            self.mode = Mode::Asking { session, title: rows::title(summary) };
        }
    }

    /// What the line says while nothing is typed.
    pub fn placeholder(&self) -> &'static str {
        if self.is_renaming() { "The new title" } else { "Type to search titles and messages" }
    }

    /// The most useful keys.
    pub fn hints(&self) -> &'static [(Action, &'static str)] {
        match (&self.mode, self.side) {
            (Mode::Renaming { .. }, _) => {
                &[(Action::Accept, "save the title"), (Action::Back, "keep the old one")]
            }
            (Mode::Asking { .. }, _) => &[],
            (Mode::Searching, Side::Preview) => {
                &[(Action::Accept, "open"), (Action::SwitchSide, "list"), (Action::Back, "back")]
            }
            (Mode::Searching, Side::List) => &[
                (Action::Accept, "open"),
                (Action::Back, "back"),
                (Action::SwitchSide, "preview"),
                (Action::Rename, "rename"),
                (Action::DeleteSession, "delete"),
                (Action::Export, "export"),
            ],
        }
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action, world: &World<'_>) -> Wish {
        match std::mem::take(&mut self.mode) {
            // Any key but `y` keeps the session, and does nothing else.
            Mode::Asking { .. } => Wish::Nothing,
            Mode::Renaming { session, searched } => self.act_on_title(action, session, searched),
            Mode::Searching => match action {
                Action::Back => Wish::Close,
                Action::Accept => self.open(),
                Action::SwitchSide => {
                    self.side = match self.side {
                        Side::List => Side::Preview,
                        Side::Preview => Side::List,
                    };
                    Wish::Nothing
                }
                Action::RestoreSession => Wish::Restore,
                Action::Rename | Action::DeleteSession | Action::Export => self.on_chosen(action),
                other => self.move_or_edit(other, world),
            },
        }
    }

    fn open(&self) -> Wish {
        match self.chosen() {
            Some(summary) => Wish::Open(summary.session.id, summary.hit.as_ref().map(|hit| hit.message)),
            None => Wish::Nothing,
        }
    }

    fn on_chosen(&mut self, action: Action) -> Wish {
        let Some(summary) = self.chosen() else { return Wish::Tell("there is no session to do that with") };
        let session = summary.session.id;
        match action {
            Action::DeleteSession => Wish::MayDelete(session),
            Action::Export => Wish::Export(session),
            _ => {
                let title = rows::title(summary);
                let searched = self.list.text();
                self.mode = Mode::Renaming { session, searched };
                self.list.set_text(&title);
                Wish::Nothing
            }
        }
    }

    fn move_or_edit(&mut self, action: Action, world: &World<'_>) -> Wish {
        if self.side == Side::Preview && self.preview.act(action, world) {
            return Wish::Nothing;
        }
        match self.list.act(action, &Kinds(&self.shown)) {
            Edited::Typed => Wish::Search,
            Edited::Moved | Edited::Not => Wish::Nothing,
        }
    }

    fn act_on_title(&mut self, action: Action, session: SessionId, searched: String) -> Wish {
        match action {
            Action::Back => {
                self.list.set_text(&searched);
                Wish::Nothing
            }
            Action::Accept => {
                let line: String = self.list.text().chars().take(TITLE_CHARS).collect();
                let title = sanitize::clean(line.trim()).into_owned();
                if title.is_empty() {
                    self.mode = Mode::Renaming { session, searched };
                    // The key that keeps the old one stands in the status bar.
                    return Wish::Tell("a title needs a word");
                }
                self.list.set_text(&searched);
                Wish::Rename(session, title)
            }
            other => {
                if !is_of_lists(other) {
                    self.list.act(other, &Kinds(&self.shown));
                }
                self.mode = Mode::Renaming { session, searched };
                Wish::Nothing
            }
        }
    }

    /// Takes in what is typed or pasted.
    pub fn insert(&mut self, text: &str) -> Wish {
        match std::mem::take(&mut self.mode) {
            Mode::Asking { session, .. } if text.eq_ignore_ascii_case("y") => Wish::Delete(session),
            Mode::Asking { .. } => Wish::Nothing,
            renaming @ Mode::Renaming { .. } => {
                self.list.insert_str(text);
                self.mode = renaming;
                Wish::Nothing
            }
            Mode::Searching => {
                let before = self.list.text();
                match text {
                    // It moves between the sides, and is no text.
                    "\t" => {}
                    text => self.list.insert_str(text),
                }
                if self.list.text() == before {
                    return Wish::Nothing;
                }
                self.side = Side::List;
                Wish::Search
            }
        }
    }

    /// A click: on a row it is chosen, on the chosen one opened; beside the list, the preview has the keys.
    pub fn click(&mut self, at: (u16, u16)) -> Wish {
        if !matches!(self.mode, Mode::Searching) {
            return Wish::Nothing;
        }
        if self.is_wide() && at.0 > self.list_columns() {
            self.side = Side::Preview;
            return Wish::Nothing;
        }
        if !self.is_wide() && self.side == Side::Preview {
            return Wish::Nothing;
        }
        let before = self.list.at();
        if !self.list.pick(at, &Kinds(&self.shown)) {
            return Wish::Nothing;
        }
        self.side = Side::List;
        if self.list.at() == before { self.open() } else { Wish::Nothing }
    }

    /// Whether the preview stands at a place of the screen. A question or a title that is being written
    /// has the screen to itself.
    pub fn shows_preview_at(&self, (column, _): (u16, u16)) -> bool {
        let there = match self.is_wide() {
            true => column > self.list_columns(),
            false => self.side == Side::Preview,
        };
        there && matches!(self.mode, Mode::Searching)
    }

    /// Scrolls the preview by rows, up where negative.
    pub fn scroll_preview(&mut self, rows: isize, world: &World<'_>) {
        self.preview.scroll(rows, world);
    }

    fn is_wide(&self) -> bool {
        self.columns >= SIDE_BY_SIDE
    }

    /// Columns of the list.
    fn list_columns(&self) -> u16 {
        match self.is_wide() {
            true => (self.columns / 100 * 48 + self.columns % 100 * 48 / 100).clamp(44, 76),
            false => self.columns,
        }
    }

    /// Draws list and preview into `area`, or the one of them that has the keys.
    pub fn draw(&mut self, world: &World<'_>, area: Rect, buf: &mut Picture, theme: &Theme) {
        if area.width != self.columns {
            self.columns = area.width;
            self.changed(world);
        }
        let is_bare = self.sessions.is_empty();
        let (list, preview) = match (self.is_wide(), self.side) {
            // There is nothing to preview.
            _ if is_bare => (Some(area), None),
            (true, _) => {
                let list = Rect { width: self.list_columns(), ..area };
                let preview =
                    Rect { x: list.right() + 1, width: area.width.saturating_sub(list.width + 1), ..area };
                (Some(list), Some(preview))
            }
            (false, Side::List) => (Some(area), None),
            (false, Side::Preview) => (None, Some(area)),
        };
        if let Some(area) = list {
            match self.answered {
                Some(_) => {
                    let Self { list, shown, sessions, needles, .. } = self;
                    list.draw(&View { shown, sessions, needles, world }, area, buf, theme);
                }
                None => {
                    put(buf, (area.x + 3, area.y), &Line::new("…", Tone::Dim), 1, theme);
                }
            }
        }
        let head = if self.side == Side::Preview { Tone::Accent } else { Tone::Text };
        if let (Some(_), Some(area)) = (list, preview) {
            let tone = if self.side == Side::Preview { Tone::Accent } else { Tone::Border };
            for y in area.y..area.bottom() {
                put(buf, (area.x - 1, y), &Line::new("│", tone), 1, theme);
            }
        }
        if let Some(area) = preview {
            let chosen = self.chosen_index().and_then(|at| self.sessions.get(at));
            self.preview.draw(chosen.map(|summary| (summary, head)), world, area, (buf, theme));
        }
    }

    /// Draws the line; gives the caret's place.
    pub fn draw_query(&mut self, area: Rect, buf: &mut Picture, theme: &Theme) -> Position {
        let placeholder = self.placeholder();
        self.list.draw_query(area, buf, theme, placeholder)
    }
}

/// Whether an action moves in lists, and so means nothing while a title is written.
fn is_of_lists(action: Action) -> bool {
    matches!(
        action,
        Action::ListUp
            | Action::ListDown
            | Action::ListPageUp
            | Action::ListPageDown
            | Action::ListFirst
            | Action::ListLast
    )
}

/// Why there is no list, in words.
fn trouble(reply: StoreReply) -> String {
    match reply {
        StoreReply::NotFound(why) => format!("{why}: only the conversations of this run are here"),
        StoreReply::Failed(error) => error.to_string(),
        _ => "the store gave no list".to_owned(),
    }
}

/// The newest message among so many last ones of a conversation that holds the words, with what stands
/// around the first of them.
fn found(tree: &Conversation, needles: &Needles, most: usize) -> Option<SearchHit> {
    tree.messages().rev().take(most).find_map(|message| {
        let text = message.text();
        if !needles.all_in(&text) {
            return None;
        }
        let first = needles.places(&text).first().map_or(0, |place| place.start);
        let mut from = first.saturating_sub(SNIPPET.0);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let snippet: String =
            text[from..].chars().take(SNIPPET.1).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let marks = needles.places(&snippet);
        Some(SearchHit { message: message.id, snippet, marks })
    })
}

/// What is said where there is no session of this kind.
fn nothing(kind: Option<SessionKind>) -> &'static str {
    match kind {
        Some(SessionKind::Chat) => "no chat is saved yet · is:ask lists the sessions of chatui ask",
        Some(SessionKind::Ask) => "chatui ask has saved no session yet",
        None => "no session is saved yet",
    }
}
