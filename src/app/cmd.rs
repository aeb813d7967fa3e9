//! What the screen wants done.

use std::sync::Arc;

use super::chat::ChatKey;
use super::msg::TurnId;
use crate::base::SessionId;
use crate::chat::jobs::{StoreJob, StoredSession};
use crate::chat::{Change, ChatRequest, Message, Provider, Session};

/// An order to the runtime.
#[derive(Clone, Debug)]
pub enum Cmd {
    /// Begin a turn: save the prompt, then send.
    StartTurn(Box<TurnStart>),
    /// Stop a turn; its end is still told.
    CancelTurn(TurnId),
    /// Have the store do something that nobody waits for. That it could not be done comes as
    /// [`super::Msg::Notice`].
    Store(StoreJob),
    /// Ask the store; its answer comes as [`super::Msg::Answer`] with this ticket.
    Ask(Ticket, StoreJob),
    /// Ask a provider for its list of models.
    ListModels(Arc<Provider>),
    /// Look for servers on this machine's usual ports, beside those of these providers.
    Discover(Vec<Arc<Provider>>),
    /// Remember something between runs.
    Remember(Change),
    /// Find files whose path goes on from what is typed; they come as [`super::Msg::Files`].
    FindFiles {
        /// For which conversation.
        chat: ChatKey,
        /// The path as it is typed.
        typed: String,
    },
    /// Read a text file; it comes as [`super::Msg::Attached`].
    Attach {
        /// For which conversation.
        chat: ChatKey,
        /// The path as it was typed.
        path: String,
        /// What stands in the input for it.
        word: String,
    },
    /// Write a conversation to a new file; [`super::Msg::Exported`] says what came of it.
    Export {
        /// What is written.
        stored: Box<StoredSession>,
        /// The file as it was typed; empty: one named after the title.
        file: String,
    },
    /// Hand the terminal to the person's editor with this text; what comes of it is told as
    /// [`super::Msg::Edited`].
    Edit(String),
    /// Hand the terminal back to the shell until `fg`.
    Suspend,
    /// Leave with this error: the program must not go on.
    Refuse(Refusal),
    /// Leave, once running turns are saved.
    Quit,
}

/// What an answer of the store is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// The session that a conversation waits for.
    Open(ChatKey),
    /// A draft that was not sent, for a conversation that just began.
    Unsent(ChatKey),
    /// The list of the sessions screen, as it was asked for the so-manieth time.
    Sessions(u64),
    /// The preview of a session.
    Preview(SessionId),
    /// A session, to be written to a file.
    Export(SessionId),
    /// The deletion of a session.
    Delete(SessionId),
    /// The end of a deletion.
    Restore(SessionId),
    /// A conversation's draft, as it was at this revision.
    Draft(ChatKey, u64),
    /// Earlier prompts.
    History,
}

/// Why the program must not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The store cannot be used, and writing to it would do harm.
    Store(String),
    /// The session that was named is not there, or the name is not clear.
    Session(String),
}

/// Everything a turn needs.
#[derive(Clone, Debug)]
pub struct TurnStart {
    /// Its id.
    pub turn: TurnId,
    /// Where it goes.
    pub provider: Arc<Provider>,
    /// What is asked.
    pub request: ChatRequest,
    /// The session it belongs to.
    pub session: Session,
    /// New whole messages to save first.
    pub prompt: Vec<Message>,
    /// The answers that will stream, one a choice.
    pub answers: Vec<Message>,
}
