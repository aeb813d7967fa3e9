//! The orders and options of `chatui sessions`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::values::at_least_one;
use super::{Shared, Stop};

/// `chatui sessions`.
#[derive(ClapArgs, Clone, Debug, PartialEq)]
#[group(skip)]
pub struct Sessions {
    /// What to do with them.
    #[command(subcommand)]
    pub order: Order,
    /// The folder of the session store
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
}

/// What `chatui sessions` does. An ID may be a unique beginning of one.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Order {
    /// All sessions, those that changed last first
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        /// The most to list [default: all]
        #[arg(long, value_name = "N", value_parser = at_least_one())]
        limit: Option<u64>,
    },
    /// A conversation, as it was shown
    Show {
        /// The session; a unique beginning of its ID is enough
        id: String,
    },
    /// The sessions whose messages or title hold all words, the last one as a beginning
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        /// The most to list [default: all]
        #[arg(long, value_name = "N", value_parser = at_least_one())]
        limit: Option<u64>,
    },
    /// Give a session another title
    Rename {
        /// The session; a unique beginning of its ID is enough
        id: String,
        /// The title
        #[arg(required = true, num_args = 1..)]
        title: Vec<String>,
    },
    /// Delete a session, for good
    Delete {
        /// The session; a unique beginning of its ID is enough
        id: String,
    },
    /// Write a session to standard output
    Export {
        /// The session; a unique beginning of its ID is enough
        id: String,
        /// md: what was shown; json: all of it
        #[arg(long, value_enum, default_value = "md")]
        format: Format,
    },
}

/// What an export is.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Markdown.
    Md,
    /// JSON.
    Json,
}

/// Of the options that stand before the word `sessions`, it takes the folder alone.
pub(super) fn sessions_of(mut sessions: Sessions, mut shared: Shared) -> Result<Sessions, Stop> {
    if shared.no_save {
        return Err(Stop::usage("`chatui sessions` is about the store; --no-save leaves none"));
    }
    let before = shared.data_dir.take();
    if shared != Shared::default() {
        return Err(Stop::usage(
            "`chatui sessions` takes no options of the chat but --data-dir; see `chatui sessions --help`",
        ));
    }
    sessions.data_dir = sessions.data_dir.or(before);
    Ok(sessions)
}
