//! The terminal: taking it over and giving it back, what it can do, what the user typed, and whole frames.
//!
//! [`Guard`] enters and leaves, whatever ends the process; [`Query`] asks the background before anybody reads
//! events; [`Reader`] reads them; [`InputFilter`] turns them into [`Input`] and swallows answers that came late;
//! [`Frames`] writes a frame with one system call; [`Out`] is not held up by who reads;
//! [`Editor`] is the person's own. It draws nothing and decides nothing.

mod answers;
mod capabilities;
mod early;
mod editor;
mod frame;
mod guard;
mod input;
mod out;
mod parse;
#[cfg(test)]
mod parse_tests;
mod reader;
mod survey;
#[cfg(test)]
mod tests;

pub use crate::theme::Background;
pub use capabilities::{Answer, Query, background_from_colorfgbg};
pub use editor::{Editing, Editor, EditorEnd};
pub use frame::{FrameWriter, Frames, TtyOut};
pub use guard::{Guard, KeyReports, MouseReports, Options, cursor_colour, install_panic_hook, restore_now};
pub use input::{Input, InputFilter};
pub use out::{Ending, Out};
pub use reader::Reader;
pub use survey::{Modes, Survey};
