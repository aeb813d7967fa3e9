//! A text that grows: sealed blocks and the open tail.
//!
//! [`LiveMarkdown::update`] walks over the lines that came and seals what can no longer change
//! ([`super::blocks`]); the rest is parsed again when rows are asked for, so appending costs what came
//! and a frame costs the open block, at most a few KiB. Of a sealed block its place in the source and
//! the height at the present width are kept; rows are made when asked for and dropped when they are far
//! from what was asked for last. The source stays with the caller, who hands in the same text, grown.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use memchr::memchr;

use super::block::{Block, Growth, Kind};
use super::blocks::{Blocks, Ending, LIMIT};
use super::inline::{Defined, Definition};
use super::{layout, scan};
use crate::base::Line;

/// Rows kept beyond those near the ones asked for last.
const KEPT_ROWS: usize = 2048;
/// So many new bytes are laid out without waiting for a frame: more than can be open.
const MUCH: usize = 4 * LIMIT;

/// Whether more of the text may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It may; what is not decided yet is held back or closed for show.
    Streaming,
    /// It is whole (or will stay as it is); everything is shown as it stands.
    Whole,
}

/// A code block of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeBlock {
    /// As shown in its label.
    pub number: usize,
    /// The first word after the fence; may be empty.
    pub language: String,
    /// The source, each line with its end.
    pub text: String,
}

/// The laid-out state of one Markdown text.
#[derive(Debug)]
pub struct LiveMarkdown {
    first_code: usize,
    parser: Blocks,
    sealed: Vec<Block>,
    /// The source up to here was fed.
    fed: usize,
    /// There is no line end between `fed` and here.
    searched: usize,
    seen: (usize, Progress),
    tail: Option<Tail>,
    layout: Layout,
}

#[derive(Debug)]
struct Tail {
    blocks: Vec<Block>,
    definitions: Arc<Vec<Definition>>,
    codes: usize,
}

#[derive(Debug, Default)]
struct Layout {
    width: u16,
    /// The number of rows up to the end of each sealed block laid out so far.
    ends: Vec<usize>,
    kept: BTreeMap<usize, Vec<Line>>,
    kept_rows: usize,
    tail: Option<Vec<Line>>,
}

impl Default for LiveMarkdown {
    fn default() -> Self {
        Self::new(1)
    }
}

impl LiveMarkdown {
    /// An empty text whose first code block has the number `first_code`.
    pub fn new(first_code: usize) -> Self {
        Self {
            first_code,
            parser: Blocks::new(first_code.saturating_sub(1)),
            sealed: Vec::new(),
            fed: 0,
            searched: 0,
            seen: (0, Progress::Streaming),
            tail: None,
            layout: Layout::default(),
        }
    }

    /// Takes note of the text so far. It may only have grown at its end (a shorter one starts anew).
    pub fn update(&mut self, source: &str, progress: Progress) {
        if self.seen == (source.len(), progress) {
            return;
        }
        if source.len() < self.seen.0 {
            *self = Self::new(self.first_code);
        }
        self.seen = (source.len(), progress);
        self.tail = None;
        self.layout.tail = None;
        while let Some((range, ending, next)) = self.next_line(source) {
            self.parser.feed(source, range, ending, &mut self.sealed);
            self.fed = next;
            self.searched = next;
        }
    }

    /// Where much was appended, takes note of it and lays out what of it is settled. Once per batch of a
    /// burst this keeps the work of each step, and so the wait for a frame, small.
    pub fn absorb(&mut self, source: &str, width: u16) {
        if self.layout.width == width && source.len() >= self.seen.0 + MUCH {
            self.update(source, Progress::Streaming);
            self.lay_out_sealed(source);
        }
    }

    /// The next whole line, or piece of a long one, and where what follows begins.
    fn next_line(&mut self, source: &str) -> Option<(Range<usize>, Ending, usize)> {
        // The searched part may end within a character: it is looked at as bytes.
        let bytes = source.as_bytes();
        let window = bytes.len().min(self.fed + LIMIT);
        let found = memchr(b'\n', bytes.get(self.searched..window)?).map(|at| self.searched + at);
        match found {
            Some(end) => Some((self.fed..end, Ending::Closed, end + 1)),
            None if bytes.len() - self.fed < LIMIT => {
                self.searched = bytes.len();
                None
            }
            None => {
                let end = scan::boundary(source, self.fed + LIMIT);
                Some((self.fed..end, Ending::More, end))
            }
        }
    }

    /// A guess at the height of `source` at `width`, from its length and lines alone.
    pub fn estimate_height(source: &str, width: u16) -> usize {
        let lines = memchr::memchr_iter(b'\n', source.as_bytes()).count() + 1;
        lines.max(lines / 2 + source.len() / usize::from(width.max(1)))
    }

    /// The number of rows at `width`.
    pub fn height(&mut self, source: &str, width: u16) -> usize {
        self.lay_out(source, width);
        self.sealed_height() + self.layout.tail.as_ref().map_or(0, Vec::len)
    }

    /// How many rows at the beginning will never change, whatever is appended.
    pub fn settled(&mut self, source: &str, width: u16) -> usize {
        self.lay_out(source, width);
        self.sealed_height()
    }

    /// The rows of `range` at `width`, fewer where the text ends.
    pub fn rows(&mut self, source: &str, width: u16, range: Range<usize>) -> Vec<&Line> {
        self.lay_out(source, width);
        let ends = &self.layout.ends;
        let first = ends.partition_point(|&end| end <= range.start);
        let last = ends.partition_point(|&end| end < range.end).min(ends.len().saturating_sub(1));
        if first < ends.len() {
            self.forget(first, last, range.len());
            for block in first..=last {
                self.make(source, block);
            }
        }
        let sealed_height = self.sealed_height();
        let mut out = Vec::with_capacity(range.len().min(1024));
        if first < self.layout.ends.len() {
            for block in first..=last {
                let begin = self.begin_of(block);
                let rows = self.layout.kept.get(&block).map_or(&[][..], Vec::as_slice);
                out.extend(slice(rows, begin, &range));
            }
        }
        if let Some(tail) = &self.layout.tail {
            out.extend(slice(tail, sealed_height, &range));
        }
        out
    }

    /// How many code blocks there are.
    pub fn code_count(&mut self, source: &str) -> usize {
        self.open_tail(source);
        let last = self.tail.as_ref().map_or(self.parser.codes, |tail| tail.codes);
        last - self.first_code.saturating_sub(1)
    }

    /// The code blocks, for copying. Costs the number of blocks.
    pub fn code_blocks(&mut self, source: &str) -> Vec<CodeBlock> {
        self.open_tail(source);
        let tail = self.tail.iter().flat_map(|tail| &tail.blocks);
        let mut found: Vec<CodeBlock> = Vec::new();
        let mut line_end = 0;
        for block in self.sealed.iter().chain(tail) {
            let text = block.pieces.first().map_or("", |p| p.text(source));
            match (&block.kind, found.last_mut(), block.pieces.first()) {
                (Kind::CodeHead(number), ..) => {
                    found.push(CodeBlock { number: *number, language: text.to_owned(), text: String::new() });
                    line_end = 0;
                }
                (Kind::CodeLine, Some(code), Some(piece)) => {
                    // Pieces of one long line follow each other without a gap.
                    if piece.start == line_end {
                        code.text.pop();
                    }
                    code.text.extend(std::iter::repeat_n(' ', usize::from(piece.pad)));
                    code.text.push_str(text);
                    code.text.push('\n');
                    line_end = piece.end;
                }
                _ => {}
            }
        }
        found
    }

    fn sealed_height(&self) -> usize {
        self.layout.ends.last().copied().unwrap_or(0)
    }

    fn begin_of(&self, block: usize) -> usize {
        block.checked_sub(1).and_then(|before| self.layout.ends.get(before)).copied().unwrap_or(0)
    }

    fn open_tail(&mut self, source: &str) {
        if self.tail.is_some() {
            return;
        }
        let mut parser = self.parser.clone();
        let mut blocks = Vec::new();
        let (ending, growth) = match self.seen.1 {
            Progress::Streaming => (Ending::Open, Growth::Open),
            Progress::Whole => (Ending::Closed, Growth::Closed),
        };
        let end = self.seen.0.min(source.len());
        if self.fed < end {
            parser.feed(source, self.fed..end, ending, &mut blocks);
        }
        parser.finish(source, growth, &mut blocks);
        self.tail = Some(Tail { blocks, codes: parser.codes, definitions: parser.definitions });
    }

    fn lay_out(&mut self, source: &str, width: u16) {
        if self.layout.width != width {
            self.layout = Layout { width, ..Layout::default() };
        }
        self.lay_out_sealed(source);
        self.open_tail(source);
        if let (None, Some(tail)) = (&self.layout.tail, &self.tail) {
            let mut rows = Vec::new();
            for (index, block) in tail.blocks.iter().enumerate() {
                let defined = Defined { definitions: &tail.definitions, block: self.sealed.len() + index };
                rows.extend(layout::rows(block, source, defined, width));
            }
            self.layout.tail = Some(rows);
        }
    }

    fn lay_out_sealed(&mut self, source: &str) {
        for block in self.layout.ends.len()..self.sealed.len() {
            if self.layout.kept_rows > 2 * KEPT_ROWS {
                self.layout.kept.clear();
                self.layout.kept_rows = 0;
            }
            let height = self.make(source, block);
            self.layout.ends.push(self.sealed_height() + height);
        }
    }

    /// Makes the rows of a sealed block unless they are kept. Returns how many there are.
    fn make(&mut self, source: &str, block: usize) -> usize {
        if let Some(rows) = self.layout.kept.get(&block) {
            return rows.len();
        }
        let defined = Defined { definitions: &self.parser.definitions, block };
        let rows = layout::rows(&self.sealed[block], source, defined, self.layout.width);
        let height = rows.len();
        self.layout.kept_rows += height;
        self.layout.kept.insert(block, rows);
        height
    }

    /// Drops rows far from the blocks `first..=last`, once there are many.
    fn forget(&mut self, first: usize, last: usize, near: usize) {
        if self.layout.kept_rows <= KEPT_ROWS + 4 * near {
            return;
        }
        let from = first.saturating_sub(near);
        let to = last.saturating_add(near);
        self.layout.kept.retain(|block, _| (from..=to).contains(block));
        self.layout.kept_rows = self.layout.kept.values().map(Vec::len).sum();
    }
}

/// Parts of a block's height that a mark tells apart.
const SHARES: usize = 1 << 12;

impl LiveMarkdown {
    /// The place of a row of the present layout, in a form that survives another width: its block,
    /// and how far down that block.
    pub fn mark_of_row(&self, row: usize) -> usize {
        let block = self.layout.ends.partition_point(|&end| end <= row);
        let begin = self.begin_of(block);
        let gap = self.gap_of(block);
        let text = self.block_height(block).saturating_sub(gap).max(1);
        // 0 is the blank row before the block, the rest shares of its text.
        let share = match (row - begin).checked_sub(gap) {
            None => 0,
            Some(inside) => 1 + (inside * (SHARES - 1)).div_ceil(text).min(SHARES - 2),
        };
        block * SHARES + share
    }

    /// The row that stands at a mark, in the present layout.
    pub fn row_of_mark(&self, mark: usize) -> usize {
        let block = (mark / SHARES).min(self.layout.ends.len());
        let share = mark % SHARES;
        let gap = self.gap_of(block);
        let text = self.block_height(block).saturating_sub(gap);
        let inside = match share.checked_sub(1) {
            None => 0,
            Some(share) => gap + (share * text / (SHARES - 1)).min(text.saturating_sub(1)),
        };
        self.begin_of(block) + inside.min(self.block_height(block).saturating_sub(1))
    }

    /// Blank rows before a block, or before all that is not sealed.
    fn gap_of(&self, block: usize) -> usize {
        let tail = self.tail.as_ref().and_then(|tail| tail.blocks.first());
        usize::from(self.sealed.get(block).or(tail).is_some_and(|block| block.gap))
    }

    /// Rows of a sealed block, or of all that is not sealed.
    fn block_height(&self, block: usize) -> usize {
        match self.layout.ends.get(block) {
            Some(end) => end - self.begin_of(block),
            None => self.layout.tail.as_ref().map_or(0, Vec::len),
        }
    }
}

/// Those of `rows`, the first of which is row `begin`, that are in `range`.
fn slice<'a>(rows: &'a [Line], begin: usize, range: &Range<usize>) -> &'a [Line] {
    let from = range.start.saturating_sub(begin).min(rows.len());
    let to = range.end.saturating_sub(begin).clamp(from, rows.len());
    &rows[from..to]
}
