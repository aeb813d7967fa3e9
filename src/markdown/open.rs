//! Text whose end has not come: what it would be if it were closed here.
//!
//! An opening marker that can still close is closed at the end, so that it is hidden and its text
//! styled; a marker at the very end that is not decided yet is held back; a link shows its text only.
//! One pass over the text tracks code spans, delimiter runs by CommonMark's flanking rules and
//! brackets; a difference to the real parser costs a marker seen for a moment, nothing more. The same
//! pass finds where a long paragraph may be cut.

/// `[` counts as an opened link this far.
const LINK_TEXT: usize = 256;
/// `<` and so many letters may yet begin an address.
const SCHEME: usize = 6;

/// `text` with what is open in it closed.
pub(super) fn complete(text: &str) -> String {
    let scan = Scan::run(text);
    let mut stack = scan.stack;
    let mut shown = text[..scan.keep].trim_end();
    let code = scan.code.filter(|&(at, len)| {
        let empty = shown.len() <= at + len;
        if empty {
            shown = &text[..at];
        }
        !empty
    });
    stack.retain(|o| o.kind != Kind::Bracket || text.len() - o.at < LINK_TEXT);
    if code.is_none() {
        shown = shown.trim_end();
        while let Some(last) = stack.last() {
            if last.end < shown.len() {
                break;
            }
            shown = text[..last.at.min(shown.len())].trim_end();
            if last.kind == Kind::Bracket {
                shown = shown.strip_suffix('!').unwrap_or(shown);
            }
            stack.pop();
        }
    }
    let mut out = shown.to_owned();
    if let Some((_, len)) = code {
        out.extend(std::iter::repeat_n('`', len));
    }
    out.push_str(scan.suffix);
    for opening in stack.iter().rev() {
        match opening.kind {
            Kind::Run(mark) => out.extend(std::iter::repeat_n(char::from(mark), opening.len)),
            Kind::Bracket => out.push_str("]()"),
        }
    }
    out
}

/// Where in `text` a paragraph may be cut: behind a space, at the end of a sentence and outside of
/// everything if possible.
pub(super) fn cut(text: &str) -> usize {
    let scan = Scan::run(text);
    let quarter = text.len() / 4;
    if scan.sentence >= quarter {
        return scan.sentence;
    }
    if scan.space >= quarter {
        return scan.space;
    }
    match text.rfind([' ', '\n']) {
        Some(at) if at >= quarter => at + 1,
        _ => text.len(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Run(u8),
    Bracket,
}

#[derive(Debug)]
struct Opening {
    kind: Kind,
    at: usize,
    /// Behind the marker.
    end: usize,
    /// Markers that are still open.
    len: usize,
}

#[derive(Default)]
struct Scan {
    stack: Vec<Opening>,
    /// What follows is not decided.
    keep: usize,
    /// Where a code span without end begins, and the length of its mark.
    code: Option<(usize, usize)>,
    suffix: &'static str,
    /// Behind the last space, and the last sentence, outside of everything.
    space: usize,
    sentence: usize,
}

impl Scan {
    fn run(text: &str) -> Self {
        let mut scan = Scan { keep: text.len(), ..Scan::default() };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let next = match bytes[at] {
                b'\\' if at + 1 == bytes.len() => scan.hold(at),
                b'\\' if bytes[at + 1].is_ascii_punctuation() => Some(at + 2),
                b'`' => scan.backticks(text, at),
                mark @ (b'*' | b'_' | b'~') => scan.delimiters(text, at, mark),
                b'!' if &bytes[at..] == b"![" => scan.hold(at),
                b'[' if at + 1 == bytes.len() => scan.hold(at),
                b'[' => {
                    scan.stack.push(Opening { kind: Kind::Bracket, at, end: at + 1, len: 1 });
                    Some(at + 1)
                }
                b']' => scan.bracket(text, at),
                b'<' => scan.angle(text, at),
                b'&' if is_entity_so_far(&text[at + 1..]) => scan.hold(at),
                b' ' | b'\n' => {
                    scan.note_space(bytes, at);
                    Some(at + 1)
                }
                _ => Some(at + 1),
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        scan
    }

    fn hold(&mut self, at: usize) -> Option<usize> {
        self.keep = at;
        None
    }

    fn note_space(&mut self, bytes: &[u8], at: usize) {
        if !self.stack.is_empty() {
            return;
        }
        self.space = at + 1;
        if at > 0 && matches!(bytes[at - 1], b'.' | b'!' | b'?' | b':') {
            self.sentence = at + 1;
        }
    }

    fn backticks(&mut self, text: &str, at: usize) -> Option<usize> {
        let len = run(text, at, b'`');
        let end = at + len;
        if end == text.len() {
            return self.hold(at);
        }
        let mut from = end;
        while let Some(found) = text[from..].find('`') {
            let other = run(text, from + found, b'`');
            from += found + other;
            if other == len {
                return Some(from);
            }
        }
        self.code = Some((at, len));
        self.hold(text.trim_end_matches('`').len())
    }

    fn delimiters(&mut self, text: &str, at: usize, mark: u8) -> Option<usize> {
        let len = run(text, at, mark);
        let end = at + len;
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let after = text[end..].chars().next().unwrap_or(' ');
        let left = !after.is_whitespace()
            && (!is_punctuation(after) || before.is_whitespace() || is_punctuation(before));
        let right = !before.is_whitespace()
            && (!is_punctuation(before) || after.is_whitespace() || is_punctuation(after));
        let (opens, closes) = match mark {
            b'_' => (left && (!right || is_punctuation(before)), right && (!left || is_punctuation(after))),
            b'~' => (left && len == 2, right && len <= 2),
            _ => (left, right),
        };
        let mut open = len;
        while closes && open > 0 {
            let Some(index) = self.stack.iter().rposition(|o| o.kind == Kind::Run(mark)) else { break };
            self.stack.truncate(index + 1);
            let Some(opening) = self.stack.last_mut() else { break };
            let used = opening.len.min(open);
            opening.len -= used;
            open -= used;
            if opening.len == 0 {
                self.stack.pop();
            }
        }
        if open == 0 {
            return Some(end);
        }
        if end == text.len() {
            return self.hold(end - open);
        }
        if opens {
            self.stack.push(Opening { kind: Kind::Run(mark), at: end - open, end, len: open });
        }
        Some(end)
    }

    fn bracket(&mut self, text: &str, at: usize) -> Option<usize> {
        let Some(index) = self.stack.iter().rposition(|o| o.kind == Kind::Bracket) else {
            return Some(at + 1);
        };
        match text.as_bytes().get(at + 1) {
            None => self.hold(at),
            Some(b'(') => match destination(&text[at + 2..]) {
                Destination::Ends(len) => {
                    self.stack.truncate(index);
                    Some(at + 2 + len)
                }
                Destination::Open => self.hold(at),
                Destination::None => {
                    self.stack.remove(index);
                    Some(at + 1)
                }
            },
            Some(_) => {
                self.stack.remove(index);
                Some(at + 1)
            }
        }
    }

    fn angle(&mut self, text: &str, at: usize) -> Option<usize> {
        let rest = &text[at + 1..];
        if rest.is_empty() {
            return self.hold(at);
        }
        let end = rest.find(|c: char| c == '>' || c == '<' || c.is_whitespace());
        let inner = &rest[..end.unwrap_or(rest.len())];
        if end.is_none() && inner.len() <= SCHEME && inner.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return self.hold(at);
        }
        let scheme = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
        if scheme < 2 || !inner[scheme..].starts_with(':') {
            return Some(at + 1);
        }
        match end {
            None => {
                self.suffix = ">";
                None
            }
            Some(end) if rest[end..].starts_with('>') => Some(at + end + 2),
            Some(_) => Some(at + 1),
        }
    }
}

enum Destination {
    /// So many bytes, its `)` included.
    Ends(usize),
    /// It may still end.
    Open,
    None,
}

fn destination(rest: &str) -> Destination {
    let (mut depth, mut quote, mut spaced) = (0, None, false);
    let mut bytes = rest.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (_, b'\\') => {
                bytes.next();
            }
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b')') if depth == 0 => return Destination::Ends(at + 1),
            (None, b')') => depth -= 1,
            (None, b'"' | b'\'') if spaced => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b' ' | b'\n') => spaced = at > 0,
            (None, _) if spaced => return Destination::None,
            (None, _) => {}
        }
    }
    Destination::Open
}

fn run(text: &str, at: usize, mark: u8) -> usize {
    text.as_bytes()[at..].iter().take_while(|&&b| b == mark).count()
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || (!c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace())
}

fn is_entity_so_far(rest: &str) -> bool {
    rest.len() <= 8 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_closed() {
        let cases = [
            ("plain", "plain"),
            ("a **bold", "a **bold**"),
            ("a **bold*", "a **bold**"),
            ("a **bold** b", "a **bold** b"),
            ("a *it **both", "a *it **both***"),
            ("a `code", "a `code`"),
            ("a ``co`de", "a ``co`de``"),
            ("a ~~gone", "a ~~gone~~"),
            ("see [the page", "see [the page]()"),
            ("see [the page]", "see [the page]()"),
            ("see [the page](http://ex", "see [the page]()"),
            ("see [the **page", "see [the **page**]()"),
            ("see [a](b) c", "see [a](b) c"),
            ("<https://exa", "<https://exa>"),
            ("snake_case_name", "snake_case_name"),
            ("2 * 3", "2 * 3"),
        ];
        for (text, expected) in cases {
            assert_eq!(complete(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_undecided_is_held_back() {
        for text in ["a *", "a **", "a `", "a ~~", "a [", "a \\", "a <", "a &amp", "a **[", "a ![", "a *`"] {
            assert_eq!(complete(text), "a", "{text}");
        }
    }

    #[test]
    fn a_long_paragraph_is_cut_at_a_sentence_outside_of_everything() {
        assert_eq!(cut("One two. Three *four. Five"), 9);
        assert_eq!(cut("漢字漢字"), 12);
    }
}
