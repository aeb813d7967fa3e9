//! What the block structure consists of: blocks, the containers around them, their places in the source.

use std::sync::Arc;

/// A range of the source within one line, after `pad` spaces that were part of a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub start: usize,
    pub end: usize,
    pub pad: u8,
}

impl Piece {
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start..self.end).unwrap_or("")
    }
}

/// How an item is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// With its depth among bullets, from 0.
    Bullet(usize),
    Number(u64),
    Done,
    ToDo,
}

/// A container around a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Quote,
    Item(Marker),
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Heading(u8),
    /// The label over a code block; its text is the language.
    CodeHead(usize),
    CodeLine,
    Html,
    Rule,
    /// Header, delimiters and rows.
    Table,
    /// Further rows of the table whose beginning this is.
    TableRows(Arc<[Piece]>),
    /// An item without content.
    Empty,
}

/// Whether a block may still grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    Closed,
    Open,
}

/// A block's lines; most have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pieces {
    One([Piece; 1]),
    Many(Box<[Piece]>),
}

impl From<Vec<Piece>> for Pieces {
    fn from(pieces: Vec<Piece>) -> Self {
        match pieces[..] {
            [piece] => Pieces::One([piece]),
            _ => Pieces::Many(pieces.into()),
        }
    }
}

impl std::ops::Deref for Pieces {
    type Target = [Piece];

    fn deref(&self) -> &[Piece] {
        match self {
            Pieces::One(piece) => piece,
            Pieces::Many(pieces) => pieces,
        }
    }
}

/// One block, as far as it can be laid out on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub kind: Kind,
    /// The containers around it, from the outside.
    pub frames: Arc<[Frame]>,
    /// How many of them, from the inside, begin with it.
    pub fresh: usize,
    /// Whether a blank row stands before it.
    pub gap: bool,
    pub growth: Growth,
    pub pieces: Pieces,
}
