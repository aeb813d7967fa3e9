//! What the screen wants done.

use std::sync::Arc;

use super::msg::TurnId;
use crate::chat::jobs::StoreJob;
use crate::chat::{ChatRequest, Message, Provider, Session};

/// An order to the runtime.
#[derive(Clone, Debug)]
pub enum Cmd {
    /// Begin a turn: save the prompt, then send.
    StartTurn(Box<TurnStart>),
    /// Stop a turn; its end is still told.
    CancelTurn(TurnId),
    /// Have the store do something; answers to loads come back as [`super::Msg::Loaded`].
    Store(StoreJob),
    /// Hand the terminal back to the shell until `fg`.
    Suspend,
    /// Leave with this error: the program must not go on.
    Refuse(Refusal),
    /// Leave, once running turns are saved.
    Quit,
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
