//! Finding by parts of a name: what was typed against thousands of names, and where it stands in them.
//!
//! nucleo's matcher does the work: words in any order, the letters of each in theirs, small letters
//! match capitals. Bounded: names and queries are cut to a length that nobody types.

use std::ops::Range;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::base::tone::{Line, Span, Tone};

/// Characters of a name that are looked at.
const LONGEST: usize = 400;

/// A matcher with its memory, for many names.
#[derive(Debug)]
pub struct Fuzzy {
    matcher: Matcher,
    pattern: Pattern,
    chars: Vec<char>,
    places: Vec<u32>,
}

impl Fuzzy {
    /// For what was typed.
    pub fn new(query: &str) -> Self {
        let query: String = query.chars().take(LONGEST).collect();
        Self {
            matcher: Matcher::new(Config::DEFAULT),
            // The signs that the matcher's own language gives a meaning stand in names: taken as they are.
            pattern: Pattern::new(
                &query,
                CaseMatching::Ignore,
                Normalization::Smart,
                nucleo_matcher::pattern::AtomKind::Fuzzy,
            ),
            chars: Vec::new(),
            places: Vec::new(),
        }
    }

    /// How well `name` matches, more is better; `None` if it does not. Nothing typed matches all alike.
    pub fn score(&mut self, name: &str) -> Option<u32> {
        let name = Utf32Str::new(cut(name), &mut self.chars);
        self.pattern.score(name, &mut self.matcher)
    }

    /// The characters of `name` that match, in order, as ranges of bytes.
    pub fn marks(&mut self, name: &str) -> Vec<Range<usize>> {
        let name = cut(name);
        self.places.clear();
        let text = Utf32Str::new(name, &mut self.chars);
        if self.pattern.indices(text, &mut self.matcher, &mut self.places).is_none() {
            return Vec::new();
        }
        self.places.sort_unstable();
        self.places.dedup();
        if name.is_ascii() {
            return ranges(self.places.iter().map(|place| *place as usize..*place as usize + 1));
        }
        let clusters: Vec<(usize, &str)> = name.grapheme_indices(true).collect();
        // The matcher counts clusters by their first characters; where these are all ASCII, bytes.
        let by_bytes = clusters.iter().all(|(_, cluster)| cluster.as_bytes()[0].is_ascii());
        let cluster = |place: &u32| {
            let place = *place as usize;
            let found = if by_bytes {
                clusters.iter().find(|(at, cluster)| (*at..at + cluster.len()).contains(&place))
            } else {
                clusters.get(place)
            };
            found.map(|(at, cluster)| *at..at + cluster.len())
        };
        let mut found: Vec<Range<usize>> = self.places.iter().filter_map(cluster).collect();
        found.dedup();
        ranges(found.into_iter())
    }
}

/// Neighbours as one.
fn ranges(pieces: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for piece in pieces {
        match all.last_mut() {
            Some(last) if last.end == piece.start => last.end = piece.end,
            _ => all.push(piece),
        }
    }
    all
}

fn cut(name: &str) -> &str {
    name.char_indices().nth(LONGEST).map_or(name, |(end, _)| &name[..end])
}

/// A row in which the marked bytes of `text` stand out.
pub fn marked(text: &str, tone: Tone, marks: &[Range<usize>]) -> Line {
    let mut spans = Vec::new();
    let mut at = 0;
    for mark in marks {
        let (Some(before), Some(hit)) = (text.get(at..mark.start), text.get(mark.clone())) else { continue };
        if !before.is_empty() {
            spans.push(Span::new(before, tone));
        }
        spans.push(Span::new(hit, Tone::Hit));
        at = mark.end;
    }
    if let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        spans.push(Span::new(rest, tone));
    }
    Line { spans }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_their_order_match_and_words_in_any() {
        let mut fuzzy = Fuzzy::new("gpt mini");
        assert!(fuzzy.score("openai:gpt-4o-mini").is_some());
        assert!(Fuzzy::new("mini gpt").score("openai:gpt-4o-mini").is_some());
        assert!(Fuzzy::new("g4o").score("openai:GPT-4o").is_some());
        assert!(fuzzy.score("openai:gpt-4o").is_none());
        assert!(Fuzzy::new("").score("anything").is_some());
        assert!(Fuzzy::new("^a").score("abc").is_none(), "signs are letters like others");
    }

    #[test]
    fn what_matches_is_marked_once_and_whole() {
        let marks = |query: &str, name: &str| -> Vec<String> {
            Fuzzy::new(query).marks(name).into_iter().map(|range| name[range].to_owned()).collect()
        };
        assert_eq!(marks("gpt", "openai:gpt-4o"), ["gpt"]);
        assert_eq!(marks("漢字", "a漢字b"), ["漢字"]);
        assert_eq!(marks("x", "cafe\u{301} x"), ["x"]);
        assert_eq!(Fuzzy::new("xyz").marks("abc"), Vec::<Range<usize>>::new());
        let line = marked("openai:gpt", Tone::Text, &Fuzzy::new("gpt").marks("openai:gpt"));
        assert_eq!(line.plain(), "openai:gpt");
        assert_eq!(line.spans.len(), 2);
    }
}
