//! The screen's program: state, messages in, commands out, and drawing. Pure.
//!
//! [`update()`] takes the state, one [`Msg`] and the present time, changes the state and returns
//! [`Cmd`]s for the runtime to carry out. [`view::draw`] draws the state as a
//! [`picture::Picture`]. There is no IO,
//! no clock and no `await` in here, so every behaviour is tested by a key script in and a screen out,
//! and a slow server cannot freeze a keystroke.
//!
//! Each pane of the screen has a file in [`panes`] with its own state, update and view beside each
//! other; `update` only routes.

pub mod actions;
pub mod catalog;
pub mod chat;
pub mod choose;
pub mod cmd;
pub mod commands;
pub mod completion;
pub mod drafts;
pub mod extent;
pub mod fuzzy;
pub mod layers;
pub mod live;
pub mod mouse;
pub mod msg;
pub mod others;
pub mod panes;
pub mod picture;
pub mod queue;
pub mod sessions;
pub mod shown;
pub mod state;
pub mod themes;
pub mod update;
pub mod view;

#[cfg(test)]
mod tests;

pub use cmd::{Cmd, Refusal, Ticket, TurnStart};
pub use msg::{Msg, TurnReport};
pub use state::{App, First, Saves, Settings, Start};
pub use update::update;
