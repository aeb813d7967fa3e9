//! What is on this machine: the terminal, the store, the editor, the theme.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report::{Mark, Report};
use crate::base::width::bytes;
use crate::chat::jobs::StoreError;
use crate::cli::exit;
use crate::cli::setup::{Setup, variable, words};
use crate::store::{self, Checkup, Read};
use crate::term::{Background, Editor, Modes, Survey, background_from_colorfgbg};
use crate::theme::ColorDepth;

/// How long the terminal may take to answer.
const ANSWER: Duration = Duration::from_millis(500);
/// How long the store may be looked at.
const STORE: Duration = Duration::from_secs(10);
/// The smallest terminal that the chat draws in.
const SMALLEST: (u16, u16) = (20, 5);

/// What the person typed while the terminal was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing that matters.
    Nothing,
    /// Ctrl-C.
    Interrupt,
}

/// The terminal's abilities.
pub fn terminal(report: &mut Report) -> (Typed, Option<Background>) {
    const NAME: &str = "terminal";
    let from_variable = || variable("COLORFGBG").and_then(|value| background_from_colorfgbg(&value));
    if !io::stdout().is_terminal() {
        report.tell(
            Mark::Skip,
            NAME,
            "not a terminal: the full-screen chat needs one on standard input and output, `chatui ask` does not",
        );
        return (Typed::Nothing, from_variable());
    }
    let term = variable("TERM").unwrap_or_default();
    let size = crossterm::terminal::size().ok();
    let mut said = vec![match size {
        Some((columns, rows)) => format!("{columns}x{rows}"),
        None => "of unknown size".to_owned(),
    }];
    said.push(
        match ColorDepth::detect(variable) {
            ColorDepth::None => "no colour",
            ColorDepth::Ansi16 => "16 colours",
            ColorDepth::Ansi256 => "256 colours",
            ColorDepth::TrueColor => "24-bit colour",
        }
        .to_owned(),
    );
    let mut mark = Mark::Ok;
    let mut cure = "";
    if size.is_some_and(|(columns, rows)| columns < SMALLEST.0 || rows < SMALLEST.1) {
        mark = Mark::Note;
        cure = ". It is too small for the chat: make it larger";
    }
    let mut survey = Survey::default();
    if io::stdin().is_terminal() && term != "dumb" {
        let is_apple = variable("TERM_PROGRAM").as_deref() == Some("Apple_Terminal");
        let modes = if is_apple { Modes::Unasked } else { Modes::Asked };
        report.take_back();
        survey = Survey::take(modes, ANSWER).unwrap_or_default();
    }
    let background = survey.background.or_else(from_variable);
    if survey.answered {
        let knows = |known: Option<bool>, what: &str| match known {
            Some(true) => what.to_owned(),
            Some(false) => format!("no {what}"),
            None => format!("{what} not told"),
        };
        said.push(knows(survey.synchronized, "synchronized output"));
        said.push(knows(Some(survey.keyboard), "keyboard protocol"));
        said.push(knows(survey.mouse, "mouse"));
        said.push(knows(survey.pastes, "marked pastes"));
    } else if mark == Mark::Ok {
        mark = Mark::Note;
        cure = if io::stdin().is_terminal() {
            ". It does not answer questions; the chat works without"
        } else {
            ". Standard input is no terminal, so it was asked nothing: the full-screen chat needs one there too"
        };
    }
    said.push(
        match background {
            Some(Background::Dark) => "dark background",
            Some(Background::Light) => "light background",
            None => "background not told",
        }
        .to_owned(),
    );
    let term = if term.is_empty() { "TERM is not set".to_owned() } else { term };
    report.tell(mark, NAME, &format!("{term}, {}{cure}", said.join(", ")));
    let typed = if survey.interrupted { Typed::Interrupt } else { Typed::Nothing };
    (typed, background)
}

/// The store in this folder.
pub async fn store(report: &mut Report, folder: Option<PathBuf>) {
    const NAME: &str = "store";
    let Some(folder) = folder else {
        let text = "no home folder is known, so nothing is saved: name a folder with --data-dir";
        return report.tell(Mark::Fail(exit::OTHER), NAME, text);
    };
    report.announce(NAME, "reads it");
    let at = folder.clone();
    // The look ends by itself when its two times are up; a disk that hangs does not.
    let looked =
        tokio::time::timeout(STORE * 3, tokio::task::spawn_blocking(move || store::look(&at, STORE)));
    match looked.await {
        Ok(Ok(Ok(Some(checkup)))) => report.tell(Mark::Ok, NAME, &found(&checkup)),
        Ok(Ok(Ok(None))) => none_yet(report, &folder),
        Ok(Ok(Err(error))) => report.tell(Mark::Fail(exit::OTHER), NAME, &broken(&error)),
        Ok(Err(_)) | Err(_) => {
            let text = format!(
                "the disk under {} does not answer: another folder with --data-dir, or --no-save",
                folder.display()
            );
            report.tell(Mark::Fail(exit::OTHER), NAME, &text);
        }
    }
}

fn found(checkup: &Checkup) -> String {
    let sessions = match checkup.sessions {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    };
    let size = bytes(usize::try_from(checkup.bytes).unwrap_or(usize::MAX));
    let read = match checkup.read {
        Read::Whole => "no damage".to_owned(),
        Read::Partly => format!("no damage in what {} s sufficed to read", STORE.as_secs()),
    };
    format!("{}: {sessions}, {size}, {read}", checkup.path.display())
}

fn broken(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { path, reason } => format!(
            "{} is damaged ({reason}): the next chat sets it aside and begins a new one; copy it first",
            path.display()
        ),
        StoreError::Unwritable { path, reason } => {
            format!(
                "{} cannot be written ({reason}): another folder with --data-dir, or --no-save",
                path.display()
            )
        }
        StoreError::Newer { .. } | StoreError::Unreadable { .. } => error.to_string(),
    }
}

/// Whether a store can be made, where there is none.
fn none_yet(report: &mut Report, folder: &Path) {
    let nearest = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(folder);
    // A name of our own, gone at once: whether a folder can be written is known by writing.
    let trial = nearest.join(format!(".chatui-doctor-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&trial);
    let removed = made.and_then(|_| fs::remove_file(&trial));
    match removed {
        Ok(()) => {
            let text = format!("none yet: the first prompt makes {}", folder.join("chatui.db").display());
            report.tell(Mark::Ok, "store", &text);
        }
        Err(error) => {
            let text = format!(
                "none can be made in {} ({}): another folder with --data-dir, or --no-save",
                nearest.display(),
                words(&error)
            );
            report.tell(Mark::Fail(exit::OTHER), "store", &text);
        }
    }
}

/// The editor that Ctrl-O opens.
pub fn editor(report: &mut Report) {
    const NAME: &str = "editor";
    let editor = match Editor::named(variable) {
        Ok(editor) => editor,
        Err(text) => return report.tell(Mark::Note, NAME, &text),
    };
    let program = editor.program();
    match find(program) {
        Some(path) => report.tell(Mark::Ok, NAME, &format!("{program} is {}", path.display())),
        None => report.tell(
            Mark::Fail(exit::OTHER),
            NAME,
            &format!(
                "`{program}` is not found: set VISUAL or EDITOR to another one, as in `export EDITOR=nano`"
            ),
        ),
    }
}

/// Where a program is: its own path, or the first in `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(is_program);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(is_program)
}

/// The theme in force. One that cannot be is an error of the configuration.
pub fn theme(report: &mut Report, setup: &Setup, background: Option<Background>) {
    let theme = setup.themes.in_force(background);
    let why = match (setup.themes.ask_background(), background) {
        (false, _) => "as chosen",
        (true, Some(_)) => "as the terminal's background is",
        (true, None) => "as the terminal's background is not told",
    };
    report.tell(Mark::Ok, "theme", &format!("{}, {why}", theme.name()));
}
