//! What crosses between the screen (or `ask`) and the store, as data.
//!
//! `app` wraps these in commands and messages, the store's worker takes a [`StoreJob`] itself, so
//! neither knows the other.

use std::path::PathBuf;

use super::error::TurnError;
use super::message::{Finish, Message, MessageState};
use super::metrics::ChoiceMetrics;
use super::session::{Chosen, Draft, Session, SessionKind, SessionQuery, SessionSummary, Timestamp};
use super::stream::{StreamEvent, Usage};
use crate::base::{MessageId, SessionId};

/// An order to the store. Jobs are carried out one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreJob {
    /// Makes a session known, or changes its title, model, system prompt and parameters.
    SaveSession(Box<Session>),
    /// A turn begins: session (new or changed), the new prompt and one empty answer a choice, in one
    /// transaction. When it is answered, all of it is on disk.
    BeginTurn {
        /// The session.
        session: Box<Session>,
        /// New whole messages, in order: the prompt.
        prompt: Vec<Message>,
        /// The answers that are about to stream.
        answers: Vec<Message>,
    },
    /// What came of an answer since the last such job, in order.
    Append {
        /// The answer.
        message: MessageId,
        /// Its events.
        events: Vec<StreamEvent>,
    },
    /// An answer has ended.
    EndAnswer(Box<AnswerEnd>),
    /// Another child of a message is gone on from.
    Choose {
        /// The session.
        session: SessionId,
        /// The choice.
        chosen: Chosen,
    },
    /// Reads a whole session, its draft too.
    Load(WhichSession),
    /// Lists sessions, or searches them.
    List(SessionQuery),
    /// Gives a session another title; no prompt changes it any more.
    Rename {
        /// The session.
        session: SessionId,
        /// Its title.
        title: String,
    },
    /// Takes a session out of all lists. Until the store is closed it can be restored; then it is gone.
    /// Refused while an answer streams into it.
    Delete(SessionId),
    /// Takes a deletion back.
    Restore(SessionId),
    /// Keeps what is written and not sent; an empty draft is forgotten, and with it a session that has
    /// no message.
    SaveDraft {
        /// The session: it may not be in the store yet.
        session: Box<Session>,
        /// What is kept.
        draft: Draft,
    },
    /// Lists earlier prompts of all sessions, the newest first, each once.
    Prompts {
        /// The most to list.
        limit: usize,
    },
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerEnd {
    /// The answer.
    pub message: MessageId,
    /// Its last state.
    pub state: MessageState,
    /// The model that answered, if the server named it.
    pub finish: Option<Finish>,
    /// Token counts of the turn.
    pub usage: Option<Usage>,
    /// Times and rates.
    pub metrics: Option<ChoiceMetrics>,
    /// Why it did not end well.
    pub error: Option<TurnError>,
    /// What was odd and survived.
    pub notices: Vec<String>,
    /// When it ended.
    pub ended: Timestamp,
}

/// Which session to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichSession {
    /// The one with messages that changed last, of this kind or of any.
    Newest(Option<SessionKind>),
    /// The one whose id begins so.
    Prefix(String),
    /// The newest that has a draft and no message, and that no living chatui has open.
    Unsent,
}

/// A whole session as it was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// The session.
    pub session: Session,
    /// All its messages, parents before children, siblings in the order they were made.
    pub messages: Vec<Message>,
    /// Which children are gone on from, where that is not the newest.
    pub chosen: Vec<Chosen>,
    /// What was written and not sent.
    pub draft: Draft,
}

/// The store's answer to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreReply {
    /// It is on disk.
    Saved,
    /// The session that was asked for.
    Loaded(Box<StoredSession>),
    /// The sessions that were asked for.
    Listed(Vec<SessionSummary>),
    /// The prompts that were asked for.
    Prompts(Vec<String>),
    /// No such session; the text says so.
    NotFound(String),
    /// Several ids begin so.
    Ambiguous(Vec<SessionId>),
    /// It is not to be done; the text says why.
    Refused(String),
    /// It could not be done.
    Failed(StoreError),
}

/// Why the store can't do its work. Each names the path and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Made by a newer chatui.
    #[error(
        "{} was written by a newer chatui (store version {found}, this one knows {known}): \
         update chatui, or use --no-save or another --data-dir",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is damaged and could not be set aside.
    #[error("the store {} is damaged ({reason}) and could not be set aside: move it away, or use --no-save", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// Not writable: read-only, full, locked for over 5 s.
    #[error(
        "the store {} cannot be written ({reason}): this conversation is not saved; another folder: --data-dir",
        path.display()
    )]
    Unwritable {
        /// The store.
        path: PathBuf,
        /// Why, in words.
        reason: String,
    },
    /// It could not be read.
    #[error("the store {} cannot be read ({reason}); another folder: --data-dir", path.display())]
    Unreadable {
        /// The store.
        path: PathBuf,
        /// Why, in words.
        reason: String,
    },
}
