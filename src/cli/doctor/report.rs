//! The lines of the report: a mark, what was checked, what was found.
//!
//! A line is told as soon as its check is done. On a terminal a check that takes its time is announced in its
//! place first, long lines are wrapped under their text, and the marks have colour; a pipe gets one line a
//! check. Nothing leaves without secrets being taken out of it.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use crate::base::Secrets;
use crate::base::sanitize;
use crate::base::width::{truncate, wrap_str};
use crate::cli::exit;
use crate::theme::ColorDepth;

/// Columns before a line's text.
const INDENT: usize = 15;
/// A terminal that is narrower is not wrapped to.
const NARROWEST: usize = 30;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Ok,
    /// It works, and there is something to know.
    Note,
    /// It does not work; the exit code that says so.
    Fail(u8),
    /// It was not checked; the line says why.
    Skip,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Mark::Ok => "ok",
            Mark::Note => "note",
            Mark::Fail(_) => "FAIL",
            Mark::Skip => "skip",
        }
    }

    /// In colours that the terminal's own palette defines, so that they are seen on light and dark.
    fn colour(self) -> &'static str {
        match self {
            Mark::Ok => "\x1b[32m",
            Mark::Note => "\x1b[33m",
            Mark::Fail(_) => "\x1b[1;31m",
            Mark::Skip => "\x1b[2m",
        }
    }
}

/// Where the report goes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The columns to wrap to; `None` for a pipe.
    pub columns: Option<usize>,
    /// Whether marks have colour.
    pub colour: Colour,
    /// Whether a line can be taken back.
    pub announces: Announces,
}

/// Whether marks have colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// They have.
    Marks,
    /// They have not.
    None,
}

/// Whether checks that take their time are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announces {
    /// They are.
    Slow,
    /// They are not.
    Nothing,
}

impl Look {
    /// As standard output is.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        if !io::stdout().is_terminal() {
            return Self { columns: None, colour: Colour::None, announces: Announces::Nothing };
        }
        let columns = crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
        let is_dumb = variable("TERM").is_none_or(|term| term == "dumb");
        let colour = match ColorDepth::detect(variable) {
            ColorDepth::None => Colour::None,
            ColorDepth::Ansi16 | ColorDepth::Ansi256 | ColorDepth::TrueColor => Colour::Marks,
        };
        Self {
            columns: columns.filter(|columns| *columns >= NARROWEST),
            colour,
            announces: if is_dumb { Announces::Nothing } else { Announces::Slow },
        }
    }
}

/// The report.
#[derive(Debug)]
pub struct Report {
    look: Look,
    secrets: Arc<Secrets>,
    worst: u8,
    is_announced: bool,
    is_closed: bool,
}

impl Report {
    /// An empty one.
    pub fn new(look: Look) -> Self {
        Self { look, secrets: Arc::default(), worst: exit::OK, is_announced: false, is_closed: false }
    }

    /// What no line may hold.
    pub fn hide(&mut self, secrets: Secrets) {
        self.secrets = Arc::new(secrets);
    }

    /// The exit code of the worst failure.
    pub fn code(&self) -> u8 {
        self.worst
    }

    /// Whether nobody reads it any more.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Says what is being waited for, until the line of this check is told.
    pub fn announce(&mut self, name: &str, doing: &str) {
        if self.look.announces == Announces::Nothing {
            return;
        }
        self.take_back();
        let text = self.clean(doing);
        let room = self.look.columns.map_or(usize::MAX, |columns| columns - 1);
        let line = format!("     {name:<10}{text} …");
        let line = truncate(&line, room);
        let (on, off) = self.colours("\x1b[2m");
        self.write(&format!("{on}{line}{off}"));
        self.is_announced = true;
    }

    /// Takes an announcement back. The terminal may have been asked something meanwhile.
    pub fn take_back(&mut self) {
        if std::mem::take(&mut self.is_announced) {
            self.write("\r\x1b[K");
        }
    }

    /// Ends a report that is broken off.
    pub fn break_off(&mut self) {
        if std::mem::take(&mut self.is_announced) {
            self.write("\n");
        }
    }

    /// Tells a check's end.
    pub fn tell(&mut self, mark: Mark, name: &str, text: &str) {
        if let Mark::Fail(code) = mark {
            self.worst = self.worst.max(code);
        }
        self.take_back();
        let (on, off) = self.colours(mark.colour());
        let text = self.body(text);
        self.write(&format!("{on}{:<5}{off}{name:<10}{text}\n", mark.word()));
    }

    /// Tells more of the check before, in a line of its own.
    pub fn more(&mut self, text: &str) {
        let text = self.body(text);
        self.write(&format!("{:INDENT$}{text}\n", ""));
    }

    fn colours(&self, on: &'static str) -> (&'static str, &'static str) {
        match self.look.colour {
            Colour::Marks => (on, "\x1b[0m"),
            Colour::None => ("", ""),
        }
    }

    fn clean(&self, text: &str) -> String {
        sanitize::clean(self.secrets.redact(text).trim_end()).into_owned()
    }

    /// The text, wrapped under itself.
    fn body(&self, text: &str) -> String {
        let text = self.clean(text);
        let Some(room) = self.look.columns.map(|columns| columns - INDENT) else { return text };
        wrap_str(&text, u16::try_from(room).unwrap_or(u16::MAX)).join(&format!("\n{:INDENT$}", ""))
    }

    fn write(&mut self, text: &str) {
        if self.is_closed {
            return;
        }
        let mut out = io::stdout().lock();
        // Whoever closed it has what was wanted; whatever else is wrong with it can be told nowhere.
        self.is_closed = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
    }
}
