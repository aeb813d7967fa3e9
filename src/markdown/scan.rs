//! Looking at one line: how far it is indented and what kind of block it would begin.

use super::block::Piece;

/// A place within a line. Columns count tab stops of four; a tab may be consumed in part.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    base: usize,
    at: usize,
    column: usize,
    /// Columns left of a tab that is partly consumed.
    spare: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(line: &'a str, base: usize) -> Self {
        Self { line, base, at: 0, column: 0, spare: 0 }
    }

    pub fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or("")
    }

    /// What is left, as a piece of the source.
    pub fn piece(&self) -> Piece {
        Piece { start: self.base + self.at, end: self.base + self.line.len(), pad: self.spare as u8 }
    }

    pub fn blank(&self) -> bool {
        self.rest().bytes().all(|b| b == b' ' || b == b'\t')
    }

    /// Columns of white space ahead.
    pub fn indent(&self) -> usize {
        let mut column = self.column + self.spare;
        for byte in self.rest().bytes() {
            match byte {
                b' ' => column += 1,
                b'\t' => column += 4 - column % 4,
                _ => break,
            }
        }
        column - self.column
    }

    /// Goes over up to `columns` of white space.
    pub fn skip(&mut self, columns: usize) {
        for _ in 0..columns {
            if self.spare > 0 {
                self.spare -= 1;
            } else {
                match self.rest().bytes().next() {
                    Some(b' ') => self.at += 1,
                    Some(b'\t') => {
                        self.spare = 3 - self.column % 4;
                        self.at += 1;
                    }
                    _ => return,
                }
            }
            self.column += 1;
        }
    }

    pub fn skip_space(&mut self) {
        self.skip(self.indent());
    }

    /// Goes over `bytes` of what is no white space and ASCII.
    pub fn eat(&mut self, bytes: usize) {
        self.at += bytes;
        self.column += bytes;
    }
}

/// What numbers or marks a list. Items of one kind that follow each other are one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    Bullet(u8),
    Ordered(u8),
}

/// The length of the list marker that `rest` begins with, its kind and number.
pub(super) fn list_marker(rest: &str) -> Option<(usize, ListKind, u64)> {
    let bytes = rest.as_bytes();
    let (len, kind, number) = match *bytes.first()? {
        b @ (b'-' | b'+' | b'*') => (1, ListKind::Bullet(b), 0),
        b'0'..=b'9' => {
            let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            let mark = *bytes.get(digits)?;
            if digits > 9 || !matches!(mark, b'.' | b')') {
                return None;
            }
            (digits + 1, ListKind::Ordered(mark), rest[..digits].parse().ok()?)
        }
        _ => return None,
    };
    matches!(bytes.get(len), None | Some(b' ' | b'\t')).then_some((len, kind, number))
}

/// `***`, `---` or `___`, with or without spaces between.
pub(super) fn is_rule(rest: &str) -> bool {
    let mut marks = rest.bytes().filter(|b| !matches!(b, b' ' | b'\t'));
    let Some(first @ (b'-' | b'*' | b'_')) = marks.next() else { return false };
    let mut count = 1;
    for byte in marks {
        if byte != first {
            return false;
        }
        count += 1;
    }
    count >= 3
}

/// The level of the heading whose underline `rest` would be.
pub(super) fn underline(rest: &str) -> Option<u8> {
    let rest = rest.trim_end();
    let first = rest.bytes().next()?;
    let level = match first {
        b'=' => 1,
        b'-' => 2,
        _ => return None,
    };
    rest.bytes().all(|b| b == first).then_some(level)
}

/// The level of the `#` heading in `rest`, and where in `rest` its text is.
pub(super) fn heading(rest: &str) -> Option<(u8, std::ops::Range<usize>)> {
    let level = rest.bytes().take_while(|&b| b == b'#').count();
    if !(1..=6).contains(&level) || !matches!(rest.as_bytes().get(level), None | Some(b' ' | b'\t')) {
        return None;
    }
    let text = rest[level..].trim_end();
    let bare = text.trim_end_matches('#');
    let text = if bare.is_empty() || bare.ends_with([' ', '\t']) { bare.trim_end() } else { text };
    let start = level + (text.len() - text.trim_start().len());
    Some((level as u8, start..level + text.len().max(start - level)))
}

/// The mark and length of the fence that `rest` opens. What follows it is the info string.
pub(super) fn fence(rest: &str) -> Option<(u8, usize)> {
    let mark = *rest.as_bytes().first()?;
    if !matches!(mark, b'`' | b'~') {
        return None;
    }
    let len = rest.bytes().take_while(|&b| b == mark).count();
    (len >= 3 && !(mark == b'`' && rest[len..].contains('`'))).then_some((mark, len))
}

/// Whether `rest` closes a fence of `len` `mark`s.
pub(super) fn closes_fence(rest: &str, mark: u8, len: usize) -> bool {
    let rest = rest.trim_end_matches([' ', '\t']);
    rest.len() >= len && rest.bytes().all(|b| b == mark)
}

/// The number of columns of the table delimiter row that `rest` is.
pub(super) fn delimiters(rest: &str) -> Option<usize> {
    if !rest.contains('|') || !rest.contains('-') {
        return None;
    }
    let inner = rest.trim();
    let inner = inner.strip_prefix('|').unwrap_or(inner);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    let mut columns = 0;
    for cell in inner.split('|') {
        let cell = cell.trim();
        let cell = cell.strip_prefix(':').unwrap_or(cell);
        let cell = cell.strip_suffix(':').unwrap_or(cell);
        if cell.is_empty() || cell.bytes().any(|b| b != b'-') {
            return None;
        }
        columns += 1;
    }
    Some(columns)
}

/// What ends an HTML block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HtmlEnd {
    /// The line that holds this (in lower case) is the last.
    Text(&'static str),
    /// A blank line, which is no part of it.
    Blank,
}

const BLOCK_TAGS: &str = " address article aside base basefont blockquote body caption center col colgroup dd \
    details dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head \
    header hr html iframe legend li link main menu menuitem nav noframes ol optgroup option p param search \
    section summary table tbody td tfoot th thead title tr track ul ";

/// What would end the HTML block that `rest` begins. `lone` says whether a line of one tag counts:
/// within a paragraph it does not.
pub(super) fn html(rest: &str, lone: LoneTag) -> Option<HtmlEnd> {
    let after = rest.strip_prefix('<')?;
    if after.starts_with("!--") {
        return Some(HtmlEnd::Text("-->"));
    }
    if after.starts_with('?') {
        return Some(HtmlEnd::Text("?>"));
    }
    if after.starts_with("![CDATA[") {
        return Some(HtmlEnd::Text("]]>"));
    }
    if after.starts_with('!') && after[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some(HtmlEnd::Text(">"));
    }
    let (closing, after) = match after.strip_prefix('/') {
        Some(after) => (true, after),
        None => (false, after),
    };
    let name_len = after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
    if !after.starts_with(|c: char| c.is_ascii_alphabetic()) || name_len > 64 {
        return None;
    }
    let name = after[..name_len].to_ascii_lowercase();
    let attributes = &after[name_len..];
    let ends = attributes.is_empty() || attributes.starts_with([' ', '\t', '>']);
    let raw = match name.as_str() {
        "script" => Some("</script>"),
        "pre" => Some("</pre>"),
        "style" => Some("</style>"),
        "textarea" => Some("</textarea>"),
        _ => None,
    };
    if let (false, true, Some(end)) = (closing, ends, raw) {
        return Some(HtmlEnd::Text(end));
    }
    if (ends || attributes.starts_with("/>")) && BLOCK_TAGS.contains(&format!(" {name} ")) {
        return Some(HtmlEnd::Blank);
    }
    match lone {
        LoneTag::Counts => is_lone_tag(attributes).then_some(HtmlEnd::Blank),
        LoneTag::Ignored => None,
    }
}

/// Whether a line that is one tag begins a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LoneTag {
    Counts,
    Ignored,
}

/// Whether the attributes of a tag, its end and nothing more follow.
fn is_lone_tag(attributes: &str) -> bool {
    if !attributes.starts_with([' ', '\t', '/', '>']) {
        return false;
    }
    let mut quote = None;
    for (at, byte) in attributes.bytes().enumerate() {
        match (quote, byte) {
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'<') => return false,
            (None, b'>') => return attributes[at + 1..].trim().is_empty(),
            (None, _) => {}
        }
    }
    false
}

/// Whether `rest`, whose line has not ended, may yet become a marker: then it is not shown.
pub(super) fn undecided(rest: &str) -> bool {
    let rest = rest.trim_end();
    let Some(first) = rest.bytes().next() else { return true };
    match first {
        b'#' => rest.len() <= 6 && rest.bytes().all(|b| b == b'#'),
        b'-' | b'*' | b'_' => rest.bytes().all(|b| b == first || b == b' '),
        b'+' | b'<' | b'|' => rest.len() == 1,
        b'`' | b'~' | b'=' => rest.bytes().all(|b| b == first),
        b'0'..=b'9' => {
            let rest = rest.strip_suffix(['.', ')']).unwrap_or(rest);
            rest.len() <= 9 && rest.bytes().all(|b| b.is_ascii_digit())
        }
        b'[' => matches!(rest, "[" | "[x" | "[X" | "[x]" | "[X]" | "[ ]"),
        _ => false,
    }
}

/// Whether `rest`, whose line has not ended, may yet become a table's delimiter row.
pub(super) fn may_delimit(rest: &str) -> bool {
    rest.bytes().all(|b| matches!(b, b'|' | b'-' | b':' | b' ' | b'\t'))
}

/// The last character boundary of `text` up to `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
