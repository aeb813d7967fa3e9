//! One key with its modifiers: its name in files, and the one form of what terminals send for it.
//!
//! Terminals tell the same key in several ways: Ctrl-/ is `0x1f`, which crossterm calls Ctrl-7; Shift-Tab is
//! BackTab; with the kitty protocol Ctrl-M, Ctrl-I and Ctrl-[ are no longer Enter, Tab and Esc, and a Russian
//! layout sends Ctrl-с for Ctrl-C. [`Chord::from_event`] folds these into one, so that a binding acts alike
//! in every terminal.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key with its modifiers, in normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    pub(super) code: KeyCode,
    pub(super) modifiers: KeyModifiers,
}

/// The names of keys that are no characters. The first name of a code is the one that is shown.
const NAMED: [(&str, KeyCode); 26] = [
    ("Enter", KeyCode::Enter),
    ("Return", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Escape", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Space", KeyCode::Char(' ')),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Del", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Ins", KeyCode::Insert),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PgUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("PgDn", KeyCode::PageDown),
    ("↑", KeyCode::Up),
    ("Up", KeyCode::Up),
    ("↓", KeyCode::Down),
    ("Down", KeyCode::Down),
    ("←", KeyCode::Left),
    ("Left", KeyCode::Left),
    ("→", KeyCode::Right),
    ("Right", KeyCode::Right),
    ("Minus", KeyCode::Char('-')),
];

/// Why a text names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChordError {
    /// Nothing but modifiers, or nothing at all.
    #[error("no key is named; a key is written as Ctrl-P, Alt-Enter or F1")]
    Empty,
    /// The modifier, as written.
    #[error("unknown modifier {0:?}; allowed are Ctrl, Alt and Shift")]
    Modifier(String),
    /// The key, as written.
    #[error(
        "unknown key {0:?}; allowed are single characters, F1 to F24, Enter, Esc, Tab, Space, Minus, Backspace, \
         Delete, Insert, Home, End, PageUp, PageDown, Up, Down, Left, Right"
    )]
    Key(String),
    /// More keys one after another than are told apart.
    #[error("at most two keys one after another, as Ctrl-G n")]
    Long,
}

/// Reads `Ctrl-PageDown`. Case is all one, but for a single letter without Ctrl or Alt: `G` is Shift-g.
pub fn parse_chord(text: &str) -> Result<Chord, ChordError> {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text.trim();
    // A minus that ends the text is the key itself.
    while let Some((head, tail)) = rest.split_once(['-', '+']).filter(|(h, t)| !h.is_empty() && !t.is_empty())
    {
        modifiers |= match head.to_ascii_lowercase().as_str() {
            "ctrl" | "control" => KeyModifiers::CONTROL,
            "alt" | "meta" | "option" => KeyModifiers::ALT,
            "shift" => KeyModifiers::SHIFT,
            _ => return Err(ChordError::Modifier(head.to_owned())),
        };
        rest = tail;
    }
    let code = parse_code(rest)?;
    // Ctrl-P and Ctrl-p are one key; only a Shift that is written out counts with Ctrl or Alt.
    let code = match code {
        KeyCode::Char(c) if modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            KeyCode::Char(lower(c))
        }
        other => other,
    };
    Ok(normal(code, modifiers))
}

fn parse_code(name: &str) -> Result<KeyCode, ChordError> {
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (None, _) => return Err(ChordError::Empty),
        (Some(c), None) if !NAMED.iter().any(|(n, _)| *n == name) => {
            return if c.is_control() { Err(ChordError::Key(name.to_owned())) } else { Ok(KeyCode::Char(c)) };
        }
        _ => {}
    }
    if let Some((_, code)) = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(*code);
    }
    let number = name.strip_prefix(['F', 'f']).and_then(|n| n.parse::<u8>().ok());
    match number {
        Some(n @ 1..=24) => Ok(KeyCode::F(n)),
        _ => Err(ChordError::Key(name.to_owned())),
    }
}

impl Chord {
    /// What was pressed; nothing for a release and for keys with modifiers that are not ours (Super, Hyper).
    pub fn from_event(event: KeyEvent) -> Option<Chord> {
        match event.kind {
            KeyEventKind::Press | KeyEventKind::Repeat => {}
            KeyEventKind::Release => return None,
        }
        let ours = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        if !ours.contains(event.modifiers) {
            return None;
        }
        Some(normal(event.code, event.modifiers))
    }

    /// Whether it types a character.
    pub(super) fn is_typed(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }

    /// A letter as a Latin keyboard without caps lock would give it, for the key after a prefix.
    pub(super) fn as_plain_letter(self) -> Option<Chord> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() && c.is_alphabetic() => {
                Some(Chord { code: KeyCode::Char(lower(latin(c))), ..self })
            }
            _ => None,
        }
    }

    /// The same without Shift, for terminals and caps lock that add it to an Alt-letter.
    pub(super) fn without_alt_shift(self) -> Option<Chord> {
        let shifted = KeyModifiers::ALT | KeyModifiers::SHIFT;
        (self.modifiers == shifted && matches!(self.code, KeyCode::Char(_)))
            .then_some(Chord { code: self.code, modifiers: KeyModifiers::ALT })
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(c) if c != ' ' => {
                let shown = if self.modifiers.is_empty() { c } else { c.to_ascii_uppercase() };
                write!(f, "{shown}")
            }
            KeyCode::F(n) => write!(f, "F{n}"),
            code => {
                let name = NAMED.iter().find(|(_, known)| *known == code).map_or("?", |(name, _)| *name);
                f.write_str(name)
            }
        }
    }
}

fn normal(code: KeyCode, modifiers: KeyModifiers) -> Chord {
    match code {
        KeyCode::BackTab => Chord { code: KeyCode::Tab, modifiers: modifiers | KeyModifiers::SHIFT },
        KeyCode::Char(c) => normal_char(c, modifiers),
        _ => Chord { code, modifiers },
    }
}

fn normal_char(c: char, modifiers: KeyModifiers) -> Chord {
    let with_ctrl = modifiers.contains(KeyModifiers::CONTROL);
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    if !with_ctrl && !modifiers.contains(KeyModifiers::ALT) {
        let c = if shift { upper(c) } else { c };
        // Shift is already in the character, except for Space, which has no other face.
        return Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE };
    }
    let c = latin(c);
    let mut modifiers = modifiers;
    if c.is_uppercase() && !with_ctrl {
        modifiers |= KeyModifiers::SHIFT;
    }
    let mut c = lower(c);
    if c == '-' && shift {
        // The kitty protocol names the key, not the character: this is the underscore.
        c = '_';
    }
    if !c.is_alphanumeric() && c != ' ' {
        modifiers -= KeyModifiers::SHIFT;
    }
    if !with_ctrl {
        return Chord { code: KeyCode::Char(c), modifiers };
    }
    // What the bytes 0x08 to 0x1f stand for beside their letters.
    let code = match c {
        'm' if !shift => KeyCode::Enter,
        'i' if !shift => KeyCode::Tab,
        '[' => KeyCode::Esc,
        '4' => return Chord { code: KeyCode::Char('\\'), modifiers },
        '5' => return Chord { code: KeyCode::Char(']'), modifiers },
        '6' => return Chord { code: KeyCode::Char('^'), modifiers },
        '7' | '/' => return Chord { code: KeyCode::Char('_'), modifiers },
        c => return Chord { code: KeyCode::Char(c), modifiers },
    };
    Chord { code, modifiers: modifiers - KeyModifiers::CONTROL }
}

fn lower(c: char) -> char {
    let mut lowered = c.to_lowercase();
    match (lowered.next(), lowered.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn upper(c: char) -> char {
    let mut raised = c.to_uppercase();
    match (raised.next(), raised.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The key of a Latin keyboard on which this letter of the Russian layout lies.
fn latin(c: char) -> char {
    const RUSSIAN: &str = "йцукенгшщзхъфывапролджэячсмитьбю";
    const LATIN: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.";
    if c.is_ascii() {
        return c;
    }
    RUSSIAN.chars().zip(LATIN.chars()).find(|(cyrillic, _)| *cyrillic == lower(c)).map_or(c, |(_, key)| key)
}
