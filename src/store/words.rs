//! Words: how text is cut for the index and for what is searched, and where a message holds a hit.
//!
//! SQLite's `unicode61` does the index's cutting and folding (capitals, marks over letters). Scripts
//! that are written without spaces would be one long word to it, so their letters are set apart first,
//! in what is indexed and in what is searched: `世界` becomes the phrase `世 界`. The same cutting and
//! folding is done here once more, to find and mark the hit in a message's own text; the index keeps no
//! text. What is searched reaches SQLite as quoted words of letters and digits alone, so that nothing
//! that is typed can be an error of syntax.

use std::ops::Range;

use crate::base::sanitize;
use crate::chat::session::SessionKind;

/// Begins the word that stands for the kind of a session; what people write never holds it.
const MARK: char = '\u{e000}';
/// What is read of a query: a person's words, not a paste of a megabyte.
const MOST_QUERY: usize = 1000;
/// What is read of a message to find a hit to show.
const MOST_READ: usize = 1 << 20;
/// Characters of a snippet, and how many of them stand before its first hit.
const SNIPPET: usize = 120;
const BEFORE: usize = 30;

/// Letters that `unicode61` takes for the plain one, where lower case alone does not make them so.
const PLAIN: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎǟǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ('b', "ḃḅḇ"),
    ('c', "çćĉċčḉ"),
    ('d', "ďḋḍḏḑḓ"),
    ('e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ('f', "ḟ"),
    ('g', "ĝğġģǧǵḡ"),
    ('h', "ĥȟḣḥḧḩḫẖ"),
    ('i', "ìíîïĩīĭįǐȉȋḭḯỉị"),
    ('j', "ĵǰ"),
    ('k', "ķǩḱḳḵ"),
    ('l', "ĺļľḷḹḻḽ"),
    ('m', "ḿṁṃ"),
    ('n', "ñńņňǹṅṇṉṋ"),
    ('o', "òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ('p', "ṕṗ"),
    ('r', "ŕŗřȑȓṙṛṝṟ"),
    ('s', "śŝşšſșṡṣṥṧṩẛ"),
    ('t', "ţťțṫṭṯṱẗ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ('v', "ṽṿ"),
    ('w', "ŵẁẃẅẇẉẘ"),
    ('x', "ẋẍ"),
    ('y', "ýÿŷȳẏẙỳỵỷỹ"),
    ('z', "źżžẑẓẕ"),
    ('β', "ϐ"),
    ('ε', "ϵ"),
    ('θ', "ϑ"),
    ('ι', "ι"),
    ('κ', "ϰ"),
    ('μ', "µ"),
    ('π', "ϖ"),
    ('ρ', "ϱ"),
    ('σ', "ς"),
    ('φ', "ϕ"),
];

/// What a person searches: all of its words must be in a message (or a title), the last one as the
/// beginning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// In order; each a phrase of folded tokens.
    words: Vec<Vec<Vec<char>>>,
    /// The same as they were written, for the index.
    written: Vec<Vec<String>>,
}

impl Query {
    /// The words of a text. `None` where it holds no letter and no digit.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text.char_indices().nth(MOST_QUERY).map_or(text.len(), |(at, _)| at);
        let mut query = Self { words: Vec::new(), written: Vec::new() };
        for word in text[..end].split_whitespace() {
            let written: Vec<String> =
                tokens(word).map(|token| word[token].replace(MARK, "")).filter(|t| !t.is_empty()).collect();
            let folded: Vec<Vec<char>> =
                written.iter().map(|token| token.chars().filter_map(fold).collect()).collect();
            if folded.iter().any(|token| !token.is_empty()) {
                query.words.push(folded);
                query.written.push(written);
            }
        }
        (!query.words.is_empty()).then_some(query)
    }

    /// The words in the index's language, of sessions of this kind alone.
    pub(super) fn expression(&self, kind: Option<SessionKind>) -> String {
        let mut phrases: Vec<String> =
            self.written.iter().map(|tokens| format!("\"{}\"", tokens.join(" "))).collect();
        if let Some(last) = phrases.last_mut().filter(|_| self.open_end(self.words.len() - 1)) {
            last.push('*');
        }
        phrases.extend(kind.map(|kind| format!("\"{}\"", kind_word(kind))));
        phrases.join(" AND ")
    }

    /// Whether a word is only the beginning of what is meant: the last one is, unless it ends in a
    /// letter that is a word of its own.
    fn open_end(&self, word: usize) -> bool {
        let last = self.written[word].last().and_then(|token| token.chars().next_back());
        word + 1 == self.words.len() && !last.is_some_and(is_apart)
    }

    /// Whether a text holds all the words.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text = beginning(text);
        (0..self.words.len()).all(|word| {
            let mut rest = tokens(text);
            loop {
                let here = rest.clone();
                if rest.next().is_none() {
                    return false;
                }
                if self.at(text, here, word).is_some() {
                    return true;
                }
            }
        })
    }

    /// Where the word number `word` stands, if it stands at these tokens.
    fn at(&self, text: &str, mut tokens: Tokens<'_>, word: usize) -> Option<Range<usize>> {
        let wanted = &self.words[word];
        let mut found: Option<Range<usize>> = None;
        for (index, token) in wanted.iter().enumerate() {
            let there = tokens.next()?;
            let open = index + 1 == wanted.len() && self.open_end(word);
            let length = begins(&text[there.clone()], token, open)?;
            let start = found.map_or(there.start, |found| found.start);
            found = Some(start..there.start + length);
        }
        found
    }

    /// The hits in a text, in order and apart from each other.
    fn hits<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut rest = tokens(text);
        let mut behind = 0;
        std::iter::from_fn(move || {
            loop {
                let here = rest.clone();
                let start = rest.next()?.start;
                if start < behind {
                    continue;
                }
                let longest = (0..self.words.len())
                    .filter_map(|word| self.at(text, here.clone(), word))
                    .max_by_key(|hit| hit.end);
                if let Some(hit) = longest {
                    behind = hit.end;
                    return Some(hit);
                }
            }
        })
    }

    /// A line of a text around its first hit, fit for the screen, and where the hits are in it.
    pub(super) fn snippet(&self, text: &str) -> (String, Vec<Range<usize>>) {
        let first = self.hits(beginning(text)).next().map_or(0, |hit| hit.start);
        let mut start = text[..first].char_indices().rev().take(BEFORE).last().map_or(first, |(at, _)| at);
        if start > 0 {
            // Not in the middle of a word, where one begins soon.
            let space = text[start..first].char_indices().find(|(_, c)| c.is_whitespace());
            start += space.map_or(0, |(at, c)| at + c.len_utf8());
        }
        let end = text[start..].char_indices().nth(SNIPPET).map_or(text.len(), |(at, _)| start + at);
        let mut snippet = String::new();
        if start > 0 {
            snippet.push('…');
        }
        let shown = sanitize::clean(&text[start..end]);
        for (index, word) in shown.split_whitespace().enumerate() {
            if index > 0 {
                snippet.push(' ');
            }
            snippet.push_str(word);
        }
        if end < text.len() {
            snippet.push('…');
        }
        let marks = self.hits(&snippet).collect();
        (snippet, marks)
    }
}

/// The word in the index that stands for a kind.
fn kind_word(kind: SessionKind) -> String {
    format!("{MARK}{}", kind.name())
}

/// A text as it is given to the index, with the kind of its session.
pub(super) fn indexed(text: &str, kind: SessionKind) -> String {
    let mut apart = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            MARK | '\0' => apart.push(' '),
            c if is_apart(c) => apart.extend([' ', c, ' ']),
            c => apart.push(c),
        }
    }
    apart.push(' ');
    apart.push_str(&kind_word(kind));
    apart
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(MOST_READ);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// How many bytes of a token are the wanted one: all of it, or its beginning where that is enough.
fn begins(token: &str, wanted: &[char], open: bool) -> Option<usize> {
    let mut wanted = wanted.iter();
    let mut length = 0;
    for c in token.chars() {
        let Some(folded) = fold(c) else {
            length += c.len_utf8();
            continue;
        };
        match wanted.next() {
            Some(want) if *want == folded => length += c.len_utf8(),
            None if open => return Some(length),
            Some(_) | None => return None,
        }
    }
    wanted.next().is_none().then_some(length)
}

/// A character as the index compares it; `None` for a mark over a letter.
fn fold(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c.to_ascii_lowercase());
    }
    if is_mark(c) {
        return None;
    }
    let lower = c.to_lowercase().next().unwrap_or(c);
    let plain = || PLAIN.iter().find(|(_, others)| others.contains(lower)).map(|(plain, _)| *plain);
    match lower {
        '\u{b5}'..='\u{24f}' | '\u{3c2}'..='\u{3f5}' | '\u{1e00}'..='\u{1fbe}' => {
            Some(plain().unwrap_or(lower))
        }
        _ => Some(lower),
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Whether a letter is of a script that is written without spaces: Thai and its neighbours, kana,
/// Chinese characters; and Hangul, whose words grow at their end.
fn is_apart(c: char) -> bool {
    c >= '\u{e01}'
        && matches!(c,
        '\u{e01}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3031}'..='\u{3035}' | '\u{3041}'..='\u{318f}' | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}'
        | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{3ffff}')
        && c.is_alphanumeric()
}

/// The words of a text.
fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

#[derive(Clone, Debug)]
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let in_word = |c: char| c.is_alphanumeric() || is_mark(c) || ('\u{e000}'..='\u{f8ff}').contains(&c);
        let rest = &self.text[self.at..];
        let Some((from, first)) = rest.char_indices().find(|(_, c)| in_word(*c)) else {
            self.at = self.text.len();
            return None;
        };
        let start = self.at + from;
        self.at = if is_apart(first) {
            start + first.len_utf8()
        } else {
            let word = &self.text[start..];
            word.find(|c| !in_word(c) || is_apart(c)).map_or(self.text.len(), |length| start + length)
        };
        Some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snippet(words: &str, text: &str) -> (String, Vec<String>) {
        let (snippet, marks) = Query::parse(words).unwrap().snippet(text);
        let marked = marks.into_iter().map(|mark| snippet[mark].to_owned()).collect();
        (snippet, marked)
    }

    #[test]
    fn what_is_typed_becomes_quoted_words() {
        let expression = |text: &str| Query::parse(text).map(|query| query.expression(None));
        for (text, wanted) in [
            ("hello wor", Some("\"hello\" AND \"wor\"*")),
            ("don't", Some("\"don t\"*")),
            (
                "\"quoted* NEAR(a b) -not ^col:x",
                Some("\"quoted\" AND \"NEAR a\" AND \"b\" AND \"not\" AND \"col x\"*"),
            ),
            ("世界", Some("\"世 界\"")),
            ("a世b", Some("\"a 世 b\"*")),
            ("nul\0\u{e000}chat", Some("\"nul chat\"*")),
            ("\" * - \u{1b}", None),
            ("", None),
        ] {
            assert_eq!(expression(text).as_deref(), wanted, "{text:?}");
        }
        let chat = Query::parse("a").unwrap().expression(Some(SessionKind::Chat));
        assert_eq!(chat, "\"a\"* AND \"\u{e000}chat\"");
        assert!(expression(&"x ".repeat(1 << 20)).unwrap().len() < 10 * MOST_QUERY);
    }

    #[test]
    fn a_snippet_stands_around_the_first_hit_and_marks_all() {
        let long = format!("{}\nthe Größe\tof GROSSE things\n{}", "before ".repeat(40), "after ".repeat(40));
        let (line, marked) = snippet("grosse thin", &long);
        assert!(line.starts_with("…before") && line.ends_with('…'), "{line}");
        assert!(line.chars().count() <= SNIPPET + 2, "{line}");
        assert_eq!(marked, ["GROSSE", "thin"], "sharp s is a letter of its own");
        assert_eq!(
            snippet("grö", &long).1,
            ["Grö", "GRO"],
            "what was typed is marked; the dots do not count"
        );
        assert_eq!(snippet("GROß", &long).1, ["Größ"]);
        assert_eq!(snippet("世界", "你好世界,世 界").1, ["世界", "世 界"]);
        assert_eq!(snippet("e\u{301}t", "un été").1, ["ét"]);
        assert_eq!(snippet("absent", "short"), ("short".to_owned(), vec![]));
        assert_eq!(snippet("red", "\x1b[31mred\u{202e}").0, "␛[31mred\u{fffd}");
    }

    #[test]
    fn a_message_must_hold_all_words_and_the_last_may_be_begun() {
        let holds = |words: &str, text: &str| Query::parse(words).unwrap().matches(text);
        assert!(holds("quick fo", "The Quick brown Fox"));
        assert!(!holds("qui fox", "The quick brown fox"));
        assert!(!holds("quick cat", "The quick brown fox"));
        assert!(!holds("界世", "世界"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_marks_are_of_the_snippet(words in any::<String>(), text in any::<String>()) {
            if let Some(query) = Query::parse(&words) {
                let (snippet, marks) = query.snippet(&text);
                prop_assert!(marks.iter().all(|mark| snippet.get(mark.clone()).is_some_and(|m| !m.is_empty())));
                prop_assert!(!snippet.contains(char::is_control));
                let _ = query.matches(&text);
            }
        }
    }
}
