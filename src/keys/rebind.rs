//! `[keys]` of the configuration laid over the default keys.

use super::action::{Action, Scope};
use super::sequence::Sequence;
use super::{Entry, Index, Keymap, KeymapError, action_named, clash, sequences};

/// What is wrong with one line of `[keys]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbinding {
    /// Which of the lines, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: KeymapError,
}

/// What must be reached by a key, and from where: without it nobody could send, go back or stop.
const REQUIRED: [(Action, &[Scope]); 3] = [
    (Action::Send, &[Scope::Composer, Scope::ComposerEmpty]),
    (Action::Back, Scope::ALL),
    (Action::Interrupt, Scope::ALL),
];

/// One line of `[keys]`.
struct Wanted {
    index: usize,
    /// Whose keys they become.
    entry: usize,
    action: Action,
    scope: Scope,
    keys: Vec<Sequence>,
}

impl Keymap {
    /// Rebinds actions as `[keys]` asks: an action's main keys become these (none at all unbind it), and
    /// default keys that would clash with one of them or hide it are taken from what had them. Keys that an
    /// action has only in an empty input or on a selected message stay.
    ///
    /// # Errors
    /// All that is wrong; then nothing is changed.
    pub fn rebind<'a>(
        &mut self,
        lines: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<(), Vec<Misbinding>> {
        let (mut wanted, mut wrong) = (Vec::new(), Vec::new());
        for (index, (name, texts)) in lines.into_iter().enumerate() {
            match self.wanted(index, name, texts) {
                Ok(line) => wanted.push(line),
                Err(error) => wrong.push(Misbinding { index, error }),
            }
        }
        wrong.extend(clashes(&wanted));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut entries = self.entries.clone();
        for line in &wanted {
            for entry in &mut entries {
                entry.keys.retain(|keys| !line.takes(entry.scope, *keys));
            }
        }
        for line in &wanted {
            entries[line.entry].keys.clone_from(&line.keys);
        }
        // The lines go together and the defaults gave way, so this finds nothing; if it did, the last is told.
        let last = wanted.last().map_or(0, |line| line.index);
        let index = Index::of(&entries).map_err(|error| vec![Misbinding { index: last, error }])?;
        let keymap = Keymap { entries, index };
        let lost: Vec<Misbinding> = keymap.lost(&wanted).collect();
        if !lost.is_empty() {
            return Err(lost);
        }
        *self = keymap;
        Ok(())
    }

    fn wanted(&self, index: usize, name: &str, texts: &[String]) -> Result<Wanted, KeymapError> {
        let action = action_named(name)?;
        let entries = || self.entries.iter().enumerate().filter(|(_, entry)| entry.action == action);
        let wide = |entry: &Entry| matches!(entry.scope, Scope::Always | Scope::Global);
        let main = entries().find(|(_, entry)| wide(entry)).or_else(|| entries().next());
        let Some((entry, main)) = main else {
            return Err(KeymapError::Action { name: name.to_owned(), nearest: None });
        };
        let scope = main.scope;
        Ok(Wanted { index, entry, action, scope, keys: sequences(action, scope, texts)? })
    }

    /// The required actions that some scope no longer reaches, each blamed on a line of its own or on one
    /// that took its key.
    fn lost<'k>(&'k self, wanted: &'k [Wanted]) -> impl Iterator<Item = Misbinding> + 'k {
        REQUIRED.iter().filter_map(|(action, scopes)| {
            scopes.iter().find(|scope| self.key_in(**scope, *action).is_none())?;
            let own = wanted.iter().find(|line| line.action == *action);
            let default = Keymap::default();
            let taker = || {
                let had = default.entries.iter().filter(|entry| entry.action == *action);
                let mut had = had.flat_map(|entry| entry.keys.iter());
                had.find_map(|key| wanted.iter().find(|line| line.keys.iter().any(|k| k.first == key.first)))
            };
            let index = own.or_else(taker).map_or(0, |line| line.index);
            Some(Misbinding { index, error: KeymapError::Lost { action: action.name() } })
        })
    }
}

impl Wanted {
    /// Whether a default key in `scope` gives way.
    fn takes(&self, scope: Scope, key: Sequence) -> bool {
        let claimed = self.scope.claims().contains(&scope) && self.keys.contains(&key);
        claimed || (self.scope.meets(scope) && self.keys.iter().any(|own| own.hides(key)))
    }
}

/// Lines that do not go together; the later one is told. One key may act in two scopes of which one is the
/// inner: there it is that one's.
fn clashes(wanted: &[Wanted]) -> Vec<Misbinding> {
    let mut found = Vec::new();
    for (at, line) in wanted.iter().enumerate() {
        for before in &wanted[..at] {
            let (first, second) = (before.action.name(), line.action.name());
            if line.scope == before.scope
                && let Some((key, _)) = clash(&line.keys, &before.keys, |a, b| a == b)
            {
                let error = KeymapError::Twice { key: key.to_string(), first, second };
                found.push(Misbinding { index: line.index, error });
            }
            if line.scope.meets(before.scope)
                && let Some((key, other)) = clash(&line.keys, &before.keys, Sequence::hides)
            {
                let (key, other) = (key.to_string(), other.to_string());
                found.push(Misbinding {
                    index: line.index,
                    error: KeymapError::Prefix { key, other, first, second },
                });
            }
        }
        if let Some((key, other)) = clash(&line.keys, &line.keys, Sequence::hides) {
            let name = line.action.name();
            let (key, other) = (key.to_string(), other.to_string());
            let error = KeymapError::Prefix { key, other, first: name, second: name };
            found.push(Misbinding { index: line.index, error });
        }
    }
    found
}
