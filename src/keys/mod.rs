//! Keys: what each does, where, and the words that explain it.
//!
//! The defaults stand in `assets/keymap.toml`, with their help text; the configuration's `[keys]` rebinds by
//! action. A key is looked up in the inner scope first, then in the outer ones. It reads no terminal and
//! knows no state: who asks says in which [`Scope`] the user is. `\` then Enter is the composer's business.

mod action;
mod chord;
mod mouse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crossterm::event::KeyEvent;
use serde::Deserialize;

pub use action::{Action, Scope};
pub use chord::{Chord, ChordError, parse_chord};
pub use mouse::{MouseButton, MouseInput, MouseKind};

const DEFAULT: &str = include_str!("../../assets/keymap.toml");

/// An action in one scope: its keys and its line in the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Where.
    pub scope: Scope,
    /// With which keys; none when the user bound them all to something else.
    pub keys: Vec<Chord>,
    /// In words, for help and palette.
    pub description: String,
}

/// Why a keymap cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// The file is no keymap.
    #[error("{0}")]
    Syntax(String),
    /// No action of this name.
    #[error("unknown action {name:?}{}", nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Action {
        /// As written.
        name: String,
        /// What was most likely meant.
        nearest: Option<&'static str>,
    },
    /// No scope of this name.
    #[error("unknown scope {0:?}")]
    Scope(String),
    /// A key's text is wrong.
    #[error("{action}: {error}")]
    Chord {
        /// Where it stands.
        action: String,
        /// What is wrong.
        error: ChordError,
    },
    /// One key, two actions in one scope.
    #[error("{key} is bound to both {first} and {second}")]
    Twice {
        /// The key.
        key: String,
        /// The action that had it.
        first: &'static str,
        /// The action that wants it.
        second: &'static str,
    },
}

/// All keys with their actions.
#[derive(Clone, Debug)]
pub struct Keymap {
    entries: Vec<Entry>,
    by_key: HashMap<(Scope, Chord), Action>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: Vec<FileEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    action: String,
    scope: String,
    keys: Vec<String>,
    description: String,
}

impl Default for Keymap {
    /// The keys that ship with the program.
    fn default() -> Self {
        // A test proves that the shipped file parses.
        Self::parse(DEFAULT).unwrap_or_else(|_| Keymap { entries: Vec::new(), by_key: HashMap::new() })
    }
}

impl Keymap {
    /// Reads a keymap file.
    pub fn parse(text: &str) -> Result<Keymap, KeymapError> {
        let file: File = toml::from_str(text).map_err(|e| KeymapError::Syntax(e.to_string()))?;
        let mut entries = Vec::with_capacity(file.key.len());
        for entry in file.key {
            let action = action_named(&entry.action)?;
            let scope =
                Scope::from_name(&entry.scope).ok_or_else(|| KeymapError::Scope(entry.scope.clone()))?;
            let keys = chords(action.name(), &entry.keys)?;
            entries.push(Entry { action, scope, keys, description: entry.description });
        }
        let by_key = index(&entries)?;
        Ok(Keymap { entries, by_key })
    }

    /// Rebinds actions as `[keys]` asks: each action's main keys become these, and a key that something else
    /// had in that scope is taken from it. The user's own keys must not clash with each other.
    pub fn rebind<'a>(
        &mut self,
        keys: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<(), KeymapError> {
        let mut wanted: Vec<(usize, Vec<Chord>)> = Vec::new();
        for (name, texts) in keys {
            let action = action_named(name)?;
            let chords = chords(name, texts)?;
            if let Some(at) = self.entries.iter().position(|e| e.action == action) {
                wanted.push((at, chords));
            }
        }
        let mut entries = self.entries.clone();
        for (at, chords) in &wanted {
            let scope = entries[*at].scope;
            for entry in entries.iter_mut().filter(|e| e.scope == scope) {
                entry.keys.retain(|key| !chords.contains(key));
            }
        }
        for (at, chords) in wanted {
            entries[at].keys = chords;
        }
        self.by_key = index(&entries)?;
        self.entries = entries;
        Ok(())
    }

    /// What a key does for a user who is in `scope`. A key release does nothing.
    pub fn action(&self, scope: Scope, event: KeyEvent) -> Option<Action> {
        let chord = Chord::from_event(event)?;
        self.of_chord(scope, chord).or_else(|| self.of_chord(scope, chord.without_alt_shift()?))
    }

    /// The main key of an action as it is shown: `Ctrl-P`, `Esc`, `Alt-↑`. Nothing if it has none.
    pub fn key_for(&self, action: Action) -> Option<String> {
        let keys = self.entries.iter().filter(|e| e.action == action).flat_map(|e| &e.keys);
        keys.map(Chord::to_string).next()
    }

    /// Every action with its keys and words, in the file's order: the help.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn of_chord(&self, scope: Scope, chord: Chord) -> Option<Action> {
        scope.chain().iter().find_map(|scope| self.by_key.get(&(*scope, chord)).copied())
    }
}

fn action_named(name: &str) -> Result<Action, KeymapError> {
    Action::from_name(name).ok_or_else(|| {
        let comparable = name.len() <= 64;
        let nearest = Action::ALL
            .iter()
            .filter(|_| comparable)
            .map(|action| (strsim::damerau_levenshtein(name, action.name()), action.name()))
            .filter(|(distance, _)| *distance <= (name.chars().count() / 3).max(2))
            .min()
            .map(|(_, name)| name);
        KeymapError::Action { name: name.to_owned(), nearest }
    })
}

fn chords(action: &str, texts: &[String]) -> Result<Vec<Chord>, KeymapError> {
    let parse = |text: &String| {
        parse_chord(text).map_err(|error| KeymapError::Chord { action: action.to_owned(), error })
    };
    texts.iter().map(parse).collect()
}

fn index(entries: &[Entry]) -> Result<HashMap<(Scope, Chord), Action>, KeymapError> {
    let mut by_key = HashMap::new();
    for entry in entries {
        for chord in &entry.keys {
            if let Some(first) = by_key.insert((entry.scope, *chord), entry.action) {
                return Err(KeymapError::Twice {
                    key: chord.to_string(),
                    first: first.name(),
                    second: entry.action.name(),
                });
            }
        }
    }
    Ok(by_key)
}
