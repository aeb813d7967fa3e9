//! Earlier prompts (Ctrl-R): those of all saved sessions and of this one, found as one types.

use super::list::{Edited, List, Row};
use crate::app::layers::Step;
use crate::base::sanitize;
use crate::base::tone::{Line, Tone};
use crate::keys::Action;

/// Characters of a prompt that a row shows.
const SHOWN: usize = 400;

/// The pane.
#[derive(Debug, Default)]
pub struct History {
    /// The line and the chosen row.
    pub list: List,
    /// All prompts, the newest first.
    prompts: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Which prompt each row is.
    shown: Vec<usize>,
}

impl History {
    /// The prompts that are known at once, the newest first.
    pub fn new(prompts: Vec<String>) -> Self {
        let mut history = Self { prompts, ..Self::default() };
        history.filter();
        history
    }

    /// Those of all sessions have come.
    pub fn add(&mut self, prompts: Vec<String>) {
        for prompt in prompts {
            if !self.prompts.contains(&prompt) {
                self.prompts.push(prompt);
            }
        }
        self.filter();
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action) -> Step {
        if action == Action::Accept {
            let prompt = self.shown.get(self.list.at()).map(|index| self.prompts[*index].clone());
            return prompt.map_or(Step::Stay, Step::Insert);
        }
        if self.list.act(action, &self.rows) == Edited::Typed {
            self.filter();
        }
        Step::Stay
    }

    /// Chooses the row at a place of the screen.
    pub fn click(&mut self, place: (u16, u16)) -> Step {
        match self.list.row_at(place, &self.rows) {
            Some(index) => {
                self.list.choose(index, &self.rows);
                self.act(Action::Accept)
            }
            None => Step::Stay,
        }
    }

    /// Takes in typed text.
    pub fn insert(&mut self, text: &str) -> Step {
        self.list.insert_str(text);
        self.filter();
        Step::Stay
    }

    fn filter(&mut self) {
        let words: Vec<String> = self.list.text().split_whitespace().map(str::to_lowercase).collect();
        let holds = |prompt: &String| {
            let prompt = prompt.to_lowercase();
            words.iter().all(|word| prompt.contains(word))
        };
        self.shown = (0..self.prompts.len()).filter(|index| holds(&self.prompts[*index])).collect();
        self.rows = self.shown.iter().map(|index| row(&self.prompts[*index])).collect();
        if self.rows.is_empty() {
            self.rows.push(Row::note(Line::new("no such prompt", Tone::Dim)));
        }
        self.list.choose(0, &self.rows);
    }
}

fn row(prompt: &str) -> Row {
    let line: String = prompt.split_whitespace().flat_map(|word| [" ", word]).skip(1).collect();
    let short: String = line.chars().take(SHOWN).collect();
    Row::item(Line::new(sanitize::clean(&short).into_owned(), Tone::Text), Line::default())
}
