//! A list with a line to type in: what the pickers, the palette and the sessions are made of.
//!
//! [`List`] holds what was typed, the chosen row and the first row that is shown; the rows are the
//! pane's, asked for one by one and only those that are drawn, so that a list of thousands costs what
//! is seen of it. Heads and notes among the rows are shown and never chosen.

use ratatui::layout::{Position, Rect};

use super::composer::Composer;
use super::{line_width, put, put_right};
use crate::app::picture::Picture;
use crate::base::tone::{Emphasis, Line, Tone};
use crate::keys::Action;
use crate::theme::Theme;

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it says.
    pub left: Line,
    /// What stands at its right edge, where there is room for it.
    pub right: Line,
    /// Whether it can be chosen.
    pub kind: RowKind,
}

/// Whether a row can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// It can.
    Item,
    /// It is the head of a group, or says something.
    Note,
}

impl Row {
    /// A row that can be chosen.
    pub fn item(left: Line, right: Line) -> Self {
        Self { left, right, kind: RowKind::Item }
    }

    /// A row that only says something.
    pub fn note(left: Line) -> Self {
        Self { left, right: Line::default(), kind: RowKind::Note }
    }
}

/// Rows that are drawn when they are asked for.
pub trait Rows {
    /// How many there are.
    fn count(&self) -> usize;
    /// Whether a row can be chosen.
    fn kind(&self, index: usize) -> RowKind;
    /// A row; `columns` is the room it has.
    fn row(&self, index: usize, columns: u16) -> Row;
}

impl Rows for Vec<Row> {
    fn count(&self) -> usize {
        self.len()
    }

    fn kind(&self, index: usize) -> RowKind {
        self.get(index).map_or(RowKind::Note, |row| row.kind)
    }

    fn row(&self, index: usize, _columns: u16) -> Row {
        self.get(index).cloned().unwrap_or_else(|| Row::note(Line::default()))
    }
}

/// What an action did to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Another row is chosen.
    Moved,
    /// Other text stands in the line.
    Typed,
    /// It is none of the list's actions.
    Not,
}

/// The line and the chosen row.
#[derive(Debug, Default)]
pub struct List {
    query: Composer,
    at: usize,
    top: usize,
    /// Where the rows were drawn last.
    area: Rect,
}

impl List {
    /// What was typed.
    pub fn text(&self) -> String {
        self.query.text()
    }

    /// Puts `text` into the line, the caret behind it.
    pub fn set_text(&mut self, text: &str) {
        self.query.empty();
        self.insert_str(text);
    }

    /// The chosen row.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Chooses a row. One that cannot be chosen gives way to the next that can.
    pub fn choose(&mut self, index: usize, rows: &impl Rows) {
        self.at = index.min(rows.count().saturating_sub(1));
        self.settle(rows);
    }

    /// Typed or pasted text; line ends become blanks.
    pub fn insert_str(&mut self, text: &str) {
        text.chars().take(1_000).for_each(|c| self.query.insert(if c.is_control() { ' ' } else { c }));
    }

    /// Carries out an action of lists or of lines.
    pub fn act(&mut self, action: Action, rows: &impl Rows) -> Edited {
        let page = usize::from(self.area.height.max(2)) - 1;
        match action {
            Action::ListUp => self.step(-1, rows),
            Action::ListDown => self.step(1, rows),
            Action::ListPageUp => (0..page).for_each(|_| self.step_within(-1, rows)),
            Action::ListPageDown => (0..page).for_each(|_| self.step_within(1, rows)),
            Action::ListFirst => self.choose(0, rows),
            Action::ListLast => {
                self.at = rows.count().saturating_sub(1);
                if rows.count() > 0 && rows.kind(self.at) == RowKind::Note {
                    self.step_within(-1, rows);
                }
            }
            Action::Up | Action::Down | Action::Newline => return Edited::Not,
            other => {
                let before = self.text();
                if !self.query.edit(other) {
                    return Edited::Not;
                }
                return if self.text() == before { Edited::Moved } else { Edited::Typed };
            }
        }
        Edited::Moved
    }

    /// One item further, around the ends.
    fn step(&mut self, by: isize, rows: &impl Rows) {
        let count = rows.count();
        if count == 0 {
            return;
        }
        let mut at = self.at.min(count - 1);
        for _ in 0..count {
            at = at.checked_add_signed(by).filter(|at| *at < count).unwrap_or(if by < 0 {
                count - 1
            } else {
                0
            });
            if rows.kind(at) == RowKind::Item {
                self.at = at;
                return;
            }
        }
    }

    /// One item further, not past the ends.
    fn step_within(&mut self, by: isize, rows: &impl Rows) {
        let mut at = self.at;
        while let Some(next) = at.checked_add_signed(by).filter(|at| *at < rows.count()) {
            at = next;
            if rows.kind(at) == RowKind::Item {
                self.at = at;
                return;
            }
        }
    }

    /// Keeps the chosen row among the rows, on one that can be chosen.
    pub fn settle(&mut self, rows: &impl Rows) {
        let count = rows.count();
        if count == 0 {
            self.at = 0;
            return;
        }
        self.at = self.at.min(count - 1);
        if rows.kind(self.at) == RowKind::Note {
            let before = self.at;
            self.step_within(1, rows);
            if self.at == before {
                self.step_within(-1, rows);
            }
        }
    }

    /// Chooses the row that was drawn at a place of the screen; false where none can be chosen there.
    pub fn pick(&mut self, (x, y): (u16, u16), rows: &impl Rows) -> bool {
        if !self.area.contains(Position::new(x, y)) {
            return false;
        }
        let index = self.top + usize::from(y - self.area.y);
        let is_item = index < rows.count() && rows.kind(index) == RowKind::Item;
        if is_item {
            self.at = index;
        }
        is_item
    }

    /// Draws the rows, scrolled so that the chosen one is in view.
    pub fn draw(&mut self, rows: &impl Rows, area: Rect, buf: &mut Picture, theme: &Theme) {
        self.settle(rows);
        self.area = area;
        let height = usize::from(area.height);
        if height == 0 {
            return;
        }
        // The head over the first item is worth seeing with it.
        let first = if self.at == 1 && rows.kind(0) == RowKind::Note { 0 } else { self.at };
        self.top = self.top.min(first).max((self.at + 1).saturating_sub(height));
        self.top = self.top.min(rows.count().saturating_sub(height));
        for (y, index) in (area.y..area.bottom()).zip(self.top..rows.count()) {
            let row = rows.row(index, area.width.saturating_sub(4));
            let chosen = index == self.at && row.kind == RowKind::Item;
            if chosen {
                put(buf, (area.x + 1, y), &Line::new("›", Tone::Accent), 1, theme);
            }
            let end = area.right().saturating_sub(1);
            let wide = line_width(&row.left).saturating_add(line_width(&row.right));
            let fits = wide.saturating_add(5) <= area.width;
            let right = if fits && put_right(buf, (area.x + 3, end, y), &row.right, theme) {
                line_width(&row.right) + 1
            } else {
                0
            };
            let room = end.saturating_sub(area.x + 3 + right);
            put(buf, (area.x + 3, y), &row.left, room, theme);
            if chosen {
                // Last: what stands on its ground must be readable there, whatever it is elsewhere.
                let style = theme.style(Tone::Selected, Emphasis::default());
                buf.set_style(Rect { y, height: 1, ..area }, style);
            }
        }
    }

    /// Draws the line with what was typed; gives the caret's place.
    pub fn draw_query(
        &mut self,
        area: Rect,
        buf: &mut Picture,
        theme: &Theme,
        placeholder: &str,
    ) -> Position {
        self.query.draw(area, buf, theme, placeholder)
    }
}
