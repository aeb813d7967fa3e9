//! The sheet over the input in which commands and files are completed. What is typed stays in the
//! input; the sheet holds what was found for it.

use super::composer::Spot;
use super::list::{List, Row, RowKind, Rows};
use crate::app::commands::find::Found;
use crate::app::commands::{Item, Place};
use crate::app::fuzzy::{self, Fuzzy};
use crate::app::msg::FoundFile;
use crate::base::sanitize;
use crate::base::tone::{Line, Tone};
use crate::keys::{Action, Keymap};

/// What is completed.
#[derive(Debug)]
pub struct Completion {
    list: List,
    /// Of what kind, and what was found.
    pub kind: Kind,
}

/// What is completed.
#[derive(Debug)]
pub enum Kind {
    /// A command, by the first word of the input.
    Command {
        /// That word, and whether arguments follow it.
        typed: (String, Arguments),
        /// What it may mean.
        found: Found,
    },
    /// The path of a file.
    File(Files),
}

/// Whether something stands behind a command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing does.
    None,
    /// At least a blank.
    Some,
}

/// The files of a completion.
#[derive(Debug)]
pub struct Files {
    /// Where the path begins in the input, behind its `@` or `/file `.
    pub spot: Spot,
    /// A folder that was entered; its blanks do not end the word.
    pub base: String,
    /// What is typed of the path.
    pub typed: String,
    /// What was asked for and not answered yet.
    pub asked: Option<String>,
    /// For what the files were found.
    pub answered: Option<String>,
    /// Whether Enter or Tab was pressed before they were: the answer decides.
    pub waiting: Waiting,
    found: Vec<FoundFile>,
    rows: Vec<Row>,
}

/// What is to be done when the files are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Waiting {
    /// Nothing.
    #[default]
    No,
    /// The first is to be taken; with none, the input is to be sent.
    Enter,
    /// The first is to be taken.
    Tab,
}

impl Files {
    /// For a path that begins at `spot`; nothing is found yet.
    pub fn new(spot: Spot) -> Self {
        Self {
            spot,
            base: String::new(),
            typed: String::new(),
            asked: None,
            answered: None,
            waiting: Waiting::No,
            found: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Whether what is listed is for what is typed.
    pub fn is_current(&self) -> bool {
        self.answered.as_deref() == Some(self.typed.as_str())
    }

    fn take_in(&mut self, typed: String, found: Vec<FoundFile>) {
        let mut fuzzy = Fuzzy::new(&typed);
        self.rows = found
            .iter()
            .map(|file| {
                let tone = if file.is_dir { Tone::Accent } else { Tone::Text };
                let path = sanitize::clean(&file.path);
                let marks = if typed.is_empty() { Vec::new() } else { fuzzy.marks(&path) };
                Row::item(fuzzy::marked(&path, tone, &marks), Line::default())
            })
            .collect();
        if self.rows.is_empty() {
            self.rows.push(Row::note(Line::new("no such file · Esc leaves it as text", Tone::Dim)));
        }
        self.found = found;
        self.answered = Some(typed);
    }
}

impl Completion {
    /// The files of a path.
    pub fn files(files: Files) -> Self {
        Self { list: List::default(), kind: Kind::File(files) }
    }

    /// The commands of an input that begins with `/`.
    pub fn command(text: &str, keymap: &Keymap) -> Self {
        let mut completion = Self {
            list: List::default(),
            kind: Kind::Command { typed: (String::new(), Arguments::None), found: Found::default() },
        };
        completion.narrow(text, keymap);
        completion
    }

    /// Finds the commands anew if another word is typed.
    pub fn narrow(&mut self, text: &str, keymap: &Keymap) {
        let Kind::Command { typed, found } = &mut self.kind else { return };
        let text = text.strip_prefix('/').unwrap_or(text);
        let (word, arguments) = match text.split_once(char::is_whitespace) {
            Some((word, _)) => (word, Arguments::Some),
            None => (text, Arguments::None),
        };
        if found.is_made() && typed.0 == word && typed.1 == arguments {
            return;
        }
        let items = match (arguments, Item::named(word, keymap)) {
            // What it is is settled: its row says what follows.
            (Arguments::Some, named) => named.into_iter().collect(),
            (Arguments::None, _) => Item::all(Place::Input, keymap),
        };
        *found = Found::new(&items, word, Place::Input, keymap);
        *typed = (word.to_owned(), arguments);
        self.list.choose(0, found);
    }

    /// The chosen command, and whether it was chosen with the arrows.
    pub fn chosen_item(&self) -> Option<(Item, Chosen)> {
        let Kind::Command { found, .. } = &self.kind else { return None };
        let how = if self.list.at() == 0 { Chosen::First } else { Chosen::Moved };
        found.item(self.list.at()).map(|item| (item, how))
    }

    /// The chosen file.
    pub fn chosen_file(&self) -> Option<&FoundFile> {
        let Kind::File(files) = &self.kind else { return None };
        files.found.get(self.list.at())
    }

    /// Takes in the files that were found for `typed`.
    pub fn answer(&mut self, typed: String, found: Vec<FoundFile>) {
        if let Kind::File(files) = &mut self.kind {
            files.take_in(typed, found);
            self.list.choose(0, &files.rows);
        }
    }

    /// Moves the choice.
    pub fn act(&mut self, action: Action) {
        match &self.kind {
            Kind::Command { found, .. } => self.list.act(action, found),
            Kind::File(files) => self.list.act(action, &files.rows),
        };
    }

    /// Chooses the row at a place of the screen; whether there is one to choose.
    pub fn pick(&mut self, place: (u16, u16)) -> bool {
        match &self.kind {
            Kind::Command { found, .. } => self.list.pick(place, found),
            Kind::File(files) => self.list.pick(place, &files.rows),
        }
    }

    /// What stands over the rows.
    pub fn title(&self) -> &'static str {
        match self.kind {
            Kind::Command { .. } => "Commands",
            Kind::File(_) => "Files",
        }
    }

    /// The most useful keys; nothing where there is nothing to choose.
    pub fn hints(&self) -> Option<&'static [(Action, &'static str)]> {
        if !self.offers() {
            return None;
        }
        Some(match self.kind {
            Kind::Command { .. } => {
                &[(Action::Accept, "run"), (Action::Complete, "complete"), (Action::Back, "close")]
            }
            Kind::File(_) => &[(Action::Accept, "attach"), (Action::Back, "close")],
        })
    }

    /// How many rows there are; none before the first files are found.
    pub fn count(&self) -> usize {
        match &self.kind {
            Kind::Command { found, .. } => found.count(),
            Kind::File(files) => files.rows.len(),
        }
    }

    /// Its list and rows, to be drawn.
    pub fn draw(
        &mut self,
        area: ratatui::layout::Rect,
        buf: &mut crate::app::picture::Picture,
        theme: &crate::theme::Theme,
    ) {
        match &self.kind {
            Kind::Command { found, .. } => self.list.draw(found, area, buf, theme),
            Kind::File(files) => self.list.draw(&files.rows, area, buf, theme),
        }
    }

    /// Whether a row can be chosen.
    pub fn offers(&self) -> bool {
        match &self.kind {
            Kind::Command { found, .. } => found.kind(0) == RowKind::Item,
            Kind::File(files) => !files.found.is_empty(),
        }
    }
}

/// How a row came to be the chosen one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// It is the first.
    First,
    /// By the arrows.
    Moved,
}
