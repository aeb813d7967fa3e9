//! The event loop of the full-screen chat: it hands messages to `app`, draws, and carries commands out.
//!
//! One thread does it all (a current-thread runtime): terminal input, signals, the turns' batches and
//! answers of the store are awaited together; one is taken, what else is ready is drained, `update`
//! runs for each, and a frame is drawn. A key is drawn at once; tokens are paced ([`pace`]). With
//! nothing to show there is no timer, so an idle chat is never scheduled.

pub mod drive;
pub mod exec;
pub mod pace;

pub use drive::{Ended, run};
