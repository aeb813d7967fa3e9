//! The event loop of the full-screen chat: it hands messages to `app`, draws, and carries commands out.
//!
//! One thread does it all (a current-thread runtime): terminal input, signals, the turns' batches and
//! answers of the store are awaited together; all keys that are ready, or a few batches merged into one
//! report, are taken, `update` runs, and a frame is drawn. A key is drawn at once; tokens are paced ([`pace`]). With
//! nothing to show there is no timer, so an idle chat is never scheduled.

mod cells;
pub mod drive;
pub mod exec;
mod export;
mod finding;
pub mod pace;
pub mod replay;

pub use drive::{Ended, run};
