//! Text completions: the conversation as one prompt, or a text to be gone on with.
//!
//! The prompt comes from a [`super::template`], or is the request's raw prompt as it stands: then nothing
//! else is sent of the conversation. A limit of tokens always goes along, as some servers' own is 16. The
//! answer has chunks like those of chat completions with `text` in place of a delta, and is decoded by
//! [`super::openai_chat`].

use crate::chat::error::AttemptError;
use crate::chat::{ChatRequest, Dialect, Provider, Quirks};
use crate::wire::{WireRequest, openai_chat, template};

const PATH: &str = "/completions";
/// The most tokens of an answer where no limit is set.
const MAX_TOKENS: u64 = 1024;

/// The request in the dialect openai-completions.
pub(super) fn encode(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest {
        dialect: Dialect::OpenAiCompletions,
        url: openai_chat::address(provider, PATH)?,
        headers: openai_chat::headers(provider, openai_chat::streams(request, quirks))?,
        body: body(request, provider, quirks)?,
    })
}

/// The body alone, for another way to send it.
pub(super) fn body(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<Vec<u8>, AttemptError> {
    let prompt = match request.raw_text() {
        Some(text) => text,
        None => template::prompt(request, &provider.prompt_template).map_err(|why| {
            AttemptError::Request(format!("the prompt_template of the provider {}: {why}", provider.name))
        })?,
    };
    let max_tokens = request.params.max_tokens.unwrap_or(MAX_TOKENS);
    openai_chat::prompt_body(request, provider, quirks, prompt, max_tokens)
}

#[cfg(test)]
mod tests;
