//! Words that were searched for, marked where they stand.
//!
//! The rules are those of the store's search: a word matches a whole word, the last one the beginning
//! of a word, upper and lower case are the same; scripts that are written without blanks match
//! anywhere. Rows that hold none stay as they are.

use std::borrow::Cow;
use std::ops::Range;

use crate::base::tone::{Line, Span, Tone};

/// The words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needles(Vec<Needle>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Needle {
    /// In lower case.
    text: String,
    /// It is a whole word.
    whole: bool,
}

impl Needles {
    /// The words of a query. What is no letter and no number in it parts words.
    pub fn new(words: &str) -> Self {
        let parts = words.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        let mut needles: Vec<Needle> =
            parts.map(|part| Needle { text: part.to_lowercase(), whole: true }).collect();
        if let Some(last) = needles.last_mut() {
            last.whole = !words.ends_with(char::is_alphanumeric);
        }
        Self(needles)
    }

    /// Whether nothing is searched for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of them stands in `text`.
    pub fn all_in(&self, text: &str) -> bool {
        self.0.iter().all(|needle| needle.places(text).next().is_some())
    }

    /// Whether one of them stands in a row.
    pub fn any_in(&self, line: &Line) -> bool {
        self.0.iter().any(|needle| line.spans.iter().any(|span| needle.places(&span.text).next().is_some()))
    }

    /// The bytes of `text` that match, in order and apart.
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = self.0.iter().flat_map(|needle| needle.places(text)).collect();
        places.sort_by_key(|place| (place.start, place.end));
        places.dedup_by(|next, before| {
            let joins = next.start < before.end;
            if joins {
                before.end = before.end.max(next.end);
            }
            joins
        });
        places
    }

    /// The row with what matches marked.
    pub fn mark<'a>(&self, line: &'a Line) -> Cow<'a, Line> {
        if self.is_empty() || !self.any_in(line) {
            return Cow::Borrowed(line);
        }
        let spans = line.spans.iter().flat_map(|span| marked(span, &self.places(&span.text)));
        Cow::Owned(Line { spans: spans.collect() })
    }
}

/// A span with some of its bytes marked; places that are none of its text are left out.
pub fn marked(span: &Span, places: &[Range<usize>]) -> Vec<Span> {
    let mut spans = Vec::with_capacity(places.len() * 2 + 1);
    let mut at = 0;
    let mut piece = |range: Range<usize>, tone: Tone| {
        if let Some(text) = span.text.get(range).filter(|text| !text.is_empty()) {
            spans.push(Span { text: text.to_owned(), tone, emphasis: span.emphasis });
        }
    };
    for place in places {
        if place.start < at || place.start >= place.end || span.text.get(place.clone()).is_none() {
            continue;
        }
        piece(at..place.start, span.tone);
        piece(place.clone(), Tone::Hit);
        at = place.end;
    }
    piece(at..span.text.len(), span.tone);
    spans
}

impl Needle {
    fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut before: Option<char> = None;
        text.char_indices().filter_map(move |(start, character)| {
            let begins = before.is_none_or(|c| !c.is_alphanumeric()) || unspaced(character);
            before = Some(character);
            (begins && character.is_alphanumeric()).then(|| self.at(text, start)).flatten()
        })
    }

    /// The place of the needle if it stands at `start`.
    fn at(&self, text: &str, start: usize) -> Option<Range<usize>> {
        let mut wanted = self.text.chars();
        let mut end = start;
        for character in text[start..].chars() {
            let mut rest = wanted.clone();
            let Some(first) = rest.next() else { break };
            // One character may be several in lower case.
            let mut lower = character.to_lowercase();
            if lower.next() != Some(first) || lower.any(|more| rest.next() != Some(more)) {
                return None;
            }
            wanted = rest;
            end += character.len_utf8();
        }
        if wanted.next().is_some() {
            return None;
        }
        let next = text[end..].chars().next();
        let last = self.text.chars().next_back();
        let ends = next.is_none_or(|c| !c.is_alphanumeric() || unspaced(c)) || last.is_some_and(unspaced);
        (ends || !self.whole).then_some(start..end)
    }
}

/// Whether a character is of a script that puts no blanks between words.
const fn unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(words: &str, text: &'a str) -> Vec<&'a str> {
        Needles::new(words).places(text).into_iter().map(|place| &text[place]).collect()
    }

    #[test]
    fn words_match_whole_and_the_last_one_as_a_beginning() {
        assert_eq!(
            found("car bor", "A car, a carpet and the Borrow checker; car-borne"),
            ["car", "Bor", "car", "bor"]
        );
        assert_eq!(found("bor ", "borrow bor"), ["bor"]);
        assert_eq!(found("row", "borrow"), Vec::<&str>::new());
        assert_eq!(found("", "anything"), Vec::<&str>::new());
        assert_eq!(found("straße", "Die Straße, die STRASSE"), ["Straße"]);
        assert_eq!(found("日本", "中文和日本語"), ["日本"]);
        assert!(Needles::new("two words").all_in("words, and two of them"));
        assert!(!Needles::new("two words").all_in("two of them"));
    }

    #[test]
    fn marks_change_no_text() {
        let line =
            Line { spans: vec![Span::new("the borrow ", Tone::Text), Span::new("checker", Tone::Code)] };
        let marked = Needles::new("borrow check").mark(&line).into_owned();
        assert_eq!(marked.plain(), line.plain());
        let hits: Vec<&str> =
            marked.spans.iter().filter(|s| s.tone == Tone::Hit).map(|s| s.text.as_str()).collect();
        assert_eq!(hits, ["borrow", "check"]);
        let odd = [Range { start: 5, end: 3 }, 2..200, 1..2];
        let plain = Span::new("日本", Tone::Text);
        assert_eq!(
            super::marked(&plain, &odd),
            std::slice::from_ref(&plain),
            "places that cannot be are left out"
        );
    }
}
