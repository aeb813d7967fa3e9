//! Making text from outside safe to put on the screen.
//!
//! Servers, files and pastes may hold anything: escape sequences, controls that reorder a row, marks
//! that pile up without end. What passes [`clean`] or [`clean_multiline`] holds none of it: controls
//! are shown as symbols, what is invisible and meaningless is dropped. Ordinary text is borrowed.
//! Tabs become spaces up to the next stop of four columns, counted from the start of the line given.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Columns from one tab stop to the next.
pub const TAB: usize = 4;

/// Zero-width marks one character may carry: more than any script needs, few enough for one cell.
const MARKS: usize = 16;

/// `text` as one row may show it: line ends become spaces.
pub fn clean(text: &str) -> Cow<'_, str> {
    run(text, LineEnds::Flatten, &mut Before::default())
}

/// `text` as several rows may show it: every kind of line end becomes `\n`.
pub fn clean_multiline(text: &str) -> Cow<'_, str> {
    Cleaner::default().more(text)
}

/// [`clean_multiline`] for a text that comes in pieces: tab stops, line ends, joined emoji and marks are
/// judged by what came before.
#[derive(Debug, Default)]
pub struct Cleaner(Before);

impl Cleaner {
    /// The next piece.
    pub fn more<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        run(text, LineEnds::Keep, &mut self.0)
    }
}

#[derive(Clone, Copy)]
enum LineEnds {
    Keep,
    Flatten,
}

impl LineEnds {
    fn char(self) -> char {
        match self {
            LineEnds::Keep => '\n',
            LineEnds::Flatten => ' ',
        }
    }
}

enum Verdict {
    Keep,
    Put(char),
    Spaces(usize),
    Drop,
}

/// What came before the character that is judged.
#[derive(Debug, Default)]
struct Before {
    /// The last character that was kept.
    last: Option<char>,
    /// Zero-width characters kept in a row.
    marks: usize,
    /// Within a flag made of tag characters.
    flag: bool,
    /// It was a `\r` that was put as a line end: a `\n` after it belongs to it.
    returned: bool,
    column: usize,
}

fn run<'a>(text: &'a str, ends: LineEnds, before: &mut Before) -> Cow<'a, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        if let Some(last) = text.chars().next_back() {
            let column = before.column + text.len();
            *before = Before { last: Some(last), column, ..Before::default() };
        }
        return Cow::Borrowed(text);
    }
    let mut out: Option<String> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, c)| c);
        let verdict = judge(c, next, before, ends);
        if let Verdict::Keep = verdict {
            if let Some(out) = &mut out {
                out.push(c);
            }
            continue;
        }
        let out = out.get_or_insert_with(|| text[..at].to_owned());
        match verdict {
            Verdict::Keep | Verdict::Drop => {}
            Verdict::Put(c) => out.push(c),
            Verdict::Spaces(n) => out.extend(std::iter::repeat_n(' ', n)),
        }
    }
    out.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn judge(c: char, next: Option<char>, before: &mut Before, ends: LineEnds) -> Verdict {
    let verdict = match c {
        '\t' => Verdict::Spaces(TAB - before.column % TAB),
        '\n' => match ends {
            LineEnds::Keep if before.returned => Verdict::Drop,
            LineEnds::Keep => Verdict::Keep,
            LineEnds::Flatten => Verdict::Put(' '),
        },
        '\r' => match ends {
            LineEnds::Keep => Verdict::Put('\n'),
            LineEnds::Flatten if next == Some('\n') => Verdict::Drop,
            LineEnds::Flatten => Verdict::Put('␍'),
        },
        '\0'..='\u{1f}' => Verdict::Put(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => Verdict::Put('␡'),
        '\u{80}'..='\u{9f}' => Verdict::Put('\u{fffd}'),
        // They reorder what stands beside them, the frame included.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Verdict::Put('\u{fffd}'),
        '\u{fff9}'..='\u{fffb}' => Verdict::Put('\u{fffd}'),
        '\u{2028}' | '\u{2029}' => Verdict::Put(ends.char()),
        // Invisible, and terminals disagree on their width.
        '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}' => Verdict::Drop,
        // Joiners act in emoji sequences and in scripts beyond ASCII.
        '\u{200c}' | '\u{200d}' if before.last.is_none_or(|l| l.is_ascii()) => Verdict::Drop,
        '\u{e0020}'..='\u{e007f}' if before.flag && before.marks < MARKS => Verdict::Keep,
        '\u{e0000}'..='\u{e007f}' => Verdict::Drop,
        _ if before.marks >= MARKS && width(c) == 0 => Verdict::Drop,
        _ => Verdict::Keep,
    };
    note(c, &verdict, before);
    before.returned = c == '\r' && matches!(verdict, Verdict::Put('\n'));
    verdict
}

fn note(c: char, verdict: &Verdict, before: &mut Before) {
    let shown = match verdict {
        Verdict::Keep => c,
        Verdict::Put(c) => *c,
        Verdict::Spaces(n) => {
            before.column += n;
            before.last = Some(' ');
            before.marks = 0;
            return;
        }
        Verdict::Drop => return,
    };
    if shown == '\n' {
        *before = Before::default();
        return;
    }
    let width = width(shown);
    before.column += width;
    before.marks = if width == 0 { before.marks + 1 } else { 0 };
    before.flag = shown == '\u{1f3f4}' || (before.flag && ('\u{e0020}'..='\u{e007e}').contains(&shown));
    before.last = Some(shown);
}

fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_is_borrowed() {
        for text in ["", "plain ASCII", "naïve café 漢字", "👩‍👩‍👧 🇩🇪 ❤️", "نص عربي"]
        {
            assert!(matches!(clean(text), Cow::Borrowed(_)), "{text}");
        }
        assert!(matches!(clean_multiline("a\nb"), Cow::Borrowed(_)));
    }

    #[test]
    fn escape_sequences_are_shown_and_do_nothing() {
        assert_eq!(clean("\x1b[31mred\x07\x7f\u{9b}2J"), "␛[31mred␇␡\u{fffd}2J");
    }

    #[test]
    fn line_ends_of_all_kinds() {
        assert_eq!(clean("a\r\nb\nc\u{2028}d\re"), "a b c d␍e");
        assert_eq!(clean_multiline("a\r\nb\nc\u{2029}d\re"), "a\nb\nc\nd\ne");
    }

    #[test]
    fn pieces_are_cleaned_as_the_whole_is() {
        let pieces = ["ab", "\tc\r", "\n\n👩", "\u{200d}", "👧 e", "\u{301}", "\r", "x"];
        let mut cleaner = Cleaner::default();
        let cleaned: String = pieces.iter().map(|piece| cleaner.more(piece).into_owned()).collect();
        assert_eq!(cleaned, "ab  c\n\n👩\u{200d}👧 e\u{301}\nx");
        let mut cleaner = Cleaner::default();
        let marks: usize = (0..500).map(|_| cleaner.more("\u{301}").chars().count()).sum();
        assert_eq!(marks, MARKS);
    }

    #[test]
    fn tabs_reach_the_next_stop() {
        assert_eq!(clean("\ta\tbcd\te漢\tx"), "    a   bcd e漢 x");
        assert_eq!(clean_multiline("ab\n\tc"), "ab\n    c");
    }

    #[test]
    fn what_reorders_or_hides_is_neutralised() {
        assert_eq!(clean("a\u{202e}b\u{2066}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(clean("\u{feff}a\u{200b}b\u{200d}c\u{e0041}"), "abc");
    }

    #[test]
    fn flags_of_tags_are_kept_and_marks_are_bounded() {
        let scotland = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        assert_eq!(clean(scotland), scotland);
        let zalgo = format!("a{}", "\u{301}".repeat(500));
        assert_eq!(clean(&zalgo).chars().count(), 1 + MARKS);
    }

    proptest! {
        #[test]
        fn cleaning_leaves_no_control_and_is_idempotent(text in any::<String>()) {
            let once = clean(&text).into_owned();
            prop_assert!(!once.contains(char::is_control));
            prop_assert_eq!(clean(&once), once.as_str());
            prop_assert!(!clean_multiline(&text).contains(|c: char| c.is_control() && c != '\n'));
        }
    }
}
