//! Text completions: the conversation as one prompt, or a text to be gone on with.
//!
//! The prompt comes from a [`super::template`], or is the request's raw prompt as it stands. The answer
//! has chunks like those of chat completions with `text` in place of a delta, and is decoded by
//! [`super::openai_chat`].

use crate::chat::error::AttemptError;
use crate::chat::{ChatRequest, Dialect, Provider, Quirks};
use crate::wire::{WireRequest, openai_chat};

/// The request in the dialect openai-completions.
pub(super) fn encode(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest { dialect: Dialect::OpenAiCompletions, ..openai_chat::encode(request, provider, quirks)? })
}
