//! What is wrong with the configuration, and where: file, line and key, a variable, or a flag.

use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file.
    File {
        /// The file as it is shown.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The key with all that it lies in (`providers.lab.base_url`); empty for the file itself.
        key: String,
    },
    /// An environment variable.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { name, line, key } if key.is_empty() => write!(f, "{name}:{line}"),
            Place::File { name, line, key } => write!(f, "{name}:{line}: {key}"),
            Place::Variable(name) => write!(f, "environment variable {name}"),
            Place::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it came from, for checks that only a higher floor can make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub place: Place,
}

impl<T> Located<T> {
    /// An error about this value.
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(self.place.clone(), message)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What, and what is allowed.
    pub message: String,
}

impl ConfigError {
    /// An error at `place`.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// All that is wrong; never empty. Its `Display` is the whole text for the user, one error a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// Whether only flags are to blame: a matter of usage, not of configuration.
    pub fn only_flags(&self) -> bool {
        self.0.iter().all(|error| matches!(error.place, Place::Flag(_)))
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects errors while reading goes on, so that all are told at once.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<ConfigError>);

impl Errors {
    /// The value, or `None` with the error kept.
    pub(super) fn take<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    /// Puts the value into `slot`, or keeps the error.
    pub(super) fn set<T>(&mut self, slot: &mut T, result: Result<T, ConfigError>) {
        if let Some(value) = self.take(result) {
            *slot = value;
        }
    }

    /// The same for a slot that may stay empty.
    pub(super) fn fill<T>(&mut self, slot: &mut Option<T>, result: Result<T, ConfigError>) {
        if let Some(value) = self.take(result) {
            *slot = Some(value);
        }
    }

    pub(super) fn push(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    /// `value` where nothing was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.0.is_empty() { Ok(value) } else { Err(ConfigErrors(self.0)) }
    }
}

/// The word of `known` that `word` most likely was meant to be.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    let reach = (word.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|known| (strsim::osa_distance(&word, known), *known))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// `did you mean …?`, where something is near, and what is known.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    let list = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`? Known: {list}"),
        None => format!("known: {list}"),
    }
}

/// Text from a file or a variable, safe to show: bounded, control characters escaped.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 120;
    let mut shown = String::new();
    for c in text.chars().take(MOST) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
