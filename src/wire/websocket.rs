//! Chat completions over a WebSocket: one JSON message out, one for each chunk in.
//!
//! `net` hands the messages over as a JSON text sequence (RFC 7464): each begins with [`RECORD`] and ends
//! with a line feed, so that where a message ends is known without a second way to feed a decoder. A
//! message is one JSON value, or several lines of them, each with or without `data:` before it.

use crate::chat::error::AttemptError;
use crate::chat::stream::Ending;
use crate::chat::{ChatRequest, Dialect, Provider, Quirks, StreamEvent};
use crate::wire::{Decoder, WireRequest, openai_chat};

/// What stands before each message on its way to the decoder: a control character that no JSON holds unescaped.
pub const RECORD: u8 = 0x1E;

/// The request in the dialect websocket, or what it falls back to over HTTP.
pub(super) fn encode(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest { dialect: Dialect::WebSocket, ..openai_chat::encode(request, provider, quirks)? })
}

/// The decoder of the dialect websocket.
#[derive(Debug)]
pub(super) struct Messages {
    inner: openai_chat::OpenAiChat,
}

impl Messages {
    /// For an answer of so many choices.
    pub(super) fn new(_choices: u32) -> Self {
        Self { inner: openai_chat::OpenAiChat::default() }
    }
}

impl Decoder for Messages {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        self.inner.feed(bytes, out)
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<Ending, AttemptError> {
        self.inner.finish(out)
    }

    fn is_marked(&self) -> bool {
        self.inner.is_marked()
    }
}
