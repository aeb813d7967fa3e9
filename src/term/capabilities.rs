//! What the terminal can do, asked of the terminal itself.
//!
//! OSC 11 asks for the background, DA1 right after it is what every terminal answers: once that is here,
//! nothing more will come. The question is sent, the program goes on, and the answer is polled for; what a
//! user typed meanwhile is kept apart. A later answer is [`super::InputFilter`]'s to swallow.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::answers::{Match, classify, colour};
use super::input::InputFilter;
use crate::theme::{Background, Rgb};

const QUESTION: &[u8] = b"\x1b]11;?\x1b\\\x1b[c";

/// At this luminance black and white text have the same contrast.
const MIDDLE: f64 = 0.179;

fn background_of(rgb: Rgb) -> Background {
    if rgb.luminance() > MIDDLE { Background::Light } else { Background::Dark }
}

/// All that the terminal will say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Nothing where the terminal does not tell.
    pub background: Option<Background>,
}

/// A question under way. The terminal must be raw, and nobody else may read from it.
#[derive(Debug, Default)]
pub struct Query {
    parser: Parser,
}

impl Query {
    /// Asks. The answer is a round trip away, over ssh too.
    pub fn send(out: &mut impl Write) -> io::Result<Query> {
        out.write_all(QUESTION)?;
        out.flush()?;
        Ok(Query::default())
    }

    /// Reads standard input until the answer is whole or the time has come. Nothing: not yet.
    pub fn poll(&mut self, until: Instant) -> io::Result<Option<Answer>> {
        let stdin = rustix::stdio::stdin();
        loop {
            if let Some(answer) = self.parser.answer() {
                return Ok(Some(answer));
            }
            let left = until.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            }
            let mut buffer = [0_u8; 256];
            match rustix::io::read(stdin, &mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.parser.feed(&buffer[..n]),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Ends the asking: what the user typed meanwhile, as bytes (see [`typed_keys`]), and the filter that
    /// swallows whatever of the answer is still to come.
    pub fn finish(self) -> (Vec<u8>, InputFilter) {
        let filter =
            if self.parser.done { InputFilter::new() } else { InputFilter::expecting(&self.parser.held) };
        (self.parser.leftover, filter)
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// Parts answers from what was typed.
#[derive(Debug, Default)]
struct Parser {
    /// The start of what may become an answer.
    held: Vec<u8>,
    leftover: Vec<u8>,
    background: Option<Background>,
    done: bool,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.held.push(byte);
            match classify(&self.held) {
                Match::Start => {}
                Match::Background => {
                    self.background = colour(&self.held).map(background_of);
                    self.held.clear();
                }
                Match::Attributes => {
                    self.done = true;
                    self.held.clear();
                }
                Match::No => self.give_up(byte),
            }
        }
    }

    /// What is held is no answer; its last byte may start one.
    fn give_up(&mut self, last: u8) {
        if last == b'\x1b' && self.held.len() > 1 {
            self.held.pop();
            self.leftover.append(&mut self.held);
            self.held.push(last);
            return;
        }
        self.leftover.append(&mut self.held);
    }

    fn answer(&self) -> Option<Answer> {
        self.done.then_some(Answer { background: self.background })
    }
}

/// The keys that bytes typed too early stand for: characters, Enter, Tab, Backspace and Ctrl-letters.
/// Other keys (sequences) are left out. Lines of a paste are no Enter.
pub fn typed_keys(bytes: &[u8]) -> Vec<KeyEvent> {
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars();
    let mut keys = Vec::new();
    let mut pasting = false;
    let mut key = |code, modifiers| keys.push(KeyEvent::new(code, modifiers));
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                // CSI: up to its final byte.
                Some('[') => {
                    let sequence: String =
                        chars.by_ref().take_while(|c| !('\x40'..='\x7e').contains(c)).collect();
                    match sequence.as_str() {
                        "200" => pasting = true,
                        "201" => pasting = false,
                        _ => {}
                    }
                }
                // SS3: one more.
                Some('O') => drop(chars.next()),
                // Alt and a character.
                _ => {}
            },
            // A terminal that was not raw yet made a line feed of Enter.
            '\r' | '\n' if pasting => key(KeyCode::Char('j'), KeyModifiers::CONTROL),
            '\r' | '\n' => key(KeyCode::Enter, KeyModifiers::NONE),
            '\t' => key(KeyCode::Tab, KeyModifiers::NONE),
            '\x7f' => key(KeyCode::Backspace, KeyModifiers::NONE),
            '\x01'..='\x1a' => {
                // Ctrl takes 0x60 off a letter.
                let letter = char::from(c as u8 + 0x60);
                key(KeyCode::Char(letter), KeyModifiers::CONTROL);
            }
            c if c.is_control() || c == char::REPLACEMENT_CHARACTER => {}
            c => key(KeyCode::Char(c), KeyModifiers::NONE),
        }
    }
    keys
}

/// What `COLORFGBG` (`15;0`, `0;default;15`) says, for terminals that do not answer.
pub fn background_from_colorfgbg(value: &str) -> Option<Background> {
    match value.rsplit(';').next()?.parse::<u8>().ok()? {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(bytes: &[u8]) -> Parser {
        let mut parser = Parser::default();
        parser.feed(bytes);
        parser
    }

    #[test]
    fn the_answer_is_whole_at_da1() {
        let light = fed(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;22c");
        assert_eq!(light.answer(), Some(Answer { background: Some(Background::Light) }));
        let dark = fed(b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07\x1b[?6c");
        assert_eq!(dark.answer(), Some(Answer { background: Some(Background::Dark) }));
        assert_eq!(fed(b"\x1b[?6c").answer(), Some(Answer { background: None }));
        assert_eq!(fed(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\").answer(), None);
    }

    #[test]
    fn any_split_of_the_bytes_is_the_same() {
        let bytes = b"hi\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[A\x1b\x1b[?62;22cyou";
        for cut in 0..bytes.len() {
            let mut parser = fed(&bytes[..cut]);
            parser.feed(&bytes[cut..]);
            assert_eq!(parser.answer(), Some(Answer { background: Some(Background::Light) }));
            assert_eq!(parser.leftover, b"hi\x1b[A\x1byou", "cut at {cut}");
        }
    }

    #[test]
    fn what_was_typed_early_becomes_text() {
        let shown = |bytes: &[u8]| -> String {
            let word = |key: &KeyEvent| match (key.code, key.modifiers) {
                (KeyCode::Char(c), KeyModifiers::NONE) => c.to_string(),
                (KeyCode::Char(c), _) => format!("<C-{c}>"),
                (code, _) => format!("<{code}>"),
            };
            typed_keys(bytes).iter().map(word).collect()
        };
        assert_eq!(shown("grüße".as_bytes()), "grüße");
        assert_eq!(shown(b"a\x1b[A\x1b[1;5Cb\x1bOPc\x1bxd\r\x03\x7fe"), "abcd<Enter><C-c><Backspace>e");
        assert_eq!(shown(b"hi\n\x04"), "hi<Enter><C-d>");
        assert_eq!(shown(b"\x1b[200~a\rb\x1b[201~\r"), "a<C-j>b<Enter>");
        assert_eq!(shown(b"a\xff\x1b"), "a");
        assert_eq!(shown(b"\x1b["), "");
    }

    #[test]
    fn colorfgbg() {
        assert_eq!(background_from_colorfgbg("15;0"), Some(Background::Dark));
        assert_eq!(background_from_colorfgbg("0;15"), Some(Background::Light));
        assert_eq!(background_from_colorfgbg("0;default;7"), Some(Background::Light));
        assert_eq!(background_from_colorfgbg("15;default"), None);
        assert_eq!(background_from_colorfgbg(""), None);
        assert_eq!(background_from_colorfgbg("1;200"), None);
    }
}
