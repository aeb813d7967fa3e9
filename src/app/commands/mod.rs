//! Commands: what can be had done by its name, typed after a `/` or chosen in the palette.
//!
//! [`COMMANDS`] is the one table of slash commands; the palette, the completion of `/`, the help and
//! `docs/keys.md` are made of it and of the keymap. Every action that can be run from anywhere runs by
//! its name too, so that all is reachable with unmodified keys. [`find`] narrows them as one types,
//! [`run`] carries them out. A new command is a row here, a branch in [`run`] and a test.

pub mod find;
pub mod run;
mod settings;
#[cfg(test)]
mod tests;

use crate::keys::{Action, Keymap, Scope};

/// A slash command.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// What is typed after the `/`.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What follows the name.
    pub takes: Takes,
    /// In words, for lists and help.
    pub description: &'static str,
    /// What it does.
    pub what: What,
    /// The action that is the same without arguments: its key is shown, and it has no row of its own.
    pub action: Option<Action>,
}

/// What follows a command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Something may; this is shown for it.
    Maybe(&'static str),
    /// Something mostly does: a list puts the name into the input, for the rest to be typed.
    Mostly(&'static str),
}

impl Takes {
    /// What is shown after the name.
    pub fn hint(self) -> &'static str {
        match self {
            Takes::Nothing => "",
            Takes::Maybe(hint) | Takes::Mostly(hint) => hint,
        }
    }
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Takes a model, or opens the list of them.
    Model,
    /// Begins another conversation.
    New,
    /// Opens the saved sessions.
    Sessions,
    /// Sets, shows or clears the system prompt.
    System,
    /// Sets or unsets a parameter, or lists them.
    Set,
    /// Sets how many answers are asked for.
    Choices,
    /// Asks again.
    Retry,
    /// Goes on with the last reply.
    More,
    /// Sends a text as it stands.
    Raw,
    /// Attaches a file.
    File,
    /// Takes a theme, or opens the list of them.
    Theme,
    /// Writes the conversation to a file.
    Export,
    /// Gives the conversation a title.
    Rename,
    /// Shows the keys.
    Help,
    /// Leaves.
    Quit,
}

/// All slash commands, in the order in which they are listed.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "model",
        aliases: &[],
        takes: Takes::Maybe("[NAME]"),
        description: "Choose the model, or take NAME from the next message on",
        what: What::Model,
        action: Some(Action::Models),
    },
    Command {
        name: "new",
        aliases: &["clear"],
        takes: Takes::Nothing,
        description: "Begin a new conversation; this one goes on",
        what: What::New,
        action: Some(Action::NewChat),
    },
    Command {
        name: "sessions",
        aliases: &["resume"],
        takes: Takes::Nothing,
        description: "Open the saved sessions",
        what: What::Sessions,
        action: Some(Action::Sessions),
    },
    Command {
        name: "system",
        aliases: &[],
        takes: Takes::Mostly("TEXT"),
        description: "Set the system prompt; alone it shows it, - clears it",
        what: What::System,
        action: None,
    },
    Command {
        name: "set",
        aliases: &[],
        takes: Takes::Mostly("KEY VALUE"),
        description: "Set a parameter; without VALUE it unsets it, alone it lists them",
        what: What::Set,
        action: None,
    },
    Command {
        name: "n",
        aliases: &[],
        takes: Takes::Mostly("N"),
        description: "Ask for N answers to each prompt",
        what: What::Choices,
        action: None,
    },
    Command {
        name: "retry",
        aliases: &[],
        takes: Takes::Nothing,
        description: "Ask again: another reply to the last prompt",
        what: What::Retry,
        action: Some(Action::Retry),
    },
    Command {
        name: "more",
        aliases: &[],
        takes: Takes::Nothing,
        description: "Go on where the last reply stopped",
        what: What::More,
        action: Some(Action::Continue),
    },
    Command {
        name: "raw",
        aliases: &[],
        takes: Takes::Mostly("TEXT"),
        description: "Have a base model go on with TEXT as it stands, and with nothing else",
        what: What::Raw,
        action: None,
    },
    Command {
        name: "file",
        aliases: &[],
        takes: Takes::Mostly("PATH"),
        description: "Attach a text file; @ in the input does too",
        what: What::File,
        action: Some(Action::Attach),
    },
    Command {
        name: "theme",
        aliases: &[],
        takes: Takes::Maybe("[NAME]"),
        description: "Choose a theme, or take the one of that name",
        what: What::Theme,
        action: Some(Action::Themes),
    },
    Command {
        name: "export",
        aliases: &[],
        takes: Takes::Maybe("[FILE]"),
        description: "Write the conversation to a new file: Markdown, or JSON for a .json",
        what: What::Export,
        action: None,
    },
    Command {
        name: "rename",
        aliases: &[],
        takes: Takes::Mostly("TEXT"),
        description: "Give the conversation another title",
        what: What::Rename,
        action: None,
    },
    Command {
        name: "help",
        aliases: &[],
        takes: Takes::Nothing,
        description: "Show the keys of this screen",
        what: What::Help,
        action: Some(Action::Help),
    },
    Command {
        name: "quit",
        aliases: &["exit", "q"],
        takes: Takes::Nothing,
        description: "Quit",
        what: What::Quit,
        action: Some(Action::Quit),
    },
];

/// Something that runs by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A slash command.
    Command(&'static Command),
    /// An action of the keymap.
    Action(Action),
}

/// Where things are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Over the input, after a `/`.
    Input,
    /// In the palette.
    Palette,
}

impl Item {
    /// All that is listed at a place, commands first.
    pub fn all(place: Place, keymap: &Keymap) -> Vec<Item> {
        let actions = Action::ALL.iter().copied().filter(|action| match place {
            Place::Input => is_typed(*action, keymap),
            Place::Palette => true,
        });
        let bare = actions.filter(|action| !COMMANDS.iter().any(|command| command.action == Some(*action)));
        COMMANDS.iter().map(Item::Command).chain(bare.map(Item::Action)).collect()
    }

    /// What a word after a `/` names.
    pub fn named(word: &str, keymap: &Keymap) -> Option<Item> {
        let command = COMMANDS.iter().find(|command| command.name == word || command.aliases.contains(&word));
        if let Some(command) = command {
            return Some(Item::Command(command));
        }
        let action = Action::from_name(word).filter(|action| is_typed(*action, keymap))?;
        let same = COMMANDS.iter().find(|command| command.action == Some(action));
        Some(same.map_or(Item::Action(action), Item::Command))
    }

    /// What is typed for it.
    pub fn name(self) -> &'static str {
        match self {
            Item::Command(command) => command.name,
            Item::Action(action) => action.name(),
        }
    }

    /// Other names for it.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Item::Command(command) => command.aliases,
            Item::Action(_) => &[],
        }
    }

    /// What follows its name.
    pub fn takes(self) -> Takes {
        match self {
            Item::Command(command) => command.takes,
            Item::Action(_) => Takes::Nothing,
        }
    }

    /// In words.
    pub fn description(self, keymap: &Keymap) -> &str {
        match self {
            Item::Command(command) => command.description,
            Item::Action(action) => {
                let entry = keymap.entries().iter().find(|entry| entry.action == action);
                entry.map_or(action.name(), |entry| entry.description.as_str())
            }
        }
    }

    /// The action that it is.
    pub fn action(self) -> Option<Action> {
        match self {
            Item::Command(command) => command.action,
            Item::Action(action) => Some(action),
        }
    }

    /// Its main key; of what is done to a selected message, with the key that selects one.
    pub fn key(self, keymap: &Keymap) -> Option<String> {
        let action = self.action()?;
        let key = keymap.key_for(action)?;
        let mut scopes =
            keymap.entries().iter().filter(|entry| entry.action == action).map(|entry| entry.scope);
        match scopes.all(|scope| scope == Scope::Selection) {
            true => Some(format!("{} {key}", keymap.key_for(Action::SelectPrevious)?)),
            false => Some(key),
        }
    }
}

/// Whether an action means something when its name is typed into the input: it is none of the input's
/// own editing, and of no list.
fn is_typed(action: Action, keymap: &Keymap) -> bool {
    if matches!(action, Action::Editor | Action::SearchHistory | Action::Attach) {
        return true;
    }
    let mut scopes = keymap.entries().iter().filter(|entry| entry.action == action).map(|entry| entry.scope);
    scopes.any(|scope| match scope {
        Scope::Always | Scope::Global | Scope::ComposerEmpty | Scope::Selection => true,
        Scope::Composer | Scope::Line | Scope::List | Scope::Models | Scope::Sessions => false,
    })
}
