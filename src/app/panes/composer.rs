//! The input: an editor for the next prompt, earlier prompts, folded pastes.
//!
//! The text, its caret and its undo history are `tui-textarea`'s; wrapping, drawing and moving by
//! what is seen (rows, grapheme clusters) are ours, so that the caret stands right beside wide and
//! joined characters. A long paste stands as one mark in the text, which is a single character to the
//! editor, and is put back when it is sent.

mod completing;
mod marks;
mod undo;
mod words;

use std::borrow::Cow;
use std::ops::Range;

use ratatui::layout::{Position, Rect};
use tui_textarea::{CursorMove, TextArea};
use unicode_segmentation::UnicodeSegmentation;

pub use self::completing::Spot;
use self::marks::{Marks, is_long, is_mark, without_marks};
use self::undo::a_word;
use self::words::{word_after, word_before, word_end_after};
use super::{line, put};
use crate::app::picture::Picture;
use crate::base::tone::{Emphasis, Tone};
use crate::base::{sanitize, width};
use crate::chat::{Piece, Written};
use crate::keys::Action;
use crate::theme::Theme;

/// An earlier prompt of more bytes is shown as a mark too.
const FOLD_SENT: usize = 16_000;
/// Edits that undo knows; a typed character is one.
const UNDO_STEPS: usize = 5_000;
/// Earlier prompts that are kept.
const HISTORY: usize = 500;
/// Whole texts that undo brings back.
const UNDONE: usize = 50;

/// The input.
#[derive(Debug)]
pub struct Composer {
    area: TextArea<'static>,
    /// The texts that were replaced as a whole, with what undo knows of each: undoing goes on in them.
    replaced: Vec<TextArea<'static>>,
    /// Those that undo left, for redo.
    undone: Vec<TextArea<'static>>,
    /// Grows with every change of what is written.
    revision: u64,
    /// What the marks in the text and in earlier prompts stand for.
    marks: Marks,
    /// Earlier prompts and cleared drafts, oldest first.
    history: Vec<String>,
    /// Which of them is shown, and the draft that was there before.
    walk: Option<(usize, String)>,
    /// The columns it was last drawn in.
    columns: usize,
}

impl Default for Composer {
    fn default() -> Self {
        let mut area = TextArea::default();
        area.set_max_histories(UNDO_STEPS);
        Self {
            area,
            replaced: Vec::new(),
            undone: Vec::new(),
            revision: 0,
            marks: Marks::default(),
            history: Vec::new(),
            walk: None,
            columns: 0,
        }
    }
}

/// An earlier prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// All of it.
    Whole(String),
    /// Pastes stand in it as marks of this input: they may be big.
    Folded {
        /// For [`Composer::put_folded`].
        folded: String,
        /// How it begins, pastes put back.
        beginning: String,
    },
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
        self.marks.expand(&self.area.lines().join("\n"))
    }

    /// The first characters of that, so many at most; a big paste is not copied for them.
    pub fn beginning(&self, characters: usize) -> String {
        self.marks.beginning(&self.area.lines().join("\n"), characters)
    }

    /// The same of what is to be kept.
    pub fn draft_beginning(&self, characters: usize) -> String {
        match &self.walk {
            Some((_, draft)) => self.marks.beginning(draft, characters),
            None => self.beginning(characters),
        }
    }

    /// What was typed, pastes and files as pieces.
    pub fn written(&self) -> Written {
        self.marks.written(&self.area.lines().join("\n"))
    }

    /// What is to be kept: what was typed. While earlier prompts are walked through, that is the draft
    /// that was there before.
    pub fn draft(&self) -> Written {
        match &self.walk {
            Some((_, draft)) => self.marks.written(draft),
            None => self.written(),
        }
    }

    /// Grows with every change of what is written.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Bytes of what was typed, pastes and files included.
    pub fn size(&self) -> usize {
        self.area.lines().iter().map(|line| line.len() + self.marks.size(line)).sum()
    }

    /// Takes what is shown and gives it; earlier prompts then hold it too. The draft from which one of them
    /// was walked to stands in the input again.
    pub fn take_written(&mut self) -> Written {
        let written = self.written();
        let shown = self.area.lines().join("\n");
        self.remember([shown]);
        self.take_off();
        written
    }

    /// Takes what is shown off, without a trace. The draft from which an earlier prompt was walked to
    /// stands in the input again.
    pub fn take_off(&mut self) {
        let draft = self.walk.take().map(|(_, draft)| draft);
        self.empty();
        if let Some(draft) = draft {
            self.area = self.area_of(&draft);
        }
    }

    /// Ends the walk through earlier prompts where it began.
    pub fn return_to_draft(&mut self) {
        if let Some((_, draft)) = self.walk.take() {
            self.replace(&draft);
        }
    }

    /// Which of the earlier prompts is shown, if one is.
    pub fn walked_to(&self) -> Option<usize> {
        self.walk.as_ref().map(|(at, _)| *at)
    }

    /// Puts what was written before in place of the draft, which joins the earlier prompts.
    pub fn put_written(&mut self, written: &Written) {
        self.remember_draft();
        let marked = self.marks.marked(written);
        self.replace(&marked);
    }

    /// Shows what was written before, and nothing else: undo brings nothing back.
    pub fn show(&mut self, written: &Written) {
        let marked = self.marks.marked(written);
        self.empty();
        self.area = self.area_of(&marked);
    }

    /// Puts what was written before over what is there, whose caret stays. The same once more adds nothing.
    pub fn put_before(&mut self, written: &Written) {
        self.return_to_draft();
        let mut text = self.marks.marked(written);
        let present = self.area.lines().join("\n");
        if text.trim() == present.trim() {
            return;
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let (line, column) = self.caret();
        let above = text.matches('\n').count();
        self.replace(&(text + &present));
        self.go(above + line, column);
    }

    /// The text as an editor of files is to show it: pastes as they are, files by their label.
    pub fn to_edit(&self) -> String {
        self.marks.unfolded(&self.area.lines().join("\n"))
    }

    /// Takes in what came of [`Composer::to_edit`]. Pastes that are still there whole are folded again. A
    /// file whose label is gone stands before the text: an editor takes none away. Undo brings back what
    /// was there before.
    pub fn edited(&mut self, text: &str) {
        let before = self.area.lines().join("\n");
        let mut text = one_line_end(without_marks(text)).into_owned();
        // Editors end the last line.
        if text.ends_with('\n') && !self.marks.unfolded(&before).ends_with('\n') {
            text.pop();
        }
        let text = self.marks.folded_again(&before, &text);
        let text = if text.len() > FOLD_SENT { self.marks.fold_rest(&text) } else { text };
        if text == before {
            return;
        }
        self.leave_history();
        self.replace(&text);
    }

    /// Puts an attached file where the caret is.
    pub fn attach(&mut self, name: String, text: String) {
        self.leave_history();
        let mark = self.marks.stand_for(Piece::File { name, text });
        self.changed();
        self.area.insert_str(format!("{mark} "));
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Empties the input without a trace.
    pub fn empty(&mut self) {
        self.area = self.area_of("");
        self.replaced.clear();
        self.undone.clear();
        self.revision += 1;
        self.walk = None;
    }

    /// What is written is about to change.
    fn changed(&mut self) {
        self.revision += 1;
        self.undone.clear();
    }

    /// `text` with the caret behind it, and what was cut last.
    fn area_of(&self, text: &str) -> TextArea<'static> {
        let mut area = TextArea::from(text.split('\n'));
        area.set_max_histories(UNDO_STEPS);
        area.set_yank_text(self.area.yank_text());
        let mut caret = Composer { area, ..Composer::default() };
        let last = caret.area.lines().len() - 1;
        caret.go(last, caret.area.lines()[last].chars().count());
        caret.area
    }

    /// Puts `text` in place of the draft, which joins the earlier prompts.
    pub fn put(&mut self, text: &str) {
        self.remember_draft();
        let text = self.foldable(text);
        self.replace(&text);
    }

    /// Puts what waited to be sent into the input: files, and the prompt behind them. A draft that is there
    /// stays above.
    pub fn give_back(&mut self, files: Vec<Piece>, prompt: Option<&str>) {
        let mut text = String::new();
        for file in files {
            text.push_str(&self.marks.stand_for(file));
            text.push(' ');
        }
        if let Some(prompt) = prompt {
            text.push_str(&self.foldable(prompt));
        }
        if text.is_empty() {
            return;
        }
        self.return_to_draft();
        self.changed();
        let last = self.area.lines().len() - 1;
        self.go(last, self.area.lines()[last].chars().count());
        if !self.is_empty() {
            text.insert(0, '\n');
        }
        self.area.insert_str(&text);
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

    /// Earlier prompts, the newest first; so many characters of those with pastes are shown.
    pub fn earlier(&self, characters: usize) -> Vec<Earlier> {
        let earlier = |prompt: &String| match prompt.contains(is_mark) {
            true => Earlier::Folded {
                folded: prompt.clone(),
                beginning: self.marks.beginning(prompt, characters),
            },
            false => Earlier::Whole(prompt.clone()),
        };
        self.history.iter().rev().map(earlier).collect()
    }

    /// Whether a prompt is one of the earlier ones that are folded.
    pub fn has_folded(&self, prompt: &str) -> bool {
        let mut folded = self.history.iter().filter(|earlier| earlier.contains(is_mark));
        folded.any(|folded| self.marks.is(folded, prompt))
    }

    /// Puts an earlier prompt in place of the draft, which joins them.
    pub fn put_folded(&mut self, folded: &str) {
        self.remember_draft();
        self.replace(folded);
    }

    /// Adds the prompts of a session. Very long ones stand as a mark.
    pub fn remember_sent(&mut self, prompts: impl IntoIterator<Item = String>) {
        for prompt in prompts {
            let long = prompt.len() > FOLD_SENT;
            let prompt = if long { self.marks.fold(&prompt) } else { without_marks(&prompt).into_owned() };
            self.remember([prompt]);
        }
    }

    /// Adds earlier prompts, oldest first. Pastes in them stay folded.
    fn remember(&mut self, prompts: impl IntoIterator<Item = String>) {
        for prompt in prompts {
            if !prompt.trim().is_empty() && self.history.last() != Some(&prompt) {
                self.history.push(prompt);
            }
        }
        let excess = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..excess);
    }

    /// Puts `text` in place of what is there; undo brings that back in one step.
    fn replace(&mut self, text: &str) {
        self.changed();
        let new = self.area_of(text);
        let old = std::mem::replace(&mut self.area, new);
        if self.replaced.len() == UNDONE {
            self.replaced.remove(0);
        }
        self.replaced.push(old);
    }

    fn undo(&mut self) {
        self.revision += 1;
        if a_word(&mut self.area, TextArea::undo, TextArea::redo) {
            return;
        }
        if let Some(before) = self.replaced.pop() {
            self.undone.push(std::mem::replace(&mut self.area, before));
        }
    }

    fn redo(&mut self) {
        self.revision += 1;
        if a_word(&mut self.area, TextArea::redo, TextArea::undo) {
            return;
        }
        if let Some(after) = self.undone.pop() {
            self.replaced.push(std::mem::replace(&mut self.area, after));
        }
    }

    /// A typed character.
    pub fn insert(&mut self, character: char) {
        if is_mark(character) {
            return;
        }
        self.leave_history();
        self.changed();
        self.area.insert_char(character);
    }

    /// A new line. A `\` before the caret is what asked for it, and goes.
    pub fn newline(&mut self) {
        self.leave_history();
        self.changed();
        self.area.insert_newline();
    }

    /// Whether the caret stands behind a `\`, so that Enter means a new line; takes it away if so.
    pub fn take_backslash(&mut self) -> bool {
        let (row, column) = self.caret();
        let before = self.area.lines()[row].chars().nth(column.wrapping_sub(1));
        if column == 0 || before != Some('\\') {
            return false;
        }
        self.changed();
        self.area.delete_char()
    }

    /// Pasted text: kept whole, line ends made one kind, long ones folded to a mark.
    pub fn paste(&mut self, text: &str) {
        self.leave_history();
        self.changed();
        let text = self.foldable(text);
        self.area.insert_str(&text);
    }

    /// `text` from outside as it stands in the input: a mark where it is long.
    fn foldable(&mut self, text: &str) -> String {
        let text = one_line_end(without_marks(text));
        if is_long(&text) {
            self.marks.stand_for(Piece::Pasted(text.into_owned()))
        } else {
            text.into_owned()
        }
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

    /// Puts the caret before the character `column` of a line. The editor's own steps count columns on
    /// the screen and stumble over what has none, such as a mark; they serve only where a jump's
    /// numbers end.
    fn go(&mut self, line: usize, column: usize) {
        if let (Ok(line), Ok(column)) = (u16::try_from(line), u16::try_from(column)) {
            return self.area.move_cursor(CursorMove::Jump(line, column));
        }
        let (at, from) = self.caret();
        if at != line {
            return;
        }
        let step = if column < from { CursorMove::Back } else { CursorMove::Forward };
        for _ in 0..column.abs_diff(from) {
            self.area.move_cursor(step);
        }
    }

    /// The line the caret is in, before it and after it.
    fn around(&self) -> (&str, &str) {
        let (row, column) = self.caret();
        let line = &self.area.lines()[row];
        line.split_at(byte_of(line, column))
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
            | Action::Yank => {
                self.leave_history();
                self.changed();
            }
            Action::Undo | Action::Redo => self.leave_history(),
            _ => {}
        }
        match action {
            Action::Left => self.back_by(self.cluster_before()),
            Action::Right => self.forward_by(self.cluster_after()),
            Action::Up => self.up(),
            Action::Down => self.down(),
            Action::WordLeft => self.back_by(word_before(self.around().0)),
            Action::WordRight => self.forward_by(word_after(self.around().1)),
            Action::LineStart => self.go(self.caret().0, 0),
            Action::LineEnd => self.line_end(),
            Action::DeleteLeft => self.delete_left(),
            Action::DeleteRight => self.delete_right(),
            Action::DeleteWordLeft => self.delete_word_left(),
            Action::DeleteWordRight => self.delete_word_right(),
            Action::DeleteToStart => drop(self.area.delete_line_by_head()),
            Action::DeleteToEnd => drop(self.area.delete_line_by_end()),
            Action::Yank => drop(self.area.paste()),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            _ => return false,
        }
        true
    }

    /// Characters of the grapheme cluster before the caret; 0 at the beginning of a line.
    fn cluster_before(&self) -> usize {
        self.around().0.graphemes(true).next_back().map_or(0, |g| g.chars().count())
    }

    /// Characters of the grapheme cluster after the caret; 0 at the end of a line.
    fn cluster_after(&self) -> usize {
        self.around().1.graphemes(true).next().map_or(0, |g| g.chars().count())
    }

    /// Moves the caret back in its line; by none, to the end of the line before.
    fn back_by(&mut self, characters: usize) {
        let (line, column) = self.caret();
        match characters {
            0 => {
                let Some(line) = line.checked_sub(1) else { return };
                self.go(line, self.area.lines()[line].chars().count());
            }
            _ => self.go(line, column.saturating_sub(characters)),
        }
    }

    /// Moves the caret forward in its line; by none, to the next line.
    fn forward_by(&mut self, characters: usize) {
        let (line, column) = self.caret();
        match characters {
            0 => self.area.move_cursor(CursorMove::Forward),
            _ => self.go(line, column + characters),
        }
    }

    fn line_end(&mut self) {
        let (line, _) = self.caret();
        self.go(line, self.area.lines()[line].chars().count());
    }

    fn delete_left(&mut self) {
        match self.cluster_before() {
            0 | 1 => drop(self.area.delete_char()),
            characters => {
                self.back_by(characters);
                self.area.delete_str(characters);
            }
        }
    }

    fn delete_right(&mut self) {
        match self.cluster_after() {
            0 => drop(self.area.delete_next_char()),
            1 => {
                self.forward_by(1);
                self.area.delete_char();
            }
            characters => drop(self.area.delete_str(characters)),
        }
    }

    fn delete_word_left(&mut self) {
        match word_before(self.around().0) {
            0 => drop(self.area.delete_newline()),
            characters => {
                self.back_by(characters);
                self.area.delete_str(characters);
            }
        }
    }

    fn delete_word_right(&mut self) {
        match word_end_after(self.around().1) {
            0 => drop(self.area.delete_next_char()),
            characters => drop(self.area.delete_str(characters)),
        }
    }

    /// Whether the caret is in the first row, and no earlier prompt is shown: the next step up leaves the
    /// text.
    pub fn is_at_top(&self) -> bool {
        self.walk.is_none() && self.caret_on(&self.rows(self.columns)).0 == 0
    }

    /// The same of the last row.
    pub fn is_at_foot(&self) -> bool {
        let rows = self.rows(self.columns);
        self.walk.is_none() && self.caret_on(&rows).0 + 1 == rows.len()
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
        let revision = self.revision;
        self.replace(&text);
        // What was written is as it was.
        self.revision = revision;
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
            let columns = width::width(&self.shown(cluster));
            // The end of a wrapped row is the beginning of the next: stay before it.
            if seen + columns > column {
                // Within a mark: the edge that is nearer.
                if cluster.contains(is_mark) && (column - seen) * 2 > columns {
                    characters += 1;
                }
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
        self.go(target.line, before + characters);
        true
    }

    /// The rows of the text at `columns`, one of which is kept free for the caret.
    fn rows(&self, columns: usize) -> Vec<Row> {
        let columns = columns.saturating_sub(1).max(1);
        let mut rows = Vec::new();
        for (index, text) in self.area.lines().iter().enumerate() {
            let wide = |cluster: &str| width::width(&self.shown(cluster));
            wrap(text, columns, wide, |bytes| rows.push(Row { line: index, bytes }));
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
        let column = text[start..byte].graphemes(true).map(|g| width::width(&self.shown(g))).sum();
        (at, column)
    }

    /// A grapheme cluster as it is drawn: marks by their label, tabs as spaces, controls as symbols.
    fn shown<'a>(&'a self, cluster: &'a str) -> Cow<'a, str> {
        if let Some(label) = self.marks.label(cluster) {
            return Cow::Borrowed(label);
        }
        if cluster == "\t" { Cow::Borrowed("    ") } else { sanitize::clean(cluster) }
    }

    /// Rows it wants at `columns`, at least 1.
    pub fn height(&self, columns: u16) -> usize {
        self.rows(usize::from(columns)).len()
    }

    /// Draws the text, scrolled so that the caret is in view; gives the caret's place.
    pub fn draw(&mut self, area: Rect, buf: &mut Picture, theme: &Theme, placeholder: &str) -> Position {
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
            let clusters = self.area.lines()[row.line][row.bytes.clone()].graphemes(true);
            let text: String = clusters.map(|cluster| self.shown(cluster)).collect();
            // Only a mark can be wider than its row.
            let text = width::truncate(&text, self.columns.saturating_sub(1).max(1));
            buf.write((area.x, area.y + i as u16), area.width, [(text.as_ref(), style)]);
        }
        let x = area.x + (column as u16).min(area.width.saturating_sub(1));
        Position::new(x, area.y + (at - top) as u16)
    }
}

/// `text` with line ends of one kind.
fn one_line_end(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.as_bytes().contains(&b'\r') {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = memchr::memchr(b'\r', rest.as_bytes()) {
        clean.push_str(&rest[..at]);
        clean.push('\n');
        rest = &rest[at + 1..];
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// The byte at which the character `index` of `text` begins.
fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

/// Cuts a line into rows of at most `columns`, at spaces where there are any; `wide` measures a
/// cluster. Nothing is left out:
/// the caret can stand anywhere.
fn wrap(text: &str, columns: usize, wide: impl Fn(&str) -> usize, mut emit: impl FnMut(Range<usize>)) {
    let (mut start, mut used) = (0, 0);
    let mut space: Option<(usize, usize)> = None;
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = wide(cluster);
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
mod tests;
