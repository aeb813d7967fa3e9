//! One block at a width: its rows.
//!
//! A block is laid out without regard to its neighbours; what it needs of them (a blank row before it,
//! the markers of the containers it begins) was settled when it was given out.

use super::block::{Block, Frame, Growth, Kind, Marker, Piece};
use super::inline::{self, Defined};
use super::open;
use super::table::Table;
use crate::base::sanitize::clean;
use crate::base::width::{split_at, truncate, width as width_of, wrap};
use crate::base::{Emphasis, Line, Span, Tone};

/// Columns before code.
const CODE_INDENT: usize = 2;

/// The rows of `block` at `width`, the blank one before it included.
pub(super) fn rows(block: &Block, source: &str, defined: Defined<'_>, width: u16) -> Vec<Line> {
    let width = usize::from(width);
    let prefix = Prefix::new(block, width);
    let inner = width.saturating_sub(prefix.width);
    let quoted = block.frames.contains(&Frame::Quote);
    let tone = if quoted { Tone::Quote } else { Tone::Text };
    let cx = Context { block, source, defined, inner };
    let content = match &block.kind {
        Kind::Paragraph => cx.text(tone, Emphasis::default()),
        Kind::Heading(_) => cx.text(Tone::Heading, Emphasis { bold: true, ..Emphasis::default() }),
        Kind::CodeHead(number) => vec![cx.code_head(*number)],
        Kind::CodeLine => cx.code(),
        Kind::Html => cx.html(tone),
        Kind::Rule => vec![Line::new("─".repeat(inner), Tone::Mark)],
        Kind::Table => cx.table(&block.pieces, tone).beginning(inner),
        Kind::TableRows(beginning) => cx.table(beginning, tone).more(&block.pieces, inner),
        Kind::Empty => vec![Line::default()],
    };
    // An open block of which nothing is decided yet.
    if content.is_empty() {
        return content;
    }
    prefix.around(content, block.gap)
}

struct Context<'a> {
    block: &'a Block,
    source: &'a str,
    defined: Defined<'a>,
    inner: usize,
}

impl<'a> Context<'a> {
    fn text(&self, tone: Tone, emphasis: Emphasis) -> Vec<Line> {
        let text = inline::joined(self.source, &self.block.pieces);
        let text = match self.block.growth {
            Growth::Closed => text,
            Growth::Open => open::complete(&text),
        };
        if text.is_empty() && self.block.growth == Growth::Open {
            return Vec::new();
        }
        let spans = inline::cleaned(inline::spans(&text, tone, emphasis, self.defined));
        wrap(&spans, 0, 0, self.inner as u16)
    }

    fn table<'b>(&'b self, beginning: &'b [Piece], tone: Tone) -> Table<'b> {
        let Context { block, source, defined, .. } = *self;
        Table { source, beginning, defined, growth: block.growth, tone }
    }

    fn raw(&self) -> String {
        let Some(piece) = self.block.pieces.first() else { return String::new() };
        let text = format!("{}{}", " ".repeat(usize::from(piece.pad)), piece.text(self.source));
        clean(&text).into_owned()
    }

    fn code_head(&self, number: usize) -> Line {
        let language = self.raw();
        let number = format!("⧉ {number}");
        let room = self.inner.saturating_sub(CODE_INDENT + width_of(&number) + 1);
        let language = truncate(&language, room);
        let used = CODE_INDENT + width_of(&language) + width_of(&number);
        let label = match self.inner.checked_sub(used) {
            Some(free) => {
                format!("{}{language}{}{number}", " ".repeat(CODE_INDENT), " ".repeat(free))
            }
            None => truncate(&number, self.inner).into_owned(),
        };
        Line::new(label, Tone::CodeLabel)
    }

    fn code(&self) -> Vec<Line> {
        let text = self.raw();
        let indent = if self.inner > 2 * CODE_INDENT { CODE_INDENT } else { 0 };
        let room = self.inner - indent;
        let mut lines = Vec::new();
        let mut rest = text.as_str();
        loop {
            let (row, after) = split_at(rest, room);
            // A cluster that no row holds: its row stays empty.
            let after = if row.is_empty() && !after.is_empty() { "" } else { after };
            let mut line = Line::default();
            if !row.is_empty() {
                line.spans.push(Span::new(format!("{}{row}", " ".repeat(indent)), Tone::Code));
            }
            lines.push(line);
            rest = after;
            if rest.is_empty() {
                return lines;
            }
        }
    }

    fn html(&self, tone: Tone) -> Vec<Line> {
        wrap(&[Span::new(self.raw(), tone)], 0, 0, self.inner as u16)
    }
}

/// What stands before the rows of a block: quote bars, list markers, indents.
struct Prefix {
    first: Vec<Span>,
    rest: Vec<Span>,
    /// Before the blank row above the block: the containers that were there before.
    above: Vec<Span>,
    width: usize,
}

impl Prefix {
    fn new(block: &Block, width: usize) -> Self {
        let mut prefix = Prefix { first: Vec::new(), rest: Vec::new(), above: Vec::new(), width: 0 };
        let old = block.frames.len().saturating_sub(block.fresh);
        for (index, frame) in block.frames.iter().enumerate() {
            let (first, rest, tone) = match frame {
                Frame::Quote => ("▌ ".to_owned(), "▌ ".to_owned(), Tone::Mark),
                Frame::Item(marker) => {
                    let text = marker_text(*marker);
                    let spaces = " ".repeat(width_of(&text));
                    let first = if index < old { spaces.clone() } else { text };
                    (first, spaces, Tone::Mark)
                }
            };
            let columns = width_of(&rest);
            // Deep within a narrow row the text matters more than its frame.
            if prefix.width + columns > width * 2 / 3 {
                break;
            }
            prefix.width += columns;
            if index < old {
                prefix.above.push(Span::new(rest.clone(), tone));
            }
            prefix.first.push(Span::new(first, tone));
            prefix.rest.push(Span::new(rest, tone));
        }
        while prefix.above.last().is_some_and(|s| s.text.trim().is_empty()) {
            prefix.above.pop();
        }
        if let Some(last) = prefix.above.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
        prefix
    }

    fn around(self, content: Vec<Line>, gap: bool) -> Vec<Line> {
        let mut rows = Vec::with_capacity(content.len() + 1);
        if gap {
            rows.push(Line { spans: self.above });
        }
        if self.width == 0 {
            rows.extend(content);
            return rows;
        }
        for (index, line) in content.into_iter().enumerate() {
            let before = if index == 0 { &self.first } else { &self.rest };
            let mut spans = before.clone();
            spans.extend(line.spans);
            rows.push(Line { spans });
        }
        rows
    }
}

fn marker_text(marker: Marker) -> String {
    match marker {
        Marker::Bullet(0) => "• ".to_owned(),
        Marker::Bullet(1) => "◦ ".to_owned(),
        Marker::Bullet(_) => "▪ ".to_owned(),
        // Numbers up to 99 end in the same column; more digits are unknown beforehand.
        Marker::Number(number) => format!("{number:>2}. "),
        Marker::Done => "☑ ".to_owned(),
        Marker::ToDo => "☐ ".to_owned(),
    }
}
