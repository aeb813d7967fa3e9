//! What lies over the conversation: one layer at a time has the keys, and Esc takes it off.
//!
//! A layer is a pane with its own state in [`super::panes`]. It gets the actions of its scope and what
//! is typed, and says what is to come of it as a [`Step`]; carrying that out is [`App`]'s, here. Layers
//! whose rows stand over the input are *sheets*; the sessions and the help take the whole body.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::cmd::Cmd;
use super::panes::history::History;
use super::panes::models::Models;
use super::panes::themes::Themes;
use super::panes::{bold, header, put};
use super::state::App;
use super::view::Areas;
use crate::base::tone::{Line, Tone};
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
}

impl Layer {
    /// Where its keys act.
    pub fn scope(&self) -> Scope {
        match self {
            Layer::History(_) | Layer::Themes(_) => Scope::List,
            Layer::Models(_) => Scope::Models,
        }
    }

    /// What stands over its rows.
    pub fn title(&self) -> &'static str {
        match self {
            Layer::History(_) => "Earlier prompts",
            Layer::Models(_) => "Models",
            Layer::Themes(_) => "Themes",
        }
    }

    /// What stands in its line while nothing is typed.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Layer::History(_) => "Type to search",
            Layer::Models(_) => "Type to find a model, or PROVIDER:MODEL",
            Layer::Themes(_) => "Type to find a theme",
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
        }
    }

    /// How it stands on the screen.
    pub fn shape(&self) -> Shape {
        match self {
            Layer::History(history) => Shape::Sheet(history.count()),
            Layer::Models(models) => Shape::Sheet(models.count()),
            Layer::Themes(themes) => Shape::Sheet(themes.count()),
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
}

impl App {
    /// Draws the layer on top into the body and its line into `input`; gives the caret's place.
    pub(super) fn draw_layer(&mut self, areas: &Areas, input: Rect, buf: &mut Buffer) -> Option<Position> {
        let theme = &self.settings.theme;
        let layer = self.layers.last_mut()?;
        let body = areas.transcript.union(areas.notice).union(areas.queue);
        // A small screen has no row to spare for what lies under.
        let body = if areas.header.is_empty() { body.union(areas.rule) } else { body };
        let area = match layer.shape() {
            Shape::Body => body,
            Shape::Sheet(rows) => sheet(body, rows),
        };
        clear(area, buf, theme);
        header::rule(buf, (area.x, area.y), area.width, theme);
        let title = Line { spans: vec![bold(format!(" {} ", layer.title()), Tone::Accent)] };
        put(buf, (area.x + 2, area.y), &title, area.width.saturating_sub(4), theme);
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
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
        let Some(mut layer) = self.layers.pop() else { return Vec::new() };
        let step = match &mut layer {
            Layer::Themes(themes) => themes.act(action),
            _ if action == Action::Back => Step::Close,
            Layer::History(history) => history.act(action),
            Layer::Models(models) => models.act(action, &self.catalog),
        };
        self.step(layer, step)
    }

    /// A character that is typed while a layer is on top.
    pub(super) fn layer_insert(&mut self, character: char) -> Vec<Cmd> {
        let Some(mut layer) = self.layers.pop() else { return Vec::new() };
        let step = match &mut layer {
            Layer::History(history) => history.insert(&character.to_string()),
            Layer::Models(models) => models.insert(&character.to_string(), &self.catalog),
            Layer::Themes(themes) => themes.insert(&character.to_string()),
        };
        self.step(layer, step)
    }

    /// Text that is pasted while a layer is on top.
    pub(super) fn layer_paste(&mut self, text: &str) -> Vec<Cmd> {
        let Some(mut layer) = self.layers.pop() else { return Vec::new() };
        let step = match &mut layer {
            Layer::History(history) => history.insert(text),
            Layer::Models(models) => models.insert(text, &self.catalog),
            Layer::Themes(themes) => themes.insert(text),
        };
        self.step(layer, step)
    }

    /// Carries out what a layer said.
    pub(super) fn step(&mut self, layer: Layer, step: Step) -> Vec<Cmd> {
        match step {
            Step::Stay => self.layers.push(layer),
            Step::Close => {}
            Step::Insert(text) => self.chat.composer.put(&text),
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
        }
        Vec::new()
    }
}

/// The place of a sheet of so many rows and its title, at the foot of `body`.
fn sheet(body: Rect, rows: usize) -> Rect {
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1);
    let most = if body.height > 3 * LEFT { body.height - LEFT } else { body.height };
    let height = wanted.min(most);
    Rect { y: body.bottom() - height, height, ..body }
}

fn clear(area: Rect, buf: &mut Buffer, theme: &Theme) {
    let style = theme.popup();
    for y in area.y..area.bottom() {
        for x in area.x..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }
}
