//! Routing: which part of the state a message is for.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::actions::Pick;
use super::chat::{Chat, ChatKey, Loading};
use super::cmd::{Cmd, Refusal, Ticket};
use super::completion::Opens;
use super::extent::Extent;
use super::layers::Layer;
use super::live::{EndedTurn, Phase};
use super::msg::{Msg, Now, TurnReport};
use super::panes::history::{self, History};
use super::panes::transcript::Scene;
use super::state::{App, QUIT_WINDOW};
use crate::chat::jobs::{StoreError, StoreJob, StoreReply, WhichSession};
use crate::chat::message::Finish;
use crate::chat::turn::{TurnDone, never_came};
use crate::chat::{FinishReason, MessageState, Outcome, StreamEvent, TurnError, TurnEvent};
use crate::keys::{Action, Lookup, Scope};

/// Earlier prompts that are asked for at once.
const HISTORY: usize = 2_000;

/// Takes in one message; gives what is to be done.
pub fn update(app: &mut App, msg: Msg, now: Now) -> Vec<Cmd> {
    let only_grows = app.only_grows(&msg);
    let looked_at = app.chat.live.as_ref().map(|live| live.glance.at);
    app.now = now;
    if app.quit_armed.is_some_and(|until| now.instant >= until) {
        app.quit_armed = None;
        app.notices.passing = None;
    }
    if app.leaving && matches!(msg, Msg::Key(_) | Msg::Paste(_) | Msg::Mouse(_)) {
        // Typed ahead of the end: nothing may begin any more.
        return Vec::new();
    }
    let shown = |app: &App| (app.chat.composer.revision(), app.chat.composer.walked_to());
    let (key, before) = (app.chat.key, shown(app));
    let is_file = matches!(msg, Msg::Attached { .. });
    let cmds = take_in(app, msg);
    if !is_file && app.chat.key == key && shown(app) != before {
        // Enter was about what stood there.
        app.chat.send_when_read = false;
    }
    if let Some(live) = &mut app.chat.live {
        live.look(now.instant);
    }
    let stands = only_grows && app.chat.live.as_ref().map(|live| live.glance.at) == looked_at;
    let changed = if stands { Extent::Messages } else { Extent::All };
    app.changed = app.changed.max(Some(changed));
    let keep = app.keep_due_drafts();
    if keep.is_empty() { cmds } else { cmds.into_iter().chain(keep).collect() }
}

fn take_in(app: &mut App, msg: Msg) -> Vec<Cmd> {
    match msg {
        Msg::Key(key) => {
            let mut cmds = app.key(key);
            cmds.extend(app.look_for_completion(Opens::No));
            cmds
        }
        Msg::Paste(text) if !app.layers.is_empty() => {
            app.touched();
            app.pending = None;
            app.layer_paste(&text)
        }
        Msg::Paste(text) => {
            app.touched();
            app.pending = None;
            app.chat.transcript.select(None);
            app.chat.composer.paste(&text);
            app.look_for_completion(Opens::No)
        }
        Msg::Mouse(input) => app.mouse(input),
        Msg::Resized { width, height } => {
            app.size = (width, height);
            Vec::new()
        }
        Msg::Play { provider, model, choices, prompt } => app.on(ChatKey(0), |app| {
            app.chat.session.params.n = Some(choices);
            app.chat.session.model = format!("{}:{model}", provider.name);
            (app.chat.provider, app.chat.model) = (provider, Some(model));
            app.send_text(prompt)
        }),
        Msg::Turn(report) => app.turn_of_any(report),
        Msg::Answer(ticket, reply) => app.answer(ticket, reply),
        Msg::Models { provider, listed } => {
            app.listed(&provider, listed);
            Vec::new()
        }
        Msg::Found(found) => {
            app.found(found);
            Vec::new()
        }
        Msg::Remembered(remembered) => {
            app.catalog.remembered = remembered;
            app.refresh_models();
            Vec::new()
        }
        Msg::ThemeSaved(theme) => {
            app.theme_file(theme.name().to_owned(), Ok(*theme));
            Vec::new()
        }
        Msg::ThemeBroken { name, why } => {
            app.theme_file(name, Err(why));
            Vec::new()
        }
        Msg::ThemeGone { name } => {
            app.theme_gone(&name);
            Vec::new()
        }
        Msg::Files { chat, typed, found } => app.on(chat, |app| app.files_found(typed, found)),
        Msg::Attached { chat, word, read } => app.on(chat, |app| app.attached(&word, read)),
        Msg::Exported(Ok(path)) => {
            app.tell(format!("written to {path}"));
            Vec::new()
        }
        Msg::Exported(Err(why)) => {
            app.tell(why);
            Vec::new()
        }
        // A job that fails for the same reason again is no news.
        Msg::Notice(text) if app.notices.standing.contains(&text) => Vec::new(),
        Msg::Notice(text) => {
            app.untold.push(text.clone());
            app.notices.standing.push(text);
            Vec::new()
        }
        Msg::Unsaved(error @ StoreError::Newer { .. }) => {
            app.leaving = true;
            vec![Cmd::Refuse(Refusal::Store(error.to_string()))]
        }
        Msg::Unsaved(error) => {
            app.notices.unsaved = Some(error.to_string());
            Vec::new()
        }
        Msg::Edited(outcome) => app.edited(outcome),
        Msg::Woke => Vec::new(),
    }
}

impl App {
    /// A key or a paste came: what stood there until the next key goes.
    fn touched(&mut self) {
        self.chat.seen = true;
        self.quit_armed = None;
        self.notices.passing = None;
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Cmd> {
        let armed = self.quit_armed.is_some_and(|until| self.now.instant < until);
        self.touched();
        if let Some(cmds) = self.completion_key(key) {
            return cmds;
        }
        let scope = self.scope();
        let pending = self.pending.take();
        let asks = self.layers.last().is_some_and(|layer| layer.question().is_some());
        match self.settings.keymap.lookup(scope, pending, key) {
            Lookup::Action(Action::Interrupt | Action::Quit) if armed => self.quit(),
            Lookup::Action(action) if asks => self.decline(action),
            Lookup::Prefix(_) if asks => self.decline(Action::Back),
            Lookup::Action(Action::Help) => self.open_help(typed(&key)),
            Lookup::Action(action) => self.act(action),
            Lookup::Prefix(first) => {
                self.pending = Some(first);
                self.tell(format!("{first} …"));
                Vec::new()
            }
            // Esc takes back the first of two keys and no more; what stops a reply stops it after any key.
            Lookup::None if pending.is_some() => match self.settings.keymap.action(scope, key) {
                Some(Action::Interrupt) => self.interrupt(),
                _ => Vec::new(),
            },
            Lookup::None => match typed(&key) {
                Some(character) => self.typed(character, scope),
                None => Vec::new(),
            },
        }
    }

    /// Any key but the one that says yes to a question says no, and does nothing else, but for those that
    /// stop a reply or leave the program.
    fn decline(&mut self, action: Action) -> Vec<Cmd> {
        let mut cmds = self.layer_act(Action::Back);
        match action {
            Action::Interrupt => cmds.extend(self.stop()),
            Action::Quit | Action::Suspend => cmds.extend(self.act(action)),
            _ => {}
        }
        cmds
    }

    /// Where keys act now.
    pub(super) fn scope(&self) -> Scope {
        if let Some(layer) = self.layers.last() {
            return layer.scope();
        }
        match (self.chat.transcript.selected(), self.chat.composer.is_empty()) {
            (Some(_), _) => Scope::Selection,
            (None, true) => Scope::ComposerEmpty,
            (None, false) => Scope::Composer,
        }
    }

    fn typed(&mut self, character: char, scope: Scope) -> Vec<Cmd> {
        if !self.layers.is_empty() {
            return self.layer_insert(character);
        }
        // A tab alone is a slip, not a prompt.
        let is_slip = character == '\t' && scope == Scope::ComposerEmpty;
        if scope != Scope::Selection && !is_slip {
            self.chat.composer.insert(character);
            return self.look_for_completion(Opens::Yes);
        }
        Vec::new()
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Cmd> {
        match action {
            Action::Interrupt => return self.interrupt(),
            Action::Quit => return self.quit_asked(),
            Action::Suspend => return vec![Cmd::Suspend],
            Action::Help => return self.open_help(None),
            _ if !self.layers.is_empty() => return self.layer_act(action),
            _ => {}
        }
        if let Some(index) = action.tab() {
            return self.turn_tab(Pick::Index(index));
        }
        match action {
            Action::Palette => self.open_palette(),
            Action::SearchHistory => self.open_history(),
            Action::Models => self.open_models(),
            Action::Themes => self.open_themes(),
            Action::Sessions => self.open_sessions(),
            Action::Complete => self.complete(),
            Action::Attach => self.begin_attach(),
            Action::Send if self.chat.composer.take_backslash() => {
                self.chat.composer.newline();
                Vec::new()
            }
            Action::Send => self.send(),
            Action::Newline => {
                self.chat.composer.newline();
                Vec::new()
            }
            Action::Back => self.back(),
            Action::PageUp => self.scroll(-1),
            Action::PageDown => self.scroll(1),
            Action::Top => {
                self.with_scene(|transcript, scene| transcript.to_top(scene));
                Vec::new()
            }
            Action::Bottom => {
                self.chat.transcript.follow();
                Vec::new()
            }
            Action::SelectPrevious => self.select(-1),
            Action::SelectNext => self.select(1),
            Action::SelectFirst => self.select_end(self.chat.tree.path().first().copied()),
            Action::SelectLast => self.select_end(self.chat.tree.path().last().copied()),
            Action::Retry => self.on_selected(App::retry),
            Action::Continue => self.on_selected(App::go_on),
            Action::Fold => self.fold(),
            Action::NextTab => self.turn_tab(Pick::By(1)),
            Action::PreviousTab => self.turn_tab(Pick::By(-1)),
            Action::FoldReasoning => {
                self.chat.transcript.toggle_reasoning();
                Vec::new()
            }
            Action::FoldTools => {
                self.chat.transcript.toggle_tools();
                Vec::new()
            }
            Action::NewChat => self.begin_another(),
            Action::NextLive => self.turn_to_live(1),
            Action::PreviousLive => self.turn_to_live(-1),
            Action::Editor => vec![Cmd::Edit(self.chat.composer.to_edit())],
            Action::Up => self.up(),
            Action::Down => self.down(),
            other => {
                self.chat.composer.edit(other);
                Vec::new()
            }
        }
    }

    /// Escape: what is on top goes; with nothing on top the running turn stops.
    fn back(&mut self) -> Vec<Cmd> {
        if std::mem::take(&mut self.chat.send_when_read) {
            return Vec::new();
        }
        self.notices.settle();
        if self.chat.transcript.selected().is_some() {
            self.chat.transcript.select(None);
            return Vec::new();
        }
        self.stop().into_iter().collect()
    }

    /// Ctrl-C: stop the turn; then clear the draft; then ask for a second press.
    fn interrupt(&mut self) -> Vec<Cmd> {
        self.chat.send_when_read = false;
        if self.chat.live.as_ref().is_some_and(|live| live.phase != Phase::Stopping) {
            return self.stop().into_iter().collect();
        }
        if !self.layers.is_empty() {
            return self.layer_act(Action::Back);
        }
        if !self.chat.composer.is_empty() {
            self.chat.composer.clear();
            // The key for earlier prompts brings what waits first.
            let back = if self.chat.queue.is_empty() { Action::Up } else { Action::Undo };
            let key = self.settings.keymap.key_in(Scope::ComposerEmpty, back);
            let words = key.map(|key| format!(" · {key} brings it back")).unwrap_or_default();
            self.tell(format!("draft cleared{words}"));
            return Vec::new();
        }
        self.arm_quit(Action::Interrupt);
        Vec::new()
    }

    /// Ctrl-D: leaves; while a reply streams behind the screen, unseen, it asks for a second press.
    fn quit_asked(&mut self) -> Vec<Cmd> {
        if self.behind().live == 0 {
            return self.quit();
        }
        self.arm_quit(Action::Quit);
        Vec::new()
    }

    fn arm_quit(&mut self, action: Action) {
        self.quit_armed = Some(self.now.instant + QUIT_WINDOW);
        let key = self.settings.keymap.key_for(action).unwrap_or_default();
        let behind = match self.behind().live {
            0 => String::new(),
            1 => " · a reply still streams behind this chat: what came of it is kept".to_owned(),
            live => format!(" · {live} replies still stream behind this chat: what came of them is kept"),
        };
        self.tell(format!("press {key} again to quit{behind}"));
    }

    fn quit(&mut self) -> Vec<Cmd> {
        self.leaving = true;
        // Drafts are saved with the last words.
        self.stop().into_iter().chain([Cmd::Quit]).collect()
    }

    fn scroll(&mut self, pages: isize) -> Vec<Cmd> {
        let by = pages * self.chat.transcript.page();
        self.with_scene(|transcript, scene| transcript.scroll(scene, by));
        Vec::new()
    }

    fn select(&mut self, by: isize) -> Vec<Cmd> {
        let begins = self.chat.transcript.selected().is_none();
        self.chat.transcript.select_by(by, &self.chat.tree);
        if begins && self.chat.transcript.is_following() {
            // The end is in view, and what can be done about the last message stands there.
            return Vec::new();
        }
        self.with_scene(|transcript, scene| transcript.reveal_selected(scene));
        Vec::new()
    }

    fn select_end(&mut self, id: Option<crate::base::MessageId>) -> Vec<Cmd> {
        self.chat.transcript.select(id);
        self.reveal();
        Vec::new()
    }

    /// Brings the selected message into view.
    pub(super) fn reveal(&mut self) {
        self.with_scene(|transcript, scene| transcript.reveal_selected(scene));
    }

    fn fold(&mut self) -> Vec<Cmd> {
        if let Some(id) = self.chat.transcript.selected() {
            self.chat.transcript.toggle_message(id);
        }
        Vec::new()
    }

    fn turn_tab(&mut self, pick: Pick) -> Vec<Cmd> {
        match self.tabbed() {
            Some(id) => self.choose(id, pick),
            None => Vec::new(),
        }
    }

    fn on_selected(&mut self, act: fn(&mut App, crate::base::MessageId) -> Vec<Cmd>) -> Vec<Cmd> {
        match self.chat.transcript.selected() {
            Some(id) => act(self, id),
            None => Vec::new(),
        }
    }

    pub(super) fn with_scene(
        &mut self,
        act: impl FnOnce(&mut super::panes::transcript::Transcript, &Scene<'_>),
    ) {
        let scene = Scene {
            tree: &self.chat.tree,
            live: self.chat.live.as_ref(),
            zone: &self.settings.zone,
            keymap: &self.settings.keymap,
            now: self.now.instant,
        };
        act(&mut self.chat.transcript, &scene);
    }

    /// Has `act` work on the conversation of a key; one that is gone wants nothing any more.
    fn on(&mut self, key: ChatKey, act: impl FnOnce(&mut App) -> Vec<Cmd>) -> Vec<Cmd> {
        if self.chat.key == key {
            return act(self);
        }
        match self.others.iter().position(|chat| chat.key == key) {
            Some(index) => self.on_other(index, act),
            None => Vec::new(),
        }
    }

    /// What a turn of any conversation says.
    fn turn_of_any(&mut self, report: TurnReport) -> Vec<Cmd> {
        let is_of = |chat: &Chat| chat.live.as_ref().is_some_and(|live| live.id == report.turn);
        match self.others.iter().position(is_of) {
            Some(index) => self.on_other(index, |app| app.turn(report)),
            None => self.turn(report),
        }
    }

    /// What a turn says. A turn that is not this conversation's (any more) is ignored.
    fn turn(&mut self, report: TurnReport) -> Vec<Cmd> {
        if self.chat.live.as_ref().is_none_or(|live| live.id != report.turn) {
            return Vec::new();
        }
        if let Some(live) = &mut self.chat.live {
            live.count(report.chunks, report.at);
        }
        for event in report.events {
            self.turn_event(event, report.at);
        }
        if self.chat.live.is_none() {
            return self.go_on_with_queue();
        }
        let answers = self.chat.live.iter().flat_map(|live| &live.answers);
        for message in answers.filter_map(|id| self.chat.tree.get(*id)) {
            self.chat.transcript.absorb(message);
        }
        Vec::new()
    }

    fn turn_event(&mut self, event: TurnEvent, at: Instant) {
        let Some(live) = &mut self.chat.live else { return };
        match event {
            TurnEvent::Sent { .. } => {
                live.sent = at;
                if live.phase != Phase::Stopping {
                    live.phase = Phase::Waiting;
                }
            }
            TurnEvent::Retry { attempt, of, delay, reason, .. } => {
                if live.phase != Phase::Stopping {
                    live.phase = Phase::Retrying { attempt, of, until: at + delay, reason };
                }
            }
            TurnEvent::Stream(event) => self.stream_event(&event, at),
            TurnEvent::Error(error) => self.choice_failed(error),
            TurnEvent::Done(done) => self.ended(*done),
        }
    }

    fn stream_event(&mut self, event: &StreamEvent, at: Instant) {
        let Some(live) = &mut self.chat.live else { return };
        live.last = at;
        if shows(event) && live.phase != Phase::Stopping {
            live.phase = Phase::Streaming;
        }
        let choice = event.choice().unwrap_or(0) as usize;
        match event {
            StreamEvent::Reasoning { .. } => live.reasons(choice, at),
            StreamEvent::Text { .. } | StreamEvent::Refusal { .. } | StreamEvent::ToolCall { .. } => {
                live.goes_on(choice, at);
            }
            StreamEvent::Usage(usage) => live.figures.take_usage(usage),
            StreamEvent::Start { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Finish { .. }
            | StreamEvent::Notice(_) => {}
        }
        let targets = match event.choice() {
            Some(choice) => live.answers.get(choice as usize).copied().into_iter().collect(),
            None if matches!(event, StreamEvent::Usage(_)) => live.answers.clone(),
            None => live.answers.first().copied().into_iter().collect::<Vec<_>>(),
        };
        for id in targets {
            if let Some(message) = self.chat.tree.get_mut(id) {
                message.apply(event);
                match event {
                    StreamEvent::Finish { reason: FinishReason::Failed, .. } => {
                        message.state = MessageState::Failed;
                    }
                    StreamEvent::Finish { .. } => message.state = MessageState::Complete,
                    _ => {}
                }
            }
        }
    }

    /// One of several choices failed while others still stream. Any other error comes with the end.
    fn choice_failed(&mut self, error: TurnError) {
        let live = self.chat.live.as_ref();
        let failed = error.choice.and_then(|c| live.and_then(|live| live.answers.get(c as usize)));
        if let Some(message) = failed.copied().and_then(|id| self.chat.tree.get_mut(id)) {
            message.state = MessageState::Failed;
            message.error = Some(error);
        }
    }

    fn ended(&mut self, done: TurnDone) {
        let Some(mut live) = self.chat.live.take() else { return };
        let mut choices = done.choices.into_iter();
        for id in &live.answers {
            let choice = choices.next();
            let Some(message) = self.chat.tree.get_mut(*id) else { continue };
            let Some(choice) = choice else {
                message.state = MessageState::Failed;
                message.error = Some(never_came());
                continue;
            };
            message.state = match choice.outcome {
                Outcome::Complete => MessageState::Complete,
                Outcome::Truncated => MessageState::Truncated,
                Outcome::Failed => MessageState::Failed,
                Outcome::Cancelled => MessageState::Cancelled,
            };
            message.finish = choice.finish.map(|f| Finish { reason: f.reason, raw: f.raw });
            message.error = choice.error;
            message.metrics = Some(choice.metrics);
            message.usage = done.usage;
        }
        if let Some(usage) = &done.usage {
            live.figures.take_usage(usage);
        }
        if let Some(ttft) = done.metrics.ttft_ms {
            live.figures.ttft = Some(std::time::Duration::from_secs_f64(ttft.max(0.0) / 1000.0));
        }
        live.figures.tokens = done.metrics.tokens;
        live.figures.exact = done.metrics.tokens_exact;
        live.figures.overall = done.metrics.tokens_per_second;
        self.chat.ended = Some(EndedTurn { outcome: done.outcome, figures: live.figures, rate: live.rate });
        self.chat.seen = false;
    }

    /// What the store answers.
    fn answer(&mut self, ticket: Ticket, reply: StoreReply) -> Vec<Cmd> {
        match ticket {
            Ticket::Open(key) if self.chat.key == key => self.loaded(reply),
            Ticket::Open(key) => match self.others.iter().position(|chat| chat.key == key) {
                Some(index) => self.on_other(index, |app| {
                    let mut cmds = app.loaded(reply);
                    cmds.extend(app.keep_draft());
                    cmds
                }),
                None => Vec::new(),
            },
            Ticket::Unsent(key) => {
                if let StoreReply::Loaded(stored) = reply
                    && self.chat.key == key
                    && self.chat.is_untouched()
                    && !self.chat.is_set
                {
                    let providers = self.providers.clone();
                    self.chat.resume(*stored, &providers);
                    if self.layers.is_empty() {
                        let key = self.settings.keymap.key_for(Action::Interrupt).unwrap_or_default();
                        self.tell(format!("this is the draft that you had not sent · {key} clears it"));
                    }
                }
                Vec::new()
            }
            Ticket::Draft(key, revision) => {
                self.draft_answered(key, revision, reply);
                Vec::new()
            }
            Ticket::Sessions(_)
            | Ticket::Preview(_)
            | Ticket::Export(_)
            | Ticket::Delete(_)
            | Ticket::Restore(_) => self.sessions_answer(ticket, reply),
            Ticket::History => {
                if let StoreReply::Prompts(prompts) = reply {
                    self.take_prompts(prompts);
                }
                Vec::new()
            }
        }
    }

    fn open_history(&mut self) -> Vec<Cmd> {
        let earlier = self.chat.composer.earlier(history::SEARCHED);
        self.open(Layer::History(History::new(self.chat.key, earlier)));
        vec![Cmd::Ask(Ticket::History, StoreJob::Prompts { limit: HISTORY })]
    }

    /// The prompts of all sessions came. Help may lie over the list.
    fn take_prompts(&mut self, prompts: Vec<String>) {
        let history = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::History(history) => Some(history),
            _ => None,
        });
        if let Some(history) = history {
            let composer = &self.chat.composer;
            let own = |prompt: &String| composer.has_folded(prompt);
            history.add(prompts.into_iter().filter(|prompt| !own(prompt)).collect());
        }
    }

    fn loaded(&mut self, reply: StoreReply) -> Vec<Cmd> {
        let Some(loading) = self.chat.loading.take() else { return Vec::new() };
        let mut cmds = Vec::new();
        match reply {
            StoreReply::Loaded(stored) => {
                let providers = self.providers.clone();
                self.chat.resume(*stored, &providers);
                self.chat.transcript.reset();
                let goal = self.chat.goal.take();
                cmds = self.go_to(goal);
            }
            StoreReply::NotFound(what) => match loading {
                Loading::Named(WhichSession::Prefix(_)) => return self.refuse(what),
                Loading::Named(WhichSession::Newest(_) | WhichSession::Unsent) => {
                    self.notices.standing.push(what);
                    self.chat.session.id = self.ids.next_id();
                }
                Loading::Picked => {
                    self.notices.standing.push(what);
                    self.not_sent();
                }
            },
            StoreReply::Ambiguous(ids) => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                return self.refuse(format!("several sessions begin so: {}", ids.join(", ")));
            }
            StoreReply::Failed(error) => {
                self.notices.standing.push(error.to_string());
                self.not_sent();
            }
            StoreReply::Saved | StoreReply::Listed(_) | StoreReply::Prompts(_) | StoreReply::Refused(_) => {}
        }
        if let Some(prompt) = self.chat.first_prompt.take() {
            cmds.extend(self.send_text(prompt));
        }
        cmds
    }

    /// What is said now is no part of the session that did not come; and what was meant for that is not
    /// sent: the person decides.
    fn not_sent(&mut self) {
        self.chat.session.id = self.ids.next_id();
        self.give_back_first();
    }

    /// The session that was named cannot be had: nothing is sent into another one.
    fn refuse(&mut self, why: String) -> Vec<Cmd> {
        self.leaving = true;
        vec![Cmd::Refuse(Refusal::Session(why))]
    }
}

/// Whether an event ends the wait for the first of the answer. A chunk that only names a role does not.
fn shows(event: &StreamEvent) -> bool {
    match event {
        StreamEvent::Text { .. }
        | StreamEvent::Reasoning { .. }
        | StreamEvent::Refusal { .. }
        | StreamEvent::ToolCall { .. }
        | StreamEvent::Finish { .. } => true,
        StreamEvent::Start { .. }
        | StreamEvent::Annotation { .. }
        | StreamEvent::Carry { .. }
        | StreamEvent::Usage(_)
        | StreamEvent::Notice(_) => false,
    }
}

/// The character a key types, if it types one.
fn typed(key: &KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c)
            if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER) =>
        {
            Some(c)
        }
        _ => None,
    }
}
