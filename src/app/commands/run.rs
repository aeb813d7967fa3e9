//! Carries commands out: what was typed after a `/`, and what was chosen in the palette.
//!
//! A command that was typed leaves the input; one that cannot be, and a word that is none, stay there
//! with a line that says why.

use super::{Item, Takes, What};
use crate::app::cmd::Cmd;
use crate::app::completion::Opens;
use crate::app::panes::themes::AUTO;
use crate::app::state::App;
use crate::base::{MessageId, sanitize, width};
use crate::chat::jobs::{StoreJob, StoredSession};
use crate::chat::session::title_of;
use crate::chat::{Draft, Piece, Role, Timestamp, Written};
use crate::config::nearest;
use crate::keys::{Action, Scope};

/// Columns of a word that a message repeats.
const REPEATED: usize = 40;

/// What came of a command: orders, or why it could not be.
pub(in crate::app) type Ran = Result<Vec<Cmd>, String>;

/// The word after the `/` and what follows it; `None` if `text` begins otherwise.
pub(in crate::app) fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('/')?;
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    Some((&text[..end], text[end..].trim()))
}

impl App {
    /// Runs the input if it begins with `/`; `None` if it does not.
    pub(in crate::app) fn run_typed(&mut self) -> Option<Vec<Cmd>> {
        let text = self.chat.composer.text();
        let (word, arguments) = split(&text)?;
        Some(match Item::named(word, &self.settings.keymap) {
            Some(item) => self.run_from_input(item, arguments),
            None => {
                self.chat.completion.take_if(|completion| !completion.offers());
                let why = self.unknown(word);
                self.tell(why);
                Vec::new()
            }
        })
    }

    /// Runs what the input holds the name of, and empties it.
    pub(in crate::app) fn run_from_input(&mut self, item: Item, arguments: &str) -> Vec<Cmd> {
        self.chat.completion = None;
        if let (Item::Command(command), false) = (item, arguments.is_empty())
            && command.what == What::File
        {
            let whole = self.chat.composer.text();
            return self.attach(unquoted(arguments).to_owned(), Some(whole));
        }
        if self.chat.loading.is_some() && !runs_while_loading(item) {
            self.tell("the session is still being opened · the command is kept");
            return Vec::new();
        }
        if let (Item::Action(_), false)
        | (Item::Command(super::Command { takes: Takes::Nothing, .. }), false) =
            (item, arguments.is_empty())
        {
            self.tell(format!("/{} stands alone · a leading space sends it as text", item.name()));
            return Vec::new();
        }
        let written = self.chat.composer.take_written();
        let (here, cmds) = (
            self.chat.key,
            match item {
                Item::Command(command) if command.what == What::Raw => self.raw_written(&written),
                Item::Command(command) => self.run(command.what, arguments),
                Item::Action(action) => Ok(self.run_action(action)),
            },
        );
        cmds.unwrap_or_else(|why| {
            // A draft that stood under an earlier command is there again, and stays.
            if self.chat.key == here && self.chat.composer.is_empty() {
                self.chat.composer.put_written(&written);
            }
            self.tell(why);
            Vec::new()
        })
    }

    fn unknown(&self, word: &str) -> String {
        let shown = width::truncate(&sanitize::clean(word), REPEATED).into_owned();
        let known: Vec<&str> = Item::all(super::Place::Input, &self.settings.keymap)
            .into_iter()
            .flat_map(|item| item.aliases().iter().copied().chain([item.name()]))
            .collect();
        let near = nearest(word, &known).map(|near| format!("; did you mean /{near}?")).unwrap_or_default();
        format!("unknown command /{shown}{near} · a leading space sends it as text")
    }

    /// Runs what was chosen in the palette. What wants to be told more goes into the input, if that is
    /// empty.
    pub(in crate::app) fn run_chosen(&mut self, item: Item) -> Vec<Cmd> {
        let command = match item {
            Item::Action(action) => return self.run_action(action),
            Item::Command(command) => command,
        };
        if let Some(action) = command.action {
            return self.run_action(action);
        }
        if let Takes::Mostly(hint) = command.takes {
            if !self.chat.composer.is_empty() {
                let name = command.name;
                self.tell(format!("type /{name} {hint} into an empty input · the draft is kept"));
                return Vec::new();
            }
            self.chat.composer.paste(&format!("/{} ", command.name));
            return self.look_for_completion(Opens::Yes);
        }
        self.run(command.what, "").unwrap_or_else(|why| {
            self.tell(why);
            Vec::new()
        })
    }

    /// Runs an action from anywhere: where it needs a message and none is selected, on the last one.
    fn run_action(&mut self, action: Action) -> Vec<Cmd> {
        let done = match action {
            Action::Retry => self.retry_last(),
            Action::Continue => self.go_on_last(),
            Action::Fold => {
                if let Some(id) = self.chat.transcript.selected().or_else(|| self.last_answer()) {
                    self.chat.transcript.toggle_message(id);
                }
                Ok(Vec::new())
            }
            Action::Help => Ok(self.open_help(None)),
            other => match self.only_in(other) {
                Some(Scope::Models) => Ok(self.act(Action::Models)),
                Some(Scope::Sessions) => Ok(self.act(Action::Sessions)),
                Some(_) => Err("this key acts while a list is open".to_owned()),
                None => Ok(self.act(other)),
            },
        };
        done.unwrap_or_else(|why| {
            self.tell(why);
            Vec::new()
        })
    }

    /// The scope of lists in which alone an action acts.
    fn only_in(&self, action: Action) -> Option<Scope> {
        let mut scopes =
            self.settings.keymap.entries().iter().filter(|e| e.action == action).map(|e| e.scope);
        let first = scopes.next()?;
        let in_lists = |scope: &Scope| matches!(scope, Scope::List | Scope::Models | Scope::Sessions);
        (in_lists(&first) && scopes.all(|scope| in_lists(&scope))).then_some(first)
    }

    fn run(&mut self, what: What, arguments: &str) -> Ran {
        match what {
            What::Model if arguments.is_empty() => Ok(self.act(Action::Models)),
            What::Model => self.take_model(arguments),
            What::New => Ok(self.act(Action::NewChat)),
            What::Sessions => Ok(self.act(Action::Sessions)),
            What::System => self.set_system(arguments),
            What::Set => self.set_parameter(arguments),
            What::Choices if arguments.is_empty() => Ok(self.tell_choices()),
            What::Choices => self.set_value("n", arguments),
            What::Retry => self.retry_last(),
            What::More => self.go_on_last(),
            What::Raw => self.send_raw(arguments),
            What::File => Ok(self.begin_attach()),
            What::Theme if arguments.is_empty() => Ok(self.act(Action::Themes)),
            What::Theme => self.take_theme(arguments),
            What::Export => self.export(arguments),
            What::Rename => self.rename(arguments),
            What::Help => Ok(self.open_help(None)),
            What::Quit => Ok(self.act(Action::Quit)),
        }
    }

    fn last_answer(&self) -> Option<MessageId> {
        let mut path = self.chat.tree.path().iter().rev().copied();
        path.find(|id| self.chat.tree.get(*id).is_some_and(|message| message.role == Role::Assistant))
    }

    fn retry_last(&mut self) -> Ran {
        let selected = self.chat.transcript.selected();
        let last = selected.or_else(|| self.chat.tree.path().last().copied());
        last.map(|id| self.retry(id)).ok_or_else(|| "there is no reply yet to ask for again".to_owned())
    }

    fn go_on_last(&mut self) -> Ran {
        let last = self.chat.transcript.selected().or_else(|| self.last_answer());
        last.map(|id| self.go_on(id)).ok_or_else(|| "there is no reply yet to go on with".to_owned())
    }

    /// `/raw` with all that stands behind the blank after it, the blanks at its end too.
    fn raw_written(&mut self, written: &Written) -> Ran {
        if written.pieces.iter().any(|piece| matches!(piece, Piece::File { .. })) {
            return Err("a raw prompt is one text, without files".to_owned());
        }
        let plain = written.plain();
        let text = plain.split_once(char::is_whitespace).map_or("", |(_, text)| text);
        self.send_raw(text)
    }

    fn rename(&mut self, title: &str) -> Ran {
        let title = title_of(title);
        if title.is_empty() {
            return Err("which title? /rename TEXT".to_owned());
        }
        self.chat.session.title.clone_from(&title);
        self.chat.session.updated = Timestamp(self.now.unix_ms);
        self.chat.is_set = true;
        if self.chat.tree.is_empty() {
            // Saved with the first prompt, which leaves a title that is there.
            return Ok(Vec::new());
        }
        Ok(vec![Cmd::Store(StoreJob::Rename { session: self.chat.session.id, title })])
    }

    /// `/export`: Markdown, or JSON where the file's name ends so.
    fn export(&mut self, file: &str) -> Ran {
        if self.chat.tree.is_empty() {
            return Err("there is nothing to export yet".to_owned());
        }
        let (messages, chosen) = self.chat.tree.to_stored();
        let stored =
            StoredSession { session: self.chat.session.clone(), messages, chosen, draft: Draft::default() };
        Ok(vec![Cmd::Export { stored: Box::new(stored), file: unquoted(file).to_owned() }])
    }

    /// `/theme NAME`
    fn take_theme(&mut self, name: &str) -> Ran {
        let theme = match name {
            AUTO => self.settings.auto.clone(),
            _ => self.theme(name)?,
        };
        Ok(self.use_theme(name, theme))
    }
}

/// Whether a command does not touch the conversation.
fn runs_while_loading(item: Item) -> bool {
    let Item::Command(command) = item else { return true };
    match command.what {
        What::New | What::Sessions | What::Theme | What::Help | What::Quit | What::File => true,
        What::Model
        | What::System
        | What::Set
        | What::Choices
        | What::Retry
        | What::More
        | What::Raw
        | What::Export
        | What::Rename => false,
    }
}

/// A path may stand in quotes.
fn unquoted(path: &str) -> &str {
    let inner = |quote: char| path.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).filter(|inner| !inner.is_empty()).unwrap_or(path)
}
