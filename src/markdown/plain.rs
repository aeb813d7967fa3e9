//! Text that is not Markdown (prompts, reasoning, refusals), wrapped by display width.
//!
//! The source lives with the caller and only grows at its end; heights of its lines are kept per
//! width, and rows are made for the lines that are looked at. Appending costs the line that grew.

use std::ops::Range;

use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};

/// The layout of a growing plain text.
#[derive(Clone, Debug, Default)]
pub struct PlainText {
    /// For which width the rest was computed.
    width: u16,
    /// How many bytes of the source are measured.
    measured: usize,
    /// Where each source line begins, and the row it begins at.
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
            let end = source[at..].find('\n').map(|i| at + i);
            self.lines.push((at, self.rows));
            self.rows += line_rows(&source[at..end.unwrap_or(source.len())], columns).len();
            match end {
                Some(end) => at = end + 1,
                None => break,
            }
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
            let end = self.lines.get(i + 1).map_or(source.len(), |(next, _)| next - 1);
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

/// One source line as rows of at most `columns`.
fn line_rows(line: &str, columns: u16) -> Vec<String> {
    let clean = sanitize::clean(line.strip_suffix('\r').unwrap_or(line));
    width::wrap_str(&clean, columns)
}
