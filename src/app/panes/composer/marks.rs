//! Marks: one character in the input that stands for a long paste.
//!
//! A mark is one of the code points that Unicode sets apart without a meaning and has every program
//! ignore. Nothing joins with them to a cluster, so the caret and every deletion treat a mark as one
//! piece; and as they are taken out of all that is typed or pasted, nobody can write one. They are
//! neither drawn nor sent: [`Marks::label`] is drawn, [`Marks::expand`] is sent.
//!
//! What was pasted is kept as long as the input, since undo and earlier prompts bring marks back.

use std::borrow::Cow;
use std::ops::Range;

use crate::base::{sanitize, width};
use crate::chat::session::PIECE;
use crate::chat::{Piece, Written};

/// A paste of more lines than this stands as a mark.
const FOLD_LINES: usize = 10;
/// So does one of more bytes than this.
const FOLD_BYTES: usize = 4_000;
/// The first of the characters that are marks.
const FIRST: char = '\u{e01f0}';
/// The last of them.
const LAST: char = '\u{e0fff}';
/// Their first byte in UTF-8.
const LEAD: u8 = 0xf3;

/// Whether a character is a mark.
pub(super) fn is_mark(c: char) -> bool {
    (FIRST..=LAST).contains(&c)
}

/// `text` from outside: no mark is in it.
pub(super) fn without_marks(text: &str) -> Cow<'_, str> {
    // All marks begin with this byte in UTF-8, and little else does.
    if memchr::memchr(LEAD, text.as_bytes()).is_some() && text.contains(is_mark) {
        Cow::Owned(text.replace(is_mark, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a paste is long enough for a mark.
pub(super) fn is_long(text: &str) -> bool {
    text.len() > FOLD_BYTES || text.lines().count() > FOLD_LINES
}

/// What the marks stand for.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// How each is drawn, and what it is; the first belongs to [`FIRST`], and so on.
    known: Vec<(String, Piece)>,
}

impl Marks {
    /// The mark that stands for `text`; the text itself once every mark is taken.
    pub(super) fn fold(&mut self, text: &str) -> String {
        let text = without_marks(text).into_owned();
        self.stand_for(Piece::Pasted(text))
    }

    /// The mark that stands for a piece; its text once every mark is taken.
    pub(super) fn stand_for(&mut self, piece: Piece) -> String {
        let index = self.known.iter().position(|(_, known)| *known == piece);
        let mark = u32::try_from(index.unwrap_or(self.known.len()))
            .ok()
            .and_then(|index| char::from_u32(u32::from(FIRST).saturating_add(index)))
            .filter(|c| is_mark(*c));
        let Some(mark) = mark else {
            let (Piece::Pasted(text) | Piece::File { text, .. }) = piece;
            return text;
        };
        if index.is_none() {
            let label = match &piece {
                Piece::Pasted(text) => self.new_label(text),
                Piece::File { name, text } => {
                    format!("[{} {}]", sanitize::clean(name), width::bytes(text.len()))
                }
            };
            self.known.push((label, piece));
        }
        mark.to_string()
    }

    fn new_label(&self, text: &str) -> String {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).count();
        let lines = ends + usize::from(!text.ends_with('\n'));
        let size = if lines > FOLD_LINES {
            format!("{lines} lines")
        } else {
            format!("{} KB", text.len().div_ceil(1000))
        };
        let begin = format!("[pasted {size}");
        let alike = |label: &str| label.strip_prefix(&begin).is_some_and(|rest| rest.starts_with([']', ' ']));
        match self.known.iter().filter(|(label, _)| alike(label)).count() {
            0 => format!("{begin}]"),
            others => format!("{begin} #{}]", others + 1),
        }
    }

    /// How a cluster that is a mark is drawn; `None` if it is none.
    pub(super) fn label(&self, cluster: &str) -> Option<&str> {
        let mark = cluster.chars().next().filter(|c| is_mark(*c))?;
        Some(self.of(mark).map_or("", |(label, _)| label))
    }

    /// `text` with the pastes in place of their marks.
    pub(super) fn expand(&self, text: &str) -> String {
        self.written(text).plain()
    }

    /// The first characters of that, so many at most.
    pub(super) fn beginning(&self, text: &str, characters: usize) -> String {
        let mut beginning = String::new();
        let mut left = characters;
        for c in text.chars() {
            if left == 0 {
                break;
            }
            let mut own = [0; 4];
            let piece = match self.of(c) {
                Some((_, Piece::Pasted(text))) => text.as_str(),
                Some((_, Piece::File { name, .. })) => name,
                None if is_mark(c) || c == PIECE => "",
                None => c.encode_utf8(&mut own),
            };
            let taken = &piece[..piece.char_indices().nth(left).map_or(piece.len(), |(end, _)| end)];
            left -= taken.chars().count();
            beginning.push_str(taken);
        }
        beginning
    }

    /// Whether `text` with the pastes in place of their marks is `whole`.
    pub(super) fn is(&self, text: &str, whole: &str) -> bool {
        let mut rest = Some(whole);
        for c in text.chars() {
            rest = match self.of(c) {
                Some((_, Piece::Pasted(text))) => rest.and_then(|rest| rest.strip_prefix(text.as_str())),
                Some((_, Piece::File { name, .. })) => rest.and_then(|rest| rest.strip_prefix(name.as_str())),
                None if is_mark(c) || c == PIECE => rest,
                None => rest.and_then(|rest| rest.strip_prefix(c)),
            };
            if rest.is_none() {
                return false;
            }
        }
        rest == Some("")
    }

    /// `text` with its marks as pieces.
    pub(super) fn written(&self, text: &str) -> Written {
        let mut written = Written::default();
        for c in text.chars() {
            match self.of(c) {
                Some((_, piece)) => {
                    written.text.push(PIECE);
                    written.pieces.push(piece.clone());
                }
                None if is_mark(c) || c == PIECE => {}
                None => written.text.push(c),
            }
        }
        written
    }

    /// `text` with its pastes, and its files by their label.
    pub(super) fn unfolded(&self, text: &str) -> String {
        let mut whole = String::with_capacity(text.len());
        for c in text.chars() {
            match self.of(c) {
                Some((label, piece)) => whole.push_str(token(label, piece)),
                None => whole.push(c),
            }
        }
        whole
    }

    /// The other way round, for a text that was changed meanwhile: `before` held the marks. Files that
    /// are not found in it stand before it.
    pub(super) fn folded_again(&self, before: &str, text: &str) -> String {
        let mut found: Vec<(Range<usize>, char)> = Vec::new();
        let mut lost = String::new();
        for mark in before.chars().filter(|c| is_mark(*c)) {
            let Some((label, piece)) = self.of(mark) else { continue };
            let token = token(label, piece);
            let is_free =
                |at: usize| found.iter().all(|(range, _)| at >= range.end || at + token.len() <= range.start);
            match text.match_indices(token).find(|(at, _)| is_free(*at)) {
                Some((at, _)) => found.push((at..at + token.len(), mark)),
                None if matches!(piece, Piece::File { .. }) => lost.extend([mark, ' ']),
                None => {}
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        let mut folded = lost;
        let mut at = 0;
        for (range, mark) in found {
            folded.push_str(&text[at..range.start]);
            folded.push(mark);
            at = range.end;
        }
        folded.push_str(&text[at..]);
        folded
    }

    /// `text` as one mark, but for the files in it, which stand before that.
    pub(super) fn fold_rest(&mut self, text: &str) -> String {
        let is_file = |c: char| matches!(self.of(c), Some((_, Piece::File { .. })));
        let (files, rest): (String, String) = text.chars().partition(|c| is_file(*c));
        let rest = self.expand(&rest);
        files + &self.stand_for(Piece::Pasted(rest))
    }

    /// What was written, with marks for its pieces.
    pub(super) fn marked(&mut self, written: &Written) -> String {
        let mut pieces = written.pieces.iter();
        let mut marked = String::with_capacity(written.text.len());
        for c in written.text.chars().filter(|c| !is_mark(*c)) {
            match (c == PIECE).then(|| pieces.next()).flatten() {
                Some(piece) => marked.push_str(&self.stand_for(piece.clone())),
                None if c == PIECE => {}
                None => marked.push(c),
            }
        }
        marked
    }

    /// Bytes of what the marks in `text` stand for.
    pub(super) fn size(&self, text: &str) -> usize {
        let of = |c| match self.of(c) {
            Some((_, Piece::Pasted(text) | Piece::File { text, .. })) => text.len(),
            None => 0,
        };
        text.chars().filter(|c| is_mark(*c)).map(of).sum()
    }

    fn of(&self, mark: char) -> Option<&(String, Piece)> {
        let index = u32::from(mark).checked_sub(u32::from(FIRST))?;
        self.known.get(usize::try_from(index).ok()?)
    }
}

/// What stands for a piece where it is edited as a file.
fn token<'a>(label: &'a str, piece: &'a Piece) -> &'a str {
    match piece {
        Piece::Pasted(text) => text,
        Piece::File { .. } => label,
    }
}
