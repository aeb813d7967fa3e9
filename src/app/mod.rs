//! The screen's program: state, messages in, commands out, and drawing. Pure.
//!
//! [`update()`] takes the state, one [`Msg`] and the present time, changes the state and returns
//! [`Cmd`]s for the runtime to carry out. [`view::draw`] draws the state into a buffer. There is no IO,
//! no clock and no `await` in here, so every behaviour is tested by a key script in and a screen out,
//! and a slow server cannot freeze a keystroke.
//!
//! Each pane of the screen has a file in [`panes`] with its own state, update and view beside each
//! other; `update` only routes.

pub mod actions;
pub mod chat;
pub mod cmd;
pub mod live;
pub mod msg;
pub mod panes;
pub mod state;
pub mod themes;
pub mod update;
pub mod view;

#[cfg(test)]
mod tests;

pub use cmd::{Cmd, Refusal, TurnStart};
pub use msg::{Msg, TurnReport};
pub use state::{App, Settings, Start};
pub use update::update;
