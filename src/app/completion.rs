//! Completion in the input: when its sheet opens, what its keys do, what comes of it.
//!
//! It opens when a character is typed that begins a command (`/` in an empty input) or a file (`@` at
//! the beginning of a word), is narrowed by what is typed, and goes with what it completes. Esc closes
//! it for that word; Tab brings it back. Files are found by the runtime, one question at a time: the
//! next one is asked when an answer is there, so a slow disk never piles them up.

use crossterm::event::KeyEvent;

use super::cmd::Cmd;
use super::commands::run::split;
use super::commands::{Item, Takes};
use super::msg::FoundFile;
use super::panes::completion::{Arguments, Chosen, Completion, Files, Kind, Waiting};
use super::panes::composer::Spot;
use super::state::App;
use crate::base::sanitize;
use crate::keys::{Action, MouseButton, MouseKind, Scope};

/// What the path of a file may follow at the beginning of the input.
pub(super) const FILE: &str = "/file ";

/// Whether a completion may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// Something was typed, or it is asked for.
    Yes,
    /// The input changed otherwise: what is open is narrowed.
    No,
}

/// What can be completed where the caret is.
enum Completable {
    Command(String),
    File(Spot),
}

impl App {
    fn completable(&self) -> Option<Completable> {
        let composer = &self.chat.composer;
        if !self.layers.is_empty() || self.chat.transcript.selected().is_some() {
            return None;
        }
        // An open one keeps its word: blanks of the folders that were entered are in it.
        if let Some(Completion { kind: Kind::File(files), .. }) = &self.chat.completion
            && let Some(since) = composer.since(files.spot)
            && let Some(rest) = since.strip_prefix(files.base.as_str())
            && !rest.contains(char::is_whitespace)
            && self.begins_path(files.spot)
        {
            return Some(Completable::File(files.spot));
        }
        if let Some(text) = composer.command() {
            let spot = Spot { line: 0, start: FILE.len() };
            let is_path = text.starts_with(FILE) && composer.since(spot).is_some();
            return Some(if is_path {
                Completable::File(spot)
            } else {
                Completable::Command(text.to_owned())
            });
        }
        let at = composer.at_sign()?;
        Some(Completable::File(Spot { start: at.start + 1, ..at }))
    }

    /// Whether the sign before a path still stands there.
    fn begins_path(&self, spot: Spot) -> bool {
        let composer = &self.chat.composer;
        let sign = spot.start.checked_sub(1).map(|start| Spot { start, ..spot });
        let at = sign.and_then(|sign| composer.since(sign)).is_some_and(|since| since.starts_with('@'));
        at || (spot.start == FILE.len() && composer.command().is_some_and(|text| text.starts_with(FILE)))
    }

    /// Opens, narrows or closes the completion, after the input or the caret changed.
    pub(super) fn look_for_completion(&mut self, opens: Opens) -> Vec<Cmd> {
        let Some(completable) = self.completable() else {
            self.chat.completion = None;
            self.chat.dismissed = None;
            return Vec::new();
        };
        let spot = match &completable {
            Completable::Command(_) => Spot { line: 0, start: 0 },
            Completable::File(spot) => *spot,
        };
        if self.chat.dismissed.is_some_and(|dismissed| dismissed != spot) {
            self.chat.dismissed = None;
        }
        let may_open = opens == Opens::Yes && self.chat.dismissed.is_none();
        match completable {
            Completable::Command(text) => {
                let keymap = &self.settings.keymap;
                match &mut self.chat.completion {
                    Some(open @ Completion { kind: Kind::Command { .. }, .. }) => open.narrow(&text, keymap),
                    other => *other = may_open.then(|| Completion::command(&text, keymap)),
                }
                Vec::new()
            }
            Completable::File(spot) => {
                match &self.chat.completion {
                    Some(Completion { kind: Kind::File(files), .. }) if files.spot == spot => {}
                    _ => {
                        self.chat.completion = may_open.then(|| Completion::files(Files::new(spot)));
                    }
                }
                self.find_files()
            }
        }
    }

    /// Asks for the files of what is typed, unless an answer is still to come.
    fn find_files(&mut self) -> Vec<Cmd> {
        let Some(Completion { kind: Kind::File(files), .. }) = &mut self.chat.completion else {
            return Vec::new();
        };
        let typed = self.chat.composer.since(files.spot).unwrap_or_default();
        if files.typed != typed {
            // A key that waits for the answer was about another word.
            files.waiting = Waiting::No;
            files.typed = typed;
        }
        if files.asked.is_some() || files.is_current() {
            return Vec::new();
        }
        files.asked = Some(files.typed.clone());
        vec![Cmd::FindFiles { chat: self.chat.key, typed: files.typed.clone() }]
    }

    /// Files were found.
    pub(super) fn files_found(&mut self, typed: String, found: Vec<FoundFile>) -> Vec<Cmd> {
        let Some(completion) = &mut self.chat.completion else { return Vec::new() };
        let Kind::File(files) = &mut completion.kind else { return Vec::new() };
        files.asked.take_if(|asked| *asked == typed);
        completion.answer(typed, found);
        let Kind::File(files) = &mut completion.kind else { return Vec::new() };
        if !files.is_current() {
            return self.find_files();
        }
        match std::mem::take(&mut files.waiting) {
            Waiting::No => Vec::new(),
            Waiting::Enter if !completion.offers() => {
                self.chat.completion = None;
                self.act(Action::Send)
            }
            Waiting::Enter | Waiting::Tab => self.take_file(Waiting::Tab),
        }
    }

    /// A key while the completion is open; `None` where it is not one of its keys.
    pub(super) fn completion_key(&mut self, key: KeyEvent) -> Option<Vec<Cmd>> {
        if !self.layers.is_empty() || self.pending.is_some() {
            return None;
        }
        let completion = self.chat.completion.as_mut()?;
        match self.settings.keymap.action(Scope::List, key)? {
            action @ (Action::ListUp | Action::ListDown | Action::ListPageUp | Action::ListPageDown) => {
                completion.act(action);
                Some(Vec::new())
            }
            Action::Accept => self.accept_completion(),
            Action::Back => {
                self.chat.dismissed = Some(match &completion.kind {
                    Kind::File(files) => files.spot,
                    Kind::Command { .. } => Spot { line: 0, start: 0 },
                });
                self.chat.completion = None;
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// The mouse while the sheet is open: the wheel moves the choice, a click takes a row. `None` where it
    /// means nothing to the sheet.
    pub(super) fn completion_mouse(&mut self, kind: MouseKind, at: (u16, u16)) -> Option<Vec<Cmd>> {
        if !self.layers.is_empty() {
            return None;
        }
        let completion = self.chat.completion.as_mut()?;
        match kind {
            MouseKind::WheelUp => completion.act(Action::ListUp),
            MouseKind::WheelDown => completion.act(Action::ListDown),
            MouseKind::Press(MouseButton::Left) if completion.pick(at) => {
                let item = completion.chosen_item().map(|(item, _)| item);
                return Some(match item {
                    Some(item) => self.click_command(item),
                    None => self.take_file(Waiting::Tab),
                });
            }
            MouseKind::Press(_) | MouseKind::Release(_) => return None,
        }
        Some(Vec::new())
    }

    /// A click on a command: runs it with what is typed behind its name; completes it where something is
    /// wanted and nothing is typed.
    fn click_command(&mut self, item: Item) -> Vec<Cmd> {
        let text = self.chat.composer.text();
        let arguments = split(&text).map_or("", |(_, arguments)| arguments);
        if arguments.is_empty() && matches!(item.takes(), Takes::Mostly(_)) {
            return self.complete_command(item);
        }
        self.run_from_input(item, arguments)
    }

    /// Enter: runs the command as typed, the chosen one where what is typed is only its beginning; or
    /// attaches the chosen file.
    fn accept_completion(&mut self) -> Option<Vec<Cmd>> {
        let completion = self.chat.completion.as_ref()?;
        let Kind::Command { typed: (word, arguments), .. } = &completion.kind else {
            return self.accept_file();
        };
        if self.chat.composer.ends_in_backslash() || *arguments == Arguments::Some {
            return None;
        }
        let (item, how) = completion.chosen_item()?;
        let begins = item.aliases().iter().chain([&item.name()]).any(|name| name.starts_with(word.as_str()));
        if how == Chosen::First && !begins {
            // Only its letters are there: it is not run by accident.
            return None;
        }
        let whole = item.name() == word || item.aliases().contains(&word.as_str());
        if !whole && matches!(item.takes(), Takes::Mostly(_)) {
            return Some(self.complete_command(item));
        }
        Some(self.run_from_input(item, ""))
    }

    fn accept_file(&mut self) -> Option<Vec<Cmd>> {
        let completion = self.chat.completion.as_mut()?;
        let offers = completion.offers();
        let Kind::File(files) = &mut completion.kind else { return None };
        if files.is_current() && !offers {
            self.chat.completion = None;
            return None;
        }
        Some(self.take_file(Waiting::Enter))
    }

    /// Takes the chosen file, or enters the chosen folder; waits where the files are still looked for.
    fn take_file(&mut self, waiting: Waiting) -> Vec<Cmd> {
        let Some(completion) = &mut self.chat.completion else { return Vec::new() };
        let chosen = completion.chosen_file().cloned();
        let Kind::File(files) = &mut completion.kind else { return Vec::new() };
        if !files.is_current() {
            files.waiting = waiting;
            return Vec::new();
        }
        let Some(chosen) = chosen else { return Vec::new() };
        let spot = files.spot;
        if chosen.is_dir {
            self.chat.composer.replace_since(spot, &chosen.path);
            if chosen.path.contains(char::is_whitespace) {
                files.base = chosen.path;
            }
            return self.look_for_completion(Opens::Yes);
        }
        let composer = &self.chat.composer;
        let is_command = composer.command().is_some_and(|text| text.starts_with(FILE));
        let start = if is_command { 0 } else { spot.start.saturating_sub(1) };
        let word = composer.since(Spot { start, ..spot });
        self.chat.completion = None;
        self.attach(chosen.path, word)
    }

    /// Tab: completes the command or the file, opens the list of them again; else it is a tab.
    pub(super) fn complete(&mut self) -> Vec<Cmd> {
        match &self.chat.completion {
            Some(Completion { kind: Kind::File(_), .. }) => self.take_file(Waiting::Tab),
            Some(completion) => match completion.chosen_item() {
                Some((item, _)) => self.complete_command(item),
                None => Vec::new(),
            },
            None if self.completable().is_some() => {
                self.chat.dismissed = None;
                self.look_for_completion(Opens::Yes)
            }
            None => {
                self.chat.composer.insert('\t');
                Vec::new()
            }
        }
    }

    /// Puts the name of a command into the input, with a blank where something follows.
    fn complete_command(&mut self, item: Item) -> Vec<Cmd> {
        let text = self.chat.composer.text();
        if split(&text).is_some_and(|(_, arguments)| !arguments.is_empty()) {
            return Vec::new();
        }
        let blank = if item.takes() == Takes::Nothing { "" } else { " " };
        self.chat.composer.replace_all(&format!("/{}{blank}", item.name()));
        self.look_for_completion(Opens::Yes)
    }

    /// Puts an `@` where the caret is, and lists the files.
    pub(super) fn begin_attach(&mut self) -> Vec<Cmd> {
        if self.chat.composer.at_sign().is_none() {
            if !self.chat.composer.is_after_blank() {
                self.chat.composer.insert(' ');
            }
            self.chat.composer.insert('@');
        }
        self.chat.dismissed = None;
        self.look_for_completion(Opens::Yes)
    }

    /// Has a file read. `word` of the input stands for it until then.
    pub(super) fn attach(&mut self, path: String, word: Option<String>) -> Vec<Cmd> {
        self.chat.completion = None;
        self.chat.reading += 1;
        vec![Cmd::Attach { chat: self.chat.key, path, word: word.unwrap_or_default() }]
    }

    /// A file was read, or could not be.
    pub(super) fn attached(&mut self, word: &str, read: Result<(String, String), String>) -> Vec<Cmd> {
        self.chat.reading = self.chat.reading.saturating_sub(1);
        match read {
            Ok((name, text)) => {
                let told = sanitize::clean(&name).into_owned();
                if !self.chat.composer.attach_for(word, name, text) {
                    self.tell(format!("{told} is not attached: its word is gone from the input"));
                }
                if self.chat.reading == 0 && std::mem::take(&mut self.chat.send_when_read) {
                    return self.send();
                }
            }
            Err(why) => {
                self.chat.send_when_read = false;
                self.tell(why);
            }
        }
        Vec::new()
    }
}
