//! A theme file: TOML with spans, so that an error can name the line, the key and what is allowed.

use std::ops::Range;

use ratatui::style::Modifier;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::color::{ANSI_NAMES, Rgb};
use super::{Background, ROLES};
use crate::base::Tone;

/// What is wrong with a theme file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ThemeError {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The key, what is wrong with it and what is allowed.
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Default,
    Ansi(u8),
    Rgb(Rgb),
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Role {
    pub(super) fg: Option<Paint>,
    pub(super) bg: Option<Paint>,
    pub(super) ansi: Option<u8>,
    pub(super) modifiers: Modifier,
}

/// What a theme file says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parsed {
    pub(super) background: Background,
    pub(super) canvas: Option<Paint>,
    pub(super) roles: [Role; ROLES],
}

const TOP_KEYS: [&str; 3] = ["background", "canvas", "roles"];
const ROLE_KEYS: [&str; 7] = ["fg", "bg", "ansi", "bold", "italic", "dim", "underline"];

pub(super) fn parse(file: &str, text: &str) -> Result<Parsed, ThemeError> {
    let reader = Reader { file, text };
    let table =
        DeTable::parse(text).map_err(|e| reader.error(e.span().unwrap_or(0..0), e.message().to_owned()))?;
    let mut parsed = Parsed::default();
    let mut canvas_at = 0..0;
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "background" => parsed.background = reader.background(value)?,
            "canvas" => {
                canvas_at = value.span();
                parsed.canvas = Some(reader.paint(value, "canvas")?).filter(|paint| *paint != Paint::Default);
            }
            "roles" => parsed.roles = reader.roles(value)?,
            other => return Err(reader.unknown(key.span(), "key", other, &TOP_KEYS)),
        }
    }
    let text = parsed.roles[Tone::Text as usize].fg;
    if parsed.canvas.is_some() && matches!(text, None | Some(Paint::Default)) {
        // The terminal's own text may have the very colour of the canvas.
        let what = "canvas: also give the role text a fg, such as text = { fg = \"#f8f8f2\" }";
        return Err(reader.error(canvas_at, what.into()));
    }
    Ok(parsed)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl Reader<'_> {
    fn background(&self, value: &Value) -> Result<Background, ThemeError> {
        match value.get_ref().as_str() {
            Some("dark") => Ok(Background::Dark),
            Some("light") => Ok(Background::Light),
            _ => Err(self.error(value.span(), "background: allowed are \"dark\" and \"light\"".into())),
        }
    }

    fn roles(&self, value: &Value) -> Result<[Role; ROLES], ThemeError> {
        let names = Tone::ALL.map(Tone::name);
        let mut roles = [Role::default(); ROLES];
        for (key, value) in self.table(value, "roles")? {
            let name = key.get_ref().as_ref();
            let Some(index) = names.iter().position(|known| *known == name) else {
                return Err(self.unknown(key.span(), "role", name, &names));
            };
            roles[index] = self.role(value, name)?;
        }
        Ok(roles)
    }

    fn role(&self, value: &Value, name: &str) -> Result<Role, ThemeError> {
        let mut role = Role::default();
        for (key, value) in self.table(value, name)? {
            let key_name = key.get_ref().as_ref();
            let path = format!("{name}.{key_name}");
            let modifier = match key_name {
                "fg" => {
                    role.fg = Some(self.paint(value, &path)?);
                    continue;
                }
                "bg" => {
                    role.bg = Some(self.paint(value, &path)?);
                    continue;
                }
                "ansi" => {
                    role.ansi = Some(self.ansi(value, &path)?);
                    continue;
                }
                "bold" => Modifier::BOLD,
                "italic" => Modifier::ITALIC,
                "dim" => Modifier::DIM,
                "underline" => Modifier::UNDERLINED,
                other => return Err(self.unknown(key.span(), &format!("key in {name}"), other, &ROLE_KEYS)),
            };
            let on = value
                .get_ref()
                .as_bool()
                .ok_or_else(|| self.error(value.span(), format!("{path}: allowed are true and false")))?;
            role.modifiers.set(modifier, on);
        }
        Ok(role)
    }

    fn paint(&self, value: &Value, path: &str) -> Result<Paint, ThemeError> {
        let text = value.get_ref().as_str().unwrap_or_default();
        if text == "default" {
            return Ok(Paint::Default);
        }
        if let Some(rgb) = Rgb::parse(text) {
            return Ok(Paint::Rgb(rgb));
        }
        if let Some(index) = ansi_index(text) {
            return Ok(Paint::Ansi(index));
        }
        let hint = nearest(text, &ANSI_NAMES).map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
        let what = format!(
            "{path}: not a colour; allowed are \"#rrggbb\", \"#rgb\", \"default\" and {}{hint}",
            ANSI_NAMES.join(", ")
        );
        Err(self.error(value.span(), what))
    }

    fn ansi(&self, value: &Value, path: &str) -> Result<u8, ThemeError> {
        let text = value.get_ref().as_str().unwrap_or_default();
        ansi_index(text).ok_or_else(|| {
            let hint =
                nearest(text, &ANSI_NAMES).map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
            self.error(value.span(), format!("{path}: allowed are {}{hint}", ANSI_NAMES.join(", ")))
        })
    }

    fn table<'v, 'i>(&self, value: &'v Value<'i>, name: &str) -> Result<&'v DeTable<'i>, ThemeError> {
        value.get_ref().as_table().ok_or_else(|| {
            self.error(value.span(), format!("{name}: must be a table such as {{ fg = \"#8ab4f8\" }}"))
        })
    }

    fn unknown(&self, span: Range<usize>, kind: &str, name: &str, allowed: &[&str]) -> ThemeError {
        let hint = nearest(name, allowed).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        self.error(span, format!("unknown {kind} {name:?}; allowed are {}{hint}", allowed.join(", ")))
    }

    fn error(&self, span: Range<usize>, what: String) -> ThemeError {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        ThemeError { file: self.file.to_owned(), line, what }
    }
}

fn ansi_index(name: &str) -> Option<u8> {
    ANSI_NAMES.iter().position(|known| *known == name).and_then(|i| u8::try_from(i).ok())
}

/// The known word that the unknown one most likely meant.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // A hostile word as long as a book is not compared.
    if word.len() > 64 {
        return None;
    }
    let limit = (word.chars().count() / 3).max(2);
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), *k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, k)| k)
}
