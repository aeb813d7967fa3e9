//! Where words begin and end beside the caret, counted in characters of its line.
//!
//! A word is a run of letters or of punctuation, or one mark: what stands beside a paste is moved over
//! and deleted without it.

use super::marks::is_mark;

/// What a character is to moves and deletions by word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    Punctuation,
    Letter,
    Mark,
}

fn kind(c: char) -> Kind {
    match c {
        _ if is_mark(c) => Kind::Mark,
        _ if c.is_whitespace() => Kind::Blank,
        '_' => Kind::Letter,
        _ if c.is_ascii_punctuation() => Kind::Punctuation,
        _ => Kind::Letter,
    }
}

/// How many of the first characters are one run of a kind. Every mark is a word of its own.
fn run(mut kinds: impl Iterator<Item = Kind>) -> usize {
    match kinds.next() {
        None => 0,
        Some(Kind::Mark) => 1,
        Some(first) => 1 + kinds.take_while(|kind| *kind == first).count(),
    }
}

fn blanks(kinds: impl Iterator<Item = Kind>) -> usize {
    kinds.take_while(|kind| *kind == Kind::Blank).count()
}

/// Characters from the beginning of the word before the caret to the caret.
pub(super) fn word_before(text: &str) -> usize {
    let kinds = text.chars().rev().map(kind);
    let blanks = blanks(kinds.clone());
    blanks + run(kinds.skip(blanks))
}

/// Characters from the caret to the beginning of the next word.
pub(super) fn word_after(text: &str) -> usize {
    let kinds = text.chars().map(kind);
    let word = run(kinds.clone());
    word + blanks(kinds.skip(word))
}

/// Characters from the caret to the end of the word after it.
pub(super) fn word_end_after(text: &str) -> usize {
    let kinds = text.chars().map(kind);
    let blanks = blanks(kinds.clone());
    blanks + run(kinds.skip(blanks))
}
