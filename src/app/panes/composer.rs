//! The input: an editor for the next prompt, earlier prompts, folded pastes.
//!
//! The text, its caret and its undo history are `tui-textarea`'s; wrapping, drawing and moving by
//! what is seen (rows, grapheme clusters) are ours, so that the caret stands right beside wide and
//! joined characters. A long paste stands as one mark in the text and is put back when it is sent.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_textarea::{CursorMove, TextArea};
use unicode_segmentation::UnicodeSegmentation;

use super::{line, put};
use crate::base::tone::{Emphasis, Tone};
use crate::base::{sanitize, width};
use crate::keys::Action;
use crate::theme::Theme;

/// A paste of more lines than this stands as a mark.
const FOLD_LINES: usize = 10;
/// So does one of more bytes than this.
const FOLD_BYTES: usize = 4_000;
/// An earlier prompt of more bytes is shown as a mark too.
const FOLD_SENT: usize = 16_000;
/// How a mark begins.
const MARK: &str = "[pasted ";
/// Earlier prompts that are kept.
const HISTORY: usize = 500;

/// The input.
#[derive(Debug, Default)]
pub struct Composer {
    area: TextArea<'static>,
    /// Marks in the text and what they stand for.
    pastes: Vec<(String, String)>,
    /// Earlier prompts and cleared drafts, oldest first.
    history: Vec<String>,
    /// Which of them is shown, and the draft that was there before.
    walk: Option<(usize, String)>,
    /// The columns it was last drawn in.
    columns: usize,
}

/// A row as it is seen: bytes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    line: usize,
    bytes: Range<usize>,
}

impl Composer {
    /// What was typed, pastes put back.
    pub fn text(&self) -> String {
        let text = self.area.lines().join("\n");
        let mut whole = String::with_capacity(text.len());
        let mut rest = text.as_str();
        // What was put back is not searched: a paste may hold text that looks like a mark.
        while let Some(at) = rest.find(MARK) {
            let (before, from) = rest.split_at(at);
            whole.push_str(before);
            let known = self.pastes.iter().find(|(mark, _)| from.starts_with(mark.as_str()));
            let (shown, meant) = known.map_or((MARK, MARK), |(mark, paste)| (mark, paste));
            whole.push_str(meant);
            rest = &from[shown.len()..];
        }
        whole.push_str(rest);
        whole
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Empties the input and gives what was in it, which earlier prompts then hold too.
    pub fn take(&mut self) -> String {
        let text = self.text();
        self.remember_draft();
        self.empty();
        text
    }

    /// Empties the input without a trace.
    pub fn empty(&mut self) {
        self.area = TextArea::default();
        self.walk = None;
    }

    /// Puts a prompt that was not sent into the input, or among the earlier ones where a draft is.
    pub fn give_back(&mut self, prompt: &str) {
        if self.is_empty() {
            return self.paste(prompt);
        }
        let prompt = self.folded(prompt);
        self.remember([prompt]);
    }

    /// An earlier prompt that is changed is a draft of its own; the one that stood there before joins
    /// the earlier ones.
    fn leave_history(&mut self) {
        if let Some((_, draft)) = self.walk.take() {
            self.remember([draft]);
        }
    }

    /// Keeps what is in the input, and the draft from which earlier prompts were walked to.
    fn remember_draft(&mut self) {
        let draft = self.walk.take().map(|(_, draft)| draft);
        let text = self.area.lines().join("\n");
        self.remember(draft.into_iter().chain([text]));
    }

    /// Adds the prompts of a session. Very long ones stand as a mark.
    pub fn remember_sent(&mut self, prompts: impl IntoIterator<Item = String>) {
        for prompt in prompts {
            let prompt = if prompt.len() > FOLD_SENT { self.folded(&prompt) } else { prompt };
            self.remember([prompt]);
        }
    }

    /// Adds earlier prompts, oldest first. Pastes in them stay folded.
    pub fn remember(&mut self, prompts: impl IntoIterator<Item = String>) {
        for prompt in prompts {
            if !prompt.trim().is_empty() && self.history.last() != Some(&prompt) {
                self.history.push(prompt);
            }
        }
        let excess = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..excess);
    }

    /// Puts `text` in place of what is there; undo brings that back.
    fn replace(&mut self, text: &str) {
        self.area.select_all();
        self.area.cut();
        self.area.insert_str(text);
    }

    /// A typed character.
    pub fn insert(&mut self, character: char) {
        self.leave_history();
        self.area.insert_char(character);
    }

    /// A new line. A `\` before the caret is what asked for it, and goes.
    pub fn newline(&mut self) {
        self.leave_history();
        self.area.insert_newline();
    }

    /// Whether the caret stands behind a `\`, so that Enter means a new line; takes it away if so.
    pub fn take_backslash(&mut self) -> bool {
        let (row, column) = self.caret();
        let before = self.area.lines()[row].chars().nth(column.wrapping_sub(1));
        if column == 0 || before != Some('\\') {
            return false;
        }
        self.area.delete_char()
    }

    /// Pasted text: kept whole, line ends made one kind, long ones folded to a mark.
    pub fn paste(&mut self, text: &str) {
        self.leave_history();
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if text.lines().count() <= FOLD_LINES && text.len() <= FOLD_BYTES {
            self.area.insert_str(&text);
            return;
        }
        let mark = self.folded(&text);
        self.area.insert_str(&mark);
    }

    /// The mark that stands for a long text, which is kept.
    fn folded(&mut self, text: &str) -> String {
        if let Some((mark, _)) = self.pastes.iter().find(|(_, known)| known == text) {
            return mark.clone();
        }
        let lines = text.lines().count();
        let size = if lines > FOLD_LINES {
            format!("{lines} lines")
        } else {
            format!("{} KB", text.len().div_ceil(1000))
        };
        let mut mark = format!("[pasted {size}]");
        let mut number = 1;
        while self.pastes.iter().any(|(known, _)| *known == mark) {
            number += 1;
            mark = format!("[pasted {size} #{number}]");
        }
        self.pastes.push((mark.clone(), text.to_owned()));
        mark
    }

    /// Empties the input; ↑ and undo bring the draft back.
    pub fn clear(&mut self) {
        self.remember_draft();
        self.replace("");
    }

    /// The caret as (line, character).
    fn caret(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Carries out an editing action; false if it is none.
    pub fn edit(&mut self, action: Action) -> bool {
        match action {
            Action::DeleteLeft
            | Action::DeleteRight
            | Action::DeleteWordLeft
            | Action::DeleteWordRight
            | Action::DeleteToStart
            | Action::DeleteToEnd
            | Action::Yank
            | Action::Undo
            | Action::Redo => self.leave_history(),
            _ => {}
        }
        match action {
            Action::Left => self.step_left(),
            Action::Right => self.step_right(),
            Action::Up => self.up(),
            Action::Down => self.down(),
            Action::WordLeft => self.area.move_cursor(CursorMove::WordBack),
            Action::WordRight => self.area.move_cursor(CursorMove::WordForward),
            Action::LineStart => self.area.move_cursor(CursorMove::Head),
            Action::LineEnd => self.area.move_cursor(CursorMove::End),
            Action::DeleteLeft => self.delete_left(),
            Action::DeleteRight => self.delete_right(),
            Action::DeleteWordLeft => drop(self.area.delete_word()),
            Action::DeleteWordRight => drop(self.area.delete_next_word()),
            Action::DeleteToStart => drop(self.area.delete_line_by_head()),
            Action::DeleteToEnd => drop(self.area.delete_line_by_end()),
            Action::Yank => drop(self.area.paste()),
            Action::Undo => drop(self.area.undo()),
            Action::Redo => drop(self.area.redo()),
            _ => return false,
        }
        true
    }

    /// Characters of the grapheme cluster before the caret; 0 at the beginning of a line.
    fn cluster_before(&self) -> usize {
        let (row, column) = self.caret();
        let line = &self.area.lines()[row];
        let end = byte_of(line, column);
        line[..end].graphemes(true).next_back().map_or(0, |g| g.chars().count())
    }

    /// Characters of the grapheme cluster after the caret; 0 at the end of a line.
    fn cluster_after(&self) -> usize {
        let (row, column) = self.caret();
        let line = &self.area.lines()[row];
        line[byte_of(line, column)..].graphemes(true).next().map_or(0, |g| g.chars().count())
    }

    fn step_left(&mut self) {
        for _ in 0..self.cluster_before().max(1) {
            self.area.move_cursor(CursorMove::Back);
        }
    }

    fn step_right(&mut self) {
        for _ in 0..self.cluster_after().max(1) {
            self.area.move_cursor(CursorMove::Forward);
        }
    }

    fn delete_left(&mut self) {
        match self.cluster_before() {
            0 | 1 => drop(self.area.delete_char()),
            characters => {
                self.step_left();
                self.area.delete_str(characters);
            }
        }
    }

    fn delete_right(&mut self) {
        match self.cluster_after() {
            0 | 1 => drop(self.area.delete_next_char()),
            characters => drop(self.area.delete_str(characters)),
        }
    }

    /// One row up; on the first, the earlier prompt.
    fn up(&mut self) {
        if !self.move_rows(-1) {
            self.walk_history(-1);
        }
    }

    /// One row down; on the last, the later prompt.
    fn down(&mut self) {
        if !self.move_rows(1) {
            self.walk_history(1);
        }
    }

    fn walk_history(&mut self, by: isize) {
        let (at, draft) = match &self.walk {
            Some((at, draft)) => (*at, draft.clone()),
            None if by > 0 => return,
            None => (self.history.len(), self.area.lines().join("\n")),
        };
        let Some(next) = at.checked_add_signed(by).filter(|next| *next <= self.history.len()) else { return };
        let text = self.history.get(next).cloned().unwrap_or_else(|| draft.clone());
        self.replace(&text);
        self.walk = (next < self.history.len()).then_some((next, draft));
    }

    /// Moves the caret by seen rows at the same column; false where there is none.
    fn move_rows(&mut self, by: isize) -> bool {
        let rows = self.rows(self.columns);
        let (at, column) = self.caret_on(&rows);
        let Some(target) = at.checked_add_signed(by).and_then(|i| rows.get(i)) else { return false };
        let text = &self.area.lines()[target.line][target.bytes.clone()];
        let (mut seen, mut characters) = (0, 0);
        for cluster in text.graphemes(true) {
            let columns = width::width(&shown(cluster));
            // The end of a wrapped row is the beginning of the next: stay before it.
            if seen + columns > column {
                break;
            }
            seen += columns;
            characters += cluster.chars().count();
        }
        let line = &self.area.lines()[target.line];
        let before = line[..target.bytes.start].chars().count();
        let wrapped = target.bytes.end < line.len();
        let whole = text.chars().count();
        if wrapped && characters == whole {
            characters = characters.saturating_sub(1);
        }
        let to = (u16::try_from(target.line), u16::try_from(before + characters));
        if let (Ok(row), Ok(column)) = to {
            self.area.move_cursor(CursorMove::Jump(row, column));
        }
        true
    }

    /// The rows of the text at `columns`, one of which is kept free for the caret.
    fn rows(&self, columns: usize) -> Vec<Row> {
        let columns = columns.saturating_sub(1).max(1);
        let mut rows = Vec::new();
        for (index, text) in self.area.lines().iter().enumerate() {
            wrap(text, columns, |bytes| rows.push(Row { line: index, bytes }));
        }
        rows
    }

    /// The row and column of the caret among `rows`.
    fn caret_on(&self, rows: &[Row]) -> (usize, usize) {
        let (line, character) = self.caret();
        let text = &self.area.lines()[line];
        let byte = byte_of(text, character);
        let at = rows.iter().rposition(|row| row.line == line && row.bytes.start <= byte).unwrap_or(0);
        let start = rows.get(at).map_or(0, |row| row.bytes.start);
        let column = text[start..byte].graphemes(true).map(|g| width::width(&shown(g))).sum();
        (at, column)
    }

    /// Rows it wants at `columns`, at least 1.
    pub fn height(&self, columns: u16) -> usize {
        self.rows(usize::from(columns)).len()
    }

    /// Draws the text, scrolled so that the caret is in view; gives the caret's place.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme, placeholder: &str) -> Position {
        self.columns = usize::from(area.width);
        if self.is_empty() {
            let hint = width::truncate(placeholder, self.columns.saturating_sub(1)).into_owned();
            put(buf, (area.x, area.y), &line([(&hint, Tone::Dim)]), area.width, theme);
            return Position::new(area.x, area.y);
        }
        let rows = self.rows(self.columns);
        let (at, column) = self.caret_on(&rows);
        let height = usize::from(area.height.max(1));
        let top = (at + 1).saturating_sub(height);
        let style = theme.style(Tone::Text, Emphasis::default());
        for (i, row) in rows.iter().skip(top).take(height).enumerate() {
            let text: String =
                self.area.lines()[row.line][row.bytes.clone()].graphemes(true).map(shown).collect();
            buf.set_stringn(area.x, area.y + i as u16, &text, self.columns, style);
        }
        let x = area.x + (column as u16).min(area.width.saturating_sub(1));
        Position::new(x, area.y + (at - top) as u16)
    }
}

/// The byte at which the character `index` of `text` begins.
fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

/// A grapheme cluster as it is drawn: tabs as spaces, controls as symbols.
fn shown(cluster: &str) -> Cow<'_, str> {
    if cluster == "\t" { Cow::Borrowed("    ") } else { sanitize::clean(cluster) }
}

/// Cuts a line into rows of at most `columns`, at spaces where there are any. Nothing is left out:
/// the caret can stand anywhere.
fn wrap(text: &str, columns: usize, mut emit: impl FnMut(Range<usize>)) {
    let (mut start, mut used) = (0, 0);
    let mut space: Option<(usize, usize)> = None;
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = width::width(&shown(cluster));
        while used + wide > columns && at > start {
            let (cut, before) = space.filter(|(cut, _)| *cut > start).unwrap_or((at, used));
            emit(start..cut);
            start = cut;
            used -= before;
            space = None;
        }
        used += wide;
        if cluster == " " {
            space = Some((at + 1, used));
        }
    }
    emit(start..text.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Composer {
        let mut composer = Composer { columns: 80, ..Composer::default() };
        for c in text.chars() {
            if c == '\n' { composer.newline() } else { composer.insert(c) }
        }
        composer
    }

    #[test]
    fn rows_break_at_spaces_and_keep_every_byte() {
        let text = "one two three 你好世界 four";
        for columns in 1..30 {
            let mut rows = Vec::new();
            wrap(text, columns, |r| rows.push(r));
            let joined: String = rows.iter().map(|r| &text[r.clone()]).collect();
            assert_eq!(joined, text);
            for row in rows.iter().filter(|r| text[(*r).clone()].graphemes(true).count() > 1) {
                assert!(width::width(&text[row.clone()]) <= columns, "{columns}: {row:?}");
            }
        }
    }

    #[test]
    fn backspace_takes_a_joined_emoji_whole() {
        let mut composer = typed("a👨‍👩‍👧");
        composer.edit(Action::DeleteLeft);
        assert_eq!(composer.text(), "a");
        composer.edit(Action::Undo);
        assert_eq!(composer.text(), "a👨‍👩‍👧");
    }

    #[test]
    fn a_long_paste_is_a_mark_and_is_sent_whole() {
        let mut composer = typed("see ");
        let paste = "line\r\n".repeat(214);
        composer.paste(&paste);
        composer.paste(&paste);
        assert_eq!(composer.area.lines().join("\n"), "see [pasted 214 lines][pasted 214 lines]");
        assert_eq!(composer.take(), format!("see {}", "line\n".repeat(428)));
        composer.paste(&format!("[pasted 214 lines]\n{paste}"));
        composer.paste(&format!("other\n{}", "line\n".repeat(214)));
        assert_eq!(composer.area.lines().join("\n"), "[pasted 215 lines][pasted 215 lines #2]");
        let whole = composer.take();
        assert!(
            whole.starts_with("[pasted 214 lines]\nline\n"),
            "text within a paste is no mark: {whole:.60}"
        );
        assert_eq!(whole.lines().count(), 430);
    }

    #[test]
    fn up_walks_earlier_prompts_and_down_returns_to_the_draft() {
        let mut composer = typed("first");
        composer.take();
        let mut composer = {
            composer.insert('d');
            composer
        };
        composer.edit(Action::Up);
        assert_eq!(composer.text(), "first");
        composer.edit(Action::Up);
        assert_eq!(composer.text(), "first", "there is none before it");
        composer.edit(Action::Down);
        assert_eq!(composer.text(), "d");
        composer.clear();
        assert!(composer.is_empty());
        composer.edit(Action::Up);
        assert_eq!(composer.text(), "d", "a cleared draft comes back");
    }

    #[test]
    fn up_moves_within_a_wrapped_line_first() {
        let mut composer = typed("aaaa bbbb cccc");
        composer.columns = 6;
        composer.edit(Action::Up);
        composer.insert('X');
        assert_eq!(composer.text(), "aaaa bbbbX cccc");
    }
}
