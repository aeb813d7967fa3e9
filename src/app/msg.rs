//! What the world tells the screen.

use std::sync::Arc;
use std::time::Instant;

use crossterm::event::KeyEvent;

use super::chat::ChatKey;
use super::cmd::Ticket;
use crate::chat::jobs::{StoreError, StoreReply};
use crate::chat::{ListedModel, Provider, Remembered, TurnEvent};
use crate::keys::MouseInput;
use crate::theme::Theme;

/// Tells the turns of a run of the program apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnId(pub u64);

/// The time, both as a clock for differences and as a date for the record.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For differences.
    pub instant: Instant,
    /// Milliseconds since 1970, UTC.
    pub unix_ms: i64,
}

/// A fact for [`super::update()`].
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed (or repeats).
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// A button of the mouse, or its wheel.
    Mouse(MouseInput),
    /// The terminal has this size now.
    Resized {
        /// In columns.
        width: u16,
        /// In rows.
        height: u16,
    },
    /// A file of the person's own holds this theme, in the terminal's colours: at the start, and when it
    /// is saved. It need not be the one in force.
    ThemeSaved(Box<Theme>),
    /// Such a file holds what is no theme.
    ThemeBroken {
        /// The theme's name.
        name: String,
        /// The file, the line and what is wrong.
        why: String,
    },
    /// Such a file is no more.
    ThemeGone {
        /// The theme's name.
        name: String,
    },
    /// A recorded turn is to be shown in the conversation that was there first, as if `prompt` had been
    /// sent to this model for so many choices.
    Play {
        /// Whom the recorded prompt went to.
        provider: Arc<Provider>,
        /// The model.
        model: String,
        /// How many answers there are.
        choices: u32,
        /// What stands in place of the prompt, which is not recorded.
        prompt: String,
    },
    /// A turn says something.
    Turn(TurnReport),
    /// The store answers what was asked with this ticket.
    Answer(Ticket, StoreReply),
    /// A provider's list of models came, or did not.
    Models {
        /// The provider's name.
        provider: String,
        /// The models, or why there are none.
        listed: Result<Vec<ListedModel>, String>,
    },
    /// Servers that run on this machine, each with its models.
    Found(Vec<(Arc<Provider>, Vec<ListedModel>)>),
    /// What is remembered between runs has changed.
    Remembered(Remembered),
    /// The files that [`super::Cmd::FindFiles`] asked for, the likeliest first.
    Files {
        /// For which conversation.
        chat: ChatKey,
        /// For what.
        typed: String,
        /// What there is.
        found: Vec<FoundFile>,
    },
    /// What came of [`super::Cmd::Attach`].
    Attached {
        /// For which conversation.
        chat: ChatKey,
        /// What stands in the input for it.
        word: String,
        /// The name and the text; or why not.
        read: Result<(String, String), String>,
    },
    /// What came of [`super::Cmd::Export`]: the path, or why not.
    Exported(Result<String, String>),
    /// Something to tell the person, from the store or the program itself.
    Notice(String),
    /// The store cannot be used.
    Unsaved(StoreError),
    /// The editor has ended: with this text, or with a line that says why the draft is as it was.
    Edited(Result<String, String>),
    /// The time of [`super::App::wake_at`] has come.
    Woke,
}

/// A file or folder that a path may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path as it would be typed; a folder's ends in `/`.
    pub path: String,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// What came of a turn since the last report, neighbours merged.
#[derive(Clone, Debug)]
pub struct TurnReport {
    /// Of which turn; an unknown one is ignored.
    pub turn: TurnId,
    /// When the last of it was decoded.
    pub at: Instant,
    /// How many fragments were merged into the events: the estimate of tokens.
    pub chunks: u64,
    /// What it says.
    pub events: Vec<TurnEvent>,
}
