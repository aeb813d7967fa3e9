//! Walks a TOML document with its spans, so that each error can name line and key.
//!
//! An [`Item`] is one value with its path. Its methods read it as what it has to be; what it is
//! otherwise becomes an error that says what is allowed, never a guess.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration;
use super::error::{ConfigError, Place, nearest, shown};
use crate::base::quote;

/// A file under reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// Its name as errors show it.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Source<'a> {
    /// Parses the text.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        DeTable::parse(self.text).map_err(|error| self.syntax_error(&error))
    }

    /// The whole document as one item.
    pub(super) fn items<'d>(&self, document: &'d Spanned<DeTable<'a>>) -> Vec<Item<'d>>
    where
        'a: 'd,
    {
        items_of(*self, "", document.get_ref())
    }

    fn syntax_error(&self, error: &toml::de::Error) -> ConfigError {
        let offset = error.span().map_or(0, |span| span.start).min(self.text.len());
        let before = self.text.get(..offset).unwrap_or_default();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let line = self.text.lines().nth(line_of(self.text, offset) - 1).unwrap_or_default();
        let place =
            Place::File { name: self.name.to_owned(), line: line_of(self.text, offset), key: String::new() };
        let message = error.message().trim().replace('\n', ", ");
        ConfigError::new(place, format!("column {column}: {message}\n    {}", shown(&without_secret(line))))
    }
}

/// A line that may hold a key is shown only up to its `=`; what looks like a key by its length alone
/// (a line inside a long string) is left out.
fn without_secret(line: &str) -> String {
    match line.split_once('=').filter(|_| looks_secret(line)) {
        Some((before, _)) => format!("{before}= …"),
        None => without_keys(line.trim_end()),
    }
}

/// `text` without what looks like a key by its length.
pub(super) fn without_keys(text: &str) -> String {
    const KEY_CHARS: usize = 20;
    let in_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split_inclusive(|c| !in_key(c))
        .map(|piece| if piece.len() > KEY_CHARS { "…" } else { piece })
        .collect()
}

/// Whether the name of a header or key (or a line with one) speaks of something secret.
pub(super) fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "auth", "token", "cookie", "secret", "password", "credential"]
        .iter()
        .any(|word| name.contains(word))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// The entries of a table in the order of the file.
fn items_of<'a>(source: Source<'a>, path: &str, table: &'a DeTable<'a>) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = table
        .iter()
        .map(|(key, value)| Item {
            source,
            path: join(path, key.get_ref()),
            key: key.get_ref(),
            offset: key.span().start,
            value: value.get_ref(),
        })
        .collect();
    items.sort_by_key(|item| item.offset);
    items
}

/// A whole key, from that of the table and the last part.
pub(super) fn join(path: &str, key: &str) -> String {
    let key = quote::key(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// One value of a file.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    source: Source<'a>,
    path: String,
    key: &'a str,
    offset: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    /// The last part of its key.
    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Place {
        Place::File {
            name: self.source.name.to_owned(),
            line: line_of(self.source.text, self.offset),
            key: self.path.clone(),
        }
    }

    /// Notes where it stands, and all that is in it.
    pub(super) fn note_places(&self, places: &mut BTreeMap<String, Place>) {
        places.insert(self.path.clone(), self.place());
        // TOML limits the depth to 80, so this recursion is bounded.
        for item in self.table().unwrap_or_default() {
            item.note_places(places);
        }
    }

    /// An error about it.
    pub(super) fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(self.place(), message)
    }

    /// It is not what it has to be.
    fn wrong(&self, expected: &str) -> ConfigError {
        self.error(format!("must be {expected}, not {}", kind(self.value)))
    }

    /// Its key means nothing here.
    pub(super) fn unknown(&self, allowed: &[&str]) -> ConfigError {
        let list = allowed.join(", ");
        match nearest(self.key, allowed) {
            Some(near) => self.error(format!("unknown key; did you mean `{near}`? Allowed here: {list}")),
            None => self.error(format!("unknown key. Allowed here: {list}")),
        }
    }

    /// Its key is known, but to a later version.
    pub(super) fn not_yet(&self) -> ConfigError {
        self.error("not yet supported by this version; take it out")
    }

    /// Any text.
    pub(super) fn string(&self) -> Result<String, ConfigError> {
        match self.value {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            _ => Err(self.wrong("a string")),
        }
    }

    /// A text that is a name: not empty.
    pub(super) fn name(&self) -> Result<String, ConfigError> {
        let text = self.string()?;
        if text.trim().is_empty() { Err(self.error("must not be empty")) } else { Ok(text) }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ConfigError> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let expected = format!("one of {}", names.join(", "));
        let DeValue::String(text) = self.value else {
            return Err(self.wrong(&expected));
        };
        match words.iter().find(|(name, _)| name == text) {
            Some((_, value)) => Ok(*value),
            None => {
                let near = nearest(text, &names).map(|near| format!("; did you mean `{near}`?"));
                Err(self.error(format!("`{}` must be {expected}{}", shown(text), near.unwrap_or_default())))
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A whole number of a range.
    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, ConfigError> {
        let (low, high) = (range.start(), range.end());
        let expected = match (*low, *high) {
            (i64::MIN, i64::MAX) => "a whole number".to_owned(),
            (low, i64::MAX) => format!("a whole number of {low} or more"),
            (low, high) => format!("a whole number from {low} to {high}"),
        };
        let DeValue::Integer(number) = self.value else {
            return Err(self.wrong(&expected));
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(self.error(format!("{number} must be {expected}"))),
        }
    }

    /// A number of a range, whole or not.
    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Result<f64, ConfigError> {
        let expected = if *range.end() == f64::MAX {
            format!("a number of {} or more", range.start())
        } else {
            format!("a number from {} to {}", range.start(), range.end())
        };
        let number = match self.value {
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => return Err(self.wrong(&expected)),
        };
        match number {
            Some(number) if range.contains(&number) => Ok(number),
            _ => Err(self.error(format!("must be {expected}"))),
        }
    }

    /// A duration; the number 0 will do for none.
    pub(super) fn duration(&self) -> Result<Duration, ConfigError> {
        match self.value {
            DeValue::String(text) => {
                duration::parse(text).map_err(|error| self.error(format!("`{}`: {error}", shown(text))))
            }
            DeValue::Integer(number) if number.as_str() == "0" => Ok(Duration::ZERO),
            _ => Err(self.wrong(&format!("a string: {}", duration::ALLOWED))),
        }
    }

    /// A list of texts.
    pub(super) fn strings(&self) -> Result<Vec<String>, ConfigError> {
        let DeValue::Array(array) = self.value else {
            return Err(self.wrong("a list of strings"));
        };
        let texts = array.iter().map(|item| match item.get_ref() {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            other => Err(self.error(format!("must be a list of strings, and holds {}", kind(other)))),
        });
        texts.collect()
    }

    /// One text or a list of them.
    pub(super) fn string_or_strings(&self) -> Result<Vec<String>, ConfigError> {
        match self.value {
            DeValue::String(text) => Ok(vec![text.clone().into_owned()]),
            DeValue::Array(_) => self.strings(),
            _ => Err(self.wrong("a string or a list of strings")),
        }
    }

    /// The entries of a table, in the order of the file.
    pub(super) fn table(&self) -> Result<Vec<Item<'a>>, ConfigError> {
        match self.value {
            DeValue::Table(table) => Ok(items_of(self.source, &self.path, table)),
            _ => Err(self.wrong("a table")),
        }
    }

    /// Any value, as JSON.
    pub(super) fn json(&self) -> Result<Value, ConfigError> {
        json(self.value).map_err(|message| self.error(message))
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// TOML limits the depth to 80, so this recursion is bounded.
fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| format!("{number} is too large"))?,
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| format!("{number} cannot be sent: JSON has no such number"))?,
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(array) => {
            Value::Array(array.iter().map(|item| json(item.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| Ok((key.get_ref().clone().into_owned(), json(value.get_ref())?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}
