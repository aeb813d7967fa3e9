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

mod leaf;

use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Frame, Growth, Kind, Marker, Piece};
use super::inline::Definition;
use super::scan::{self, Cursor, HtmlEnd, ListKind, LoneTag};

/// A line or a paragraph of this many bytes is taken in pieces.
pub(super) const LIMIT: usize = 4096;
/// A table's columns are fitted to its first so many rows.
pub(super) const TABLE_ROWS: usize = 64;
/// Further rows are given out so many at a time.
const MORE_ROWS: usize = 16;
/// Containers within each other; deeper ones are text.
const DEPTH: usize = 32;

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
    /// Its last line lacks marks of the containers around it.
    lazy: bool,
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
                if let (Ending::Open, Some(block)) = (ending, out.last_mut()) {
                    block.growth = Growth::Open;
                }
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
            if paragraph
                && all
                && let Some(level) = scan::underline(rest)
                && self.underlined(source, level, out)
            {
                return;
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
                None if paragraph && all && self.heads_table(source, rest) => {
                    self.begin_table(source, at.piece(), out);
                    return;
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
            Leaf::Paragraph(paragraph) => {
                paragraph.push(piece);
                paragraph.lazy = lazy;
            }
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
