//! What the input holds for completion: a command, a word that begins with `@`; and what comes in its
//! place.

use tui_textarea::CursorMove;

use super::Composer;
use super::marks::is_mark;
use crate::chat::Piece;

/// A piece of one line of the input, counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: usize,
    /// Where the piece begins.
    pub start: usize,
}

impl Composer {
    /// The input, if it is one line that begins with `/`.
    pub fn command(&self) -> Option<&str> {
        match self.area.lines() {
            [line] if line.starts_with('/') => Some(line),
            _ => None,
        }
    }

    /// Whether nothing but blanks is typed.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.chars().all(char::is_whitespace))
    }

    /// Whether the caret stands behind a `\`, so that Enter means a new line.
    pub fn ends_in_backslash(&self) -> bool {
        self.around().0.ends_with('\\')
    }

    /// Whether a word can begin where the caret is.
    pub fn is_after_blank(&self) -> bool {
        self.around().0.chars().next_back().is_none_or(char::is_whitespace)
    }

    /// Puts `text` in place of all that is there; undo brings that back.
    pub fn replace_all(&mut self, text: &str) {
        self.leave_history();
        self.replace(text);
    }

    /// Where the `@` of the word that the caret is in or behind stands, if it begins with one.
    pub fn at_sign(&self) -> Option<Spot> {
        let (before, _) = self.around();
        let word = before.rsplit(|c: char| c.is_whitespace() || is_mark(c)).next().unwrap_or_default();
        let (line, column) = self.caret();
        let start = column - word.chars().count();
        word.starts_with('@').then_some(Spot { line, start })
    }

    /// What stands between a spot and the caret; `None` if the caret is not behind it in its line.
    pub fn since(&self, spot: Spot) -> Option<String> {
        let (line, column) = self.caret();
        let characters = column.checked_sub(spot.start).filter(|_| line == spot.line)?;
        Some(self.area.lines()[line].chars().skip(spot.start).take(characters).collect())
    }

    /// Puts `text` in place of what stands between a spot and the caret.
    pub fn replace_since(&mut self, spot: Spot, text: &str) {
        let Some(old) = self.since(spot) else { return };
        self.leave_history();
        self.changed();
        self.go(spot.line, spot.start);
        self.area.delete_str(old.chars().count());
        self.area.insert_str(text);
    }

    /// Puts the mark of a file in place of `word`, or where the caret is if no word stands for it; false
    /// where the word is gone. The caret stays in what was typed meanwhile.
    pub fn attach_for(&mut self, word: &str, name: String, text: String) -> bool {
        if word.is_empty() {
            self.attach(name, text);
            return true;
        }
        let lines = self.area.lines();
        let found = lines.iter().enumerate().find_map(|(line, text)| Some((line, text.find(word)?)));
        let Some((line, byte)) = found else { return false };
        let start = lines[line][..byte].chars().count();
        let after = &lines[line][byte + word.len()..];
        let gap = if after.starts_with(char::is_whitespace) { "" } else { " " };
        let length = word.chars().count();
        let caret = self.caret();
        self.leave_history();
        self.changed();
        let mark = format!("{}{gap}", self.marks.stand_for(Piece::File { name, text }));
        self.go(line, start);
        self.area.delete_str(length);
        self.area.insert_str(&mark);
        if caret.0 == line && caret.1 > start + length {
            self.go(line, caret.1 - length + mark.chars().count());
        } else if gap.is_empty() {
            self.area.move_cursor(CursorMove::Forward);
        }
        true
    }
}
