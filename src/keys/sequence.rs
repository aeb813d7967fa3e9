//! What is pressed for an action: one key, or a prefix key and then another (`Ctrl-G n`).

use std::fmt;

use super::chord::{Chord, ChordError, parse_chord};

/// One key, or two one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// The key, or the prefix.
    pub first: Chord,
    /// What follows the prefix.
    pub second: Option<Chord>,
}

impl Sequence {
    /// Reads `Ctrl-P` or `Ctrl-G n`: a blank stands between two keys.
    pub(super) fn parse(text: &str) -> Result<Self, ChordError> {
        let mut words = text.split_whitespace();
        let first = parse_chord(words.next().unwrap_or_default())?;
        let second = words.next().map(parse_chord).transpose()?;
        match words.next() {
            Some(_) => Err(ChordError::Long),
            None => Ok(Self { first, second }),
        }
    }

    /// The prefix, where there is one.
    pub(super) fn prefix(self) -> Option<Chord> {
        self.second.map(|_| self.first)
    }

    /// Whether one of the two would keep the other from being reached: a key that is a prefix too.
    pub(super) fn hides(self, other: Self) -> bool {
        self.first == other.first && self.second.is_some() != other.second.is_some()
    }
}

impl From<Chord> for Sequence {
    fn from(first: Chord) -> Self {
        Self { first, second: None }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        match self.second {
            Some(second) => write!(f, " {second}"),
            None => Ok(()),
        }
    }
}
