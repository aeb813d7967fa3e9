//! What the terminal says it can do, for a report on it. The chat asks less ([`super::Query`]): it uses what
//! terminals that lack it ignore.
//!
//! One write asks for the background (OSC 11), the keyboard protocol, three modes (DECRQM) and, last, for the
//! attributes (DA1) that every terminal tells; what comes before those is taken in. The terminal is raw for
//! that long, a fraction of a second, so that answers are neither echoed nor waited for to the end of a line.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::answers::colour;
use super::capabilities::background_of;
use crate::theme::Background;

/// The most bytes of answers.
const LONGEST: usize = 4096;
const INTERRUPT: u8 = 3;
const BACKGROUND: &[u8] = b"\x1b]11;?\x1b\\";
const KEYBOARD: &[u8] = b"\x1b[?u";
const MODES: &[u8] = b"\x1b[?2026$p\x1b[?1006$p\x1b[?2004$p";
const ATTRIBUTES: &[u8] = b"\x1b[c";
const SYNCHRONIZED: &str = "2026";
const MOUSE: &str = "1006";
const PASTES: &str = "2004";

/// Whether modes may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// They may.
    Asked,
    /// Terminal.app prints the end of the question.
    Unasked,
}

/// What the terminal said. `None`: it says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Survey {
    /// Whether it answered at all.
    pub answered: bool,
    /// Dark or light.
    pub background: Option<Background>,
    /// The kitty keyboard protocol; a terminal without it says nothing.
    pub keyboard: bool,
    /// Whole frames at once.
    pub synchronized: Option<bool>,
    /// The mouse, in the form without limits.
    pub mouse: Option<bool>,
    /// Pastes with marks around them.
    pub pastes: Option<bool>,
    /// Ctrl-C was typed meanwhile.
    pub interrupted: bool,
}

impl Survey {
    /// Asks the terminal on standard input and output, and waits so long for its last word at most. What was
    /// typed meanwhile is lost.
    ///
    /// # Errors
    /// The terminal cannot be set up, or is gone.
    pub fn take(modes: Modes, patience: Duration) -> io::Result<Survey> {
        let _raw = Raw::enter()?;
        let mut question = [BACKGROUND, KEYBOARD].concat();
        if modes == Modes::Asked {
            question.extend_from_slice(MODES);
        }
        question.extend_from_slice(ATTRIBUTES);
        let mut out = io::stdout().lock();
        out.write_all(&question)?;
        out.flush()?;
        let until = Instant::now() + patience;
        let mut bytes = Vec::new();
        loop {
            let survey = read(&bytes);
            let left = until.saturating_duration_since(Instant::now());
            if survey.answered || survey.interrupted || left.is_zero() || bytes.len() >= LONGEST {
                return Ok(survey);
            }
            wait(&mut bytes, left)?;
        }
    }
}

fn wait(bytes: &mut Vec<u8>, patience: Duration) -> io::Result<()> {
    let stdin = rustix::stdio::stdin();
    let limit = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(patience.subsec_nanos()),
    };
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let mut buffer = [0_u8; 512];
    match rustix::io::read(stdin, &mut buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            bytes.extend_from_slice(&buffer[..count]);
            Ok(())
        }
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What these bytes tell.
fn read(bytes: &[u8]) -> Survey {
    let mut survey = Survey::default();
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == INTERRUPT {
            survey.interrupted = true;
        }
        if first != b'\x1b' {
            continue;
        }
        match after.first() {
            Some(b']') => {
                let Some(end) = after.iter().position(|byte| matches!(byte, b'\x07' | b'\x1b')) else {
                    break;
                };
                let answer = [b"\x1b", &after[..end]].concat();
                survey.background = colour(&answer).map(background_of).or(survey.background);
                rest = &after[end..];
            }
            Some(b'[') => {
                let Some(end) = after.iter().skip(1).position(|byte| (0x40..=0x7E).contains(byte)) else {
                    break;
                };
                let (body, last) = (&after[1..=end], after[end + 1]);
                let body = std::str::from_utf8(body).unwrap_or_default();
                if let Some(body) = body.strip_prefix('?') {
                    survey.hear(body, last);
                }
                rest = &after[end + 2..];
            }
            Some(_) | None => {}
        }
    }
    survey
}

impl Survey {
    /// Takes in `ESC [ ? BODY LAST`.
    fn hear(&mut self, body: &str, last: u8) {
        match last {
            b'c' => self.answered = true,
            b'u' => self.keyboard = true,
            b'y' => {
                let Some((mode, state)) = body.trim_end_matches('$').split_once(';') else { return };
                // 0: not known; 4: off for ever.
                let knows = Some(!matches!(state, "0" | "4"));
                match mode {
                    SYNCHRONIZED => self.synchronized = knows,
                    MOUSE => self.mouse = knows,
                    PASTES => self.pastes = knows,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The terminal is raw while this lives.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(rustix::stdio::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        // What is written meanwhile is to look as ever.
        raw.output_modes = before.output_modes;
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_understood_in_any_split() {
        let bytes =
            b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?0u\x1b[?2026;2$y\x1b[?1006;0$y\x1b[?2004;1$y\x1b[?62;22c";
        let whole = Survey {
            answered: true,
            background: Some(Background::Light),
            keyboard: true,
            synchronized: Some(true),
            mouse: Some(false),
            pastes: Some(true),
            interrupted: false,
        };
        assert_eq!(read(bytes), whole);
        for cut in 0..bytes.len() {
            assert!(!read(&bytes[..cut]).answered, "cut at {cut}");
        }
    }

    #[test]
    fn a_terminal_that_knows_little_says_so_by_its_silence() {
        assert_eq!(read(b"\x1b[?6c"), Survey { answered: true, ..Survey::default() });
        assert_eq!(read(b""), Survey::default());
        assert!(read(b"ab\x03").interrupted);
    }

    #[test]
    fn what_is_typed_or_makes_no_sense_is_passed_over() {
        let survey = read(b"x\x1b[A\x1b]11;what\x07\x1b[?;$y\x1b[?9;9$y\x1b\x1b[?1;2c");
        assert_eq!(survey, Survey { answered: true, ..Survey::default() });
        for byte in 0..=255_u8 {
            read(&[b'\x1b', b'[', byte]);
            read(&[b'\x1b', byte]);
        }
    }
}
