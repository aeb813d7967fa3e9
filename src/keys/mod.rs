//! Keys: what each does, where, and the words that explain it.
//!
//! The defaults stand in `assets/keymap.toml`, with their help text; the configuration's `[keys]` rebinds by
//! action (`rebind`). A key is looked up in the inner scope first, then in the outer ones. It reads no
//! terminal and knows no state: who asks says in which [`Scope`] the user is, and after the first key of a
//! `Ctrl-G n` which one that was ([`Keymap::lookup`]). `\` then Enter is the composer's business.

mod action;
mod chord;
mod mouse;
mod rebind;
mod sequence;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crossterm::event::KeyEvent;
use serde::Deserialize;

pub use action::{Action, Scope};
pub use chord::{Chord, ChordError, parse_chord};
pub use mouse::{MouseButton, MouseInput, MouseKind};
pub use rebind::Misbinding;
pub use sequence::Sequence;

const DEFAULT: &str = include_str!("../../assets/keymap.toml");

/// An action in one scope: its keys and its line in the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Where.
    pub scope: Scope,
    /// With which keys; none where it has no default key, or the user bound them all to something else.
    pub keys: Vec<Sequence>,
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
    /// One key is the beginning of another.
    #[error("{key} of {second} and {other} of {first}: the same key cannot both act and begin another")]
    Prefix {
        /// The key of `second`.
        key: String,
        /// The key of `first`.
        other: String,
        /// The action that had it.
        first: &'static str,
        /// The action that wants it.
        second: &'static str,
    },
    /// A character alone, where characters are typed.
    #[error("{key} alone is typed text where {action} acts; add Ctrl or Alt, or take a function key")]
    Typed {
        /// The key.
        key: String,
        /// The action that wants it.
        action: &'static str,
    },
    /// Nobody could send, go back or stop any more.
    #[error("{action} must keep a key that reaches it everywhere it acts; give it one in [keys]")]
    Lost {
        /// The action.
        action: &'static str,
    },
}

/// What a press means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It asks for this.
    Action(Action),
    /// It begins a sequence: the next press is looked up with this as what is pending.
    Prefix(Chord),
    /// Nothing. After a prefix, nothing follows: the press is dropped with the prefix.
    None,
}

/// All keys with their actions.
#[derive(Clone, Debug)]
pub struct Keymap {
    entries: Vec<Entry>,
    index: Index,
}

#[derive(Clone, Debug, Default)]
struct Index {
    actions: HashMap<(Scope, Sequence), Action>,
    prefixes: HashSet<(Scope, Chord)>,
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
        Self::parse(DEFAULT).unwrap_or_else(|_| Keymap { entries: Vec::new(), index: Index::default() })
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
            let keys = sequences(action, scope, &entry.keys)?;
            entries.push(Entry { action, scope, keys, description: entry.description });
        }
        let index = Index::of(&entries)?;
        Ok(Keymap { entries, index })
    }

    /// What one key does for a user who is in `scope`. A key release does nothing.
    pub fn action(&self, scope: Scope, event: KeyEvent) -> Option<Action> {
        match self.lookup(scope, None, event) {
            Lookup::Action(action) => Some(action),
            Lookup::Prefix(_) | Lookup::None => None,
        }
    }

    /// What a key means for a user who is in `scope` and pressed the prefix `pending` before.
    pub fn lookup(&self, scope: Scope, pending: Option<Chord>, event: KeyEvent) -> Lookup {
        let Some(chord) = Chord::from_event(event) else { return Lookup::None };
        let faces = [Some(chord), chord.without_alt_shift(), pending.and_then(|_| chord.as_plain_letter())];
        for chord in faces.into_iter().flatten() {
            let sequence = match pending {
                Some(first) => Sequence { first, second: Some(chord) },
                None => Sequence::from(chord),
            };
            if let Some(action) = self.of(scope, sequence) {
                return Lookup::Action(action);
            }
            if pending.is_none() && scope.chain().iter().any(|s| self.index.prefixes.contains(&(*s, chord))) {
                return Lookup::Prefix(chord);
            }
        }
        Lookup::None
    }

    /// The main key of an action as it is shown: `Ctrl-P`, `Esc`, `Alt-↑`. Nothing if it has none.
    pub fn key_for(&self, action: Action) -> Option<String> {
        let keys = self.entries.iter().filter(|e| e.action == action).flat_map(|e| &e.keys);
        keys.map(Sequence::to_string).next()
    }

    /// The main key of an action for a user who is in `scope`; nothing where none reaches it there.
    pub fn key_in(&self, scope: Scope, action: Action) -> Option<String> {
        let mut keys = self.entries.iter().filter(|e| e.action == action).flat_map(|e| &e.keys);
        keys.find(|keys| self.of(scope, **keys) == Some(action)).map(Sequence::to_string)
    }

    /// Every action with its keys and words, in the file's order: the help.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn of(&self, scope: Scope, keys: Sequence) -> Option<Action> {
        scope.chain().iter().find_map(|scope| self.index.actions.get(&(*scope, keys)).copied())
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

/// The keys of an action in a scope, each of which may stand there.
fn sequences(action: Action, scope: Scope, texts: &[String]) -> Result<Vec<Sequence>, KeymapError> {
    let mut keys = Vec::with_capacity(texts.len());
    for text in texts {
        let key = Sequence::parse(text)
            .map_err(|error| KeymapError::Chord { action: action.name().to_owned(), error })?;
        if scope.takes_text() && key.first.is_typed() {
            return Err(KeymapError::Typed { key: key.to_string(), action: action.name() });
        }
        // Two spellings of one key are one.
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

impl Index {
    fn of(entries: &[Entry]) -> Result<Self, KeymapError> {
        let mut index = Self::default();
        for entry in entries {
            for keys in &entry.keys {
                if let Some(first) = index.actions.insert((entry.scope, *keys), entry.action) {
                    let (first, second) = (first.name(), entry.action.name());
                    return Err(KeymapError::Twice { key: keys.to_string(), first, second });
                }
                index.prefixes.extend(keys.prefix().map(|prefix| (entry.scope, prefix)));
            }
        }
        for entry in entries {
            for other in entries.iter().filter(|other| other.scope.meets(entry.scope)) {
                if let Some((keys, hidden)) = clash(&entry.keys, &other.keys, Sequence::hides) {
                    return Err(KeymapError::Prefix {
                        key: keys.to_string(),
                        other: hidden.to_string(),
                        first: other.action.name(),
                        second: entry.action.name(),
                    });
                }
            }
        }
        Ok(index)
    }
}

/// The first of `keys` and the first of `others` that do not go together.
fn clash(
    keys: &[Sequence],
    others: &[Sequence],
    clashes: fn(Sequence, Sequence) -> bool,
) -> Option<(Sequence, Sequence)> {
    keys.iter().find_map(|key| Some((*key, *others.iter().find(|other| clashes(*key, **other))?)))
}
