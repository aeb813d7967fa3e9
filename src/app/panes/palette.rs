//! The palette (Ctrl-P): every command and action by name with its key, found as one types.

use super::list::{Edited, List};
use crate::app::commands::find::Found;
use crate::app::commands::{Item, Place};
use crate::app::layers::Step;
use crate::base::MessageId;
use crate::keys::{Action, Keymap};

/// The pane.
#[derive(Debug)]
pub struct Palette {
    /// The line and the chosen row.
    pub list: List,
    /// What was found.
    pub found: Found,
    /// The message that was selected: what is chosen is done to it.
    pub selected: Option<MessageId>,
    items: Vec<Item>,
    keymap: Keymap,
}

impl Palette {
    /// All there is; the actions of `first` stand at the top.
    pub fn new(keymap: &Keymap, first: &[Action], selected: Option<MessageId>) -> Self {
        let mut items = Item::all(Place::Palette, keymap);
        let rank = |item: &Item| {
            let place = first.iter().position(|action| item.action() == Some(*action));
            place.unwrap_or(first.len())
        };
        items.sort_by_key(rank);
        let mut palette =
            Self { list: List::default(), found: Found::default(), selected, items, keymap: keymap.clone() };
        palette.filter();
        palette
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action) -> Step {
        if action == Action::Accept {
            let item = self.found.item(self.list.at());
            return item.map_or(Step::Stay, |item| Step::Run(item, self.selected));
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

    fn filter(&mut self) {
        // Who types a command's sign here means the command.
        let query = self.list.text();
        let query = query.trim_start().trim_start_matches('/');
        self.found = Found::new(&self.items, query, Place::Palette, &self.keymap);
        self.list.choose(0, &self.found);
    }
}
