//! From crossterm's events to ours, without late answers of the terminal.
//!
//! Whoever parses keys knows no OSC: a late `ESC ] 11 ; rgb:… BEL` arrives as Alt-], `1`, `1`, … Ctrl-G (or
//! Alt-\ for ST), and would be typed into the input. While an answer is due, keys that spell one are held; they are
//! swallowed when it is whole and given back when they turn out to be something else. It knows no time: who
//! has a clock may call [`InputFilter::release`].

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind,
};

use super::answers::{Match, classify};
use crate::keys::{MouseButton, MouseInput, MouseKind};

/// What a user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key went down or repeats; releases are dropped.
    Key(KeyEvent),
    /// Pasted text, never a command. Not sanitised yet.
    Paste(String),
    /// A button or the wheel; moves, with a button down or none, are dropped.
    Mouse(MouseInput),
    /// The terminal has the focus again.
    FocusGained,
    /// The terminal lost the focus.
    FocusLost,
}

/// Converts events and swallows what is left of the terminal's answers.
#[derive(Debug, Default)]
pub struct InputFilter {
    /// Whether an answer may still come.
    due: bool,
    /// The bytes of the answer so far, of which the first may have been read elsewhere.
    spelled: Vec<u8>,
    /// The keys that spelled them.
    held: Vec<KeyEvent>,
    /// Whether the key before was Escape: a read that ended there parts it from what follows.
    after_escape: bool,
}

impl InputFilter {
    /// For when nothing was asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// For when an answer is due, of which these bytes were read already.
    pub(super) fn expecting(start: &[u8]) -> Self {
        Self { due: true, spelled: start.to_vec(), ..Self::default() }
    }

    /// Takes an event and adds what it means, in order; nothing while keys are held.
    pub fn push(&mut self, event: Event, out: &mut Vec<Input>) {
        let input = match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => return,
            Event::Key(key) => return self.key(key, out),
            Event::Paste(text) => Input::Paste(text),
            // Sizes come with a signal.
            Event::Resize(..) => return,
            Event::FocusGained => Input::FocusGained,
            Event::FocusLost => Input::FocusLost,
            Event::Mouse(event) => match mouse(event) {
                Some(input) => Input::Mouse(input),
                None => return,
            },
        };
        out.push(input);
    }

    /// Whether keys are held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives held keys back: the rest of an answer would have come by now.
    pub fn release(&mut self, out: &mut Vec<Input>) {
        self.spelled.clear();
        out.extend(self.held.drain(..).map(Input::Key));
    }

    fn key(&mut self, key: KeyEvent, out: &mut Vec<Input>) {
        if !self.due {
            out.push(Input::Key(key));
            return;
        }
        let Some(bytes) = spelling(key) else {
            self.release(out);
            self.after_escape = key.code == KeyCode::Esc;
            out.push(Input::Key(key));
            return;
        };
        if self.spelled.is_empty() && self.after_escape {
            self.spelled.push(b'\x1b');
        }
        self.after_escape = false;
        self.spelled.extend_from_slice(&bytes);
        match classify(&self.spelled) {
            // An Escape alone is the user's until something follows it.
            Match::Start if self.spelled == b"\x1b" => {
                self.spelled.clear();
                self.after_escape = true;
                out.push(Input::Key(key));
            }
            Match::Start => self.held.push(key),
            Match::Background | Match::Attributes => {
                // DA1 alone is still followed by nothing; the background is followed by DA1, which the parser
                // swallows when it comes whole and we do when it comes in two parts.
                self.spelled.clear();
                self.held.clear();
            }
            Match::No => {
                self.release(out);
                self.after_escape = key.code == KeyCode::Esc;
                // The key that broke the spelling may begin the next one.
                if bytes.len() > 1 && classify(&bytes) == Match::Start {
                    self.spelled = bytes;
                    self.held.push(key);
                } else {
                    out.push(Input::Key(key));
                }
            }
        }
    }
}

fn mouse(event: MouseEvent) -> Option<MouseInput> {
    let button = |button| match button {
        event::MouseButton::Left => MouseButton::Left,
        event::MouseButton::Middle => MouseButton::Middle,
        event::MouseButton::Right => MouseButton::Right,
    };
    let kind = match event.kind {
        MouseEventKind::Down(down) => MouseKind::Press(button(down)),
        MouseEventKind::Up(up) => MouseKind::Release(button(up)),
        MouseEventKind::ScrollUp => MouseKind::WheelUp,
        MouseEventKind::ScrollDown => MouseKind::WheelDown,
        MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => return None,
    };
    Some(MouseInput { kind, column: event.column, row: event.row })
}

/// The bytes that were read when this key was said, as far as they occur in answers.
fn spelling(key: KeyEvent) -> Option<Vec<u8>> {
    match (key.code, key.modifiers) {
        (KeyCode::Esc, KeyModifiers::NONE) => Some(vec![b'\x1b']),
        (KeyCode::Char('g'), KeyModifiers::CONTROL) => Some(vec![b'\x07']),
        (KeyCode::Char(c), KeyModifiers::ALT) if c.is_ascii() => Some(vec![b'\x1b', c as u8]),
        // The parser marks capitals with Shift.
        (KeyCode::Char(c), KeyModifiers::NONE | KeyModifiers::SHIFT) if c.is_ascii() => Some(vec![c as u8]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::Parser;
    use super::*;

    /// The keys that are read of these bytes. `cut`: a read ends there, so an Escape before it comes alone.
    fn events(bytes: &[u8], cut: Option<usize>) -> Vec<KeyEvent> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        let (first, rest) = bytes.split_at(cut.unwrap_or(bytes.len()));
        for read in [first, rest] {
            parser.feed(read, &mut events);
            parser.pause(&mut events);
        }
        events.iter().filter_map(Event::as_key_event).collect()
    }

    fn run(filter: &mut InputFilter, keys: &[KeyEvent]) -> Vec<KeyEvent> {
        let mut out = Vec::new();
        for key in keys {
            filter.push(Event::Key(*key), &mut out);
        }
        out.into_iter()
            .map(|input| match input {
                Input::Key(key) => key,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_late_answer_is_never_typed() {
        for answer in [
            &b"\x1b]11;rgb:1E1e/ABCD/2e2e\x07"[..],
            b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
            b"\x1b]11;rgba:0/1/2/f\x07",
            b"\x1b]11;?\x07",
            b"\x1b]11;No such colour, sorry!\x1b\\",
            // Of several terminals at once.
            b"\x1b]11;rgb:0/0/0\x07\x1b]11;rgb:ff/ff/ff\x07\x1b]11;#fff\x1b\\",
        ] {
            let mut filter = InputFilter::expecting(b"");
            let bytes = [b"ab".as_slice(), answer, b"cd"].concat();
            assert_eq!(run(&mut filter, &events(&bytes, None)), events(b"abcd", None));
            assert!(!filter.holds());
        }
    }

    #[test]
    fn nor_where_a_read_ends_within_it() {
        let answer = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\";
        for cut in 1..answer.len() {
            let mut filter = InputFilter::expecting(b"");
            let got = run(&mut filter, &events(answer, Some(cut)));
            // An Escape that came alone is the user's as far as anybody can tell.
            let wanted: &[u8] = if cut == 1 { b"\x1b" } else { b"" };
            assert_eq!(got, events(wanted, None), "cut at {cut}");
        }
    }

    #[test]
    fn nor_where_the_query_read_its_start() {
        for answer in [&b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\"[..], b"\x1b[?62;4c"] {
            for cut in 1..answer.len() {
                if answer[cut - 1] == 0x1b || answer[cut..].starts_with(b"[?") {
                    continue;
                }
                let mut filter = InputFilter::expecting(&answer[..cut]);
                let rest = [&answer[cut..], b"ok"].concat();
                assert_eq!(run(&mut filter, &events(&rest, None)), events(b"ok", None), "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_an_answer_is_given_back() {
        for typed in
            [&b"\x1b]x"[..], b"\x1b]11x", b"\x1b]11;rgb:\x03", b"]11;rgb:1/2/3", b"\x1bb\x1b]\x1b]z", b"\x07"]
        {
            let mut filter = InputFilter::expecting(b"");
            let keys = events(typed, None);
            assert_eq!(run(&mut filter, &keys), keys, "{typed:?}");
        }
        let mut filter = InputFilter::expecting(b"");
        let keys = events(b"\x1b]1", None);
        assert_eq!(run(&mut filter, &keys), []);
        assert!(filter.holds());
        let mut out = Vec::new();
        filter.release(&mut out);
        assert_eq!(out, keys.into_iter().map(Input::Key).collect::<Vec<_>>());
    }

    #[test]
    fn with_no_answer_due_nothing_is_held() {
        let mut filter = InputFilter::new();
        let keys = events(b"\x1b]11;rgb:1/2/3\x07", None);
        assert_eq!(run(&mut filter, &keys), keys);
    }

    #[test]
    fn escape_is_never_held() {
        let mut filter = InputFilter::expecting(b"");
        let escape = events(b"\x1b", None);
        assert_eq!(run(&mut filter, &escape), escape);
    }

    #[test]
    fn buttons_and_the_wheel_pass_and_moves_do_not() {
        let mut filter = InputFilter::expecting(b"");
        let mut out = Vec::new();
        let left = event::MouseButton::Left;
        for kind in [
            MouseEventKind::Down(left),
            MouseEventKind::Drag(left),
            MouseEventKind::Up(left),
            MouseEventKind::Moved,
            MouseEventKind::ScrollLeft,
            MouseEventKind::ScrollUp,
            MouseEventKind::ScrollDown,
        ] {
            let event = MouseEvent { kind, column: 4, row: 2, modifiers: KeyModifiers::NONE };
            filter.push(Event::Mouse(event), &mut out);
        }
        let kinds = [
            MouseKind::Press(MouseButton::Left),
            MouseKind::Release(MouseButton::Left),
            MouseKind::WheelUp,
            MouseKind::WheelDown,
        ];
        assert_eq!(out, kinds.map(|kind| Input::Mouse(MouseInput { kind, column: 4, row: 2 })));
    }

    #[test]
    fn other_events_pass_and_releases_do_not() {
        let mut filter = InputFilter::new();
        let mut out = Vec::new();
        let mut up = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        up.kind = KeyEventKind::Release;
        for event in [Event::Key(up), Event::Paste("x\ny".into()), Event::FocusLost, Event::FocusGained] {
            filter.push(event, &mut out);
        }
        let wanted = [Input::Paste("x\ny".into()), Input::FocusLost, Input::FocusGained];
        assert_eq!(out, wanted);
    }
}
