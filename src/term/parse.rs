//! From the bytes that a terminal sends to crossterm's events.
//!
//! Bytes in any pieces go in, whole keys, pastes, mouse reports and changes of the focus come out: the
//! sequences of xterm and its kin, kitty's and xterm's (`modifyOtherKeys`) unambiguous keys. It reads as
//! crossterm's own parser does, an OSC included ([`super::InputFilter`] builds on that), but a sequence that
//! breaks off costs no key that follows it. It reads nothing and knows no time: [`Parser::pause`] and
//! [`Parser::give_up`] are for who has a terminal and a clock.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

const PASTE_END: &[u8] = b"\x1b[201~";
/// Longer than any sequence of a key.
const LONGEST: usize = 64;

/// Bytes to events.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The start of a key's sequence or of a character.
    part: Vec<u8>,
    /// The paste that has begun.
    paste: Option<Vec<u8>>,
}

/// What the bytes so far are.
#[derive(Debug)]
enum Step {
    /// The start of something.
    More,
    Whole(Event),
    /// The Escape key, and the start of something.
    Escape,
    PasteBegins,
    /// Something whole that is no key, or nothing at all.
    Nothing,
    /// Nothing, but the last byte may start something.
    Anew,
}

impl Parser {
    /// Takes bytes and adds what they complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<Event>) {
        while !bytes.is_empty() {
            let Some(paste) = &mut self.paste else {
                self.byte(bytes[0], out);
                bytes = &bytes[1..];
                continue;
            };
            // The end may have begun in what came before.
            let from = paste.len().saturating_sub(PASTE_END.len() - 1);
            let before = paste.len();
            paste.extend_from_slice(bytes);
            let Some(end) = memchr::memmem::find(&paste[from..], PASTE_END).map(|at| from + at) else {
                return;
            };
            bytes = &bytes[end + PASTE_END.len() - before..];
            paste.truncate(end);
            let text = match String::from_utf8(std::mem::take(paste)) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            };
            self.paste = None;
            out.push(Event::Paste(text));
        }
    }

    /// Whether the bytes end with an Escape: the key, unless more is there already.
    pub(super) fn after_escape(&self) -> bool {
        self.part == b"\x1b"
    }

    /// No more is there now: an Escape at the end is the key.
    pub(super) fn pause(&mut self, out: &mut Vec<Event>) {
        if self.after_escape() {
            self.part.clear();
            out.push(key(KeyCode::Esc, KeyModifiers::NONE));
        }
    }

    /// Whether the bytes end with what starts a sequence, but is also a key with Alt.
    pub(super) fn is_in_doubt(&self) -> bool {
        matches!(self.part.as_slice(), b"\x1b[" | b"\x1bO")
    }

    /// The rest of a sequence would have come by now: it was a key with Alt.
    pub(super) fn give_up(&mut self, out: &mut Vec<Event>) {
        match self.part.as_slice() {
            b"\x1b[" => out.push(key(KeyCode::Char('['), KeyModifiers::ALT)),
            b"\x1bO" => out.push(key(KeyCode::Char('O'), KeyModifiers::ALT | KeyModifiers::SHIFT)),
            _ => return,
        }
        self.part.clear();
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Event>) {
        self.part.push(byte);
        match step(&self.part) {
            Step::More => return,
            Step::Whole(event) => out.push(event),
            Step::Nothing => {}
            Step::PasteBegins => self.paste = Some(Vec::new()),
            Step::Escape => {
                out.push(key(KeyCode::Esc, KeyModifiers::NONE));
                self.part.pop();
                return;
            }
            Step::Anew => {
                self.part.clear();
                return self.byte(byte, out);
            }
        }
        self.part.clear();
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn step(part: &[u8]) -> Step {
    match part {
        b"\x1b" | b"\x1b[" | b"\x1bO" => Step::More,
        b"\x1b\x1b" => Step::Escape,
        [b'\x1b', b'[', body @ ..] => control_sequence(body),
        [b'\x1b', b'O', last] => match cursor_or_function(*last) {
            Some(code) => Step::Whole(key(code, KeyModifiers::NONE)),
            None if last.is_ascii_control() => Step::Anew,
            None => Step::Nothing,
        },
        [b'\x1b', rest @ ..] => match character(rest) {
            Step::Whole(Event::Key(mut key)) => {
                key.modifiers |= KeyModifiers::ALT;
                Step::Whole(Event::Key(key))
            }
            other => other,
        },
        _ => character(part),
    }
}

/// A character, or a key that is told by one byte.
fn character(part: &[u8]) -> Step {
    let plain = |code| Step::Whole(key(code, KeyModifiers::NONE));
    let control = |c: u8| Step::Whole(key(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL));
    match part {
        b"\r" => plain(KeyCode::Enter),
        b"\t" => plain(KeyCode::Tab),
        b"\x7f" => plain(KeyCode::Backspace),
        b"\0" => control(b' '),
        [byte @ 0x01..=0x1a] => control(byte - 0x01 + b'a'),
        [byte @ 0x1c..=0x1f] => control(byte - 0x1c + b'4'),
        _ => match std::str::from_utf8(part) {
            Ok(text) => match text.chars().next() {
                // As a terminal with unambiguous keys says it.
                Some(c) if c.is_uppercase() => Step::Whole(key(KeyCode::Char(c), KeyModifiers::SHIFT)),
                Some(c) => plain(KeyCode::Char(c)),
                None => Step::Nothing,
            },
            Err(error) if error.error_len().is_none() => Step::More,
            Err(_) if part.len() > 1 => Step::Anew,
            Err(_) => Step::Nothing,
        },
    }
}

/// What stands behind `ESC [`.
fn control_sequence(body: &[u8]) -> Step {
    match body {
        // The console of Linux: F1 to F5.
        b"[" => return Step::More,
        [b'[', last @ b'A'..=b'E'] => {
            return Step::Whole(key(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE));
        }
        [b'[', last] if !last.is_ascii_control() => return Step::Nothing,
        // A mouse report of the old kind: three bytes, which are no text.
        [b'M', button, column, row] => {
            let [button, column, row] = [button, column, row].map(|byte| u16::from(*byte).saturating_sub(32));
            return whole(mouse(button, column, row));
        }
        [b'M', ..] => return Step::More,
        _ => {}
    }
    let Some((last, parameters)) = body.split_last() else { return Step::More };
    match last {
        b' '..=b'?' if body.len() > LONGEST => Step::Nothing,
        b' '..=b'?' => Step::More,
        b'@'..=b'~' if parameters == b"200" && *last == b'~' => Step::PasteBegins,
        b'@'..=b'~' => whole(event(parameters, *last)),
        // What no sequence holds is the next key.
        _ => Step::Anew,
    }
}

fn whole(event: Option<Event>) -> Step {
    event.map_or(Step::Nothing, Step::Whole)
}

/// The event of a whole sequence `ESC [ parameters last`; `None` for one that is none, such as an answer.
fn event(parameters: &[u8], last: u8) -> Option<Event> {
    if let Some(report) = parameters.strip_prefix(b"<") {
        let event = mouse_of(report)?;
        let up = last == b'm';
        return (up || last == b'M').then(|| if up { released(event) } else { event });
    }
    let numbers = Numbers::new(parameters)?;
    let modifiers = numbers.modifiers();
    let code = match last {
        b'I' if parameters.is_empty() => return Some(Event::FocusGained),
        b'O' if parameters.is_empty() => return Some(Event::FocusLost),
        // A report of the mouse of rxvt.
        b'M' => {
            let (button, column, row) = (numbers.at(0)?, numbers.at(1)?, numbers.at(2)?);
            let small = |number: u32| u16::try_from(number).ok();
            return mouse(small(button)?.checked_sub(32)?, small(column)?, small(row)?);
        }
        b'Z' => return Some(numbers.key(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT)),
        b'u' => return numbers.code(numbers.at(0)?, modifiers, numbers.shifted()),
        // xterm's `modifyOtherKeys`: the code comes last.
        b'~' if numbers.at(0) == Some(27) => return numbers.code(numbers.at(2)?, modifiers, None),
        b'~' => numbered(numbers.at(0)?)?,
        // Nobody asks where the cursor is, so this is no answer.
        b'R' if numbers.at(1).is_some() => KeyCode::F(3),
        _ => cursor_or_function(last).filter(|_| last != b'R')?,
    };
    // Older terminals leave the first number out: `ESC [ 5 A` is Ctrl-Up.
    let modifiers = match (last, numbers.at(0), numbers.at(1)) {
        (b'~', ..) | (_, _, Some(_)) => modifiers,
        (_, Some(only), None) => modifiers_of(only),
        (_, None, None) => KeyModifiers::NONE,
    };
    Some(numbers.key(code, modifiers))
}

fn cursor_or_function(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

/// The key of `ESC [ number ~`.
fn numbered(number: u32) -> Option<KeyCode> {
    let function = |number: u32, less: u32| u8::try_from(number - less).ok().map(KeyCode::F);
    match number {
        1 | 7 => Some(KeyCode::Home),
        2 => Some(KeyCode::Insert),
        3 => Some(KeyCode::Delete),
        4 | 8 => Some(KeyCode::End),
        5 => Some(KeyCode::PageUp),
        6 => Some(KeyCode::PageDown),
        11..=15 => function(number, 10),
        17..=21 => function(number, 11),
        23..=26 => function(number, 12),
        28..=29 => function(number, 15),
        31..=34 => function(number, 17),
        _ => None,
    }
}

fn modifiers_of(number: u32) -> KeyModifiers {
    let mask = number.saturating_sub(1);
    let of = [
        KeyModifiers::SHIFT,
        KeyModifiers::ALT,
        KeyModifiers::CONTROL,
        KeyModifiers::SUPER,
        KeyModifiers::HYPER,
        KeyModifiers::META,
    ];
    let held = of.into_iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
    held.fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}

/// The parameters of a sequence: `number:number;…`, each of which may be left out.
struct Numbers<'a>(&'a str);

impl<'a> Numbers<'a> {
    /// `None` where they are something else.
    fn new(parameters: &'a [u8]) -> Option<Self> {
        let is_one = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
        let text = std::str::from_utf8(parameters).ok()?;
        parameters.iter().all(is_one).then_some(Self(text))
    }

    fn sub(&self, index: usize, sub: usize) -> Option<u32> {
        self.0.split(';').nth(index)?.split(':').nth(sub)?.parse().ok()
    }

    fn at(&self, index: usize) -> Option<u32> {
        self.sub(index, 0)
    }

    fn modifiers(&self) -> KeyModifiers {
        self.at(1).map_or(KeyModifiers::NONE, modifiers_of)
    }

    /// The character that Shift makes of the key, where the terminal tells it.
    fn shifted(&self) -> Option<char> {
        self.sub(0, 1).and_then(char::from_u32)
    }

    /// With whether it was pressed, repeats or was released.
    fn key(&self, code: KeyCode, modifiers: KeyModifiers) -> Event {
        let kind = match self.sub(1, 1) {
            Some(2) => KeyEventKind::Repeat,
            Some(3) => KeyEventKind::Release,
            _ => KeyEventKind::Press,
        };
        Event::Key(KeyEvent::new_with_kind(code, modifiers, kind))
    }

    /// A key that is told by its character.
    fn code(&self, number: u32, modifiers: KeyModifiers, shifted: Option<char>) -> Option<Event> {
        let has_shift = modifiers.contains(KeyModifiers::SHIFT);
        if let (true, Some(c)) = (has_shift, shifted) {
            return Some(self.key(KeyCode::Char(c), modifiers - KeyModifiers::SHIFT));
        }
        let code = match char::from_u32(number)? {
            '\x1b' => KeyCode::Esc,
            '\r' => KeyCode::Enter,
            '\t' if has_shift => KeyCode::BackTab,
            '\t' => KeyCode::Tab,
            '\x08' | '\x7f' => KeyCode::Backspace,
            c if c.is_control() => return None,
            // Kitty's own numbers, in Unicode's private part.
            '\u{e000}'..='\u{f8ff}' => keypad_or_function(number)?,
            c => KeyCode::Char(c),
        };
        Some(self.key(code, modifiers))
    }
}

/// The keys that kitty gives numbers of its own, but for those that do nothing in a chat (locks, media,
/// modifiers alone).
fn keypad_or_function(number: u32) -> Option<KeyCode> {
    const KEYPAD: &[u8] = b"0123456789./*-+\r=,";
    const NAMED: [KeyCode; 10] = [
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Insert,
        KeyCode::Delete,
    ];
    let nth = |first: u32| usize::try_from(number - first).ok();
    match number {
        57_376..=57_398 => u8::try_from(number - 57_376 + 13).ok().map(KeyCode::F),
        57_399..=57_416 => match KEYPAD.get(nth(57_399)?)? {
            b'\r' => Some(KeyCode::Enter),
            c => Some(KeyCode::Char(char::from(*c))),
        },
        57_417..=57_426 => NAMED.get(nth(57_417)?).copied(),
        _ => None,
    }
}

fn mouse_of(report: &[u8]) -> Option<Event> {
    let mut numbers = std::str::from_utf8(report).ok()?.split(';').map(|number| number.parse().ok());
    mouse(numbers.next()??, numbers.next()??, numbers.next()??)
}

/// A report of the mouse; columns and rows come counted from 1.
fn mouse(button: u16, column: u16, row: u16) -> Option<Event> {
    let is_drag = button & 0b10_0000 != 0;
    let kind = match ((button & 0b11) | ((button & 0b1100_0000) >> 4), is_drag) {
        (0, false) => MouseEventKind::Down(MouseButton::Left),
        (1, false) => MouseEventKind::Down(MouseButton::Middle),
        (2, false) => MouseEventKind::Down(MouseButton::Right),
        (0, true) => MouseEventKind::Drag(MouseButton::Left),
        (1, true) => MouseEventKind::Drag(MouseButton::Middle),
        (2, true) => MouseEventKind::Drag(MouseButton::Right),
        // Which one is not told.
        (3, false) => MouseEventKind::Up(MouseButton::Left),
        (3..=5, true) => MouseEventKind::Moved,
        (4, false) => MouseEventKind::ScrollUp,
        (5, false) => MouseEventKind::ScrollDown,
        (6, false) => MouseEventKind::ScrollLeft,
        (7, false) => MouseEventKind::ScrollRight,
        _ => return None,
    };
    let held = [(0b100, KeyModifiers::SHIFT), (0b1000, KeyModifiers::ALT), (0b1_0000, KeyModifiers::CONTROL)];
    let held = held.into_iter().filter(|(bit, _)| button & bit != 0);
    let modifiers = held.fold(KeyModifiers::NONE, |all, (_, one)| all | one);
    let (column, row) = (column.saturating_sub(1), row.saturating_sub(1));
    Some(Event::Mouse(MouseEvent { kind, column, row, modifiers }))
}

fn released(event: Event) -> Event {
    match event {
        Event::Mouse(MouseEvent { kind: MouseEventKind::Down(button), column, row, modifiers }) => {
            Event::Mouse(MouseEvent { kind: MouseEventKind::Up(button), column, row, modifiers })
        }
        other => other,
    }
}
