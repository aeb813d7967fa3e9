//! The open leaf: how it looks so far, how it ends, and giving out its beginning when it is long.

use std::sync::Arc;

use super::{Block, Blocks, Growth, Join, Kind, LIMIT, Leaf, MORE_ROWS, Paragraph, Piece, TABLE_ROWS};
use crate::markdown::{inline, open, scan, table};

/// Definitions that one text may make; each reference is compared with all of them.
const DEFINITIONS: usize = 1000;

impl Blocks {
    pub(super) fn show_open(&mut self, source: &str, out: &mut Vec<Block>) {
        let (kind, pieces, join) = match std::mem::take(&mut self.leaf) {
            Leaf::Paragraph(paragraph) => {
                let text = inline::joined(source, &paragraph.pieces);
                // It may become a definition, which shows nothing.
                if text.starts_with('[') && !paragraph.goes_on && text.contains("]:") {
                    return;
                }
                let heads_table = paragraph.pieces.len() == 1 && text.len() > 1 && text.starts_with('|');
                let kind = if heads_table { Kind::Table } else { Kind::Paragraph };
                (kind, paragraph.pieces, if paragraph.goes_on { Join::Glued } else { Join::Apart })
            }
            Leaf::Table { pieces, .. } if pieces.is_empty() => return,
            Leaf::Table { pieces, beginning: None } => (Kind::Table, pieces, Join::Apart),
            Leaf::Table { pieces, beginning: Some(b) } => (Kind::TableRows(b), pieces, Join::Glued),
            Leaf::None | Leaf::Fence { .. } | Leaf::Indented { .. } | Leaf::Html(_) => return,
        };
        self.give(kind, pieces, join, out);
        if let Some(block) = out.last_mut() {
            block.growth = Growth::Open;
        }
    }

    /// A further piece of a line that is too long to be taken whole.
    pub(super) fn go_on(&mut self, source: &str, piece: Piece, out: &mut Vec<Block>) {
        match &mut self.leaf {
            Leaf::Paragraph(paragraph) => match paragraph.pieces.last_mut() {
                Some(last) => {
                    paragraph.len += piece.end - last.end;
                    last.end = piece.end;
                }
                None => paragraph.push(piece),
            },
            Leaf::Fence { .. } | Leaf::Indented { .. } => {
                self.give(Kind::CodeLine, vec![piece], Join::Glued, out)
            }
            Leaf::Html(_) => self.give(Kind::Html, vec![piece], Join::Glued, out),
            Leaf::None | Leaf::Table { .. } => {
                self.close_leaf(source, out);
                let mut paragraph = Paragraph { goes_on: true, ..Paragraph::default() };
                paragraph.push(piece);
                self.leaf = Leaf::Paragraph(paragraph);
            }
        }
    }

    /// The paragraph becomes a heading. False where it was all definitions.
    pub(super) fn underlined(&mut self, source: &str, level: u8, out: &mut Vec<Block>) -> bool {
        self.take_definitions(source);
        let Leaf::Paragraph(paragraph) = &mut self.leaf else { return false };
        let pieces = std::mem::take(&mut paragraph.pieces);
        self.leaf = Leaf::None;
        self.give(Kind::Heading(level), pieces, Join::Apart, out);
        true
    }

    pub(super) fn heads_table(&self, source: &str, rest: &str) -> bool {
        let Leaf::Paragraph(paragraph) = &self.leaf else { return false };
        let Some(columns) = scan::delimiters(rest) else { return false };
        !paragraph.lazy
            && paragraph.pieces.last().is_some_and(|p| table::cells(p.text(source)).len() == columns)
    }

    /// The paragraph's last line is the head of a table.
    pub(super) fn begin_table(&mut self, source: &str, delimiters: Piece, out: &mut Vec<Block>) {
        let Leaf::Paragraph(paragraph) = &mut self.leaf else { return };
        let Some(head) = paragraph.pieces.pop() else { return };
        self.close_leaf(source, out);
        self.leaf = Leaf::Table { pieces: vec![head, delimiters], beginning: None };
    }

    pub(super) fn close_leaf(&mut self, source: &str, out: &mut Vec<Block>) {
        self.take_definitions(source);
        match std::mem::take(&mut self.leaf) {
            Leaf::Paragraph(p) if p.pieces.is_empty() => {}
            Leaf::Paragraph(p) => {
                let join = if p.goes_on { Join::Glued } else { Join::Apart };
                self.give(Kind::Paragraph, p.pieces, join, out);
            }
            Leaf::Table { pieces, .. } if pieces.is_empty() => {}
            Leaf::Table { pieces, beginning: None } => self.give(Kind::Table, pieces, Join::Apart, out),
            Leaf::Table { pieces, beginning: Some(b) } => {
                self.give(Kind::TableRows(b), pieces, Join::Glued, out);
            }
            Leaf::None | Leaf::Fence { .. } | Leaf::Indented { .. } | Leaf::Html(_) => {}
        }
    }

    /// Takes the definitions off the beginning of the open paragraph.
    pub(super) fn take_definitions(&mut self, source: &str) {
        let Leaf::Paragraph(paragraph) = &mut self.leaf else { return };
        let begins = paragraph.pieces.first().is_some_and(|p| p.text(source).starts_with('['));
        if !begins || paragraph.goes_on {
            return;
        }
        let text = inline::joined(source, &paragraph.pieces);
        let (found, rest) = inline::definitions(&text, self.given);
        if found.is_empty() {
            return;
        }
        let room = DEFINITIONS.saturating_sub(self.definitions.len());
        Arc::make_mut(&mut self.definitions).extend(found.into_iter().take(room));
        let (_, rest) = split(source, &paragraph.pieces, rest);
        *paragraph = Paragraph::default();
        for piece in rest {
            paragraph.push(piece);
        }
        if paragraph.pieces.is_empty() {
            self.leaf = Leaf::None;
        }
    }

    /// Gives out the beginning of a paragraph that is too long to wait for its end.
    pub(super) fn cut(&mut self, source: &str, out: &mut Vec<Block>) {
        if let Leaf::Paragraph(paragraph) = &self.leaf
            && paragraph.len > LIMIT
        {
            self.take_definitions(source);
        }
        while let Leaf::Paragraph(paragraph) = &mut self.leaf
            && paragraph.len > LIMIT
        {
            let text = inline::joined(source, &paragraph.pieces);
            let at = open::cut(&text[..scan::boundary(&text, LIMIT)]);
            let (head, tail) = split(source, &paragraph.pieces, at);
            let join = if paragraph.goes_on { Join::Glued } else { Join::Apart };
            let mut rest = Paragraph { goes_on: true, ..Paragraph::default() };
            for piece in tail {
                rest.push(piece);
            }
            if head.is_empty() || rest.len >= paragraph.len {
                return;
            }
            self.leaf = if rest.pieces.is_empty() { Leaf::None } else { Leaf::Paragraph(rest) };
            self.give(Kind::Paragraph, head, join, out);
        }
    }

    pub(super) fn give_rows(&mut self, out: &mut Vec<Block>) {
        let Leaf::Table { pieces, beginning } = &mut self.leaf else { return };
        match beginning {
            None if pieces.len() >= TABLE_ROWS + 2 => {
                let given = std::mem::take(pieces);
                *beginning = Some(given.clone().into());
                self.give(Kind::Table, given, Join::Apart, out);
            }
            Some(beginning) if pieces.len() >= MORE_ROWS => {
                let kind = Kind::TableRows(beginning.clone());
                let given = std::mem::take(pieces);
                self.give(kind, given, Join::Glued, out);
            }
            None | Some(_) => {}
        }
    }
}

/// Splits the lines of a paragraph at an offset into its joined text.
fn split(source: &str, pieces: &[Piece], at: usize) -> (Vec<Piece>, Vec<Piece>) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut from = 0;
    for &piece in pieces {
        let len = piece.end - piece.start;
        if from + len <= at {
            head.push(piece);
        } else if from >= at {
            tail.push(piece);
        } else {
            let middle = piece.start + (at - from);
            head.push(Piece { end: middle, ..piece });
            let rest = source.get(middle..piece.end).unwrap_or("");
            let start = piece.end - rest.trim_start_matches([' ', '\t']).len();
            if start < piece.end {
                tail.push(Piece { start, ..piece });
            }
        }
        from += len + 1;
    }
    (head, tail)
}
