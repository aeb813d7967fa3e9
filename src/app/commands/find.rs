//! Commands and actions narrowed by what is typed, and as rows of a list.

use std::ops::Range;

use super::{Item, Place};
use crate::app::fuzzy::{Fuzzy, marked};
use crate::app::panes::line_width;
use crate::app::panes::list::{Row, RowKind, Rows};
use crate::base::tone::{Line, Span, Tone};
use crate::base::width;
use crate::keys::Keymap;

/// Columns of the names, at most.
const NAMES: usize = 20;

/// What was found, the best first.
#[derive(Debug, Default)]
pub struct Found {
    shown: Vec<Shown>,
    /// Columns of the names.
    names: usize,
    /// What is said where nothing was found.
    nothing: &'static str,
}

#[derive(Debug)]
struct Shown {
    item: Item,
    name: String,
    hits: Vec<Range<usize>>,
    description: String,
    described: Vec<Range<usize>>,
    key: String,
}

/// How well something fits; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Begins,
    Fuzzy(std::cmp::Reverse<u32>),
    Described,
}

impl Found {
    /// Those of `items` that `query` finds. What fits alike stays in its order.
    pub fn new(items: &[Item], query: &str, place: Place, keymap: &Keymap) -> Self {
        let query = query.trim();
        let mut fuzzy = Fuzzy::new(query);
        let mut found: Vec<(Fit, Shown)> = items
            .iter()
            .filter_map(|item| {
                let description = item.description(keymap);
                let (fit, hits, described) = fit(*item, description, query, &mut fuzzy)?;
                let (sign, hits) = match place {
                    Place::Input => ("/", hits.into_iter().map(|hit| hit.start + 1..hit.end + 1).collect()),
                    Place::Palette => ("", hits),
                };
                let shown = Shown {
                    item: *item,
                    name: format!("{sign}{} {}", item.name(), item.takes().hint()).trim_end().to_owned(),
                    hits,
                    description: description.to_owned(),
                    described,
                    key: item.key(keymap).unwrap_or_default(),
                };
                Some((fit, shown))
            })
            .collect();
        // Sentences hold nearly any word: they count where no name does.
        if found.iter().any(|(fit, _)| *fit != Fit::Described) {
            found.retain(|(fit, _)| *fit != Fit::Described);
        }
        found.sort_by_key(|(fit, _)| *fit);
        let shown: Vec<Shown> = found.into_iter().map(|(_, shown)| shown).collect();
        // The names' column is the same whatever is typed.
        let names = shown.iter().map(|shown| width::width(&shown.name)).max().unwrap_or(0).max(NAMES);
        let nothing = match place {
            Place::Input => "no such command · a leading space sends it as text",
            Place::Palette => "nothing of this name",
        };
        Self { shown, names, nothing }
    }

    /// Whether anything was looked for yet.
    pub fn is_made(&self) -> bool {
        !self.nothing.is_empty()
    }

    /// The one in a row.
    pub fn item(&self, index: usize) -> Option<Item> {
        self.shown.get(index).map(|shown| shown.item)
    }
}

/// How `query` fits, and which bytes of name and description it hits.
#[allow(clippy::type_complexity)]
fn fit(
    item: Item,
    description: &str,
    query: &str,
    fuzzy: &mut Fuzzy,
) -> Option<(Fit, Vec<Range<usize>>, Vec<Range<usize>>)> {
    let name = item.name();
    let lower = query.to_lowercase();
    if query.is_empty() {
        return Some((Fit::Begins, Vec::new(), Vec::new()));
    }
    if name == lower || item.aliases().contains(&lower.as_str()) {
        let hits = (name == lower).then_some(0..name.len()).into_iter().collect();
        return Some((Fit::Whole, hits, Vec::new()));
    }
    if name.starts_with(&lower) {
        return Some((Fit::Begins, std::iter::once(0..lower.len()).collect(), Vec::new()));
    }
    if item.aliases().iter().any(|alias| alias.starts_with(&lower)) {
        return Some((Fit::Begins, Vec::new(), Vec::new()));
    }
    if let Some(score) = fuzzy.score(name) {
        return Some((Fit::Fuzzy(std::cmp::Reverse(score)), fuzzy.marks(name), Vec::new()));
    }
    if let Some(score) = item.action().and_then(|action| fuzzy.score(action.name())) {
        return Some((Fit::Fuzzy(std::cmp::Reverse(score)), Vec::new(), Vec::new()));
    }
    // A sentence holds the letters of nearly every query too: here whole words must be found.
    let text = description.to_ascii_lowercase();
    let mut hits = lower
        .split_whitespace()
        .map(|word| text.find(word).map(|at| at..at + word.len()))
        .collect::<Option<Vec<_>>>()?;
    hits.sort_by_key(|hit| hit.start);
    Some((Fit::Described, Vec::new(), hits))
}

impl Rows for Found {
    fn count(&self) -> usize {
        self.shown.len().max(1)
    }

    fn kind(&self, index: usize) -> RowKind {
        if index < self.shown.len() { RowKind::Item } else { RowKind::Note }
    }

    fn row(&self, index: usize, columns: u16) -> Row {
        let Some(shown) = self.shown.get(index) else {
            return Row::note(Line::new(self.nothing, Tone::Dim));
        };
        let right = Line::new(shown.key.clone(), Tone::Key);
        let mut spans = marked(&shown.name, Tone::Text, &shown.hits).spans;
        let gap = (self.names + 2).saturating_sub(width::width(&shown.name));
        spans.push(Span::new(" ".repeat(gap), Tone::Text));
        let taken = self.names + 2 + usize::from(line_width(&right)) + 2;
        let room = usize::from(columns).saturating_sub(taken);
        let description = width::truncate(&shown.description, room);
        spans.extend(marked(&description, Tone::Dim, &shown.described).spans);
        Row::item(Line { spans }, right)
    }
}
