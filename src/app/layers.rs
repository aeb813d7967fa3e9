//! What lies over the conversation: one layer at a time has the keys, and Esc takes it off.
//!
//! A layer is a pane with its own state in [`super::panes`]. It gets the actions of its scope and what
//! is typed, and says what is to come of it as a [`Step`]; carrying that out is [`App`]'s, here. Layers
//! whose rows stand over the input are *sheets*; the sessions and the help take the whole body.

use ratatui::layout::{Position, Rect};

use super::chat::ChatKey;
use super::cmd::Cmd;
use super::commands::Item;
use super::completion::Opens;
use super::panes::completion::Completion;
use super::panes::help::Help;
use super::panes::history::History;
use super::panes::list::Rows as _;
use super::panes::models::Models;
use super::panes::palette::Palette;
use super::panes::sessions::{Sessions, World};
use super::panes::themes::Themes;
use super::panes::{bold, header, put};
use super::picture::Picture;
use super::state::App;
use super::view::Areas;
use crate::base::MessageId;
use crate::base::tone::{Line, Tone};
use crate::chat::Message;
use crate::keys::{Action, Scope};
use crate::theme::Theme;

/// Rows that a sheet leaves to the conversation, where there are enough.
const LEFT: u16 = 4;

/// A layer.
#[derive(Debug)]
pub enum Layer {
    /// Earlier prompts (Ctrl-R).
    History(History),
    /// The model picker (Ctrl-L).
    Models(Box<Models>),
    /// The theme picker.
    Themes(Box<Themes>),
    /// The saved sessions (Ctrl-S).
    Sessions(Box<Sessions>),
    /// All commands and actions (Ctrl-P).
    Palette(Palette),
    /// The keys of the screen under it (F1).
    Help(Help),
}

/// What an action came to.
#[derive(Debug)]
pub enum Step {
    /// The layer stays.
    Stay,
    /// It goes.
    Close,
    /// It goes, and this comes into the input.
    Insert(String),
    /// It goes, and this earlier prompt of that conversation comes into the input, its pastes folded.
    Recall(ChatKey, String),
    /// It goes, and the next message goes to this model.
    Model(String),
    /// It stays, and the screen is seen in this theme.
    Preview(Box<Theme>),
    /// It goes, and this theme is in force again.
    Restore(Box<Theme>),
    /// It goes, and this theme is in force from now on.
    Theme {
        /// Its name, or `auto`.
        name: String,
        /// The theme.
        theme: Box<Theme>,
    },
    /// It stays, and this model gets a star, or loses it.
    Star(String),
    /// It goes, and this is typed where the person was.
    Type(String),
    /// It goes, and this is run, with the message that was selected.
    Run(Item, Option<MessageId>),
}

impl Layer {
    /// Where its keys act.
    pub fn scope(&self) -> Scope {
        match self {
            Layer::History(_) | Layer::Palette(_) | Layer::Themes(_) | Layer::Help(_) => Scope::List,
            Layer::Models(_) => Scope::Models,
            Layer::Sessions(sessions) if sessions.is_renaming() => Scope::List,
            Layer::Sessions(_) => Scope::Sessions,
        }
    }

    /// What stands over its rows.
    pub fn title(&self) -> &'static str {
        match self {
            Layer::History(_) => "Earlier prompts",
            Layer::Models(_) => "Models",
            Layer::Themes(_) => "Themes",
            Layer::Sessions(_) => "Sessions",
            Layer::Palette(_) => "Everything",
            Layer::Help(_) => "Keys",
        }
    }

    /// What stands in its line while nothing is typed.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Layer::History(_) => "Type to search",
            Layer::Models(_) => "Type to find a model, or PROVIDER:MODEL",
            Layer::Themes(_) => "Type to find a theme",
            Layer::Sessions(sessions) => sessions.placeholder(),
            Layer::Palette(_) => "Type to find",
            Layer::Help(_) => "",
        }
    }

    /// Whether its own line stands in place of the input.
    pub fn has_line(&self) -> bool {
        match self {
            Layer::History(_)
            | Layer::Palette(_)
            | Layer::Models(_)
            | Layer::Themes(_)
            | Layer::Sessions(_) => true,
            Layer::Help(_) => false,
        }
    }
}

impl Layer {
    /// The most useful keys, for the status bar.
    pub fn hints(&self) -> &'static [(Action, &'static str)] {
        match self {
            Layer::History(_) => &[(Action::Accept, "insert"), (Action::Back, "back")],
            Layer::Themes(_) => &[(Action::Accept, "use"), (Action::Back, "back")],
            Layer::Models(_) => &[(Action::Accept, "use"), (Action::Star, "star"), (Action::Back, "back")],
            Layer::Sessions(sessions) => sessions.hints(),
            Layer::Palette(_) => &[(Action::Accept, "run"), (Action::Back, "back")],
            Layer::Help(_) => &[(Action::Back, "back")],
        }
    }

    /// How it stands on the screen.
    pub fn shape(&self) -> Shape {
        match self {
            Layer::History(history) => Shape::Sheet(history.count()),
            Layer::Models(models) => Shape::Sheet(models.count()),
            Layer::Themes(themes) => Shape::Sheet(themes.count()),
            Layer::Sessions(_) => Shape::Screen,
            Layer::Palette(palette) => Shape::Sheet(palette.found.count()),
            Layer::Help(_) => Shape::Body,
        }
    }

    /// A question that the next key answers.
    pub fn question(&self) -> Option<String> {
        match self {
            Layer::History(_) | Layer::Models(_) | Layer::Themes(_) | Layer::Palette(_) | Layer::Help(_) => {
                None
            }
            Layer::Sessions(sessions) => sessions.question(),
        }
    }
}

/// How a layer stands on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many rows over the input, as far as there is room; the conversation is seen over them.
    Sheet(usize),
    /// In place of the conversation.
    Body,
    /// The same, with its name in the header where there is one.
    Screen,
}

impl App {
    /// Draws the layer on top into the body and its line into `input`; gives the caret's place.
    pub(super) fn draw_layer(&mut self, areas: &Areas, input: Rect, buf: &mut Picture) -> Option<Position> {
        let is_told = self.notice().is_some();
        let held = self.held();
        let theme = &self.settings.theme;
        let layer = self.layers.last_mut()?;
        let body = areas.transcript.union(areas.notice).union(areas.queue);
        // A small screen has no row to spare for what lies under.
        let body = if areas.header.is_empty() { body.union(areas.rule) } else { body };
        let area = match layer.shape() {
            // Its questions and answers are told over the line.
            Shape::Screen if is_told => areas.transcript,
            Shape::Body | Shape::Screen => body,
            Shape::Sheet(rows) => sheet(body, rows),
        };
        let rows = if layer.shape() == Shape::Screen && areas.header.height > 0 {
            buf.clear(area, theme.popup());
            area
        } else {
            ground(area, layer.title(), buf, theme)
        };
        let placeholder = layer.placeholder();
        let caret = match layer {
            Layer::History(history) => {
                history.draw(rows, buf, theme);
                history.list.draw_query(input, buf, theme, placeholder)
            }
            Layer::Models(models) => {
                models.draw(&self.catalog, rows, buf, theme);
                models.list().draw_query(input, buf, theme, placeholder)
            }
            Layer::Themes(themes) => {
                themes.draw(rows, buf, theme);
                themes.list().draw_query(input, buf, theme, placeholder)
            }
            Layer::Sessions(sessions) => {
                let world = World {
                    chat: &self.chat,
                    others: &self.others,
                    zone: &self.settings.zone,
                    keymap: &self.settings.keymap,
                    held,
                    now: self.now,
                };
                sessions.draw(&world, rows, buf, theme);
                sessions.draw_query(input, buf, theme)
            }
            Layer::Palette(palette) => {
                palette.list.draw(&palette.found, rows, buf, theme);
                palette.list.draw_query(input, buf, theme, placeholder)
            }
            Layer::Help(help) => {
                help.draw(&self.settings.keymap, rows, buf, theme);
                self.chat.composer.draw(input, buf, theme, placeholder)
            }
        };
        Some(caret)
    }

    /// Puts a layer on top.
    pub(super) fn open(&mut self, layer: Layer) {
        self.chat.transcript.select(None);
        self.layers.push(layer);
    }

    /// An action while a layer is on top.
    pub(super) fn layer_act(&mut self, action: Action) -> Vec<Cmd> {
        if let Some(Layer::Sessions(_)) = self.layers.last() {
            return self.sessions_act(action);
        }
        let Some(mut layer) = self.layers.pop() else { return Vec::new() };
        let step = match &mut layer {
            Layer::Themes(themes) => themes.act(action),
            _ if action == Action::Back => Step::Close,
            Layer::History(history) => history.act(action),
            Layer::Models(models) => models.act(action, &self.catalog),
            Layer::Sessions(_) => Step::Stay,
            Layer::Palette(palette) => palette.act(action),
            Layer::Help(help) => help.act(action),
        };
        self.step(layer, step)
    }

    /// A character that is typed while a layer is on top.
    pub(super) fn layer_insert(&mut self, character: char) -> Vec<Cmd> {
        if let Some(Layer::Sessions(_)) = self.layers.last() {
            return self.sessions_insert(character.encode_utf8(&mut [0; 4]));
        }
        let Some(mut layer) = self.layers.pop() else { return Vec::new() };
        let step = match &mut layer {
            Layer::History(history) => history.insert(&character.to_string()),
            Layer::Models(models) => models.insert(&character.to_string(), &self.catalog),
            Layer::Themes(themes) => themes.insert(&character.to_string()),
            Layer::Sessions(_) => Step::Stay,
            Layer::Palette(palette) => palette.insert(&character.to_string()),
            Layer::Help(help) => help.insert(&character.to_string()),
        };
        self.step(layer, step)
    }

    /// Text that is pasted while a layer is on top.
    pub(super) fn layer_paste(&mut self, text: &str) -> Vec<Cmd> {
        if self.layers.last().is_some_and(|layer| layer.question().is_some()) {
            // Whatever it is, it was not written as the answer.
            return self.layer_act(Action::Back);
        }
        if let Some(Layer::Sessions(_)) = self.layers.last() {
            return self.sessions_insert(text);
        }
        let Some(mut layer) = self.layers.pop() else { return Vec::new() };
        let step = match &mut layer {
            Layer::History(history) => history.insert(text),
            Layer::Models(models) => models.insert(text, &self.catalog),
            Layer::Themes(themes) => themes.insert(text),
            Layer::Sessions(_) => Step::Stay,
            Layer::Palette(palette) => palette.insert(text),
            Layer::Help(help) => help.insert(text),
        };
        self.step(layer, step)
    }

    /// Carries out what a layer said.
    pub(super) fn step(&mut self, layer: Layer, step: Step) -> Vec<Cmd> {
        match step {
            Step::Stay => self.layers.push(layer),
            Step::Close => {}
            Step::Insert(text) => self.chat.composer.put(&text),
            Step::Recall(chat, folded) if chat == self.chat.key => self.chat.composer.put_folded(&folded),
            Step::Recall(..) => self.tell("that prompt went with its conversation"),
            Step::Model(name) => return self.use_model(&name),
            Step::Preview(theme) => {
                self.settings.theme = *theme;
                self.layers.push(layer);
            }
            Step::Restore(theme) => self.settings.theme = *theme,
            Step::Theme { name, theme } => return self.use_theme(&name, *theme),
            Step::Star(name) => {
                self.layers.push(layer);
                return self.star(name);
            }
            Step::Type(text) => return self.type_on(&text),
            Step::Run(item, selected) => {
                self.chat.transcript.select(selected);
                return self.run_chosen(item);
            }
        }
        Vec::new()
    }

    /// Text that was meant for what is under the layer that went.
    fn type_on(&mut self, text: &str) -> Vec<Cmd> {
        if !self.layers.is_empty() {
            return self.layer_paste(text);
        }
        self.chat.transcript.select(None);
        self.chat.composer.paste(text);
        self.look_for_completion(Opens::Yes)
    }

    /// F1, or `?` in an empty input: the keys of the present screen. Once more: back to it. A key that
    /// types a character gives that, for if text was meant.
    pub(super) fn open_help(&mut self, character: Option<char>) -> Vec<Cmd> {
        if matches!(self.layers.last(), Some(Layer::Help(_))) {
            self.layers.pop();
            return Vec::new();
        }
        let help = Help::new(self.scope(), character);
        self.layers.push(Layer::Help(help));
        Vec::new()
    }

    /// Ctrl-P: all commands and actions, those that are of use now first.
    pub(super) fn open_palette(&mut self) -> Vec<Cmd> {
        let mut first = Vec::new();
        let tree = &self.chat.tree;
        if self.chat.live.is_some() {
            first.push(Action::Back);
        } else if tree.last().is_some_and(Message::is_partial) {
            first.extend([Action::Continue, Action::Retry]);
        }
        if !self.others.is_empty() {
            first.push(Action::NextLive);
        }
        let selected = self.chat.transcript.selected();
        if selected.is_some() {
            first.push(Action::Retry);
            first.extend(self.goes_on(selected).then_some(Action::Continue));
            first.push(Action::Fold);
        }
        let palette = Palette::new(&self.settings.keymap, &first, selected);
        self.open(Layer::Palette(palette));
        Vec::new()
    }
}

/// Draws the sheet of a completion at the foot of `body`. Nothing is drawn while nothing was found yet.
pub(super) fn draw_completion(completion: &mut Completion, body: Rect, buf: &mut Picture, theme: &Theme) {
    let count = completion.count();
    if count == 0 || body.height < 2 {
        return;
    }
    let rows = ground(sheet(body, count), completion.title(), buf, theme);
    completion.draw(rows, buf, theme);
}

/// Clears the ground of a layer and writes its title; gives the place of its rows.
fn ground(area: Rect, title: &str, buf: &mut Picture, theme: &Theme) -> Rect {
    buf.clear(area, theme.popup());
    header::rule(buf, (area.x, area.y), area.width, theme);
    let title = Line { spans: vec![bold(format!(" {title} "), Tone::Accent)] };
    put(buf, (area.x + 2, area.y), &title, area.width.saturating_sub(4), theme);
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// The place of a sheet of so many rows and its title, at the foot of `body`.
fn sheet(body: Rect, rows: usize) -> Rect {
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1);
    let most = if body.height > 3 * LEFT { body.height - LEFT } else { body.height };
    let height = wanted.min(most);
    Rect { y: body.bottom() - height, height, ..body }
}
