//! Ground floor: text width and wrapping, sanitising, quoting, ids, secrets and style tones.
//!
//! Pure values and functions that every other floor may use. No IO, no clock, no terminal.

pub mod id;
pub mod quote;
pub mod sanitize;
pub mod secret;
pub mod tone;
pub mod width;

pub use id::{Id, IdSource, MessageId, SessionId};
pub use secret::{Secret, Secrets};
pub use tone::{Emphasis, Line, Span, Tone};
