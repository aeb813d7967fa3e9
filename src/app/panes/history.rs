//! Earlier prompts (Ctrl-R): those of all saved sessions and of this one, found as one types.
//!
//! Every word that is typed must stand in the prompt, in any order. A row shows the prompt in one line
//! from where it matches; Enter puts the whole of it into the input, and never sends. Pastes in those of
//! this conversation stay folded until then.

use std::collections::HashSet;
use std::ops::Range;

use crate::app::chat::ChatKey;
use crate::app::picture::Picture;
use ratatui::layout::Rect;

use super::composer::Earlier;
use super::list::{Edited, List, Row, RowKind, Rows};
use crate::app::fuzzy::marked;
use crate::app::layers::Step;
use crate::base::sanitize;
use crate::base::tone::{Line, Tone};
use crate::keys::Action;
use crate::theme::Theme;

/// Bytes of a prompt that are searched, and characters that are kept of a folded one for it.
pub const SEARCHED: usize = 16_000;
/// Characters of a prompt that a row shows.
const SHOWN: usize = 400;
/// Characters before the first match, where a row can't show the prompt's beginning too.
const BEFORE: usize = 16;

/// The pane.
#[derive(Debug)]
pub struct History {
    /// The line and the chosen row.
    pub list: List,
    found: Found,
    /// Whose folded prompts are among them.
    chat: ChatKey,
}

/// The prompts and those that match.
#[derive(Debug, Default)]
struct Found {
    /// All prompts, the newest first, and what is searched of each.
    prompts: Vec<(Earlier, String)>,
    /// What must stand in them.
    words: Vec<String>,
    /// Which match.
    shown: Vec<usize>,
}

impl History {
    /// The prompts that are known at once, the newest first: those of a conversation.
    pub fn new(chat: ChatKey, prompts: Vec<Earlier>) -> Self {
        let mut history = Self { list: List::default(), found: Found::default(), chat };
        history.take_in(prompts);
        history
    }

    /// Those of all sessions have come.
    pub fn add(&mut self, prompts: Vec<String>) {
        self.take_in(prompts.into_iter().map(Earlier::Whole).collect());
    }

    fn take_in(&mut self, prompts: Vec<Earlier>) {
        let known = &mut self.found.prompts;
        let is_new: Vec<bool> = {
            let mut there: HashSet<&str> = known.iter().map(|(prompt, _)| id(prompt)).collect();
            prompts.iter().map(|prompt| there.insert(id(prompt))).collect()
        };
        for (prompt, _) in prompts.into_iter().zip(is_new).filter(|(_, is_new)| *is_new) {
            let begins = beginning(&prompt);
            let end = (0..=SEARCHED.min(begins.len())).rev().find(|end| begins.is_char_boundary(*end));
            let searched = begins[..end.unwrap_or(0)].to_lowercase();
            known.push((prompt, searched));
        }
        // The row that was chosen keeps its place: what came stands behind it.
        let at = self.list.at();
        self.found.filter(&self.list.text());
        self.list.choose(at, &self.found);
    }

    /// Rows it wants.
    pub fn count(&self) -> usize {
        self.found.count()
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action) -> Step {
        if action == Action::Accept {
            return match self.found.prompt(self.list.at()) {
                Some(Earlier::Whole(prompt)) => Step::Insert(prompt.clone()),
                Some(Earlier::Folded { folded, .. }) => Step::Recall(self.chat, folded.clone()),
                None => Step::Stay,
            };
        }
        if self.list.act(action, &self.found) == Edited::Typed {
            self.filter();
        }
        Step::Stay
    }

    /// Chooses the row at a place of the screen.
    pub fn pick(&mut self, place: (u16, u16)) -> bool {
        self.list.pick(place, &self.found)
    }

    /// Takes in typed text.
    pub fn insert(&mut self, text: &str) -> Step {
        self.list.insert_str(text);
        self.filter();
        Step::Stay
    }

    /// Draws the rows.
    pub fn draw(&mut self, area: Rect, buf: &mut Picture, theme: &Theme) {
        self.list.draw(&self.found, area, buf, theme);
    }

    fn filter(&mut self) {
        self.found.filter(&self.list.text());
        self.list.choose(0, &self.found);
    }
}

impl Found {
    fn filter(&mut self, query: &str) {
        self.words = query.split_whitespace().map(str::to_lowercase).collect();
        let holds = |(_, searched): &(Earlier, String)| self.words.iter().all(|word| searched.contains(word));
        self.shown = (0..self.prompts.len()).filter(|index| holds(&self.prompts[*index])).collect();
    }

    fn prompt(&self, row: usize) -> Option<&Earlier> {
        self.shown.get(row).map(|index| &self.prompts[*index].0)
    }
}

impl Rows for Found {
    fn count(&self) -> usize {
        self.shown.len().max(1)
    }

    fn kind(&self, index: usize) -> RowKind {
        if index < self.shown.len() { RowKind::Item } else { RowKind::Note }
    }

    fn row(&self, index: usize, columns: u16) -> Row {
        let Some(prompt) = self.prompt(index) else {
            let why = if self.prompts.is_empty() { "nothing was asked yet" } else { "no such prompt" };
            return Row::note(Line::new(why, Tone::Dim));
        };
        let text = shown(beginning(prompt), &self.words, usize::from(columns));
        Row::item(marked(&text, Tone::Text, &hits(&text, &self.words)), Line::default())
    }
}

/// What tells a prompt from others.
fn id(prompt: &Earlier) -> &str {
    let (Earlier::Whole(text) | Earlier::Folded { folded: text, .. }) = prompt;
    text
}

/// What is searched and shown of it.
fn beginning(prompt: &Earlier) -> &str {
    let (Earlier::Whole(text) | Earlier::Folded { beginning: text, .. }) = prompt;
    text
}

/// A prompt in one line, from its beginning, or from a little before the first match.
fn shown(prompt: &str, words: &[String], columns: usize) -> String {
    let searched = &prompt[..prompt.char_indices().nth(SEARCHED).map_or(prompt.len(), |(end, _)| end)];
    let line: String = searched.split_whitespace().flat_map(|word| [" ", word]).skip(1).collect();
    let line = sanitize::clean(&line);
    let first = hits(&line, words).first().map_or(0, |hit| line[..hit.start].chars().count());
    let last = hits(&line, words).first().map_or(0, |hit| line[..hit.end].chars().count());
    if last < columns {
        return line.chars().take(SHOWN).collect();
    }
    let begin = first.saturating_sub(BEFORE);
    std::iter::once('…').chain(line.chars().skip(begin).take(SHOWN)).collect()
}

/// Where the words stand in `text`, in order, none twice.
fn hits(text: &str, words: &[String]) -> Vec<Range<usize>> {
    if words.is_empty() {
        return Vec::new();
    }
    // Small letters may be longer or shorter than capitals: each knows where it came from.
    let mut small = String::with_capacity(text.len());
    let mut from = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        for low in c.to_lowercase() {
            small.push(low);
            from.resize(small.len(), at..at + c.len_utf8());
        }
    }
    let mut hits: Vec<Range<usize>> = words
        .iter()
        .flat_map(|word| small.match_indices(word.as_str()).map(|(at, word)| at..at + word.len()))
        .filter_map(|range| Some(from.get(range.start)?.start..from.get(range.end.checked_sub(1)?)?.end))
        .collect();
    hits.sort_by_key(|hit| (hit.start, hit.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        match apart.last_mut() {
            Some(last) if hit.start <= last.end => last.end = last.end.max(hit.end),
            _ => apart.push(hit),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(prompts: &[&str]) -> History {
        let prompts = prompts.iter().map(|prompt| Earlier::Whole((*prompt).to_owned()));
        History::new(ChatKey(0), prompts.collect())
    }

    #[test]
    fn all_words_must_stand_in_it_in_any_order_and_are_marked() {
        let mut history = own(&["Why is RUST slow", "rusty nails"]);
        history.insert("rust why");
        assert_eq!(history.found.shown, [0]);
        assert_eq!(hits("Why is RUST slow", &history.found.words), [0..3, 7..11]);
        history.insert(" zebra");
        assert_eq!(history.count(), 1, "a row says that there is none");
        assert!(matches!(history.act(Action::Accept), Step::Stay));
    }

    #[test]
    fn a_row_begins_a_little_before_its_first_match() {
        let prompt = format!("{} needle", "hay ".repeat(300));
        let words = ["needle".to_owned()];
        let text = shown(&prompt, &words, 60);
        assert!(text.starts_with("…") && text.ends_with("needle"), "{text}");
        assert!(shown(&prompt, &[], 60).starts_with("hay"));
    }

    #[test]
    fn letters_whose_small_form_is_longer_are_marked_where_they_stand() {
        let text = "İstanbul ΑΣ";
        for hit in hits(text, &["stan".to_owned(), "α".to_owned()]) {
            assert!(text.get(hit).is_some());
        }
        let hit = hits(text, &["stan".to_owned()]).into_iter().next();
        assert_eq!(hit, Some(2..6));
    }

    #[test]
    fn what_comes_later_moves_nothing_that_is_shown() {
        let mut history = own(&["one", "two"]);
        history.act(Action::ListDown);
        history.add(vec!["two".to_owned(), "three".to_owned()]);
        assert_eq!(history.found.prompt(history.list.at()).map(id), Some("two"));
        assert_eq!(history.count(), 3);
    }
}
