//! OpenAI's chat completions, as OpenAI and some twenty other servers really speak it.
//!
//! [`encode`] writes the request. [`OpenAiChat`] reads the answer: [`body`] finds out by content
//! whether it is an event stream, a whole JSON body or a web page, [`chunk`] holds the shapes of a
//! usual chunk (parsed without copying), [`lenient`] reads the unusual ones, and [`chat`] turns both
//! into events. A chunk costs one parse and one string, the text it brings. `<think>` tags in the text
//! are left there: only some models mean reasoning by them.

mod body;
mod chat;
mod chunk;
mod encode;
mod lenient;

pub use body::OpenAiChat;
pub use encode::{address, encode, with_own};
pub(in crate::wire) use encode::{headers, prompt_body, said, streams};
