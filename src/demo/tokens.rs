//! Cuts text into pieces the size of a language model's tokens.
//!
//! A piece is a word with the space before it, a run of one punctuation mark, up to three digits, a
//! line break or two, or one character of a script that is written without spaces; long words are cut.
//! A piece never ends inside a grapheme, so each can be shown as it comes.

use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut after so many graphemes.
const MAX_WORD: usize = 9;
/// So many digits are one piece, as most tokenizers have it.
const MAX_DIGITS: usize = 3;
/// A run of one mark: code fences and rules.
const MAX_MARKS: usize = 4;

/// The pieces of a text; together they are the text.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { rest: text }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Digit,
    Break,
    Space,
    Mark(char),
    /// Stands alone: ideographs, kana, emoji.
    Alone,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = grapheme(self.rest)?;
        let end = match class(first) {
            Class::Space => self.after_space(),
            class => run(self.rest, class),
        };
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(token)
    }
}

impl Tokens<'_> {
    /// One space belongs to the word after it; of several, all but the last are an indentation.
    fn after_space(&self) -> usize {
        let spaces = self.rest.bytes().take_while(|b| *b == b' ').count();
        if spaces != 1 {
            return spaces.max(2) - 1;
        }
        let after = &self.rest[1..];
        match grapheme(after).map(class) {
            None | Some(Class::Break | Class::Space) => 1,
            Some(class) => 1 + run(after, class),
        }
    }
}

/// How many bytes at the start of `text` make one piece of `class`.
fn run(text: &str, class_of_run: Class) -> usize {
    let most = match class_of_run {
        Class::Word => MAX_WORD,
        Class::Digit => MAX_DIGITS,
        Class::Break => 2,
        Class::Mark(_) => MAX_MARKS,
        Class::Space | Class::Alone => 1,
    };
    let mut end = 0;
    for _ in 0..most {
        match grapheme(&text[end..]) {
            Some(next) if class(next) == class_of_run => end += next.len(),
            _ => break,
        }
    }
    end
}

/// The first grapheme. Of two ASCII characters, the first stands for itself: most text takes this way.
fn grapheme(text: &str) -> Option<&str> {
    match text.as_bytes() {
        [] => None,
        [_] => Some(text),
        [a, b, ..] if a.is_ascii() && b.is_ascii() && *a != b'\r' => Some(&text[..1]),
        _ => text.graphemes(true).next(),
    }
}

fn class(grapheme: &str) -> Class {
    match grapheme.chars().next() {
        None => Class::Alone,
        Some(' ') if grapheme.len() == 1 => Class::Space,
        Some('\n' | '\r') => Class::Break,
        Some(c) if c.is_ascii_digit() => Class::Digit,
        Some(c) if c.is_ascii_alphabetic() => Class::Word,
        Some(c) if c.is_ascii() => Class::Mark(c),
        // From here on scripts are written without spaces (ideographs, kana, hangul) or are emoji.
        Some(c) if c >= '\u{2e80}' => Class::Alone,
        Some(c) if c.is_alphabetic() => Class::Word,
        Some(_) => Class::Alone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(text: &str) -> Vec<&str> {
        Tokens::of(text).collect()
    }

    #[test]
    fn a_piece_is_about_a_word() {
        assert_eq!(pieces("Hello, big world."), ["Hello", ",", " big", " world", "."]);
        assert_eq!(pieces("## Two\n\nx"), ["##", " Two", "\n\n", "x"]);
        assert_eq!(pieces("```rust\nfn"), ["```", "rust", "\n", "fn"]);
        assert_eq!(pieces("    let x = 12345;"), ["   ", " let", " x", " =", " 123", "45", ";"]);
        assert_eq!(pieces("incomprehensible"), ["incompreh", "ensible"]);
        assert_eq!(pieces("日本語です"), ["日", "本", "語", "で", "す"]);
        assert_eq!(pieces("a 👩‍🚀👍🏽 b"), ["a", " 👩‍🚀", "👍🏽", " b"]);
        assert_eq!(pieces("مرحبا بك"), ["مرحبا", " بك"]);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_and_never_cut_a_grapheme(text in "(\\PC|[ \\n]|e\u{301}|👩‍🚀|🇩🇪|a\u{200d}){0,60}") {
            let pieces = pieces(&text);
            prop_assert_eq!(pieces.concat(), text.clone());
            let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, g)| at + g.len()).collect();
            let mut at = 0;
            for piece in pieces {
                at += piece.len();
                prop_assert!(ends.contains(&at), "{:?} ends inside a grapheme", piece);
            }
        }
    }
}
