//! The block structure of a text, found line by line: where it is safe to seal.
//!
//! This is the first phase of the CommonMark algorithm, which only ever looks at the next line: a stack
//! of open containers (quotes, list items) and one open leaf. A block is given out when nothing that
//! may follow can change it, and it never changes then. Code comes out line by line, a table in pieces
//! once it has [`TABLE_ROWS`] rows, a paragraph in pieces of at most [`LIMIT`] bytes. What is open
//! between two lines is a clone of the small state here, so a text that is still growing is shown by
//! feeding its unfinished line to a clone.
//!
//! What is done depends on the source alone, never on how it was cut into updates. Inlines are not
//! looked at here (see [`super::inline`]).

use std::ops::Range;
use std::sync::Arc;

use super::inline::{self, Definition};
use super::open;
use super::scan::{self, Cursor, HtmlEnd, ListKind, LoneTag};
use super::table;

/// A line or a paragraph of this many bytes is taken in pieces.
pub(super) const LIMIT: usize = 4096;
/// A table's columns are fitted to its first so many rows.
pub(super) const TABLE_ROWS: usize = 64;
/// Further rows are given out so many at a time.
const MORE_ROWS: usize = 16;
/// Containers within each other; deeper ones are text.
const DEPTH: usize = 32;

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

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a line end, or the text ends for good.
    Closed,
    /// A beginning of [`LIMIT`] bytes of a longer line.
    More,
    /// Not yet: the text may grow here.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Quote,
    Item { content: usize, list: ListKind, number: u64, marker: Marker, first: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Container {
    holder: Holder,
    /// No block was given out within it.
    fresh: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Leaf {
    #[default]
    None,
    Paragraph(Paragraph),
    Fence {
        mark: u8,
        len: usize,
        indent: usize,
    },
    Indented {
        blanks: Vec<Piece>,
    },
    Html(HtmlEnd),
    Table {
        pieces: Vec<Piece>,
        beginning: Option<Arc<[Piece]>>,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Paragraph {
    pieces: Vec<Piece>,
    len: usize,
    /// Its beginning was given out already.
    goes_on: bool,
}

impl Paragraph {
    fn push(&mut self, piece: Piece) {
        self.len += piece.end - piece.start + 1;
        self.pieces.push(piece);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Join {
    Apart,
    Glued,
}

/// What is open after the lines that were fed.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    containers: Vec<Container>,
    leaf: Leaf,
    frames: Arc<[Frame]>,
    given: usize,
    /// The number of the last code block.
    pub codes: usize,
    pub definitions: Arc<Vec<Definition>>,
    /// The last piece fed was not the end of its line.
    within_line: bool,
}

impl Blocks {
    pub fn new(codes: usize) -> Self {
        Self {
            containers: Vec::new(),
            leaf: Leaf::None,
            frames: Arc::from([]),
            given: 0,
            codes,
            definitions: Arc::default(),
            within_line: false,
        }
    }

    /// Takes the line (or piece of one) at `range`.
    pub fn feed(&mut self, source: &str, range: Range<usize>, ending: Ending, out: &mut Vec<Block>) {
        let mut line = source.get(range.clone()).unwrap_or("");
        if ending != Ending::More {
            line = line.strip_suffix('\r').unwrap_or(line);
        }
        let goes_on = std::mem::replace(&mut self.within_line, ending == Ending::More);
        if goes_on {
            let piece = Piece { start: range.start, end: range.start + line.len(), pad: 0 };
            self.go_on(source, piece, out);
        } else {
            self.line(source, Cursor::new(line, range.start), ending, out);
        }
        self.cut(source, out);
    }

    /// Gives out what is open: for good, or as it looks so far.
    pub fn finish(&mut self, source: &str, growth: Growth, out: &mut Vec<Block>) {
        match growth {
            Growth::Closed => self.close(source, 0, out),
            Growth::Open => self.show_open(source, out),
        }
    }

    fn show_open(&mut self, source: &str, out: &mut Vec<Block>) {
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
    fn go_on(&mut self, source: &str, piece: Piece, out: &mut Vec<Block>) {
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

    fn line(&mut self, source: &str, mut cursor: Cursor<'_>, ending: Ending, out: &mut Vec<Block>) {
        let matched = self.matched(&mut cursor);
        let all = matched == self.containers.len();
        if ending == Ending::Open && cursor.blank() {
            return;
        }
        if all && self.continue_raw(cursor, ending, out) {
            return;
        }
        self.begin(source, cursor, (matched, ending), out);
    }

    /// How many containers the line is within; the cursor stands behind their marks.
    fn matched(&self, cursor: &mut Cursor<'_>) -> usize {
        for (index, container) in self.containers.iter().enumerate() {
            match container.holder {
                Holder::Quote => {
                    if cursor.indent() > 3 || !eat_quote(cursor) {
                        return index;
                    }
                }
                Holder::Item { content, .. } => {
                    if cursor.blank() {
                        // An item may begin with one blank line, not with two.
                        if container.fresh && self.leaf == Leaf::None && index + 1 == self.containers.len() {
                            return index;
                        }
                    } else if cursor.indent() >= content {
                        cursor.skip(content);
                    } else {
                        return index;
                    }
                }
            }
        }
        self.containers.len()
    }

    /// A line of an open leaf whose lines are taken as they are. False: it may begin a block.
    fn continue_raw(&mut self, mut cursor: Cursor<'_>, ending: Ending, out: &mut Vec<Block>) -> bool {
        match &mut self.leaf {
            Leaf::Fence { mark, len, indent } => {
                let (mark, len, indent) = (*mark, *len, *indent);
                let mut at = cursor;
                if cursor.indent() <= 3 {
                    at.skip_space();
                    if ending != Ending::More && scan::closes_fence(at.rest(), mark, len) {
                        self.leaf = Leaf::None;
                        return true;
                    }
                    if ending == Ending::Open && scan::closes_fence(at.rest(), mark, 1) {
                        return true;
                    }
                }
                cursor.skip(indent);
                self.give(Kind::CodeLine, vec![cursor.piece()], Join::Glued, out);
                true
            }
            Leaf::Indented { blanks } => {
                if cursor.blank() {
                    cursor.skip(4);
                    blanks.push(cursor.piece());
                    return true;
                }
                if cursor.indent() < 4 {
                    self.leaf = Leaf::None;
                    return false;
                }
                for blank in std::mem::take(blanks) {
                    self.give(Kind::CodeLine, vec![blank], Join::Glued, out);
                }
                cursor.skip(4);
                self.give(Kind::CodeLine, vec![cursor.piece()], Join::Glued, out);
                true
            }
            Leaf::Html(end) => {
                let end = *end;
                if end == HtmlEnd::Blank && cursor.blank() {
                    self.leaf = Leaf::None;
                    return true;
                }
                self.give(Kind::Html, vec![cursor.piece()], Join::Glued, out);
                self.end_html(end, cursor);
                true
            }
            Leaf::None | Leaf::Paragraph(_) | Leaf::Table { .. } => false,
        }
    }

    fn end_html(&mut self, end: HtmlEnd, cursor: Cursor<'_>) {
        if let HtmlEnd::Text(text) = end
            && cursor.rest().to_ascii_lowercase().contains(text)
        {
            self.leaf = Leaf::None;
        }
    }

    /// Containers and blocks that begin on this line, then its text.
    fn begin(
        &mut self,
        source: &str,
        mut cursor: Cursor<'_>,
        (mut matched, ending): (usize, Ending),
        out: &mut Vec<Block>,
    ) {
        // False once a container began here: then no paragraph is open in front of the cursor.
        let mut all = matched == self.containers.len();
        loop {
            let paragraph = matches!(self.leaf, Leaf::Paragraph(_));
            let table = matches!(self.leaf, Leaf::Table { .. });
            let indent = cursor.indent();
            let mut at = cursor;
            at.skip_space();
            let rest = at.rest();
            if cursor.blank() {
                break;
            }
            if indent >= 4 {
                if paragraph || (table && all) {
                    break;
                }
                self.close(source, matched, out);
                cursor.skip(4);
                self.codes += 1;
                let none = Piece { end: cursor.piece().start, ..cursor.piece() };
                self.give(Kind::CodeHead(self.codes), vec![none], Join::Apart, out);
                self.give(Kind::CodeLine, vec![cursor.piece()], Join::Glued, out);
                self.leaf = Leaf::Indented { blanks: Vec::new() };
                return;
            }
            if ending == Ending::Open && self.is_undecided(source, rest, all) {
                return;
            }
            if rest.starts_with('>') && self.containers.len() < DEPTH {
                self.close(source, matched, out);
                eat_quote(&mut cursor);
                self.push(Holder::Quote);
                matched += 1;
                all = false;
                continue;
            }
            if let Some((level, text)) = scan::heading(rest) {
                self.close(source, matched, out);
                let start = at.piece().start;
                let piece = Piece { start: start + text.start, end: start + text.end, pad: 0 };
                self.give(Kind::Heading(level), vec![piece], Join::Apart, out);
                return;
            }
            if let Some((mark, len)) = scan::fence(rest) {
                self.close(source, matched, out);
                at.eat(len);
                at.skip_space();
                let info = at.rest();
                let language = info.split([' ', '\t', ',', '{']).next().map_or(0, str::len);
                let piece = Piece { end: at.piece().start + language, ..at.piece() };
                self.codes += 1;
                self.give(Kind::CodeHead(self.codes), vec![piece], Join::Apart, out);
                self.leaf = Leaf::Fence { mark, len, indent };
                return;
            }
            let lone = if paragraph { LoneTag::Ignored } else { LoneTag::Counts };
            if let Some(end) = scan::html(rest, lone) {
                self.close(source, matched, out);
                self.give(Kind::Html, vec![cursor.piece()], Join::Apart, out);
                self.leaf = Leaf::Html(end);
                self.end_html(end, cursor);
                return;
            }
            if paragraph && all {
                if let Some(level) = scan::underline(rest)
                    && self.underlined(source, level, out)
                {
                    return;
                }
                if self.heads_table(source, rest) {
                    self.begin_table(source, at.piece(), out);
                    return;
                }
            }
            if scan::is_rule(rest) {
                self.close(source, matched, out);
                self.give(Kind::Rule, vec![at.piece()], Join::Apart, out);
                return;
            }
            match self.item(at, (matched, indent), paragraph && all) {
                Some((holder, behind)) => {
                    self.close(source, matched, out);
                    self.push(holder);
                    cursor = behind;
                    matched += 1;
                    all = false;
                }
                None => break,
            }
        }
        self.text(source, cursor, matched, out);
    }

    fn is_undecided(&self, source: &str, rest: &str, all: bool) -> bool {
        if scan::undecided(rest) {
            return !rest.starts_with('[') || self.in_fresh_item();
        }
        match &self.leaf {
            Leaf::Paragraph(paragraph) if all => {
                let head = paragraph.pieces.last().map_or("", |p| p.text(source));
                head.contains('|') && scan::may_delimit(rest)
            }
            _ => false,
        }
    }

    fn in_fresh_item(&self) -> bool {
        matches!(self.containers.last(), Some(Container { holder: Holder::Item { .. }, fresh: true }))
            && self.leaf == Leaf::None
    }

    /// The item that begins at `at`, if one does, and the cursor behind its marker.
    fn item<'a>(
        &self,
        at: Cursor<'a>,
        (matched, indent): (usize, usize),
        interrupts: bool,
    ) -> Option<(Holder, Cursor<'a>)> {
        let (len, list, start) = scan::list_marker(at.rest())?;
        let mut behind = at;
        behind.eat(len);
        if self.containers.len() >= DEPTH
            || (interrupts && (behind.blank() || !(matches!(list, ListKind::Bullet(_)) || start == 1)))
        {
            return None;
        }
        let space = behind.indent();
        let content = match space {
            1..=4 if !behind.blank() => {
                behind.skip(space);
                indent + len + space
            }
            _ => {
                behind.skip(1);
                indent + len + 1
            }
        };
        let sibling = match self.containers.get(matched).map(|c| c.holder) {
            Some(Holder::Item { list: other, number, .. }) if other == list => Some(number),
            _ => None,
        };
        let number = sibling.map_or(start, |n| n.saturating_add(1));
        let depth = self.containers.iter().take(matched);
        let depth =
            depth.filter(|c| matches!(c.holder, Holder::Item { list: ListKind::Bullet(_), .. })).count();
        let marker = match list {
            ListKind::Bullet(_) => Marker::Bullet(depth),
            ListKind::Ordered(_) => Marker::Number(number),
        };
        Some((Holder::Item { content, list, number, marker, first: sibling.is_none() }, behind))
    }

    /// The paragraph becomes a heading. False where it was all definitions.
    fn underlined(&mut self, source: &str, level: u8, out: &mut Vec<Block>) -> bool {
        self.take_definitions(source);
        let Leaf::Paragraph(paragraph) = &mut self.leaf else { return false };
        let pieces = std::mem::take(&mut paragraph.pieces);
        self.leaf = Leaf::None;
        self.give(Kind::Heading(level), pieces, Join::Apart, out);
        true
    }

    fn heads_table(&self, source: &str, rest: &str) -> bool {
        let Leaf::Paragraph(paragraph) = &self.leaf else { return false };
        let Some(columns) = scan::delimiters(rest) else { return false };
        paragraph.pieces.last().is_some_and(|p| table::cells(p.text(source)).len() == columns)
    }

    /// The paragraph's last line is the head of a table.
    fn begin_table(&mut self, source: &str, delimiters: Piece, out: &mut Vec<Block>) {
        let Leaf::Paragraph(paragraph) = &mut self.leaf else { return };
        let Some(head) = paragraph.pieces.pop() else { return };
        self.close_leaf(source, out);
        self.leaf = Leaf::Table { pieces: vec![head, delimiters], beginning: None };
    }

    /// The rest of a line that begins no block.
    fn text(&mut self, source: &str, mut cursor: Cursor<'_>, matched: usize, out: &mut Vec<Block>) {
        if cursor.blank() {
            return self.close(source, matched, out);
        }
        let lazy = matched < self.containers.len() && matches!(self.leaf, Leaf::Paragraph(_));
        if !lazy {
            self.close_unmatched(source, matched, out);
        }
        if self.in_fresh_item() {
            self.take_task(&mut cursor);
        }
        cursor.skip_space();
        let piece = cursor.piece();
        match &mut self.leaf {
            Leaf::Paragraph(paragraph) => paragraph.push(piece),
            Leaf::Table { pieces, .. } => {
                pieces.push(piece);
                self.give_rows(out);
            }
            Leaf::None | Leaf::Fence { .. } | Leaf::Indented { .. } | Leaf::Html(_) => {
                let mut paragraph = Paragraph::default();
                paragraph.push(piece);
                self.leaf = Leaf::Paragraph(paragraph);
            }
        }
    }

    fn take_task(&mut self, cursor: &mut Cursor<'_>) {
        let mut at = *cursor;
        at.skip_space();
        let done = match at.rest().as_bytes() {
            [b'[', b' ', b']', b' ' | b'\t', ..] => Marker::ToDo,
            [b'[', b'x' | b'X', b']', b' ' | b'\t', ..] => Marker::Done,
            _ => return,
        };
        if let Some(Container { holder: Holder::Item { marker, .. }, .. }) = self.containers.last_mut() {
            *marker = done;
            at.eat(3);
            *cursor = at;
            self.reframe();
        }
    }

    fn push(&mut self, holder: Holder) {
        self.containers.push(Container { holder, fresh: true });
        self.reframe();
    }

    fn reframe(&mut self) {
        let frame = |c: &Container| match c.holder {
            Holder::Quote => Frame::Quote,
            Holder::Item { marker, .. } => Frame::Item(marker),
        };
        self.frames = self.containers.iter().map(frame).collect();
    }

    /// Ends the leaf and the containers from `matched` on: something else begins.
    fn close(&mut self, source: &str, matched: usize, out: &mut Vec<Block>) {
        self.close_leaf(source, out);
        self.close_unmatched(source, matched, out);
    }

    fn close_unmatched(&mut self, source: &str, matched: usize, out: &mut Vec<Block>) {
        if matched >= self.containers.len() {
            return;
        }
        self.close_leaf(source, out);
        while self.containers.len() > matched {
            if let Some(Container { holder: Holder::Item { .. }, fresh: true }) = self.containers.last() {
                self.give(Kind::Empty, Vec::new(), Join::Apart, out);
            }
            self.containers.pop();
            self.reframe();
        }
    }

    fn close_leaf(&mut self, source: &str, out: &mut Vec<Block>) {
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
    fn take_definitions(&mut self, source: &str) {
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
        Arc::make_mut(&mut self.definitions).extend(found);
        let (_, rest) = split(source, &paragraph.pieces, rest);
        paragraph.pieces = rest;
        if paragraph.pieces.is_empty() {
            self.leaf = Leaf::None;
        }
    }

    /// Gives out the beginning of a paragraph that is too long to wait for its end.
    fn cut(&mut self, source: &str, out: &mut Vec<Block>) {
        while let Leaf::Paragraph(paragraph) = &mut self.leaf
            && paragraph.len > LIMIT
        {
            let text = inline::joined(source, &paragraph.pieces);
            let at = open::cut(&text[..text.floor_char_boundary(LIMIT)]);
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

    fn give_rows(&mut self, out: &mut Vec<Block>) {
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

    fn give(&mut self, kind: Kind, pieces: Vec<Piece>, join: Join, out: &mut Vec<Block>) {
        let depth = self.containers.len();
        let fresh = self.containers.iter().rev().take_while(|c| c.fresh).count();
        let gap = self.given > 0 && join == Join::Apart && self.stands_apart(depth - fresh);
        for container in &mut self.containers {
            container.fresh = false;
        }
        self.given += 1;
        let frames = self.frames.clone();
        out.push(Block { kind, frames, fresh, gap, growth: Growth::Closed, pieces: pieces.into() });
    }

    /// Whether a blank row stands before a block with which the container at `outer` begins. Tight and
    /// loose lists are laid out alike, so that no later line moves an earlier one.
    fn stands_apart(&self, outer: usize) -> bool {
        let Some(Container { holder: Holder::Item { first, .. }, .. }) = self.containers.get(outer) else {
            return true;
        };
        let within = outer.checked_sub(1).map(|parent| self.containers[parent].holder);
        *first && !matches!(within, Some(Holder::Item { .. }))
    }
}

fn eat_quote(cursor: &mut Cursor<'_>) -> bool {
    let mut at = *cursor;
    at.skip_space();
    if !at.rest().starts_with('>') {
        return false;
    }
    at.eat(1);
    at.skip(1);
    *cursor = at;
    true
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
