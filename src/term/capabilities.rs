//! What the terminal can do, asked of the terminal itself.
//!
//! OSC 11 asks for the background, DA1 right after it is what every terminal answers: once that is here,
//! nothing more will come. The question is sent, the program goes on, and the answer is polled for; what a
//! user typed meanwhile is kept apart, and read to its end where it was cut, as the event stream would make
//! keys of the rest of a paste. A later answer is [`super::InputFilter`]'s to swallow.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::answers::{Match, classify, colour};
use super::early::{Early, Lack};
use super::input::{Input, InputFilter};
use super::out::Ending;
use crate::theme::{Background, Rgb};

const QUESTION: &[u8] = b"\x1b]11;?\x1b\\\x1b[c";

/// At this luminance black and white text have the same contrast.
const MIDDLE: f64 = 0.179;

/// How long a key's sequence that was begun may take to go on: a terminal sends it in one piece.
const KEY_SILENCE: Duration = Duration::from_millis(50);
/// How long a paste may stop, over ssh too.
const PASTE_SILENCE: Duration = Duration::from_secs(1);
/// A key's sequence without an end is given up here,
const LONGEST_KEY: usize = 1 << 10;
/// and a paste.
const LONGEST_PASTE: usize = 16 << 20;

pub(super) fn background_of(rgb: Rgb) -> Background {
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
        loop {
            if let Some(answer) = self.parser.answer() {
                return Ok(Some(answer));
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.read(left)? {
                Read::Nothing => return Ok(None),
                // A paste that goes on and on must not put the time off.
                Read::Bytes if left.is_zero() => return Ok(self.parser.answer()),
                Read::Bytes | Read::Interrupted => {}
                Read::End => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Ends the asking: what the user typed and pasted meanwhile, and the filter that swallows whatever of
    /// the answer is still to come. Where a paste or a key was begun, it waits for the rest; a silence or a
    /// signal that ends the process ends that.
    pub fn finish(mut self, ending: &Ending) -> (Vec<Input>, InputFilter) {
        let mut early = Early::default();
        loop {
            early.feed(&std::mem::take(&mut self.parser.leftover));
            let silence = match early.lacks() {
                Lack::Paste if early.waiting() > LONGEST_PASTE => break,
                Lack::Key if early.waiting() > LONGEST_KEY => break,
                Lack::Paste => PASTE_SILENCE,
                Lack::Key => KEY_SILENCE,
                // What begins an answer may begin a paste.
                Lack::Nothing if matches!(self.parser.held.as_slice(), b"\x1b" | b"\x1b[") => KEY_SILENCE,
                Lack::Nothing => break,
            };
            match self.read(silence) {
                Ok(Read::Bytes | Read::Interrupted) if ending.has_come() => break,
                Ok(Read::Bytes | Read::Interrupted) => {}
                // Whoever reads next finds out why there is no more.
                Ok(Read::Nothing | Read::End) | Err(_) => break,
            }
        }
        if self.parser.done {
            early.feed(&self.parser.held);
            // What stands between us and the terminal may have had the last word before it was asked, and
            // several terminals may answer.
            return (early.end(), InputFilter::expecting(&[]));
        }
        (early.end(), InputFilter::expecting(&self.parser.held))
    }

    fn read(&mut self, patience: Duration) -> io::Result<Read> {
        let stdin = rustix::stdio::stdin();
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&timespec(patience))) {
            Ok(0) => return Ok(Read::Nothing),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Read::Interrupted),
            Err(e) => return Err(e.into()),
        }
        let mut buffer = [0_u8; 4096];
        match rustix::io::read(stdin, &mut buffer) {
            Ok(0) => Ok(Read::End),
            Ok(n) => {
                self.parser.feed(&buffer[..n]);
                Ok(Read::Bytes)
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Read::Interrupted),
            Err(e) => Err(e.into()),
        }
    }
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Bytes,
    /// Not within the time.
    Nothing,
    /// By a signal, or somebody else took the bytes.
    Interrupted,
    /// The terminal is closed.
    End,
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
    fn what_no_terminal_should_say_is_no_background_and_no_typing() {
        for odd in
            [&b"?"[..], b"", b"rgb:zz/zz/zz", b"rgb:12345/0/0", b"rgb:1/2", b"hsl:120, 50%, 50%", b"none;1"]
        {
            let parser = fed(&[b"\x1b]11;", odd, b"\x07\x1b[?6c"].concat());
            assert_eq!(parser.answer(), Some(Answer { background: None }), "{odd:?}");
            assert_eq!(parser.leftover, b"", "{odd:?}");
        }
        let flood = b"\x1b]11;rgb:ff/ff/ff\x07".repeat(10_000);
        assert_eq!(fed(&flood).leftover, b"");
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
