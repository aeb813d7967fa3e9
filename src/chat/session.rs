//! Sessions: a saved conversation with its settings, and what lists show of it.

use std::ops::Range;

use super::message::{MessageState, Part};
use super::request::Params;
use crate::base::{MessageId, SessionId, sanitize};

/// Milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

/// What made a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// The full-screen chat.
    Chat,
    /// `chatui ask`.
    Ask,
}

impl SessionKind {
    /// The word for it in the store and in lists.
    pub const fn name(self) -> &'static str {
        match self {
            SessionKind::Chat => "chat",
            SessionKind::Ask => "ask",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Chat, Self::Ask].into_iter().find(|k| k.name() == name)
    }
}

/// A session without its messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What made it.
    pub kind: SessionKind,
    /// Its title: the first prompt's first line until renamed.
    pub title: String,
    /// `provider:model` that the next message goes to.
    pub model: String,
    /// The system prompt; empty for none.
    pub system: String,
    /// Parameters that differ from the configuration's.
    pub params: Params,
    /// When it began.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// Characters of a title made from a prompt.
const TITLE_CHARS: usize = 80;

/// A title from a prompt: its first line that says something.
pub fn title_of(prompt: &str) -> String {
    let line = prompt.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(TITLE_CHARS).collect();
    sanitize::clean(&short).into_owned()
}

/// A row of a list of sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSummary {
    /// The session.
    pub session: Session,
    /// How many messages it has.
    pub messages: u64,
    /// The state of its newest message; `None` where it holds only a draft.
    pub state: Option<MessageState>,
    /// The beginning of its draft, in one line; empty for none.
    pub draft: String,
    /// Where a search found it; `None` where only its title did, or nothing was searched for.
    pub hit: Option<SearchHit>,
}

/// Where a search found a session: its newest message that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// The message.
    pub message: MessageId,
    /// Words around the hit, in one line.
    pub snippet: String,
    /// The bytes of `snippet` that match.
    pub marks: Vec<Range<usize>>,
}

/// Which sessions to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SessionQuery {
    /// Words that title or messages hold, the last one as the beginning of a word; empty for all sessions.
    pub words: String,
    /// Only of this kind; `None`: of any.
    pub kind: Option<SessionKind>,
    /// How many to leave out at the beginning: the next page.
    pub skip: usize,
    /// The most to list.
    pub limit: usize,
}

impl SessionQuery {
    /// The query that a person typed: chats alone, unless `is:ask` asks for the other kind.
    pub fn typed(text: &str, limit: usize) -> Self {
        let ask = format!("is:{}", SessionKind::Ask.name());
        let (kinds, words): (Vec<&str>, Vec<&str>) = text.split_whitespace().partition(|word| *word == ask);
        let kind = if kinds.is_empty() { SessionKind::Chat } else { SessionKind::Ask };
        Self { words: words.join(" "), kind: Some(kind), skip: 0, limit }
    }
}

/// What a person has written in a session and not sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Draft {
    /// The input.
    pub input: Written,
    /// Messages that waited for the end of a reply, the first one first.
    pub queued: Vec<Written>,
}

impl Draft {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty() && self.queued.is_empty()
    }

    /// Its beginning in one line, for lists.
    pub fn first_line(&self) -> String {
        let written = std::iter::once(&self.input).chain(&self.queued).find(|written| !written.is_empty());
        written.map(|written| title_of(&written.plain())).unwrap_or_default()
    }
}

/// Stands in [`Written::text`] for a piece.
pub const PIECE: char = '\u{fffc}';

/// A text of the person's with what stands in it as one piece.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Written {
    /// What was typed; a [`PIECE`] for each piece.
    pub text: String,
    /// The pieces in the order in which they stand in the text.
    pub pieces: Vec<Piece>,
}

/// A part of a text that is shown as one mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// A long paste.
    Pasted(String),
    /// An attached text file.
    File {
        /// Its name.
        name: String,
        /// What it holds.
        text: String,
    },
}

impl Written {
    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// What is sent of it: a leading blank only says that a `/` behind it begins no command.
    #[must_use]
    pub fn without_sign(mut self) -> Self {
        if self.text.starts_with(" /") {
            self.text.remove(0);
        }
        self
    }

    /// The text with pastes put back, and the names of files.
    pub fn plain(&self) -> String {
        let mut pieces = self.pieces.iter();
        let mut plain = String::with_capacity(self.text.len());
        for c in self.text.chars() {
            match (c == PIECE).then(|| pieces.next()).flatten() {
                Some(Piece::Pasted(text)) => plain.push_str(text),
                Some(Piece::File { name, .. }) => plain.push_str(name),
                None if c == PIECE => {}
                None => plain.push(c),
            }
        }
        plain
    }

    /// What is sent of it: the text, and each file as a part of its own.
    pub fn parts(&self) -> Vec<Part> {
        let files = self.pieces.iter().filter_map(|piece| match piece {
            Piece::File { name, text } => Some(Part::File { name: name.clone(), text: text.clone() }),
            Piece::Pasted(_) => None,
        });
        std::iter::once(Part::Text(self.plain())).chain(files).collect()
    }
}

impl From<String> for Written {
    fn from(text: String) -> Self {
        Self { text: text.replace(PIECE, ""), pieces: Vec::new() }
    }
}

/// Which child of a message the conversation goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The message that has several children; `None` for the beginning.
    pub parent: Option<MessageId>,
    /// The child that is shown.
    pub child: MessageId,
}
