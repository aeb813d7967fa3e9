//! The file `config.toml` as values: what it says, before presets, environment and flags.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::error::{ConfigErrors, Errors, Located, Place};
use super::params;
use super::reader::{Item, Source};
use super::{Bidi, KeyLine, SystemSource, Ui};
use crate::chat::Params;
use crate::chat::retry::{RetryPolicy, Timeouts};

const KEYS: &[&str] = &[
    "model",
    "system",
    "theme",
    "aliases",
    "discover",
    "params",
    "timeouts",
    "retry",
    "ui",
    "keys",
    "providers",
];
const LATER: &[&str] = &["presets"];
const TIMEOUT_KEYS: &[&str] = &["connect", "first", "chunk", "total"];
const RETRY_KEYS: &[&str] = &["max", "base", "cap", "max_wait"];
const UI_KEYS: &[&str] = &["hold", "wheel_lines", "mouse", "bidi"];

/// The most retries that can be asked for.
pub const MOST_RETRIES: u32 = 100;

pub(super) fn known_keys() -> impl Iterator<Item = &'static str> {
    [KEYS, TIMEOUT_KEYS, RETRY_KEYS, UI_KEYS].into_iter().flatten().copied()
}

/// What a file says.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub model: Option<Located<String>>,
    pub system: Option<SystemSource>,
    pub theme: Option<Located<String>>,
    pub aliases: BTreeMap<String, Located<String>>,
    pub discover: Option<bool>,
    pub params: Params,
    pub timeouts: Timeouts,
    pub retry: RetryPolicy,
    pub ui: Ui,
    pub keys: Vec<KeyLine>,
    /// Where each value stands, by its whole key.
    pub places: BTreeMap<String, Place>,
    /// In the order of the file.
    pub providers: Vec<Entry>,
}

impl File {
    /// Reads the whole text; all errors are told at once.
    pub(super) fn read(source: Source<'_>) -> Result<Self, ConfigErrors> {
        // Some editors write a byte order mark; it counts for no column that a person would count.
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(source.text);
        let source = Source { text, ..source };
        let document = source.parse()?;
        let mut errors = Errors::default();
        let mut file = Self::default();
        for item in source.items(&document) {
            file.read_key(&item, &mut errors);
            item.note_places(&mut file.places);
        }
        errors.or(file)
    }

    fn read_key(&mut self, item: &Item<'_>, errors: &mut Errors) {
        match item.key() {
            "model" => errors.fill(&mut self.model, located(item)),
            "system" => errors.fill(&mut self.system, item.string().map(SystemSource::of_file)),
            "theme" => errors.fill(&mut self.theme, located(item)),
            "aliases" => {
                for item in errors.take(item.table()).unwrap_or_default() {
                    if let Some(target) = errors.take(located(&item)) {
                        self.aliases.insert(item.key().to_owned(), target);
                    }
                }
            }
            "discover" => errors.fill(&mut self.discover, item.boolean()),
            "params" => self.params = params::read(item, errors),
            "timeouts" => read_timeouts(&mut self.timeouts, item, errors),
            "retry" => read_retry(&mut self.retry, item, errors),
            "ui" => read_ui(&mut self.ui, item, errors),
            "keys" => {
                for item in errors.take(item.table()).unwrap_or_default() {
                    if let Some(keys) = errors.take(item.string_or_strings()) {
                        self.keys.push(KeyLine { action: item.key().to_owned(), keys, place: item.place() });
                    }
                }
            }
            "providers" => {
                let items = errors.take(item.table()).unwrap_or_default();
                self.providers = items.iter().map(|item| Entry::read(item, errors)).collect();
            }
            key if LATER.contains(&key) => errors.push(item.not_yet()),
            _ => errors.push(item.unknown(KEYS)),
        }
    }
}

fn located(item: &Item<'_>) -> Result<Located<String>, super::ConfigError> {
    Ok(Located { value: item.name()?, place: item.place() })
}

fn read_timeouts(timeouts: &mut Timeouts, item: &Item<'_>, errors: &mut Errors) {
    for item in errors.take(item.table()).unwrap_or_default() {
        match item.key() {
            "connect" => errors.set(&mut timeouts.connect, item.duration()),
            "first" => errors.set(&mut timeouts.first, item.duration()),
            "chunk" => errors.set(&mut timeouts.chunk, item.duration()),
            "total" => errors.set(&mut timeouts.total, item.duration()),
            _ => errors.push(item.unknown(TIMEOUT_KEYS)),
        }
    }
}

fn read_retry(retry: &mut RetryPolicy, item: &Item<'_>, errors: &mut Errors) {
    for item in errors.take(item.table()).unwrap_or_default() {
        match item.key() {
            "max" => {
                let max = item.integer(0..=i64::from(MOST_RETRIES));
                errors.set(&mut retry.max, max.map(|max| u32::try_from(max).unwrap_or(MOST_RETRIES)));
            }
            "base" => errors.set(&mut retry.base, item.duration()),
            "cap" => errors.set(&mut retry.cap, item.duration()),
            "max_wait" => errors.set(&mut retry.max_wait, item.duration()),
            _ => errors.push(item.unknown(RETRY_KEYS)),
        }
    }
}

fn read_ui(ui: &mut Ui, item: &Item<'_>, errors: &mut Errors) {
    for item in errors.take(item.table()).unwrap_or_default() {
        match item.key() {
            "hold" => errors.set(&mut ui.hold, item.boolean()),
            "wheel_lines" => {
                let lines = item.integer(1..=100);
                errors.set(&mut ui.wheel_lines, lines.map(|lines| u16::try_from(lines).unwrap_or(3)));
            }
            "mouse" => errors.set(&mut ui.mouse, item.boolean()),
            "bidi" => {
                let words = [("auto", Bidi::Auto), ("on", Bidi::On), ("off", Bidi::Off)];
                errors.set(&mut ui.bidi, item.word(&words));
            }
            _ => errors.push(item.unknown(UI_KEYS)),
        }
    }
}
