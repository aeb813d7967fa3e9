//! How wide text is in the terminal, cutting it and wrapping it.
//!
//! The unit is the grapheme cluster, measured as ratatui measures a cell, so that a row laid out here
//! fills exactly the cells it was counted for. ASCII takes a short way. Text is expected clean
//! ([`crate::base::sanitize`]); `\n` within a span breaks its row. Hyphenation and the finer rules of
//! line breaking are left out: rows break at spaces, between wide characters, and inside a word only
//! where it is wider than the row.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::tone::{Line, Span};

/// The columns that one grapheme cluster fills.
pub fn cell(grapheme: &str) -> usize {
    if grapheme.len() == 1 {
        return 1;
    }
    // ratatui gives the halfwidth sound marks a column of their own.
    let marks = grapheme.chars().filter(|c| matches!(c, '\u{ff9e}' | '\u{ff9f}')).count();
    grapheme.width() + marks
}

/// The columns that `text` fills.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(cell).sum()
}

/// A size in bytes as people read it: `812 B`, `3.1 KB`, `82 KB`, `5.2 MB`.
pub fn bytes(count: usize) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..10_000 => format!("{:.1} KB", count as f64 / 1e3),
        10_000..1_000_000 => format!("{} KB", count / 1_000),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// The columns that a row fills.
pub fn line_width(line: &Line) -> usize {
    line.spans.iter().map(|s| width(&s.text)).sum()
}

/// The longest beginning of `text` that fills at most `columns`, and the rest.
pub fn split_at(text: &str, columns: usize) -> (&str, &str) {
    if text.is_ascii() {
        return text.split_at(columns.min(text.len()));
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += cell(grapheme);
        if used > columns {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// `text`, or its beginning and `…`, in at most `columns`.
pub fn truncate(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    Cow::Owned(format!("{}…", split_at(text, columns - 1).0))
}

/// Wraps `spans` into rows of at most `width` columns, at least one. The first row, and each after a
/// `\n`, begins with `first_indent` spaces, those that go on from one with `indent`; a row keeps at
/// least one column for text.
pub fn wrap(spans: &[Span], first_indent: u16, indent: u16, width: u16) -> Vec<Line> {
    if width == 0 {
        return vec![Line::default()];
    }
    let width = usize::from(width);
    let mut wrapper = Wrapper {
        spans,
        width,
        first_indent: usize::from(first_indent).min(width - 1),
        indent: usize::from(indent).min(width - 1),
        rows: Vec::new(),
        row: Line::default(),
        last: None,
        column: 0,
        start: 0,
        word: Run::default(),
        space: Run::default(),
        before: Class::Narrow,
    };
    wrapper.begin(wrapper.first_indent);
    for (index, span) in spans.iter().enumerate() {
        wrapper.add(index, &span.text);
    }
    wrapper.flush();
    wrapper.rows.push(wrapper.row);
    wrapper.rows
}

/// Pieces of spans that stay together.
#[derive(Default)]
struct Run<'a> {
    pieces: Vec<(usize, &'a str)>,
    width: usize,
}

impl<'a> Run<'a> {
    fn push(&mut self, index: usize, text: &'a str, width: usize) {
        self.pieces.push((index, text));
        self.width += width;
    }

    fn clear(&mut self) {
        self.pieces.clear();
        self.width = 0;
    }
}

/// What decides whether a row may break between two characters without a space.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Narrow,
    /// Never begins a row.
    Closing,
    Wide,
    /// Wide, and never ends a row.
    Opening,
}

impl Class {
    fn of(text: &str, width: usize) -> Self {
        let Some(c) = text.chars().next() else { return Class::Narrow };
        match c {
            ',' | '.' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '%' | '"' | '\'' => Class::Closing,
            '、' | '。' | '，' | '．' | '：' | '；' | '！' | '？' | '）' | '」' | '』' | '】' | '〉'
            | '》' | '〕' | 'ー' | '々' | '…' | '”' | '’' => Class::Closing,
            '（' | '「' | '『' | '【' | '〈' | '《' | '〔' => Class::Opening,
            _ if width >= 2 => Class::Wide,
            _ => Class::Narrow,
        }
    }

    fn breaks_before(self, next: Class) -> bool {
        match (self, next) {
            (_, Class::Closing) | (Class::Opening, _) | (Class::Narrow, Class::Narrow) => false,
            (Class::Closing, Class::Narrow) => false,
            (Class::Wide, _) | (_, Class::Wide | Class::Opening) => true,
        }
    }
}

struct Wrapper<'a> {
    spans: &'a [Span],
    width: usize,
    first_indent: usize,
    indent: usize,
    rows: Vec<Line>,
    row: Line,
    /// The span that the row's last piece came from. Pieces of different spans are never merged:
    /// that could make another cluster of them, of another width.
    last: Option<usize>,
    column: usize,
    /// The column at which the row's text begins.
    start: usize,
    word: Run<'a>,
    space: Run<'a>,
    before: Class,
}

impl<'a> Wrapper<'a> {
    fn add(&mut self, index: usize, text: &'a str) {
        if text.is_ascii() {
            return self.add_ascii(index, text);
        }
        for grapheme in text.graphemes(true) {
            match grapheme {
                " " => self.add_space(index, grapheme),
                "\n" => self.hard_break(),
                _ => self.add_word(index, grapheme, cell(grapheme)),
            }
        }
    }

    fn add_ascii(&mut self, index: usize, text: &'a str) {
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.bytes().position(|b| b == b' ' || b == b'\n').unwrap_or(rest.len());
            if end > 0 {
                self.add_word(index, &rest[..end], end);
                self.before = Class::of(&rest[end - 1..end], 1);
                rest = &rest[end..];
                continue;
            }
            match &rest[..1] {
                "\n" => self.hard_break(),
                space => self.add_space(index, space),
            }
            rest = &rest[1..];
        }
    }

    fn add_space(&mut self, index: usize, text: &'a str) {
        self.flush();
        self.space.push(index, text, 1);
    }

    fn add_word(&mut self, index: usize, text: &'a str, width: usize) {
        let class = Class::of(text, width);
        if !self.word.pieces.is_empty() && self.before.breaks_before(class) {
            self.flush();
        }
        self.word.push(index, text, width);
        self.before = class;
    }

    fn hard_break(&mut self) {
        self.flush();
        self.space.clear();
        self.next_row();
        self.begin(self.first_indent);
    }

    fn next_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
        self.last = None;
        self.column = 0;
    }

    fn begin(&mut self, indent: usize) {
        if indent > 0 {
            self.row.spans.push(Span::new(" ".repeat(indent), super::Tone::Text));
        }
        self.column = indent;
        self.start = indent;
    }

    /// Places the word that is held, after the spaces before it or on a new row.
    fn flush(&mut self) {
        if self.word.pieces.is_empty() {
            return;
        }
        if self.column + self.space.width + self.word.width > self.width {
            self.space.clear();
            if self.column > self.start {
                self.next_row();
                self.begin(self.indent);
            }
        }
        let space = std::mem::take(&mut self.space);
        for &(index, text) in &space.pieces {
            self.push(index, text, 1);
        }
        let mut word = std::mem::take(&mut self.word);
        if self.column + word.width <= self.width {
            for &(index, text) in &word.pieces {
                self.push(index, text, 0);
            }
            self.column += word.width;
        } else {
            for &(index, text) in &word.pieces {
                self.push_split(index, text);
            }
        }
        // Their allocations serve the next word.
        word.clear();
        self.word = word;
        self.space = space;
        self.space.clear();
    }

    /// A piece of a word that no row holds whole.
    fn push_split(&mut self, index: usize, text: &'a str) {
        for grapheme in text.graphemes(true) {
            let (grapheme, width) = match cell(grapheme) {
                wide if wide > self.width - self.indent.max(self.first_indent) => ("\u{fffd}", 1),
                width => (grapheme, width),
            };
            if self.column + width > self.width {
                self.next_row();
                self.begin(self.indent);
            }
            self.push(index, grapheme, width);
        }
    }

    fn push(&mut self, index: usize, text: &str, width: usize) {
        self.column += width;
        match self.row.spans.last_mut() {
            Some(span) if self.last == Some(index) => span.text.push_str(text),
            _ => {
                let Span { tone, emphasis, .. } = self.spans[index];
                self.row.spans.push(Span { text: text.to_owned(), tone, emphasis });
            }
        }
        self.last = Some(index);
    }
}

/// One line of clean text as rows of at most `columns`, at least one.
pub fn wrap_str(text: &str, columns: u16) -> Vec<String> {
    wrap(&[Span::new(text, super::tone::Tone::Text)], 0, 0, columns).iter().map(Line::plain).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::{Buffer, CellWidth};

    use super::*;
    use crate::base::Tone;
    use crate::base::sanitize::clean_multiline;

    fn wrapped(text: &str, width: u16) -> Vec<String> {
        wrap(&[Span::new(text, Tone::Text)], 0, 0, width).iter().map(Line::plain).collect()
    }

    #[test]
    fn clusters_have_the_width_a_terminal_gives_them() {
        let cases = [("a", 1), ("é", 1), ("e\u{301}", 1), ("漢", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤️", 2)];
        for (text, columns) in cases {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn clusters_of_many_scripts_are_as_wide_as_ratatui_takes_them() {
        let texts = [
            "🇩🇪🇫🇷 🇩",
            "👩\u{200d}👩\u{200d}👧 👩🏽\u{200d}🚀 👍🏿 🏴\u{e0067}\u{e0062}\u{e007f}",
            "❤\u{fe0f} ❤ ☎\u{fe0e} ⌚\u{fe0e} 1\u{fe0f}\u{20e3} #\u{20e3}",
            "\u{1112}\u{1161}\u{11ab} \u{1100}\u{1100}\u{1161} \u{1160}a \u{11a8}",
            "漢\u{3099} が\u{3099} か\u{3099} ｶﾞ ｶ\u{ff9e} 漢\u{e0100} 漢\u{301}",
            "สวัสดี น้ำ กำ \u{e33}",
            "क्षि हिन्दी स्त्री \u{93f}",
            "नमस्ते தமிழ் ക്ഷ မြန်မာ ខ្មែរ",
            "مرحبا لا \u{64b} שלום",
            "…—“”·※℃½①㊙\u{fdfd}\u{2e3b}",
        ];
        for text in texts {
            let text = crate::base::sanitize::clean(text).into_owned();
            for grapheme in text.graphemes(true) {
                assert_eq!(cell(grapheme), usize::from(grapheme.cell_width()), "{grapheme:?}");
            }
            let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 200, 1));
            let (end, _) = buffer.set_stringn(0, 0, &text, 200, ratatui::style::Style::new());
            assert_eq!(width(&text), usize::from(end), "{text:?}");
        }
    }

    #[test]
    fn truncating_marks_what_is_missing() {
        assert_eq!(truncate("hello", 5), "hello");
        assert_eq!(truncate("hello", 4), "hel…");
        assert_eq!(truncate("漢字漢字", 4), "漢…");
        assert_eq!(truncate("hello", 0), "");
    }

    #[test]
    fn words_wrap_at_spaces_and_long_ones_inside() {
        assert_eq!(wrapped("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrapped("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(wrapped("one\ntwo", 9), ["one", "two"]);
        assert_eq!(wrapped("", 9), [""]);
    }

    #[test]
    fn wide_text_wraps_anywhere_but_before_closing_marks() {
        assert_eq!(wrapped("漢字漢字。次", 8), ["漢字漢", "字。次"]);
    }

    #[test]
    fn indents_apply_to_first_and_further_rows() {
        let rows = wrap(&[Span::new("aaa bbb ccc", Tone::Text)], 1, 3, 7);
        let rows: Vec<_> = rows.iter().map(Line::plain).collect();
        assert_eq!(rows, [" aaa", "   bbb", "   ccc"]);
    }

    proptest! {
        #[test]
        fn widths_are_those_of_ratatui(text in any::<String>()) {
            let text = crate::base::sanitize::clean(&text).into_owned();
            for grapheme in text.graphemes(true) {
                prop_assert_eq!(cell(grapheme), usize::from(grapheme.cell_width()));
            }
            let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 2000, 1));
            let (end, _) = buffer.set_stringn(0, 0, &text, 2000, ratatui::style::Style::new());
            prop_assert_eq!(width(&text), usize::from(end));
        }

        #[test]
        fn rows_fit_and_no_character_is_lost(text in "[ -~\n漢字é👩\u{200d}\u{301}🇩]{0,80}", columns in 4u16..40) {
            let text = clean_multiline(&text).into_owned();
            let rows = wrap(&[Span::new(text.clone(), Tone::Text)], 0, 0, columns);
            for row in &rows {
                prop_assert!(line_width(row) <= usize::from(columns));
            }
            let kept: String = rows.iter().map(Line::plain).collect();
            let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(squeeze(&kept), squeeze(&text));
        }
    }
}
