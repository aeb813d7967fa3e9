//! Text that is not Markdown (prompts, reasoning, refusals), wrapped by display width.
//!
//! The source lives with the caller and only grows at its end; heights of its lines are kept per
//! width, and rows are made for the lines that are looked at. Appending costs the line that grew. A
//! line over 16 KiB is laid out in pieces of about that size, each beginning a row of its own, so that a
//! frame in the middle of a prompt of 5 MB without a line end costs what it shows.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};

/// Bytes of a source line that are laid out together.
const PIECE: usize = 16 << 10;
/// How far before its end a piece is rather cut at a space.
const SPACE_WITHIN: usize = 1 << 10;

/// The layout of a growing plain text.
#[derive(Clone, Debug, Default)]
pub struct PlainText {
    /// For which width the rest was computed.
    width: u16,
    /// How many bytes of the source are measured.
    measured: usize,
    /// Where each source line, or piece of a long one, begins, and the row it begins at.
    lines: Vec<(usize, usize)>,
    rows: usize,
}

impl PlainText {
    /// Measures what is new of `source` at `width` columns; gives the height in rows.
    pub fn measure(&mut self, source: &str, columns: u16) -> usize {
        if self.width != columns || source.len() < self.measured {
            *self = Self { width: columns, ..Self::default() };
        }
        if source.len() == self.measured && !self.lines.is_empty() {
            return self.rows;
        }
        // The last line may have grown: it is measured again from its beginning.
        let (mut at, row) = self.lines.pop().unwrap_or_default();
        self.rows = row;
        loop {
            let end = piece_end(source, at);
            self.lines.push((at, self.rows));
            self.rows += line_rows(&source[at..end], columns).len();
            if end == source.len() && !source[at..].ends_with('\n') {
                break;
            }
            at = end;
        }
        self.measured = source.len();
        self.rows
    }

    /// The rows of `range`, in `tone`; [`PlainText::measure`] comes first.
    pub fn rows(&self, source: &str, range: Range<usize>, tone: Tone) -> Vec<Line> {
        let first = self.lines.partition_point(|(_, row)| *row <= range.start).saturating_sub(1);
        let mut out = Vec::with_capacity(range.len());
        for (i, &(at, row)) in self.lines.iter().enumerate().skip(first) {
            if row >= range.end {
                break;
            }
            let end = self.lines.get(i + 1).map_or(source.len(), |(next, _)| *next);
            for (j, text) in line_rows(&source[at..end], self.width).into_iter().enumerate() {
                if range.contains(&(row + j)) {
                    out.push(Line { spans: vec![Span::new(text, tone)] });
                }
            }
        }
        out
    }
}

impl PlainText {
    /// The source offset at which a row begins, give or take a word: a place that survives a new width.
    pub fn mark_of_row(&self, row: usize) -> usize {
        let i = self.lines.partition_point(|(_, top)| *top <= row).saturating_sub(1);
        let Some(&(at, top)) = self.lines.get(i) else { return 0 };
        let (end, bottom) = self.lines.get(i + 1).copied().unwrap_or((self.measured, self.rows));
        at + ((row - top) * (end - at)).div_ceil((bottom - top).max(1))
    }

    /// The row that holds a source offset.
    pub fn row_of_mark(&self, mark: usize) -> usize {
        let i = self.lines.partition_point(|(at, _)| *at <= mark).saturating_sub(1);
        let Some(&(at, top)) = self.lines.get(i) else { return 0 };
        let (end, bottom) = self.lines.get(i + 1).copied().unwrap_or((self.measured, self.rows));
        let rows = bottom - top;
        let inside = (mark - at) * rows / (end - at).max(1);
        top + inside.min(rows.saturating_sub(1))
    }
}

/// Where the line that begins at `at` ends, its line end included, or a piece of it if it is long.
fn piece_end(source: &str, at: usize) -> usize {
    let rest = &source[at..];
    let within = floor(rest, PIECE);
    if let Some(line_end) = rest[..within].find('\n') {
        return at + line_end + 1;
    }
    if within == rest.len() {
        return source.len();
    }
    let from = floor(rest, within - SPACE_WITHIN);
    if let Some(space) = rest[from..within].rfind(' ') {
        return at + from + space + 1;
    }
    let cut = (from + 1..=within).rev().find(|cut| {
        rest.is_char_boundary(*cut)
            && GraphemeCursor::new(*cut, rest.len(), true).is_boundary(rest, 0).unwrap_or(true)
    });
    at + cut.unwrap_or(within)
}

/// The last character boundary up to `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// One source line, or a piece of it, as rows of at most `columns`.
fn line_rows(line: &str, columns: u16) -> Vec<String> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let clean = sanitize::clean(line.strip_suffix('\r').unwrap_or(line));
    width::wrap_str(&clean, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_rows(source: &str, columns: u16) -> Vec<String> {
        let mut plain = PlainText::default();
        let height = plain.measure(source, columns);
        let rows = plain.rows(source, 0..height, Tone::Text);
        assert_eq!(rows.len(), height);
        rows.iter().map(Line::plain).collect()
    }

    #[test]
    fn a_line_without_an_end_is_laid_out_in_pieces_and_nothing_is_lost() {
        for unit in ["word ", "x", "漢字", "👩‍👩‍👧", "e\u{301}"] {
            let source = unit.repeat(3 * PIECE / unit.len());
            let rows = all_rows(&source, 40);
            assert!(rows.iter().all(|row| width::width(row) <= 40));
            let kept: String = rows.concat().split_whitespace().collect();
            assert!(kept == source.split_whitespace().collect::<String>(), "{unit}");
        }
    }

    #[test]
    fn rows_are_the_same_whether_the_text_came_at_once_or_grew() {
        let source = format!("one\n{}\n\nlast", "some words ".repeat(PIECE / 4));
        let mut grown = PlainText::default();
        for end in (0..source.len()).step_by(5000).chain([source.len()]) {
            grown.measure(&source[..end], 30);
        }
        let height = grown.measure(&source, 30);
        let rows: Vec<String> = grown.rows(&source, 0..height, Tone::Text).iter().map(Line::plain).collect();
        assert!(rows == all_rows(&source, 30));
        assert_eq!(rows.first().map(String::as_str), Some("one"));
        assert_eq!(rows.last().map(String::as_str), Some("last"));
    }

    #[test]
    fn line_ends_make_the_rows_they_always_made() {
        assert_eq!(all_rows("", 9), [""]);
        assert_eq!(all_rows("a\r\nb\n", 9), ["a", "b", ""]);
        assert_eq!(all_rows("\n\nx", 9), ["", "", "x"]);
    }
}
