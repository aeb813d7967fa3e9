//! OpenAI's chat completions, as OpenAI and some twenty other servers really speak it.
//!
//! [`encode`] writes the request, [`messages`] the conversation in it. [`OpenAiChat`] reads the answer: [`body`] finds out by content
//! whether it is an event stream, a whole JSON body or a web page, [`chunk`] holds the shapes of a
//! usual chunk (parsed without copying), [`lenient`] reads the unusual ones, and [`chat`] turns both
//! into events. A chunk costs one parse and one string, the text it brings; [`stencil`] spares the parse where
//! a chunk differs from one before in its text only. [`think`] finds reasoning
//! that a server left between `<think>` tags at the start of the text.

mod body;
mod chat;
mod chunk;
mod encode;
mod ids;
mod lenient;
mod messages;
mod stencil;
mod think;

pub use body::OpenAiChat;
pub(in crate::wire) use body::{MAX_SILENT, many_silent};
pub use encode::{address, encode, with_own};
pub(in crate::wire) use encode::{chat_body, headers, prompt_body, streams};
pub(in crate::wire) use messages::said;
