//! The transcript: the messages of the shown path, a viewport over them, and the selected message.
//!
//! The viewport is kept as a place (*following* the end, or a row of a message), never as a row of
//! the whole, so that text which arrives, folds or is laid out for the first time elsewhere cannot
//! move what is being read. Only messages that touch the viewport are laid out; heights of the others
//! are remembered or estimated, and are used for the count of lines below alone.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use ratatui::layout::Rect;

use super::hits::Needles;
use super::message::{self, Context, Mark, MessageView, Open, Target};
use super::{line, put};
use crate::app::live::LiveTurn;
use crate::app::picture::Picture;
use crate::base::MessageId;
use crate::base::tone::Tone;
use crate::chat::{Conversation, Message, MessageState, Role};
use crate::keys::Keymap;
use crate::theme::Theme;

/// Text is not laid out wider than this: longer rows are hard to read.
const MAX_COLUMNS: u16 = 124;
/// Rows of a message in which a word is sought.
const SOUGHT: usize = 5_000;

/// The messages on the screen.
#[derive(Debug, Default)]
pub struct Transcript {
    views: HashMap<MessageId, MessageView>,
    position: Position,
    /// The prompt whose reply is held at its beginning once it fills the screen.
    hold: Option<MessageId>,
    selected: Option<MessageId>,
    /// What the person has unfolded.
    open: Open,
    /// The same for single messages, over that.
    own: HashMap<MessageId, Open>,
    /// Where to go once it is known how wide the rows are.
    goal: Option<(MessageId, Needles)>,
    /// What is marked.
    needles: Needles,
    columns: u16,
    rows: usize,
    below: usize,
    /// Where messages were drawn last, each with its row that stands first there.
    drawn: Vec<(Rect, MessageId, usize)>,
    /// What is laid out for the frame that is being drawn, and whether it followed the end then.
    drawing: Option<(bool, Vec<MessageId>)>,
}

/// Where the viewport is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Position {
    /// At the end, whatever comes.
    #[default]
    Following,
    /// Its first row is this row of a message.
    Held(Held),
}

/// A row of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    message: MessageId,
    row: usize,
    /// What stood there before the width changed, so that several changes in a row do not drift.
    anchor: Option<Anchor>,
}

impl Held {
    fn at(message: MessageId, row: usize) -> Position {
        Position::Held(Held { message, row, anchor: None })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Anchor {
    mark: Mark,
    /// The message's height after the change; with another one the mark holds no more.
    height: usize,
}

/// What drawing needs beside the messages.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The conversation.
    pub tree: &'a Conversation,
    /// Its running turn.
    pub live: Option<&'a LiveTurn>,
    /// For times.
    pub zone: &'a TimeZone,
    /// The keys in force.
    pub keymap: &'a Keymap,
    /// The time of the frame.
    pub now: std::time::Instant,
}

impl Transcript {
    /// The message that a click is for, and what it does there.
    pub fn target(&self, (x, y): (u16, u16)) -> Option<(MessageId, Target)> {
        let at = ratatui::layout::Position::new(x, y);
        let (area, id, skip) = self.drawn.iter().find(|(area, ..)| area.contains(at))?;
        let margin = margin(self.columns);
        let column = (x - area.x).checked_sub(margin)?;
        let target = self.views.get(id)?.target(skip + usize::from(y - area.y), usize::from(column))?;
        Some((*id, target))
    }

    /// How many lines are below the viewport; some of them estimated.
    pub fn below(&self) -> usize {
        self.below
    }

    /// Whether the end is in view and stays so.
    pub fn is_following(&self) -> bool {
        self.position == Position::Following
    }

    /// The selected message.
    pub fn selected(&self) -> Option<MessageId> {
        self.selected
    }

    /// Goes to the end and stays there.
    pub fn follow(&mut self) {
        self.position = Position::Following;
        self.hold = None;
        self.goal = None;
    }

    /// Follows until `prompt` and what answers it fill the screen, and stays there.
    pub fn hold_at(&mut self, prompt: MessageId) {
        self.hold = Some(prompt);
    }

    /// Goes to the first row of a message that holds one of the words, at the next drawing; to its head
    /// where none does.
    pub fn seek(&mut self, message: MessageId, words: Needles) {
        self.goal = Some((message, words));
    }

    /// Marks these words wherever they stand.
    pub fn mark(&mut self, words: Needles) {
        self.needles = words;
    }

    /// Forgets the layouts: another path is shown, or another session.
    pub fn reset(&mut self) {
        self.views.clear();
        self.own.clear();
        self.selected = None;
        self.goal = None;
        self.follow();
    }

    /// Selects the message `by` places away from the selected one; from none, the last.
    pub fn select_by(&mut self, by: isize, tree: &Conversation) {
        let path = tree.path();
        let at = self.selected.and_then(|id| path.iter().position(|p| *p == id));
        let next = match at {
            None => path.len().checked_sub(1),
            Some(at) => at.checked_add_signed(by).filter(|i| *i < path.len()),
        };
        match next {
            Some(i) => self.selected = Some(path[i]),
            // Past the last message the selection ends; before the first it stays.
            None if by > 0 => self.selected = None,
            None => {}
        }
    }

    /// Selects a message, or none.
    pub fn select(&mut self, message: Option<MessageId>) {
        self.selected = message;
    }

    /// Another sibling stands where `old` stood, and what followed that is gone from the path.
    pub fn replace(&mut self, old: MessageId, new: MessageId, tree: &Conversation) {
        if self.selected == Some(old) {
            self.selected = Some(new);
        }
        if let Position::Held(held) = self.position
            && !tree.path().contains(&held.message)
        {
            self.position = Held::at(new, 0);
        }
    }

    /// Shows all reasoning, or folds what is shown.
    pub fn toggle_reasoning(&mut self) {
        let is_shown = self.views.values().any(|view| view.shown().reasoning);
        self.open.reasoning = !is_shown;
        self.own.values_mut().for_each(|own| own.reasoning = !is_shown);
        if is_shown {
            self.views.values_mut().for_each(MessageView::fold);
        }
    }

    /// Shows all of the tool panels, or folds them again.
    pub fn toggle_tools(&mut self) {
        self.open.tools = !self.open.tools;
        let tools = self.open.tools;
        self.own.values_mut().for_each(|own| own.tools = tools);
    }

    /// Shows all of one message, or folds it again.
    pub fn toggle_message(&mut self, id: MessageId) {
        let Some(view) = self.views.get_mut(&id) else { return };
        let Open { reasoning, tools } = view.shown();
        let is_open = reasoning || tools;
        if is_open {
            view.fold();
        }
        self.own.insert(id, Open { reasoning: !is_open, tools: !is_open });
    }

    fn context<'a>(&self, scene: &Scene<'a>, message: &Message) -> Context<'a> {
        let place = scene.tree.place(message.id);
        let answers = scene.live.map(|live| live.answers.as_slice()).unwrap_or_default();
        let own = answers.iter().position(|id| *id == message.id);
        let choices = match own {
            Some(_) => {
                let answers = answers.iter().filter_map(|id| scene.tree.get(*id));
                answers.map(|m| (scene.tree.place(m.id).index, m.state)).collect()
            }
            None => Vec::new(),
        };
        let thinking_ms = own.and_then(|i| scene.live.and_then(|live| live.thinking_ms(i, scene.now)));
        Context {
            columns: self.columns,
            zone: scene.zone,
            keymap: scene.keymap,
            place,
            is_last: scene.tree.last().is_some_and(|last| last.id == message.id),
            choices,
            elsewhere: message.state == MessageState::Streaming && own.is_none(),
            thinking_ms,
            may_fold: self.is_following() || message.state != MessageState::Streaming,
            open: self.own.get(&message.id).copied().unwrap_or(self.open),
        }
    }

    /// Lays a message out if that is due; gives its height. What folds or unfolds in a message that
    /// the viewport begins in does not move the row that is read.
    fn lay_out(&mut self, scene: &Scene<'_>, id: MessageId) -> usize {
        let Some(message) = scene.tree.get(id) else { return 0 };
        let following = self.is_following();
        if let Some((then, laid_out)) = &mut self.drawing {
            if *then != following {
                (*then, *laid_out) = (following, Vec::new());
            }
            if laid_out.contains(&id) {
                return self.views.get(&id).map_or(0, MessageView::height);
            }
            laid_out.push(id);
        }
        let context = self.context(scene, message);
        let view = self.views.entry(id).or_default();
        let held = match self.position {
            Position::Held(held) if held.message == id && view.columns() == context.columns => Some(held),
            Position::Held(_) | Position::Following => None,
        };
        let spot = held.map(|held| view.spot(held.row));
        view.sync(message, &context);
        if let (Some(held), Some(spot)) = (held, spot) {
            let row = view.row_of_spot(spot);
            if row != held.row {
                self.position = Held::at(id, row);
            }
        }
        view.height()
    }

    /// Lays out what came for a message in a burst; the next frame then has little to do.
    pub fn absorb(&mut self, message: &Message) {
        if let Some(view) = self.views.get_mut(&message.id) {
            view.absorb(message);
        }
    }

    /// The height of a message as far as it is known.
    fn known_height(&self, scene: &Scene<'_>, id: MessageId) -> usize {
        match (self.views.get(&id), scene.tree.get(id)) {
            (Some(view), _) if view.columns() == self.columns => view.height(),
            (_, Some(message)) => message::estimate(message, self.columns),
            (_, None) => 0,
        }
    }

    /// Fits the viewport to `area`: the reading place survives another width.
    fn resize(&mut self, scene: &Scene<'_>, area: Rect) {
        let columns = area.width.min(MAX_COLUMNS);
        if columns == self.columns {
            self.rows = usize::from(area.height);
            return;
        }
        let anchored = match self.position {
            Position::Held(held) => self.views.get(&held.message).filter(|v| v.columns() > 0).map(|view| {
                let known = held.anchor.filter(|anchor| anchor.height == view.height());
                (held.message, known.map_or_else(|| view.mark_of(held.row), |anchor| anchor.mark))
            }),
            Position::Following => None,
        };
        self.columns = columns;
        self.rows = usize::from(area.height);
        if let Some((message, mark)) = anchored {
            let height = self.lay_out(scene, message);
            let row = self.views.get(&message).map_or(0, |view| view.row_of(mark));
            let anchor = Some(Anchor { mark, height });
            self.position = Position::Held(Held { message, row, anchor });
        }
    }

    /// The first row of the viewport as (index on the path, row of that message).
    fn top(&mut self, scene: &Scene<'_>) -> (usize, usize) {
        let path = scene.tree.path();
        if let Position::Held(Held { message, .. }) = self.position
            && let Some(index) = path.iter().position(|id| *id == message)
        {
            let height = self.lay_out(scene, message);
            let row = match self.position {
                Position::Held(held) => held.row.min(height.saturating_sub(1)),
                Position::Following => 0,
            };
            if self.goes_beyond(scene, (index, row)) {
                return (index, row);
            }
            // All that is left fits: the end is in view, and stays so.
        }
        self.position = Position::Following;
        let end = self.rows_before_end(scene, self.rows);
        let held = self.hold.and_then(|prompt| path.iter().position(|id| *id == prompt));
        if let Some(at) = held {
            // Of a prompt that takes most of the screen itself, the reply is what is to be read.
            let is_long = self.lay_out(scene, path[at]) * 2 > self.rows;
            let first = if is_long && at + 1 < path.len() { at + 1 } else { at };
            if end > (first, 0) {
                self.hold = None;
                self.position = Held::at(path[first], 0);
                return (first, 0);
            }
        }
        end
    }

    /// Whether there are rows below a viewport that begins there. Lays out no more than the screen.
    fn goes_beyond(&mut self, scene: &Scene<'_>, (index, row): (usize, usize)) -> bool {
        let path = scene.tree.path();
        // The blank row after the last message is no row to scroll to.
        let room = self.rows + row + 1;
        let mut rows = 0;
        for id in &path[index..] {
            rows += self.lay_out(scene, *id);
            if rows > room {
                return true;
            }
        }
        false
    }

    /// The place `rows` rows before the end, or the beginning where there is less.
    fn rows_before_end(&mut self, scene: &Scene<'_>, rows: usize) -> (usize, usize) {
        let path = scene.tree.path();
        let mut left = rows;
        for index in (0..path.len()).rev() {
            let mut height = self.lay_out(scene, path[index]);
            if index + 1 == path.len() {
                // The blank row after the last message is not worth a row of the screen.
                height = height.saturating_sub(1);
            }
            if height >= left {
                return (index, height - left);
            }
            left -= height;
        }
        (0, 0)
    }

    /// Scrolls by rows, up where negative. Reaching the end follows it again.
    pub fn scroll(&mut self, scene: &Scene<'_>, by: isize) {
        if scene.tree.path().is_empty() {
            return;
        }
        let path = scene.tree.path();
        let (mut index, mut row) = self.top(scene);
        if by < 0 {
            let mut left = by.unsigned_abs();
            while left > row {
                left -= row;
                if index == 0 {
                    (row, left) = (0, 0);
                    break;
                }
                index -= 1;
                row = self.lay_out(scene, path[index]);
            }
            row -= left.min(row);
        } else {
            row += by.unsigned_abs();
            while row >= self.lay_out(scene, path[index]) && index + 1 < path.len() {
                row -= self.lay_out(scene, path[index]);
                index += 1;
            }
        }
        self.place(scene, index, row);
    }

    /// Puts the viewport's first row there, or follows where that reaches the end.
    fn place(&mut self, scene: &Scene<'_>, index: usize, row: usize) {
        self.hold = None;
        let last = self.rows_before_end(scene, self.rows);
        self.position =
            if (index, row) >= last { Position::Following } else { Held::at(scene.tree.path()[index], row) };
    }

    /// Puts the row that is sought a third of the screen under its top, with the message's head where
    /// that is near enough.
    fn go_to(&mut self, scene: &Scene<'_>, (id, words): (MessageId, &Needles)) {
        let Some(index) = scene.tree.path().iter().position(|p| *p == id) else { return };
        let height = self.lay_out(scene, id);
        let (Some(message), Some(view)) = (scene.tree.get(id), self.views.get_mut(&id)) else { return };
        let mut found = None;
        let mut row = 0;
        view.rows(message, 0..height.min(SOUGHT), &mut |line| {
            // The head names a model, and no word of the conversation.
            if row > 0 && found.is_none() && words.any_in(line) {
                found = Some(row);
            }
            row += 1;
        });
        let found = found.unwrap_or(0);
        let top = if found < self.rows * 2 / 3 { 0 } else { found - self.rows / 3 };
        self.place(scene, index, top);
    }

    /// Goes to the beginning.
    pub fn to_top(&mut self, scene: &Scene<'_>) {
        if !scene.tree.path().is_empty() {
            self.place(scene, 0, 0);
        }
    }

    /// Rows of a page: a screen less one row to keep the thread.
    pub fn page(&self) -> isize {
        isize::try_from(self.rows.saturating_sub(1).max(1)).unwrap_or(isize::MAX)
    }

    /// Scrolls so that the selected message begins on the screen.
    pub fn reveal_selected(&mut self, scene: &Scene<'_>) {
        let path = scene.tree.path();
        let Some(target) = self.selected.and_then(|id| path.iter().position(|p| *p == id)) else { return };
        let (index, row) = self.top(scene);
        if target < index || (target == index && row > 0) {
            self.place(scene, target, 0);
            return;
        }
        let mut used = 0;
        let mut skip = row;
        for id in &path[index..target] {
            used += self.lay_out(scene, *id).saturating_sub(skip);
            skip = 0;
            if used >= self.rows {
                break;
            }
        }
        let height = self.lay_out(scene, path[target]);
        if used + height.min(self.rows) > self.rows {
            self.place(scene, target, 0);
        }
    }

    /// Draws the messages into `area`.
    pub fn draw(&mut self, scene: &Scene<'_>, area: Rect, buf: &mut Picture, theme: &Theme) {
        self.resize(scene, area);
        let path = scene.tree.path();
        self.drawn.clear();
        if path.is_empty() || area.is_empty() {
            self.below = 0;
            return;
        }
        if let Some((id, words)) = self.goal.take() {
            self.go_to(scene, (id, &words));
        }
        // Where the viewport is and what stands in it ask for the same layouts.
        self.drawing = Some((self.is_following(), Vec::new()));
        let (first, skip) = self.top(scene);
        let mut y = area.y;
        let mut skip = skip;
        let mut below = 0;
        for id in &path[first..] {
            if y >= area.bottom() {
                below += self.known_height(scene, *id);
                continue;
            }
            let height = self.lay_out(scene, *id);
            let rows = (height - skip.min(height)).min(usize::from(area.bottom() - y));
            let slot = Rect { y, height: rows as u16, ..area };
            self.drawn.push((slot, *id, skip));
            self.draw_message(scene, *id, (skip, rows), (slot, buf, theme));
            below += height - skip.min(height) - rows;
            y += rows as u16;
            skip = 0;
        }
        self.drawing = None;
        // The blank row after the last message counts for nothing.
        self.below = if self.is_following() { 0 } else { below.saturating_sub(1) };
    }

    fn draw_message(
        &mut self,
        scene: &Scene<'_>,
        id: MessageId,
        (skip, rows): (usize, usize),
        (area, buf, theme): (Rect, &mut Picture, &Theme),
    ) {
        let (Some(message), Some(view)) = (scene.tree.get(id), self.views.get_mut(&id)) else { return };
        let selected = self.selected == Some(id);
        let margin = margin(self.columns);
        let user = message.role == Role::User;
        let columns = message::text_columns(self.columns);
        let last_row = view.height().saturating_sub(1);
        let mut y = area.y;
        let mut row = skip;
        let needles = &self.needles;
        view.rows(message, skip..skip + rows, &mut |text| {
            let text = needles.mark(text);
            let bar = match (selected, user) {
                (true, _) => Some(line([("┃", Tone::Selection)])),
                (false, true) => Some(line([("▌", Tone::User)])),
                (false, false) => None,
            };
            if row != last_row
                && let Some(bar) = bar
            {
                put(buf, (area.x + margin - 1, y), &bar, 1, theme);
            }
            put(buf, (area.x + margin, y), &text, columns, theme);
            y += 1;
            row += 1;
        });
    }
}

/// Columns on the left of texts.
fn margin(columns: u16) -> u16 {
    if columns >= 40 { 2 } else { 1 }
}
